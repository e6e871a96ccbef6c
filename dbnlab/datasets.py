"""The real data sets of the course, read from the folder data/ of the clone; nothing is fetched."""

import hashlib
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits as sklearn_digits
from sklearn.model_selection import train_test_split

from dbnlab.checks import as_generator, check_number

DATA = Path(__file__).resolve().parent.parent / "data"
# SHA-256 of each file, as in data/README.md.
CHECKSUMS = {
    "mnist.npz": "39b9b1ffaa0ba4d8995a616551f0966941fe02a3fe79ba4a9db7373db16d53ad",
    "mnist_dbn.npz": "f691c441372155b37aa774cc286cc4b17462d0d66d782e0dfe06898385ff7660",
}


@dataclass(frozen=True)
class Dataset:
    """Training and test rows of one data set.

    Attributes
    ----------
    X, X_test : ndarray of shape (n_samples, n_features), float32
    y, y_test : ndarray of shape (n_samples,), int64
    feature_names : list of str
    image_shape : tuple of int
        Height and width, so that ``X[0].reshape(image_shape)`` is a picture.
    """

    X: NDArray
    y: NDArray
    X_test: NDArray
    y_test: NDArray
    feature_names: list[str]
    image_shape: tuple[int, int]


def load_digits() -> Dataset:
    """Handwritten digits of 8×8 pixels: 1,437 to train, 360 to test, intensities in [0, 1].

    Alpaydin & Kaynak (1998), from scikit-learn, with a fixed split that keeps the share of each
    digit.
    """
    X, y = sklearn_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
    return Dataset(X, y.astype(np.int64), X_test, y_test.astype(np.int64), _pixels(8, 8), (8, 8))


def load_mnist(
    subset: int | None = None,
    binarize: str | None = None,
    random_state: int | np.random.Generator | None = None,
) -> Dataset:
    """MNIST: 60,000 handwritten digits of 28×28 pixels to train and 10,000 to test.

    Parameters
    ----------
    subset : int, default=None
        Number of training rows to keep, drawn at random with equal counts of each digit (within
        one). None keeps all in their original order. The test rows are always all 10,000.
    binarize : {"sample", "threshold"}, default=None
        None keeps intensities in [0, 1]. "sample" turns each pixel on with its intensity as
        probability (Salakhutdinov & Murray 2008), "threshold" where it exceeds 0.5.
        Log-likelihoods under the two are about ten nats apart: never compare one with the other.
    random_state : int, numpy.random.Generator or None, default=None
        Seed of subset and sampled pixels.

    Returns
    -------
    data : Dataset
        Pixels in [0, 1], float32.

    Raises
    ------
    FileNotFoundError, ValueError
        If data/mnist.npz is missing or damaged, or an argument is out of range.
    """
    if binarize not in (None, "sample", "threshold"):
        raise ValueError(f"binarize={binarize!r}: choose None, 'sample' or 'threshold'")
    rng = as_generator(random_state)
    with np.load(path("mnist.npz"), allow_pickle=False) as file:
        arrays = dict(file)
    images, y = arrays["train_images"], arrays["train_labels"]
    if subset is not None:
        rows = _balanced_rows(y, subset, rng)
        images, y = images[rows], y[rows]
    X, X_test = (_intensities(a, binarize, rng) for a in (images, arrays["test_images"]))
    y, y_test = y.astype(np.int64), arrays["test_labels"].astype(np.int64)
    return Dataset(X, y, X_test, y_test, _pixels(28, 28), (28, 28))


def path(name: str) -> Path:
    """Where the file `name` of the folder data/ lies, once its checksum has been verified.

    ``DBN.load(datasets.path("mnist_dbn.npz"))`` is a 784-500-500-2000 network with labels, trained
    on MNIST; data/README.md says how.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing or damaged, or is not one of data/.
    """
    if name not in CHECKSUMS:
        raise ValueError(f"data/ holds {', '.join(CHECKSUMS)}, but no {name}")
    cure = (
        f"restore it with `git checkout -- data/{name}` in your clone of dbnlab, or rebuild it "
        f"with the script that data/README.md names"
    )
    try:
        with open(DATA / name, "rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"data/{name} is missing from {DATA.parent}: {cure}; dbnlab reads its data from a "
            f"clone, installed with `pip install -e .`"
        ) from None
    if checksum != CHECKSUMS[name]:
        raise ValueError(f"data/{name} is damaged, its SHA-256 is not the expected one: {cure}")
    return DATA / name


def _balanced_rows(y: NDArray, n_rows: int, rng: np.random.Generator) -> NDArray:
    """Random row numbers, as many of each class as of any other, within one."""
    classes, counts = np.unique(y, return_counts=True)
    check_number(n_rows, "subset", Integral, min_val=1)
    largest = len(classes) * int(counts.min())
    if n_rows > largest:
        raise ValueError(
            f"subset={n_rows} cannot be balanced: at most {largest} rows can; subset=None gives "
            f"all {len(y)}"
        )
    quotas = np.full(len(classes), n_rows // len(classes))
    quotas[rng.permutation(len(classes))[: n_rows % len(classes)]] += 1
    rows = [
        rng.choice(np.flatnonzero(y == label), size=quota, replace=False)
        for label, quota in zip(classes, quotas)
    ]
    return rng.permutation(np.concatenate(rows))


def _intensities(images: NDArray, binarize: str | None, rng: np.random.Generator) -> NDArray:
    X = images.reshape(len(images), -1).astype(np.float32)
    X /= 255
    if binarize == "threshold":
        return (X > 0.5).astype(np.float32)
    if binarize == "sample":
        return (rng.random(X.shape, dtype=np.float32) < X).astype(np.float32)
    return X


def _pixels(height: int, width: int) -> list[str]:
    return [f"pixel_{row}_{column}" for row in range(height) for column in range(width)]
