"""Word counts: the replicated softmax against sums over all documents of a length."""

import itertools
import json
import math

import numpy as np
import pytest
from models import flat, one_update
from scipy.special import expit, logsumexp

from dbnlab import DBN, RBM, DBNClassifier, DeepAutoencoder, likelihood
from dbnlab.denoise import GibbsDenoiser
from dbnlab.parameters import unit_as_json, unit_from_json
from dbnlab.units import Bernoulli, Joint, Multinomial, ReplicatedSoftmax

N_WORDS, N_HIDDEN = 3, 2
HIDDEN = pytest.mark.parametrize("hidden", ["bernoulli", "gaussian"])
LENGTHS = pytest.mark.parametrize("length", [1, 2, 5])
MIXED = np.array([[1, 0, 0], [0, 2, 1], [3, 1, 1], [0, 1, 0], [2, 0, 3], [1, 1, 1.0]])


def documents(length, n_words=N_WORDS):
    """All count vectors of a length, and the number of word sequences that give each."""
    sequences = itertools.product(range(n_words), repeat=length)
    counts = np.array([np.bincount(words, minlength=n_words) for words in sequences])
    return np.unique(counts, axis=0, return_counts=True)


def random_rbm(hidden="bernoulli", seed=0, n_words=N_WORDS, **parameters):
    defaults = {"n_epochs": 1, "learning_rate": 1e-9, "dtype": "float64", "random_state": seed}
    rbm = RBM(N_HIDDEN, visible=ReplicatedSoftmax(n_words), hidden=hidden, **defaults | parameters)
    rbm.partial_fit(np.eye(n_words))
    rng = np.random.default_rng(seed)
    rbm.weights_ = 0.5 * rng.standard_normal((n_words, N_HIDDEN))
    rbm.visible_bias_ = rng.standard_normal(n_words)
    rbm.hidden_bias_ = 0.4 * rng.standard_normal(N_HIDDEN)
    return rbm


class Enumerated:
    """p(v, h) at one length as a table over count vectors and binary hidden states."""

    def __init__(self, rbm, length):
        self.V, self.n_orders = documents(length)
        self.H = np.array(list(itertools.product([0, 1], repeat=N_HIDDEN)), dtype=float)
        exponent = self.V @ rbm.weights_ @ self.H.T + (self.V @ rbm.visible_bias_)[:, None]
        exponent += length * self.H @ rbm.hidden_bias_ + np.log(self.n_orders)[:, None]
        self.exponent = exponent
        self.log_z = logsumexp(exponent)
        self.joint = np.exp(exponent - self.log_z)
        self.p_visible = self.joint.sum(axis=1)


def log_z_of(rbm, lengths):
    return {
        n: likelihood.log_partition(likelihood.at_length(rbm, n), "exact")
        for n in map(int, np.unique(lengths))
    }


# Unit types --------------------------------------------------------------------------------------


@LENGTHS
def test_the_base_measure_counts_the_orders_of_the_words(length):
    V, n_orders = documents(length)
    for unit in (ReplicatedSoftmax(N_WORDS), Multinomial(N_WORDS, length)):
        np.testing.assert_allclose(np.exp(unit.log_base_measure(V)), n_orders)


@LENGTHS
def test_log_partition_sums_over_all_documents_of_the_length(length, rng):
    V, n_orders = documents(length)
    x = rng.standard_normal((4, N_WORDS))
    expected = logsumexp(x @ V.T + np.log(n_orders), axis=1)
    np.testing.assert_allclose(Multinomial(N_WORDS, length).log_partition(x), expected)


def test_each_row_has_the_length_of_the_document_it_is_like(rng):
    unit = ReplicatedSoftmax(N_WORDS).like(MIXED)
    x = rng.standard_normal(MIXED.shape)
    lengths = MIXED.sum(axis=1)
    each = [Multinomial(N_WORDS, int(length)) for length in lengths]
    pairs = list(zip(each, x[:, None]))
    np.testing.assert_allclose(unit.mean(x), np.vstack([u.mean(row) for u, row in pairs]))
    np.testing.assert_allclose(
        unit.log_partition(x), np.ravel([u.log_partition(row) for u, row in pairs])
    )
    np.testing.assert_array_equal(unit.sample(x, rng).sum(axis=1), lengths)


def test_mean_is_the_gradient_of_the_log_partition(rng):
    unit = ReplicatedSoftmax(N_WORDS).like(MIXED)
    x = rng.standard_normal(MIXED.shape)
    for column, step in enumerate(1e-5 * np.eye(N_WORDS)):
        slope = (unit.log_partition(x + step) - unit.log_partition(x - step)) / 2e-5
        np.testing.assert_allclose(unit.mean(x)[:, column], slope, atol=1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_draws_follow_the_multinomial_distribution(dtype, rng):
    x = rng.standard_normal(N_WORDS).astype(dtype)
    V, n_orders = documents(4)
    draws = Multinomial(N_WORDS, 4).sample(np.tile(x, (40_000, 1)), rng)
    assert draws.dtype == dtype
    p = n_orders * np.exp(V @ x.astype(float))
    p /= p.sum()
    frequency = (draws[:, None] == V).all(axis=2).mean(axis=0)
    assert (np.abs(frequency - p) < 4.5 * np.sqrt(p / 40_000)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_fields_neither_overflow_nor_give_nan(dtype):
    x = np.array([[1e4, -1e4, 1e4], [-1e4, -1e4, -1e4]], dtype)
    unit = Multinomial(N_WORDS, 6)
    np.testing.assert_allclose(unit.mean(x), [[3, 0, 3], [2, 2, 2]], rtol=1e-6)
    expected = [6e4 + 6 * np.log(2), -6e4 + 6 * np.log(3)]
    np.testing.assert_allclose(unit.log_partition(x), expected, rtol=1e-6)


def test_probabilities_of_documents_sum_to_one(rng):
    V, _ = documents(4)
    x = np.tile(rng.standard_normal(N_WORDS), (len(V), 1))
    log_p = ReplicatedSoftmax(N_WORDS).log_probability(V.astype(float), x)
    np.testing.assert_allclose(np.exp(log_p).sum(), 1)


def test_the_mean_of_a_bare_field_is_that_of_one_word(rng):
    x = rng.standard_normal((2, N_WORDS))
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(ReplicatedSoftmax(N_WORDS).mean(x), p)


def test_the_bias_gives_the_frequencies_of_the_words():
    V = np.array([[3, 1, 0], [1, 3, 0]])
    unit = ReplicatedSoftmax(N_WORDS)
    bias = unit.bias_from_mean(V.mean(axis=0), 2)
    assert np.isfinite(bias).all()
    np.testing.assert_allclose(unit.mean(bias[None])[0, :2], 2 / 4.25)


@pytest.mark.parametrize("unit", [ReplicatedSoftmax(3), Multinomial(3, 4)])
def test_a_unit_survives_its_json_description(unit):
    again = unit_from_json(json.loads(json.dumps(unit_as_json(unit))))
    assert vars(again) == vars(unit)


@pytest.mark.parametrize("make", [ReplicatedSoftmax, lambda n: Multinomial(n, 2)])
@pytest.mark.parametrize(("size", "error"), [(1, ValueError), (2.5, TypeError), (True, TypeError)])
def test_a_vocabulary_has_two_words_or_more(make, size, error):
    with pytest.raises(error, match=r"n_(words|units) must be"):
        make(size)


def test_counts_and_other_units_do_not_stand_side_by_side():
    with pytest.raises(TypeError, match="Joint cannot hold word counts"):
        Joint(ReplicatedSoftmax(3), Bernoulli(2))


# The model ---------------------------------------------------------------------------------------


@LENGTHS
def test_energy_and_free_energy_are_those_of_the_definition(length):
    rbm = random_rbm()
    table = Enumerated(rbm, length)
    V = table.V.astype(float)
    for column, h in enumerate(table.H):
        energy = rbm.energy(V, np.tile(h, (len(V), 1)))
        np.testing.assert_allclose(energy, -table.exponent[:, column])
    np.testing.assert_allclose(rbm.free_energy(V), -logsumexp(table.exponent, axis=1))


@LENGTHS
def test_conditionals_are_those_of_the_joint_distribution(length):
    rbm = random_rbm()
    table = Enumerated(rbm, length)
    mean_h = table.joint @ table.H / table.p_visible[:, None]
    np.testing.assert_allclose(rbm.transform(table.V.astype(float)), mean_h)
    mean_v = table.joint.T @ table.V / table.joint.sum(axis=0)[:, None]
    np.testing.assert_allclose(rbm.inverse_transform(table.H), mean_v / length)


def test_scaling_the_hidden_bias_equals_adding_it_to_every_weight():
    rbm, without = random_rbm(), random_rbm()
    without.weights_ += without.hidden_bias_
    without.hidden_bias_ = np.zeros(N_HIDDEN)
    np.testing.assert_allclose(rbm.free_energy(MIXED), without.free_energy(MIXED))
    np.testing.assert_allclose(
        rbm.inverse_transform(np.eye(2)), without.inverse_transform(np.eye(2))
    )


@pytest.mark.parametrize("seed", [0, 1])
@LENGTHS
def test_log_partition_at_a_length_sums_over_its_documents(length, seed):
    rbm = random_rbm(seed=seed)
    exact = likelihood.log_partition(likelihood.at_length(rbm, length), "exact").value
    np.testing.assert_allclose(exact, Enumerated(rbm, length).log_z)


@LENGTHS
def test_probabilities_of_all_documents_and_of_all_sequences_sum_to_one(length):
    rbm = random_rbm()
    V, n_orders = documents(length)
    V = V.astype(float)
    log_p = likelihood.log_likelihood(rbm, V, log_z_of(rbm, [length]))
    np.testing.assert_allclose(np.exp(log_p).sum(), 1)
    of_a_sequence = log_p - rbm.visible_unit_.log_base_measure(V)
    np.testing.assert_allclose(n_orders @ np.exp(of_a_sequence), 1)


def test_the_model_at_a_length_agrees_with_the_model_of_all():
    rbm = random_rbm()
    V = documents(4)[0].astype(float)
    model = likelihood.at_length(rbm, 4)
    np.testing.assert_allclose(model.free_energy(V), rbm.free_energy(V))
    np.testing.assert_allclose(model.transform(V), rbm.transform(V))
    assert rbm.visible == ReplicatedSoftmax(3)


@HIDDEN
def test_chains_keep_the_length_of_their_documents(hidden):
    rbm = random_rbm(hidden)
    lengths = MIXED.sum(axis=1)
    for V in (
        rbm.gibbs(MIXED, 3),
        rbm.sample(len(MIXED), 3, init=MIXED),
        rbm.reconstruct(MIXED),
    ):
        np.testing.assert_allclose(V.sum(axis=1), lengths)


def test_chains_end_in_the_model_of_their_length():
    rbm = random_rbm()
    start = np.repeat([[4.0, 0, 0], [1.0, 0, 0]], 20_000, axis=0)
    end = rbm.gibbs(start, 20, random_state=0)
    for rows, length in (end[:20_000], 4), (end[20_000:], 1):
        table = Enumerated(rbm, length)
        frequency = (rows[:, None] == table.V).all(axis=2).mean(axis=0)
        p = table.p_visible
        assert (np.abs(frequency - p) < 4.5 * np.sqrt(p / 20_000)).all()


def test_the_model_at_a_length_dreams_without_a_start():
    rbm = random_rbm()
    V = likelihood.at_length(rbm, 4).sample(20_000, 20, random_state=0)
    table = Enumerated(rbm, 4)
    frequency = (V[:, None] == table.V).all(axis=2).mean(axis=0)
    assert (np.abs(frequency - table.p_visible) < 4.5 * np.sqrt(table.p_visible / 20_000)).all()


# Learning ----------------------------------------------------------------------------------------


def test_exact_gradient_is_that_of_the_log_likelihood_of_documents_of_mixed_lengths():
    rbm = random_rbm()

    def mean_log_likelihood():
        log_z = log_z_of(rbm, MIXED.sum(axis=1))
        return likelihood.log_likelihood(rbm, MIXED, log_z).mean()

    for parameter, gradient in zip(rbm.state_.parameters, likelihood.exact_gradient(rbm, MIXED)):
        for index in np.ndindex(parameter.shape):
            old = parameter[index]
            parameter[index] = old + 1e-5
            above = mean_log_likelihood()
            parameter[index] = old - 1e-5
            below = mean_log_likelihood()
            parameter[index] = old
            np.testing.assert_allclose(gradient[index], (above - below) / 2e-5, atol=1e-8)


def test_cd_with_long_chains_estimates_the_gradient_with_the_bias_step_over_mean_squared_length():
    rbm = random_rbm(n_gibbs=30)
    weights, visible_bias, hidden_bias = likelihood.exact_gradient(rbm, MIXED)
    expected = flat([weights, visible_bias, hidden_bias / (MIXED.sum(axis=1) ** 2).mean()])
    batch = np.tile(MIXED, (50, 1))
    steps = np.array([one_update(rbm, batch) for _ in range(150)])
    error = steps.std(axis=0, ddof=1) / np.sqrt(len(steps))
    assert (np.abs(steps.mean(axis=0) - expected) < 4.5 * error).all()
    assert error.max() < 0.1 * np.abs(expected).max()


def test_training_finds_the_words_that_go_together():
    rng = np.random.default_rng(0)
    topics = np.array([[0.45, 0.45, 0.05, 0.05], [0.05, 0.05, 0.45, 0.45]])
    X = rng.multinomial(rng.integers(5, 30, 500), topics[rng.integers(2, size=500)])
    rbm = RBM(2, visible=ReplicatedSoftmax(4), learning_rate=0.02, n_epochs=30, random_state=0)
    rbm.fit(X)
    same, other = (np.corrcoef(rbm.weights_)[0, k] for k in (1, 2))
    assert same > 0.9 > 0 > other
    log_z = log_z_of(rbm, X.sum(axis=1))
    gain = likelihood.log_likelihood(rbm, X.astype(float), log_z).mean()
    unigram = likelihood.log_likelihood(
        silent := _without_weights(rbm), X.astype(float), log_z_of(silent, X.sum(axis=1))
    ).mean()
    assert gain > unigram + 3


def _without_weights(rbm):
    model = RBM(2, visible=rbm.visible, n_epochs=1, random_state=0).fit(np.eye(4))
    model.weights_ = np.zeros_like(rbm.weights_)
    model.visible_bias_, model.hidden_bias_ = rbm.data_bias_, np.zeros(2)
    return model


@HIDDEN
def test_same_seed_trains_the_same_bits_and_a_file_keeps_them(hidden, tmp_path):
    rbm, again = (
        RBM(3, visible=ReplicatedSoftmax(3), hidden=hidden, learning_rate=1e-3, random_state=0)
        for _ in range(2)
    )
    rbm.fit(MIXED), again.fit(MIXED)
    rbm.save(tmp_path / "topics.npz")
    loaded = RBM.load(tmp_path / "topics.npz")
    assert loaded.visible_unit_ == ReplicatedSoftmax(3)
    for model in (again, loaded):
        np.testing.assert_array_equal(model.weights_, rbm.weights_)
        np.testing.assert_array_equal(model.transform(MIXED), rbm.transform(MIXED))


def test_a_model_at_a_length_survives_its_file(tmp_path):
    model = likelihood.at_length(random_rbm(), 4)
    model.save(tmp_path / "four.npz")
    V = documents(4)[0].astype(float)
    np.testing.assert_allclose(RBM.load(tmp_path / "four.npz").free_energy(V), model.free_energy(V))


@pytest.mark.parametrize("kind", ["uint8", "int64", "float32"])
def test_counts_may_be_of_any_type_of_number(kind):
    X = np.tile(MIXED, (20, 1)) * 15
    settings = {"visible": ReplicatedSoftmax(3), "learning_rate": 1e-3, "random_state": 0}
    settings |= {"n_epochs": 10, "batch_size": 100}
    rbm, other = RBM(3, **settings).fit(X), RBM(3, **settings).fit(X.astype(kind))
    np.testing.assert_array_equal(rbm.weights_, other.weights_)
    np.testing.assert_allclose(other.transform(X.astype(kind)), rbm.transform(X), rtol=1e-5)


# Annealed importance sampling --------------------------------------------------------------------


def test_intervals_of_ais_cover_log_z_of_each_length_as_often_as_they_claim():
    covered = []
    for seed, length in itertools.product(range(3), (1, 3, 8)):
        model = likelihood.at_length(random_rbm(seed=seed), length)
        exact = likelihood.log_partition(model, "exact").value
        for method, run in itertools.product(("ais", "reverse_ais"), range(10)):
            found = likelihood.log_partition(model, method, n_betas=100, random_state=run)
            covered.append(found.low <= exact <= found.high)
    assert len(covered) == 180
    assert 0.89 <= np.mean(covered) <= 0.99


# Refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0, 0, 0], r"row 1 is an empty document"),
        ([1, -2, 0], r"Negative values.*found -2 in row 1, column 1"),
        ([0.5, 1, 1], r"Not a whole number.*found 0.5 in row 1, column 0"),
        ([1, 1, np.nan], r"Not a whole number.*found nan in row 1, column 2"),
    ],
)
def test_bad_documents_are_refused_with_their_row(row, message):
    rows = np.array([[1, 0, 2], row])
    with pytest.raises(ValueError, match=message):
        ReplicatedSoftmax(3).check(rows)
    rbm = random_rbm()
    found = "contains NaN" if np.isnan(row).any() else message
    # Last those that leave no model where they fail.
    for call in (rbm.transform, rbm.free_energy, rbm.gibbs, rbm.partial_fit, rbm.fit):
        with pytest.raises(ValueError, match=found):
            call(rows)


def test_documents_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"row 1 holds 2 words, but .* documents of 4"):
        likelihood.at_length(random_rbm(), 4).free_energy([[4, 0, 0], [1, 1, 0]])


@pytest.mark.parametrize(("name", "value"), [("algorithm", "pcd"), ("backend", "tensorflow")])
def test_what_does_not_know_documents_says_so_before_training(name, value):
    rbm = RBM(2, visible=ReplicatedSoftmax(3), **{name: value})
    with pytest.raises(ValueError, match=f"{name}='{value}' .*ReplicatedSoftmax"):
        rbm.fit(MIXED)


def test_dreams_need_the_lengths_of_their_documents():
    with pytest.raises(ValueError, match="give init, rows of counts"):
        random_rbm().sample(3)
    with pytest.raises(ValueError, match="init must have n_samples=3 rows"):
        random_rbm().sample(3, init=MIXED)


def test_log_z_needs_a_length():
    with pytest.raises(ValueError, match=r"at_length\(rbm, 100\)"):
        likelihood.log_partition(random_rbm())
    with pytest.raises(ValueError, match="length"):
        likelihood.at_length(random_rbm(), 0)
    with pytest.raises(TypeError, match="length"):
        likelihood.at_length(random_rbm(), 2.5)
    with pytest.raises(TypeError, match="takes a model of ReplicatedSoftmax units"):
        likelihood.at_length(RBM(2, n_epochs=1).fit(np.eye(3)), 4)


def test_likelihoods_need_log_z_of_every_length():
    rbm = random_rbm()
    with pytest.raises(TypeError, match="a log Z for each length"):
        likelihood.log_likelihood(rbm, MIXED, 3.0)
    with pytest.raises(ValueError, match=r"lacks the lengths \[1, 5\]"):
        likelihood.log_likelihood(rbm, MIXED, {3: 1.0})


def test_counts_have_no_pseudo_likelihood():
    for rbm in (random_rbm(), likelihood.at_length(random_rbm(), 5)):
        with pytest.raises(ValueError, match="no pseudo-likelihood"):
            likelihood.pseudo_log_likelihood(rbm, [[5, 0, 0]])


# Stacks ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dbn():
    first = RBM(visible=ReplicatedSoftmax(3), learning_rate=0.01, dtype="float64")
    stack = DBN((3, 2), [first, RBM(dtype="float64")], random_state=0).fit(np.tile(MIXED, (9, 1)))
    rng = np.random.default_rng(1)
    for rbm in stack.rbms_:
        rbm.weights_[:] = 0.5 * rng.standard_normal(rbm.weights_.shape)
        rbm.hidden_bias_[:] = 0.4 * rng.standard_normal(rbm.n_hidden)
    return DBN.from_rbms(stack.rbms_)


def test_the_way_up_scales_the_bias_and_the_way_down_gives_word_probabilities(dbn):
    first, top = dbn.rbms_
    H = expit(MIXED @ first.weights_ + np.outer(MIXED.sum(axis=1), first.hidden_bias_))
    np.testing.assert_allclose(dbn.transform(MIXED, layer=0), H)
    np.testing.assert_allclose(dbn.transform(MIXED), top.transform(H))
    np.testing.assert_allclose(dbn.inverse_transform(dbn.transform(MIXED)).sum(axis=1), 1)
    np.testing.assert_allclose(dbn.reconstruct(MIXED).sum(axis=1), MIXED.sum(axis=1))


def test_the_bound_lies_below_the_enumerated_likelihood_of_a_document(dbn):
    first, top = dbn.rbms_
    V, n_orders = documents(5)
    H = Bernoulli(3).states(np.arange(8))
    log_z = likelihood.log_partition(top, "exact")
    log_prior = -top.free_energy(H) - log_z.value
    x = H @ first.weights_.T + first.visible_bias_
    log_p = V @ x.T - 5 * logsumexp(x, axis=1) + np.log(n_orders)[:, None]
    log_p = logsumexp(log_p + log_prior, axis=1)
    np.testing.assert_allclose(np.exp(log_p).sum(), 1)
    bound, error = dbn.log_likelihood_bound(V, log_z, n_samples=400, random_state=0)
    q = np.prod(
        np.where(H[:, None] == 1, p := dbn.transform(V.astype(float), layer=0), 1 - p), axis=2
    )
    exact_bound = np.sum(
        q.T * (V @ x.T - 5 * logsumexp(x, axis=1) + np.log(n_orders)[:, None] + log_prior)
        - q.T * np.log(q.T),
        axis=1,
    )
    assert (np.abs(bound - exact_bound) < 4.5 * error).all()
    assert (exact_bound < log_p).all()


def test_dreams_of_a_stack_have_the_lengths_of_init(dbn):
    V = dbn.sample(len(MIXED), n_gibbs=5, init=MIXED, random_state=0)
    np.testing.assert_array_equal(V.sum(axis=1), MIXED.sum(axis=1))
    with pytest.raises(ValueError, match="give init, rows of counts"):
        dbn.sample(3)


def test_a_stack_of_one_layer_keeps_lengths_too():
    one = DBN((2,), RBM(visible=ReplicatedSoftmax(3)), random_state=0).fit(MIXED)
    V = one.sample(len(MIXED), n_gibbs=5, init=MIXED)
    np.testing.assert_array_equal(V.sum(axis=1), MIXED.sum(axis=1))
    np.testing.assert_allclose(one.score_samples(MIXED), one.rbms_[0].score_samples(MIXED))
    with pytest.raises(ValueError, match=r"use likelihood\.log_likelihood"):
        one.log_likelihood_bound(MIXED, 0.0)


def test_a_stack_with_labels_above_the_counts_predicts_and_survives_its_file(tmp_path):
    X, y = np.tile([[9, 0, 1], [0, 9, 1], [8, 1, 1], [1, 8, 1]], (50, 1)), np.tile([0, 1], 100)
    first = RBM(visible=ReplicatedSoftmax(3), learning_rate=0.05, n_epochs=20)
    prototypes = [first, RBM(n_epochs=100, batch_size=20)]
    labelled = DBN((3, 4), prototypes, joint_labels=True, random_state=0).fit(X, y)
    assert (labelled.predict(X) == y).mean() > 0.95
    labelled.save(tmp_path / "stack.npz")
    loaded = DBN.load(tmp_path / "stack.npz")
    np.testing.assert_array_equal(loaded.predict_proba(X), labelled.predict_proba(X))
    with pytest.raises(TypeError, match="labels on a layer above"):
        DBN((3,), prototypes[:1], joint_labels=True).fit(X, y)


def test_the_up_down_algorithm_refuses_documents(dbn):
    with pytest.raises(ValueError, match="up_down does not know ReplicatedSoftmax"):
        dbn.up_down(MIXED)


def test_the_network_computes_what_the_stack_does(dbn):
    network = dbn.to_keras()
    np.testing.assert_allclose(network(MIXED), dbn.transform(MIXED), atol=1e-12)


def test_a_classifier_is_fine_tuned_on_counts_and_an_autoencoder_refuses_them():
    X, y = np.tile([[9, 0, 1], [0, 9, 1]], (50, 1)), np.tile([0, 1], 50)
    prototype = DBN(rbm=[RBM(visible=ReplicatedSoftmax(3), learning_rate=0.05)])
    options = {"n_epochs": 50, "learning_rate": 0.05, "batch_size": 10, "random_state": 0}
    classifier = DBNClassifier((3,), prototype, **options).fit(X, y)
    assert classifier.score(X, y) == 1
    with pytest.raises(ValueError, match="Keras layers have Bernoulli or Gaussian units"):
        DeepAutoencoder((3,), dbn=prototype).fit(X)


def test_a_denoiser_refuses_a_model_of_counts(dbn):
    for model in (dbn, random_rbm()):
        with pytest.raises(ValueError, match="Gaussian pixels, not ReplicatedSoftmax"):
            GibbsDenoiser(model, "missing_pixels").denoise(np.full((1, 3), 0.5))


def test_documents_are_counted_right():
    V, n_orders = documents(5)
    assert len(V) == math.comb(7, 2)
    assert n_orders.sum() == 3**5
