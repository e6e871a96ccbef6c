import numpy as np
import pytest
from models import COUNTABLE, PAIRS, Enumerated, flat, points, random_rbm
from scipy.special import expit, logsumexp
from scipy.stats import norm
from scipy.stats import t as student_t
from sklearn.exceptions import ConvergenceWarning

from dbnlab import RBM, datasets, likelihood
from dbnlab.units import Gaussian, Joint, Multinomial, ReplicatedSoftmax, Softmax

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
        likelihood.log_partition(rbm, "exact").value, Enumerated(rbm).log_z, rtol=1e-8
    )


@COUNTED
def test_log_likelihood_is_the_log_of_the_enumerated_probability(visible, hidden):
    rbm = random_rbm(visible, hidden)
    table = Enumerated(rbm)
    rows = table.likely_rows(20, np.random.default_rng(0))
    log_p = likelihood.log_likelihood(rbm, table.V[rows], likelihood.log_partition(rbm, "exact"))
    expected = table.log_unnormalised[rows] + table.measure[rows] - table.log_z
    log_cell = table.measure.max()
    np.testing.assert_allclose(log_p, expected - log_cell, atol=1e-8)


@COUNTED
def test_probabilities_sum_to_one(visible, hidden):
    rbm = random_rbm(visible, hidden)
    table = Enumerated(rbm)
    log_p = likelihood.log_likelihood(rbm, table.V, likelihood.log_partition(rbm, "exact"))
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

    for parameter, gradient in zip(rbm.state_.parameters, likelihood.exact_gradient(rbm, X)):
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
    np.testing.assert_allclose(likelihood.log_partition(rbm, "exact").value, log_z, rtol=1e-12)


@pytest.mark.parametrize("shape", [(15, 16), (16, 15)])
def test_more_states_than_one_chunk_are_summed_like_few(shape):
    rbm, _ = independent(*shape)
    rbm.weights_ = np.random.default_rng(1).standard_normal(shape)
    numbers = np.arange(2 ** shape[0])[:, None]
    V = (numbers >> np.arange(shape[0])) & 1
    field = V @ rbm.weights_ + rbm.hidden_bias_
    log_z = logsumexp(V @ rbm.visible_bias_ + np.logaddexp(0, field).sum(axis=1))
    np.testing.assert_allclose(likelihood.log_partition(rbm, "exact").value, log_z, rtol=1e-12)


def test_float32_models_are_summed_in_float64():
    rbm, log_z = independent(13, 12, "float32")
    np.testing.assert_allclose(likelihood.log_partition(rbm, "exact").value, log_z, rtol=1e-12)


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
    before = [parameter.copy() for parameter in rbm.state_.parameters]
    state = rbm.state_.rng.bit_generator.state
    likelihood.exact_gradient(rbm, Enumerated(rbm).V)
    for parameter, old in zip(rbm.state_.parameters, before):
        np.testing.assert_array_equal(parameter, old)
    assert rbm.state_.rng.bit_generator.state == state


@UNCOUNTED
def test_two_gaussian_layers_cannot_be_enumerated(visible, hidden):
    with pytest.raises(ValueError, match="exact enumeration needs a layer with at most"):
        likelihood.log_partition(random_rbm(visible, hidden), "exact")


def test_too_many_states_are_refused():
    rbm, _ = independent(26, 26)
    with pytest.raises(ValueError, match="such as 25 binary units"):
        likelihood.log_partition(rbm, "exact")


# Annealed importance sampling --------------------------------------------------------------------

N_RUNS = 20


@pytest.fixture(scope="module")
def annealed():
    """Random models: exact log Z, and runs of AIS and reverse AIS of each."""
    results = []
    for visible, hidden in COUNTABLE:
        for seed in range(3):
            rbm = random_rbm(visible, hidden, seed=seed)
            table = Enumerated(rbm)
            X = table.V[table.likely_rows(100, np.random.default_rng(seed))]
            runs = {
                method: [
                    likelihood.log_partition(rbm, method, n_betas=100, X=X, random_state=run)
                    for run in range(N_RUNS)
                ]
                for method in ("ais", "reverse_ais")
            }
            results.append((likelihood.log_partition(rbm, "exact").value, runs))
    return results


@pytest.mark.parametrize(("method", "sign"), [("ais", 1), ("reverse_ais", -1)])
def test_ais_errs_downwards_and_reverse_ais_upwards(annealed, method, sign):
    # One chance in a hundred that any of the one-sided t-tests fails by accident.
    limit = student_t.ppf(1 - 0.01 / len(annealed), N_RUNS - 1)
    for exact, runs in annealed:
        errors = sign * (np.array([run.value for run in runs[method]]) - exact)
        assert errors.mean() <= limit * errors.std(ddof=1) / np.sqrt(N_RUNS)


@pytest.mark.parametrize("method", ["ais", "reverse_ais"])
def test_intervals_cover_the_truth_as_often_as_they_claim(annealed, method):
    covered = [run.low <= exact <= run.high for exact, runs in annealed for run in runs[method]]
    assert len(covered) == 3 * N_RUNS * len(COUNTABLE)
    assert 0.90 <= np.mean(covered) <= 0.98


@pytest.mark.parametrize("method", ["ais", "reverse_ais"])
def test_at_its_defaults_the_interval_is_right_and_narrow_for_strong_weights_too(method):
    covered = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        parameters = (rng.uniform(-3, 3, shape) for shape in ((7, 5), 7, 5))
        rbm = RBM.from_arrays(*parameters)
        exact = likelihood.log_partition(rbm, "exact").value
        found = likelihood.log_partition(rbm, method, random_state=seed)
        assert found.high - found.low < 0.4
        assert found.effective_sample_size > 50
        covered.append(found.low <= exact <= found.high)
    # Of 40 intervals that cover with probability 0.95, one time in 300 fewer than 34 do.
    assert sum(covered) >= 34


@pytest.mark.parametrize(("method", "sign"), [("ais", 1), ("reverse_ais", -1)])
def test_value_interval_and_effective_sample_size_are_those_of_the_weights(
    monkeypatch, method, sign
):
    w = np.exp([0.0, 1.0, 2.5])
    monkeypatch.setattr(likelihood, "_anneal", lambda *arguments: 800 + np.log(w))
    rbm, _ = independent(3, 2)
    found = likelihood.log_partition(rbm, method, n_chains=3, base="uniform", random_state=0)
    value = 5 * np.log(2) + sign * (800 + np.log(w.mean()))
    half = student_t.ppf(0.975, 2) * w.std(ddof=1) / (np.sqrt(3) * w.mean())
    expected = value, value - half, value + half, w.sum() ** 2 / (w**2).sum()
    np.testing.assert_allclose(found, expected)


def test_an_estimate_that_rests_on_one_run_says_so():
    rbm = RBM.from_arrays(np.zeros((4, 3)), np.arange(4.0), np.arange(3.0))
    found = likelihood.log_partition(rbm, n_chains=10, n_betas=2, random_state=0)
    assert found.effective_sample_size == pytest.approx(10)
    assert likelihood.log_partition(rbm, "exact").effective_sample_size == np.inf
    strong = 10 * np.random.default_rng(0).standard_normal((12, 6))
    rbm = RBM.from_arrays(strong, np.zeros(12), np.zeros(6))
    with pytest.warns(ConvergenceWarning, match=r"rests on 1\.0 of 100 runs: raise") as caught:
        found = likelihood.log_partition(rbm, n_betas=2, base="uniform", random_state=3)
    assert caught[0].filename == __file__
    assert 1 <= found.effective_sample_size < 1.1


def test_with_few_steps_the_two_bounds_enclose_the_truth_from_afar():
    rbm = random_rbm()
    rbm.weights_ *= 5
    exact = likelihood.log_partition(rbm, "exact").value
    low, high = (
        np.mean([likelihood.log_partition(rbm, m, 3, random_state=i).value for i in range(50)])
        for m in ("ais", "reverse_ais")
    )
    assert low < exact < high - 0.3


@pytest.fixture(scope="module")
def mnist_rbm():
    """An RBM on MNIST that is small enough to enumerate."""
    data = datasets.load_mnist(subset=2000, binarize="sample", random_state=0)
    rbm = RBM(15, algorithm="pcd", n_epochs=20, batch_size=50, random_state=0)
    return rbm.fit(data.X), data


def test_a_uniform_base_is_confidently_wrong_where_the_data_base_is_right(mnist_rbm):
    rbm, _ = mnist_rbm
    exact = likelihood.log_partition(rbm, "exact").value
    wrong = likelihood.log_partition(rbm, n_betas=300, base="uniform", random_state=0)
    right = likelihood.log_partition(rbm, n_betas=300, base="data", random_state=0)
    assert wrong.value < exact - 10
    assert wrong.high - wrong.low < 5
    assert abs(right.value - exact) < 2


def test_where_few_hidden_units_are_on_a_base_with_hidden_biases_loses_less_to_weights():
    lost = {"data": [], "visible": []}
    for seed in range(10):
        rng = np.random.default_rng(seed)
        weights, bias = 0.5 * rng.standard_normal((30, 10)), rng.standard_normal(30)
        rbm = RBM.from_arrays(weights, bias, -2 - expit(bias) @ weights)
        X = rbm.sample(500, n_gibbs=50, random_state=seed)
        for base, shares in lost.items():
            found = likelihood.log_partition(
                rbm, n_betas=40, n_chains=50, base=base, X=X, random_state=seed
            )
            shares.append(1 - found.effective_sample_size / 50)
    # Measured: 0.04 and 0.08 of the runs.
    assert np.mean(lost["data"]) < 0.7 * np.mean(lost["visible"])


def test_the_bases_differ_in_their_biases_alone(mnist_rbm):
    rbm, data = mnist_rbm
    names = "data", "visible", "uniform"
    bases = {name: likelihood.base_machine(rbm, name, data.X) for name in names}
    for base in bases.values():
        assert not base.weights.any()
    for name in ("data", "visible"):
        np.testing.assert_array_equal(bases[name].visible_bias, rbm.data_bias_)
    assert not bases["uniform"].visible_bias.any()
    of_rows = rbm.transform(data.X).mean(axis=0)
    np.testing.assert_allclose(expit(bases["data"].hidden_bias), of_rows, atol=1e-3)
    assert not likelihood.base_machine(rbm).hidden_bias.any()
    for name in ("visible", "uniform"):
        assert not bases[name].hidden_bias.any()


def test_the_data_base_comes_from_training_or_from_rows(mnist_rbm):
    rbm, data = mnist_rbm
    run = {"n_betas": 50, "n_chains": 10, "random_state": 0}
    trained = likelihood.log_partition(rbm, base="visible", **run)
    assert trained == likelihood.log_partition(rbm, **run)
    assert trained == likelihood.log_partition(rbm, base="visible", X=data.X, **run)
    assert trained != likelihood.log_partition(rbm, X=data.X, **run)
    run["base"] = "visible"
    assert trained != likelihood.log_partition(rbm, X=data.X[:100], **run)


def test_a_machine_of_two_digits_is_measured_right_from_either_base():
    """A base of the hidden means at the mean image misses one of the digits, by twenty nats."""
    data = datasets.load_mnist(subset=10_000, binarize="sample", random_state=0)
    X = data.X[data.y <= 1]
    rates = np.linspace(0.02, 0.0004, 25)
    rbm = RBM(14, algorithm="pcd", n_chains=100, learning_rate=rates, momentum=0.0, batch_size=50)
    rbm.set_params(random_state=0, weight_decay=1e-5, n_epochs=25).fit(X)
    exact = likelihood.log_partition(rbm, "exact").value
    for base in ("data", "visible"):
        found = likelihood.log_partition(rbm, n_betas=500, base=base, X=X, random_state=1)
        assert exact - 3 < found.value < exact + 1


@pytest.mark.parametrize("method", ["ais", "reverse_ais"])
def test_the_path_leads_to_the_machine_without_a_step_back_and_ever_slower(monkeypatch, method):
    paths = []
    monkeypatch.setattr(
        likelihood,
        "_anneal",
        lambda m, base, betas, V, rng: paths.append(betas) or np.zeros(len(V)),
    )
    likelihood.log_partition(random_rbm(), method, n_betas=14501, random_state=0)
    path = paths[0] if method == "ais" else paths[0][::-1]
    assert path[0] == 0
    assert path[-1] == 1
    steps = np.diff(path)
    assert (steps > 0).all()
    # Of 14,500 steps, 500 lead to 0.5, 4,000 to 0.9 and 10,000 to 1.
    expected = np.repeat([0.5 / 500, 0.4 / 4000, 0.1 / 10000], [500, 4000, 10000])
    np.testing.assert_allclose(steps, expected, rtol=1e-6)


def test_same_seed_gives_the_same_estimate(mnist_rbm):
    rbm, _ = mnist_rbm
    first, again, other = (
        likelihood.log_partition(rbm, n_betas=20, random_state=seed) for seed in (0, 0, 1)
    )
    assert first == again != other


@pytest.mark.parametrize("rows", [True, False])
def test_reverse_ais_of_a_large_model_says_that_it_starts_from_chains(rows, monkeypatch):
    rbm = random_rbm()
    exact = likelihood.log_partition(rbm, "exact").value
    monkeypatch.setattr(likelihood, "ENUMERABLE_STATES", 2)
    with pytest.warns(UserWarning, match="Gibbs chains of 1000 steps"):
        estimate = likelihood.log_partition(
            rbm, "reverse_ais", X=np.eye(4) if rows else None, random_state=0
        )
    assert abs(estimate.value - exact) < 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "annealing"}, "'ais', 'reverse_ais', 'exact'"),
        ({"base": "noise"}, "'data', 'visible', 'uniform'"),
        ({"n_betas": 1}, "n_betas"),
        ({"n_chains": 1}, "n_chains"),
    ],
)
def test_a_bad_argument_of_log_partition_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        likelihood.log_partition(random_rbm(), **arguments)


# Pseudo-likelihood -------------------------------------------------------------------------------


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_pseudo_likelihood_of_every_unit_type_normalises_each_conditional(visible, hidden, rng):
    """The conditionals of one block, summed or integrated over its states, give one."""
    rbm = random_rbm(visible, hidden)
    V = Enumerated(rbm).V[rng.choice(len(Enumerated(rbm).V), 3)]
    total = np.zeros(3)
    start = 0
    for block in blocks(rbm.visible_unit_):
        states, measure = points(block)
        fine = np.repeat(V, len(states), axis=0)
        fine[:, start : start + block.n_units] = np.tile(states, (3, 1))
        log_p = rbm.score_samples(fine).reshape(3, -1) + measure.max()
        total += rbm.score_samples(V) - logsumexp(log_p, axis=1)
        start += block.n_units
    np.testing.assert_allclose(likelihood.pseudo_log_likelihood(rbm, V), total, atol=1e-7)


# Weights, and a hidden bias with which the outermost modes have about the same mass.
FAR_MODES = {
    "one above": ([8.0], -32.0),
    "one below": ([-8.0], -32.0),
    "on both sides": ([8.0, -8.0], -32.0),
    "of twelve weights above": ([8.0] * 12, -384.0),
    "of twelve weights below": ([-8.0] * 12, -384.0),
}


@pytest.mark.parametrize("deviation", [0.1, 1.0, 10.0])
@pytest.mark.parametrize(("weights", "bias"), FAR_MODES.values(), ids=FAR_MODES)
def test_pseudo_likelihood_of_a_single_gaussian_unit_is_its_likelihood_however_far_its_modes_lie(
    weights, bias, deviation
):
    W = np.array([weights]) / deviation
    arrays = W, np.array([0.1 / deviation]), np.full(len(weights), bias)
    rbm = RBM.from_arrays(*arrays, visible=Gaussian(1, deviation**2), dtype="float64")
    V = deviation * np.array([0.0, *np.cumsum(weights)])[:, None]
    expected = likelihood.log_likelihood(rbm, V, likelihood.log_partition(rbm, "exact"))
    np.testing.assert_allclose(likelihood.pseudo_log_likelihood(rbm, V), expected, atol=1e-9)


def gaussian_gaussian(weight):
    arrays = np.array([[weight, 0.0]]), np.array([3.0]), np.array([30.0, 0.0])
    return RBM.from_arrays(*arrays, visible="gaussian", hidden="gaussian", dtype="float64")


def test_pseudo_likelihood_of_a_unit_below_gaussian_units_is_the_normal_density():
    # log p(v) is 3 v - v²/2 + (30 + 0.9 v)²/2 and a constant: a normal density of precision 0.19.
    V, precision = np.array([[150.0], [158.0]]), 1 - 0.9**2
    expected = norm.logpdf(V[:, 0], (3 + 0.9 * 30) / precision, precision**-0.5)
    found = likelihood.pseudo_log_likelihood(gaussian_gaussian(0.9), V)
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("weight", [1.0, -1.0, 1.5])
def test_pseudo_likelihood_refuses_two_gaussian_layers_without_a_distribution(weight):
    with pytest.raises(ValueError, match="has no distribution: its weights exceed 1"):
        likelihood.pseudo_log_likelihood(gaussian_gaussian(weight), np.zeros((2, 1)))


def blocks(unit):
    if isinstance(unit, Joint):
        return [block for part in unit.units for block in blocks(part)]
    if isinstance(unit, Softmax):
        return [Softmax(size) for size in unit.sizes]
    if isinstance(unit, Gaussian):
        return [Gaussian(1, variance) for variance in unit.variances()]
    return [type(unit)(1)] * unit.n_units


def test_pseudo_likelihood_is_not_scaled_by_the_number_of_units(X):
    rbm = RBM(3, n_epochs=3, dtype="float64", random_state=0).fit(X)
    V = np.column_stack([X, np.ones(len(X))])
    wider = RBM(3, n_epochs=1, dtype="float64", random_state=0).fit(V)
    wider.weights_[:] = np.vstack([rbm.weights_, np.zeros(3)])
    wider.visible_bias_[:] = np.append(rbm.visible_bias_, 0)
    wider.hidden_bias_[:] = rbm.hidden_bias_
    np.testing.assert_allclose(
        likelihood.pseudo_log_likelihood(wider, V),
        likelihood.pseudo_log_likelihood(rbm, X) - np.log(2),
    )


def test_pseudo_likelihood_refuses_intensities(X):
    with pytest.raises(ValueError, match="column 0 has values between 0 and 1"):
        likelihood.pseudo_log_likelihood(RBM(3, n_epochs=1).fit(X), X * 0.5)


def test_pseudo_likelihood_refuses_word_counts():
    arrays = np.zeros((4, 2)), np.zeros(4), np.zeros(2)
    for unit in (ReplicatedSoftmax(4), Multinomial(4, 3)):
        with pytest.raises(ValueError, match="word counts have no pseudo-likelihood"):
            likelihood.pseudo_log_likelihood(RBM.from_arrays(*arrays, unit), [[1, 1, 1, 0]])
