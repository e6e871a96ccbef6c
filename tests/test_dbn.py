"""What a DBN computes, draws and learns, held against distributions summed path by path."""

from itertools import pairwise

import numpy as np
import pytest
from models import Enumerated, bits, points, random_rbm
from scipy.special import expit, logsumexp, softmax
from scipy.stats import chi2
from scipy.stats import t as student_t
from sklearn.base import clone
from stacks import CLASSES, EnumeratedDBN, accuracy, digit_stack, random_dbn, stack_bits

from dbnlab import DBN, RBM, greedy, learning, likelihood, stack
from dbnlab import dbn as dbn_module

STACKS = [
    ("bernoulli", (3,), False, "bernoulli"),
    ("bernoulli", (3,), True, "bernoulli"),
    ("bernoulli", (3, 3, 2), False, "gaussian"),
    ("bernoulli", (3, 3, 2), True, "bernoulli"),
    ("gaussian", (3, 2), False, "bernoulli"),
    ("gaussian", (3,), True, "bernoulli"),
    ("softmax", (3, 2), True, "gaussian"),
]
EVERY_STACK = pytest.mark.parametrize(("visible", "sizes", "labels", "code"), STACKS)
LABELLED = pytest.mark.parametrize(
    ("visible", "sizes", "labels", "code"), [stack for stack in STACKS if stack[2]]
)
COUNTED = pytest.mark.parametrize(
    ("visible", "sizes", "labels", "code"), [stack for stack in STACKS if stack[0] != "gaussian"]
)


@pytest.fixture
def y(rng):
    return CLASSES[rng.integers(3, size=30)]


def log_z(dbn):
    return likelihood.log_partition(dbn.rbms_[-1], "exact")


# Means -------------------------------------------------------------------------------------------


@EVERY_STACK
def test_transform_passes_means_up_and_inverse_transform_passes_them_down(
    visible, sizes, labels, code
):
    dbn = random_dbn(visible, sizes, labels, code)
    table = EnumeratedDBN(dbn, visible)
    for layer in range(len(sizes) - 1):
        means = table.means_up(table.V, layer + 1)
        np.testing.assert_allclose(dbn.transform(table.V, layer), means, atol=1e-9)
    top = dbn.rbms_[-1]
    below = table.means_up(table.V, len(sizes) - 1)
    H = below @ top.weights_[: below.shape[1]] + top.hidden_bias_
    H = H if code == "gaussian" else expit(H)
    np.testing.assert_allclose(dbn.transform(table.V), H, atol=1e-9)
    np.testing.assert_array_equal(dbn.transform(table.V, len(sizes) - 1), dbn.transform(table.V))
    field = (H @ top.weights_.T + top.visible_bias_)[:, : below.shape[1]]
    for weights, bias in zip(dbn.generative_weights_[-2::-1], dbn.generative_biases_[-2::-1]):
        field = expit(field) @ weights.T + bias
    blocks = [field[:, :2], field[:, 2:]] if visible == "softmax" else [field]
    mean = {"bernoulli": expit, "gaussian": np.copy, "softmax": lambda x: softmax(x, axis=1)}
    V = np.hstack([mean[visible](block) for block in blocks])
    np.testing.assert_allclose(dbn.inverse_transform(H), V, atol=1e-9)
    np.testing.assert_allclose(dbn.reconstruct(table.V), V, atol=1e-9)


@LABELLED
def test_predict_proba_is_the_enumerated_posterior_of_the_label_over_the_means_below(
    monkeypatch, visible, sizes, labels, code
):
    dbn = random_dbn(visible, sizes, labels, code)
    table = EnumeratedDBN(dbn, visible)
    V = table.V[table.likely_rows()]
    p = softmax(table.log_top(table.means_up(V, len(sizes) - 1)), axis=1)
    np.testing.assert_allclose(dbn.predict_proba(V), p, atol=1e-9)
    np.testing.assert_array_equal(dbn.predict(V), CLASSES[p.argmax(axis=1)])
    whole = dbn.predict_proba(V)
    monkeypatch.setattr(stack, "CHUNK_VALUES", 5)
    np.testing.assert_allclose(dbn.predict_proba(V), whole, rtol=1e-12)


# Samples -----------------------------------------------------------------------------------------


def assert_drawn_from(V, states, p):
    counts = (V[:, None] == states).all(axis=2).sum(axis=0)
    assert counts.sum() == len(V)
    expected = len(V) * p
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert chi2.sf(statistic, len(p) - 1) > 1e-3


@COUNTED
def test_dreams_end_in_the_enumerated_distribution(visible, sizes, labels, code):
    dbn = random_dbn(visible, sizes, labels, code)
    table = EnumeratedDBN(dbn, visible)
    assert_drawn_from(dbn.sample(5000, n_gibbs=60, random_state=1), table.V, table.p_visible())


@pytest.mark.parametrize("sizes", [(3,), (3, 3, 2)])
def test_dreams_of_a_class_end_in_the_distribution_given_that_class(backend, sizes):
    plain, dbn = random_dbn("bernoulli", sizes, labels=False), random_dbn("bernoulli", sizes)
    for model in (plain, dbn):
        model.rbms_[-1].backend = backend
        table = EnumeratedDBN(model)
        V = model.sample(5000, n_gibbs=60, random_state=1)
        assert_drawn_from(V, table.V, table.p_visible())
    # Given the label, the top is an RBM like that of the plain stack, but with a bias per chain.
    for number, label in enumerate(CLASSES):
        for label_strength in (1, 4):
            V = dbn.sample(5000, label, 60, random_state=1, label_strength=label_strength)
            assert_drawn_from(V, table.V, table.p_visible(number))
    each = np.tile(CLASSES[[2, 0]], 5000)
    V = dbn.sample(10000, each, n_gibbs=60, random_state=1)
    assert_drawn_from(V[::2], table.V, table.p_visible(2))
    assert_drawn_from(V[1::2], table.V, table.p_visible(0))


@pytest.mark.parametrize("label", [None, "bee"])
def test_dreams_go_from_init_up_the_recognition_weights_through_the_chain_and_down(label):
    dbn = random_dbn()
    # With strong weights downwards, means of the layer below the top would not pass for states.
    for weights in dbn.generative_weights_[:-1]:
        weights *= 4
    table = EnumeratedDBN(dbn)
    V = dbn.sample(20000, label, n_gibbs=0, init=np.tile(table.V[6], (20000, 1)), random_state=1)
    p = np.eye(16)[6]
    for number in range(2):
        p = p @ np.exp(table.log_up(number, table.states[number]))
    for number in (1, 0):
        p = p @ np.exp(table.log_down(number))
    assert_drawn_from(V, table.V, p)
    chains = dbn.sample(5000, n_gibbs=60, init=np.tile(table.V[6], (5000, 1)), random_state=1)
    assert_drawn_from(chains, table.V, table.p_visible())


def test_without_init_chains_start_from_the_biases_alone():
    dbn = random_dbn(labels=False)
    table = EnumeratedDBN(dbn)
    bias = dbn.rbms_[-1].visible_bias_
    p = np.where(table.states[2] == 1, expit(bias), expit(-bias)).prod(axis=1)
    for number in (1, 0):
        p = p @ np.exp(table.log_down(number))
    assert_drawn_from(dbn.sample(20000, n_gibbs=0, random_state=1), table.V, p)


def test_dreams_of_gaussian_units_have_the_moments_of_the_model():
    dbn = random_dbn("gaussian", (3, 2))
    table = EnumeratedDBN(dbn, "gaussian")
    V, p = dbn.sample(5000, n_gibbs=60, random_state=1), table.p_visible()
    for moment in (lambda v: v, lambda v: v[:, :, None] * v[:, None]):
        drawn, expected = moment(V), np.tensordot(p, moment(table.V), 1)
        error = drawn.std(axis=0) / np.sqrt(5000)
        assert (np.abs(drawn.mean(axis=0) - expected) < 4.5 * error).all()


def test_a_seed_fixes_a_dream_and_no_seed_goes_on(X):
    dbn = DBN((3, 2), RBM(n_epochs=1), random_state=0).fit(X)
    draw = lambda seed: dbn.sample(50, n_gibbs=2, random_state=seed)  # noqa: E731
    np.testing.assert_array_equal(draw(7), draw(7))
    assert (draw(7) != draw(8)).any()
    assert (draw(None) != draw(None)).any()
    assert set(np.unique(draw(7))) == {0, 1}


# Likelihood --------------------------------------------------------------------------------------


@EVERY_STACK
def test_the_bound_is_estimated_without_bias(visible, sizes, labels, code):
    dbn = random_dbn(visible, sizes, labels, code)
    table = EnumeratedDBN(dbn, visible)
    rows = table.likely_rows()
    value, error = dbn.log_likelihood_bound(table.V[rows], log_z(dbn), 1000, random_state=0)
    assert (np.abs(value - table.bound[rows]) <= 4.5 * error + 1e-9).all()
    assert (error > 1e-9).all() == (len(sizes) > 1)


def test_the_standard_errors_of_the_bound_are_honest():
    dbn = random_dbn()
    table = EnumeratedDBN(dbn)
    V = np.tile(table.V, (300, 1))
    value, error = dbn.log_likelihood_bound(V, log_z(dbn).value, 50, random_state=0)
    deviation = value - np.tile(table.bound, 300)
    np.testing.assert_allclose((deviation**2).mean(), (error**2).mean(), rtol=0.06)
    covered = np.abs(deviation) <= student_t.ppf(0.975, 49) * error
    assert 0.93 < covered.mean() < 0.965


@EVERY_STACK
@pytest.mark.parametrize("seed", range(3))
def test_the_bound_lies_below_the_exact_log_probability_of_every_row(
    visible, sizes, labels, code, seed
):
    dbn = random_dbn(visible, sizes, labels, code, seed)
    table = EnumeratedDBN(dbn, visible)
    assert (table.bound <= table.log_likelihood + 1e-9).all()
    rows = table.likely_rows()
    value, error = dbn.log_likelihood_bound(table.V[rows], log_z(dbn), 100, random_state=0)
    assert (value <= table.log_likelihood[rows] + 4.5 * error + 1e-9).all()


@pytest.mark.parametrize("labels", [False, True])
def test_with_one_hidden_layer_the_bound_is_the_exact_log_probability(labels):
    dbn = random_dbn("bernoulli", (3,), labels)
    table = EnumeratedDBN(dbn)
    value, error = dbn.log_likelihood_bound(table.V, log_z(dbn), 2)
    np.testing.assert_allclose(value, table.log_likelihood, atol=1e-10)
    np.testing.assert_array_equal(error, 0)


def put_on_top(rbm):
    """A DBN of `rbm` and, on top, the same RBM upside down."""
    dbn = random_dbn("bernoulli", (rbm.n_hidden, rbm.n_features_in_), labels=False)
    for weights in (dbn.recognition_weights_, dbn.generative_weights_):
        weights[0][...] = rbm.weights_
    dbn.recognition_biases_[0][...] = rbm.hidden_bias_
    dbn.generative_biases_[0][...] = rbm.visible_bias_
    top = dbn.rbms_[-1]
    top.weights_[...] = rbm.weights_.T
    top.visible_bias_[...], top.hidden_bias_[...] = rbm.hidden_bias_, rbm.visible_bias_
    return dbn


def test_on_its_transposed_copy_the_bound_is_the_likelihood_of_the_first_rbm():
    rbm = random_rbm()
    dbn = put_on_top(rbm)
    V = Enumerated(rbm).V
    exact = likelihood.log_likelihood(rbm, V, likelihood.log_partition(rbm, "exact"))
    value, error = dbn.log_likelihood_bound(V, log_z(dbn), 10, random_state=0)
    np.testing.assert_allclose(value, exact, atol=1e-9)
    # The posterior is factorial and q is the posterior: every draw has the same weight.
    np.testing.assert_allclose(error, 0, atol=1e-9)
    np.testing.assert_allclose(EnumeratedDBN(dbn).log_likelihood, exact, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_a_second_layer_that_starts_from_the_first_upside_down_never_lowers_the_bound(seed):
    rbm = random_rbm(seed=seed)
    dbn = put_on_top(rbm)
    X = np.random.default_rng(seed).choice(len(points(rbm.visible_unit_)[0]), 6)
    top, bounds = dbn.rbms_[-1], []
    for _ in range(40):
        table = EnumeratedDBN(dbn)
        bounds.append(table.bound[X].mean())
        value, error = dbn.log_likelihood_bound(table.V[X], log_z(dbn), 100, random_state=0)
        assert abs(value.mean() - bounds[-1]) <= 4.5 * np.sqrt((error**2).sum()) / 6 + 1e-9
        # The gradient is linear in the rows, here all states of h¹ with their probabilities.
        p = table.q[X].mean(axis=0)
        for weight, state in zip(p, table.states[1]):
            for parameter, gradient in zip(
                top.state_.parameters, likelihood.exact_gradient(top, state[None])
            ):
                parameter += 0.1 * weight * gradient
    assert (np.diff(bounds) > 0).all()
    V = table.V[X]
    exact = likelihood.log_likelihood(rbm, V, likelihood.log_partition(rbm, "exact")).mean()
    np.testing.assert_allclose(bounds[0], exact, atol=1e-9)


@EVERY_STACK
def test_score_samples_takes_the_means_of_the_hidden_layers_for_their_states(
    visible, sizes, labels, code
):
    dbn = random_dbn(visible, sizes, labels, code)
    table = EnumeratedDBN(dbn, visible)
    V = table.V[table.likely_rows()]
    layers = [table.means_up(V, number) for number in range(len(sizes))]
    expected = logsumexp(table.log_top(layers[-1]), axis=1)
    if visible == "gaussian":
        expected -= (V**2).sum(axis=1) / 2
    for number, (S, H) in enumerate(pairwise(layers)):
        # -log q(H | S) at the means H is the entropy of q.
        expected -= (H * np.log(H) + (1 - H) * np.log(1 - H)).sum(axis=1)
        field = H @ dbn.generative_weights_[number].T + dbn.generative_biases_[number]
        log_sum = logsumexp(field @ table.states[number].T + table.measures[number], axis=1)
        expected += (S * field).sum(axis=1) - log_sum
    np.testing.assert_allclose(dbn.score_samples(V), expected, atol=1e-8)


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian", "softmax"])
def test_with_one_hidden_layer_score_samples_is_the_free_energy_of_the_rbm(visible):
    dbn = random_dbn(visible, (3,), labels=False)
    V = EnumeratedDBN(dbn, visible).V
    np.testing.assert_allclose(dbn.score_samples(V), -dbn.rbms_[0].free_energy(V), rtol=1e-12)


# Greedy training ---------------------------------------------------------------------------------


def by_hand(dbn, X, y=None):
    """The layers of `dbn`, each trained on its own on the means of those below."""
    rows, rbms = X.astype(np.float32), []
    for number, rbm in enumerate(dbn.rbms_):
        if number == len(dbn.rbms_) - 1 and y is not None:
            rows = np.hstack([rows, (y[:, None] == np.unique(y)).astype(np.float32)])
        rbms.append(clone(rbm).fit(rows))
        rows = rbms[-1].transform(rows)
    return rbms


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("sizes", [(4,), (4, 3, 2)])
def test_each_layer_is_the_rbm_of_what_those_below_make_of_the_rows(X, y, visible, labels, sizes):
    prototype = RBM(visible=visible, n_epochs=3, batch_size=7, momentum=0.5)
    dbn = DBN(sizes, prototype, joint_labels=labels, random_state=0).fit(X, y)
    for rbm, alone in zip(dbn.rbms_, by_hand(dbn, X, y if labels else None), strict=True):
        assert bits(rbm) == bits(alone)
        assert rbm.history_ == alone.history_
        assert len(rbm.history_["reconstruction_error"]) == 3
    assert len({rbm.random_state for rbm in dbn.rbms_}) == len(sizes)
    assert [rbm.n_hidden for rbm in dbn.rbms_] == list(sizes)


def test_rows_beyond_a_thousand_go_up_once_and_in_order(X):
    dbn = DBN((4, 3), RBM(n_epochs=1), random_state=0).fit(X)
    rows, labels = np.tile(X, (70, 1)), np.arange(2100)[:, None]
    passed = np.concatenate(list(greedy.Propagated(rows, dbn.rbms_, labels, None)))
    np.testing.assert_allclose(passed, np.hstack([dbn.transform(rows), labels]), rtol=1e-6)


def test_greedy_training_leaves_recognition_and_generative_weights_equal(X, y):
    dbn = DBN((4, 3, 2), RBM(n_epochs=2), joint_labels=True, random_state=0).fit(X, y)
    for number, rbm in enumerate(dbn.rbms_):
        n_below = (6, 4, 3)[number]
        for weights in (dbn.recognition_weights_, dbn.generative_weights_):
            np.testing.assert_array_equal(weights[number], rbm.weights_[:n_below])
        np.testing.assert_array_equal(dbn.recognition_biases_[number], rbm.hidden_bias_)
        np.testing.assert_array_equal(dbn.generative_biases_[number], rbm.visible_bias_[:n_below])
    assert list(dbn.classes_) == sorted(set(y))


def test_sampled_states_are_drawn_anew_each_epoch(monkeypatch):
    X, seen = np.tile([1.0, 0, 0, 1], (900, 1)), []
    original = learning.gradient

    def gradient(state, V, recipe):
        if state.machine.hidden.n_units == 2:
            seen.append(V)
        return original(state, V, recipe)

    monkeypatch.setattr(learning, "gradient", gradient)
    prototype = RBM(n_epochs=2, batch_size=900, learning_rate=0.5)
    y = np.arange(900) % 3
    dbn = DBN((5, 3, 2), prototype, "sample", joint_labels=True, random_state=0).fit(X, y)
    first, second = seen
    for states in (first, second):
        assert set(np.unique(states)) == {0, 1}
        np.testing.assert_array_equal(states[:, 3:].sum(axis=0), 300)
    # The mean over states drawn two layers up is not that of a pass of means.
    V = dbn.rbms_[0].transform(X[:1])
    coins = np.random.default_rng(0).random((100000, 5)) < V
    mean = dbn.rbms_[1].transform(coins.astype(float)).mean(axis=0)
    for states in (first, second):
        assert (np.abs(states[:, :3].mean(axis=0) - mean) < 4.5 * 0.5 / np.sqrt(900)).all()
    counts = [np.unique(states, axis=0, return_counts=True)[1] for states in (first, second)]
    assert not np.array_equal(*counts)


def test_the_stack_wins_over_its_prototypes_and_leaves_them_as_they_are(X):
    prototypes = [
        RBM(99, visible="gaussian", n_epochs=1, backend="tensorflow", random_state=5, verbose=1),
        RBM(99, visible="gaussian", hidden="gaussian", n_epochs=2, learning_rate=1e-3),
        None,  # two batches a pass, so 500 passes
    ]
    before = [prototype and prototype.get_params() for prototype in prototypes]
    dbn = DBN((4, 3, 2), prototypes, random_state=0).fit(X)
    assert [prototype and prototype.get_params() for prototype in prototypes] == before
    assert not any(hasattr(prototype, "weights_") for prototype in prototypes)
    assert [rbm.n_hidden for rbm in dbn.rbms_] == [4, 3, 2]
    assert [rbm.visible for rbm in dbn.rbms_] == ["gaussian", "bernoulli", "gaussian"]
    assert [rbm.hidden for rbm in dbn.rbms_] == ["bernoulli", "gaussian", "bernoulli"]
    assert [len(rbm.history_["update_ratio"]) for rbm in dbn.rbms_] == [1, 2, 500]
    assert {rbm.backend for rbm in dbn.rbms_} == {"numpy"}
    assert dbn.rbms_[0].random_state != 5


def test_the_same_seed_gives_the_same_bits_and_fit_starts_afresh(X, y):
    def trained(seed, propagate):
        dbn = DBN((4, 3), RBM(n_epochs=2), propagate, joint_labels=True, random_state=seed)
        first = stack_bits(dbn.fit(X, y))
        draws = dbn.sample(5, n_gibbs=3).tobytes() + stack_bits(dbn.up_down(X, y, 2))
        assert stack_bits(dbn.fit(X, y)) == first
        return first, draws

    for propagate in ("mean", "sample"):
        first, again, other = (trained(seed, propagate) for seed in (0, 0, 1))
        assert first == again
        assert all(a != b for a, b in zip(first, other))


def test_a_generator_goes_on_from_fit_to_fit(X):
    dbn = DBN((4, 3), RBM(n_epochs=1), random_state=np.random.default_rng(0))
    assert stack_bits(dbn.fit(X)) != stack_bits(dbn.fit(X))


def test_labels_are_forgotten_with_joint_labels(X, y):
    dbn = DBN((4, 3), RBM(n_epochs=1), joint_labels=True, random_state=0).fit(X, y)
    plain = clone(dbn).set_params(joint_labels=False).fit(X, y)
    assert stack_bits(dbn.set_params(joint_labels=False).fit(X)) == stack_bits(plain)
    assert not hasattr(dbn, "predict")


# Watching and stopping ---------------------------------------------------------------------------


def test_one_progress_bar_on_stderr_counts_the_epochs_of_all_layers(X, capfd):
    DBN((4, 3), [RBM(n_epochs=2), RBM(n_epochs=3)], verbose=1).fit(X)
    out, err = capfd.readouterr()
    assert out == ""
    assert "5/5" in err
    assert "2/2" not in err
    assert "3/3" not in err
    assert "reconstruction_error" in err


def test_the_progress_bar_counts_the_epochs_that_the_rows_trained_on_need(X, capfd):
    # Of 30 rows 27 are trained on: with 9 in a batch, 3 updates an epoch and not 4.
    rbm = RBM(batch_size=9, validation_fraction=0.1)
    dbn = DBN((2,), rbm, verbose=1, random_state=0).fit(X)
    n_epochs = len(dbn.rbms_[0].history_["reconstruction_error"])
    assert n_epochs == 334
    assert f"{n_epochs}/{n_epochs}" in capfd.readouterr().err


def test_silence_is_the_default_whatever_the_prototype_says(X, capfd):
    dbn = DBN((4, 3), RBM(n_epochs=2, verbose=1)).fit(X)
    dbn.up_down(X, n_epochs=2).sample(2, n_gibbs=2)
    assert capfd.readouterr() == ("", "")


def stop_in(monkeypatch, n_hidden, epoch, error):
    """Let training of the layer of `n_hidden` units stop in one epoch."""
    original = learning.train_epoch

    def train_epoch(state, *rows_and_engine):
        if (state.machine.hidden.n_units, state.n_epochs) == (n_hidden, epoch):
            raise error
        original(state, *rows_and_engine)

    monkeypatch.setattr(learning, "train_epoch", train_epoch)


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize(("n_hidden", "epoch"), [(4, 2), (3, 0), (3, 2), (2, 1)])
def test_a_killed_run_goes_on_from_its_checkpoints_to_the_same_bits(
    X, y, tmp_path, monkeypatch, labels, n_hidden, epoch
):
    dbn = DBN((4, 3, 2), RBM(n_epochs=3, batch_size=7), joint_labels=labels, random_state=0)
    whole = clone(dbn).fit(X, y)
    with monkeypatch.context() as patch:
        stop_in(patch, n_hidden, epoch, RuntimeError("killed"))
        with pytest.raises(RuntimeError, match="killed"):
            dbn.fit(X, y, checkpoint=tmp_path / "state")
        assert not hasattr(dbn, "rbms_")
    # Epochs that the checkpoints hold are not trained again.
    stop_in(monkeypatch, 4, 0, AssertionError("began again"))
    again = clone(dbn).fit(X, y, checkpoint=tmp_path / "state")
    assert stack_bits(again) == stack_bits(whole)
    assert [r.history_ for r in again.rbms_] == [r.history_ for r in whole.rbms_]
    np.testing.assert_array_equal(again.sample(9, n_gibbs=3), whole.sample(9, n_gibbs=3))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["state.0", "state.1", "state.2"]


def test_a_checkpoint_of_other_rows_is_refused(X, tmp_path):
    dbn = DBN((4, 3), RBM(n_epochs=1), random_state=0).fit(X, checkpoint=tmp_path / "state")
    with pytest.raises(ValueError, match="the training rows are others"):
        dbn.fit(1 - X, checkpoint=tmp_path / "state")


def test_states_drawn_anew_have_no_checkpoint(X, tmp_path):
    with pytest.raises(ValueError, match="checkpoint needs propagate='mean'"):
        DBN((4, 3), propagate="sample").fit(X, checkpoint=tmp_path / "state")


def test_a_checkpoint_without_a_seed_is_refused_before_training(X, tmp_path):
    # The seeds of the layers are drawn from that of the stack: a second run would draw others.
    with pytest.raises(ValueError, match="random_state"):
        DBN((4, 3)).fit(X, checkpoint=tmp_path / "state")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("epoch", [0, 1])
def test_ctrl_c_raises_and_leaves_no_half_of_a_stack(X, monkeypatch, epoch):
    dbn = DBN((4, 3), RBM(n_epochs=2), random_state=0).fit(X)
    before = dbn.transform(X)
    stop_in(monkeypatch, 3, epoch, KeyboardInterrupt)
    for model in (dbn, clone(dbn)):
        with pytest.raises(KeyboardInterrupt, match="in layer 1: a part of a stack is no DBN"):
            model.fit(X)
    assert not hasattr(model, "rbms_")
    np.testing.assert_array_equal(dbn.transform(X), before)


def test_ctrl_c_after_the_last_update_of_a_layer_is_not_lost(X, monkeypatch):
    original = learning.watch

    def watch(state, *rows_and_recipe):
        worst = original(state, *rows_and_recipe)
        if state.machine.hidden.n_units == 4 and state.n_epochs == 2:
            raise KeyboardInterrupt
        return worst

    monkeypatch.setattr(learning, "watch", watch)
    dbn = DBN((4, 3), RBM(n_epochs=2), random_state=0)
    with pytest.raises(KeyboardInterrupt, match="in layer 0"):
        dbn.fit(X)
    assert not hasattr(dbn, "rbms_")


# Learning ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("propagate", ["mean", "sample"])
def test_labels_and_digits_are_learnt_together(propagate):
    # Measured: 0.856 to 0.896 for each seed.
    assert np.mean([accuracy(digit_stack(seed, propagate=propagate)) for seed in range(3)]) > 0.85


def test_both_engines_learn_the_digits():
    stacks = digit_stack(0, propagate="mean"), digit_stack(0, backend="tensorflow")
    assert min(map(accuracy, stacks)) > 0.85
    errors = [[rbm.history_["reconstruction_error"][-1] for rbm in dbn.rbms_] for dbn in stacks]
    np.testing.assert_allclose(*errors, rtol=0.1)


def test_dreams_of_a_class_are_recognised_as_that_class():
    dbn, y = digit_stack(0, propagate="mean"), np.repeat(np.arange(10), 30)
    V = dbn.sample(300, y, n_gibbs=100, random_state=0)
    # Measured: 0.75, where chance is 0.1.
    assert (dbn.predict(V) == y).mean() > 0.65


def test_a_strong_label_at_first_makes_short_chains_dream_of_their_class():
    dbn, y = digit_stack(0, propagate="mean"), np.repeat(np.arange(10), 30)

    def share(label_strength):
        V = dbn.sample(300, y, n_gibbs=6, random_state=0, label_strength=label_strength)
        return (dbn.predict(V) == y).mean()

    # Measured: 0.64 and 0.80.
    assert share(4) > share(1) + 0.1


def test_the_strength_of_the_label_falls_to_one_in_the_first_half(monkeypatch):
    dbn, seen = random_dbn(), []
    monkeypatch.setattr(
        dbn_module.engines,
        "gibbs",
        lambda machine, S, n, rng, backend: seen.append((machine.hidden_bias, n)) or S,
    )
    dbn.sample(1, CLASSES[1], n_gibbs=9, random_state=0, label_strength=4)
    top, n_below = dbn.stack_.top, dbn.stack_.units[-2].n_units
    strengths = [((bias - top.hidden_bias) / top.weights[n_below + 1]).mean() for bias, _ in seen]
    np.testing.assert_allclose(strengths, [4, 3, 2, 1, 1])
    assert [n for _, n in seen] == [1, 1, 1, 1, 5]


def test_a_gaussian_code_on_top_reconstructs_better_than_the_mean(digits):
    layers = [
        RBM(learning_rate=0.1, n_epochs=30),
        RBM(hidden="gaussian", learning_rate=0.01, n_epochs=20),
    ]
    dbn = DBN((64, 8), layers, random_state=0).fit(digits)
    error = np.mean((digits - dbn.reconstruct(digits)) ** 2)
    # Measured: half the variance.
    assert error < 0.6 * digits.var(axis=0).mean()
