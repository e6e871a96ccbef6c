"""Model files: an npz of arrays with a JSON header, written whole or not at all, no pickle."""

import json
import os
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted


class SavedModel:
    """A model with `save` and `load`, given `to_parts` and `from_parts`."""

    def save(self, path: str | os.PathLike) -> None:
        """Write weights, parameters and history to `path`, one npz file without pickle.

        The file appears whole or not at all. Momentum, persistent chains and the state of the
        generator are not kept: training that goes on after `load` starts them afresh.
        """
        check_is_fitted(self)
        header, arrays = self.to_parts()
        if hasattr(self, "feature_names_in_"):
            arrays["feature_names_in"] = np.array(self.feature_names_in_, dtype=str)
        write(path, {"model": type(self).__name__, **header}, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """The model that `save` wrote to `path`.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged or holds something else.
        """
        header, arrays = read(path, cls.__name__)
        try:
            model = cls.from_parts(header, arrays)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise ValueError(f"{path} is damaged ({error!r}): save the model again") from error
        if "feature_names_in" in arrays:
            model.feature_names_in_ = arrays["feature_names_in"].astype(object)
        return model

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """What JSON can hold of the model, and its arrays by name."""
        raise NotImplementedError

    @classmethod
    def from_parts(cls, header: dict[str, Any], arrays: dict[str, NDArray]) -> Self:
        """The model that `to_parts` took apart; any error means that the file is damaged."""
        raise NotImplementedError


def write(path: str | os.PathLike, header: dict, arrays: dict[str, NDArray]) -> None:
    """Write `arrays` and, as an entry "header" in JSON, `header`, to exactly `path`."""
    path = Path(path)
    # Written beside its place and moved there: a reader never sees half a file.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            np.savez(file, header=np.array(as_json(header)), **arrays)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: str | os.PathLike, model: str) -> tuple[dict, dict[str, NDArray]]:
    """Header and arrays of a file that `write` wrote with ``header["model"] == model``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or holds something else.
    """
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = dict(file)
            # NumPy gives out an entry that is no array as bytes.
            if not all(isinstance(array, np.ndarray) for array in arrays.values()):
                raise TypeError("an entry is no array")
        header = json.loads(str(arrays.pop("header")))
        found = header["model"]
    except FileNotFoundError:
        raise
    # What zipfile, NumPy and json raise over a damaged file is not documented; all of it is seen.
    except Exception as error:
        raise ValueError(f"{path} is damaged or not a model saved by dbnlab") from error
    if found != model:
        cure = f": load it with {found}.load" if str(found).isidentifier() else ""
        raise ValueError(f"{path} holds a {found}, not a {model}{cure}")
    return header, arrays


def as_json(header: dict) -> str:
    """`header` in JSON, with arrays and NumPy's numbers written as lists and numbers."""
    return json.dumps(header, default=lambda value: np.asarray(value).tolist())
