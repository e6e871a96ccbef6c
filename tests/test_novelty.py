import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import check_estimator

from dbnlab import DBN, RBM
from dbnlab.novelty import NoveltyDetector

GAUSSIAN = RBM(4, visible="gaussian", learning_rate=0.005, n_epochs=3)


PROTOTYPE = RBM(50, n_epochs=60, batch_size=20)


@pytest.fixture
def mixed(digits):
    """The digits in random order: as stored, the last ones come from other writers."""
    return np.random.default_rng(1).permutation(digits)


@pytest.fixture
def usual(mixed):
    return mixed[:1200]


@pytest.mark.parametrize("model", [PROTOTYPE, DBN((50, 30), PROTOTYPE)])
def test_impossible_combinations_are_found_at_the_chosen_rate_of_false_alarms(
    mixed, usual, rng, model
):
    detector = NoveltyDetector(model, false_alarm_rate=0.1, random_state=0).fit(usual)
    fresh = mixed[1200:]
    strange = rng.permuted(fresh, axis=0)  # each pixel that of some other digit
    assert (detector.predict(fresh) == -1).mean() == pytest.approx(0.1, abs=0.05)
    scores = detector.decision_function(np.concatenate([fresh, strange]))
    assert roc_auc_score(np.repeat([1, 0], len(fresh)), scores) > 0.9


@pytest.mark.parametrize("n_rows", [19, 20, 40, 100, 333])
def test_the_rate_of_false_alarms_is_kept_in_the_mean_over_500_detectors(n_rows):
    rbm = RBM.from_arrays(np.ones((12, 1)), np.linspace(-2, 2, 12), [0.0])
    model, rng = FrozenEstimator(rbm), np.random.default_rng(0)
    rates = []
    for _ in range(500):
        held_out, fresh = rng.normal(0.5, 0.1, (2, n_rows, 12)).clip(0, 1)
        detector = NoveltyDetector(model, 0.05).fit(held_out)
        rates.append((detector.predict(fresh) == -1).mean())
    promised = int(0.05 * (n_rows + 1)) / (n_rows + 1)
    assert abs(np.mean(rates) - promised) < 3 * np.std(rates) / 500**0.5
    assert promised <= 0.05


@pytest.mark.parametrize(("rate", "n_rows"), [(0.05, 18), (0.3, 2), (1e-9, 1000)])
def test_a_rate_that_the_rows_cannot_give_is_refused(rng, rate, n_rows):
    rbm = RBM.from_arrays(np.ones((3, 1)), np.zeros(3), [0.0])
    needed = f"needs {int(np.ceil(1 / rate)) - 1} rows that set the threshold, there are {n_rows}"
    with pytest.raises(ValueError, match=needed):
        NoveltyDetector(FrozenEstimator(rbm), rate).fit(rng.random((n_rows, 3)))


def test_a_rate_that_the_rows_cannot_give_is_refused_before_training(usual, monkeypatch):
    monkeypatch.setattr(RBM, "fit", None)
    with pytest.raises(ValueError, match="needs 19 rows that set the threshold, there are 10"):
        NoveltyDetector().fit(usual[:50])


def test_the_threshold_is_the_score_of_the_conformal_rank(usual):
    rbm = RBM(20, n_epochs=2, random_state=0).fit(usual[:600])
    detector = NoveltyDetector(FrozenEstimator(rbm), 0.25).fit(usual[600:])
    assert detector.model_ is rbm
    assert detector.offset_ == np.sort(rbm.score_samples(usual[600:]))[149]
    assert (detector.predict(usual[600:]) == -1).sum() == 149
    np.testing.assert_array_equal(detector.score_samples(usual), rbm.score_samples(usual))


def test_held_out_rows_do_not_train(usual):
    one = NoveltyDetector(RBM(5, n_epochs=1), validation_fraction=0.5, random_state=3).fit(usual)
    order = np.random.default_rng(3).permutation(len(usual))
    other = usual.copy()
    other[order[:600]] = 0
    two = clone(one).fit(other)
    np.testing.assert_array_equal(one.model_.weights_, two.model_.weights_)
    assert one.offset_ != two.offset_


def test_two_rows_are_enough_one_to_train_and_one_for_the_threshold(usual):
    for share in (0.01, 0.99):
        detector = NoveltyDetector(RBM(3, n_epochs=1), 0.5, share, random_state=0)
        detector.fit(usual[:2])
        assert detector.offset_ in detector.score_samples(usual[:2])


def test_a_row_at_the_threshold_is_usual(usual):
    detector = NoveltyDetector(RBM(3, n_epochs=1), 0.5, 0.4, random_state=0).fit(usual[:2])
    assert 1 in detector.predict(usual[:2][detector.decision_function(usual[:2]) == 0])


def test_nothing_is_scored_before_fit(usual):
    with pytest.raises(NotFittedError):
        NoveltyDetector().score_samples(usual)


def test_same_seed_same_bits_and_the_prototype_stays_untrained(usual):
    prototype = RBM(5, n_epochs=1)
    one, two = (NoveltyDetector(prototype, random_state=1).fit(usual) for _ in range(2))
    np.testing.assert_array_equal(one.score_samples(usual), two.score_samples(usual))
    assert one.offset_ == two.offset_
    assert not hasattr(prototype, "weights_")


@pytest.mark.parametrize("parameters", [{"false_alarm_rate": 0}, {"validation_fraction": 1.0}])
def test_shares_outside_their_range_are_refused(usual, parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        NoveltyDetector(**parameters).fit(usual)


def test_scikit_learn_checks_pass_in_full():
    # Its tables are too small for a rate of 5 %.
    check_estimator(NoveltyDetector(GAUSSIAN, 0.5, random_state=0), on_skip=None)


def test_a_row_far_beyond_what_is_usual_is_strange_alone_and_among_others(rng):
    X = rng.random((100, 4)) ** 4
    detector = NoveltyDetector(RBM(8, n_epochs=30, random_state=0), random_state=0).fit(X)
    far = [[8.0, 8.0, 0.1, 7.0]]
    assert detector.predict(far) == -1
    with pytest.warns(UserWarning, match=r"beyond \[0, 1\], 3 of them"):
        assert detector.predict(np.concatenate([X[:30], far]))[-1] == -1
    with pytest.raises(ValueError, match=r"units need \[0, 1\]"):
        detector.predict(255 * X)
