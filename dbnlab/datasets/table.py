"""What a data set is; and a table of your own from a CSV file, or a sentence on what is wrong."""

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler

from dbnlab.checks import SHARE, check_number

MISSING = ("", "?")
# What pandas takes for missing too: in features, not in a target, where it may name a class.
MISSING_TO_PANDAS = ("NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None")
TRUTH = {"True", "TRUE", "true", "False", "FALSE", "false"}
UNKNOWN = re.compile(r"[\W_]*(n\W?a|nan|none|null|nil|missing|unknown|[kns]\W*[ad])?[\W_]*", re.I)
MONTH = r"(jan|f[eé][bv]|m[aä]r|a[pv]r|ma[iy]|ju[nil]|aug|ao[uû]|sep|o[ck]t|nov|d[eé][cz])"
DATE = re.compile(
    r"\D*\d{1,4}([-/.])\d{1,2}\1 ?\d{2,4}(\D.*)?|\d{1,2}:\d\d(\D.*)?"
    rf"|(?=\D*\d+\D+\d).*{MONTH}.*",
    re.IGNORECASE,
)
# What people write around a number: currency, per cent, quotation marks and the like.
AROUND = r"[A-Z]{1,3}[$€£¥₹]|EUR|USD|GBP|CHF|INR|Rs\.?|S?Fr\.?|[Kk]r\.?|zł|Kč|[^\w.,:;/&|<>≤≥+~≈-]"
MOST = 0.75  # a share of the values of a column that says what the column holds
MANY = 10  # different numbers that are no codes; rows in which a text that stands once is a name
MOST_CATEGORIES = 1000
SAMPLE = 100  # rows that show whether the first is a header
LARGEST = np.finfo(np.float32).max
CORRECT = "correct it, or leave the field empty if the number is missing"


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
        May be compressed with gzip, or the only file in a zip archive.
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
    check_number(test_size, "test_size", Real, **SHARE)
    if scale not in ("minmax", "standard", None):
        raise ValueError(f"scale={scale!r}: choose 'minmax', 'standard' or None")
    spelling = _spelling(separator, decimal, thousands, na_values)
    table, goal = _read(path, target, header, separator, encoding, ignore, spelling)
    if test_size * len(table) > len(table) - 1:
        raise ValueError(f"test_size={test_size} leaves none of {len(table)} rows to learn from")
    features = replace(spelling, missing=(*spelling.missing, *MISSING_TO_PANDAS))
    for name in table:
        rules = spelling if name == goal else features
        table[name] = _read_column(table[name], name == goal, Path(path).name, rules)
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


@dataclass(frozen=True)
class _Spelling:
    """How numbers and missing values are written."""

    decimal: str
    thousands: str | None
    missing: tuple

    def plain(self, text: Any) -> Any:
        """A number as Python writes it; what is no number in this spelling does not become one."""
        if not isinstance(text, str):
            return text
        if self.thousands:
            # Groups of three digits; of two in India, except the last.
            sign = r"\s" if self.thousands.isspace() else re.escape(self.thousands)
            groups = rf"[+-]?\d{{1,3}}({sign}\d{{2,3}})*{sign}\d{{3}}(?!\d)"
            text = re.sub(f"^{groups}", lambda match: re.sub(sign, "", match[0]), text.strip())
        return text.translate({ord("."): "?", ord(self.decimal): "."})

    def texts(self, column: pd.Series) -> pd.Series:
        """Texts without blanks around them, and NaN for missing ones; numbers as they are."""
        missing = [value for value in self.missing if not isinstance(value, str)]
        if column.dtype.kind not in "iuf":
            is_text = str | bool | np.bool_
            texts = [str(v).strip() if isinstance(v, is_text) else v for v in column]
            column = pd.Series(texts, column.index, dtype=object, name=column.name)
            missing = self.missing
        return column.mask(column.isna() | column.isin(missing))

    def numbers(self, column: pd.Series) -> tuple[pd.Series, pd.Series]:
        """Numbers, NaN for missing and for other texts, and where these are."""
        texts = self.texts(column)
        if texts.dtype == object and (self.decimal, self.thousands) != (".", None):
            texts = texts.map(self.plain)
        numbers = pd.to_numeric(texts, errors="coerce")
        return self.texts(numbers), texts.notna() & numbers.isna()

    def only_numbers(self, column: pd.Series) -> pd.Series:
        """Numbers, and NaN for missing ones, in whatever form pandas has read them."""
        numbers, others = self.numbers(column)
        if others.any():
            found = f"column {column.name!r} holds numbers, but here {column[others].iloc[0]!r}"
            raise ValueError(f"{found}: {CORRECT}")
        return numbers.astype(float)

    def categories(self, column: pd.Series) -> pd.Series:
        """Texts: one for 1, 1.0 and "01", and one for True and "TRUE", as pandas may read any."""
        numbers, _ = self.numbers(column)
        texts = self.texts(column).map(str, na_action="ignore").astype(object)
        texts = texts.mask(texts.isin(TRUTH), texts.str.title())
        return texts.mask(numbers.abs() < 2**53, numbers.map("{:.15g}".format)).astype(object)


def _spelling(separator: Any, decimal: Any, thousands: Any, na_values: Any) -> _Spelling:
    for name, sign in {"separator": separator, "decimal": decimal, "thousands": thousands}.items():
        one = isinstance(sign, str) and len(sign) == 1 and not sign.isalnum()
        if not one and (name, sign) != ("thousands", None):
            raise ValueError(f"{name} must be one sign, such as ',' or ';', got {sign!r}")
    if decimal == thousands:
        raise ValueError(f"decimal and thousands are both {decimal!r}: they must differ")
    declared = [na_values] if isinstance(na_values, str | Real) else na_values
    if not isinstance(declared, Iterable) or not all(isinstance(v, str | Real) for v in declared):
        raise TypeError(f"na_values must be one or several texts or numbers, got {na_values!r}")
    texts = [str(value).strip() for value in declared]
    numbers = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").dropna()
    return _Spelling(decimal, thousands, (*MISSING, *texts, *numbers))


def _content(path: Any, encoding: Any) -> bytes:
    """The table in UTF-8, without byte order mark."""
    if re.match(r"\w\w+:/", str(path)) or Path(path).is_dir():
        raise ValueError(
            f"path={str(path)!r} is no file: give the path of a CSV file on this computer"
        )
    content, name = _unpacked(Path(path)), Path(path).name
    cure = "save the table as CSV in UTF-8, or name its encoding, such as encoding="
    try:
        # Letters have zero bytes in UTF-16 and UTF-32 only.
        if content and (b"\0" in content) != (b"\0" in "a".encode(encoding)):
            cure += "'utf-16'" if b"\0" in content else "'utf-8'"
            raise ValueError(f"{name} is no text file: {cure}")
        return content.decode(encoding).removeprefix("\ufeff").encode()
    except LookupError:
        raise ValueError(
            f"encoding={encoding!r} is not known: choose one such as 'utf-8-sig' or 'cp1252'"
        ) from None
    except UnicodeDecodeError as error:
        # What the error holds begins behind a byte order mark.
        line = 1 + error.object.count(b"\n", 0, error.start)
        raise ValueError(
            f"line {line} of {name} is no text in {encoding}: {cure}'cp1252'"
        ) from None


def _unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    try:
        if content.startswith(b"\x1f\x8b"):
            return gzip.decompress(content)
        if not content.startswith(b"PK") or not zipfile.is_zipfile(path):
            return content
        with zipfile.ZipFile(path) as archive:
            files = [name for name in archive.namelist() if not re.search("/$|^__MACOSX/", name)]
            if len(files) == 1:
                return archive.read(files[0])
    except (OSError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.name} cannot be unpacked ({error}): give the CSV file") from None
    raise ValueError(
        f"{path.name} packs {len(files)} files, such as {files[:2]}: give one CSV file (save a "
        f"workbook as CSV)"
    )


def _check_rows(
    content: bytes, separator: str, file: str
) -> tuple[list[list[str]], list[int], list[int]]:
    """The first rows, the line in which each row ends, and the places of rows without a value."""
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8", newline="")
    reader = csv.reader(text, delimiter=separator, skipinitialspace=True, strict=True)
    rows, lines, empty = [], [], []
    limit = csv.field_size_limit(2**31 - 1)
    try:
        for place, row in enumerate(reader):
            if not any(map(str.strip, row)):
                empty.append(place)
                continue
            others = [] if rows else [sign for sign in ";\t|," if sign in row[0]]
            if len(row) == 1 and others:
                raise ValueError(
                    f"line {reader.line_num} of {file} has no {separator!r}: if another sign "
                    f"separates its fields, say so with separator={others[0]!r}"
                )
            if rows and len(row) != len(rows[0]):
                raise ValueError(
                    f"the number of fields is {len(row)} in line {reader.line_num} of {file}, and "
                    f"{len(rows[0])} in line {lines[0]}: correct it, remove lines that are no rows,"
                    f" or put quotes around a field that holds {separator!r}"
                )
            lines.append(reader.line_num)
            if len(rows) < SAMPLE:
                rows.append([field.strip() for field in row])
    except csv.Error as error:
        raise ValueError(
            f"line {reader.line_num} of {file} cannot be read ({error}): look for a quotation mark "
            f"without its partner"
        ) from None
    finally:
        # It holds for all readers in this process.
        csv.field_size_limit(limit)
    if not rows:
        raise ValueError(f"{file} is empty: it needs a line for each sample")
    return rows, lines, empty


def _has_header(rows: list[list[str]], place: str, spelling: _Spelling) -> bool:
    """Whether the first row names the columns, judged by the rows below it."""
    names = above_numbers = numbers = repeated = 0
    are_numbers = _written_numbers(rows[0], spelling)[0]
    for is_number, field, *column in zip(are_numbers, *rows, strict=True):
        known = [value for value in column if value not in spelling.missing]
        if is_number or field[:1].isdigit():
            numbers += 1
        elif field in known:
            repeated += 1
        elif field not in spelling.missing:
            names += 1
            above_numbers += bool(known) and _written_numbers(known, spelling)[0].mean() > MOST
    if numbers and (not names or (repeated and not above_numbers)):
        return False
    if (names > numbers and not repeated) or (above_numbers and not numbers):
        return True
    raise ValueError(f"{place} may name the columns or be a row: say header=True or header=False")


def _choose(names: list[str], target: Any, ignore: Any) -> tuple[list[int], str | None]:
    """Which columns to read, and which of them is the target."""
    ignore = [ignore] if isinstance(ignore, str | Integral) else ignore
    if not isinstance(ignore, Iterable):
        raise TypeError(f"ignore must be a column or a list of columns, got {ignore!r}")
    left_out = {place for column in ignore for place in _places(names, column, "ignore")}
    kept = [place for place in range(len(names)) if place not in left_out]
    goals = [] if target is None else _places(names, target, "target")
    if goals and left_out.issuperset(goals):
        raise ValueError(f"ignore holds the target {names[goals[0]]!r}: take it out")
    if len(kept) == bool(goals):
        raise ValueError("the table has no column beside the target and those in ignore")
    for place in kept:
        if not names[place] or [names[other] for other in kept].count(names[place]) > 1:
            problem = "has no name" if not names[place] else f"is not the only {names[place]!r}"
            cure = f"give it a name of its own, or leave it out with ignore=[{place}]"
            raise ValueError(f"column {place} {problem}: {cure}")
    return kept, next((names[place] for place in goals if place in kept), None)


def _places(names: list[str], column: Any, argument: str) -> list[int]:
    """Numbers of the columns that are given by name, or by number, from the end if negative."""
    if isinstance(column, str):
        places = [place for place, name in enumerate(names) if name == column.strip()]
        cure = f"choose one of {', '.join(map(repr, names[:20]))}"
    elif isinstance(column, Integral) and not isinstance(column, bool):
        places = list(range(len(names))[column : column + 1 or None])
        cure = f"they go from 0 to {len(names) - 1}"
    else:
        raise TypeError(f"{argument}: a column is given by its name or its number, not {column!r}")
    if not places:
        raise ValueError(f"{argument}: there is no column {column!r}: {cure}")
    return places


def _read(
    path: Any, target: Any, header: Any, separator: str, encoding: Any, ignore: Any, spelling: Any
) -> tuple[pd.DataFrame, str | None]:
    """The columns as pandas finds them, lines of the file as index; and the name of the target."""
    for name, value, kind, right in (
        ("path", path, str | PathLike, "the path of a CSV file"),
        ("encoding", encoding, str, "a name such as 'cp1252'"),
        ("header", header, bool | None, "True, False or None"),
    ):
        if not isinstance(value, kind):
            raise TypeError(f"{name} must be {right}, got {value!r}")
    content, file = _content(path, encoding), Path(path).name
    rows, lines, empty = _check_rows(content, separator, file)
    if header is None:
        named = isinstance(target, str) and target in rows[0]
        header = named or _has_header(rows, f"line {lines[0]} of {file}", spelling)
    if len(lines) - header < 2:
        where = " below its header" if header else ""
        raise ValueError(f"{file} has fewer than two rows{where}: add rows to learn from")
    names = rows[0] if header else [f"column_{place}" for place in range(len(rows[0]))]
    kept, goal = _choose(names, target, ignore)
    first = min(set(range(len(empty) + 1)) - set(empty))
    table = pd.read_csv(
        io.BytesIO(content),
        sep=separator,
        decimal=spelling.decimal,
        header=None,
        names=range(len(names)),
        usecols=kept,
        skiprows=[*empty, first] if header else empty,
        skip_blank_lines=False,
        keep_default_na=False,
        na_values=[""],
        skipinitialspace=True,
        index_col=False,
        low_memory=False,
    )
    if len(table) != len(lines) - header:
        raise ValueError(f"the lines of {file} end in several ways: save it as CSV once more")
    table.index, table.columns = lines[header:], [names[place] for place in kept]
    return table, goal


def _read_column(column: pd.Series, is_target: bool, file: str, spelling: _Spelling) -> pd.Series:
    """A column as numbers, or as texts if it holds categories."""
    values, others = spelling.numbers(column)
    large, what, fault = values.abs() > LARGEST, "column", None
    if others.any():
        values = spelling.texts(column)
        fault = _fault(values, others, spelling, is_target)
    elif large.any():
        fault = large.idxmax(), f"holds numbers, but here {values[large.idxmax()]}: {CORRECT}"
    if is_target and not fault:
        what = "the target"
        if values.isna().any():
            fault = values.isna().idxmax(), "is missing: fill it in, or remove the row"
        elif values.nunique() == 1:
            fault = None, f"is {values.iloc[0]!r}, as in every other row: choose another"
    if fault:
        place = f"line {fault[0]} of {file}" if fault[0] else file
        raise ValueError(f"{place}: {what} {column.name!r} {fault[1]}")
    return values


def _fault(
    texts: pd.Series, others: pd.Series, spelling: _Spelling, is_target: bool
) -> tuple[int | None, str] | None:
    """Line and reason why texts are no categories, or None; no line if all are to blame."""
    numbers, different = texts[~others].dropna(), texts[others].drop_duplicates()
    # So many tell enough, and so do their beginnings.
    different = different.head(MOST_CATEGORIES).str[:60]
    in_rows = texts[others].str[:60].value_counts()[different].to_numpy()

    def most(marks: NDArray, numbers: pd.Series) -> bool:
        n_values, n_rows = numbers.nunique() + marks.sum(), len(numbers) + in_rows[marks].sum()
        of_many = n_values >= MANY and 2 * n_values > numbers.nunique() + len(marks)
        return of_many or n_rows >= MOST * (len(numbers) + in_rows.sum())

    cure = "choose another target" if is_target else f"leave it out with ignore=[{texts.name!r}]"
    line, text = different.index[0], different.iloc[0]
    if most(np.array([bool(DATE.fullmatch(other)) for other in different]), numbers[:0]):
        return line, f"holds dates or times, here {text}: make numbers of them, or {cure}"
    marks, how = _written_numbers(list(different), spelling)
    unknown = np.array([bool(UNKNOWN.fullmatch(other)) for other in different])
    if most(marks, numbers) or ((len(numbers) or marks.any()) and (marks | unknown).all()):
        codes = "" if unknown[0] else ", put a letter before all values if they are codes"
        declare = f"say na_values={text!r} if it stands for a missing number{codes}"
        how = how if marks[0] else f"correct it, {declare}, or {cure}"
        return line, f"holds numbers, but here {text}: {how}"
    for sign in ";\t":
        if different.str.contains(sign, regex=False).all() and not len(numbers):
            return line, f"holds {text}: if {sign!r} separates fields, say separator={sign!r}"
    n_rows, n_different = texts.count(), texts.nunique()
    if n_different > min(MOST_CATEGORIES, max(MOST * n_rows, MANY - 1)):
        return None, f"holds {n_different} different texts in {n_rows} rows: {cure}, or make groups"
    return None


def _written_numbers(texts: list[str], spelling: _Spelling) -> tuple[NDArray, str]:
    """Which texts are numbers once signs are taken off, and how to make one of the first text."""
    # Many numbers with letters behind are measurements in a unit; a few may be names: "3 rooms".
    unit = r"([^\W\d_]\D*)?" if len(texts) >= MANY else ""
    bare = []
    for text in texts:
        text = text.replace("−", "-")
        text = re.sub(r"([\d.,])([dDqQ]|\s?[x×*·]\s?10\^)(?=[+-]?\d)", r"\1e", text)
        text = re.sub(rf"^(-?)({AROUND})+(?=[-.,\d])", r"\1", text)
        bare.append(re.sub(rf"(?<=[\d.,])({AROUND}|-)*{unit}$", "", text))
    column = pd.Series(bare, dtype=object)
    tried = {"": spelling.numbers(column)[0].notna().to_numpy()}
    for decimal, thousands in product(".,", (None, *",.'’_ ")):
        way = replace(spelling, decimal=decimal, thousands=thousands)
        changes = [f"{k}={v!r}" for k, v in vars(way).items() if v != getattr(spelling, k)]
        if decimal != thousands and not tried[""].all():
            tried[" and ".join(changes)] = way.numbers(column)[0].notna().to_numpy()
    # Of those that read most numbers, the ones with the fewest options.
    rank = {way: (-m.sum(), len(way.split()), "None" not in way) for way, m in tried.items()}
    best = [way for way in tried if rank[way] == min(rank.values())]
    odd = [sign for sign in texts[0] if sign not in bare[0] and not sign.isdigit()]
    odd = "".join(odd).strip()
    code = "" if odd.isascii() else f" ({odd!a})"
    cures = [f"write it without {odd!r}{code}, as in -1234.5 or 1.2e-3"] if odd else []
    cures += ["say " + " or ".join(best)] if best[0] else []
    return tried[best[0]], ", and ".join(cures)


def _can_be_stratified(y: NDArray | None, test_size: float) -> bool:
    if y is None or y.dtype.kind == "f":
        return False
    counts = np.unique(y, return_counts=True)[1]
    return counts.min() >= 2 and len(counts) <= min(test_size, 1 - test_size) * len(y)


def _transformer(train: pd.DataFrame, scale: str | None, spelling: _Spelling) -> ColumnTransformer:
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
