"""What a model computes, draws and learns; wherever it trains or samples, with both engines."""

import pickle

import numpy as np
import pytest
from models import (
    LEARNED,
    PAIRS,
    Enumerated,
    bits,
    flat,
    mean_log_likelihood,
    one_update,
    random_rbm,
)
from scipy.special import expit
from scipy.stats import chi2
from sklearn.base import clone

from dbnlab import DBN, RBM, learning, likelihood
from dbnlab.units import ReplicatedSoftmax

EVERY_PAIR = pytest.mark.parametrize(("visible", "hidden"), PAIRS)
# Of a Gaussian visible layer, the variance may be learned too.
EVERY_GRADIENT = pytest.mark.parametrize(
    ("visible", "hidden", "learn_variance"),
    [(*pair, False) for pair in PAIRS] + [(*pair, True) for pair in LEARNED],
)
BOTH = pytest.mark.parametrize("algorithm", ["cd", "pcd"])


# The distribution --------------------------------------------------------------------------------


@EVERY_PAIR
def test_energy_is_the_sum_written_out(visible, hidden, rng):
    rbm = random_rbm(visible, hidden)
    table = Enumerated(rbm)
    V, H = table.V[rng.choice(len(table.V), 5)], table.H[rng.choice(len(table.H), 5)]
    variances = {"gaussian": [1, 1], "joint_gaussian": [0.5], "gaussian_variances": [0.3, 2]}
    gaussian_h = 2 if hidden == "gaussian" else 0
    for v, h, energy in zip(V, H, rbm.energy(V, H)):
        expected = sum(s**2 for s in h[:gaussian_h]) / 2
        expected += sum(s**2 / (2 * q) for s, q in zip(v, variances.get(visible, [])))
        expected -= sum(b * s for b, s in zip(rbm.visible_bias_, v))
        expected -= sum(c * s for c, s in zip(rbm.hidden_bias_, h))
        expected -= sum(w * v[i] * h[j] for (i, j), w in np.ndenumerate(rbm.weights_))
        np.testing.assert_allclose(energy, expected, atol=1e-10)


@EVERY_PAIR
def test_free_energy_sums_the_hidden_states_out_of_the_joint(visible, hidden):
    rbm = random_rbm(visible, hidden)
    table = Enumerated(rbm)
    log_base_measure = table.measure - table.measure.max()
    expected = -table.log_unnormalised - log_base_measure
    likely = table.p_visible > 1e-6
    np.testing.assert_allclose(rbm.free_energy(table.V)[likely], expected[likely], atol=1e-8)
    np.testing.assert_array_equal(rbm.score_samples(table.V), -rbm.free_energy(table.V))


@EVERY_PAIR
def test_conditional_means_are_those_of_the_joint(visible, hidden):
    rbm = random_rbm(visible, hidden)
    table = Enumerated(rbm)
    for given, p, mean, expected in [
        (table.V, table.p_visible, rbm.transform, table.mean_hidden()),
        (table.H, table.p_hidden, rbm.inverse_transform, table.mean_visible()),
    ]:
        likely = p > 1e-6
        np.testing.assert_allclose(mean(given)[likely], expected[likely], atol=1e-7)


def test_transform_is_the_logistic_function_and_deterministic(X):
    rbm = RBM(3, dtype="float64", random_state=0).fit(X)
    first = rbm.transform(X)
    np.testing.assert_allclose(first, expit(X @ rbm.weights_ + rbm.hidden_bias_), rtol=1e-13)
    np.testing.assert_array_equal(rbm.transform(X), first)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_keep_the_dtype_of_the_rows(X, dtype):
    rbm = RBM(3, n_epochs=1, random_state=0).fit(X)
    V = X.astype(dtype)
    H = rbm.transform(V)
    assert H.dtype == rbm.inverse_transform(H).dtype == rbm.reconstruct(V).dtype == dtype


# Sampling ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("visible", ["bernoulli", "softmax", "joint"])
@pytest.mark.parametrize("hidden", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("method", ["gibbs", "sample"])
def test_gibbs_chains_end_in_the_enumerated_distribution(backend, visible, hidden, method):
    rbm = random_rbm(visible, hidden, backend=backend)
    table = Enumerated(rbm)
    if method == "gibbs":
        V = rbm.gibbs(np.repeat(table.V[:1], 5000, axis=0), 60, random_state=1)
    else:
        V = rbm.sample(5000, 60, random_state=1)
    counts = (V[:, None] == table.V).all(axis=2).sum(axis=0)
    assert counts.sum() == 5000
    expected = 5000 * table.p_visible
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert chi2.sf(statistic, len(expected) - 1) > 1e-3


@pytest.mark.parametrize("visible", ["gaussian", "joint_gaussian", "gaussian_variances"])
@pytest.mark.parametrize("hidden", ["bernoulli", "gaussian"])
def test_gibbs_chains_of_gaussian_units_have_the_moments_of_the_model(backend, visible, hidden):
    rbm = random_rbm(visible, hidden, backend=backend)
    table = Enumerated(rbm)
    V = rbm.sample(5000, 60, random_state=1)
    for moment in (lambda v: v, lambda v: v[:, :, None] * v[:, None]):
        drawn, exact = moment(V), moment(table.V)
        error = drawn.std(axis=0) / np.sqrt(5000)
        expected = np.tensordot(table.p_visible, exact, 1)
        assert (np.abs(drawn.mean(axis=0) - expected) < 4.5 * error).all()


def test_reconstructions_average_to_the_enumerated_expectation(backend):
    rbm = random_rbm(backend=backend)
    table = Enumerated(rbm)
    for n_gibbs in (1, 2, 5):
        drawn = rbm.reconstruct(np.repeat(table.V[5:6], 20000, axis=0), n_gibbs, random_state=0)
        expected = table.after_gibbs(np.eye(16)[5], n_gibbs) @ table.V
        error = drawn.std(axis=0) / np.sqrt(20000)
        assert (np.abs(drawn.mean(axis=0) - expected) < 4.5 * error).all()


def test_samples_are_states_and_means_are_means(backend, X):
    rbm = RBM(3, n_epochs=2, backend=backend, random_state=0).fit(X)
    assert set(np.unique(rbm.sample(50, 3))) == {0, 1}
    assert set(np.unique(rbm.gibbs(X, 1))) == {0, 1}
    means = rbm.reconstruct(X)
    assert ((means > 0) & (means < 1)).all()


def test_every_chain_draws_its_own_random_numbers(backend):
    rbm = RBM(10, backend=backend, random_state=0, n_epochs=1).fit(np.full((10, 30), 0.5))
    V = np.tile(rbm.sample(1, 1), (1000, 1))
    assert len(np.unique(rbm.gibbs(V, 1), axis=0)) == 1000
    assert len(np.unique(rbm.sample(1000, 1), axis=0)) == 1000
    assert len(np.unique(rbm.reconstruct(V), axis=0)) > 500


@BOTH
@pytest.mark.parametrize("coupling", [0.0, 60.0])
def test_every_row_of_a_training_batch_draws_its_own_random_numbers(backend, algorithm, coupling):
    X = np.full((400, 20), 0.5)
    rbm = RBM(20, algorithm=algorithm, n_chains=400, backend=backend, dtype="float64")
    rbm.set_params(random_state=0, learning_rate=1e-9).partial_fit(X)
    # Without coupling the visible units are coins; with much of it they copy hidden coins.
    rbm.weights_ = coupling * np.eye(20)
    rbm.visible_bias_, rbm.hidden_bias_ = np.full((2, 20), -coupling / 2)
    update = one_update(rbm, X)
    assert (np.abs(update[400:420]) < 5 * 0.5 / np.sqrt(400)).all()
    assert algorithm == "cd" or len(np.unique(rbm.chains_, axis=0)) > 390


@pytest.mark.parametrize("method", ["gibbs", "reconstruct"])
def test_chains_from_rows_take_one_step_where_none_is_named(X, method):
    chain = getattr(RBM(3, n_epochs=1, random_state=0).fit(X), method)
    np.testing.assert_array_equal(chain(X, random_state=0), chain(X, 1, random_state=0))


def test_no_gibbs_step_returns_a_copy(backend, X):
    rbm = RBM(3, n_epochs=1, backend=backend, random_state=0).fit(X)
    V = rbm.gibbs(X, 0)
    np.testing.assert_array_equal(V, X)
    assert not np.shares_memory(V, X)


def test_chains_start_where_init_says(backend, X):
    rbm = RBM(3, n_epochs=1, backend=backend, random_state=0).fit(X)
    np.testing.assert_array_equal(rbm.sample(30, 0, init=X), X)


# The gradient ------------------------------------------------------------------------------------


def mean_and_error(updates):
    return np.mean(updates, axis=0), np.std(updates, axis=0, ddof=1) / np.sqrt(len(updates))


def average_update(rbm, X, n_copies):
    """Mean of the updates that many copies of X would give, and its standard error."""
    V = np.repeat(X, n_copies, axis=0)
    return mean_and_error([one_update(rbm, V) for _ in range(20)])


@EVERY_GRADIENT
@pytest.mark.parametrize("n_gibbs", [1, 3])
def test_expected_cd_update_is_that_of_the_enumerated_chain(
    backend, visible, hidden, learn_variance, n_gibbs
):
    rbm = random_rbm(
        visible, hidden, backend=backend, n_gibbs=n_gibbs, learn_variance=learn_variance
    )
    table = Enumerated(rbm)
    rows = table.likely_rows(5, np.random.default_rng(0))
    start = np.bincount(rows, minlength=len(table.V)) / 5
    expected = table.moments(start) - table.moments(table.after_gibbs(start, n_gibbs))
    update, error = average_update(rbm, table.V[rows], n_copies=1000)
    assert (np.abs(update - expected) < 6 * error + 1e-12).all()


def test_cd_update_is_unbiased_in_the_limit_of_long_chains(backend):
    rbm = random_rbm(seed=3, backend=backend)
    X = Enumerated(rbm).V[[0, 3, 5]]
    exact = flat(likelihood.exact_gradient(rbm, X))
    distance = []
    for rbm.n_gibbs in (1, 2, 40):
        update, error = average_update(rbm, X, n_copies=1500)
        distance.append(np.abs(update - exact))
        if rbm.n_gibbs == 1:
            assert (distance[0] / error).max() > 30
    assert distance[0].max() > 2 * distance[1].max() > 4 * distance[2].max()
    assert (distance[2] < 6 * error).all()


@EVERY_GRADIENT
def test_pcd_update_is_unbiased_once_its_chains_follow_the_model(
    backend, visible, hidden, learn_variance
):
    pcd = {"algorithm": "pcd", "n_chains": 7000, "learn_variance": learn_variance}
    rbm = random_rbm(visible, hidden, backend=backend, **pcd)
    table = Enumerated(rbm)
    rng = np.random.default_rng(0)
    rows = table.likely_rows(3, rng)
    p_data = np.bincount(rows, minlength=len(table.V)) / 3
    updates = []
    for _ in range(20):
        rbm.chains_ = table.H[rng.choice(len(table.H), 7000, p=table.p_hidden)]
        updates.append(one_update(rbm, table.V[rows]))
    update, error = mean_and_error(updates)
    expected = table.moments(p_data) - table.moments(table.p_visible)
    assert (np.abs(update - expected) < 6 * error + 1e-12).all()


def test_persistent_chains_go_on_where_they_stopped(backend):
    rbm = random_rbm(algorithm="pcd", n_chains=4000, n_gibbs=1, backend=backend)
    table = Enumerated(rbm)
    rbm.chains_ = np.zeros((4000, 3))
    for _ in range(30):
        one_update(rbm, table.V)
    states = (rbm.chains_[:, None] == table.H).all(axis=2).sum(axis=0)
    statistic = ((states - 4000 * table.p_hidden) ** 2 / (4000 * table.p_hidden)).sum()
    assert chi2.sf(statistic, 7) > 1e-3


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_momentum_and_decay_agree_with_three_steps_by_hand(backend, dark, decay, X):
    rbm = RBM(2, learning_rate=0.1, momentum=0.5, weight_decay=decay, batch_size=30)
    rbm.set_params(backend=backend, dtype="float64", random_state=0)
    w, b, c = 0.01 * np.random.default_rng(0).standard_normal((6, 2)), -60.0, 0.0
    w_velocity = b_velocity = c_velocity = 0
    for _ in range(3):
        rbm.partial_fit(X)
        H = expit(X @ w + c)
        w_velocity = 0.5 * w_velocity + 0.1 * (X.T @ H / 30 - decay * w)
        b_velocity = 0.5 * b_velocity + 0.1 * X.mean(axis=0)
        c_velocity = 0.5 * c_velocity + 0.1 * (H.mean(axis=0) - expit(c))
        w, b, c = w + w_velocity, b + b_velocity, c + c_velocity
    for parameter, expected in zip(rbm.state_.parameters, (w, b, c)):
        np.testing.assert_allclose(parameter, expected, rtol=1e-12)


@pytest.mark.parametrize("partial", [False, True])
def test_each_epoch_uses_its_own_learning_rate_and_momentum(backend, partial, X):
    parameters = {"batch_size": 15, "n_epochs": 2, "backend": backend, "random_state": 0}
    rbm = RBM(2, learning_rate=[0.1, 0.01], momentum=(0.5, 0.9), **parameters)
    by_hand = RBM(2, learning_rate=0.1, momentum=0.5, **parameters).partial_fit(X)
    by_hand.set_params(learning_rate=0.01, momentum=0.9).partial_fit(X)
    if partial:
        rbm.partial_fit(X).partial_fit(X).partial_fit(X)
        by_hand.partial_fit(X)
    else:
        rbm.fit(X)
    assert bits(rbm) == bits(by_hand)


def test_update_ratio_is_the_last_update_over_the_weights(backend, X):
    rbm = RBM(2, batch_size=30, n_epochs=2, backend=backend, dtype="float64", random_state=0)
    rbm.fit(X)
    before = rbm.weights_.copy()
    rbm.partial_fit(X)
    expected = np.abs(rbm.weights_ - before).mean() / np.abs(rbm.weights_).mean()
    np.testing.assert_allclose(rbm.history_["update_ratio"][-1], expected)


@BOTH
@pytest.mark.parametrize("n_rows", [6, 7, 8, 2])
def test_every_row_weighs_the_same_in_an_epoch(backend, dark, algorithm, n_rows, rng):
    X = (rng.random((n_rows, 4)) < 0.5).astype(float)
    rbm = RBM(2, algorithm=algorithm, batch_size=3, momentum=0.0, learning_rate=0.01)
    rbm.set_params(n_epochs=1, n_chains=3, backend=backend, dtype="float64").fit(X)
    shift = 0.01 * X.sum(axis=0) / min(3, n_rows)
    np.testing.assert_allclose(rbm.visible_bias_ + 60, shift, atol=1e-12)


# Learning ----------------------------------------------------------------------------------------


def test_cd_reaches_the_likelihood_of_the_best_peers_on_digits(backend, digits):
    values = []
    for seed in range(5 if backend == "numpy" else 1):
        rbm = RBM(
            16, learning_rate=0.05, batch_size=100, n_epochs=200, momentum=0.0, weight_decay=0.0,
            backend=backend, random_state=seed,
        )  # fmt: skip
        values.append(mean_log_likelihood(rbm.fit(digits), digits))
    assert np.mean(values) >= -19.3


@BOTH
def test_one_row_more_than_full_batches_changes_little(backend, digits, algorithm):
    values = []
    for n_rows in (1700, 1701):
        rbm = RBM(16, algorithm=algorithm, n_epochs=50, momentum=0.0, weight_decay=0.0)
        rbm.set_params(backend=backend, random_state=0)
        values.append(mean_log_likelihood(rbm.fit(digits[:n_rows]), digits[:1700]))
    assert min(values) > -24
    assert abs(values[0] - values[1]) < 0.5


def bars_and_stripes():
    masks = (np.arange(16)[:, None] >> np.arange(4)) & 1
    bars = [np.tile(mask, 4) for mask in masks]
    stripes = [np.repeat(mask, 4) for mask in masks]
    return np.unique(bars + stripes, axis=0).astype(float)


def test_pcd_learns_bars_and_stripes_to_within_half_a_nat(backend):
    X = bars_and_stripes()
    assert len(X) == 30
    rbm = RBM(
        16, algorithm="pcd", n_gibbs=5, n_chains=100, learning_rate=np.linspace(0.2, 0.001, 200),
        momentum=0.0, weight_decay=0.0, batch_size=30, n_epochs=200, backend=backend,
        random_state=0,
    ).fit(np.tile(X, (20, 1)))  # fmt: skip
    assert -np.log(30) - 0.5 < mean_log_likelihood(rbm, X) <= -np.log(30)


def test_gaussian_units_learn_the_correlations_of_the_data(backend, rng):
    cause = rng.choice([-1.0, 1.0], size=(500, 1))
    X = np.hstack([cause, cause, -cause]) + rng.standard_normal((500, 3)) + [0, 0, 2]
    rbm = RBM(4, visible="gaussian", learning_rate=0.005, n_epochs=200, backend=backend)
    rbm.set_params(random_state=0).fit(X)
    independent = -0.5 * X.var(axis=0).sum() - 1.5 * np.log(2 * np.pi)
    assert mean_log_likelihood(rbm, X) > independent + 0.5
    V = rbm.sample(4000, 200, random_state=0)
    np.testing.assert_allclose(np.corrcoef(V.T), np.corrcoef(X.T), atol=0.1)


def test_visible_biases_start_at_the_log_odds_of_each_pixel(backend, rng):
    X = np.hstack([(rng.random((40, 3)) < 0.3), np.zeros((40, 1)), np.ones((40, 1))]).astype(float)
    rbm = RBM(2, learning_rate=1e-12, n_epochs=1, backend=backend, dtype="float64").fit(X)
    p = X[:, :3].mean(axis=0)
    np.testing.assert_allclose(rbm.visible_bias_[:3], np.log(p / (1 - p)), atol=1e-10)
    np.testing.assert_allclose(rbm.visible_bias_[3:], [-np.log(79), np.log(79)], atol=1e-10)


@pytest.mark.parametrize("target", [0.05, 0.8])
def test_sparsity_target_draws_the_mean_activity_to_it(backend, digits, target):
    X = digits[:500]
    distance = []
    for cost in (0.0, 0.2):
        rbm = RBM(16, sparsity_target=target, sparsity_cost=cost, random_state=0)
        rbm.set_params(learning_rate=0.1, n_epochs=60, backend=backend).fit(X)
        distance.append(np.abs(rbm.transform(X).mean(axis=0) - target).mean())
    assert distance[1] < 0.1
    assert distance[1] < 0.4 * distance[0]


def test_sparsity_pull_is_added_to_hidden_biases_and_weights_as_in_hintons_guide(backend):
    V = np.array([[0, 0, 1, 1], [0, 1, 0, 1], [1, 0, 0, 1.0]])

    def updates(**sparsity):
        rbm = random_rbm(seed=1, backend=backend, **sparsity)
        rbm.state_.rng = np.random.default_rng(0)
        rbm.state_.activity = np.full(3, 0.2)
        H = rbm.transform(V)
        return H.mean(axis=0), one_update(rbm, V), one_update(rbm, V)

    mean, *plain = updates()
    _, *pulled = updates(sparsity_target=0.1, sparsity_cost=3.0)
    activity = 0.2
    for with_pull, without in zip(pulled, plain):
        activity = 0.9 * activity + 0.1 * mean
        pull = 3 * (0.1 - activity)
        expected = np.concatenate([np.outer(V.mean(axis=0), pull).ravel(), np.zeros(4), pull])
        np.testing.assert_allclose(with_pull - without, expected, atol=1e-12)


# Watching ----------------------------------------------------------------------------------------


def test_history_has_one_entry_for_each_epoch(backend, X):
    rbm = RBM(3, n_epochs=4, backend=backend, random_state=0).fit(X)
    assert set(rbm.history_) == {"reconstruction_error", "update_ratio"}
    rbm.partial_fit(X)
    assert [len(values) for values in rbm.history_.values()] == [5, 5]
    assert [len(values) for values in rbm.fit(X).history_.values()] == [4, 4]


def test_reconstruction_error_is_the_mean_squared_difference(backend):
    X = np.repeat([[0.0, 1.0]], 20, axis=0)
    rbm = RBM(1, learning_rate=1e-12, n_epochs=1, backend=backend, dtype="float64").fit(X)
    error = (1 / (1 + 39)) ** 2
    np.testing.assert_allclose(rbm.history_["reconstruction_error"], [error], rtol=0.1)


def test_held_out_rows_give_the_free_energy_gap_and_are_not_trained_on(backend, dark):
    X = np.eye(100)
    rbm = RBM(8, validation_fraction=0.2, n_epochs=3, backend=backend, dtype="float64").fit(X)
    trained = rbm.visible_bias_ > -60
    assert trained.sum() == 80
    gap = rbm.free_energy(X[~trained]).mean() - rbm.free_energy(X[trained]).mean()
    assert len(rbm.history_["free_energy_gap"]) == 3
    np.testing.assert_allclose(rbm.history_["free_energy_gap"][-1], gap)


def test_the_history_has_one_entry_for_each_epoch_of_partial_fit_too(rng):
    X = (rng.random((40, 5)) < 0.5).astype(float)
    rbm = RBM(3, n_epochs=2, validation_fraction=0.2, random_state=0).fit(X).partial_fit(X)
    assert {len(values) for values in rbm.history_.values()} == {3}
    assert np.isnan(rbm.history_["free_energy_gap"]).tolist() == [False, False, True]


def test_overfitting_widens_the_free_energy_gap(backend, rng):
    X = (rng.random((60, 30)) < 0.5).astype(float)
    rbm = RBM(50, validation_fraction=0.5, n_epochs=200, learning_rate=0.1, backend=backend)
    gap = rbm.set_params(random_state=0).fit(X).history_["free_energy_gap"]
    assert gap[-1] > gap[0] + 1


@BOTH
def test_watching_does_not_change_what_is_learnt(backend, monkeypatch, algorithm, X):
    parameters = {"algorithm": algorithm, "n_epochs": 5, "random_state": 0, "batch_size": 10}
    parameters["backend"] = backend
    plain = RBM(3, **parameters).fit(X)
    assert bits(RBM(3, verbose=1, **parameters).fit(X)) == bits(plain)
    monkeypatch.setattr(
        learning, "watch", lambda state, *_: state.history.update(reconstruction_error=[0.0]) or 0.0
    )
    unwatched = RBM(3, **parameters).fit(X)
    assert bits(unwatched) == bits(plain)


def test_verbose_shows_epochs_and_error_on_stderr(backend, X, capfd):
    RBM(3, n_epochs=2, backend=backend, verbose=1).fit(X)
    out, err = capfd.readouterr()
    assert out == ""
    assert "epoch" in err
    assert "reconstruction_error" in err


def test_silence_is_the_default(backend, X, capfd):
    rbm = RBM(3, n_epochs=2, backend=backend).fit(X)
    rbm.partial_fit(X).sample(2, 2)
    assert capfd.readouterr() == ("", "")


# Randomness and continuation ---------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_the_same_seed_gives_the_same_bits(backend, X, algorithm, visible):
    def results(seed):
        rbm = RBM(3, visible=visible, algorithm=algorithm, learning_rate=0.01, random_state=seed)
        rbm.set_params(validation_fraction=0.2, backend=backend).fit(X)
        return bits(rbm), rbm.sample(5, 5).tobytes(), rbm.reconstruct(X).tobytes()

    first, again, other = results(0), results(0), results(1)
    assert results(np.random.default_rng(0)) == first == again
    assert all(a != b for a, b in zip(first, other))


@pytest.mark.parametrize(
    "draw",
    [
        lambda rbm, X, seed: rbm.gibbs(X, 2, random_state=seed),
        lambda rbm, X, seed: rbm.reconstruct(X, random_state=seed),
        lambda rbm, X, seed: rbm.sample(30, 2, random_state=seed),
    ],
    ids=["gibbs", "reconstruct", "sample"],
)
def test_a_seed_fixes_a_draw_and_no_seed_goes_on(backend, X, draw):
    rbm = RBM(3, n_epochs=1, backend=backend, random_state=0).fit(X)
    np.testing.assert_array_equal(draw(rbm, X, 7), draw(rbm, X, 7))
    assert (draw(rbm, X, 7) != draw(rbm, X, 8)).any()
    assert (draw(rbm, X, None) != draw(rbm, X, None)).any()


@BOTH
def test_partial_fit_for_every_epoch_equals_one_fit(backend, X, algorithm):
    parameters = {"algorithm": algorithm, "batch_size": 8, "n_epochs": 4, "random_state": 0}
    parameters["backend"] = backend
    rbm = RBM(3, **parameters)
    for _ in range(4):
        assert rbm.partial_fit(X) is rbm
    whole = RBM(3, **parameters).fit(X)
    assert bits(rbm) == bits(whole)
    assert rbm.history_ == whole.history_


def test_fit_starts_afresh(backend, X):
    rbm = RBM(3, algorithm="pcd", backend=backend, random_state=0)
    first = bits(rbm.fit(X))
    assert bits(rbm.fit(X)) == first


def test_n_chains_persistent_chains_are_kept(backend, X):
    rbm = RBM(3, algorithm="pcd", n_epochs=2, backend=backend)
    assert clone(rbm).set_params(n_chains=7).fit(X).chains_.shape == (7, 3)
    assert clone(rbm).set_params(batch_size=9).fit(X).chains_.shape == (9, 3)
    assert not hasattr(rbm.set_params(algorithm="cd").fit(X), "chains_")


@BOTH
@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, bool])
def test_the_callers_array_is_neither_changed_nor_shuffled(backend, X, algorithm, kind):
    X = X.astype(kind)
    before = X.copy()
    X.flags.writeable = False
    rbm = RBM(3, algorithm=algorithm, batch_size=7, validation_fraction=0.1, n_epochs=2)
    rbm.set_params(dtype="float32" if kind == np.float32 else "float64", backend=backend)
    rbm.fit(X).partial_fit(X)
    H = rbm.transform(X)
    H.flags.writeable = False
    for result in (rbm.gibbs(X, 2), rbm.reconstruct(X), rbm.inverse_transform(H)):
        result[:] = 0
    rbm.sample(30, 2, init=X)
    rbm.free_energy(X)
    rbm.energy(X, H)
    np.testing.assert_array_equal(X, before)


def test_parameters_may_change_between_partial_fits(backend, X):
    rbm = RBM(3, backend=backend, random_state=0).partial_fit(X)
    rbm.set_params(algorithm="pcd", sparsity_target=0.2, sparsity_cost=0.1).partial_fit(X)
    assert rbm.chains_.shape == (16, 3)
    with pytest.raises(ValueError, match="n_hidden was 3"):
        rbm.set_params(n_hidden=4).partial_fit(X)
    assert not hasattr(rbm.set_params(n_hidden=4, algorithm="cd").fit(X), "chains_")


# Copies ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [RBM(3, n_epochs=1), DBN((3, 2), RBM(n_epochs=1))])
def test_copies_without_a_seed_draw_different_samples_and_seeded_ones_the_same(X, model):
    for seed, n_different in ((None, 3), (0, 1)):
        pickled = pickle.dumps(clone(model).set_params(random_state=seed).fit(X))
        samples = [pickle.loads(pickled).sample(20, n_gibbs=2).tobytes() for _ in range(3)]
        assert len(set(samples)) == n_different


def test_large_counts_lose_nothing_to_single_precision(rng):
    parameters = rng.standard_normal((50, 10)), rng.standard_normal(50), rng.standard_normal(10)
    rbm = RBM.from_arrays(*parameters, visible=ReplicatedSoftmax(50), dtype="float32")
    counts = rng.multinomial(10**6, np.full(50, 1 / 50), size=3)
    np.testing.assert_array_equal(rbm.free_energy(counts), rbm.free_energy(counts.astype(float)))
