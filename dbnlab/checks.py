"""Checks of arguments: what was found, and what to do instead."""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from numbers import Integral, Real
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite, check_array, check_scalar
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

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
    seed = isinstance(random_state, Integral) and not isinstance(random_state, bool)
    if random_state is None or (seed and random_state >= 0):
        return np.random.default_rng(random_state)
    kinds = "None, an int from 0 up or a numpy.random.Generator"
    error = ValueError if seed else TypeError
    raise error(f"random_state must be {kinds}, got {random_state!r}")


def draw_seed(rng: np.random.Generator) -> int:
    """A seed for what takes no generator, or is to have one of its own."""
    return int(rng.integers(2**31))


def check_number(value: Any, name: str, kind: type, or_none: bool = False, **bounds: Any) -> None:
    """scikit-learn's `check_scalar`, without its weakness for True, NaN and numbers without end."""
    if or_none and value is None:
        return
    if isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r}")
    check_scalar(value, name, kind, **bounds)
    whole = isinstance(value, Integral)
    if not -np.inf < value < np.inf or (whole and abs(int(value)) > sys.maxsize):
        raise ValueError(f"{name} must be finite, and below 2**63 if whole, got {value!r}")


def check_odd(value: Any, name: str) -> None:
    check_number(value, name, Integral, min_val=1)
    if value % 2 == 0:
        raise ValueError(f"{name}={value} has no middle: choose an odd number")


def check_flag(value: Any, name: str, or_none: bool = False) -> None:
    if not isinstance(value, bool | np.bool_) and not (or_none and value is None):
        choices = "True, False or None" if or_none else "True or False"
        raise TypeError(f"{name} must be {choices}, got {value!r}")


def check_schedule(value: Any, name: str, n_epochs: int | None, **bounds: Any) -> None:
    """Refuse what is neither a number within `bounds` nor one such number for each epoch."""
    if not is_listed(value):
        return check_number(value, name, Real, **bounds)
    if len(value) != n_epochs:
        raise ValueError(f"{name} has {len(value)} values for {n_epochs=}: give one for each epoch")
    for epoch, rate in enumerate(value):
        check_number(rate, f"{name}[{epoch}]", Real, **bounds)


def check_verbose(value: Any, name: str) -> None:
    check_number(int(value) if isinstance(value, bool) else value, name, Integral, min_val=0)


def check_choice(value: Any, name: str, choices: Sequence[str]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}={value!r}: choose one of {tuple(choices)}")


def is_listed(value: Any) -> bool:
    """Whether these are several values in order, rather than one."""
    listed = value.ndim > 0 if isinstance(value, np.ndarray) else isinstance(value, Sequence)
    return listed and not isinstance(value, str | bytes)


COUNT = partial(check_number, kind=Integral, min_val=1)
AMOUNT = partial(check_number, kind=Real, min_val=0)
RATE = partial(check_number, kind=Real, **POSITIVE)
OPEN_SHARE = partial(check_number, kind=Real, **SHARE)
# Of the parameters that several estimators have.
RULES = {
    **dict.fromkeys(["n_chains", "batch_size", "n_epochs"], partial(COUNT, or_none=True)),
    "backend": partial(check_choice, choices=("numpy", "tensorflow")),
    "validation_fraction": OPEN_SHARE,
    "verbose": check_verbose,
}


def check_parameters(estimator: Any, own_rules: Mapping[str, Callable[[Any, str], None]]) -> None:
    """Check parameters by their rules, functions of value and name that raise."""
    rules = RULES | own_rules
    for name, value in estimator.get_params(deep=False).items():
        if name in rules:
            rules[name](value, name)


def is_batches(X: Any) -> bool:
    """Whether `X` is an iterable of batches rather than one table."""
    if isinstance(X, list | tuple):
        return len(X) > 0 and getattr(X[0], "ndim", 0) == 2
    table = hasattr(X, "__array__") or hasattr(X, "__dataframe__") or issparse(X)
    return hasattr(X, "__iter__") and not table and not isinstance(X, str | bytes | dict)


@contextmanager
def _named(name: str, given: Any) -> Iterator[None]:
    """Let what scikit-learn and NumPy say of an argument begin with its name.

    Of a DataFrame also with its columns that hold no numbers.
    """
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        frame = hasattr(given, "select_dtypes")
        others = list(given.select_dtypes(exclude=["number", "bool"])) if frame else []
        kind = TypeError if isinstance(error, TypeError) else ValueError
        # Some of these sentences go on with the whole array.
        said = str(error).partition("\n[")[0]
        raise kind(f"{name}{others or ''} cannot be used: {said}") from error


def table(
    X: ArrayLike, name: str = "X", estimator: Any = None, *, reset: bool = True, **options: Any
) -> NDArray:
    """scikit-learn's `check_array`, without its weakness for dates, masks and Python's numbers.

    Parameters
    ----------
    X : array-like
        Finite numbers; those of Python become float64, others keep their dtype.
    name : str, default="X"
        Name of the argument.
    estimator : estimator, default=None
        Whose columns these are: it remembers their names, or without `reset` compares them.
    reset : bool, default=True
    **options
        Of `check_array`.

    Raises
    ------
    ValueError, TypeError
        If `X` is no such array.
    """
    with _named(name, X):
        if X is None:
            raise ValueError("Expected array-like (array or non-string sequence), got None")
        if estimator is not None and reset and is_batches(X):
            found = f"{type(estimator).__name__}.fit takes X as one array or memory map"
            raise TypeError(f"{found}, not in batches: only RBM.fit learns from batches")
        if np.ma.is_masked(X):
            raise ValueError("it has masked values: fill them in, or leave their rows out")
        found = check_array(X, input_name=name, estimator=estimator, **options)
        if found.dtype == object:
            # As of lists and categories, which scikit-learn leaves unchecked.
            found = check_array(found, input_name=name, estimator=estimator, **options)
        if found.dtype.kind in "mM":
            raise TypeError(f"{found.dtype} is no number: give days since a date, for instance")
        if estimator is not None:
            validate_data(estimator, X, reset=reset, skip_check_array=True)
    return found


def labels(y: ArrayLike, X: NDArray, name: str = "y") -> NDArray:
    """One label for each row of `X`; as numbers where they are.

    Raises
    ------
    ValueError, TypeError
        If `y` is no such array, or holds text and other labels.
    """
    with _named(name, y):
        if y is None:
            raise ValueError("learning labels requires y to be passed, but the target y is None")
        # NumPy would make text of all labels in a list.
        objects = np.ravel(np.asarray(y, dtype=object))
        if any(label is None for label in objects):
            raise ValueError("it holds None: leave out the rows without a label")
        kinds = {isinstance(label, str): label for label in objects}
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name=name)
        if len(kinds) > 1:
            raise TypeError(f"it holds labels of two types, {kinds[True]!r} and {kinds[False]!r}")
        plain = np.array(y.tolist()) if y.dtype == object else y
        y = plain if plain.dtype.kind in "iub" else y
        check_classification_targets(y)
    check_length(y, X, name)
    return y


def check_length(y: NDArray, X: NDArray, name: str) -> None:
    if len(y) != len(X):
        raise ValueError(f"{name} has {len(y)} values for {len(X)} rows of X")


def fitted_rows(estimator: Any, X: ArrayLike, unit: Any, dtype: Any, name: str = "X") -> NDArray:
    """Rows for a fitted estimator, checked against its columns and its visible unit; floating.

    A scaler may have put some values of new rows beyond the limits: those are cut off. Integers
    too large for single precision, such as word counts, are taken in double precision.
    """
    # Not as a memory map, of which training alone leaves what rounding has put beyond.
    X = np.asarray(table(X, name, estimator, reset=False))
    if X.dtype.kind in "iu" and X.max() > LARGEST_OF_SINGLE_PRECISION:
        dtype = np.float64
    return floating(unit.check(cut_off(X, unit.binary())), dtype)


def check_machine(rbm: Any) -> None:
    """Refuse what is no fitted machine, a stack of them among it."""
    if hasattr(rbm, "rbms_"):
        raise TypeError("a stack of RBMs has no one energy: give one, such as dbn.rbms_[-1]")
    if not hasattr(type(rbm), "machine_"):
        raise TypeError(f"rbm must be a fitted RBM, got {rbm!r}")
    check_is_fitted(rbm)


def check_same_columns(estimator: Any, inner: Any) -> None:
    """Refuse a fitted model inside an estimator that was fitted to other columns."""
    expected, found = inner.n_features_in_, estimator.n_features_in_
    if expected != found:
        raise ValueError(f"X has {found} features, the {type(inner).__name__} expects {expected}")
    names = [getattr(model, "feature_names_in_", None) for model in (inner, estimator)]
    if all(name is not None for name in names) and list(names[0]) != list(names[1]):
        fitted = f"that the {type(inner).__name__} was fitted to, in its order"
        raise ValueError(f"the columns of X are not those {fitted}: {', '.join(names[0][:5])}, …")


def pass_names_on(estimator: Any, inner: Any) -> None:
    """Give a model that an estimator has fitted the names of the columns it was fitted to."""
    if hasattr(estimator, "feature_names_in_"):
        inner.feature_names_in_ = estimator.feature_names_in_


def hidden_rows(H: ArrayLike, unit: Any, dtype: Any) -> NDArray:
    """Rows of means or states of the hidden `unit`; floating."""
    H = table(H, "H")
    if H.shape[1] != unit.n_units:
        raise ValueError(f"H has {H.shape[1]} columns, one for each of {unit.n_units} units")
    return floating(unit.check(H), dtype)


def floating(rows: NDArray, dtype: Any) -> NDArray:
    """`rows` in their own precision, or in that of `dtype` where they have none of the two."""
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
        cure = f"install what this needs with {pip_command(extra)}"
        raise ImportError(f"{module} does not load here ({error}): {cure}") from error


def pip_command(extra: str) -> str:
    return f'{sys.executable} -m pip install "dbnlab[{extra}]"'


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
        raise ValueError(f"{name} must have no masked values, found {array.mask.sum()}: fill them")
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
