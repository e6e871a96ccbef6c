import numpy as np
import pytest
from models import COUNTABLE, PAIRS, Enumerated, flat, random_rbm
from scipy.special import logsumexp

from dbnlab import RBM, likelihood

COUNTED = pytest.mark.parametrize(("visible", "hidden"), COUNTABLE)
UNCOUNTED = pytest.mark.parametrize(
    ("visible", "hidden"), [pair for pair in PAIRS if pair not in COUNTABLE]
)


def independent(n_visible, n_hidden, dtype="float64"):
    """A model without weights: log Z is a sum over units."""
    rng = np.random.default_rng(0)
    rbm = RBM(n_hidden, dtype=dtype, random_state=0).partial_fit(np.eye(n_visible))
    rbm.weights_ = np.zeros((n_visible, n_hidden), dtype)
    rbm.visible_bias_ = rng.standard_normal(n_visible).astype(dtype)
    rbm.hidden_bias_ = rng.standard_normal(n_hidden).astype(dtype)
    biases = np.concatenate([rbm.visible_bias_, rbm.hidden_bias_]).astype(float)
    return rbm, np.logaddexp(0, biases).sum()


@COUNTED
@pytest.mark.parametrize("seed", [0, 1])
def test_log_partition_equals_the_sum_over_all_states(visible, hidden, seed):
    rbm = random_rbm(visible, hidden, seed)
    np.testing.assert_allclose(
        likelihood.log_partition(rbm).value, Enumerated(rbm).log_z, rtol=1e-8
    )


@COUNTED
def test_log_likelihood_is_the_log_of_the_enumerated_probability(visible, hidden):
    rbm = random_rbm(visible, hidden)
    table = Enumerated(rbm)
    rows = table.likely_rows(20, np.random.default_rng(0))
    log_p = likelihood.log_likelihood(rbm, table.V[rows], likelihood.log_partition(rbm))
    expected = table.log_unnormalised[rows] + table.measure[rows] - table.log_z
    base_measure = np.einsum("ij,ij->i", table.V, table.V)[rows] / 2
    log_cell = table.measure[rows] + base_measure * (visible == "gaussian")
    if visible == "joint_gaussian":
        log_cell = np.log(0.5)
    np.testing.assert_allclose(log_p, expected - log_cell, atol=1e-8)


@COUNTED
def test_probabilities_sum_to_one(visible, hidden):
    rbm = random_rbm(visible, hidden)
    table = Enumerated(rbm)
    log_p = likelihood.log_likelihood(rbm, table.V, likelihood.log_partition(rbm))
    log_cell = table.measure.max()
    np.testing.assert_allclose(np.exp(log_p + log_cell).sum(), 1, rtol=1e-8)


@COUNTED
def test_exact_gradient_is_the_gradient_of_the_exact_log_likelihood(visible, hidden):
    rbm = random_rbm(visible, hidden)
    rows = Enumerated(rbm).likely_rows(6, np.random.default_rng(0))
    X = Enumerated(rbm).V[rows]

    def log_likelihood():
        table = Enumerated(rbm)
        return (table.log_unnormalised[rows] - table.log_z).mean()

    for parameter, gradient in zip(rbm._parameters(), likelihood.exact_gradient(rbm, X)):
        assert gradient.shape == parameter.shape
        for index in np.ndindex(parameter.shape):
            old = parameter[index]
            parameter[index] = old + 1e-5
            above = log_likelihood()
            parameter[index] = old - 1e-5
            below = log_likelihood()
            parameter[index] = old
            np.testing.assert_allclose(gradient[index], (above - below) / 2e-5, atol=1e-7)


def test_exact_gradient_vanishes_where_the_data_are_the_model():
    rbm, _ = independent(3, 2)
    rbm.visible_bias_[:] = 0
    X = Enumerated(rbm).V
    np.testing.assert_allclose(flat(likelihood.exact_gradient(rbm, X)), 0, atol=1e-14)


@pytest.mark.parametrize("shape", [(13, 40), (40, 13)])
def test_either_layer_may_be_the_small_one(shape):
    rbm, log_z = independent(*shape)
    np.testing.assert_allclose(likelihood.log_partition(rbm).value, log_z, rtol=1e-12)


@pytest.mark.parametrize("shape", [(13, 14), (14, 13)])
def test_more_states_than_one_chunk_are_summed_like_few(shape):
    rbm, _ = independent(*shape)
    rbm.weights_ = np.random.default_rng(1).standard_normal(shape)
    numbers = np.arange(2 ** shape[0])[:, None]
    V = (numbers >> np.arange(shape[0])) & 1
    field = V @ rbm.weights_ + rbm.hidden_bias_
    log_z = logsumexp(V @ rbm.visible_bias_ + np.logaddexp(0, field).sum(axis=1))
    np.testing.assert_allclose(likelihood.log_partition(rbm).value, log_z, rtol=1e-12)


def test_float32_models_are_summed_in_float64():
    rbm, log_z = independent(13, 12, "float32")
    np.testing.assert_allclose(likelihood.log_partition(rbm).value, log_z, rtol=1e-12)


def test_an_exact_value_is_its_own_interval_and_may_be_given_as_a_number():
    rbm = random_rbm()
    log_z = likelihood.log_partition(rbm, "exact")
    assert log_z.low == log_z.value == log_z.high
    V = Enumerated(rbm).V
    np.testing.assert_array_equal(
        likelihood.log_likelihood(rbm, V, log_z), likelihood.log_likelihood(rbm, V, log_z.value)
    )


def test_asking_for_likelihoods_does_not_change_the_model():
    rbm = random_rbm()
    before = [parameter.copy() for parameter in rbm._parameters()]
    state = rbm._random.bit_generator.state
    likelihood.exact_gradient(rbm, Enumerated(rbm).V)
    for parameter, old in zip(rbm._parameters(), before):
        np.testing.assert_array_equal(parameter, old)
    assert rbm._random.bit_generator.state == state


@UNCOUNTED
def test_two_gaussian_layers_cannot_be_enumerated(visible, hidden):
    with pytest.raises(ValueError, match="exact enumeration needs a layer with at most"):
        likelihood.log_partition(random_rbm(visible, hidden))


def test_too_many_states_are_refused():
    rbm, _ = independent(26, 26)
    with pytest.raises(ValueError, match="such as 25 binary units"):
        likelihood.log_partition(rbm)


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="method='magic': choose 'exact'"):
        likelihood.log_partition(random_rbm(), "magic")
