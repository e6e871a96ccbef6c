"""Defaults learn on small tables of measurements, and training that led nowhere says so."""

import ast
import inspect
import re
import warnings

import numpy as np
import pytest
from sklearn import datasets as sets
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from dbnlab import DBN, RBM, DBNClassifier, DBNRegressor, DeepAutoencoder, datasets, likelihood
from dbnlab.effort import Effort
from dbnlab.grey import drawn, is_grey
from dbnlab.novelty import NoveltyDetector
from dbnlab.units import Bernoulli, Gaussian, Joint, Softmax


def split(load):
    X, y = load(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.4, stratify=y, random_state=0)
    scaler = MinMaxScaler(clip=True).fit(X)
    return scaler.transform(X), scaler.transform(X_test), y, y_test


@pytest.fixture
def iris():
    return split(sets.load_iris)


# Effort ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", [10, 90, 106, 341, 1078, 4000])
def test_small_tables_get_a_number_of_updates(n_rows):
    batch_size, n_epochs = Effort(10, 1000).of(n_rows, None, None)
    n_updates = n_epochs * -(-n_rows // batch_size)
    assert 1000 <= n_updates < 1000 + n_rows / batch_size + 1


def test_large_tables_get_a_number_of_epochs():
    assert Effort(10, 1000).of(60_000, None, None) == (100, 10)


def test_a_number_given_means_that_number():
    assert Effort(10, 1000).of(90, 7, 3) == (7, 3)
    rbm = RBM(3, n_epochs=2, random_state=0).fit(np.eye(4).repeat(50, axis=0))
    assert len(rbm.history_["update_ratio"]) == 2


@pytest.mark.parametrize("backend", ["numpy", "tensorflow"])
def test_both_engines_follow_the_rule(backend):
    X = np.eye(4).repeat(50, axis=0)
    rbm = RBM(3, backend=backend, random_state=0).fit(X)
    assert len(rbm.history_["update_ratio"]) == 200


def test_a_schedule_tells_the_number_of_epochs():
    X = np.eye(4).repeat(50, axis=0)
    rbm = RBM(3, learning_rate=np.linspace(0.1, 0.01, 30), random_state=0).fit(X)
    assert len(rbm.history_["update_ratio"]) == 30
    with pytest.raises(ValueError, match="momentum has 4 values"):
        RBM(3, learning_rate=[0.1, 0.1], momentum=[0.5] * 4).fit(X)


def test_the_rate_follows_the_units():
    X = StandardScaler().fit_transform(sets.load_wine().data)
    settings = {"visible": "gaussian", "random_state": 0, "n_epochs": 2}
    chosen = RBM(4, **settings).fit(X)
    given = RBM(4, learning_rate=0.005, **settings).fit(X)
    np.testing.assert_array_equal(chosen.weights_, given.weights_)


MODELS = RBM, DBN, DBNClassifier, DBNRegressor, DeepAutoencoder
DESCRIBED = {
    described.__qualname__: described
    for where in (*MODELS, likelihood)
    for _, described in [("", where), *inspect.getmembers(where, inspect.isfunction)]
    if getattr(described, "__module__", "").startswith("dbnlab")
}


@pytest.mark.parametrize("described", DESCRIBED.values(), ids=DESCRIBED)
def test_the_defaults_are_those_of_the_docstring(described):
    parameters = inspect.signature(described).parameters
    text = inspect.getdoc(described) or ""
    for names, value in re.findall(r"^([\w, ]+) : .*default=(.+)$", text, flags=re.MULTILINE):
        for name in set(names.split(", ")) & set(parameters):
            assert parameters[name].default == ast.literal_eval(value), name


# Grey rows ---------------------------------------------------------------------------------------


def test_measurements_are_grey_and_states_are_not(rng):
    grey, states = split(sets.load_wine)[0], (rng.random((100, 13)) < 0.5).astype(float)
    assert is_grey(grey, Bernoulli(13).binary())
    assert not is_grey(states, Bernoulli(13).binary())
    assert not is_grey(grey, Gaussian(13).binary())
    assert not is_grey(np.full((9, 13), 0.5), Bernoulli(13).binary())


def test_labels_beside_grey_columns_change_nothing(rng):
    labels = np.eye(3)[rng.integers(3, size=106)]
    grey = np.hstack([split(sets.load_wine)[0], labels])
    binary = Joint(Bernoulli(13), Softmax(3)).binary()
    assert is_grey(grey, binary)
    states = drawn(grey, binary, rng)
    assert np.isin(states, (0, 1)).all()
    np.testing.assert_array_equal(states[:, 13:], labels)


def test_drawn_rows_have_the_grey_values_as_means(rng):
    grey = np.tile(rng.random((1, 5)), (4000, 1))
    states = drawn(grey, Bernoulli(5).binary(), rng)
    np.testing.assert_allclose(states.mean(axis=0), grey[0], atol=0.04)


def test_training_may_begin_with_two_grey_rows(rng):
    for seed in range(30):
        rbm = RBM(20, random_state=seed).partial_fit(rng.uniform(0.4, 0.6, (2, 3)))
        assert np.abs(rbm.weights_).max() < 40


@pytest.mark.parametrize("backend", ["numpy", "tensorflow"])
def test_drawing_is_what_draw_visible_says(backend):
    X = split(sets.load_iris)[0]
    settings = {"backend": backend, "random_state": 0, "n_epochs": 2}
    found = [RBM(5, draw_visible=d, **settings).fit(X).weights_ for d in (None, True, False)]
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0]).mean() > 10 * np.abs(found[2]).mean()
    with pytest.raises(TypeError, match="draw_visible must be True, False or None"):
        RBM(draw_visible="yes").fit(X)


@pytest.mark.parametrize("load", [sets.load_wine, sets.load_breast_cancer, sets.load_digits])
def test_features_of_small_tables_carry_what_the_columns_do(load):
    X, X_test, y, y_test = split(load)
    linear = LogisticRegression(max_iter=2000)
    pipeline = make_pipeline(RBM(random_state=0), linear).fit(X, y)
    assert pipeline.score(X_test, y_test) > linear.fit(X, y).score(X_test, y_test) - 0.02


def test_defaults_classify_a_small_table(iris):
    X, X_test, y, y_test = iris
    assert DBNClassifier(random_state=0).fit(X, y).score(X_test, y_test) > 0.9
    dbn = DBN((200, 100), joint_labels=True, random_state=0).fit(X, y)
    assert dbn.score(X_test, y_test) > 0.85


# Doubts ------------------------------------------------------------------------------------------

FEW = "hidden units hardly differ from row to row after 10 updates.*train longer"


def doubts(estimator, *data):
    with warnings.catch_warnings(record=True, action="always") as caught:
        estimator.fit(*data)
    return [str(w.message) for w in caught if issubclass(w.category, ConvergenceWarning)]


@pytest.mark.parametrize("backend", ["numpy", "tensorflow"])
def test_healthy_training_is_silent(backend, iris):
    assert doubts(RBM(20, backend=backend, random_state=0), iris[0]) == []
    X = StandardScaler().fit_transform(iris[0])
    assert doubts(RBM(20, visible="gaussian", backend=backend, random_state=0), X) == []


def test_few_updates_are_told(rng):
    X = (rng.random((100, 6)) < 0.5).astype(float)
    with pytest.warns(ConvergenceWarning, match=FEW):
        RBM(20, batch_size=100, n_epochs=10, random_state=0).fit(X)


def test_hidden_units_without_variance_are_told(rng):
    X = (rng.random((100, 6)) < 0.5).astype(float)
    with pytest.warns(ConvergenceWarning, match=r"hardly differ.*raise learning_rate"):
        RBM(20, learning_rate=1e-6, draw_visible=False, random_state=0).fit(0.4 + 0.1 * X)


def test_gaussian_columns_off_scale_and_saturated_units_are_told():
    found = doubts(RBM(20, visible="gaussian", random_state=0), sets.load_wine().data)
    assert len(found) == 2
    assert "values of size 8.1e+02" in found[0]
    assert "standardise the columns" in found[0]
    assert "20 of 20 hidden units are saturated" in found[1]
    small = doubts(RBM(20, visible="gaussian", random_state=0), 1e-3 * sets.load_iris().data)
    assert any("standardise the columns" in sentence for sentence in small)


@pytest.mark.parametrize("model", [DBNClassifier, DBN])
def test_one_class_for_all_rows_is_told(model, rng):
    # Nothing to learn from, and a class that is rare.
    X, y = (rng.random((100, 4)) < 0.5).astype(float), np.repeat(["a", "b"], [95, 5])
    options = {"joint_labels": True} if model is DBN else {"n_epochs": 1, "batch_size": 50}
    prototype = RBM(n_epochs=1, batch_size=50)
    dbn = {"rbm": prototype} if model is DBN else {"dbn": DBN(rbm=prototype)}
    found = doubts(model((5,), random_state=0, **dbn, **options), X, y)
    told = "are taken for class '[ab]' after 2 updates"
    assert any(re.search(told, sentence) for sentence in found)


def test_answers_yes_or_no_that_say_little_of_each_other_are_classified(rng):
    X = (rng.random((70, 5)) < 0.5).astype(float)
    classifier = DBNClassifier(random_state=0)
    (doubt,) = doubts(classifier, X, X[:, 0])
    assert re.search("hidden units are saturated after .* updates.*take narrower layers", doubt)
    assert classifier.score(X, X[:, 0]) == 1


@pytest.mark.parametrize("n_rows", [1, 5])
def test_partial_fit_learns_from_few_rows_at_a_time(n_rows):
    data = datasets.load_digits()
    rbm = RBM(64, random_state=0)
    for first in 3 * list(range(0, len(data.X), n_rows)):
        rbm.partial_fit(data.X[first : first + n_rows])
    linear = LogisticRegression(max_iter=1000).fit(rbm.transform(data.X), data.y)
    assert linear.score(rbm.transform(data.X_test), data.y_test) > 0.8


def test_narrower_layers_cure_dead_ones():
    # Spread over 300 hidden units, four columns leave too little in each to show in a draw.
    X = StandardScaler().fit_transform(sets.load_iris().data)
    prototype = RBM(visible="gaussian")
    (doubt,) = doubts(DBN((300, 300), prototype, random_state=0), X)
    assert "in a DBN take narrower layers" in doubt
    narrow = DBN((16, 16), prototype, random_state=0)
    assert not doubts(narrow, X)
    assert narrow.transform(X).std(axis=0).mean() > 0.05


@pytest.mark.parametrize(
    "model", [DBN((5, 4)), DBNRegressor((5,)), NoveltyDetector(), make_pipeline(RBM())], ids=repr
)
def test_doubts_point_at_the_line_that_trained(model):
    X = np.full((100, 3), 0.5)
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(X, X[:, 0])
    assert {w.filename for w in caught} == {__file__}


def test_predictions_without_variance_are_told(iris):
    X, y = iris[0], iris[2].astype(float)
    short = DBNRegressor((5,), n_epochs=1, pretrain=False, random_state=0)
    assert any("predictions hardly differ" in sentence for sentence in doubts(short, X, y))
