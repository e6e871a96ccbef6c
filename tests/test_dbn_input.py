"""What a DBN takes and what it refuses, as an estimator and in files."""

import json
import os

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator
from stacks import CLASSES, directed, random_dbn, stack_bits
from test_rbm_input import BAD_ROWS, FOREIGN, LEAVE_THE_UNIT_INTERVAL

from dbnlab import DBN, RBM, files, learning, units


@pytest.fixture
def y(rng):
    return CLASSES[rng.integers(3, size=30)]


@pytest.fixture
def dbn(X, y):
    """Two layers with labels."""
    return DBN((4, 3), RBM(n_epochs=1), joint_labels=True, random_state=0).fit(X, y)


# Rows and labels ---------------------------------------------------------------------------------

METHODS = ["transform", "reconstruct", "score_samples", "predict", "predict_proba"]
CALLS = {
    **{name: lambda dbn, X, name=name: getattr(dbn, name)(X) for name in METHODS},
    "fit": lambda dbn, X: dbn.fit(X, CLASSES[[0, 1, 2, 0]]),
    "up_down": lambda dbn, X: dbn.up_down(X, CLASSES[[0, 1, 2, 0]]),
    "log_likelihood_bound": lambda dbn, X: dbn.log_likelihood_bound(X, 0.0),
    "init of sample": lambda dbn, X: dbn.sample(4, init="rows" if X is None else X),
}
FITTED = {name: call for name, call in CALLS.items() if name != "fit"}


@pytest.mark.parametrize(("rows", "error", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_bad_rows_are_refused(dbn, call, rows, error, message):
    with pytest.raises(error, match=message):
        call(dbn, rows)


@pytest.mark.parametrize("call", FITTED.values(), ids=FITTED)
def test_rows_of_another_width_are_refused(dbn, call):
    with pytest.raises(ValueError, match="X has 5 features, but DBN is expecting 6"):
        call(dbn, np.zeros((4, 5)))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((4, 2)), "H has 2 columns, one for each of 3"),
        (np.full((4, 3), 2.0), "Values above 1 in data"),
        (np.full((4, 3), np.nan), "H contains NaN"),
        (np.zeros(3), "Expected 2D array"),
    ],
)
def test_bad_codes_are_refused(dbn, rows, message):
    with pytest.raises(ValueError, match=message):
        dbn.inverse_transform(rows)


BAD_LABELS = {
    "missing": (None, "y is None"),
    "too few": (["a", "b"], "y has 2 values for 30 rows"),
    "two columns": (np.eye(30), "1d array"),
}
BAD_FOR_FIT = {
    "one class": (["a"] * 30, "y has one class only, 'a': "),
    "continuous": (np.linspace(0, 1, 30), "continuous"),
    "nan": (np.where(np.arange(30) == 3, np.nan, 1), "y contains NaN"),
}
BAD_LATER = {
    "unknown class": (["ant"] * 29 + ["dog"], "'dog'.* is not among the classes of fit"),
    "another type": ([1] * 30, "1.* is not among the classes of fit"),
}


@pytest.mark.parametrize(
    ("labels", "message"), [*BAD_LABELS.values(), *BAD_FOR_FIT.values()],
    ids=[*BAD_LABELS, *BAD_FOR_FIT],
)  # fmt: skip
def test_bad_labels_are_refused_by_fit(X, labels, message):
    with pytest.raises(ValueError, match=message):
        DBN((4, 3), joint_labels=True).fit(X, labels)


@pytest.mark.parametrize(
    ("labels", "message"), [*BAD_LABELS.values(), *BAD_LATER.values()],
    ids=[*BAD_LABELS, *BAD_LATER],
)  # fmt: skip
def test_bad_labels_are_refused_by_up_down(dbn, X, labels, message):
    before = stack_bits(dbn)
    with pytest.raises(ValueError, match=message):
        dbn.up_down(X, labels)
    assert stack_bits(dbn) == before


LABELS = {
    "strings": np.array(["no", "yes"]),
    "strings of other lengths": np.array(["a", "abcdef"]),
    "objects": np.array(["no", "yes"], dtype=object),
    "booleans": np.array([False, True]),
    "negative integers": np.array([-5, 3]),
    "unsigned integers": np.array([0, 200], dtype=np.uint8),
    "whole floats": np.array([0.0, 2.0]),
}


@pytest.mark.parametrize("classes", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("kind", [np.asarray, list, pd.Series])
def test_labels_may_be_of_any_type(rng, tmp_path, classes, kind):
    number = rng.integers(2, size=200)
    X = np.where(rng.random((200, 6)) < 0.1, 1 - number[:, None], number[:, None])
    y = kind(classes[number])
    prototype = RBM(n_epochs=20, learning_rate=0.1, batch_size=10)
    dbn = DBN((4, 6), prototype, joint_labels=True, random_state=0).fit(X, y)
    dbn.up_down(X, y, 1, random_state=0).save(tmp_path / "model")
    for model in (dbn, DBN.load(tmp_path / "model")):
        assert list(model.classes_) == list(classes)
        assert (model.predict(X) == classes[number]).mean() > 0.95
        assert set(model.predict(X)) == set(classes)
        dreams = model.sample(50, classes[1], n_gibbs=20, random_state=0)
        assert dreams.mean() > 0.7
        each = kind(classes[[0, 1]])
        assert model.sample(2, each, n_gibbs=20, random_state=0).shape == (2, 6)
        model.up_down(X, y, 1)


def test_without_joint_labels_y_is_ignored_and_nothing_is_predicted(X, y):
    dbn = DBN((4, 3), RBM(n_epochs=1), random_state=0)
    assert stack_bits(clone(dbn).fit(X, y)) == stack_bits(dbn.fit(X))
    a, b = (clone(dbn).fit(X).up_down(X, labels, 1) for labels in (y, None))
    assert stack_bits(a) == stack_bits(b)
    for name in ("predict", "predict_proba"):
        assert hasattr(clone(dbn).set_params(joint_labels=True), name)
        assert not hasattr(dbn, name)
    with pytest.raises(ValueError, match="label needs a DBN trained with joint_labels=True"):
        dbn.sample(2, label="ant")


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float16, np.float32, list])
def test_other_kinds_of_numbers_train_the_same_model(X, y, kind):
    dbn = DBN((4, 3), RBM(n_epochs=1), joint_labels=True, random_state=0)
    converted = X.tolist() if kind is list else X.astype(kind)
    for sizes in ((4, 3), (4,)):
        dbn.set_params(layer_sizes=sizes)
        assert stack_bits(clone(dbn).fit(converted, y)) == stack_bits(dbn.fit(X, y))
        np.testing.assert_allclose(dbn.transform(converted), dbn.transform(X), rtol=1e-5)
        np.testing.assert_allclose(dbn.predict_proba(converted), dbn.predict_proba(X), rtol=1e-5)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, bool])
def test_the_callers_arrays_are_neither_changed_nor_shuffled(X, y, kind):
    X = X.astype(kind)
    arrays = X, y, np.array(CLASSES[[0, 1]])
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    for sizes in ((4, 3), (4,)):
        dbn = DBN(sizes, RBM(n_epochs=2, batch_size=7), joint_labels=True).fit(X, y)
        dbn.up_down(X, y, 1)
        dbn.inverse_transform(dbn.transform(X))
        dbn.predict(X)
        dbn.score_samples(X)
        dbn.log_likelihood_bound(X, 0.0, 2)
        dbn.sample(30, init=X, n_gibbs=0)[:] = 9
        dbn.sample(2, arrays[2], init=X[:2], n_gibbs=1)
        for array, old in zip(arrays, before):
            np.testing.assert_array_equal(array, old)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_keep_the_dtype_of_the_rows(dbn, X, dtype):
    X = X.astype(dtype)
    for layer in (0, 1):
        assert dbn.transform(X, layer).dtype == dtype
    assert dbn.inverse_transform(dbn.transform(X)).dtype == dtype
    assert dbn.reconstruct(X).dtype == dtype


def test_data_frames_keep_their_column_names(X, tmp_path):
    frame = pd.DataFrame(X, columns=list("abcdef"))
    dbn = DBN((4, 2), RBM(n_epochs=1)).fit(frame)
    dbn.save(tmp_path / "model")
    for model in (dbn, DBN.load(tmp_path / "model")):
        assert list(model.feature_names_in_) == list("abcdef")
        assert list(model.get_feature_names_out()) == ["dbn0", "dbn1"]
        model.set_output(transform="pandas")
        assert list(model.transform(frame).columns) == ["dbn0", "dbn1"]
        with pytest.raises(ValueError, match="feature names"):
            model.transform(frame[list("fedcba")])


# Parameters --------------------------------------------------------------------------------------

BAD_PARAMETERS = [
    ("layer_sizes", (), TypeError),
    ("layer_sizes", "3", TypeError),
    ("layer_sizes", 3, TypeError),
    ("layer_sizes", np.array(3), TypeError),
    ("layer_sizes", None, TypeError),
    ("layer_sizes", (4, 0), ValueError),
    ("layer_sizes", (4, -3), ValueError),
    ("layer_sizes", (4, 1.5), TypeError),
    ("layer_sizes", (4, "3"), TypeError),
    ("layer_sizes", (4, True), TypeError),
    ("layer_sizes", (4, [3]), TypeError),
    ("layer_sizes", [[4, 3]], TypeError),
    ("layer_sizes", np.array([[4, 3]]), TypeError),
    ("rbm", "RBM", TypeError),
    ("rbm", RBM, TypeError),
    ("rbm", LogisticRegression(), TypeError),
    ("rbm", [RBM(), "RBM"], TypeError),
    ("rbm", [], ValueError),
    ("rbm", [RBM()], ValueError),
    ("rbm", [RBM()] * 3, ValueError),
    ("propagate", "states", ValueError),
    ("propagate", None, ValueError),
    ("backend", "torch", ValueError),
    ("backend", None, ValueError),
    ("verbose", "loud", TypeError),
    ("random_state", "0", TypeError),
    ("random_state", True, TypeError),
]


@pytest.mark.parametrize(("name", "value", "error"), BAD_PARAMETERS)
def test_a_bad_parameter_is_refused_by_name(X, name, value, error):
    dbn = DBN((4, 3), RBM(n_epochs=1)).set_params(**{name: value})
    with pytest.raises(error, match=name):
        dbn.fit(X)


def test_every_parameter_but_joint_labels_has_a_bad_value_above():
    parameters = set(DBN().get_params(deep=False))
    assert {name for name, _, _ in BAD_PARAMETERS} == parameters - {"joint_labels"}


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_epochs": "3"}, TypeError, "n_epochs"),
        ({"learning_rate": -1}, ValueError, "learning_rate"),
        ({"hidden": "softmax"}, ValueError, "hidden"),
    ],
)
@pytest.mark.parametrize("verbose", [0, 1])
def test_a_bad_prototype_is_refused_by_name_before_any_layer_is_trained(
    X, monkeypatch, parameters, error, message, verbose
):
    monkeypatch.setattr(learning, "train", lambda *arguments: pytest.fail("has begun to train"))
    with pytest.raises(error, match=message):
        DBN((4, 3), [RBM(n_epochs=1), RBM(**parameters)], verbose=verbose).fit(X)


BAD_ARGUMENTS = [
    (lambda dbn, X, y: dbn.transform(X, 2), ValueError, "layer"),
    (lambda dbn, X, y: dbn.transform(X, -3), ValueError, "layer"),
    (lambda dbn, X, y: dbn.transform(X, 0.0), TypeError, "layer"),
    (lambda dbn, X, y: dbn.sample(0), ValueError, "n_samples"),
    (lambda dbn, X, y: dbn.sample(2.0), TypeError, "n_samples"),
    (lambda dbn, X, y: dbn.sample(2, n_gibbs=-1), ValueError, "n_gibbs"),
    (lambda dbn, X, y: dbn.sample(2, n_gibbs="1"), TypeError, "n_gibbs"),
    (lambda dbn, X, y: dbn.sample(2, init=X), ValueError, "init must have n_samples=2 rows"),
    (lambda dbn, X, y: dbn.sample(2, "dog"), ValueError, "'dog'.* is not among the classes"),
    (lambda dbn, X, y: dbn.sample(2, 1), ValueError, "1.* is not among the classes"),
    (lambda dbn, X, y: dbn.sample(2, y), ValueError, "label must be one class or 2"),
    (lambda dbn, X, y: dbn.sample(1, [["ant"]]), ValueError, "label must be one class or 1"),
    (lambda dbn, X, y: dbn.sample(2, random_state="0"), TypeError, "random_state"),
    (lambda dbn, X, y: dbn.up_down(X, y, 0), ValueError, "n_epochs"),
    (lambda dbn, X, y: dbn.up_down(X, y, 1.5), TypeError, "n_epochs"),
    (lambda dbn, X, y: dbn.up_down(X, y, 1, learning_rate=0), ValueError, "learning_rate"),
    (lambda dbn, X, y: dbn.up_down(X, y, 1, learning_rate=np.nan), ValueError, "learning_rate"),
    (lambda dbn, X, y: dbn.up_down(X, y, 1, learning_rate="fast"), TypeError, "learning_rate"),
    (lambda dbn, X, y: dbn.up_down(X, y, 1, batch_size=0), ValueError, "batch_size"),
    (lambda dbn, X, y: dbn.up_down(X, y, 1, random_state=0.5), TypeError, "random_state"),
    *[
        (lambda dbn, X, y, n=n: dbn.up_down(X, y, 1, n_gibbs=n), error, "n_gibbs")
        for n, error in [
            (0, ValueError),
            ((), ValueError),
            ((3, 0), ValueError),
            ((3, 1.5), TypeError),
            (1.5, TypeError),
            ("3", TypeError),
            (None, TypeError),
            (True, TypeError),
        ]
    ],
    (lambda dbn, X, y: dbn.log_likelihood_bound(X, 0.0, 1), ValueError, "n_samples"),
    (lambda dbn, X, y: dbn.log_likelihood_bound(X, 0.0, 2.5), TypeError, "n_samples"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD_ARGUMENTS)
def test_a_bad_argument_is_refused_by_name(dbn, X, y, call, error, message):
    before = stack_bits(dbn)
    with pytest.raises(error, match=message):
        call(dbn, X, y)
    assert stack_bits(dbn) == before


@pytest.mark.parametrize(
    "call",
    [
        *[call for name, call in FITTED.items()],
        lambda dbn, X: dbn.inverse_transform(X),
        lambda dbn, X: dbn.sample(3),
        lambda dbn, X: dbn.sample(3, "ant"),
        lambda dbn, X: dbn.save("never_written"),
        lambda dbn, X: dbn.get_feature_names_out(),
        lambda dbn, X: dbn.to_keras(),
    ],
)
def test_an_unfitted_model_says_so(X, call):
    with pytest.raises(NotFittedError, match="DBN instance is not fitted yet"):
        call(DBN((4, 3), joint_labels=True), X[:4])


def test_a_model_whose_data_were_refused_is_as_it_was_before(dbn, X, y):
    before, fresh = dbn.transform(X), clone(dbn)
    for model in (dbn, fresh):
        with pytest.raises(ValueError, match="Values above 1"):
            model.fit(X + 1, y)
    np.testing.assert_array_equal(dbn.transform(X), before)
    with pytest.raises(NotFittedError):
        fresh.transform(X)


# scikit-learn ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimator_checks_pass_in_full_with_gaussian_units():
    dbn = DBN((4, 3), RBM(visible="gaussian", n_epochs=2))
    results = check_estimator(dbn, on_skip=None)
    assert len(results) > 40
    statuses = {result["check_name"]: result["status"] for result in results}
    assert set(statuses.values()) <= {"passed", "skipped"}
    assert {name for name in statuses if statuses[name] == "skipped"} <= {"check_array_api_input"}


def test_estimator_checks_fail_with_bernoulli_units_only_where_data_leave_the_unit_interval():
    reasons = dict.fromkeys(LEAVE_THE_UNIT_INTERVAL, "data leave [0, 1]")
    dbn = DBN((4, 3), RBM(n_epochs=2))
    results = check_estimator(dbn, expected_failed_checks=reasons, on_skip=None)
    failed = [result for result in results if result["status"] == "xfail"]
    assert {result["check_name"] for result in failed} == set(LEAVE_THE_UNIT_INTERVAL)
    for result in failed:
        assert "units need [0, 1]" in str(result["exception"]), result["check_name"]
    assert {r["status"] for r in results if r not in failed} <= {"passed", "skipped"}


def test_clone_copies_every_parameter_and_prototype():
    parameters = {
        "layer_sizes": (4, 3),
        "rbm": [RBM(n_epochs=3), None],
        "propagate": "sample",
        "joint_labels": True,
        "backend": "tensorflow",
        "random_state": 3,
        "verbose": 1,
    }
    copy = clone(DBN(**parameters)).get_params(deep=False)
    first, second = copy.pop("rbm")
    assert first is not parameters["rbm"][0]
    assert first.get_params() == parameters["rbm"][0].get_params()
    assert second is None
    assert copy == {name: value for name, value in parameters.items() if name != "rbm"}


def test_grid_search_reaches_the_prototype_of_a_dbn_in_a_pipeline(digits):
    y = np.arange(60) % 2
    X = np.where(y[:, None], digits[:60], 1 - digits[:60])
    pipeline = make_pipeline(DBN((8, 4), RBM(), random_state=0), LogisticRegression())
    grid = {"dbn__rbm__n_epochs": [1, 20], "dbn__layer_sizes": [(8,), (8, 4)]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    assert search.best_score_ > 0.9
    best = search.best_estimator_.named_steps["dbn"]
    epochs = search.best_params_["dbn__rbm__n_epochs"]
    assert [len(rbm.history_["update_ratio"]) for rbm in best.rbms_] == [epochs] * len(best.rbms_)


# Files -------------------------------------------------------------------------------------------

SAVED = {
    "labels": lambda: random_dbn(),
    "one layer with labels": lambda: random_dbn(sizes=(3,)),
    "a gaussian first layer": lambda: random_dbn("gaussian", (3, 2), labels=False),
    "gaussian units beside labels": lambda: random_dbn("gaussian", (3,)),
    "softmax units below a gaussian code": lambda: random_dbn("softmax", (3, 2), code="gaussian"),
    "after up-down": lambda: random_dbn().up_down(np.eye(4)[:3], CLASSES, 3, learning_rate=0.1),
}


def results(dbn, V):
    yield dbn.transform(V)
    yield dbn.transform(V, 0)
    yield dbn.reconstruct(V)
    yield dbn.score_samples(V)
    yield dbn.sample(5, n_gibbs=3, random_state=1)
    yield dbn.log_likelihood_bound(V, 0.0, 3, random_state=1)[0]
    if dbn.joint_labels:
        yield dbn.predict_proba(V)
        yield dbn.predict(V)
        yield dbn.sample(3, CLASSES, n_gibbs=3, random_state=1)


def assert_equal_in_every_bit(loaded, dbn):
    assert stack_bits(loaded) == stack_bits(dbn)
    for mine, other in zip(loaded.rbms_, dbn.rbms_, strict=True):
        assert mine.get_params() == other.get_params()
        assert mine.history_ == other.history_
        for array, expected in zip(mine.state_.parameters, other.state_.parameters):
            assert array.dtype == expected.dtype
            np.testing.assert_array_equal(array, expected)
    V = dbn.sample(6, n_gibbs=3, random_state=0)
    for result, expected in zip(results(loaded, V), results(dbn, V), strict=True):
        assert result.dtype == expected.dtype
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("make", SAVED.values(), ids=SAVED)
def test_a_loaded_stack_is_equal_in_every_bit_and_learns_on(tmp_path, make):
    dbn = make()
    dbn.save(tmp_path / "model.npz")
    assert os.listdir(tmp_path) == ["model.npz"]
    loaded = DBN.load(tmp_path / "model.npz")
    assert_equal_in_every_bit(loaded, dbn)
    assert loaded.n_features_in_ == dbn.n_features_in_
    V = dbn.sample(6, n_gibbs=3, random_state=0)
    y = np.tile(CLASSES, 2)
    for model in (loaded, dbn):
        model.up_down(V, y, 1, random_state=0)
    assert_equal_in_every_bit(loaded, dbn)


PROTOTYPES = {
    "none": None,
    "one": RBM(n_epochs=2, learning_rate=[0.1, 0.2], random_state=np.random.default_rng(0)),
    "a list": [RBM(visible=units.Bernoulli(6), n_epochs=1), None, RBM(n_epochs=1, dtype="float64")],
}


@pytest.mark.parametrize("rbm", PROTOTYPES.values(), ids=PROTOTYPES)
def test_prototypes_and_parameters_survive(tmp_path, X, rbm):
    dbn = DBN(np.array([4, 3, 2]), rbm, random_state=np.int64(3), verbose=0).fit(X)
    dbn.save(tmp_path / "model")
    loaded = DBN.load(tmp_path / "model")
    assert_equal_in_every_bit(loaded, dbn)
    assert list(loaded.layer_sizes) == [4, 3, 2]
    # A generator among the parameters is not kept, but a seed is: training again is the same.
    assert stack_bits(loaded.fit(X)) == stack_bits(dbn)


def test_a_generator_is_not_kept(tmp_path, X):
    dbn = DBN((4,), RBM(n_epochs=1), random_state=np.random.default_rng(0)).fit(X)
    dbn.save(tmp_path / "model")
    assert DBN.load(tmp_path / "model").random_state is None


def test_a_missing_file_is_reported_as_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz"):
        DBN.load(tmp_path / "nowhere.npz")


def test_a_truncated_file_is_refused_wherever_it_ends(dbn, tmp_path):
    path = tmp_path / "model.npz"
    dbn.save(path)
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 301), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"model\.npz is damaged or not a model"):
            DBN.load(path)


@pytest.mark.parametrize("write", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_file_is_refused_by_name_and_never_unpickled(tmp_path, monkeypatch, write):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.npz"
    write(path)
    with pytest.raises(ValueError, match=r"model\.npz (is damaged|holds a RBM)"):
        DBN.load(path)
    assert os.listdir(tmp_path) == ["model.npz"]


def rewrite(path, change):
    """Let `change` edit header and arrays of a model file."""
    header, arrays = files.read(path, "DBN")
    change(header, arrays)
    files.write(path, header, arrays)


TAMPERED = {
    "no layers": lambda header, arrays: header["layers"].clear(),
    "a layer too few": lambda header, arrays: header["layers"].pop(),
    "no parameters": lambda header, arrays: header.pop("parameters"),
    "parameters of another class": lambda header, arrays: header["parameters"].update(depth=3),
    "a prototype that trains nothing": lambda header, arrays: header["parameters"]["rbm"].update(
        learning_rate=-1.0
    ),
    "no weights": lambda header, arrays: arrays.pop("layer_0_weights"),
    "no generative weights": lambda header, arrays: arrays.pop("generative_weights_0"),
    "no classes": lambda header, arrays: arrays.pop("classes"),
    "other classes": lambda header, arrays: arrays.update(classes=np.arange(9)),
    "nan": lambda header, arrays: arrays["recognition_biases_0"].fill(np.nan),
    "wrong shape": lambda header, arrays: arrays.update(generative_weights_0=np.zeros((4, 6))),
    "layers that do not meet": lambda header, arrays: (
        arrays.update(
            layer_0_weights=np.zeros((6, 5)),
            layer_0_hidden_bias=np.zeros(5),
            recognition_weights_0=np.zeros((6, 5)),
            generative_weights_0=np.zeros((6, 5)),
            recognition_biases_0=np.zeros(5),
        )
        or header["layers"][0]["parameters"].update(n_hidden=5)
    ),
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED)
def test_a_file_that_does_not_add_up_is_refused_by_name(dbn, tmp_path, change):
    path = tmp_path / "model.npz"
    dbn.save(path)
    rewrite(path, change)
    with pytest.raises(ValueError, match=r"model\.npz is damaged"):
        DBN.load(path)


def test_a_file_of_the_other_model_is_refused_by_name(dbn, tmp_path):
    dbn.save(tmp_path / "stack")
    dbn.rbms_[0].save(tmp_path / "layer")
    with pytest.raises(ValueError, match="layer holds a RBM, not a DBN: load it with RBM"):
        DBN.load(tmp_path / "layer")
    with pytest.raises(ValueError, match="stack holds a DBN, not a RBM: load it with DBN"):
        RBM.load(tmp_path / "stack")


def test_nothing_in_a_saved_file_is_pickled(X, y, tmp_path):
    frame = pd.DataFrame(X, columns=list("abcdef"))
    dbn = DBN((4, 3), RBM(n_epochs=1), joint_labels=True).fit(frame, y.astype(object))
    dbn.save(tmp_path / "model")
    with np.load(tmp_path / "model", allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)
        json.loads(str(file["header"]))


def test_weights_kept_in_half_precision_load_into_the_float32_model(dbn, X, y, tmp_path):
    path = tmp_path / "model.npz"
    dbn.save(path)

    def halve(header, arrays):
        for name, array in arrays.items():
            if array.dtype == np.float32:
                arrays[name] = array.astype(np.float16)

    rewrite(path, halve)
    loaded = DBN.load(path)
    arrays = [*loaded.rbms_[-1].state_.parameters, *directed(loaded)]
    expected = [*dbn.rbms_[-1].state_.parameters, *directed(dbn)]
    for array, original in zip(arrays, expected, strict=True):
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, original.astype(np.float16).astype(np.float32))
    assert loaded.transform(X.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(loaded.predict_proba(X), dbn.predict_proba(X), atol=0.01)
    loaded.up_down(X, y, 1).save(path)
    assert DBN.load(path).rbms_[0].weights_.dtype == np.float32
