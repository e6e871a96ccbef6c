"""A CSV file as a table of numbers and categories, or a sentence on what is wrong with it."""

import codecs
import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from numbers import Integral
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MISSING = "?"  # beside what pandas takes for missing: empty fields, NA, NaN, null and the like
MOSTLY_NUMBERS = 0.9
MOST_CATEGORIES = 1000
LARGEST = np.finfo(np.float32).max


def read(
    path: str | PathLike,
    target: str | int | None,
    header: bool | None,
    separator: str,
    encoding: str,
    ignore: str | int | Sequence[str | int],
) -> tuple[pd.DataFrame, NDArray | None]:
    """Features and target of a CSV file; the parameters are those of `datasets.load_csv`."""
    path = Path(path)
    _check_arguments(separator, encoding)
    first, n_records = _check_lines(path, separator, encoding)
    if header is None:
        header = target in first or not any(_is_number(field) for field in first)
    if n_records - header < 2:
        where = " below its header" if header else ""
        raise ValueError(f"{path.name} has fewer than two rows{where}: add rows to learn from")
    table = pd.read_csv(
        path,
        sep=separator,
        encoding=encoding,
        header=0 if header else None,
        na_values=MISSING,
        skipinitialspace=True,
        index_col=False,
        low_memory=False,
    )
    table.columns = [str(name) if header else f"column_{name}" for name in table.columns]
    # A text is a sequence too, of its letters.
    ignore = [ignore] if isinstance(ignore, str | Integral) else ignore
    left_out = [_column(table, column) for column in ignore]
    y = None if target is None else table[_column(table, target)]
    if y is not None and y.name in left_out:
        raise ValueError(f"ignore holds the target {y.name!r}: take it out")
    table = table.drop(columns=left_out)
    wrong = _wrong_number(table) or _wrong_target(y)
    if wrong:
        row, message = wrong
        line, _ = next(islice(_records(path, separator, encoding), row + header, None))
        raise ValueError(f"line {line} of {path.name}: {message}")
    features = table if y is None else table.drop(columns=y.name)
    if features.empty:
        raise ValueError(f"{path.name} has no column beside the target")
    _check_categories(features)
    if y is None:
        return features, None
    return features, y.to_numpy(dtype=y.dtype if pd.api.types.is_numeric_dtype(y) else str)


def is_number(column: pd.Series) -> bool:
    kinds = pd.api.types
    return kinds.is_numeric_dtype(column) and not kinds.is_bool_dtype(column)


def _check_arguments(separator: str, encoding: str) -> None:
    if not isinstance(separator, str) or len(separator) != 1:
        raise ValueError(f"separator must be one sign, such as ';' or a tab, got {separator!r}")
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise ValueError(
            f"encoding={encoding!r} is not known: choose one such as 'utf-8-sig' or 'cp1252'"
        ) from None


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


def _wrong_number(table: pd.DataFrame) -> tuple[int, str] | None:
    """Row of a value that is no number of single precision among numbers, and what is wrong."""
    for name, column in table.items():
        if is_number(column):
            wrong = np.abs(column.to_numpy(dtype=float)) > LARGEST
        else:
            wrong = column.notna() & pd.to_numeric(column, errors="coerce").isna()
            if wrong.sum() > (1 - MOSTLY_NUMBERS) * column.notna().sum():
                continue
        if wrong.any():
            row = int(np.argmax(wrong))
            return row, (
                f"column {name!r} holds numbers, but here {column.iloc[row]}: correct it, or leave "
                f"the field empty if the number is missing"
            )
    return None


def _wrong_target(y: pd.Series | None) -> tuple[int, str] | None:
    if y is None:
        return None
    if y.isna().any():
        row = int(np.argmax(y.isna()))
        return row, f"the target {y.name!r} is missing: fill it in, or remove the row"
    if y.nunique() == 1:
        return 0, f"the target {y.name!r} is {y.iloc[0]!r}, as in every other row: choose another"
    return None


def _check_categories(table: pd.DataFrame) -> None:
    """Refuse columns of free text, of which each value would become a feature."""
    for name, column in table.items():
        n_values = 0 if is_number(column) else column.nunique()
        if n_values > MOST_CATEGORIES:
            raise ValueError(
                f"column {name!r} holds {n_values} different texts, more than {MOST_CATEGORIES}: "
                f"leave it out with ignore=[{name!r}], or turn it into numbers"
            )


def _check_lines(path: Path, separator: str, encoding: str) -> tuple[list[str], int]:
    """The first record and the number of records, which all have the same number of fields."""
    with open(path, "rb") as file:
        if b"\0" in file.read(4096) and encoding == "utf-8-sig":
            raise ValueError(
                f"{path.name} is no text file: save the table as CSV in UTF-8, or name its "
                f"encoding, such as encoding='utf-16'"
            )
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
    n_records = 1
    for number, record in records:
        n_records += 1
        if len(record) != len(first):
            raise ValueError(
                f"the number of fields is {len(record)} in line {number} of {path.name}, and "
                f"{len(first)} in line {line}: correct it, or put quotes around a field that holds "
                f"{separator!r}"
            )
    return first, n_records


def _records(path: Path, separator: str, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Last line and fields of each record that is not blank."""
    with open(path, encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=separator, skipinitialspace=True, strict=True)
        try:
            for record in reader:
                if record:
                    yield reader.line_num, record
        except csv.Error as error:
            raise ValueError(
                f"line {reader.line_num} of {path.name} cannot be read ({error}): look for a "
                f"quotation mark without its partner"
            ) from None
        except UnicodeDecodeError:
            line = _undecodable(path, encoding)
            raise ValueError(
                f"line {line} of {path.name} is no text in {encoding}: save the table as CSV in "
                f"UTF-8, or name its encoding, such as encoding='cp1252'"
            ) from None


def _undecodable(path: Path, encoding: str) -> int:
    """Number of the first line that `encoding` cannot decode."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError:
                return number
    return number


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
