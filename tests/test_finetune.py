"""DBN weights in Keras networks: they arrive, they train, and the estimators keep their word."""

import pickle
import subprocess
import sys
from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator

from dbnlab import DBN, RBM, DBNClassifier, DBNRegressor, DeepAutoencoder, datasets, units
from dbnlab.keras_network import PREDICTED_ROWS, batches, predict
from dbnlab.novelty import NoveltyDetector

keras = pytest.importorskip("keras")
QUICK = {"layer_sizes": (8, 4), "dbn": DBN(rbm=RBM(n_epochs=2)), "n_epochs": 2, "random_state": 0}
FROZEN_IN_PLACE = {"n_epochs": 1, "learning_rate": 1e-12}


@pytest.fixture(scope="module")
def digits():
    return datasets.load_digits()


@pytest.fixture
def y(rng):
    return rng.integers(3, size=30)


def hidden_weights(model):
    layers = [layer for layer in model.layers if layer.name.startswith("hidden")]
    return [array for layer in layers for array in layer.get_weights()]


def recognition(dbn):
    pairs = zip(dbn.recognition_weights_, dbn.recognition_biases_)
    return [array for pair in pairs for array in pair]


# The network of a DBN -----------------------------------------------------------------------------

STACKS = {
    "binary": {"rbm": RBM(n_epochs=2)},
    "Gaussian rows": {"rbm": RBM(visible="gaussian", learning_rate=0.01, n_epochs=2)},
    "Gaussian code": {"rbm": [RBM(n_epochs=2), RBM(hidden="gaussian", learning_rate=0.01)]},
    "labels": {"rbm": RBM(n_epochs=2), "joint_labels": True},
    "double precision": {"rbm": RBM(n_epochs=2, dtype="float64")},
}


@pytest.mark.parametrize("parameters", STACKS.values(), ids=STACKS)
def test_network_computes_what_transform_does(X, y, parameters):
    dbn = DBN((5, 4), random_state=0, **parameters).fit(X, y)
    dbn.up_down(X, y, 2, learning_rate=0.1)  # recognition and generative weights differ now
    outputs = np.asarray(dbn.to_keras()(X))
    np.testing.assert_allclose(outputs, dbn.transform(X), atol=1e-5)
    assert outputs.dtype == dbn.rbms_[0].dtype


def test_network_is_saved_and_loads_without_dbnlab(X, tmp_path):
    dbn = DBN((5, 4), RBM(n_epochs=1), random_state=0).fit(X)
    dbn.to_keras().save(tmp_path / "network.keras")
    np.save(tmp_path / "X.npy", X)
    code = (
        "import sys; sys.modules['dbnlab'] = None; import keras, numpy as np; "
        "model = keras.models.load_model('network.keras'); "
        "np.save('out.npy', np.asarray(model(np.load('X.npy'))))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), dbn.transform(X), atol=1e-5)


def test_head_comes_on_top_of_the_same_layers(X):
    dbn = DBN((5, 4), RBM(n_epochs=1), random_state=0).fit(X)
    classes = np.asarray(dbn.to_keras(3)(X))
    assert classes.shape == (30, 3)
    assert dbn.to_keras(2).output_shape == (None, 2)
    np.testing.assert_allclose(classes.sum(axis=1), 1, atol=1e-6)
    own = dbn.to_keras(keras.layers.Dense(2, kernel_initializer="ones"))
    expected = dbn.transform(X).sum(axis=1)
    np.testing.assert_allclose(np.asarray(own(X))[:, 1], expected, atol=1e-5)


def test_training_the_network_leaves_the_dbn_alone(X, y):
    dbn = DBN((5, 4), RBM(n_epochs=1), random_state=0).fit(X)
    before = deepcopy(recognition(dbn))
    model = dbn.to_keras(3)
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    model.fit(X, y, verbose=0)
    assert all((a == b).all() for a, b in zip(before, recognition(dbn)))


@pytest.mark.parametrize(("head", "error"), [(1, ValueError), (True, TypeError)])
def test_a_head_of_one_class_is_refused(X, head, error):
    with pytest.raises(error, match="head"):
        DBN((5,), RBM(n_epochs=1)).fit(X).to_keras(head)


# Weights arrive -----------------------------------------------------------------------------------


def test_fine_tuning_starts_at_the_weights_of_the_dbn(X, y):
    classifier = DBNClassifier(**QUICK | FROZEN_IN_PLACE, dropout=0.5).fit(X, y)
    for array, expected in zip(
        hidden_weights(classifier.keras_model_), recognition(classifier.dbn_), strict=True
    ):
        np.testing.assert_allclose(array, expected, atol=1e-9)


def test_fine_tuning_moves_every_layer(X, y):
    classifier = DBNClassifier(**QUICK).fit(X, y)
    for array, start in zip(hidden_weights(classifier.keras_model_), recognition(classifier.dbn_)):
        assert (array != start).any()


def test_a_fitted_dbn_is_taken_as_it_is(X, y):
    dbn = DBN((7, 3), RBM(n_epochs=1), random_state=0).fit(X)
    before = deepcopy(recognition(dbn))
    classifier = DBNClassifier(dbn=FrozenEstimator(dbn), n_epochs=1).fit(X, y)
    assert classifier.dbn_ is dbn
    assert [layer.units for layer in classifier.keras_model_.layers] == [7, 3, 3]
    assert all((a == b).all() for a, b in zip(before, recognition(dbn)))
    with pytest.raises(ValueError, match="X has 5 features, the DBN expects 6"):
        DBNClassifier(dbn=FrozenEstimator(dbn)).fit(X[:, :5], y)


def test_without_pretraining_the_same_network_starts_at_random(X, y):
    pretrained = DBNClassifier(**QUICK | FROZEN_IN_PLACE).fit(X, y).keras_model_
    random = DBNClassifier(**QUICK | FROZEN_IN_PLACE).fit(X, y)
    random.set_params(pretrain=False).fit(X, y)
    assert not hasattr(random, "dbn_")
    for a, b in zip(pretrained.get_weights(), random.keras_model_.get_weights(), strict=True):
        assert a.shape == b.shape
    # Glorot's uniform start reaches further than that of an RBM, 0.01 times normal numbers.
    assert np.abs(hidden_weights(random.keras_model_)[0]).max() > 0.3


def test_without_pretraining_a_fitted_dbn_gives_its_layers_alone(X, y):
    dbn = DBN((7, 3), RBM(n_epochs=1), random_state=0).fit(X)
    settings = FROZEN_IN_PLACE | {"random_state": 0, "pretrain": False}
    classifier = DBNClassifier(dbn=FrozenEstimator(dbn), **settings).fit(X, y)
    assert not hasattr(classifier, "dbn_")
    start = hidden_weights(classifier.keras_model_)
    for array, of_dbn in zip(start[::2], recognition(dbn)[::2], strict=True):
        assert array.shape == of_dbn.shape
        assert np.abs(array - of_dbn).max() > 0.1
    assert max(np.abs(bias).max() for bias in start[1::2]) < 1e-9


def test_random_starts_differ_between_seeds_and_layers(X, y):
    settings = QUICK | FROZEN_IN_PLACE | {"layer_sizes": (6, 6), "pretrain": False}
    one, other = (
        hidden_weights(DBNClassifier(**settings | {"random_state": seed}).fit(X, y).keras_model_)
        for seed in (1, 2)
    )
    for a, b in [(one[0], other[0]), (one[0], one[2])]:
        assert np.abs(a - b).max() > 0.1


def test_the_prototype_stays_as_it_was(X, y):
    prototype = DBN((3,), RBM(n_epochs=1))
    DBNClassifier((4, 4), prototype, n_epochs=1).fit(X, y)
    assert not hasattr(prototype, "rbms_")
    assert prototype.layer_sizes == (3,)


def test_unlabelled_rows_reach_the_dbn_only(X, y, rng):
    more = rng.random((50, 6)) ** 3
    with_more = DBNClassifier(**QUICK).fit(X, y, more).dbn_
    bias = DBN((8,), RBM(n_epochs=1)).fit(np.concatenate([X, more])).rbms_[0].data_bias_
    np.testing.assert_allclose(with_more.rbms_[0].data_bias_, bias)
    with pytest.raises(ValueError, match="X_unlabelled cannot be used: X has 5 features"):
        DBNClassifier(**QUICK).fit(X, y, more[:, :5])
    with pytest.raises(ValueError, match="cannot learn from X_unlabelled"):
        DBNClassifier(**QUICK | {"dbn": DBN(joint_labels=True)}).fit(X, y, more)
    fitted = FrozenEstimator(DBN((4,), RBM(n_epochs=1)).fit(X))
    with pytest.raises(ValueError, match="cannot learn from X_unlabelled"):
        DBNClassifier(dbn=fitted).fit(X, y, more)


# Training -----------------------------------------------------------------------------------------


def test_classifier_learns_digits_better_than_chance_by_far(digits):
    prototype = DBN(rbm=RBM(learning_rate=0.1, n_epochs=20))
    classifier = DBNClassifier((64,), prototype, n_epochs=20, learning_rate=0.01, random_state=0)
    classifier.fit(digits.X, digits.y)
    assert classifier.score(digits.X_test, digits.y_test) > 0.94
    assert len(classifier.history_["loss"]) == 20


def test_learning_rate_falls_to_zero(X, y, monkeypatch):
    original, rates = keras.Sequential.fit, []

    def fit(model, *arguments, **options):
        history = original(model, *arguments, **options)
        rates.append(float(model.optimizer.learning_rate))
        return history

    monkeypatch.setattr(keras.Sequential, "fit", fit)
    DBNClassifier(**QUICK, pretrain=False).fit(X, y)
    assert rates == [pytest.approx(0, abs=1e-9)]


def test_the_owner_can_train_the_network_further(X, y):
    classifier = DBNClassifier(**QUICK, pretrain=False).fit(X, y)
    before = classifier.keras_model_.get_weights()
    codes = np.searchsorted(classifier.classes_, y)
    history = classifier.keras_model_.fit(X, codes, epochs=5, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert np.abs(classifier.keras_model_.get_weights()[0] - before[0]).max() > 1e-3


def test_probabilities_sum_to_one_in_double_precision(X, y):
    classifier = DBNClassifier(**QUICK, pretrain=False).fit(X, y)
    total = classifier.predict_proba(X.astype(np.float64)).sum(axis=1)
    np.testing.assert_allclose(total, 1, rtol=0, atol=1e-15)


def test_halves_of_a_copied_autoencoder_are_those_of_its_whole(X):
    autoencoder = DeepAutoencoder((4, 2), n_epochs=1, random_state=0).fit(X)
    for same in (deepcopy(autoencoder), pickle.loads(pickle.dumps(autoencoder))):
        np.testing.assert_array_equal(same.transform(X), autoencoder.transform(X))
        same.keras_model_.set_weights([0 * w for w in same.keras_model_.get_weights()])
        assert np.abs(same.transform(X)).max() == 0
    assert np.abs(autoencoder.transform(X)).max() > 0


def test_a_dbn_that_names_its_layers_keeps_them(X, y):
    options = {"n_epochs": 1, "pretrain": False}
    widths = lambda classifier: [  # noqa: E731
        layer.units for layer in classifier.fit(X, y).keras_model_.layers
    ]
    assert widths(DBNClassifier(dbn=DBN((5, 4)), **options)) == [5, 4, 3]
    assert widths(DBNClassifier((6,), DBN((5, 4)), **options)) == [6, 3]
    assert widths(DBNClassifier(dbn=DBN(rbm=RBM(n_epochs=1)), **options)) == [500, 500, 3]


# Names of columns --------------------------------------------------------------------------------


@pytest.fixture
def frame(X):
    return pd.DataFrame(X, columns=[f"column {number}" for number in range(X.shape[1])])


def test_rows_without_a_target_have_the_same_columns(frame, y):
    reordered = frame[frame.columns[::-1]]
    with pytest.raises(ValueError, match="feature names should match"):
        DBNClassifier(**QUICK).fit(frame, y, X_unlabelled=reordered)


def test_whole_numbers_do_not_round_the_rows_without_a_target(X, y, monkeypatch):
    seen = []
    monkeypatch.setattr(DBN, "fit", lambda dbn, rows, y: seen.append(rows) or pytest.skip())
    with pytest.raises(pytest.skip.Exception):
        DBNClassifier((8,)).fit(X.astype(int), y, X_unlabelled=np.full((2, X.shape[1]), 0.5))
    assert (seen[0][-2:] == 0.5).all()


@pytest.mark.parametrize("make", [DBNClassifier, NoveltyDetector])
def test_a_frozen_model_inside_sees_the_columns_it_was_fitted_to(frame, y, make):
    dbn = DBN((4,), RBM(n_epochs=1)).fit(frame)
    inside = {"dbn": FrozenEstimator(dbn), "n_epochs": 1} if make is DBNClassifier else {}
    estimator = make(**inside) if inside else make(FrozenEstimator(dbn))
    with pytest.raises(ValueError, match="columns of X are not those that the DBN was fitted to"):
        estimator.fit(frame[frame.columns[::-1]], y)
    estimator.fit(frame, y).predict(frame)


@pytest.mark.parametrize("kind", [DBNClassifier, DBNRegressor, DeepAutoencoder])
def test_rows_on_another_scale_are_refused_or_cut_off_as_by_the_dbn_inside(X, y, kind):
    model = kind(**QUICK).fit(X, y)
    answer = model.transform if kind is DeepAutoencoder else model.predict
    with pytest.raises(ValueError, match=r"units need \[0, 1\], found 255"):
        answer(255 * X)
    beyond = X.copy()
    beyond[0, X[0].argmax()] = 1.5
    with pytest.warns(UserWarning, match=r"beyond \[0, 1\], 1 of them") as caught:
        np.testing.assert_array_equal(answer(beyond), answer(X))
    assert caught[0].filename == __file__


def test_a_frozen_dbn_is_not_fine_tuned_on_rows_of_another_scale(X, y):
    dbn = FrozenEstimator(DBN((4,), RBM(n_epochs=1)).fit(X))
    with pytest.raises(ValueError, match=r"units need \[0, 1\], found 255"):
        DBNClassifier(dbn=dbn, n_epochs=1).fit(255 * X, y)


def test_a_frozen_first_layer_sees_the_columns_it_was_fitted_to(frame):
    first = FrozenEstimator(RBM(4, n_epochs=1).fit(frame))
    with pytest.raises(ValueError, match="columns of X are not those that the RBM was fitted to"):
        DBN((4, 2), [first, RBM(n_epochs=1)]).fit(frame[frame.columns[::-1]])


def test_models_inside_know_the_names_of_the_columns(frame, y):
    """Without a warning, which would fail this test."""
    DBNClassifier(**QUICK).fit(frame, y).dbn_.transform(frame)
    NoveltyDetector(RBM(n_epochs=1), 0.5).fit(frame).model_.score_samples(frame)
    DBN((4, 2), RBM(n_epochs=1)).fit(frame).rbms_[0].transform(frame)


def test_each_pass_takes_all_rows_in_an_order_of_its_own(rng):
    rows = np.arange(25)[:, None]
    passes = batches(rows, [rows[:, 0]], 10, rng, lambda batch: batch + 100)
    two = [[next(passes) for _ in range(3)] for _ in range(2)]
    orders = [np.concatenate([targets for _, targets in one]) for one in two]
    assert all((inputs[:, 0] == 100 + targets).all() for one in two for inputs, targets in one)
    assert all((np.sort(order) == np.arange(25)).all() for order in orders)
    assert (orders[0] != orders[1]).any()


def test_early_stopping_gives_back_the_best_weights(digits):
    X, y = digits.X[:200], digits.y[:200]
    settings = {"learning_rate": 0.3, "n_epochs": 30, "early_stopping": True, "random_state": 0}
    classifier = DBNClassifier((16,), pretrain=False, **settings).fit(X, y)
    train, held_out = classifier._split(y, np.random.default_rng(0))
    p = classifier.predict_proba(X[held_out])[np.arange(len(held_out)), y[held_out]]
    losses = classifier.history_["val_loss"]
    np.testing.assert_allclose(-np.log(p).mean(), min(losses), rtol=1e-3)
    assert losses[-1] > min(losses)
    assert not set(train) & set(held_out)


def test_training_stops_ten_epochs_after_the_best(digits):
    settings = {"learning_rate": 0.3, "n_epochs": 50, "early_stopping": True, "random_state": 0}
    settings["batch_size"] = 100
    classifier = DBNClassifier((16,), pretrain=False, **settings).fit(
        digits.X[:200], digits.y[:200]
    )
    losses = classifier.history_["val_loss"]
    assert len(losses) == np.argmin(losses) + 11 < 50


def test_patience_is_a_fifth_of_the_epochs_but_ten_at_least(X, y, monkeypatch):
    patience = []

    def fit(model, *arguments, callbacks, **options):
        patience.append(callbacks[0].patience)
        return SimpleNamespace(history={})

    monkeypatch.setattr(keras.Sequential, "fit", fit)
    for n_epochs in (10, 50, 200):
        settings = QUICK | {"n_epochs": n_epochs, "pretrain": False}
        DBNClassifier(**settings, early_stopping=True).fit(X, y)
    assert patience == [10, 10, 40]


def test_held_out_rows_do_not_train_the_dbn(X, y):
    settings = QUICK | {"early_stopping": True, "validation_fraction": 0.5}
    classifier = DBNClassifier(**settings).fit(X, y)
    train, _ = classifier._split(y, np.random.default_rng(0))
    bias = DBN((8,), RBM(n_epochs=1)).fit(X[train]).rbms_[0].data_bias_
    np.testing.assert_allclose(classifier.dbn_.rbms_[0].data_bias_, bias)


def test_held_out_rows_keep_the_share_of_each_class():
    y = np.array([0] * 80 + [1] * 19 + [2])
    settings = {"early_stopping": True, "validation_fraction": 0.2}
    train, held_out = DBNClassifier(**settings)._split(y, np.random.default_rng(0))
    assert (np.bincount(y[held_out], minlength=3) == [16, 4, 0]).all()
    assert len(train) == 80
    with pytest.raises(ValueError, match=r"validation_fraction=0.1 of 4 rows is no row"):
        DBNClassifier(early_stopping=True)._split(y[:4], np.random.default_rng(0))


def test_held_out_rows_of_a_regression_are_a_share_of_all_whatever_their_targets():
    y = np.linspace(0, 1, 40)[:, None]
    regressor = DBNRegressor(early_stopping=True, validation_fraction=0.1)
    train, held_out = regressor._split(y, np.random.default_rng(0))
    assert len(held_out) == 4
    assert sorted([*train, *held_out]) == list(range(40))


@pytest.mark.parametrize("pretrain", [True, False])
def test_same_seed_same_bits_and_global_generators_stay_untouched(X, y, pretrain):
    settings = QUICK | {"pretrain": pretrain, "dropout": 0.2, "early_stopping": True}
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.default_rng(3).random(), np.random.RandomState(5).random()
    weights = [
        DBNClassifier(**settings | {"random_state": seed}).fit(X, y).keras_model_.get_weights()
        for seed in (1, np.random.default_rng(1), 2)
    ]
    assert all((a == b).all() for a, b in zip(weights[0], weights[1]))
    assert (weights[0][0] != weights[2][0]).any()
    assert np.random.random() == expected[1]  # noqa: NPY002


def test_weight_decay_and_max_norm_bind(X, y):
    settings = QUICK | {"n_epochs": 60, "batch_size": 100, "learning_rate": 0.1}
    settings["weight_decay"] = 0.0
    free = hidden_weights(DBNClassifier(**settings).fit(X, y).keras_model_)
    decayed = hidden_weights(
        DBNClassifier(**settings | {"weight_decay": 0.1}).fit(X, y).keras_model_
    )
    bound = hidden_weights(DBNClassifier(**settings, max_norm=0.5).fit(X, y).keras_model_)
    assert np.abs(decayed[0]).sum() < 0.5 * np.abs(free[0]).sum()
    assert np.linalg.norm(bound[0], axis=0).max() <= 0.5 + 1e-6
    assert np.linalg.norm(free[0], axis=0).max() > 0.6


def test_max_norm_is_that_of_the_weights_into_one_unit(X, y):
    classifier = DBNClassifier(**QUICK | {"learning_rate": 1e-12, "pretrain": False}, max_norm=0.3)
    R = hidden_weights(classifier.fit(X, y).keras_model_)[0]
    free = hidden_weights(classifier.set_params(max_norm=None).fit(X, y).keras_model_)[0]
    norm = np.linalg.norm(free, axis=0)
    np.testing.assert_allclose(R, free * np.minimum(1, 0.3 / norm), rtol=1e-4)


def evaluated(classifier, X, y):
    """What Keras measures: the whole loss, and the cross-entropy in it."""
    measured = classifier.keras_model_.evaluate(X, y, verbose=0, return_dict=True)
    return measured["loss"], measured["sparse_categorical_crossentropy"]


def test_weight_decay_adds_half_the_sum_of_squares_to_the_loss(X, y):
    settings = QUICK | FROZEN_IN_PLACE | {"batch_size": 30}
    decayed = DBNClassifier(**settings, weight_decay=0.1).fit(X, y)
    squares = sum((W**2).sum() for W in decayed.keras_model_.get_weights()[::2])
    whole, cross_entropy = evaluated(decayed, X, y)
    assert whole - cross_entropy == pytest.approx(0.1 / 2 * squares, rel=1e-3)
    assert decayed.history_["loss"][0] == pytest.approx(cross_entropy, rel=1e-4)


def test_training_that_leaves_the_numbers_is_refused(X):
    dbn = DBN(rbm=RBM(hidden="gaussian", n_epochs=2))
    regressor = DBNRegressor((8,), dbn, n_epochs=5, learning_rate=1e25, random_state=0)
    with pytest.raises(ValueError, match=r"training diverged: lower learning_rate \(now 1e\+25\)"):
        regressor.fit(X, X[:, 0])


def test_early_stopping_watches_the_loss_without_the_penalty(rng):
    # Nothing to learn: the loss of held-out rows only grows, and the penalty falls all the time.
    X, y = (rng.random((120, 20)) < 0.5).astype(float), rng.integers(2, size=120)
    settings = {"dbn": DBN(rbm=RBM(n_epochs=20)), "early_stopping": True, "n_epochs": 60}
    settings |= {"validation_fraction": 0.3, "learning_rate": 0.005, "random_state": 0}
    history = DBNClassifier((60, 60), **settings).fit(X, y).history_
    assert len(history["val_loss"]) < 30
    assert history.keys() == {"loss", "accuracy", "val_loss", "val_accuracy"}


@pytest.mark.parametrize(("pretrain", "penalty"), [(True, 1 / 15), (False, 0.0)])
def test_the_penalty_is_one_over_the_training_rows_and_none_without_pretraining(
    X, y, pretrain, penalty
):
    settings = QUICK | FROZEN_IN_PLACE | {"batch_size": 30, "pretrain": pretrain}
    settings |= {"early_stopping": True, "validation_fraction": 0.5}
    y = np.repeat([0, 1, 2], 10)
    by_default, named = (
        evaluated(DBNClassifier(**settings, weight_decay=weight_decay).fit(X, y), X, y)
        for weight_decay in (None, penalty)
    )
    assert by_default == named


def test_dropout_of_one_rate_spares_the_visible_layer(X, y):
    def names(dropout):
        model = DBNClassifier(**QUICK, dropout=dropout).fit(X, y).keras_model_
        return [type(layer).__name__ for layer in model.layers]

    assert names(0.5) == ["Dense", "Dropout", "Dense", "Dropout", "Dense"]
    assert names([0.2, 0, 0.5]) == ["Dropout", "Dense", "Dense", "Dropout", "Dense"]


# Targets ------------------------------------------------------------------------------------------

LABELS = {
    "words": np.array(["ant", "bee", "cat"]),
    "objects": np.array(["ant", "bee", "cat"], dtype=object),
    "numbers as objects": np.array([1, 2, 3], dtype=object),
    "gaps": np.array([-7, 0, 1000]),
    "truth": np.array([False, True, True]),
    "floats": np.array([1.0, 2.0, 3.0]),
}


@pytest.mark.parametrize("names", LABELS.values(), ids=LABELS)
def test_any_kind_of_label_comes_back(X, y, names):
    classifier = DBNClassifier(**QUICK).fit(X, names[y])
    predicted = classifier.predict(X)
    assert set(predicted) <= set(names)
    assert predicted.dtype == (int if isinstance(names[0], int) else names.dtype)
    assert (classifier.classes_ == np.unique(names)).all()
    assert classifier.score(X, names[y]) == (predicted == names[y]).mean()
    assert classifier.predict_proba(X).shape == (30, len(classifier.classes_))


def test_a_rare_class_is_learned(rng):
    y = np.array([0] * 190 + [1] * 10)
    X = np.clip(0.2 * rng.random((200, 6)) + 0.7 * y[:, None], 0, 1)
    settings = QUICK | {"n_epochs": 100, "learning_rate": 0.05, "early_stopping": True}
    classifier = DBNClassifier(**settings).fit(X, y)
    assert (classifier.predict(X)[y == 1] == 1).all()


@pytest.fixture(scope="module")
def unbalanced():
    """Two classes that overlap, 380 rows of the one and 20 of the other."""
    rng = np.random.default_rng(1)
    y = np.array([0] * 380 + [1] * 20)
    return np.clip(0.3 * rng.standard_normal((400, 6)) + 0.4 + 0.2 * y[:, None], 0, 1), y


@pytest.mark.parametrize("early_stopping", [False, True])
def test_balanced_weights_count_a_rare_class_as_much_as_the_others(unbalanced, early_stopping):
    X, y = unbalanced
    settings = QUICK | {"n_epochs": 40, "learning_rate": 0.02, "early_stopping": early_stopping}
    found = {}
    for name in ("balanced", None):
        classifier = DBNClassifier(**settings, class_weight=name).fit(X, y)
        answers = classifier.predict(X)
        found[name] = (answers[y == 1] == 1).mean(), (answers[y == 0] == 0).mean()
    assert found[None][0] < 0.1
    assert np.mean(found["balanced"]) > 0.7


@pytest.mark.parametrize("of_cat", [0.5, 0.0])
def test_weights_of_classes_enter_the_loss(X, y, of_cat):
    names = np.array(["ant", "bee", "cat"])[y]
    of_class = {"ant": 3.0, "cat": of_cat}
    settings = QUICK | FROZEN_IN_PLACE | {"batch_size": 30, "weight_decay": 0.0}
    classifier = DBNClassifier(**settings, class_weight=of_class).fit(X, names)
    weights = np.array([3, 1, of_cat])[y]
    p = classifier.predict_proba(X)[np.arange(30), y]
    mean = np.average(-np.log(p), weights=weights)
    np.testing.assert_allclose(classifier.history_["loss"][0], mean, rtol=1e-4)


def test_held_out_rows_are_weighed_too(X, y):
    settings = QUICK | FROZEN_IN_PLACE | {"early_stopping": True, "validation_fraction": 0.5}
    settings["weight_decay"] = 0.0
    plain, weighed = (
        DBNClassifier(**settings, class_weight=weights).fit(X, y).history_["val_loss"][0]
        for weights in (None, {0: 9.0})
    )
    assert weighed != pytest.approx(plain, rel=1e-4)


@pytest.mark.parametrize(
    ("weights", "message"),
    [("equal", "class_weight"), ({0: -1.0}, "from 0 up"), ({7: 1.0}, "not in class_weight")],
)
def test_weights_of_no_class_are_refused(X, y, weights, message):
    with pytest.raises(ValueError, match=message):
        DBNClassifier(**QUICK, class_weight=weights).fit(X, y)


@pytest.mark.parametrize("kind", [DBNClassifier, DBNRegressor])
def test_networks_in_double_precision_are_fine_tuned_too(X, y, kind):
    double = DBN(rbm=RBM(n_epochs=2, dtype="float64"))
    model = kind(**QUICK | {"dbn": double}).fit(X, y)
    model.keras_model_.fit(X, y, verbose=0)
    assert {array.dtype.name for array in model.keras_model_.get_weights()} == {"float64"}
    assert keras.config.floatx() == "float32"


def test_one_row_is_predicted_as_among_others(X, y):
    classifier = DBNClassifier(**QUICK).fit(X, y)
    alone = np.concatenate([classifier.predict_proba(row[None]) for row in X])
    p = classifier.predict_proba(X)
    np.testing.assert_allclose(alone, p, rtol=1e-5)
    np.testing.assert_allclose(classifier.predict_proba(np.tile(X, (50, 1))), np.tile(p, (50, 1)))
    assert p.dtype == np.float64
    assert classifier.predict_proba(X.astype(np.float32)).dtype == np.float32
    assert classifier.predict_proba(X.astype(int)).dtype == np.float64


@pytest.mark.parametrize("n_rows", [1, 127, 128, 129, 300])
def test_a_network_sees_as_many_rows_in_every_call(rng, n_rows):
    seen = []

    class Network:
        inputs = (SimpleNamespace(dtype="float32"),)

        def __call__(self, rows):
            seen.append(len(rows))
            return 2 * rows

    X = rng.random((n_rows, 3)).astype(np.float32)
    np.testing.assert_array_equal(predict(Network(), X), 2 * X)
    assert seen == [PREDICTED_ROWS] * -(-n_rows // PREDICTED_ROWS)


def test_a_dbn_with_labels_is_a_prototype_too(X, y):
    prototype = DBN(rbm=RBM(n_epochs=1), joint_labels=True)
    classifier = DBNClassifier(**QUICK | {"dbn": prototype}).fit(X, y)
    assert (classifier.dbn_.classes_ == [0, 1, 2]).all()


def test_regression_does_not_depend_on_the_scale_of_its_targets(X, rng):
    y = rng.standard_normal(30)
    plain = DBNRegressor(**QUICK).fit(X, y).predict(X)
    scaled = DBNRegressor(**QUICK).fit(X, 1e9 * y - 1e12).predict(X)
    np.testing.assert_allclose(scaled, 1e9 * plain - 1e12, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_targets_may_be_as_small_or_large_as_numbers_get(X, rng, scale):
    y = rng.standard_normal(30)
    plain, scaled = (DBNRegressor(**QUICK).fit(X, s * y).predict(X) for s in (1, scale))
    np.testing.assert_allclose(scaled / scale, plain, rtol=1e-6)


def test_regression_of_several_targets_one_of_them_constant(X, rng):
    y = np.column_stack([X @ rng.standard_normal(6), np.full(30, 7.0)])
    settings = QUICK | {"n_epochs": 300, "learning_rate": 0.05}
    regressor = DBNRegressor(**settings).fit(X, y)
    predicted = regressor.predict(X)
    assert predicted.shape == (30, 2)
    assert np.corrcoef(predicted[:, 0], y[:, 0])[0, 1] > 0.9
    np.testing.assert_allclose(regressor.target_mean_, y.mean(axis=0))
    assert regressor.target_scale_[0] == pytest.approx(y[:, 0].std())
    np.testing.assert_allclose(predicted[:, 1], 7, atol=0.2)


# The deep autoencoder -----------------------------------------------------------------------------


def test_autoencoder_starts_as_the_unrolled_dbn(X):
    prototype = DBN(rbm=[RBM(n_epochs=2), RBM(hidden="gaussian", learning_rate=0.01)])
    autoencoder = DeepAutoencoder((5, 2), prototype, random_state=0, **FROZEN_IN_PLACE).fit(X)
    codes = autoencoder.transform(X)
    np.testing.assert_allclose(codes, autoencoder.dbn_.transform(X), atol=1e-5)
    reconstructed = autoencoder.inverse_transform(codes)
    np.testing.assert_allclose(reconstructed, autoencoder.dbn_.reconstruct(X), atol=1e-5)
    np.testing.assert_allclose(np.asarray(autoencoder.keras_model_(X)), reconstructed, atol=1e-6)


def test_autoencoder_of_an_untied_dbn_goes_up_its_recognition_and_down_its_generative_weights(X):
    rbms = [RBM(visible=units.Gaussian(6, 0.25), learning_rate=0.01, n_epochs=2), RBM(n_epochs=2)]
    dbn = DBN((5, 2), rbms, random_state=0).fit(X).up_down(X, n_epochs=2, learning_rate=0.05)
    autoencoder = DeepAutoencoder(dbn=FrozenEstimator(dbn), random_state=0, **FROZEN_IN_PLACE)
    reconstructed = autoencoder.fit(X).keras_model_(X)
    np.testing.assert_allclose(np.asarray(reconstructed), dbn.reconstruct(X), atol=1e-5)
    assert np.abs(dbn.generative_weights_[0] - dbn.recognition_weights_[0]).max() > 1e-3


def test_autoencoder_beats_the_dbn_it_starts_from(digits):
    X = digits.X
    prototype = DBN(rbm=[RBM(n_epochs=10), RBM(hidden="gaussian", learning_rate=0.001)])
    settings = {"n_epochs": 20, "learning_rate": 0.005, "random_state": 0}
    autoencoder = DeepAutoencoder((64, 8), prototype, **settings).fit(X)
    error = ((autoencoder.inverse_transform(autoencoder.transform(X)) - X) ** 2).mean()
    assert error < 0.7 * ((autoencoder.dbn_.reconstruct(X) - X) ** 2).mean()
    assert autoencoder.history_["loss"][-1] < autoencoder.history_["loss"][0]
    assert autoencoder.keras_model_.loss == "binary_crossentropy"


def test_code_of_the_autoencoder_is_linear_and_named(X):
    autoencoder = DeepAutoencoder((5, 2), n_epochs=1, random_state=0).fit(X)
    assert autoencoder.encoder_.layers[-1].activation is keras.activations.linear
    names = autoencoder.get_feature_names_out()
    assert list(names) == ["deepautoencoder0", "deepautoencoder1"]
    with pytest.raises(ValueError, match="H has 3 columns, one for each of 2 units"):
        autoencoder.inverse_transform(np.zeros((4, 3)))


def test_autoencoder_of_gaussian_rows_minimises_squared_error(X):
    prototype = DBN(rbm=RBM(visible="gaussian", learning_rate=0.01, n_epochs=1))
    autoencoder = DeepAutoencoder((5, 2), prototype, n_epochs=1, random_state=0).fit(10 * X)
    assert autoencoder.keras_model_.loss == "mse"
    assert autoencoder.decoder_.layers[-1].activation is keras.activations.linear


# As estimators ------------------------------------------------------------------------------------

BAD = {
    "one class": ({}, {"y": np.zeros(30)}, ValueError, "one class only, 0.0: "),
    "n_epochs": ({"n_epochs": 0}, {}, ValueError, "n_epochs"),
    "batch_size": ({"batch_size": 1.5}, {}, TypeError, "batch_size"),
    "learning_rate": ({"learning_rate": -1.0}, {}, ValueError, "learning_rate"),
    "dropout": ({"dropout": 1.0}, {}, ValueError, "dropout"),
    "dropout list": ({"dropout": [0.5, 0.5]}, {}, ValueError, "dropout has 2 values.*3"),
    "max_norm": ({"max_norm": 0.0}, {}, ValueError, "max_norm"),
    "weight_decay": ({"weight_decay": -1.0}, {}, ValueError, "weight_decay"),
    "fraction": ({"validation_fraction": 1.0}, {}, ValueError, "validation_fraction"),
    "dbn": ({"dbn": RBM()}, {}, TypeError, "dbn must be a DBN"),
    "frozen": ({"dbn": FrozenEstimator(RBM())}, {}, TypeError, "dbn must be a DBN"),
    "rows": ({}, {"X": np.full((30, 6), 2.0)}, ValueError, "above 1"),
    "unit": ({"dbn": DBN(rbm=RBM(hidden=units.Softmax([4]))), "layer_sizes": (4,)}, {}, ValueError,
             "Softmax"),
}  # fmt: skip


@pytest.mark.parametrize(("parameters", "data", "error", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(X, y, parameters, data, error, message):
    with pytest.raises(error, match=message):
        DBNClassifier(**QUICK | parameters).fit(data.get("X", X), data.get("y", y))


@pytest.mark.parametrize(
    "call",
    [
        DBNClassifier().predict,
        DBNClassifier().predict_proba,
        DBNRegressor().predict,
        DeepAutoencoder().transform,
        DeepAutoencoder().inverse_transform,
    ],
)
def test_an_unfitted_estimator_says_so(X, call):
    with pytest.raises(NotFittedError, match="instance is not fitted yet"):
        call(X)


def test_classifier_works_in_a_pipeline_and_a_grid(X, y):
    pipeline = make_pipeline(MinMaxScaler(), DBNClassifier(**QUICK))
    grid = {"dbnclassifier__layer_sizes": [(4,), (6, 3)]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(5 * X, y)
    best = search.best_estimator_[-1]
    assert tuple(best.dbn_.layer_sizes) == tuple(best.layer_sizes)
    assert search.predict(5 * X).shape == (30,)


def test_copies_and_pickles_predict_alike(X, y):
    classifier = DBNClassifier(**QUICK).fit(X, y)
    expected = classifier.predict_proba(X)
    np.testing.assert_array_equal(deepcopy(classifier).predict_proba(X), expected)
    assert not hasattr(clone(classifier), "keras_model_")


GAUSSIAN = DBN(rbm=RBM(visible="gaussian", learning_rate=0.001, batch_size=100, n_epochs=1))


@pytest.mark.parametrize(
    "estimator",
    [
        DBNClassifier((16,), GAUSSIAN, n_epochs=8, batch_size=20, learning_rate=0.1),
        DBNRegressor((16,), GAUSSIAN, n_epochs=8, batch_size=20, learning_rate=0.1),
        DeepAutoencoder((4, 2), GAUSSIAN, n_epochs=2, batch_size=100),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_scikit_learn_checks_pass_in_full(estimator):
    check_estimator(estimator, on_skip=None)


def test_an_autoencoder_from_a_random_start_needs_grey_values_too(rng):
    X = rng.standard_normal((40, 5))
    with pytest.raises(ValueError, match=r"Bernoulli units need \[0, 1\]"):
        DeepAutoencoder((3,), pretrain=False, n_epochs=1).fit(X)
    gaussian = DBN((3,), RBM(visible="gaussian"))
    DeepAutoencoder((3,), gaussian, pretrain=False, n_epochs=1).fit(X)
