import io
import json
import os
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from models import PAIRS, VISIBLE, points, random_rbm
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from dbnlab import RBM, likelihood, units

LEAVE_THE_UNIT_INTERVAL = [
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_estimators_dtypes",
    "check_estimators_fit_returns_self",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
    "check_fit2d_predict1d",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_n_features_in",
    "check_n_features_in_after_fitting",
    "check_pipeline_consistency",
    "check_readonly_memmap_input",
    "check_transformer_data_not_an_array",
    "check_transformer_general",
    "check_transformer_preserve_dtypes",
]


@pytest.fixture
def rbm(X):
    return RBM(3, n_epochs=1, random_state=0).fit(X)


# Rows --------------------------------------------------------------------------------------------


def with_value(value):
    X = np.full((4, 6), 0.5)
    X[2, 3] = value
    return X


BAD_ROWS = {
    "nan": (with_value(np.nan), ValueError, "contains NaN"),
    "infinity": (with_value(np.inf), ValueError, "contains infinity"),
    "above 1": (with_value(7), ValueError, r"Values above 1 .*found 7 in row 2, column 3"),
    "negative": (with_value(-1), ValueError, r"Negative values .*found -1 in row 2, column 3"),
    "empty": (np.empty((0, 6)), ValueError, r"0 sample\(s\)"),
    "no columns": (np.empty((4, 0)), ValueError, r"0 feature\(s\)|is expecting 6 features"),
    "1-D": (np.zeros(6), ValueError, "Expected 2D array, got 1D array"),
    "3-D": (np.zeros((2, 3, 6)), ValueError, "with dim 3"),
    "scalar": (0.5, ValueError, "Expected 2D array, got scalar"),
    "strings": (np.full((4, 6), "a"), ValueError, "could not convert string|dtype='numeric'"),
    "complex": (np.full((4, 6), 1j), ValueError, "Complex data not supported"),
    "sparse": (sparse.csr_array(np.eye(6)), TypeError, "Sparse data was passed"),
    "None": (None, ValueError, "Expected 2D array|Reshape your data|None"),
    "ragged": ([[0, 1], [0]], ValueError, "inhomogeneous"),
}
METHODS = ["transform", "free_energy", "score_samples", "gibbs", "reconstruct", "partial_fit"]


@pytest.mark.parametrize(("rows", "error", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
@pytest.mark.parametrize("method", ["fit", *METHODS])
def test_bad_rows_are_refused(rbm, method, rows, error, message):
    with pytest.raises(error, match=message):
        getattr(rbm, method)(rows)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("width", [5, 7])
def test_rows_of_another_width_are_refused(rbm, method, width):
    with pytest.raises(ValueError, match=f"X has {width} features, but RBM is expecting 6"):
        getattr(rbm, method)(np.zeros((4, width)))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((4, 2)), "H has 2 columns, one for each of 3 units"),
        (np.full((4, 3), 2.0), "Values above 1 in data"),
        (np.full((4, 3), np.nan), "H contains NaN"),
        (np.zeros(3), "Expected 2D array"),
    ],
)
def test_bad_hidden_rows_are_refused(rbm, X, rows, message):
    with pytest.raises(ValueError, match=message):
        rbm.inverse_transform(rows)
    with pytest.raises(ValueError, match=message):
        rbm.energy(X[:4], rows)


def test_energy_needs_as_many_hidden_rows_as_visible_ones(rbm, X):
    with pytest.raises(ValueError, match="as many rows, got 30 and 2"):
        rbm.energy(X, np.zeros((2, 3)))


def test_softmax_rows_must_be_one_hot_or_probabilities():
    rbm = RBM(3, visible=units.Joint(units.Bernoulli(2), units.Softmax(4)))
    with pytest.raises(ValueError, match="softmax block 0 must sum to 1"):
        rbm.fit(np.ones((4, 6)))


def test_gaussian_units_take_any_finite_value():
    RBM(3, visible="gaussian", learning_rate=1e-6, n_epochs=1).fit(with_value(-70))


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float16, np.float32, list])
def test_other_kinds_of_numbers_train_the_same_model(X, kind):
    converted = X.tolist() if kind is list else X.astype(kind)
    rbm = RBM(3, n_epochs=2, random_state=0)
    expected = rbm.fit(X).weights_
    np.testing.assert_array_equal(clone(rbm).fit(converted).weights_, expected)
    np.testing.assert_allclose(rbm.transform(converted), rbm.transform(X), rtol=1e-5)
    np.testing.assert_allclose(rbm.free_energy(converted), rbm.free_energy(X), rtol=1e-5)


def test_one_row_and_one_column_suffice():
    assert RBM(2, n_epochs=2).fit([[1.0]]).transform([[0.0]]).shape == (1, 2)


def test_data_frames_keep_their_column_names(X):
    frame = pd.DataFrame(X, columns=list("abcdef"))
    rbm = RBM(2, n_epochs=1).fit(frame)
    assert list(rbm.feature_names_in_) == list("abcdef")
    assert list(rbm.get_feature_names_out()) == ["rbm0", "rbm1"]
    assert list(rbm.set_output(transform="pandas").transform(frame).columns) == ["rbm0", "rbm1"]
    with pytest.raises(ValueError, match="feature names"):
        rbm.transform(frame[list("fedcba")])


# Parameters --------------------------------------------------------------------------------------

BAD_PARAMETERS = [
    *[
        (name, value, error)
        for name in ("n_hidden", "n_gibbs", "n_chains", "batch_size", "n_epochs")
        for value, error in [
            (0, ValueError),
            (-1, ValueError),
            (1.5, TypeError),
            ("3", TypeError),
            (True, TypeError),
        ]
    ],
    *[(name, None, TypeError) for name in ("n_hidden", "n_gibbs")],
    *[("draw_visible", value, TypeError) for value in (1, "yes")],
    ("n_hidden", np.array([3, 4]), TypeError),
    ("learn_variance", True, ValueError),
    ("learn_variance", 1, TypeError),
    ("learn_variance", None, TypeError),
    ("learning_rate", 0, ValueError),
    ("learning_rate", -0.1, ValueError),
    ("learning_rate", np.nan, ValueError),
    ("learning_rate", "fast", TypeError),
    ("learning_rate", True, TypeError),
    ("learning_rate", np.inf, ValueError),
    ("learning_rate", np.array(0.1), TypeError),
    ("learning_rate", np.full((2, 2), 0.1), (TypeError, ValueError)),
    ("learning_rate", {0.1, 0.2}, TypeError),
    ("learning_rate", [0.1], ValueError),
    ("learning_rate", [0.1, 0.0], ValueError),
    ("learning_rate", [0.1, "fast"], TypeError),
    ("momentum", 1.0, ValueError),
    ("momentum", -0.1, ValueError),
    ("momentum", np.nan, ValueError),
    ("momentum", "fast", TypeError),
    ("momentum", None, TypeError),
    ("momentum", [0.5] * 3, ValueError),
    ("momentum", [0.5, 1.0], ValueError),
    ("weight_decay", -1e-4, ValueError),
    ("weight_decay", "much", TypeError),
    ("weight_decay", np.nan, ValueError),
    ("weight_decay", np.inf, ValueError),
    ("sparsity_target", 0.0, ValueError),
    ("sparsity_target", 1.0, ValueError),
    ("sparsity_target", "low", TypeError),
    ("sparsity_cost", -1.0, ValueError),
    ("sparsity_cost", np.inf, ValueError),
    ("sparsity_cost", None, TypeError),
    ("sparsity_cost", 1.0, ValueError),
    ("validation_fraction", -0.1, ValueError),
    ("validation_fraction", 1.0, ValueError),
    ("validation_fraction", "some", TypeError),
    ("validation_fraction", 0.001, ValueError),
    ("validation_fraction", 0.999, ValueError),
    ("algorithm", "sgd", ValueError),
    ("algorithm", None, ValueError),
    ("visible", "poisson", ValueError),
    ("visible", units.Bernoulli(5), ValueError),
    ("visible", units.Bernoulli, TypeError),
    ("visible", None, TypeError),
    ("hidden", "softmax", ValueError),
    ("hidden", units.Bernoulli(3), ValueError),
    ("backend", "torch", ValueError),
    ("backend", None, ValueError),
    ("dtype", "float16", ValueError),
    ("dtype", np.float32, ValueError),
    ("random_state", "0", TypeError),
    ("random_state", 0.5, TypeError),
    ("random_state", True, TypeError),
    ("random_state", np.random.RandomState, TypeError),
]


@pytest.mark.parametrize(("name", "value", "error"), BAD_PARAMETERS)
def test_a_bad_parameter_is_refused_by_name(X, name, value, error):
    rbm = RBM(3, n_epochs=2).set_params(**{name: value})
    with pytest.raises(error, match=name):
        rbm.fit(X)
    if name != "validation_fraction":
        with pytest.raises(error, match=name):
            rbm.partial_fit(X)


def test_a_negative_seed_is_refused(X):
    with pytest.raises(ValueError, match="random_state"):
        RBM(3, random_state=-1).fit(X)


def test_every_parameter_but_verbose_has_a_bad_value_above():
    assert {name for name, _, _ in BAD_PARAMETERS} == set(RBM().get_params()) - {"verbose"}


def test_sparsity_needs_bernoulli_hidden_units(X):
    with pytest.raises(ValueError, match="needs hidden='bernoulli'"):
        RBM(3, hidden="gaussian", sparsity_target=0.1).fit(X)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda rbm, X: rbm.gibbs(X, -1), ValueError, "n_steps"),
        (lambda rbm, X: rbm.gibbs(X, 1.5), TypeError, "n_steps"),
        (lambda rbm, X: rbm.reconstruct(X, 0), ValueError, "n_gibbs"),
        (lambda rbm, X: rbm.reconstruct(X, "1"), TypeError, "n_gibbs"),
        (lambda rbm, X: rbm.sample(0), ValueError, "n_samples"),
        (lambda rbm, X: rbm.sample(2.0), TypeError, "n_samples"),
        (lambda rbm, X: rbm.sample(2, -1), ValueError, "n_"),
        (lambda rbm, X: rbm.sample(2, init=X), ValueError, "init must have n_samples=2 rows"),
        (lambda rbm, X: rbm.sample(30, 1, X + 1), ValueError, "Values above 1"),
        (lambda rbm, X: rbm.sample(2, random_state="0"), TypeError, "random_state"),
    ],
)
def test_bad_arguments_of_the_samplers_are_refused_by_name(rbm, X, call, error, message):
    with pytest.raises(error, match=message):
        call(rbm, X)


# Diverging and unfitted --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_overflow_is_an_error_that_names_the_learning_rate(rng, dtype):
    rbm = RBM(5, visible="gaussian", hidden="gaussian", learning_rate=10.0, dtype=dtype)
    with (
        warnings.catch_warnings(action="ignore", category=ConvergenceWarning),
        pytest.raises(ValueError, match=r"diverged: lower learning_rate \(now 10.0\)"),
    ):
        rbm.fit(100 * rng.standard_normal((50, 6)))


def test_a_model_that_diverged_is_not_fitted(rng):
    X = rng.standard_normal((50, 6))
    rbm = RBM(5, visible="gaussian", learning_rate=1e300)
    with (
        warnings.catch_warnings(action="ignore", category=ConvergenceWarning),
        pytest.raises(ValueError, match="diverged"),
    ):
        rbm.fit(X)
    with pytest.raises(NotFittedError):
        rbm.transform(X)
    rbm.set_params(learning_rate=0.001).partial_fit(X).transform(X)


def test_a_model_whose_data_were_refused_is_not_fitted(X):
    rbm = RBM(5)
    with pytest.raises(ValueError, match="Values above 1"):
        rbm.fit(X + 1)
    with pytest.raises(NotFittedError):
        rbm.transform(X)
    rbm.partial_fit(X[:, :4]).transform(X[:, :4])


@pytest.mark.parametrize(
    "train",
    [
        lambda rbm, X: rbm.fit(X),
        lambda rbm, X: rbm.partial_fit(X).partial_fit(X).partial_fit(X),
    ],
    ids=["fit", "partial_fit"],
)
def test_exploding_but_finite_training_warns_where_it_was_called(rng, train):
    X = 10 * rng.standard_normal((50, 6))
    rbm = RBM(5, visible="gaussian", hidden="gaussian", learning_rate=0.05, n_epochs=3)
    rbm.set_params(batch_size=50, random_state=0)
    with pytest.warns(ConvergenceWarning, match="diverging: lower learning_rate") as caught:
        train(rbm, X)
    assert caught[0].filename == __file__
    assert np.isfinite(rbm.weights_).all()


def test_sound_training_does_not_warn(rng, X):
    RBM(5, visible="gaussian", learning_rate=0.001).fit(rng.standard_normal((50, 6)))
    RBM(5, learning_rate=0.5).fit(X)


@pytest.mark.parametrize(
    "call",
    [
        *[lambda rbm, X, m=m: getattr(rbm, m)(X) for m in METHODS if m != "partial_fit"],
        lambda rbm, X: rbm.inverse_transform(X),
        lambda rbm, X: rbm.energy(X, X),
        lambda rbm, X: rbm.sample(3),
        lambda rbm, X: rbm.save("never_written"),
        lambda rbm, X: rbm.get_feature_names_out(),
        lambda rbm, X: likelihood.log_partition(rbm, "exact"),
        lambda rbm, X: likelihood.log_likelihood(rbm, X, 0.0),
        lambda rbm, X: likelihood.exact_gradient(rbm, X),
    ],
)
def test_an_unfitted_model_says_so(X, call):
    with pytest.raises(NotFittedError, match="RBM instance is not fitted yet"):
        call(RBM(6), X)


# scikit-learn ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimator_checks_pass_in_full_with_gaussian_units():
    results = check_estimator(RBM(visible="gaussian"), on_skip=None)
    assert len(results) > 40
    statuses = {result["check_name"]: result["status"] for result in results}
    assert set(statuses.values()) <= {"passed", "skipped"}
    assert {name for name in statuses if statuses[name] == "skipped"} <= {"check_array_api_input"}


def test_estimator_checks_fail_with_bernoulli_units_only_where_data_leave_the_unit_interval():
    reasons = dict.fromkeys(LEAVE_THE_UNIT_INTERVAL, "data leave [0, 1]")
    results = check_estimator(RBM(), expected_failed_checks=reasons, on_skip=None)
    failed = [result for result in results if result["status"] == "xfail"]
    assert {result["check_name"] for result in failed} == set(LEAVE_THE_UNIT_INTERVAL)
    for result in failed:
        assert "units need [0, 1]" in str(result["exception"]), result["check_name"]
    assert {r["status"] for r in results if r not in failed} <= {"passed", "skipped"}


def test_clone_copies_every_parameter(X):
    parameters = {
        "n_hidden": 4,
        "visible": units.Joint(units.Bernoulli(4), units.Softmax(2)),
        "hidden": "gaussian",
        "algorithm": "pcd",
        "n_gibbs": 2,
        "n_chains": 5,
        "learning_rate": [0.01, 0.02],
        "learn_variance": True,
        "momentum": [0.5, 0.9],
        "weight_decay": 0.1,
        "sparsity_target": 0.2,
        "sparsity_cost": 0.3,
        "batch_size": 6,
        "n_epochs": 2,
        "draw_visible": True,
        "validation_fraction": 0.2,
        "backend": "tensorflow",
        "dtype": "float64",
        "random_state": 3,
        "verbose": 1,
    }
    copy = clone(RBM(**parameters))
    assert copy.get_params(deep=False) == parameters
    assert not hasattr(copy, "weights_")


def test_grid_search_tunes_an_rbm_in_a_pipeline(digits):
    y = np.arange(60) % 2
    X = np.where(y[:, None], digits[:60], 1 - digits[:60])
    pipeline = make_pipeline(RBM(n_epochs=5, random_state=0), LogisticRegression())
    search = GridSearchCV(
        pipeline, {"rbm__n_hidden": [4, 8], "rbm__algorithm": ["cd", "pcd"]}, cv=3
    )
    search.fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert search.best_score_ > 0.9
    best = search.best_estimator_.named_steps["rbm"]
    assert best.weights_.shape == (64, search.best_params_["rbm__n_hidden"])


# Files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
def test_a_loaded_model_is_equal_in_every_bit(tmp_path, visible, hidden):
    rbm = random_rbm(visible, hidden)
    rbm.save(tmp_path / "model.npz")
    loaded = RBM.load(tmp_path / "model.npz")
    for array, expected in zip(loaded.state_.parameters, rbm.state_.parameters):
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)
    assert loaded.get_params() == rbm.get_params()
    assert loaded.history_ == rbm.history_
    assert loaded.visible_unit_ == VISIBLE[visible]
    assert loaded.n_features_in_ == rbm.n_features_in_
    V = points(VISIBLE[visible])[0][:5]
    np.testing.assert_array_equal(loaded.transform(V), rbm.transform(V))
    np.testing.assert_array_equal(loaded.free_energy(V), rbm.free_energy(V))


def test_float32_schedules_and_column_names_survive(tmp_path, X):
    frame = pd.DataFrame(X, columns=list("abcdef"))
    rbm = RBM(
        np.int64(3), learning_rate=np.linspace(0.1, 0.01, 2), momentum=(0.5, 0.9), n_epochs=2,
        algorithm="pcd", validation_fraction=0.2, random_state=np.random.default_rng(0),
    ).fit(frame)  # fmt: skip
    rbm.save(tmp_path / "model")
    loaded = RBM.load(tmp_path / "model")
    assert loaded.weights_.dtype == np.float32
    np.testing.assert_array_equal(loaded.learning_rate, rbm.learning_rate)
    assert set(loaded.history_) == {"reconstruction_error", "update_ratio", "free_energy_gap"}
    assert loaded.history_ == rbm.history_
    np.testing.assert_array_equal(loaded.transform(frame), rbm.transform(frame))


@pytest.mark.parametrize("name", ["model", "model.npz", "model.v2", "a b.npz"])
@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_the_file_has_exactly_the_name_given(rbm, tmp_path, name, kind):
    path = kind(tmp_path / name)
    rbm.save(path)
    assert os.listdir(tmp_path) == [name]
    np.testing.assert_array_equal(RBM.load(path).weights_, rbm.weights_)


@pytest.mark.parametrize("broken", ["savez", "replace"])
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    rbm, tmp_path, monkeypatch, broken, error
):
    def fail(file, *args, **kwargs):
        if broken == "savez":
            file.write(b"half a model")
        raise error("disk full")

    path = tmp_path / "model.npz"
    rbm.save(path)
    before = path.read_bytes()
    monkeypatch.setattr(np if broken == "savez" else os, broken, fail)
    with pytest.raises(error, match="disk full"):
        rbm.save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model.npz"]


@pytest.mark.parametrize("algorithm", ["cd", "pcd"])
def test_training_goes_on_after_loading(tmp_path, X, algorithm):
    rbm = RBM(3, algorithm=algorithm, sparsity_target=0.2, sparsity_cost=0.1, random_state=0)
    rbm.set_params(n_epochs=10).fit(X).save(tmp_path / "model")
    first, second = RBM.load(tmp_path / "model"), RBM.load(tmp_path / "model")
    assert first.partial_fit(X) is first
    second.partial_fit(X)
    assert (first.weights_ != rbm.weights_).any()
    np.testing.assert_array_equal(first.weights_, second.weights_)
    assert len(first.history_["update_ratio"]) == 11
    assert first.sample(2, 2).shape == (2, 6)


def test_a_missing_file_is_reported_as_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz"):
        RBM.load(tmp_path / "nowhere.npz")


def test_a_truncated_file_is_refused_wherever_it_ends(rbm, tmp_path):
    path = tmp_path / "model.npz"
    rbm.save(path)
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 101), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"model\.npz is damaged or not a model"):
            RBM.load(path)


def test_a_flipped_bit_is_noticed_or_harmless(rbm, tmp_path):
    path = tmp_path / "model.npz"
    rbm.save(path)
    whole = path.read_bytes()
    in_weights = whole.find(rbm.weights_.tobytes())
    for place in [*range(in_weights, in_weights + 72, 5), *range(len(whole) - 300, len(whole))]:
        content = bytearray(whole)
        content[place] ^= 1 if place % 2 else 128
        path.write_bytes(content)
        try:
            loaded = RBM.load(path)
        except ValueError as error:
            assert "model.npz is damaged" in str(error)  # noqa: PT017
        else:
            np.testing.assert_array_equal(loaded.weights_, rbm.weights_)


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("exploded",))


def as_npz(header, **arrays):
    text = header if isinstance(header, str) else json.dumps(header)
    return lambda path: np.savez(path, header=np.array(text), **arrays)


def as_npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


HEADER = {"model": "RBM", "parameters": RBM().get_params(deep=False), "history": {}}
SHAPES = {"weights": (6, 256), "visible_bias": 6, "hidden_bias": 256}
FOREIGN = {
    "text": lambda path: path.write_text("weights"),
    "pickle": lambda path: path.write_bytes(pickle.dumps(Bomb())),
    "npy": lambda path: path.write_bytes(as_npy(np.zeros(3))),
    "pickled npy": lambda path: path.write_bytes(as_npy(np.array([Bomb()]))),
    "no header": lambda path: np.savez(path, weights=np.zeros((2, 2))),
    "pickled header": lambda path: np.savez(path, header=np.array([Bomb()])),
    "header is no JSON": as_npz("RBM"),
    "header is a list": as_npz([]),
    "header without model": as_npz({}),
    "pickled weights": as_npz(HEADER, weights=np.array([Bomb()])),
    "no weights": as_npz(HEADER),
    "no parameters": as_npz({"model": "RBM"}),
    "unknown parameter": as_npz(HEADER | {"parameters": {"visible": "bernoulli", "n_layers": 3}}),
    **{
        f"{name} of another shape": as_npz(
            HEADER, **{n: np.zeros((2, 2) if n == name else s) for n, s in SHAPES.items()}
        )
        for name in SHAPES
    },
}


@pytest.mark.parametrize("write", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_file_is_refused_by_name_and_never_unpickled(tmp_path, monkeypatch, write):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.npz"
    write(path)
    with pytest.raises(ValueError, match=r"model\.npz is damaged"):
        RBM.load(path)
    assert os.listdir(tmp_path) == ["model.npz"]


def test_a_file_of_another_model_is_refused_by_name(tmp_path):
    class Other(RBM):
        pass

    Other(2, n_epochs=1).fit(np.eye(3)).save(tmp_path / "model")
    with pytest.raises(ValueError, match="model holds a Other, not a RBM: load it with Other"):
        RBM.load(tmp_path / "model")


def test_nothing_in_a_saved_file_is_pickled(tmp_path):
    rbm = random_rbm("joint")
    rbm.save(tmp_path / "model")
    with np.load(tmp_path / "model", allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)
