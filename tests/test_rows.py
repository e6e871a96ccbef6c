"""Rows in a memory map or in batches: each is read once a pass, a window at a time, well mixed."""

import itertools

import numpy as np
import pandas as pd
import pytest
from models import bits, mean_log_likelihood, run_python
from scipy import sparse
from sklearn.base import clone

from dbnlab import RBM
from dbnlab import rows as rows_module
from dbnlab.rows import Batches, MemoryMap, Table


class Reread:
    """Batches of these sizes, again and again; counts how often it is read."""

    def __init__(self, X, sizes):
        self.X, self.sizes = X, sizes
        self.n_reads = 0

    def __iter__(self):
        self.n_reads += 1
        start = 0
        for size in itertools.cycle(self.sizes):
            if start >= len(self.X):
                return
            yield self.X[start : start + size]
            start += size


def on_disk(path, X):
    X = np.ascontiguousarray(X)
    np.memmap(path / "rows", X.dtype, "w+", shape=X.shape)[:] = X
    return np.memmap(path / "rows", X.dtype, "r", shape=X.shape)


def dataset(X, *labels):
    import tensorflow as tf

    parts = (X, *labels)
    return tf.data.Dataset.from_tensor_slices(parts if labels else X).batch(11)


KINDS = {
    "memory map": lambda X, path: on_disk(path, X),
    "list": lambda X, path: np.split(X, [5, 12, 13, 40]),
    "tuple": lambda X, path: tuple(np.split(X, [1, 50])),
    "iterable": lambda X, path: Reread(X, [3, 20, 1]),
    "dataset": lambda X, path: dataset(X),
    "dataset with labels": lambda X, path: dataset(X, np.arange(len(X))),
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@pytest.fixture
def small_windows(monkeypatch):
    """Windows of 20 rows of 60 float64 columns, made of pieces of 4."""
    monkeypatch.setattr(rows_module, "WINDOW_BYTES", 20 * 60 * 8)
    monkeypatch.setattr(rows_module, "PIECE_BYTES", 4 * 60 * 8)


# Windows -----------------------------------------------------------------------------------------

NUMBERED = np.repeat(np.arange(1003.0)[:, None], 60, axis=1)


@pytest.fixture(params=["memory map", "one row at a time", "odd batches", "one batch of all"])
def numbered(request, small_windows, tmp_path):
    """The rows from 0 to 1,002, row n being full of n."""
    if request.param == "memory map":
        return MemoryMap(on_disk(tmp_path, NUMBERED), np.asarray)
    sizes = {"one row at a time": [1], "odd batches": [3, 47, 1, 20], "one batch of all": [1003]}
    return Batches(Reread(NUMBERED, sizes[request.param]), np.asarray)


@pytest.mark.parametrize("batch_size", [1, 7, 20, 30])
def test_a_pass_takes_every_row_once_a_window_at_a_time(numbered, rng, batch_size):
    taken, sizes = [], []
    for window, order in numbered.windows(rng, batch_size):
        taken += list(window[order, 0])
        sizes.append(len(window))
    assert sorted(taken) == list(range(1003))
    # As many whole batches as fit into 20 rows, but at least one; the rest comes last.
    whole = max(1, 20 // batch_size) * batch_size
    assert sizes == [whole] * (1003 // whole) + [1003 % whole] * (1003 % whole > 0)


def test_every_pass_takes_the_rows_in_another_order(numbered, rng):
    first, second = (
        [n for window, order in numbered.windows(rng, 10) for n in window[order, 0]]
        for _ in range(2)
    )
    assert first != second
    assert first[:20] != sorted(first[:20])


def test_a_window_of_a_memory_map_mixes_rows_from_all_over(small_windows, tmp_path, rng):
    table = MemoryMap(on_disk(tmp_path, NUMBERED), np.asarray)
    means = [window[:, 0].mean() for window, _ in table.windows(rng, 10)]
    # 5 pieces from anywhere: their mean is near the middle; neighbours would spread as 1003/√12.
    assert np.std(means) < 0.6 * 1003 / np.sqrt(12)
    window, _ = next(table.windows(rng, 10))
    assert (np.diff(window[:, 0]) == 1).sum() == 15


def test_the_mean_and_a_thousand_monitored_rows_are_those_of_the_array(numbered):
    np.testing.assert_allclose(numbered.mean(), 501.0)
    assert len(np.unique(numbered.monitored()[:, 0])) == 1000
    assert np.isin(numbered.monitored()[:, 0], NUMBERED[:, 0]).all()
    assert numbered.n_rows == 1003
    assert len(numbered.held_out()) == 0


def test_a_table_sorted_by_class_is_watched_from_end_to_end():
    X = np.repeat([0.0, 0.4], 3000)[:, None]
    watched = Table(X, np.asarray).monitored()
    assert len(watched) == 1000
    np.testing.assert_allclose(watched.mean(), X.mean())


def test_a_table_whose_rows_take_turns_is_watched_on_both_sides():
    X = np.tile([0.0, 1.0], 6000)[:, None]
    assert abs(Table(X, np.asarray).monitored().mean() - 0.5) < 0.05


def test_batches_with_their_columns_in_another_order_are_refused(X):
    frame = pd.DataFrame(X).add_prefix("c")
    assert list(RBM(2, n_epochs=1).fit([frame, frame]).feature_names_in_) == list(frame.columns)
    with pytest.raises(ValueError, match="feature names"):
        RBM(2, n_epochs=1).fit([frame, frame.iloc[:, ::-1]])


def test_rows_held_out_of_a_memory_map_are_in_no_window(small_windows, tmp_path, rng):
    table = MemoryMap(on_disk(tmp_path, NUMBERED), np.asarray)
    table.hold_out(0.3, rng)
    held_out = table.held_out()[:, 0]
    taken = [n for window, _ in table.windows(rng, 10) for n in window[:, 0]]
    assert len(held_out) == 301
    assert sorted([*held_out, *taken]) == list(range(1003))
    np.testing.assert_allclose(table.mean(), np.mean(taken))


# Training ----------------------------------------------------------------------------------------


@EVERY_KIND
def test_training_takes_every_row_once_in_batches_of_batch_size(
    backend, dark, small_windows, tmp_path, kind
):
    rbm = RBM(2, batch_size=7, momentum=0.5, n_epochs=1, backend=backend, dtype="float64")
    rbm.fit(kind(np.eye(60), tmp_path))
    # The earlier a row's update, the longer its bias has moved.
    _, rows_of_update = np.unique((rbm.visible_bias_ + 60).round(10), return_counts=True)
    assert sorted(rows_of_update) == [4, 7, 7, 7, 7, 7, 7, 7, 7]


@EVERY_KIND
def test_training_starts_from_the_means_of_all_rows(rng, tmp_path, kind):
    X = (rng.random((60, 60)) < 0.4).astype(float)
    rbm = RBM(2, n_epochs=1, dtype="float64")
    expected = clone(rbm).fit(X).data_bias_
    np.testing.assert_allclose(rbm.fit(kind(X, tmp_path)).data_bias_, expected, rtol=1e-12)
    assert rbm.n_features_in_ == 60


def test_rows_held_out_of_a_memory_map_are_not_trained_on(backend, dark, small_windows, tmp_path):
    rbm = RBM(2, validation_fraction=0.3, n_epochs=3, backend=backend, dtype="float64")
    rbm.fit(on_disk(tmp_path, np.eye(60)))
    assert (rbm.visible_bias_ > -60).sum() == 42
    assert len(rbm.history_["free_energy_gap"]) == 3


def test_a_memory_map_sorted_by_class_teaches_as_much_as_the_array(monkeypatch, tmp_path, digits):
    X = digits[np.lexsort(digits.T)]
    monkeypatch.setattr(rows_module, "WINDOW_BYTES", X.nbytes // 5)
    monkeypatch.setattr(rows_module, "PIECE_BYTES", X.nbytes // 100)
    rbm = RBM(16, n_epochs=50, momentum=0.0, weight_decay=0.0, random_state=0)
    values = [mean_log_likelihood(rbm.fit(rows), digits) for rows in (X, on_disk(tmp_path, X))]
    assert abs(values[0] - values[1]) < 0.5


def test_the_same_seed_gives_the_same_bits_from_a_memory_map(backend, small_windows, tmp_path, rng):
    X = on_disk(tmp_path, (rng.random((60, 60)) < 0.4).astype(float))
    rbm = RBM(2, batch_size=7, n_epochs=2, backend=backend, random_state=0)
    np.testing.assert_array_equal(clone(rbm).fit(X).weights_, rbm.fit(X).weights_)


def test_batches_are_read_once_before_training_and_once_an_epoch():
    X = Reread(np.eye(6), [2])
    rbm = RBM(2, n_epochs=3).fit(X)
    assert X.n_reads == 4
    rbm.partial_fit(X)
    assert X.n_reads == 6


@EVERY_KIND
def test_what_rounding_puts_beyond_the_limits_trains_as_the_limit(tmp_path, X, kind):
    X = np.tile(X, (2, 1))
    beyond = np.where(X == 1, 1 + 2**-52, -(2.0**-60))
    model = RBM(3, dtype="float64", n_epochs=2, batch_size=7, random_state=0)
    trained = clone(model).fit(kind(beyond, tmp_path))
    at_limit = tmp_path / "at limit"
    at_limit.mkdir()
    assert bits(trained) == bits(clone(model).fit(kind(X, at_limit)))
    np.testing.assert_array_equal(trained.transform(beyond), trained.transform(X))
    on_map = trained.transform(on_disk(tmp_path, beyond))
    np.testing.assert_array_equal(on_map, trained.transform(X))


def test_integers_from_a_memory_map_train_as_the_same_array_of_floats(tmp_path, X):
    rbm = RBM(3, n_epochs=2, random_state=0)
    expected = clone(rbm).fit(on_disk(tmp_path, X)).weights_
    (tmp_path / "integers").mkdir()
    integers = on_disk(tmp_path / "integers", X.astype(np.uint8))
    np.testing.assert_array_equal(rbm.fit(integers).weights_, expected)


# Refusals ----------------------------------------------------------------------------------------


def endless():
    import tensorflow as tf

    return tf.data.Dataset.from_tensors(np.eye(3)).repeat()


HALF = np.full((4, 6), 0.5)
REFUSED = {
    "generator": (lambda: (HALF for _ in range(2)), TypeError, "X is an iterator.*give a list"),
    "iterator": (lambda: iter([HALF]), TypeError, "X is an iterator"),
    "endless": (endless, ValueError, r"X never ends: leave out \.repeat\(\)"),
    "no batch": (lambda: Reread(HALF[:0], [2]), ValueError, "X holds no batch"),
    "empty batch": (lambda: [HALF, HALF[:0]], ValueError, r"0 sample\(s\)"),
    "NaN": (lambda: [HALF, np.full((2, 6), np.nan)], ValueError, "contains NaN"),
    "out of range": (lambda: [HALF, HALF + 1], ValueError, "found 1.5 in row 0, column 0"),
    "wider": (lambda: [HALF, np.ones((2, 7))], ValueError, "X has 7 features.* expecting 6"),
    "rows, not batches": (lambda: Reread(np.zeros(6), [1]), ValueError, "2D array, got 1D array"),
    "sparse": (lambda: [sparse.csr_array(HALF)], TypeError, "Sparse data was passed"),
    "numbers": (lambda: range(3), ValueError, "Expected 2D array, got scalar"),
}


@pytest.mark.parametrize(("make", "error", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_batches_that_cannot_be_trained_on_are_refused(method, make, error, message):
    with pytest.raises(error, match=message):
        getattr(RBM(3), method)(make())


def test_partial_fit_refuses_batches_of_another_width():
    rbm = RBM(3, n_epochs=1).fit(HALF)
    with pytest.raises(ValueError, match="X has 7 features, but RBM is expecting 6"):
        rbm.partial_fit([np.ones((2, 7))])


def test_batches_hold_no_rows_out():
    with pytest.raises(ValueError, match="validation_fraction needs rows that can be counted"):
        RBM(3, validation_fraction=0.5).fit([HALF, HALF])


def test_bad_values_in_a_memory_map_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"found 1\.5 in row 0, column 0"):
        RBM(3).fit(on_disk(tmp_path, HALF + 1))


# Memory ------------------------------------------------------------------------------------------

TRAIN_ON_A_MEMORY_MAP = """
import re, sys, threading
import numpy as np
from dbnlab import RBM

def anonymous():
    return int(re.search(r"RssAnon:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 2**20

peak = 0
def watch():
    global peak
    while not done.wait(0.005):
        peak = max(peak, anonymous())

done = threading.Event()
watching = threading.Thread(target=watch)
watching.start()
try:
    X = np.memmap(sys.argv[1], np.float64, "r", shape=(int(sys.argv[2]), 2**13))
    # One unit, one chain: what takes time is to read.
    rbm = RBM(1, algorithm="pcd", n_chains=1, batch_size=512, n_epochs=1, backend=sys.argv[3])
    rbm.fit(X)
finally:
    done.set()
    watching.join()
print(peak)
"""


def test_training_on_two_gigabytes_takes_less_than_one_of_memory(tmp_path):
    path, n_rows = tmp_path / "rows", 2**15
    with open(path, "wb") as file:
        file.truncate(n_rows * 2**13 * 8)
    if path.stat().st_blocks:
        pytest.skip("this file system has no sparse files")
    assert 0.1 < float(run_python(TRAIN_ON_A_MEMORY_MAP, path, n_rows, "numpy")) < 1.0
