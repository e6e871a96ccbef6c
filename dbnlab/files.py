"""Model files: an npz of arrays with a JSON header, written whole or not at all, no pickle.

The comment of the archive, its last bytes, is the SHA-256 of all bytes before.
"""

import hashlib
import io
import json
import os
import stat
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

VERSION = 2
DIGEST_BYTES = 64


@contextmanager
def damage_named(what: str, cure: str = "") -> Iterator[None]:
    """Make of any error a ValueError that begins with `what`, and ends with `cure`.

    What readers of files raise over bytes that they do not understand depends on where these are.
    """
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{what} ({reason}){cure and ': '}{cure}") from error


def write(path: str | os.PathLike, header: dict, arrays: dict[str, NDArray]) -> None:
    """Write `arrays` and, as an entry "header" in JSON, `header`, to exactly `path`."""
    (place, temporary), archive = _places(path), io.BytesIO()
    try:
        np.savez(archive, header=np.array(as_json({"version": VERSION, **header})), **arrays)
    except ValueError as error:
        # Where Ctrl-C finds it writing, the archive complains that it cannot be closed.
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise
    with zipfile.ZipFile(archive, "a") as opened:
        opened.comment = bytes(DIGEST_BYTES)
    content = archive.getbuffer()
    content[-DIGEST_BYTES:] = _digest(content)
    # Written beside its place and moved there: a reader never sees half a file.
    try:
        _write_new(temporary, content)
        if place.exists():
            temporary.chmod(stat.S_IMODE(place.stat().st_mode))
        os.replace(temporary, place)
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: str | os.PathLike) -> None:
    """Raise what `write` would raise, such as PermissionError, and leave nothing behind."""
    _, temporary = _places(path)
    _write_new(temporary, b"")
    temporary.unlink()


def _places(path: str | os.PathLike) -> tuple[Path, Path]:
    """Where the file goes, and where it is written: beside, under a name of its own."""
    # Where a link leads: the link stays.
    place = Path(path).resolve()
    if place.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder: give the path of a file")
    if not place.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {place.parent}: make it first")
    return place, place.with_name(f"{place.name}.{uuid.uuid4().hex}.tmp")


def _write_new(path: Path, content: bytes | memoryview) -> None:
    """A new file, which on Linux gets its name when it is complete: a kill leaves nothing."""
    try:
        file = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, 0o666)
    # Other systems, and some file systems of Linux, cannot do that.
    except (AttributeError, OSError):
        binary = getattr(os, "O_BINARY", 0)
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | binary, 0o666)
    with open(file, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(file)
        if not path.exists():
            # With a folder given, Python follows the link that the source is.
            os.link(f"/proc/self/fd/{file}", path, src_dir_fd=file)


def _digest(content: bytes | memoryview) -> bytes:
    """SHA-256, in hexadecimal digits, of all bytes but the last ones, which hold it."""
    return hashlib.sha256(content[:-DIGEST_BYTES]).hexdigest().encode()


def read(path: str | os.PathLike, model: str) -> tuple[dict, dict[str, NDArray]]:
    """Header and arrays of a file that `write` wrote with ``header["model"] == model``.

    Raises
    ------
    OSError
        If the file cannot be read, FileNotFoundError among them.
    ValueError
        If the file is damaged or holds something else.
    """
    content = Path(path).read_bytes()
    with damage_named(f"{path} is damaged or not a model saved by dbnlab"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise ValueError("it is compressed")
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = dict(file)
        header = json.loads(str(arrays.pop("header")))
        found = header["model"]
        # Files of dbnlab 0.1 have neither version nor digest.
        version = header.get("version", 0)
        if version and _digest(content) != content[-DIGEST_BYTES:]:
            raise ValueError("its digest is another")
    if version > VERSION:
        raise ValueError(f"{path} has been saved by a newer dbnlab: update this one to read it")
    if found != model:
        cure = f": load it with {found}.load" if str(found).isidentifier() else ""
        raise ValueError(f"{path} holds a {found}, not a {model}{cure}")
    return header, arrays


def check_stored(name: str, array: NDArray, shape: tuple) -> None:
    """Raise ValueError unless an array has this shape and holds finite floats."""
    if array.shape != shape or array.dtype.kind != "f":
        raise ValueError(f"{name} is of {array.dtype} and shape {array.shape}, not {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} is not finite")


def as_json(header: dict) -> str:
    """`header` in JSON, with arrays and NumPy's numbers written as lists and numbers."""
    return json.dumps(header, default=lambda value: np.asarray(value).tolist())
