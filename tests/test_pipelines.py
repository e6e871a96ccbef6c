"""In other people's pipelines: rounding, scikit-learn's classifiers, parameters set afterwards."""

import copy
import os

import numpy as np
import pytest
from models import run_python
from sklearn.base import is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils import get_tags

from dbnlab import DBN, RBM, DBNClassifier, DBNRegressor, DeepAutoencoder, units
from dbnlab.novelty import NoveltyDetector

# Values beyond [0, 1] ----------------------------------------------------------------------------


def test_what_a_scaler_rounds_beyond_one_is_taken_as_one():
    X = MinMaxScaler().fit_transform(load_breast_cancer().data)
    assert X.max() > 1
    rbm = RBM(3, n_epochs=1, random_state=0).fit(X)
    np.testing.assert_array_equal(rbm.transform(X), rbm.transform(X.clip(0, 1)))


@pytest.mark.parametrize("value", [-1e-7, 1 + 1e-7])
def test_only_the_columns_of_probabilities_are_cut_off(value):
    unit = units.Joint(units.Gaussian(1), units.Bernoulli(1))
    rows = np.array([[value, value], [5.0, 0.5]])
    expected = np.array([[value, np.clip(value, 0, 1)], [5.0, 0.5]])
    np.testing.assert_array_equal(unit.check(rows), expected)


@pytest.mark.parametrize(
    ("value", "found"), [(1.00001, r"found 1\.00001 in row 7"), (-0.5, r"found -0\.5 in row 7")]
)
def test_what_is_more_than_rounding_is_refused_with_the_scaler_that_cures_it(X, value, found):
    X[7, 2] = value
    with pytest.raises(ValueError, match=rf"{found}, column 2: .*MinMaxScaler\(clip=True\)"):
        RBM(3).fit(X)


# A DBN with labels is a classifier ---------------------------------------------------------------


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return MinMaxScaler().fit_transform(X), y


@pytest.fixture
def joint():
    prototype = RBM(n_epochs=100, batch_size=10)
    return DBN((20,), prototype, joint_labels=True, random_state=0)


def test_scikit_learn_takes_a_dbn_for_a_classifier_if_it_learns_labels(joint):
    assert is_classifier(joint)
    assert get_tags(joint).target_tags.required
    assert not is_classifier(DBN())
    assert not get_tags(DBN()).target_tags.required
    assert not hasattr(DBN(), "score")


@pytest.mark.parametrize("model", [RBM(), DBN()], ids=str)
def test_scikit_learn_is_told_that_either_precision_is_kept(model):
    assert get_tags(model).transformer_tags.preserves_dtype == ["float64", "float32"]


def test_cross_validation_keeps_the_share_of_each_class(joint, iris):
    X, y = iris
    # Unstratified, each fold of the sorted iris would hold the one class that was not learnt.
    assert min(cross_val_score(joint, X, y, cv=3)) > 0.5
    assert min(cross_val_score(joint, X, y, cv=3, scoring="roc_auc_ovr")) > 0.9
    assert min(cross_val_score(joint, X[y < 2], y[y < 2], cv=3, scoring="roc_auc")) > 0.9


def test_score_is_the_share_of_right_classes(joint, iris):
    X, y = iris
    joint.fit(X, y)
    assert joint.score(X, y) == (joint.predict(X) == y).mean()
    weights = np.arange(len(y))
    right = (joint.predict(X) == y) @ weights / weights.sum()
    assert joint.score(X, y, sample_weight=weights) == pytest.approx(right)


def test_calibration_and_voting_take_a_dbn_with_labels(joint, iris):
    X, y = iris
    assert CalibratedClassifierCV(joint, cv=3).fit(X, y).score(X, y) > 0.8
    voters = [("dbn", joint), ("logistic", LogisticRegression())]
    assert VotingClassifier(voters, voting="soft").fit(X, y).score(X, y) > 0.8


# Parameters set after training -------------------------------------------------------------------

OF_THE_NEXT_TRAINING = {
    "a schedule": {"n_epochs": 20, "learning_rate": [0.1] * 7},
    "a wrong rate": {"learning_rate": -1},
    "no target": {"sparsity_cost": 0.1},
}


@pytest.mark.parametrize("parameters", OF_THE_NEXT_TRAINING.values(), ids=OF_THE_NEXT_TRAINING)
def test_parameters_of_the_next_training_do_not_spoil_the_file(X, tmp_path, parameters):
    rbm = RBM(3, n_epochs=1, random_state=0).fit(X).set_params(**parameters)
    rbm.save(tmp_path / "model")
    loaded = RBM.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.transform(X), rbm.transform(X))


def test_prototypes_of_the_next_training_do_not_spoil_the_file(X, tmp_path):
    dbn = DBN((4, 3), RBM(n_epochs=1), random_state=0).fit(X)
    dbn.set_params(layer_sizes=(3, 3, 3), rbm=[RBM()] * 3).save(tmp_path / "model")
    np.testing.assert_array_equal(DBN.load(tmp_path / "model").transform(X), dbn.transform(X))


def test_what_is_replaced_in_a_copy_stays_in_the_original(X):
    rbm = RBM(3, n_epochs=1, random_state=0).fit(X)
    before = rbm.transform(X)
    other = copy.copy(rbm)
    other.weights_, other.hidden_bias_ = np.zeros((6, 3)), np.ones(3)
    np.testing.assert_array_equal(rbm.transform(X), before)


AFTERWARDS = {
    "n_hidden": 4,
    "visible": "gaussian",
    "hidden": "gaussian",
    "dtype": "float64",
    "learn_variance": True,
}


@pytest.mark.parametrize("name", AFTERWARDS)
def test_a_file_holds_the_fitted_machine_whatever_was_set_afterwards(X, tmp_path, name):
    rbm = RBM(3, n_epochs=1, random_state=0).fit(X)
    expected = rbm.transform(X)
    rbm.set_params(**{name: AFTERWARDS[name]}).save(tmp_path / "model")
    loaded = RBM.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.transform(X), expected)
    loaded.partial_fit(X)


@pytest.mark.parametrize("name", AFTERWARDS)
def test_training_does_not_go_on_with_another_machine(X, name):
    rbm = RBM(3, n_epochs=1).fit(X).set_params(**{name: AFTERWARDS[name]})
    with pytest.raises(ValueError, match=f"{name} was .* in training so far: only fit can change"):
        rbm.partial_fit(X)


def test_the_number_of_chains_does_not_change_in_training(X):
    rbm = RBM(3, algorithm="pcd", n_epochs=1, n_chains=7).fit(X).partial_fit(X)
    with pytest.raises(ValueError, match="n_chains was 7 in training so far"):
        rbm.set_params(n_chains=9).partial_fit(X)


def test_a_file_holds_the_fitted_stack_whatever_was_set_afterwards(X, tmp_path):
    y = np.arange(len(X)) % 2
    dbn = DBN((4, 3), RBM(n_epochs=1), joint_labels=True, random_state=0).fit(X, y)
    expected = dbn.predict_proba(X)
    dbn.set_params(layer_sizes=(9,), joint_labels=False).save(tmp_path / "model")
    np.testing.assert_array_equal(DBN.load(tmp_path / "model").predict_proba(X), expected)


def test_a_stack_without_labels_does_not_become_a_classifier_afterwards(X):
    dbn = DBN((4,), RBM(n_epochs=1)).fit(X).set_params(joint_labels=True)
    assert not hasattr(dbn, "predict")
    with pytest.raises(ValueError, match="label needs a DBN trained with joint_labels=True"):
        dbn.sample(2, label=1)


# Batches and labels of other libraries -----------------------------------------------------------


class Loader:
    """Batches of ten rows, in the form that a library gives them."""

    def __init__(self, X, form):
        self.X, self.form = X, form

    def __iter__(self):
        for start in range(0, len(self.X), 10):
            yield self.form(self.X[start : start + 10])


FORMS = {
    "tuples": lambda rows: (rows, np.zeros(len(rows))),
    "lists with targets": lambda rows: [rows, np.zeros(len(rows))],
    "lists of one": lambda rows: [rows],
    "rows as lists": lambda rows: rows.tolist(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_batches_come_in_the_forms_of_other_libraries(X, form):
    rbm = RBM(3, n_epochs=2, random_state=0)
    expected = rbm.fit(Loader(X, lambda rows: rows)).transform(X)
    np.testing.assert_array_equal(rbm.fit(Loader(X, form)).transform(X), expected)


def test_batches_with_names_are_refused_with_their_names(X):
    with pytest.raises(TypeError, match=r"dict with the keys \['image', 'label'\]: give arrays"):
        RBM(3).fit(Loader(X, lambda rows: {"image": rows, "label": 0}))


ALL_ROWS = [
    DBN((3,)),
    DBNClassifier((3,)),
    DBNRegressor((3,)),
    DeepAutoencoder((3,)),
    NoveltyDetector(),
]


@pytest.mark.parametrize("estimator", ALL_ROWS, ids=lambda estimator: type(estimator).__name__)
def test_who_needs_all_rows_at_once_says_so(X, estimator):
    name = type(estimator).__name__
    for batches in (Loader(X, lambda rows: rows), [X[:10], X[10:]]):
        with pytest.raises(TypeError, match=rf"{name}\.fit takes X as one array.*not in batches"):
            estimator.fit(batches, np.zeros(30))


@pytest.mark.parametrize("sizes", [5, [5, "4"]])
def test_wrong_sizes_of_layers_are_named(X, sizes):
    with pytest.raises(TypeError, match="layer_sizes"):
        DBNClassifier(sizes, pretrain=False).fit(X, np.arange(30) % 2)


@pytest.mark.parametrize("kind", [int, bool])
def test_labels_may_be_python_objects(X, kind):
    y = (np.arange(30) % 2).astype(kind)
    as_objects = y.astype(object)
    dbn = DBN((4,), RBM(n_epochs=1), joint_labels=True).fit(X, as_objects)
    assert list(dbn.classes_) == [0, 1]
    classifier = DBNClassifier((4,), n_epochs=1, pretrain=False).fit(X, as_objects)
    assert set(classifier.predict(X)) <= set(y)


# Other settings of Keras and TensorFlow ----------------------------------------------------------

FAILS = """
import numpy as np
from dbnlab import DBN, RBM
dbn = DBN((3,), RBM(n_epochs=1)).fit(np.eye(9))
try:
    {call}
except Exception as error:
    print(type(error).__name__, error)
"""


def test_another_keras_backend_that_does_not_load_is_named():
    environment = os.environ | {"KERAS_BACKEND": "torch"}
    # Hidden at the last moment: SciPy looks for it too.
    call = "import sys; sys.modules['torch'] = None; dbn.to_keras()"
    printed = run_python(FAILS.format(call=call), env=environment)
    assert printed.startswith("ImportError Keras does not load here (")
    assert printed.endswith("KERAS_BACKEND is 'torch', unset it\n")


@pytest.mark.parametrize("call", ["dbn.to_keras()", "RBM(2, backend='tensorflow').fit(np.eye(9))"])
def test_tensorflow_in_the_mode_of_version_1_is_refused(call):
    old = "import tensorflow as tf; tf.compat.v1.disable_v2_behavior()"
    printed = run_python(old + FAILS.format(call=call))
    assert printed == (
        "RuntimeError TensorFlow is in the mode of version 1: leave out disable_v2_behavior\n"
    )


FORKED = """
import multiprocessing, sys, warnings
import numpy as np
from dbnlab import DBN, RBM, DBNClassifier

warnings.simplefilter("ignore")
X = np.eye(9).repeat(9, axis=0)
model = DBNClassifier((4,), DBN(rbm=RBM(n_epochs=1)), n_epochs=1).fit(X, X.argmax(axis=1))


def predict(rows):
    try:
        return str(model.predict(rows))
    except RuntimeError as error:
        return str(error)


with multiprocessing.get_context("fork").Pool(1) as pool:
    print(pool.apply_async(predict, (X,)).get(timeout=60))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks on Windows")
def test_a_fork_after_tensorflow_is_refused_instead_of_hanging():
    assert "TensorFlow had started when this process was forked" in run_python(FORKED)


def test_rows_that_a_scaler_has_not_seen_are_cut_off_with_a_warning():
    pipeline = make_pipeline(
        MinMaxScaler(), RBM(8, n_epochs=2, random_state=0), LogisticRegression()
    )
    with pytest.warns(UserWarning, match=r"beyond \[0, 1\], .* MinMaxScaler\(clip=True\)"):
        scores = cross_val_score(pipeline, *load_breast_cancer(return_X_y=True))
    assert np.isfinite(scores).all()


def test_whether_a_row_is_cut_off_does_not_depend_on_the_rows_beside_it(rng):
    rbm = RBM(3, n_epochs=1, random_state=0).fit(rng.random((20, 4)))
    rows = np.full((10, 4), 0.5)
    rows[0, :2] = 1.2
    with pytest.warns(UserWarning, match=r"beyond \[0, 1\], 2 of them"):
        together, alone = rbm.transform(rows)[:1], rbm.transform(rows[:1])
    np.testing.assert_allclose(alone, together, rtol=1e-6)


@pytest.mark.parametrize("value", [-1, 7])
def test_rows_on_another_scale_are_refused(value, rng):
    rbm = RBM(3, n_epochs=1, random_state=0).fit(rng.random((20, 4)))
    with pytest.raises(ValueError, match=r"units need \[0, 1\]"):
        rbm.transform([[0, 1, 0.5, value]])
    with pytest.raises(ValueError, match=r"units need \[0, 1\]"):
        rbm.transform(np.full((2, 4), 2.0))
