"""Machines that were not trained: from arrays, stacked as they are, and frozen in a stack."""

import copy
import pickle

import numpy as np
import pytest
from models import LEARNED, PAIRS, VISIBLE, Enumerated, bits, random_rbm
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from stacks import stack_bits

from dbnlab import DBN, RBM, likelihood, units


def arrays(n_visible=6, n_hidden=3, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in [(n_visible, n_hidden), n_visible, n_hidden]]


# RBM.from_arrays ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_a_machine_from_arrays_is_the_distribution_of_these_arrays(visible, hidden):
    given = random_rbm(visible, hidden)
    named = given.weights_, given.visible_bias_, given.hidden_bias_
    rbm = RBM.from_arrays(*named, visible=VISIBLE[visible], hidden=hidden)
    table = Enumerated(given)
    rows = table.likely_rows(50, np.random.default_rng(0))
    means = table.mean_hidden()[rows]
    np.testing.assert_allclose(rbm.transform(table.V[rows]), means, atol=1e-6)
    np.testing.assert_array_equal(rbm.free_energy(table.V), given.free_energy(table.V))


def test_a_machine_from_arrays_is_fitted_and_keeps_its_own_copies():
    W, b, c = arrays()
    rbm = RBM.from_arrays(W, b, c, random_state=0)
    W[:], b[:], c[:] = 0, 0, 0
    assert (rbm.weights_ != 0).all()
    assert rbm.n_features_in_ == 6
    assert rbm.sample(4, 5).shape == (4, 6)
    assert rbm.history_ == {}
    with pytest.raises(AttributeError, match="no chains_"):
        rbm.chains_  # noqa: B018


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_precision_is_that_of_the_weights_unless_it_is_named(dtype):
    W, b, c = (array.astype(dtype) for array in arrays())
    assert RBM.from_arrays(W, b, c).weights_.dtype == dtype
    assert RBM.from_arrays(W, b, c, dtype="float32").hidden_bias_.dtype == "float32"


def test_a_machine_turned_upside_down_has_the_hidden_distribution_of_the_first():
    W, b, c = arrays(4, 3)
    first = Enumerated(RBM.from_arrays(W, b, c))
    upside_down = Enumerated(RBM.from_arrays(W.T, c, b))
    np.testing.assert_allclose(upside_down.p_visible, first.p_hidden, atol=1e-12)


def test_importance_sampling_of_a_machine_without_data_starts_from_its_own_bias():
    rbm = RBM.from_arrays(*arrays(8, 4))
    exact = likelihood.log_partition(rbm, "exact").value
    estimate = likelihood.log_partition(rbm, n_betas=2000, random_state=0)
    assert estimate.low - 0.05 < exact < estimate.high + 0.05


def test_training_goes_on_from_the_arrays(backend, X):
    W, b, c = arrays()
    rbm = RBM.from_arrays(W, b, c, backend=backend, algorithm="pcd", learning_rate=1e-9)
    rbm.partial_fit(X)
    np.testing.assert_allclose(rbm.weights_, W, atol=1e-6)
    assert rbm.chains_.shape == (16, 3)


def test_fit_starts_afresh_after_from_arrays(X):
    rbm = RBM.from_arrays(*arrays(), dtype="float32", random_state=0)
    assert bits(rbm.fit(X)) == bits(RBM(3, random_state=0).fit(X))


@pytest.mark.parametrize(("visible", "hidden"), LEARNED)
def test_variances_can_be_learned_from_arrays(visible, hidden):
    given = random_rbm(visible, hidden)
    named = given.weights_, given.visible_bias_, given.hidden_bias_
    rbm = RBM.from_arrays(
        *named, visible=VISIBLE[visible], hidden=hidden, learn_variance=True, learning_rate=1e-3
    )
    table = Enumerated(given)
    rbm.partial_fit(table.V[table.likely_rows(9, np.random.default_rng(0))])
    assert (rbm.visible_variance_ != VISIBLE[visible].variances()).any()


WRONG = {
    "a bias of another length": ((np.ones((4, 3)), np.ones(3), np.ones(3)), {}, "visible_bias is"),
    "a row of biases": (
        (np.ones((4, 3)), np.ones(4), np.ones((1, 3))),
        {},
        "hidden_bias is of",
    ),
    "one axis": ((np.ones(4), np.ones(4), np.ones(1)), {}, "2D array"),
    "NaN": ((np.full((4, 3), np.nan), np.ones(4), np.ones(3)), {}, "weights contains NaN"),
    "an infinite bias": ((np.ones((4, 3)), [1, 2, 3, np.inf], np.ones(3)), {}, "visible_bias cont"),
    "a unit of another width": (arrays(), {"visible": units.Bernoulli(5)}, "has 5 units"),
    "no variance to learn": (arrays(), {"learn_variance": True}, "needs Gaussian visible units"),
    "a parameter out of range": (arrays(), {"momentum": 2}, "momentum"),
}


@pytest.mark.parametrize(("given", "parameters", "message"), WRONG.values(), ids=WRONG)
def test_arrays_that_make_no_machine_are_refused(given, parameters, message):
    with pytest.raises(ValueError, match=message):
        RBM.from_arrays(*given, **parameters)


# DBN.from_rbms -----------------------------------------------------------------------------------


@pytest.fixture
def first():
    return RBM.from_arrays(*arrays(6, 4))


@pytest.fixture
def second():
    return RBM.from_arrays(*arrays(4, 2, seed=1))


def test_a_stack_of_machines_goes_up_as_they_do_one_after_the_other(first, second, X):
    dbn = DBN.from_rbms([first, second])
    np.testing.assert_array_equal(dbn.transform(X), second.transform(first.transform(X)))
    assert dbn.layer_sizes == (4, 2)
    assert dbn.n_features_in_ == 6


def test_a_stack_of_machines_samples_with_the_engine_of_its_top(first, second):
    third = RBM.from_arrays(*arrays(2, 3), backend="tensorflow")
    assert DBN.from_rbms([first, second, third]).backend == "tensorflow"
    assert DBN.from_rbms([first, second]).backend == "numpy"


def test_with_its_mirror_image_on_top_the_bound_is_the_likelihood(first, X):
    mirror = RBM.from_arrays(first.weights_.T, first.hidden_bias_, first.visible_bias_)
    dbn = DBN.from_rbms([first, mirror])
    exact = likelihood.log_likelihood(first, X, likelihood.log_partition(first, "exact"))
    log_z = likelihood.log_partition(mirror, "exact")
    bound, errors = dbn.log_likelihood_bound(X, log_z, n_samples=2, random_state=0)
    np.testing.assert_allclose(bound, exact, atol=1e-9)
    assert errors.max() < 1e-9


def test_a_stack_of_machines_can_be_trained_and_leaves_them_alone(first, second, X):
    before = bits(first), bits(second)
    dbn = DBN.from_rbms([first, second], random_state=0).up_down(X, n_epochs=1)
    assert (bits(first), bits(second)) == before
    assert bits(dbn.rbms_[1]) != before[1]


def test_a_stack_of_machines_survives_files_and_copies(first, second, tmp_path):
    dbn = DBN.from_rbms([first, second], random_state=3)
    dbn.save(tmp_path / "model")
    for same in (DBN.load(tmp_path / "model"), copy.deepcopy(dbn), pickle.loads(pickle.dumps(dbn))):
        assert stack_bits(same) == stack_bits(dbn)
        np.testing.assert_array_equal(same.sample(3, n_gibbs=2), dbn.sample(3, n_gibbs=2))
        dbn = DBN.from_rbms([first, second], random_state=3)


def test_fit_trains_a_stack_of_the_same_form_afresh(first, second, X):
    prototypes = [clone(first), clone(second)]
    expected = DBN((4, 2), prototypes, random_state=0).fit(X)
    assert stack_bits(DBN.from_rbms([first, second], random_state=0).fit(X)) == stack_bits(expected)


@pytest.mark.parametrize(
    ("top", "message"),
    [
        (RBM.from_arrays(*arrays(3, 2)), r"layer 1, Bernoulli\(n_units=3\).* layer 0, Bern.*=4\)"),
        (RBM.from_arrays(*arrays(4, 2), visible="gaussian"), r"layer 1, Gaussian\(n_units=4\)"),
    ],
)
def test_machines_that_do_not_fit_onto_each_other_are_refused(first, top, message):
    with pytest.raises(ValueError, match=message):
        DBN.from_rbms([first, top])


def test_machines_that_were_not_fitted_or_are_missing_are_refused(first):
    with pytest.raises(NotFittedError):
        DBN.from_rbms([first, RBM(2)])
    with pytest.raises(ValueError, match="rbms is empty"):
        DBN.from_rbms([])
    with pytest.raises(TypeError, match="rbms must hold fitted RBMs, got FrozenEstimator"):
        DBN.from_rbms([FrozenEstimator(first)])


# Frozen layers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("propagate", ["mean", "sample"])
def test_a_frozen_layer_is_taken_as_it_is_and_the_others_are_trained_on_it(first, X, propagate):
    before = bits(first)
    prototypes = [FrozenEstimator(first), RBM(n_epochs=3), RBM(n_epochs=2)]
    dbn = DBN((4, 3, 2), prototypes, propagate, random_state=0).fit(X)
    assert bits(dbn.rbms_[0]) == bits(first) == before
    assert [len(rbm.history_.get("update_ratio", [])) for rbm in dbn.rbms_] == [0, 3, 2]


def test_on_a_frozen_layer_the_next_one_learns_what_it_does_in_a_whole_stack(X):
    """With the same seed, layers above a frozen copy of the first end with the same bits."""
    whole = DBN((4, 3), RBM(n_epochs=3), random_state=0).fit(X)
    frozen = FrozenEstimator(whole.rbms_[0])
    again = DBN((4, 3), [frozen, RBM(n_epochs=3)], random_state=0).fit(X)
    assert stack_bits(again) == stack_bits(whole)


def test_labels_are_learnt_above_a_frozen_layer(first, X, rng):
    y = rng.integers(3, size=len(X))
    dbn = DBN((4, 5), [FrozenEstimator(first), RBM(n_epochs=2)], joint_labels=True).fit(X, y)
    assert dbn.predict_proba(X).shape == (30, 3)
    assert bits(dbn.rbms_[0]) == bits(first)


def test_up_down_training_leaves_the_frozen_machine_alone(first, second, X):
    before = bits(first), bits(second)
    frozen = [FrozenEstimator(first), FrozenEstimator(second)]
    DBN((4, 2), frozen, random_state=0).fit(X).up_down(X, n_epochs=1)
    assert (bits(first), bits(second)) == before


def test_a_frozen_layer_survives_files(first, X, tmp_path):
    dbn = DBN((4, 2), [FrozenEstimator(first), RBM(n_epochs=2)], random_state=0).fit(X)
    dbn.save(tmp_path / "model")
    loaded = DBN.load(tmp_path / "model")
    assert stack_bits(loaded) == stack_bits(dbn)
    assert stack_bits(loaded.fit(X)) == stack_bits(dbn)


@pytest.mark.parametrize(
    ("sizes", "numbers", "options", "message"),
    [
        ((5, 2), (0,), {}, r"layer_sizes is \(5, 2\), but the layers have \[4, 2\] hidden units"),
        ((3, 2), (1,), {}, "visible units of layer 1"),
        ((4, 2), (1,), {"joint_labels": True}, "cannot be frozen"),
    ],
)
def test_frozen_layers_that_do_not_fit_are_refused(
    first, second, X, sizes, numbers, options, message
):
    machines = [first, second]
    prototypes = [FrozenEstimator(machines[n]) if n in numbers else RBM() for n in range(2)]
    with pytest.raises(ValueError, match=message):
        DBN(sizes, prototypes, **options).fit(X, np.arange(30) % 2)


def test_layers_above_a_frozen_one_take_its_fitted_units(first, X):
    """Whatever was set since it was trained."""
    first.set_params(hidden="gaussian", n_hidden=9)
    dbn = DBN((4, 2), [FrozenEstimator(first), RBM(n_epochs=1)], joint_labels=True)
    dbn.fit(X, np.arange(30) % 2)
    assert dbn.rbms_[1].visible_unit_ == units.Joint(units.Bernoulli(4), units.Softmax(2))


def test_rows_are_checked_below_a_frozen_layer(first, X):
    with pytest.raises(ValueError, match="Values above 1 in data"):
        DBN((4, 2), [FrozenEstimator(first), RBM(n_epochs=1)]).fit(3 * X)


def test_a_loaded_prototype_stays_when_its_layer_learns(first, second, X, tmp_path):
    frozen = [FrozenEstimator(first), FrozenEstimator(second)]
    DBN((4, 2), frozen, random_state=0).fit(X).save(tmp_path / "model")
    loaded = DBN.load(tmp_path / "model").up_down(X, n_epochs=1)
    assert bits(loaded.rbm[1].estimator) == bits(second) != bits(loaded.rbms_[1])


def test_a_frozen_layer_takes_rows_of_its_own_width_only(second, X):
    with pytest.raises(ValueError, match="X has 6 features, the RBM expects 4"):
        DBN((2, 3), [FrozenEstimator(second), RBM()]).fit(X)


def test_a_layer_that_was_frozen_before_it_was_fitted_is_refused(X):
    with pytest.raises(NotFittedError):
        DBN((2, 3), [FrozenEstimator(RBM(2)), RBM()]).fit(X)


# The top RBM of a stack --------------------------------------------------------------------------


def test_training_that_goes_on_with_the_top_rbm_shows_in_the_stack(backend, X):
    dbn = DBN((4, 3), RBM(n_epochs=2), backend=backend, random_state=0).fit(X)
    dbn.rbms_[-1].partial_fit(dbn.transform(X, layer=0))
    np.testing.assert_array_equal(dbn.recognition_weights_[-1], dbn.rbms_[-1].weights_)
    np.testing.assert_array_equal(
        dbn.transform(X), dbn.rbms_[-1].transform(dbn.transform(X, layer=0))
    )
