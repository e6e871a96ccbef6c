"""Checks of the exercises of lesson 10: what is wrong with an answer, or None."""

import numpy as np
from sklearn import datasets as tables
from sklearn.base import clone, is_classifier
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score

from dbnlab import RBM, DBNRegressor
from dbnlab.course.exercises import fault_of

STATION = {"Höhe", "Stufe", "Wind_Süd", "Wind_West"}


def exercise_1(station):
    if not hasattr(station, "feature_names"):
        return f"station must be what load_csv returns, got {type(station).__name__}"
    names = set(station.feature_names)
    if "Nr" in names:
        return "the column that numbers the rows is among the features: ignore it"
    if any(name.startswith("Frost") for name in names):
        return "the column to predict is among the features"
    # The constant last column may stay or go.
    if names - {"Rest"} != STATION:
        return f"the features are {sorted(names)}: look at the umlauts, and at what is left out"
    if station.y is None:
        return "there is no target"
    y = np.concatenate([station.y, station.y_test])
    if set(y.tolist()) != {"ja", "nein"}:
        return f"the target holds {sorted(set(y.tolist()))[:5]}: choose the second-last column"
    return fault_of("number of training and test rows", len(y), 40)


def exercise_2(regressor, ridge, sugar):
    if not hasattr(sugar, "X_test"):
        return f"sugar must be what load_csv returns, got {type(sugar).__name__}"
    targets = tables.load_diabetes(scaled=False).target
    X, y = (np.concatenate([a, b]) for a, b in [(sugar.X, sugar.X_test), (sugar.y, sugar.y_test)])
    if sorted(y.tolist()) != sorted(targets.tolist()):
        return "sugar.y and sugar.y_test are not the target column of the table"
    # The columns come as the file has them; a target among them can be told by its values.
    if X.shape[1] != 10 or max(abs(np.corrcoef(X.T, y)[-1, :-1])) > 0.9:
        return "sugar.X must hold the ten columns beside the target"
    kinds = {"regressor": (regressor, DBNRegressor), "ridge": (ridge, Ridge)}
    for name, (model, kind) in kinds.items():
        if not isinstance(getattr(model, "steps", [[model]])[-1][-1], kind):
            return f"{name} must be a {kind.__name__}, got {type(model).__name__}"
        score = model.score(sugar.X_test, sugar.y_test)
        # Over 10 splits by random_state, DBNRegressor (all defaults, or as in the solution) and
        # Ridge reach 0.32 to 0.61.
        if score < 0.2:
            return (
                f"{name} explains {score:.2f} of the variance on the test rows: 0.2 is too little"
            )
        if score > 0.75:
            return f"{name} explains {score:.2f} of the variance: has it seen the test rows?"
    # Both tell on which rows they were fitted.
    last = getattr(regressor, "steps", [[regressor]])[-1][-1]
    moved = np.abs(np.ravel(last.target_mean_) - sugar.y.mean()).max()
    again = clone(ridge).fit(sugar.X, sugar.y).predict(sugar.X_test)
    off = np.abs(again - ridge.predict(sugar.X_test)).max()
    for name, wrong in (("regressor", moved > 1e-3), ("ridge", off > 0.5)):
        if wrong:
            return (
                f"{name} was not fitted on sugar.X, sugar.y: the test rows are for the score only"
            )
    return None


def exercise_3(suspect):
    rng = np.random.default_rng(0)

    def rows(n):
        # Two groups of four columns, each following one cause.
        return np.repeat(rng.standard_normal((n, 2)), 4, axis=1) + 0.3 * rng.standard_normal((n, 8))

    rbm = RBM(20, visible="gaussian", learning_rate=0.02, n_epochs=150, batch_size=20)
    rbm.set_params(random_state=0).fit(rows(300))
    to_blame = np.array([3, 0, 6, 5, 2, 7, 1, 4, 0, 3, 6])
    V = np.tile(np.repeat([[1.5, -1.5]], 4, axis=1), (len(to_blame), 1))
    V += 0.05 * rng.standard_normal(V.shape)
    V[np.arange(len(V)), to_blame] *= -0.8  # an ordinary value, but not in this row
    given = V.copy()
    found = suspect(rbm, V)
    if not np.array_equal(V, given):
        return "suspect changes the rows it is given: work on a copy"
    return fault_of(
        "the column to blame",
        found,
        to_blame,
        mistakes={"the largest value need not be the wrong one": np.abs(V).argmax(axis=1)},
        choice=True,
    )


def exercise_4(areas):
    rng = np.random.default_rng(4)
    mixing = rng.standard_normal((2, 5))

    def rows(n):
        return 3 + rng.standard_normal((n, 2)) @ mixing + 0.3 * rng.standard_normal((n, 5))

    # The usual rows spread more than those trained on: it shows which were scaled or scored.
    train, usual = rows(160), 3 + 1.5 * (rows(90) - 3)
    strange = [rows(70) + 2.5, rng.permuted(usual[:80], axis=0)]
    at_1, at_3 = (_areas(factor, train, usual, strange) for factor in (1, 3))
    for factor, expected in [(1, at_1), (3, at_3)]:
        mistakes = {"a low score is strange, not a high one": 1 - expected}
        mistakes["one area for each kind, in the order given"] = expected[::-1]
        if factor == 3:
            mistakes["the factor changes nothing"] = at_1
        # Six other seeds of the RBM move the areas by up to 0.02 here.
        found = areas(factor, train, usual, strange)
        fault = fault_of(f"areas at factor {factor}", found, expected, tol=0.05, mistakes=mistakes)
        if fault:
            return fault
    return None


def _areas(factor, train, usual, strange):
    scale, shift = factor / train.std(axis=0), train.mean(axis=0)
    rbm = RBM(50, visible="gaussian", batch_size=20, n_epochs=100, learning_rate=0.003)
    rbm.set_params(random_state=10).fit((train - shift) * scale)
    scores = [rbm.score_samples((V - shift) * scale) for V in (usual, *strange)]
    return np.array(
        [
            roc_auc_score(np.repeat([0, 1], [len(usual), len(s)]), -np.concatenate([scores[0], s]))
            for s in scores[1:]
        ]
    )


def exercise_5(models, chosen, data):
    if not isinstance(models, dict) or not isinstance(chosen, str):
        return "models must be a dict from names to models, and the verdict one of the names"
    if len(models) < 3:
        return f"compare at least three models, there are {len(models)}"
    if chosen not in models:
        return f"the verdict must be one of {list(models)}"
    fitted = {name: clone(model).fit(data.X, data.y) for name, model in models.items()}
    guesses = {name: model.predict(data.X_test) for name, model in fitted.items()}
    constant = [name for name, guess in guesses.items() if len(set(guess.tolist())) == 1]
    if not constant:
        return "the most frequent class (or the mean) is not among the models"
    floor = constant[0]
    if chosen in constant:
        return "the verdict is a model that says the same of every row"
    folds = {n: cross_val_score(m, data.X, data.y, cv=3) for n, m in models.items() if n != floor}
    best = max(folds, key=lambda name: folds[name].mean())
    behind = folds[best].mean() - folds[chosen].mean()
    if behind > 0.02 + folds[best].std():
        return f"{chosen} is {behind:.2f} behind {best} in three folds of the training rows"
    # Now the test rows, once.
    if is_classifier(models[chosen]):
        losses = {name: guess != data.y_test for name, guess in guesses.items()}
    else:
        losses = {name: (guess - data.y_test) ** 2 for name, guess in guesses.items()}
    gained = losses[floor].astype(float) - losses[chosen]
    if not gained.mean() > 2 * gained.std() / np.sqrt(len(gained)):
        return f"on the test rows {chosen} is not clearly better than {floor}"
    return None
