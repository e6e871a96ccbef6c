"""Answers to the exercises of lesson 10 that are right, and wrong ones that students give."""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from sklearn import datasets as tables
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from dbnlab import DBN, RBM, DBNRegressor, datasets
from dbnlab.datasets import Dataset


def load(text, written_in="utf-8", **options):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(text.encode(written_in))
        return datasets.load_csv(path, **options)


def station(**options):
    lines = [
        f"{i};{10 + i % 7}.5;{'Süd' if i % 3 else 'West'};{i % 5};{'ja' if i % 2 else 'nein'};0.1"
        for i in range(40)
    ]
    text = "\n".join(["Nr;Höhe;Wind;Stufe;Frost;Rest", *lines])
    return load(text, "cp1252", **{"separator": ";", "encoding": "cp1252", **options})


@cache
def sugar():
    frame = tables.load_diabetes(as_frame=True, scaled=False).frame
    return load(frame.to_csv(index=False), target="target", scale="standard")


def all_rows():
    data = sugar()
    return np.concatenate([data.X, data.X_test]), np.concatenate([data.y, data.y_test])


@cache
def regressor(n_epochs=15, test_too=False):
    first = RBM(visible="gaussian", learning_rate=0.005, batch_size=20, n_epochs=10)
    options = {"batch_size": 50, "learning_rate": 0.01, "random_state": 0}
    model = DBNRegressor((20,), DBN(rbm=[first]), n_epochs=n_epochs, **options)
    return model.fit(*all_rows()) if test_too else model.fit(sugar().X, sugar().y)


@cache
def ridge():
    return Ridge().fit(sugar().X, sugar().y)


def with_the_target():
    data = sugar()
    X, X_test = (np.column_stack(pair) for pair in [(data.X, data.y), (data.X_test, data.y_test)])
    return Dataset(X, data.y, X_test, data.y_test, [*data.feature_names, "target"])


def rises(rbm, V, replacement):
    rise = np.empty(V.shape)
    for column in range(V.shape[1]):
        repaired = V.copy()
        repaired[:, column] = replacement[:, column]
        rise[:, column] = rbm.score_samples(repaired) - rbm.score_samples(V)
    return rise


def suspect(rbm, V):
    return rises(rbm, V, rbm.inverse_transform(rbm.transform(V))).argmax(axis=1)


def suspect_without_the_column(rbm, V):
    """What is expected of a column, given the others alone."""
    replacement = np.zeros(V.shape)
    for column in range(V.shape[1]):
        others = V.copy()
        others[:, column] = 0
        for _ in range(5):
            others[:, column] = rbm.inverse_transform(rbm.transform(others))[:, column]
        replacement[:, column] = others[:, column]
    return rises(rbm, V, replacement).argmax(axis=1)


def areas(factor, train, usual, strange, *, scored=None, sign=-1, n_epochs=100, scaled_by=None):
    scale = StandardScaler().fit(train if scaled_by is None else scaled_by)
    rbm = RBM(50, visible="gaussian", batch_size=20, n_epochs=n_epochs, learning_rate=0.003)
    rbm.set_params(random_state=10).fit(factor * scale.transform(train))
    found = []
    for rows in strange:
        both = (scored or factor) * scale.transform(np.concatenate([usual, rows]))
        is_strange = np.arange(len(both)) >= len(usual)
        found.append(roc_auc_score(is_strange, sign * rbm.score_samples(both)))
    return found


@cache
def wine():
    table = tables.load_wine(as_frame=True)
    frame = table.data.assign(cultivar=table.target_names[table.target])
    return load(frame.to_csv(index=False), target="cultivar", scale=None)


def three(**more):
    linear = make_pipeline(StandardScaler(), LogisticRegression())
    return {"floor": DummyClassifier(), "linear": linear, "nearest": KNeighborsClassifier()} | more


def shuffled_wine():
    data = wine()
    y = np.random.default_rng(0).permutation(data.y)
    return Dataset(data.X, y, data.X_test, data.y_test, data.feature_names)


def regressions():
    return {"floor": DummyRegressor(), "ridge": Ridge(), "least squares": LinearRegression()}


RIGHT = {
    "1": {
        "without the row number": lambda: (station(target=-2, ignore=["Nr"]),),
        "without the constant column too": lambda: (station(target="Frost", ignore=["Nr", -1]),),
        "another share to test on, standardised": lambda: (
            station(target=4, ignore=0, test_size=0.3, scale="standard", random_state=1),
        ),
    },
    "2": {
        "DBNRegressor and Ridge": lambda: (regressor(), ridge(), sugar()),
        "a pipeline, more shrinkage": lambda: (
            regressor(),
            make_pipeline(StandardScaler(), Ridge(10)).fit(sugar().X, sugar().y),
            sugar(),
        ),
    },
    "3": {
        "one replacement at a time": (suspect,),
        "expected from the other columns": (suspect_without_the_column,),
    },
    "4": {
        "as asked": (areas,),
        "an array": (lambda *given: np.array(areas(*given)),),
    },
    "5": {
        "three classifiers": lambda: (three(), "linear", wine()),
        "regressions": lambda: (regressions(), "ridge", sugar()),
    },
}
WRONG = {
    "1": {
        "keeps the row number": lambda: (station(target=-2, ignore=["Rest"]),),
        "drops nothing": lambda: (station(target=-2),),
        "another target": lambda: (station(target="Wind", ignore=["Nr"]),),
        "no target": lambda: (station(ignore=["Nr"]),),
        "wrong encoding": lambda: (station(target=-2, ignore=["Nr"], encoding="cp850"),),
        "the path": ("station.csv",),
        "drops a measurement": lambda: (station(target=-2, ignore=["Nr", "Stufe"]),),
    },
    "2": {
        "not trained": lambda: (DBNRegressor(), ridge(), sugar()),
        "hardly trained": lambda: (regressor(n_epochs=1), ridge(), sugar()),
        "Ridge twice": lambda: (ridge(), ridge(), sugar()),
        "a regression on nothing": lambda: (
            regressor(),
            Ridge(alpha=1e9).fit(sugar().X, sugar().y),
            sugar(),
        ),
        "the target among the columns": lambda: (regressor(), ridge(), with_the_target()),
        "a typed number": lambda: (0.33, 0.33, sugar()),
        "Ridge on the test rows": lambda: (
            regressor(),
            Ridge().fit(sugar().X_test, sugar().y_test),
            sugar(),
        ),
        "Ridge on all rows": lambda: (regressor(), Ridge().fit(*all_rows()), sugar()),
        "DBNRegressor on all rows": lambda: (regressor(test_too=True), ridge(), sugar()),
        "a pair of arrays": lambda: (regressor(), ridge(), (sugar().X, sugar().y)),
    },
    "3": {
        "the largest value": (lambda rbm, V: np.abs(V).argmax(axis=1),),
        "the first columns": (lambda rbm, V: np.arange(len(V)),),
        "the smallest rise": (
            lambda rbm, V: rises(rbm, V, rbm.inverse_transform(rbm.transform(V))).argmin(axis=1),
        ),
        "the first row alone": (lambda rbm, V: suspect(rbm, V)[0],),
        "the highest score of a row": (
            lambda rbm, V: rises(rbm, V, np.zeros(V.shape)).argmax(axis=0),
        ),
    },
    "4": {
        "the factor is ignored": (lambda factor, *given: areas(1, *given),),
        "the factor on training rows alone": (
            lambda factor, *given: areas(factor, *given, scored=1),
        ),
        "high scores taken for strange": (lambda *given: areas(*given, sign=1),),
        "in the other order": (lambda *given: areas(*given)[::-1],),
        "one of the two": (lambda *given: areas(*given)[:1],),
        "scaled by all rows": (
            lambda factor, train, usual, strange: areas(
                factor, train, usual, strange, scaled_by=np.concatenate([train, usual, *strange])
            ),
        ),
        "rows of training for usual ones": (
            lambda factor, train, usual, strange: areas(factor, train, train, strange),
        ),
        "trained on the usual rows": (
            lambda factor, train, usual, strange: areas(factor, usual, usual, strange),
        ),
        "not trained": (lambda *given: areas(*given, n_epochs=1),),
        "constants": (lambda *given: [0.96, 0.92],),
    },
    "5": {
        "two models": lambda: (
            {"floor": DummyClassifier(), "a": KNeighborsClassifier()},
            "a",
            wine(),
        ),
        "a list of models": lambda: (list(three().values()), "linear", wine()),
        "a model for its name": lambda: (three(), three()["linear"], wine()),
        "no floor": lambda: (
            {f"{k} neighbours": KNeighborsClassifier(k) for k in (1, 3, 5)},
            "3 neighbours",
            wine(),
        ),
        "the floor": lambda: (three(), "floor", wine()),
        "not compared": lambda: (three(), "boosting", wine()),
        "far from the best": lambda: (
            three(stump=DecisionTreeClassifier(max_depth=1)),
            "stump",
            wine(),
        ),
        "nothing to learn": lambda: (three(), "linear", shuffled_wine()),
    },
}
