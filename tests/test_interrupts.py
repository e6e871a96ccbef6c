"""Ctrl-C at random moments, by signal: a model that works, or the estimator as it was before."""

import contextlib
import re
import signal
import time
import warnings

import numpy as np
import pytest
from models import bits
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from dbnlab import DBN, RBM, DBNClassifier, DBNRegressor, DeepAutoencoder
from dbnlab.denoise import DenoisingAutoencoder, PatchDenoiser
from dbnlab.novelty import NoveltyDetector

pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer of Unix"),
    # Ctrl-C right after `open`, before `with`, leaves a file to the garbage collector, and one that
    # meets a finaliser is dropped.
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
N_INTERRUPTS = 100
SMALL = DBN((4, 3), RBM(n_epochs=2, batch_size=15), random_state=0)
FAST = {"dbn": SMALL, "n_epochs": 1, "batch_size": 30, "random_state": 0}
# Estimators that an interrupted fit leaves as they were, and what shows what they have learned.
ESTIMATORS = {
    "DBN": (SMALL, "transform"),
    "DBN with labels": (clone(SMALL).set_params(joint_labels=True), "predict_proba"),
    "classifier": (DBNClassifier((4, 3), **FAST), "predict_proba"),
    "regressor": (DBNRegressor((4, 3), **FAST), "predict"),
    "autoencoder": (DeepAutoencoder((4, 3), **FAST), "transform"),
    "denoising autoencoder": (DenoisingAutoencoder((4, 3), **FAST), "denoise"),
    "novelty": (NoveltyDetector(SMALL, 0.3, random_state=0), "decision_function"),
    "patches": (
        PatchDenoiser(RBM(3, visible="gaussian", n_epochs=2), size=2, n_patches=60, random_state=0),
        "denoise",
    ),
}


@contextlib.contextmanager
def ctrl_c(seconds):
    """Press Ctrl-C after so many seconds, or never."""

    def press(_, frame):
        # An exception that meets TensorFlow at work may end the process, or leave it in graph mode,
        # whoever raises it, and Keras swallows some (a bare `except`): press a moment later.
        while frame and not re.search("tensorflow|keras.src", frame.f_code.co_filename):
            frame = frame.f_back
        if frame:
            signal.setitimer(signal.ITIMER_REAL, 0.001, 2)
        else:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, press)
    try:
        # Python drops an interrupt that meets a finaliser: press again, as anyone would.
        signal.setitimer(signal.ITIMER_REAL, seconds, 2)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def moments(action):
    """Random moments of an action that was timed on this machine just now."""
    start = time.perf_counter()
    action()
    duration = time.perf_counter() - start
    return np.random.default_rng(0).uniform(1e-6, duration, N_INTERRUPTS)


def is_fitted(estimator):
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True


def rows(estimator, rng):
    """What this estimator learns from, and a target: classes that are numbers too."""
    images = isinstance(estimator, DenoisingAutoencoder | PatchDenoiser)
    X = rng.random((30, 2, 3)) if images else (rng.random((30, 6)) < 0.5).astype(float)
    return X, rng.permutation(np.arange(30) % 3)


# An RBM inside another estimator keeps what it has learnt, says so, and the other goes on with it.
@pytest.mark.filterwarnings("ignore:training was interrupted in epoch:UserWarning")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_interrupted_fit_leaves_the_estimator_as_it_was(name):
    estimator, method = ESTIMATORS[name]
    rng = np.random.default_rng(1)
    X, y = rows(estimator, rng)
    other, other_y = rows(estimator, rng)
    other_y = other_y + 10
    fitted = clone(estimator).fit(X, y)
    expected, n_stopped = getattr(fitted, method)(X), 0
    for number, moment in enumerate(moments(lambda: clone(estimator).fit(other, other_y))):
        model, ended = clone(estimator) if number % 2 else fitted, []
        with contextlib.suppress(KeyboardInterrupt), ctrl_c(moment):
            # The timer may go off when `fit` has come back already.
            ended.append(model.fit(other, other_y))
        if not ended:
            n_stopped += 1
            assert is_fitted(model) == (model is fitted)
            np.testing.assert_array_equal(getattr(fitted, method)(X), expected)
            if hasattr(fitted, "classes_"):
                assert fitted.classes_.tolist() == [0, 1, 2]
        elif model is fitted:
            fitted = clone(estimator).fit(X, y)
    # Not more: on a busy machine the fit that was timed may have been a slow one.
    assert n_stopped > N_INTERRUPTS / 10


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_an_interrupted_rbm_works_or_is_as_it_was(tmp_path, X, method, again):
    rbm = RBM(3, algorithm="pcd", batch_size=3, n_epochs=4, random_state=0)
    first, known = clone(rbm).fit(X), rbm.n_epochs
    n_kept = n_raised = 0
    for moment in moments(lambda: getattr(clone(rbm), method)(1 - X)):
        model, ended = clone(rbm).fit(X) if again else clone(rbm), []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            with contextlib.suppress(KeyboardInterrupt), ctrl_c(moment):
                ended.append(getattr(model, method)(1 - X))
        if not ended:
            n_raised += 1
            assert is_fitted(model) == again
            if again:
                assert bits(model) == bits(first)
                assert len(model.history_["update_ratio"]) == known
            continue
        (said,) = [w for w in caught if "interrupted" in str(w.message)] or [None]
        n_kept += said is not None
        n_epochs = len(next(iter(model.history_.values()), []))
        if said:
            assert said.filename == __file__
            assert f"interrupted in epoch {n_epochs + 1}: the model keeps" in str(said.message)
        assert {len(values) for values in model.history_.values()} <= {n_epochs}
        assert np.isfinite(np.concatenate([np.ravel(a) for a in model.state_.parameters])).all()
        model.save(tmp_path / "model")
        assert bits(RBM.load(tmp_path / "model")) == bits(model)
        assert len(model.partial_fit(X).history_["update_ratio"]) == n_epochs + 1
    assert n_kept > N_INTERRUPTS / 10
    assert n_raised > 0


def test_an_interrupted_up_down_keeps_what_it_has_learnt_and_says_so(X):
    dbn, n_kept = clone(SMALL).fit(X), 0
    for moment in moments(lambda: dbn.up_down(X, n_epochs=20)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with contextlib.suppress(KeyboardInterrupt), ctrl_c(moment):
                dbn.up_down(X, n_epochs=20)
        n_kept += any("up-down training was interrupted" in str(w.message) for w in caught)
        assert np.isfinite(dbn.transform(X)).all()
        assert dbn.rbms_[-1].machine_ is dbn.stack_.top
        assert np.shares_memory(dbn.generative_weights_[-1], dbn.rbms_[-1].weights_)
    assert n_kept > N_INTERRUPTS / 10


def test_after_ctrl_c_the_checkpoint_goes_on_from_its_last_whole_epoch(backend, tmp_path, X):
    rbm = RBM(3, batch_size=7, n_epochs=1, backend=backend, random_state=0)
    rbm.fit(X, checkpoint=tmp_path / "run").set_params(n_epochs=2000)
    with pytest.warns(UserWarning, match="training was interrupted in epoch"), ctrl_c(0.1):
        rbm.fit(X, checkpoint=tmp_path / "run")
    n_done = len(rbm.history_["update_ratio"])
    assert 0 < n_done < 2000
    rbm.set_params(n_epochs=n_done + 1).fit(X, checkpoint=tmp_path / "run")
    assert bits(rbm) == bits(clone(rbm).fit(X))


def test_ctrl_c_says_what_becomes_of_a_part_of_a_stack(X):
    said = pytest.raises(KeyboardInterrupt, match="interrupted in layer 0: a part of a stack")
    with said, ctrl_c(0.05):
        DBN((4, 3), RBM(n_epochs=10**6)).fit(X)
