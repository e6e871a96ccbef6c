"""What `RBM` and `DBN` share: rows in and rows out, one source of randomness, one file."""

import json
import os
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from dbnlab import files
from dbnlab.checks import RandomState, as_generator, check_number, fitted_rows, hidden_rows


class Model(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """The base of `RBM` and `DBN`, which define `_ends`, `to_parts` and `from_parts`.

    A fitted model keeps its generator in `_random`. Its `_ends` are the visible and the highest
    hidden units, each with the precision of what enters there.
    """

    def _rows(self, X: ArrayLike, name: str = "X") -> NDArray:
        check_is_fitted(self)
        return fitted_rows(self, X, *self._ends[0], name)

    def _hidden_rows(self, H: ArrayLike) -> NDArray:
        check_is_fitted(self)
        return hidden_rows(H, *self._ends[1])

    def _start(self, n_samples: int, n_gibbs: int, init: ArrayLike | None) -> NDArray | None:
        """Rows at which the chains of `sample` start, where they are given."""
        check_is_fitted(self)
        check_number(n_samples, "n_samples", Integral, min_val=1)
        check_number(n_gibbs, "n_gibbs", Integral, min_val=0)
        if init is None:
            return None
        V = self._rows(init, "init")
        if len(V) != n_samples:
            raise ValueError(f"init must have n_samples={n_samples} rows, got {len(V)}")
        return V

    def _generator(self, random_state: RandomState) -> np.random.Generator:
        return self._random if random_state is None else as_generator(random_state)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        # Without a seed, workers that got a copy each shall not draw the same samples.
        if self.random_state is None and hasattr(self, "_random"):
            self._random = np.random.default_rng()

    # scikit-learn's conventions ---------------------------------------------------------------

    @property
    def _n_features_out(self) -> int:
        return self._ends[1][0].n_units

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_random")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    # Files ------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike) -> None:
        """Write weights, parameters and history to `path`, one npz file without pickle.

        The file appears whole or not at all. Momentum, persistent chains and the state of the
        generator are not kept: training that goes on after `load` starts them afresh.

        Raises
        ------
        OSError
            If the file cannot be written.
        ValueError, TypeError
            If a parameter has been set to what `load` would refuse.
        """
        check_is_fitted(self)
        header, arrays = self.to_parts()
        # What `load` would refuse is refused here, while there is a model to save.
        type(self).from_parts(json.loads(files.as_json(header)), arrays)
        if hasattr(self, "feature_names_in_"):
            arrays["feature_names_in"] = np.array(self.feature_names_in_, dtype=str)
        files.write(path, {"model": type(self).__name__, **header}, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """The model that `save` wrote to `path`.

        Raises
        ------
        OSError
            If the file cannot be read, FileNotFoundError among them.
        ValueError
            If the file is damaged or holds something else.
        """
        header, arrays = files.read(path, cls.__name__)
        names = arrays.pop("feature_names_in", None)
        with files.damage_named(f"{path} is damaged", "save the model again"):
            model = cls.from_parts(header, arrays)
            if names is not None:
                if names.dtype.kind != "U" or names.shape != (model.n_features_in_,):
                    raise ValueError("feature_names_in are not the names of its columns")
                model.feature_names_in_ = names.astype(object)
        return model
