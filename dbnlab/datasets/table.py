"""What a data set is; and a table of your own from a CSV file, or a sentence on what is wrong."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from dbnlab.checks import SHARE, check_number

MISSING = "?"  # beside what pandas takes for missing: empty fields, NA, NaN, null and the like
MOSTLY_NUMBERS = 0.9
MOST_CATEGORIES = 1000
LARGEST = np.finfo(np.float32).max


@dataclass(frozen=True)
class Dataset:
    """Training and test rows of one data set.

    Attributes
    ----------
    X, X_test : ndarray of shape (n_samples, n_features), float32
        Of texts: of shape (n_samples,), str, for the vectorisers of scikit-learn.
    y, y_test : ndarray of shape (n_samples,), int64
        Of a CSV file: as the target column holds them, or None without one.
    feature_names : list of str
    image_shape : tuple of int, default=None
        Height and width, so that ``X[0].reshape(image_shape)`` is a picture.
    transformer : sklearn.compose.ColumnTransformer, default=None
        Of a CSV file: turns a pandas table with the columns of the file into rows like those of X.
    """

    X: NDArray
    y: NDArray | None
    X_test: NDArray
    y_test: NDArray | None
    feature_names: list[str]
    image_shape: tuple[int, int] | None = None
    transformer: ColumnTransformer | None = None


def load_csv(
    path: str | PathLike,
    target: str | int | None = None,
    scale: str | None = "minmax",
    *,
    header: bool | None = None,
    separator: str = ",",
    encoding: str = "utf-8-sig",
    ignore: str | int | Sequence[str | int] = (),
    test_size: float = 0.2,
    random_state: int | None = 0,
) -> Dataset:
    """A table of your own: split, completed and scaled, ready for an RBM.

    Columns of numbers come first; a missing number becomes the median of its column. A column of
    text gives one feature of zeros and ones for each category, missing being one of them. Medians,
    categories and scale are those of the training rows.

    Parameters
    ----------
    path : path of the CSV file
    target : str or int, default=None
        Column to predict, by name or number (negative from the end). None: there is none.
    scale : {"minmax", "standard", None}, default="minmax"
        "minmax" maps each number to [0, 1], for Bernoulli visible units, and cuts off what test
        rows have beyond; "standard" gives mean 0 and variance 1, for Gaussian ones; None leaves
        numbers as they are. A constant column becomes 0 under both.
    header : bool, default=None
        Whether the first line names the columns. None: if no field of it is a number. Columns
        without names are called "column_0", "column_1", …
    separator : str, default=","
    encoding : str, default="utf-8-sig"
        UTF-8, with or without a byte order mark.
    ignore : str, int or sequence of them, default=()
        Columns to leave out, such as row numbers.
    test_size : float, default=0.2
        Share of the rows to test on, drawn at random; with the same share of each class if the
        target is text, truth values or whole numbers of at least two rows each.
    random_state : int or None, default=0
        Seed of the split: the same rows each time, so that no row changes sides while you work.

    Returns
    -------
    data : Dataset

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not such a table, with the line or column and the cure; or an argument is out
        of range.
    """
    if scale not in ("minmax", "standard", None):
        raise ValueError(f"scale={scale!r}: choose 'minmax', 'standard' or None")
    check_number(test_size, "test_size", Real, **SHARE)
    path = Path(path)
    table, lines = _read(path, target, header, separator, encoding)
    # A text is a sequence too, of its letters.
    ignore = [ignore] if isinstance(ignore, str | Integral) else ignore
    left_out = [_column(table, column) for column in ignore]
    y = None if target is None else table[_column(table, target)]
    if y is not None and y.name in left_out:
        raise ValueError(f"ignore holds the target {y.name!r}: take it out")
    table = table.drop(columns=left_out)
    row, fault = next(_faults(table, y), (0, None))
    if fault:
        raise ValueError(f"line {lines[row]} of {path.name}: {fault}")
    if y is not None:
        table = table.drop(columns=y.name)
        y = y.to_numpy(dtype=None if pd.api.types.is_numeric_dtype(y) else str)
    if table.empty:
        raise ValueError(f"{path.name} has no column beside the target")
    _check_categories(table)
    strata = y if _can_be_stratified(y, test_size) else None
    train, test = train_test_split(
        table, test_size=test_size, stratify=strata, random_state=random_state
    )
    transformer = _transformer(scale)
    X = transformer.fit_transform(train).astype(np.float32)
    X_test = transformer.transform(test).astype(np.float32)
    names = list(transformer.get_feature_names_out())
    y, y_test = (None, None) if y is None else (y[train.index], y[test.index])
    return Dataset(X, y, X_test, y_test, names, transformer=transformer)


def _read(
    path: Path, target: str | int | None, header: bool | None, separator: str, encoding: str
) -> tuple[pd.DataFrame, list[int]]:
    """The table as it stands in the file, and the line in which each of its rows ends."""
    if not isinstance(separator, str) or len(separator) != 1:
        raise ValueError(f"separator must be one sign, such as ';' or a tab, got {separator!r}")
    _check_encoding(path, encoding)
    first, lines = _check_records(path, separator, encoding)
    if header is None:
        header = target in first or not any(_is_number(field) for field in first)
    if len(lines) - header < 2:
        where = " below its header" if header else ""
        raise ValueError(f"{path.name} has fewer than two rows{where}: add rows to learn from")
    table = pd.read_csv(
        path,
        sep=separator,
        encoding=encoding,
        names=None if header else [f"column_{number}" for number in range(len(first))],
        na_values=MISSING,
        skipinitialspace=True,
        index_col=False,
        low_memory=False,
    )
    return table, lines[bool(header) :]


def _check_encoding(path: Path, encoding: str) -> None:
    content = path.read_bytes()
    cure = "save the table as CSV in UTF-8, or name its encoding, such as encoding="
    if b"\0" in content[:4096] and encoding == "utf-8-sig":
        raise ValueError(f"{path.name} is no text file: {cure}'utf-16'")
    try:
        content.decode(encoding)
    except LookupError:
        raise ValueError(
            f"encoding={encoding!r} is not known: choose one such as 'utf-8-sig' or 'cp1252'"
        ) from None
    except UnicodeDecodeError as error:
        # What the error holds begins behind a byte order mark.
        line = 1 + error.object.count(b"\n", 0, error.start)
        place = f"line {line} of {path.name}"
        raise ValueError(f"{place} is no text in {encoding}: {cure}'cp1252'") from None


def _check_records(path: Path, separator: str, encoding: str) -> tuple[list[str], list[int]]:
    """The first record, and the line in which each one ends; all have as many fields."""
    records = _records(path, separator, encoding)
    line, first = next(records, (0, []))
    if not first:
        raise ValueError(f"{path.name} is empty: it needs a line for each sample")
    others = [sign for sign in ";\t|," if sign in first[0]]
    if len(first) == 1 and others:
        raise ValueError(
            f"line {line} of {path.name} has no {separator!r}: if another sign separates its "
            f"fields, say so with separator={others[0]!r}"
        )
    lines = [line]
    for number, record in records:
        lines.append(number)
        if len(record) != len(first):
            raise ValueError(
                f"the number of fields is {len(record)} in line {number} of {path.name}, and "
                f"{len(first)} in line {line}: correct it, or put quotes around a field that holds "
                f"{separator!r}"
            )
    return first, lines


def _records(path: Path, separator: str, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Last line and fields of each record that is not blank."""
    with open(path, encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=separator, skipinitialspace=True, strict=True)
        try:
            for record in filter(None, reader):
                yield reader.line_num, record
        except csv.Error as error:
            raise ValueError(
                f"line {reader.line_num} of {path.name} cannot be read ({error}): look for a "
                f"quotation mark without its partner"
            ) from None


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _column(table: pd.DataFrame, column: str | int) -> str:
    """Name of a column that is given by name, or by number, from the end if negative."""
    if isinstance(column, str):
        if column not in table:
            names = ", ".join(map(repr, table.columns[:20]))
            raise ValueError(f"there is no column {column!r}: choose one of {names}")
        return column
    if not isinstance(column, Integral):
        raise TypeError(f"a column is given by its name or its number, not by {column!r}")
    if not -table.shape[1] <= column < table.shape[1]:
        raise ValueError(f"there is no column {column}: they go from 0 to {table.shape[1] - 1}")
    return table.columns[column]


def _faults(table: pd.DataFrame, y: pd.Series | None) -> Iterator[tuple[int, str]]:
    """Row of a value that cannot be learned from, and what is wrong with it."""
    for name, column in table.items():
        if column.dtype.kind in "iuf":
            wrong = np.abs(column.to_numpy(dtype=float)) > LARGEST
        else:
            wrong = column.notna() & pd.to_numeric(column, errors="coerce").isna()
            if wrong.sum() > (1 - MOSTLY_NUMBERS) * column.notna().sum():
                continue
        if wrong.any():
            row = wrong.argmax()
            found = f"column {name!r} holds numbers, but here {column.iloc[row]}"
            yield row, f"{found}: correct it, or leave the field empty if the number is missing"
    if y is not None and y.isna().any():
        yield y.isna().argmax(), f"the target {y.name!r} is missing: fill it in, or remove the row"
    if y is not None and y.nunique() == 1:
        yield 0, f"the target {y.name!r} is {y.iloc[0]!r}, as in every other row: choose another"


def _check_categories(features: pd.DataFrame) -> None:
    """Refuse columns of free text, of which each value would become a feature."""
    for name, n_values in features.select_dtypes(exclude="number").nunique().items():
        if n_values > MOST_CATEGORIES:
            raise ValueError(
                f"column {name!r} holds {n_values} different texts, more than {MOST_CATEGORIES}: "
                f"leave it out with ignore=[{name!r}], or turn it into numbers"
            )


def _can_be_stratified(y: NDArray | None, test_size: float) -> bool:
    if y is None or y.dtype.kind == "f":
        return False
    counts = np.unique(y, return_counts=True)[1]
    return counts.min() >= 2 and len(counts) <= min(test_size, 1 - test_size) * len(y)


def _transformer(scale: str | None) -> ColumnTransformer:
    scalers = {"minmax": [MinMaxScaler(clip=True)], "standard": [StandardScaler()], None: []}
    complete = SimpleImputer(strategy="median", keep_empty_features=True)
    rescale = make_pipeline(complete, *scalers[scale])
    encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    parts = [
        ("numbers", rescale, make_column_selector(dtype_include="number")),
        ("categories", encode, make_column_selector(dtype_exclude="number")),
    ]
    return ColumnTransformer(parts, verbose_feature_names_out=False)
