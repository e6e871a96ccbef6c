"""What holds for every unit, table and file, tried on examples that hypothesis makes up."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from models import bits
from scipy.special import logsumexp

from dbnlab import RBM, units
from dbnlab import rows as rows_module
from dbnlab.rows import Batches, MemoryMap, Table

few = settings(max_examples=40, derandomize=True, deadline=None, database=None)


def normal_units(n_units):
    variances = st.lists(st.floats(0.1, 5.0), min_size=n_units, max_size=n_units)
    return variances.map(lambda values: units.Gaussian(n_units, tuple(values)))


binary = st.integers(1, 4).map(units.Bernoulli)
normal = st.integers(1, 3).flatmap(normal_units)
blocks = st.lists(st.integers(2, 4), min_size=1, max_size=3).map(units.Softmax)
counts = st.builds(units.Multinomial, st.integers(2, 4), st.integers(1, 5))
countable = st.one_of(
    binary, blocks, st.lists(binary | blocks, min_size=1, max_size=3).map(lambda u: units.Joint(*u))
)
joint = st.lists(binary | normal | blocks, min_size=1, max_size=3).map(lambda u: units.Joint(*u))
anything = st.one_of(binary, normal, blocks, counts, joint)


def fields(unit):
    """A unit with the input field of one row."""
    return st.tuples(
        st.just(unit), arrays(np.float64, (1, unit.n_units), elements=st.floats(-4, 4))
    )


@few
@given(anything.flatmap(fields))
def test_the_mean_is_the_gradient_of_the_log_partition(case):
    unit, x = case
    step = 1e-5 * np.eye(unit.n_units)
    gradient = (unit.log_partition(x + step) - unit.log_partition(x - step)) / 2e-5
    np.testing.assert_allclose(unit.mean(x)[0], gradient, atol=1e-7)


@few
@given(anything.flatmap(fields), st.integers(0, 2**32))
def test_draws_are_states_and_have_that_mean(case, seed):
    unit, x = case
    mean, n_draws = unit.mean(x), 1000
    draws = unit.draw(np.tile(mean, (n_draws, 1)), np.random.default_rng(seed))
    np.testing.assert_array_equal(unit.check(draws), draws)
    # The mean of n draws is off by less than five times this, but in one of a million cases.
    error = np.sqrt((draws - mean).var(axis=0).max() / n_draws) + 5 / n_draws
    assert np.abs(draws.mean(axis=0) - mean[0]).max() < 5 * error


@few
@given(countable.flatmap(fields))
def test_the_log_partition_is_the_sum_over_all_states(case):
    unit, x = case
    states = unit.states(np.arange(unit.n_states()))
    assert len(np.unique(states, axis=0)) == len(states) == unit.n_states()
    np.testing.assert_array_equal(unit.check(states), states)
    total = logsumexp(unit.log_base_measure(states) + states @ x[0])
    np.testing.assert_allclose(total, unit.log_partition(x)[0], rtol=1e-12)


sizes = st.lists(st.integers(1, 9), min_size=1, max_size=6)
window = st.integers(1, 2000)


def numbered(n_rows):
    """Rows that can be told apart."""
    return np.arange(2.0 * n_rows).reshape(n_rows, 2)


def taken(rows, batch_size, seed):
    """Rows of one pass, in the order in which they are taken; all but the last window is full."""
    windows = list(rows.windows(np.random.default_rng(seed), batch_size))
    assert all(len(order) % batch_size == 0 for _, order in windows[:-1])
    return np.concatenate([X[order] for X, order in windows])


@few
@given(sizes, window, st.integers(1, 12), st.integers(0, 99))
def test_a_pass_over_batches_takes_every_row_once(lengths, n_bytes, batch_size, seed):
    X = numbered(sum(lengths))
    batches = Batches(np.split(X, np.cumsum(lengths)[:-1]), np.asarray)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rows_module, "WINDOW_BYTES", n_bytes)
        for epoch in (seed, seed + 1):
            rows = taken(batches, batch_size, epoch)
            np.testing.assert_array_equal(rows[np.argsort(rows[:, 0])], X)
    np.testing.assert_allclose(batches.mean(), X.mean(axis=0), rtol=1e-14)
    assert batches.n_rows == len(X)


@few
@given(st.integers(2, 60), window, window, st.integers(1, 12), st.floats(0, 0.9), st.booleans())
def test_a_pass_takes_every_row_once_and_none_that_is_held_out(
    n_rows, n_bytes, piece, batch_size, share, in_memory
):
    X = numbered(n_rows)
    table = (Table if in_memory else MemoryMap)(X, np.asarray)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rows_module, "WINDOW_BYTES", n_bytes)
        patched.setattr(rows_module, "PIECE_BYTES", piece)
        if 0 < round(share * n_rows) < n_rows:
            table.hold_out(share, np.random.default_rng(0))
        rows = np.concatenate([taken(table, batch_size, 1), table.held_out()])
        np.testing.assert_array_equal(rows[np.argsort(rows[:, 0])], X)
        expected = rows[: table.n_rows].mean(axis=0)
        np.testing.assert_allclose(table.mean(), expected, rtol=1e-14)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The bytes of a saved model."""
    path = tmp_path_factory.mktemp("file") / "model"
    RBM(2, n_epochs=1, random_state=0).fit(np.eye(3)).save(path)
    return path.read_bytes()


def load(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model")
        path.write_bytes(content)
        return RBM.load(path)


@few
@given(
    n=st.tuples(st.integers(1, 5), st.integers(1, 4)),
    kind=st.sampled_from([("float32", 2.0**120), ("float64", 2.0**1000)]),
    data=st.data(),
)
def test_a_saved_model_comes_back_bit_for_bit(n, kind, data):
    dtype, largest = kind
    values = st.floats(-largest, largest, width=int(dtype[5:]))
    W, b, c = (data.draw(arrays(dtype, shape, elements=values)) for shape in (n, n[0], n[1]))
    rbm = RBM.from_arrays(W, b, c)
    with tempfile.TemporaryDirectory() as folder:
        rbm.save(Path(folder, "model"))
        assert bits(RBM.load(Path(folder, "model"))) == bits(rbm)


@few
@given(st.data())
def test_a_file_that_was_cut_or_changed_never_loads(file, data):
    place = data.draw(st.integers(0, len(file) - 1))
    with pytest.raises(ValueError, match="damaged"):
        load(file[:place])
    changed = bytearray(file)
    changed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="damaged"):
        load(bytes(changed))
