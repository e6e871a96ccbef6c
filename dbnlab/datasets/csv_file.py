"""A table in a file: unpacked, decoded, its header found, and every row of one length."""

import bz2
import csv
import gzip
import io
import lzma
import re
import zipfile
from collections.abc import Iterable
from numbers import Integral
from pathlib import Path
from typing import Any

import pandas as pd

from dbnlab.checks import check_flag
from dbnlab.datasets.spelling import MOST, Spelling, written_numbers
from dbnlab.files import damage_named

SAMPLE = 100  # rows that show whether the first is a header
PACKED = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ": lzma.decompress}
# By the place of the first zero byte: letters have some in UTF-16 only, behind a mark of two bytes
# or without.
ENCODINGS = {-1: "utf-8", 0: "utf-16-be", 1: "utf-16-le", 2: "utf-16", 3: "utf-16"}


def _content(path: Path, encoding: str) -> bytes:
    """The table in UTF-8, without byte order mark."""
    content, name = _unpacked(path), path.name
    cure, likely = "save the table as CSV in UTF-8", ENCODINGS.get(content.find(b"\0"))
    named = f"{cure}, or name its encoding, such as encoding="
    try:
        if content and (b"\0" in content) != (b"\0" in "a".encode(encoding)):
            raise ValueError(f"{name} is no text file: {f'{named}{likely!r}' if likely else cure}")
        text = content.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        raise ValueError(f"{encoding=} is not known: choose one such as 'cp1252'") from None
    except UnicodeDecodeError as error:
        # What the error holds begins behind a byte order mark.
        line = 1 + error.object.count(b"\n", 0, error.start)
        found = f"line {line} of {name} is no text in {encoding}"
        raise ValueError(f"{found}: {named}'cp1252'") from None
    # Its separators and ends of lines are signs of ASCII.
    if content and not re.search("[\0-\x7f]", text):
        raise ValueError(f"{name} is no table in {encoding}: {named}'utf-16'")
    return text.encode()


def _unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    with damage_named(f"{path.name} cannot be unpacked", "give the CSV file"):
        for start, unpack in PACKED.items():
            if content.startswith(start):
                return unpack(content)
        if not content.startswith(b"PK") or not zipfile.is_zipfile(path):
            return content
        with zipfile.ZipFile(path) as archive:
            files = [name for name in archive.namelist() if not re.search("/$|^__MACOSX/", name)]
            if len(files) == 1:
                return archive.read(files[0])
    raise ValueError(f"{path.name} packs {len(files)} files, as {files[:2]}: give one CSV file")


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
            line = f"line {reader.line_num} of {file}"
            # Excel takes a first line such as sep=; as the name of the separator.
            if not any(map(str.strip, row)) or (not place and re.fullmatch("sep=.?", row[0])):
                empty.append(place)
                continue
            others = [] if rows else [sign for sign in ";\t|," if sign in row[0]]
            if len(row) == 1 and others:
                cure = f"say separator={others[0]!r} if that separates its fields"
                raise ValueError(f"{line} has no {separator!r}: {cure}")
            if rows and len(row) != len(rows[0]):
                cure = f"correct it, remove what is no row, or put quotes around {separator!r}"
                found = f"{len(row)} in {line}, and {len(rows[0])} in line {lines[0]}"
                raise ValueError(f"the number of fields is {found}: {cure} inside a field")
            lines.append(reader.line_num)
            if len(rows) < SAMPLE:
                rows.append([field.strip() for field in row])
    except csv.Error as error:
        place, cure = f"line {reader.line_num} of {file}", "look for a quotation mark alone"
        raise ValueError(f"{place} cannot be read ({error}): {cure}") from None
    finally:
        # It holds for all readers in this process.
        csv.field_size_limit(limit)
    if not rows:
        raise ValueError(f"{file} is empty: it needs a line for each sample")
    return rows, lines, empty


def _has_header(rows: list[list[str]], place: str, spelling: Spelling) -> bool:
    """Whether the first row names the columns, judged by the rows below it."""
    names = above_numbers = numbers = repeated = 0
    are_numbers = written_numbers(rows[0], spelling)[0]
    for is_number, field, *column in zip(are_numbers, *rows, strict=True):
        known = [value for value in column if value not in spelling.missing]
        if is_number or field[:1].isdigit():
            numbers += 1
        elif field in known:
            repeated += 1
        elif field not in spelling.missing:
            names += 1
            above_numbers += bool(known) and written_numbers(known, spelling)[0].mean() > MOST
    unclear = all(are_numbers) and _count_on(rows, spelling)
    if numbers and not unclear and (not names or (repeated and not above_numbers)):
        return False
    if (names > numbers and not repeated) or (above_numbers and not numbers):
        return True
    raise ValueError(f"{place} may name the columns or be a row: say header=True or header=False")


def _count_on(rows: list[list[str]], spelling: Spelling) -> bool:
    """Whether the first row rises or falls all along, and most of it lies beyond the rows below.

    Years or the numbers of the columns do, as names.
    """
    table = pd.DataFrame(rows, dtype=object).apply(lambda column: spelling.numbers(column)[0])
    first, below = table.iloc[0], table.iloc[1:]
    steps = first.diff().iloc[1:]
    beyond = (first < below.min()) | (first > below.max())
    return len(steps) > 1 and ((steps > 0).all() or (steps < 0).all()) and beyond.mean() > 0.5


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


def read(
    path: Path, target: Any, header: Any, separator: str, encoding: Any, ignore: Any, spelling: Any
) -> tuple[pd.DataFrame, str | None]:
    """The columns as pandas finds them, lines of the file as index; and the name of the target."""
    if not isinstance(encoding, str):
        raise TypeError(f"encoding must be a name such as 'cp1252', got {encoding!r}")
    check_flag(header, "header", or_none=True)
    if re.match(r"\w\w+:/", str(path)) or path.is_dir():
        raise ValueError(f"{path=!s} is no file: give the path of a CSV file on this computer")
    content, file = _content(path, encoding), path.name
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
