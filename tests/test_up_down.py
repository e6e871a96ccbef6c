"""Up-down training: its expected updates, summed state by state, and what it learns."""

import copy
import pickle

import numpy as np
import pytest
from models import bits, flat
from scipy.special import expit
from stacks import (
    CLASSES,
    EnumeratedDBN,
    accuracy,
    digit_stack,
    digits_with_labels,
    directed,
    random_dbn,
    stack_bits,
)

from dbnlab import DBN, RBM, up_down


@pytest.fixture
def y(rng):
    return CLASSES[rng.integers(3, size=30)]


@pytest.fixture
def dbn(X, y):
    return DBN((4, 3, 2), RBM(n_epochs=2), joint_labels=True, random_state=0).fit(X, y)


# Updates -----------------------------------------------------------------------------------------


def updated(dbn):
    return [*dbn.rbms_[-1].state_.parameters, *directed(dbn)]


def expected_update(table, rows, labels, n_gibbs):
    """Mean update over the rows of each array that `updated` lists."""
    n_directed = len(table.states) - 1
    up = [np.exp(table.log_up(n, table.states[n])) for n in range(n_directed)]
    down = [np.exp(table.log_down(n)) for n in range(n_directed)]
    R, r, G, a = ([None] * n_directed for _ in range(4))
    p = np.eye(len(table.V))[rows]
    for n in range(n_directed):
        joint = p.mean(axis=0)[:, None] * up[n]
        below, above = table.states[n], table.states[n + 1]
        missed = joint.T @ below - joint.sum(axis=0)[:, None] * (down[n] @ below)
        G[n], a[n] = missed.T @ above, missed.sum(axis=0)
        p = p @ up[n]
    start = (p[:, :, None] * labels[:, None]).mean(axis=0).ravel()
    end = table.top.after_gibbs(start, n_gibbs)
    p = end.reshape(len(table.states[-1]), -1).sum(axis=1)
    for n in reversed(range(n_directed)):
        # The lowest layer dreams in means: one for each state above.
        below = table.states[n] if n else down[n] @ table.states[n]
        joint = p[:, None] * down[n] if n else np.diag(p)
        above = table.states[n + 1]
        missed = joint.T @ above
        missed -= joint.sum(axis=0)[:, None] * (np.exp(table.log_up(n, below)) @ above)
        R[n], r[n] = below.T @ missed, missed.sum(axis=0)
        p = joint.sum(axis=0)
    return flat([table.top.moments(start) - table.top.moments(end), *R, *r, *G, *a])


@pytest.mark.parametrize(
    ("visible", "sizes", "labels", "code", "n_gibbs"),
    [
        ("bernoulli", (3,), True, "bernoulli", 2),
        ("bernoulli", (2, 2), True, "bernoulli", 1),
        ("bernoulli", (3, 3, 2), True, "bernoulli", 3),
        ("bernoulli", (3, 2, 2), False, "bernoulli", 1),
        ("bernoulli", (2, 1), True, "gaussian", 1),
        ("gaussian", (3, 2), True, "bernoulli", 2),
        ("softmax", (2, 3, 2), False, "bernoulli", 1),
    ],
)
# Of two rates, the larger one would show predictions with weights that have moved already.
@pytest.mark.parametrize("rate", [2.0**-10, 1.0])
def test_expected_update_of_every_array_is_the_enumerated_one(
    visible, sizes, labels, code, n_gibbs, rate
):
    dbn = random_dbn(visible, sizes, labels, code)
    table = EnumeratedDBN(dbn, visible)
    rows, numbers = table.likely_rows()[[0, 2, 5, 5]], np.array([0, 1, 2, 0])
    X, y = np.tile(table.V[rows], (1000, 1)), np.tile(CLASSES[numbers], 1000)
    before = [array.copy() for array in updated(dbn)]
    updates = []
    for seed in range(20):
        dbn.up_down(
            X, y, 1, learning_rate=rate, n_gibbs=n_gibbs, batch_size=4000, random_state=seed
        )
        updates.append(flat(a - b for a, b in zip(updated(dbn), before)) / rate)
        for array, old in zip(updated(dbn), before):
            array[...] = old
    one_hot = np.eye(3)[numbers] if labels else np.ones((4, 1))
    error = np.std(updates, axis=0, ddof=1) / np.sqrt(20)
    expected = expected_update(table, rows, one_hot, n_gibbs)
    assert (np.abs(np.mean(updates, axis=0) - expected) < 6 * error + 1e-9).all()


@pytest.mark.parametrize(("n_rows", "batch_size"), [(6, 3), (7, 3), (8, 3), (2, 3), (4, 1)])
def test_every_row_weighs_the_same_in_an_epoch(n_rows, batch_size, rng):
    dbn = random_dbn(sizes=(3, 2), labels=False)
    # No unit of the wake phase is predicted to be on, whatever the state above.
    dbn.generative_weights_[0][:], dbn.generative_biases_[0][:] = 0, -60
    X = (rng.random((n_rows, 4)) < 0.5).astype(float)
    dbn.up_down(X, n_epochs=1, learning_rate=0.01, n_gibbs=1, batch_size=batch_size)
    shift = 0.01 * X.sum(axis=0) / min(batch_size, n_rows)
    np.testing.assert_allclose(dbn.generative_biases_[0] + 60, shift, atol=1e-12)


def test_gibbs_steps_come_in_equal_shares_of_the_epochs():
    assert up_down.schedule((3, 6, 10), 30) == [3] * 10 + [6] * 10 + [10] * 10
    assert up_down.schedule((3, 6, 10), 4) == [3, 3, 6, 10]
    assert up_down.schedule(np.int64(5), 2) == [5, 5]
    assert up_down.schedule([7, 8], 1) == [7]


def test_epochs_take_the_gibbs_steps_of_the_schedule(monkeypatch, dbn, X, y):
    steps = []
    monkeypatch.setattr(up_down, "update", lambda *arguments: steps.append(arguments[3]))
    dbn.up_down(X, y, 6, n_gibbs=(1, 2, 4), batch_size=15)
    assert steps == [1] * 4 + [2] * 4 + [4] * 4


# The two directions ------------------------------------------------------------------------------


def test_up_down_unties_the_directions_and_leaves_the_lower_rbms_alone(dbn, X, y):
    n_directed, top = len(dbn.rbms_) - 1, dbn.rbms_[-1]
    lower, before = [bits(rbm) for rbm in dbn.rbms_[:-1]], [a.copy() for a in updated(dbn)]
    for R, G in zip(dbn.recognition_weights_, dbn.generative_weights_, strict=True):
        np.testing.assert_array_equal(R, G)
    assert dbn.up_down(X, y, 3) is dbn
    for R, G in zip(dbn.recognition_weights_[:n_directed], dbn.generative_weights_):
        assert (R != G).all()
    assert all((a != b).any() for a, b in zip(updated(dbn), before))
    assert [bits(rbm) for rbm in dbn.rbms_[:-1]] == lower
    assert dbn.rbms_[-1] is top


COPIES = {
    "the model itself": lambda dbn: dbn,
    "a deep copy": copy.deepcopy,
    "an unpickled copy": lambda dbn: pickle.loads(pickle.dumps(dbn)),
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_what_the_top_rbm_learns_shows_in_the_lists_of_the_stack(dbn, X, y, copied):
    dbn = copied(dbn).up_down(X, y, 2, learning_rate=0.5)
    top = dbn.rbms_[-1]
    for weights in (dbn.recognition_weights_, dbn.generative_weights_):
        np.testing.assert_array_equal(weights[-1], top.weights_[:3])
    np.testing.assert_array_equal(dbn.recognition_biases_[-1], top.hidden_bias_)
    np.testing.assert_array_equal(dbn.generative_biases_[-1], top.visible_bias_[:3])
    below = dbn.transform(X, 1)
    np.testing.assert_allclose(
        dbn.transform(X), expit(below @ top.weights_[:3] + top.hidden_bias_), rtol=1e-5
    )


@pytest.mark.parametrize("copied", list(COPIES.values())[1:], ids=list(COPIES)[1:])
def test_up_down_of_a_copy_leaves_the_original_as_it_is(dbn, X, y, copied):
    before = stack_bits(dbn)
    copied(dbn).up_down(X, y, 1)
    assert stack_bits(dbn) == before


def test_the_same_seed_gives_the_same_bits(dbn, X, y):
    def trained(seed):
        return stack_bits(copy.deepcopy(dbn).up_down(X, y, 2, random_state=seed))

    assert trained(0) == trained(0) != trained(1)
    # Without a seed the generator of the model goes on.
    assert trained(None) == trained(None)
    dbn.sample(1, n_gibbs=0)
    assert trained(None) != stack_bits(copy.deepcopy(dbn).up_down(X, y, 2, random_state=0))


# Learning ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_up_down_raises_the_exact_likelihood_and_the_bound(seed):
    patterns = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1.0]])
    X = np.tile(patterns, (50, 1))
    dbn = DBN((4, 3), RBM(n_epochs=30, batch_size=20), random_state=seed).fit(X)

    def values():
        table = EnumeratedDBN(dbn)
        rows = [(pattern == table.V).all(axis=1).argmax() for pattern in patterns]
        return table.log_likelihood[rows].mean(), table.bound[rows].mean()

    before = values()
    dbn.up_down(X, n_epochs=60, learning_rate=0.1, n_gibbs=(3, 6, 10), batch_size=20)
    # Measured: 0.2 nats of likelihood or more.
    assert (np.subtract(values(), before) > 0.1).all()


def test_up_down_does_not_hurt_the_recognition_of_digits():
    X, y, _, _ = digits_with_labels()
    before, after = [], []
    for seed in range(3):
        dbn = copy.deepcopy(digit_stack(seed, propagate="mean"))
        before.append(accuracy(dbn))
        dbn.up_down(X, y, 10, learning_rate=0.05, n_gibbs=(1, 3), batch_size=50, random_state=seed)
        after.append(accuracy(dbn))
    # Measured: from 0.875 to 0.891.
    assert np.mean(after) > np.mean(before)


def test_progress_is_shown_on_stderr_if_asked_for(dbn, X, y, capfd):
    dbn.set_params(verbose=1).up_down(X, y, 3)
    out, err = capfd.readouterr()
    assert out == ""
    assert "3/3" in err


def test_diverged_training_is_an_error_that_names_the_learning_rate(rng):
    X = rng.standard_normal((30, 6))
    dbn = DBN((3, 2), RBM(visible="gaussian", n_epochs=1, learning_rate=1e-3)).fit(X)
    before = dbn.transform(X)
    with pytest.raises(ValueError, match="diverged: lower learning_rate"):
        dbn.up_down(100 * X, n_epochs=20, learning_rate=1e20)
    np.testing.assert_array_equal(dbn.transform(X), before)
    assert dbn.rbms_[-1].machine_ is dbn.stack_.top
