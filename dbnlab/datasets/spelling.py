"""How people write numbers and missing values; and columns of text that are no categories."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MISSING = ("", "?")
TRUTH = {"True", "TRUE", "true", "False", "FALSE", "false"}
UNKNOWN = re.compile(r"[\W_]*(n\W?a|nan|none|null|nil|missing|unknown|[kns]\W*[ad])?[\W_]*", re.I)
MONTH = r"(jan|f[eé][bv]|m[aä]r|a[pv]r|ma[iy]|ju[nil]|aug|ao[uû]|sep|o[ck]t|nov|d[eé][cz])"
DATE = re.compile(
    r"\D*\d{1,4}([-/.])\d{1,2}\1 ?\d{2,4}(\D.*)?|\d{1,2}:\d\d(\D.*)?|\d{4}[-/]\d{1,2}"
    rf"|(?=\D*\d+\D+\d).*{MONTH}.*",
    re.IGNORECASE,
)
# What people write around a number: currency, per cent, quotation marks and the like.
AROUND = r"[A-Z]{1,3}[$€£¥₹]|EUR|USD|GBP|CHF|INR|Rs\.?|S?Fr\.?|[Kk]r\.?|zł|Kč|[^\w.,:;/&|<>≤≥+~≈-]"
MOST = 0.75  # a share of the values of a column that says what the column holds
MANY = 10  # different numbers that are no codes; rows in which a text that stands once is a name
MOST_CATEGORIES = 1000
LARGEST = np.finfo(np.float32).max
CORRECT = "correct it, or leave the field empty if the number is missing"


@dataclass(frozen=True)
class Spelling:
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
        # Texts would make the search among numbers ten times slower.
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


def spelling_of(separator: Any, decimal: Any, thousands: Any, na_values: Any) -> Spelling:
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
    return Spelling(decimal, thousands, (*MISSING, *texts, *numbers))


def read_column(column: pd.Series, is_target: bool, file: str, spelling: Spelling) -> pd.Series:
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
            fault = None, f"is {values.tolist()[0]!r}, as in every other row: choose another"
    if fault:
        place = f"line {fault[0]} of {file}" if fault[0] else file
        raise ValueError(f"{place}: {what} {column.name!r} {fault[1]}")
    return values


def _fault(
    texts: pd.Series, others: pd.Series, spelling: Spelling, is_target: bool
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
    marks, how = written_numbers(list(different), spelling)
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
        found = f"holds {n_different} different texts in {n_rows} rows: {cure}, or make groups"
        blanks = different.str.fullmatch(r"[-+.\deE]+(\s+[-+.\deE]+)+").all()
        return None, found + (", or say separator=' ' if blanks separate fields" if blanks else "")
    return None


def written_numbers(texts: list[str], spelling: Spelling) -> tuple[NDArray, str]:
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
