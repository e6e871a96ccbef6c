"""Checks of arguments: what was found, and what to do instead."""

import importlib
import sys
from collections.abc import Sequence
from numbers import Integral, Real
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from dbnlab.grey import cut_off

RandomState = int | np.random.Generator | None
# Sums over such counts in single precision are right to a thousandth of a nat.
LARGEST_OF_SINGLE_PRECISION = 1000
# Bounds for `check_number`.
POSITIVE = {"min_val": 0, "include_boundaries": "neither"}
SHARE = {"min_val": 0, "max_val": 1, "include_boundaries": "neither"}
SHARE_OR_ZERO = SHARE | {"include_boundaries": "left"}


def as_generator(random_state: RandomState) -> np.random.Generator:
    """The generator that `random_state` stands for; a generator is used as it is."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    if random_state is None or (
        isinstance(random_state, Integral) and not isinstance(random_state, bool)
    ):
        return np.random.default_rng(random_state)
    raise TypeError(
        f"random_state must be None, an int or a numpy.random.Generator, got {random_state!r}"
    )


def draw_seed(rng: np.random.Generator) -> int:
    """A seed for what takes no generator, or is to have one of its own."""
    return int(rng.integers(2**31))


def check_number(value: Any, name: str, kind: type, **bounds: Any) -> None:
    """scikit-learn's `check_scalar`, without its weakness for True, NaN and infinity."""
    if isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r}")
    check_scalar(value, name, kind, **bounds)
    if not np.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value!r}")


def check_schedule(value: Any, name: str, n_epochs: int | None, **bounds: Any) -> None:
    """Refuse what is neither a number within `bounds` nor one such number for each epoch."""
    if isinstance(value, Real):
        check_number(value, name, Real, **bounds)
        return
    if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray) or not np.ndim(value):
        raise TypeError(f"{name} must be a number or one number for each epoch, got {value!r}")
    if len(value) != n_epochs:
        raise ValueError(
            f"{name} has {len(value)} values for n_epochs={n_epochs}: give one number, or one for "
            f"each epoch"
        )
    for epoch, rate in enumerate(value):
        check_number(rate, f"{name}[{epoch}]", Real, **bounds)


def plain_labels(y: NDArray) -> NDArray:
    """Labels in an array of Python objects, such as pandas gives, as numbers where they are."""
    plain = np.array(y.tolist()) if y.dtype == object else y
    return plain if plain.dtype.kind in "iub" else y


def check_choice(value: Any, name: str, choices: Sequence[str]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}={value!r}: choose one of {tuple(choices)}")


def fitted_rows(estimator: Any, X: ArrayLike, unit: Any, dtype: Any) -> NDArray:
    """Rows for a fitted estimator, checked against its columns and its visible unit; floating.

    A scaler may have put some values of new rows beyond the limits: those are cut off. Integers
    too large for single precision, such as word counts, are taken in double precision.
    """
    X = validate_data(estimator, X, reset=False)
    if X.dtype.kind in "iu" and X.max() > LARGEST_OF_SINGLE_PRECISION:
        dtype = np.float64
    return _floating(unit.check(cut_off(X, unit.binary())), dtype)


def check_machine(rbm: Any) -> None:
    """Refuse what is no fitted machine, a stack of them among it."""
    check_is_fitted(rbm)
    if hasattr(rbm, "rbms_"):
        raise TypeError(
            "a stack of RBMs has no one energy: give one of them, such as dbn.rbms_[-1]"
        )
    if not hasattr(rbm, "machine_"):
        raise TypeError(f"rbm must be a fitted RBM, got {rbm!r}")


def check_same_columns(estimator: Any, inner: Any) -> None:
    """Refuse a fitted model inside an estimator that was fitted to other columns."""
    expected, found = inner.n_features_in_, estimator.n_features_in_
    if expected != found:
        raise ValueError(f"X has {found} features, the {type(inner).__name__} expects {expected}")
    names = [getattr(model, "feature_names_in_", None) for model in (inner, estimator)]
    if all(name is not None for name in names) and list(names[0]) != list(names[1]):
        raise ValueError(
            f"the columns of X are not those that the {type(inner).__name__} was fitted to, or in "
            f"another order: give {', '.join(names[0][:5])}{', …' if expected > 5 else ''}"
        )


def pass_names_on(estimator: Any, inner: Any) -> None:
    """Give a model that an estimator has fitted the names of the columns it was fitted to."""
    if hasattr(estimator, "feature_names_in_"):
        inner.feature_names_in_ = estimator.feature_names_in_


def hidden_rows(H: ArrayLike, unit: Any, dtype: Any) -> NDArray:
    """Rows of means or states of the hidden `unit`; floating."""
    H = check_array(H, input_name="H")
    if H.shape[1] != unit.n_units:
        raise ValueError(f"H has {H.shape[1]} columns, one for each of {unit.n_units} units")
    return _floating(unit.check(H), dtype)


def _floating(rows: NDArray, dtype: Any) -> NDArray:
    return rows if rows.dtype in (np.float32, np.float64) else rows.astype(dtype)


def optional(module: str, extra: str) -> ModuleType:
    """A package that an extra brings, imported when it is needed and not before.

    Raises
    ------
    ImportError
        If it does not load, with the command that installs it into this very environment.
    """
    try:
        return importlib.import_module(module)
    # A broken installation raises whatever its libraries do.
    except Exception as error:
        raise ImportError(
            f"{module} does not load here ({error}): install what this needs with "
            f'{sys.executable} -m pip install "dbnlab[{extra}]"'
        ) from error


def real_array(
    values: ArrayLike, name: str, axes: Sequence[str] | None = None, finite: bool = True
) -> NDArray:
    """Real numbers with these `axes`, floats as float32 or float64 in the machine's byte order.

    Raises
    ------
    ValueError
        If there are other values, masked ones, or NaN or infinity (if `finite`), or other axes.
    """
    # A plain array takes what is masked for values, also in a list of masked arrays.
    array = np.ma.asarray(values)
    if np.ma.is_masked(array):
        raise ValueError(
            f"{name} must have no masked values, found {np.ma.count_masked(array)}: fill them in "
            f"first, with the method filled"
        )
    array = np.asarray(array.data)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be real numbers, got {array.dtype}")
    if axes is not None and (array.ndim != len(axes) or not array.size):
        shape = str(tuple(axes)).replace("'", "")
        raise ValueError(f"{name} must have shape {shape}, not empty, got {array.shape}")
    if array.dtype.kind == "f":
        array = array.astype("f4" if array.dtype.itemsize < 8 else "f8", copy=False)
    if finite and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, found NaN or infinity")
    return array
