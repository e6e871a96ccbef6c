"""RBMs with Gaussian visible units: their density, their sampler, and variances they learn."""

import copy
import itertools

import numpy as np
import pytest
from models import Enumerated, bits, flat, mean_log_likelihood, points, random_rbm
from scipy.integrate import dblquad, quad
from scipy.stats import chi2, norm
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import check_estimator

from dbnlab import DBN, RBM, DeepAutoencoder, files, likelihood
from dbnlab.units import Bernoulli, Gaussian, Joint, Softmax

WEIGHTS = np.array([[2.0, -1.5], [-0.5, 1.2]])
VARIANCES = (0.5, 1.6)
UNEQUAL = Gaussian(2, VARIANCES)


def two_dimensional(backend="numpy", visible=UNEQUAL):
    """A model of two visible and two hidden units, whose density has separate modes."""
    rbm = RBM(2, visible=visible, learning_rate=1e-9, dtype="float64", random_state=0)
    rbm.partial_fit(np.eye(2)).set_params(backend=backend)
    rbm.weights_ = WEIGHTS.copy()
    rbm.visible_bias_, rbm.hidden_bias_ = np.array([-0.5, 0.3]), np.array([-0.4, -0.6])
    return rbm


def mixture(rbm):
    """p(v) of a model with binary hidden units: shares, means and variances of its normals.

    Completing the square in E(v, h), each h adds one with the mean σ²(b + Wh) and the variance σ².
    """
    H = np.array(list(itertools.product([0.0, 1.0], repeat=rbm.n_hidden)))
    variances = np.broadcast_to(np.asarray(rbm.visible_unit_.variance), rbm.n_features_in_)
    field = rbm.visible_bias_ + H @ rbm.weights_.T
    log_share = H @ rbm.hidden_bias_ + field**2 @ variances / 2
    share = np.exp(log_share - log_share.max())
    return share / share.sum(), variances * field, variances


# The density -------------------------------------------------------------------------------------


def test_log_partition_is_the_logarithm_of_the_integral_over_one_unit():
    rbm = random_rbm("gaussian")
    one = RBM(3, visible=Gaussian(1, 0.4), learning_rate=1e-9, dtype="float64")
    one.partial_fit([[0.0]])
    one.weights_, one.hidden_bias_ = rbm.weights_[:1].copy(), rbm.hidden_bias_.copy()
    integral, _ = quad(lambda v: np.exp(-one.free_energy([[v]])[0]), -12, 12)
    exact = likelihood.log_partition(one, "exact").value
    assert exact == pytest.approx(np.log(integral), abs=1e-8)


def test_log_partition_is_the_logarithm_of_the_integral_over_two_units():
    rbm = two_dimensional()
    integral, _ = dblquad(
        lambda y, x: np.exp(-rbm.free_energy([[x, y]])[0]), -8, 8, -12, 12, epsabs=1e-4
    )
    exact = likelihood.log_partition(rbm, "exact").value
    assert exact == pytest.approx(np.log(integral), abs=1e-6)


def test_the_density_is_a_mixture_of_normals():
    rbm = two_dimensional()
    share, means, variances = mixture(rbm)
    V = np.random.default_rng(0).normal(scale=2, size=(50, 2))
    density = norm.pdf(V[:, None], means, np.sqrt(variances)).prod(axis=2) @ share
    log_z = likelihood.log_partition(rbm, "exact")
    np.testing.assert_allclose(likelihood.log_likelihood(rbm, V, log_z), np.log(density), atol=1e-9)


# The sampler -------------------------------------------------------------------------------------

EDGES = np.linspace(-3.5, 4.5, 17), np.linspace(-4, 6, 17)


def p_value(V, share, means, variances):
    """Of a chi-squared test of the rows V against a mixture of normals, cell by cell."""
    edges = [np.concatenate([[-np.inf], inner, [np.inf]]) for inner in EDGES]
    below = [
        norm.cdf(e[:, None], mean, np.sqrt(variance))
        for e, mean, variance in zip(edges, means.T, variances)
    ]
    columns = [np.diff(cdf, axis=0) for cdf in below]
    expected = len(V) * np.einsum("ih,jh,h->ij", *columns, share)
    cells = [np.digitize(v, inner) for v, inner in zip(V.T, EDGES)]
    counts = np.zeros(expected.shape)
    np.add.at(counts, tuple(cells), 1)
    many = expected > 5
    observed = np.append(counts[many], counts[~many].sum())
    predicted = np.append(expected[many], expected[~many].sum())
    return chi2.sf(((observed - predicted) ** 2 / predicted).sum(), len(observed) - 1)


@pytest.mark.parametrize("visible", ["gaussian", UNEQUAL], ids=["1", "given"])
def test_gibbs_chains_draw_the_exact_density_and_at_its_temperature(backend, visible):
    rbm = two_dimensional(backend, visible)
    V = rbm.sample(20_000, 100, random_state=0)
    share, means, variances = mixture(rbm)
    assert p_value(V, share, means, variances) > 1e-3
    # The test would see noise of another scale: by a fifth of its variance, let alone by two.
    assert p_value(V, share, means, 1.2 * variances) < 1e-9
    assert p_value(V, share, means, variances / 1.2) < 1e-9


@pytest.mark.parametrize("n_chains", [1, 50])
def test_the_number_of_chains_does_not_change_their_temperature(backend, n_chains):
    rbm = two_dimensional(backend)
    rbm.weights_[:] = 0
    V = np.vstack([rbm.sample(n_chains, 1, random_state=seed) for seed in range(1000 // n_chains)])
    variance = V.var(axis=0)
    # Of n draws the variance has a relative error of sqrt(2 / n).
    np.testing.assert_allclose(variance, VARIANCES, rtol=4.5 * np.sqrt(2 / 1000))


# Learning the variance ---------------------------------------------------------------------------


@pytest.mark.parametrize("visible", ["gaussian", "gaussian_variances", "joint_gaussian"])
def test_exact_gradient_holds_the_slope_by_the_logarithm_of_the_variance(visible):
    rbm = random_rbm(visible, learn_variance=True)
    V = Enumerated(rbm).V
    X = V[Enumerated(rbm).likely_rows(6, np.random.default_rng(0))]
    *_, gradient = likelihood.exact_gradient(rbm, X)
    z = rbm.state_.log_variance.copy()
    for column in range(len(z)):
        values = []
        for step in (1e-5, -1e-5):
            rbm.state_.log_variance = z + step * np.eye(len(z))[column]
            rbm.state_.show_variance()
            values.append(mean_log_likelihood(rbm, X))
        assert gradient[column] == pytest.approx(np.subtract(*values) / 2e-5, abs=1e-7)
    has_variance = ~np.isnan(rbm.visible_variance_)
    assert (np.abs(gradient[has_variance]) > 1e-3).all()
    assert (gradient[~has_variance] == 0).all()


def test_exact_gradient_of_a_model_with_fixed_variance_has_three_parts():
    rbm = random_rbm("gaussian_variances")
    assert len(likelihood.exact_gradient(rbm, np.zeros((1, 2)))) == 3


NOISE = np.array([0.3, 0.6, 1.0, 0.2])


def noisy_columns(n_rows):
    """Four columns with one hidden cause, each with noise of its own standard deviation."""
    rng = np.random.default_rng(0)
    cause = rng.choice([-1.0, 1.0], size=(n_rows, 1)) * [1, -1, 1, 0.5]
    return cause + NOISE * rng.standard_normal((n_rows, 4))


def test_unequal_noise_of_known_size_is_recovered(backend):
    X = noisy_columns(2000)
    rbm = RBM(2, visible="gaussian", learn_variance=True, learning_rate=0.01, n_epochs=200)
    rbm.set_params(batch_size=50, weight_decay=0.0, backend=backend, random_state=0).fit(X)
    assert rbm.visible_variance_.shape == (4,)
    np.testing.assert_allclose(np.sqrt(rbm.visible_variance_), NOISE, rtol=0.1)
    fixed = clone(rbm).set_params(learn_variance=False).fit(X)
    np.testing.assert_array_equal(fixed.visible_variance_, 1)
    held_out = noisy_columns(3000)[2000:]
    assert mean_log_likelihood(rbm, held_out) > mean_log_likelihood(fixed, held_out) + 1


def test_without_hidden_causes_it_becomes_the_variance_of_the_columns(backend, rng):
    X = rng.standard_normal((1000, 3)) * [0.5, 1, 2] + [0, 1, -1]
    rbm = RBM(1, visible="gaussian", learn_variance=True, learning_rate=0.01, n_epochs=100)
    rbm.set_params(backend=backend, random_state=0, weight_decay=1.0).fit(X)
    np.testing.assert_allclose(rbm.visible_variance_, X.var(axis=0), rtol=0.15)


def test_a_column_without_noise_stops_at_the_lowest_variance(backend, rng):
    X = np.hstack([np.zeros((200, 1)), rng.standard_normal((200, 1))])
    rbm = RBM(2, visible="gaussian", learn_variance=True, learning_rate=0.1, n_epochs=100)
    rbm.set_params(backend=backend, batch_size=20, random_state=0, momentum=0.0).fit(X)
    assert rbm.visible_variance_[0] == pytest.approx(1e-3)
    assert np.isfinite(rbm.free_energy(X)).all()


def test_one_update_changes_the_variance_by_a_tenth_at_most(backend, rng):
    X = 100 * rng.standard_normal((10, 3))
    rbm = RBM(2, visible="gaussian", learn_variance=True, learning_rate=0.001, momentum=0.0)
    rbm.set_params(backend=backend, random_state=0, dtype="float64")
    for number in range(1, 4):
        rbm.partial_fit(X)
        np.testing.assert_allclose(rbm.visible_variance_, np.exp(0.1 * number))


def test_it_starts_at_the_variance_of_the_unit_given(backend, rng):
    X = rng.standard_normal((20, 3))
    start = (0.2, 1.0, 4.0)
    rbm = RBM(2, visible=Gaussian(3, start), learn_variance=True, learning_rate=1e-9, n_epochs=1)
    rbm.set_params(backend=backend, dtype="float64").fit(X)
    np.testing.assert_allclose(rbm.visible_variance_, start)
    np.testing.assert_allclose(rbm.visible_bias_ * start, X.mean(axis=0))
    assert rbm.visible == Gaussian(3, start)


def test_in_a_joint_layer_only_gaussian_units_have_a_variance(backend, rng):
    X = np.hstack([3 * rng.standard_normal((200, 2)), np.eye(3)[rng.integers(3, size=200)]])
    unit = Joint(Gaussian(2), Softmax(3))
    rbm = RBM(2, visible=unit, learn_variance=True, learning_rate=0.01, n_epochs=20)
    rbm.set_params(backend=backend, random_state=0).fit(X)
    assert (rbm.visible_variance_[:2] > 1.5).all()
    assert np.isnan(rbm.visible_variance_[2:]).all()
    V = rbm.sample(50, 20)
    np.testing.assert_array_equal(V[:, 2:].sum(axis=1), 1)


def test_annealing_starts_from_the_means_of_the_training_rows_at_the_learned_variance():
    X = noisy_columns(2000) + np.array([0, 2, -1, 1])
    rbm = RBM(3, visible="gaussian", learn_variance=True, learning_rate=0.003, n_epochs=30)
    rbm.set_params(random_state=0, dtype="float64").fit(X)
    run = {"n_betas": 200, "n_chains": 50, "random_state": 0}
    trained, from_rows = (
        likelihood.log_partition(rbm, base="visible", X=rows, **run) for rows in (None, X)
    )
    np.testing.assert_allclose(trained, from_rows, rtol=1e-9)
    exact = likelihood.log_partition(rbm, "exact").value
    assert trained.low - 0.5 < exact < trained.high + 0.5


# What it goes through ----------------------------------------------------------------------------


@pytest.fixture
def learned(rng):
    X = rng.standard_normal((60, 4)) * [0.5, 1, 1, 2]
    rbm = RBM(3, visible="gaussian", learn_variance=True, learning_rate=0.01, random_state=0)
    return rbm.fit(X), X


def test_a_learned_variance_survives_saving_in_every_bit(learned, tmp_path):
    rbm, X = learned
    rbm.save(tmp_path / "model")
    loaded = RBM.load(tmp_path / "model")
    assert bits(loaded) == bits(rbm)
    np.testing.assert_array_equal(loaded.visible_variance_, rbm.visible_variance_)
    np.testing.assert_array_equal(loaded.free_energy(X), rbm.free_energy(X))
    loaded.partial_fit(X)
    assert (loaded.visible_variance_ != rbm.visible_variance_).all()


@pytest.mark.parametrize("value", [np.zeros(3), np.zeros(5), np.full(4, np.nan), np.full(4, 1e4)])
def test_a_file_with_a_damaged_variance_is_refused(learned, tmp_path, value):
    learned[0].save(tmp_path / "model")
    header, arrays = files.read(tmp_path / "model", "RBM")
    files.write(tmp_path / "model", header, arrays | {"log_variance": value})
    with (
        np.errstate(over="ignore"),
        pytest.raises(ValueError, match="model is damaged"),
    ):
        RBM.load(tmp_path / "model")


def test_partial_fits_go_on_from_the_variance_reached(learned, backend):
    rbm, X = learned
    whole = clone(rbm).set_params(n_epochs=4, backend=backend).fit(X)
    pieces = clone(whole)
    for _ in range(4):
        pieces.partial_fit(X)
    assert bits(pieces) == bits(whole)
    assert len(whole.state_.parameters) == 4


def test_whether_variances_are_learned_cannot_change_half_way(learned):
    rbm, X = learned
    with pytest.raises(ValueError, match="learn_variance was True in training so far"):
        rbm.set_params(learn_variance=False).partial_fit(X)
    rbm.fit(X)
    np.testing.assert_array_equal(rbm.visible_variance_, 1)
    assert not hasattr(rbm, "_log_variance")


@pytest.mark.parametrize("visible", ["bernoulli", Joint(Bernoulli(2), Softmax(2))])
def test_units_without_a_variance_are_refused_with_the_cure(visible):
    X = np.array([[0.0, 1, 1, 0]] * 3)
    for train in ("fit", "partial_fit"):
        rbm = RBM(2, visible=visible, learn_variance=True)
        with pytest.raises(
            ValueError, match=r"learn_variance=True needs .* choose visible='gaussian'"
        ):
            getattr(rbm, train)(X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimator_checks_pass_with_a_learned_variance():
    results = check_estimator(RBM(visible="gaussian", learn_variance=True), on_skip=None)
    assert {result["status"] for result in results} <= {"passed", "skipped"}


# In a stack --------------------------------------------------------------------------------------


@pytest.fixture
def stack():
    X = noisy_columns(300)
    prototype = RBM(visible="gaussian", learn_variance=True, learning_rate=0.01, n_epochs=30)
    prototype.set_params(dtype="float64", weight_decay=0.0, batch_size=20)
    return DBN((3, 2), prototype, random_state=0).fit(X), X


def test_in_a_stack_the_lowest_layer_alone_learns_variances(stack):
    dbn, _ = stack
    assert [rbm.learn_variance for rbm in dbn.rbms_] == [True, False]
    assert (dbn.rbms_[0].visible_variance_ < 0.8).any()
    assert np.isnan(dbn.rbms_[1].visible_variance_).all()


def test_a_stack_draws_and_scores_with_the_learned_variance(stack, tmp_path):
    dbn, X = stack
    variances = dbn.rbms_[0].visible_variance_
    H = (np.random.default_rng(0).random((6000, 3)) < 0.5).astype(float)
    # Draws of the lowest layer given the one above, whose variance is σ² and whose mean σ²(a + hG).
    means = variances * (dbn.generative_biases_[0] + H @ dbn.generative_weights_[0].T)
    drawn = dbn.stack_.units[0].sample(dbn.stack_.down_field(H, 0), np.random.default_rng(1))
    np.testing.assert_allclose((drawn - means).var(axis=0), variances, rtol=4.5 * (2 / 6000) ** 0.5)
    one = DBN((3,), clone(dbn.rbm), random_state=0).fit(X)
    np.testing.assert_allclose(one.score_samples(X), one.rbms_[0].score_samples(X))
    dbn.save(tmp_path / "dbn")
    loaded = DBN.load(tmp_path / "dbn")
    np.testing.assert_array_equal(loaded.score_samples(X), dbn.score_samples(X))
    np.testing.assert_array_equal(loaded.sample(5, random_state=0), dbn.sample(5, random_state=0))


def test_the_bound_of_a_stack_holds_with_learned_variances(stack):
    dbn, X = stack
    log_z = likelihood.log_partition(dbn.rbms_[-1], "exact")
    bound, _ = dbn.log_likelihood_bound(X[:20], log_z, n_samples=400, random_state=0)
    # p(v) = Σ_h p(v | h) p(h), written out.
    H, _ = points(Bernoulli(3))
    p_h = np.exp(likelihood.log_likelihood(dbn.rbms_[-1], H, log_z))
    variances = dbn.rbms_[0].visible_variance_
    means = variances * (dbn.generative_biases_[0] + H @ dbn.generative_weights_[0].T)
    density = norm.pdf(X[:20, None], means, np.sqrt(variances)).prod(axis=2) @ p_h
    assert (bound < np.log(density) + 0.05).all()
    assert bound.mean() > np.log(density).mean() - 1


def test_networks_made_of_a_stack_compute_its_means(stack):
    dbn, X = stack
    np.testing.assert_allclose(dbn.to_keras()(X).numpy(), dbn.transform(X), atol=1e-6)
    autoencoder = DeepAutoencoder((3, 2), dbn.rbm and dbn, n_epochs=1, learning_rate=1e-12)
    autoencoder.set_params(random_state=0).fit(X)
    inner = autoencoder.dbn_
    H = inner.transform(X)
    np.testing.assert_allclose(
        autoencoder.inverse_transform(H), inner.inverse_transform(H), atol=1e-5
    )


def test_up_down_training_keeps_the_learned_variance(stack):
    dbn, X = stack
    before = dbn.rbms_[0].visible_variance_
    dbn.up_down(X, n_epochs=2, learning_rate=1e-3, random_state=0)
    np.testing.assert_array_equal(dbn.stack_.units[0].variances(), before)
    assert np.isfinite(dbn.score_samples(X)).all()


def test_dreams_of_a_label_have_the_exact_moments_at_the_learned_variance(backend):
    X = noisy_columns(300)
    y = (X[:, 0] > 0).astype(int)
    prototype = RBM(visible="gaussian", learn_variance=True, learning_rate=0.01, n_epochs=40)
    prototype.set_params(dtype="float64")
    dbn = DBN((4,), prototype, joint_labels=True, backend=backend, random_state=0).fit(X, y)
    # Of a size at which a chain of 100 steps forgets where it began.
    dbn.rbms_[0].weights_[:] = 0.7 * np.random.default_rng(0).standard_normal((6, 4))
    given = copy.deepcopy(dbn.rbms_[0])
    given.hidden_bias_ = given.hidden_bias_ + given.weights_[5]
    given.weights_, given.visible_bias_ = given.weights_[:4], given.visible_bias_[:4]
    given.visible_unit_, given.n_features_in_ = given.visible_unit_.units[0], 4
    share, means, variances = mixture(given)
    V = dbn.sample(4000, 1, n_gibbs=100, random_state=0)
    error = V.std(axis=0) / np.sqrt(4000)
    assert (np.abs(V.mean(axis=0) - share @ means) < 4.5 * error).all()
    expected = variances + share @ means**2 - (share @ means) ** 2
    np.testing.assert_allclose(V.var(axis=0), expected, rtol=0.12)


def test_scores_of_the_learned_model_tell_strange_rows_that_a_fixed_variance_does_not():
    """What is small for one column is large for another, whose noise is smaller."""
    X = noisy_columns(2000)
    rbm = RBM(2, visible="gaussian", learn_variance=True, learning_rate=0.01, n_epochs=100)
    rbm.set_params(batch_size=50, random_state=0).fit(X)
    strange = X[:200].copy()
    strange[:, 3] += 1.5  # seven standard deviations of its noise
    fixed = clone(rbm).set_params(learn_variance=False).fit(X)
    gaps = [m.score_samples(X[:200]).mean() - m.score_samples(strange).mean() for m in (rbm, fixed)]
    assert gaps[0] > 5 * gaps[1]


def test_flat_gradient_of_the_model_agrees_with_its_mean_field():
    """At the maximum of the likelihood, σ² is the variance that the hidden units leave."""
    rbm = RBM(1, visible="gaussian", learn_variance=True, learning_rate=1e-9, dtype="float64")
    X = np.random.default_rng(0).standard_normal((500, 2)) * [0.5, 2.0]
    rbm.partial_fit(X)
    rbm.weights_[:] = 0
    rbm.state_.log_variance = np.log(X.var(axis=0))
    rbm.state_.show_variance()
    rbm.visible_bias_ = X.mean(axis=0) / X.var(axis=0)
    np.testing.assert_allclose(flat(likelihood.exact_gradient(rbm, X)), 0, atol=1e-12)


def test_two_gaussian_layers_without_a_distribution_are_told():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((300, 1)) + 0.1 * rng.standard_normal((300, 100))
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    rbm = RBM(8, visible="gaussian", hidden="gaussian", random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"no integral: lower learning_rate"):
        rbm.fit(X)
    assert np.linalg.norm(rbm.weights_, 2) >= 1
    with pytest.raises(ValueError, match="so no log Z"):
        likelihood.log_partition(rbm)
    rbm.weights_ *= 0.5
    assert np.isfinite(likelihood.log_partition(rbm, n_betas=100, random_state=0).value)
