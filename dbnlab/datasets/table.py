"""What a data set is; and a table of your own from a CSV file, or a sentence on what is wrong."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler

from dbnlab.checks import OPEN_SHARE, check_choice
from dbnlab.datasets.csv_file import read
from dbnlab.datasets.spelling import MANY, TRUTH, Spelling, read_column, spelling_of

# What pandas takes for missing too: in features, not in a target, where it may name a class.
MISSING_TO_PANDAS = ("NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None")


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
    decimal: str = ".",
    thousands: str | None = None,
    na_values: str | float | Iterable[str | float] = (),
    encoding: str = "utf-8-sig",
    ignore: str | int | Iterable[str | int] = (),
    test_size: float = 0.2,
    random_state: int | None = 0,
) -> Dataset:
    """A table of your own: split, completed and scaled, ready for an RBM.

    Columns of numbers come first; a missing number becomes the median of its column. A column of
    text gives one feature of zeros and ones for each category, missing being one of them. Medians,
    categories and scale are those of the training rows. In a table of ten rows or more, a category
    that a single training row has gets no feature: it could only name that row.

    A column that seems to hold numbers is never read as text: if its numbers are written in another
    way than -1234.5 or 1.2e-3, or if other texts stand among them, the file is refused, and the
    message says which option reads it or what to correct. Columns of dates or times are refused,
    and so are columns of text in which most values differ, such as names. Codes made of digits,
    such as postal codes, are numbers: write a letter in front to make them categories.

    Parameters
    ----------
    path : path of the CSV file
        May be compressed with gzip, bzip2 or xz, or the only file in a zip archive.
    target : str or int, default=None
        Column to predict, by name or number (negative from the end). None: there is none.
    scale : {"minmax", "standard", None}, default="minmax"
        "minmax" maps each number to [0, 1], for Bernoulli visible units, and cuts off what test
        rows have beyond; "standard" gives mean 0 and variance 1, for Gaussian ones; None leaves
        numbers as they are. A constant column becomes 0 under both.
    header : bool, default=None
        Whether the first line names the columns. None: found out from the lines below it; if that
        is not clear, the file is refused. Columns without names are called "column_0", "column_1",
        …
    separator : str, default=","
    decimal : str, default="."
        Sign before the decimals: "," if one half is written 0,5.
    thousands : str, default=None
        Sign that separates groups of digits: "," if a million is written 1,000,000. A blank stands
        for blanks of all kinds.
    na_values : str, number or several of them, default=()
        What stands for a missing value, beside empty fields, "?", "NA", "NaN", "None", "null" and
        other spellings of these that pandas knows. In the target only empty fields, "?" and
        `na_values` are missing, so that a class may be called "None".
    encoding : str, default="utf-8-sig"
        UTF-8, with or without a byte order mark.
    ignore : str, int or several of them, default=()
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
    TypeError
        If an argument is of the wrong type.
    ValueError
        If the file is not such a table, with the line or column and the cure; or an argument is out
        of range.
    """
    OPEN_SHARE(test_size, "test_size")
    if scale is not None:
        check_choice(scale, "scale", ("minmax", "standard"))
    path = Path(path)
    spelling = spelling_of(separator, decimal, thousands, na_values)
    table, goal = read(path, target, header, separator, encoding, ignore, spelling)
    if test_size * len(table) > len(table) - 1:
        raise ValueError(f"test_size={test_size} leaves none of {len(table)} rows to learn from")
    features = replace(spelling, missing=(*spelling.missing, *MISSING_TO_PANDAS))
    for name in table:
        rules = spelling if name == goal else features
        table[name] = read_column(table[name], name == goal, path.name, rules)
    table = table.reset_index(drop=True)
    y = None if goal is None else table.pop(goal).to_numpy()
    if y is not None and y.dtype == object:
        y = y.astype(str) if set(y) - TRUTH else np.char.lower(y.astype(str)) == "true"
    strata = y if _can_be_stratified(y, test_size) else None
    train, test = train_test_split(
        table, test_size=test_size, stratify=strata, random_state=random_state
    )
    transformer = _transformer(train, scale, features)
    X = transformer.fit_transform(train).astype(np.float32)
    X_test = transformer.transform(test).astype(np.float32)
    names = list(transformer.get_feature_names_out())
    y, y_test = (None, None) if y is None else (y[train.index], y[test.index])
    return Dataset(X, y, X_test, y_test, names, transformer=transformer)


def _can_be_stratified(y: NDArray | None, test_size: float) -> bool:
    # Whole numbers are written as 1.0 once one of them was missing.
    if y is None or (y.dtype.kind == "f" and (y % 1).any()):
        return False
    counts = np.unique(y, return_counts=True)[1]
    return counts.min() >= 2 and len(counts) <= min(test_size, 1 - test_size) * len(y)


def _transformer(train: pd.DataFrame, scale: str | None, spelling: Spelling) -> ColumnTransformer:
    scalers = {"minmax": [MinMaxScaler(clip=True)], "standard": [StandardScaler()], None: []}
    complete = SimpleImputer(strategy="median", keep_empty_features=True)
    numbers = train.select_dtypes("number").columns
    spread = train[numbers].max() - train[numbers].min()
    # MinMaxScaler takes such a column for a constant one.
    tiny = spread.between(0, 10 * np.finfo(float).eps, inclusive="neither")
    if scale == "minmax" and tiny.any():
        found = f"the numbers of column {tiny.idxmax()!r} differ by less than 1e-14"
        raise ValueError(f"{found}: give them in a smaller unit, or choose another scale")
    fewest = 2 if len(train) >= MANY else 1
    known = {}
    for name in train.columns.difference(numbers, sort=False):
        counts = spelling.categories(train[name]).value_counts(dropna=False)
        often = counts.index[(counts >= fewest) | counts.index.isna()]
        if len(often):
            known[name] = [*sorted(often.dropna()), *[np.nan] * often.hasnans]
    made = pd.Index([*numbers, *(f"{name}_{text}" for name in known for text in known[name])])
    if not len(made):
        raise ValueError("the table has no number, and no text that stands in several rows")
    if made.has_duplicates:
        twin = made[made.duplicated()][0]
        raise ValueError(f"two features would be called {twin!r}: rename a column")
    to_numbers, to_texts = (
        FunctionTransformer(pd.DataFrame.apply, kw_args={"func": f}, feature_names_out="one-to-one")
        for f in (spelling.only_numbers, spelling.categories)
    )
    encode = OneHotEncoder(
        categories=[*known.values()], handle_unknown="ignore", sparse_output=False
    )
    parts = [
        ("numbers", make_pipeline(to_numbers, complete, *scalers[scale]), numbers),
        ("categories", make_pipeline(to_texts, encode), [*known]),
    ]
    return ColumnTransformer(parts, verbose_feature_names_out=False)
