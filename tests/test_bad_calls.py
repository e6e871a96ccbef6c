"""What is no argument is refused before anything is trained, in a sentence that names it.

A row of the table is a call, with the word that its error must hold at the end of the key, and the
values that it refuses. Add a value, or a call, in one line.
"""

import copy
import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.frozen import FrozenEstimator

from dbnlab import (
    DBN,
    RBM,
    DBNClassifier,
    DBNRegressor,
    DeepAutoencoder,
    datasets,
    denoise,
    keras_network,
    learning,
    likelihood,
    units,
    up_down,
)
from dbnlab.course import expect, plots, slider
from dbnlab.datasets import speech, volumes
from dbnlab.novelty import NoveltyDetector

# Words of a message that explain nothing to a reader who does not know the code.
RIDDLES = (
    r"ufunc|has no attribute|ambiguous|broadcast|not iterable|not subscriptable|unhashable|"
    r"signature|object is not|supported between|unsupported operand|concatenate|out of bounds"
)
X = (np.random.default_rng(0).random((30, 6)) < 0.4).astype(float)
Y = np.arange(30) % 3
IMAGES = X.reshape(30, 2, 3)
VOLUME = np.zeros((9, 9, 9), dtype=np.float32)
NAN, INF, DATE = np.nan, np.inf, np.datetime64("2020-01-01")

# Values that an argument of a kind refuses.
NO_INTEGER = [None, "x", 2.5, NAN, INF, True, 1j, [], [1], {}, DATE, np.ones(2), sp.eye(2)]
NO_NUMBER = [None, "x", True, 1j, [], {}, DATE, np.ones((2, 2)), sp.eye(2)]
COUNT = {TypeError: NO_INTEGER, ValueError: [0, -1, 10**30]}
COUNT_OR_NONE = {TypeError: NO_INTEGER[1:], ValueError: [0, -1, 10**400]}
COUNT_OR_ZERO = {TypeError: NO_INTEGER, ValueError: [-1, 2**63]}
RATE = {TypeError: NO_NUMBER, ValueError: [0, -1, -0.5, NAN, INF, 10**400]}
SHARE = {TypeError: NO_NUMBER, ValueError: [0, 1, 1.5, -0.1, NAN, INF]}
AMOUNT = {TypeError: NO_NUMBER, ValueError: [-1, -1e-9, NAN, INF, np.float32("nan")]}
CHOICE = {ValueError: ["x", "", None, 1, True, [], {}, b"cd", DATE, np.ones(2), sp.eye(2)]}
FLAG = {TypeError: ["yes", "", None, 0, 1, [], NAN, np.ones(2), sp.eye(2)]}
SEED = {TypeError: ["0", 0.5, True, [], NAN, DATE, {}], ValueError: [-1, -(2**70)]}
VERBOSE = {TypeError: [None, "x", 0.5, [], NAN], ValueError: [-1]}
PATH = {TypeError: [None, 3, 2.5, [], {}, True, np.ones(2)]}
SIZES = {
    TypeError: [None, 3, "x", [], (), [2.5], [None], ["x"], [True], {}, np.array(3), np.ones(2)]
}
SIZES |= {ValueError: [[0], [3, -1], (10**30,)]}
MODEL = {TypeError: [None, "x", 3, X, [], RBM, object()]}
LOG_Z = {TypeError: [None, "3", [1.0], (), {}, True, 1j, np.ones(2), DATE], ValueError: [NAN, INF]}

# Tables of six columns that are no table of numbers.
TABLE = {
    ValueError: [
        *(None, "x", b"x", 3, 2.5, {}, [], [[]], X[0], X[None], X[:0], X[:, :0], object()),
        *([[1, 0], [1]], np.where(X == 1, NAN, X), np.where(X == 1, INF, X), X.astype(complex)),
        *(X.astype(str), np.full((3, 6), "a", dtype=object), [["a", 0, 1, 0, 1, 0]], [[None] * 6]),
        *(pd.Series(X[0]), np.ma.masked_equal(X, 1), np.zeros((3, 6), "V4"), [[10**400] * 6]),
        pd.DataFrame({name: ["a", "b"] for name in "abcdef"}),
        pd.DataFrame({name: pd.Categorical(["a", "b"]) for name in "abcdef"}),
    ],
    TypeError: [
        *(X.astype("datetime64[s]"), X.astype("timedelta64[s]"), np.full((3, 6), date(2020, 1, 1))),
        *(sp.csr_matrix(X), sp.csr_array(X), [[object()] * 6] * 2),
        pd.DataFrame({name: pd.to_datetime(["2020-01-01"] * 2) for name in "abcdef"}),
        pd.DataFrame({name: pd.to_timedelta([1, 2]) for name in "abcdef"}),
        pd.DataFrame({"a": [DATE] * 2, **dict.fromkeys("bcdef", 0.0)}),
    ],
}
OTHER_WIDTH = {ValueError: [X[:, :5], np.hstack([X, X])]}
BEYOND = {ValueError: [X + 1, -X, 255 * X, X * (1 + 1e-5), X - 1e-5, [[2**70] * 6]]}
BEYOND[ValueError] += [[[Fraction(3, 2)] * 6], [[Decimal("1.00001")] * 6]]
CODES = {ValueError: [None, "x", 3, [], X[0, :3], X, [["a"] * 3], [[NAN] * 3], [[2.0] * 3]]}
CODES |= {TypeError: [X[:, :3].astype("datetime64[s]"), sp.csr_matrix(X[:, :3])]}
LABELS = {
    ValueError: [
        *(None, "x", 3, 2.5, [], [1], Y[:5], np.eye(30), {}, Y.astype(complex), [[1, 2], [3]]),
        *(np.where(Y == 1, NAN, Y), np.linspace(0, 1, 30)),
        *(["a", None, "b"] * 10, [1, "a", None] * 10, np.array([0, 1, None] * 10)),
    ],
    TypeError: [
        *([1, "a", 2] * 10, ["a", NAN, "b"] * 10),
        *(np.array([1, "a", 2] * 10, dtype=object), pd.Series([0, "b"] * 15), sp.csr_matrix(Y)),
    ],
}
ONE_CLASS = {ValueError: [np.zeros(30), ["a"] * 30]}
TARGETS = {
    ValueError: [None, [], Y[:5], np.where(Y == 1, NAN, Y), ["a"] * 30, Y.astype(complex)],
    TypeError: [3, Y.astype("datetime64[s]"), sp.csr_matrix(Y)],
}
BIAS = {
    ValueError: [None, "x", [], [NAN] * 6, np.ones(5), np.ones((6, 1)), ["a"] * 6, [10**400] * 6]
}
BIAS |= {TypeError: [3, np.full(6, DATE), sp.csr_matrix(X[0])]}
PICTURES = {
    ValueError: [None, "x", 3, [], X[0], np.zeros((1, 2, 3, 4)), X.astype(int), 20.0 * IMAGES]
}


@pytest.fixture(scope="module")
def m():
    """Fitted models, made once."""
    few = {"n_epochs": 1, "random_state": 0}
    dbn = DBN((4, 3), RBM(n_epochs=1), random_state=0).fit(X)
    small = {"layer_sizes": (4, 3), "dbn": FrozenEstimator(dbn), **few}
    gaussian = RBM(3, visible="gaussian", **few)
    return SimpleNamespace(
        rbm=RBM(3, **few).fit(X),
        gaussian=gaussian.fit(X),
        words=RBM(3, visible=units.ReplicatedSoftmax(6), **few).fit(X + 1),
        dbn=dbn,
        labels=DBN((4, 3), RBM(n_epochs=1), joint_labels=True, random_state=0).fit(X, Y),
        novelty=NoveltyDetector(RBM(3, **few), 0.3, random_state=0).fit(X),
        classifier=DBNClassifier(**small).fit(X, Y),
        autoencoder=DeepAutoencoder(**small).fit(X),
        patches=denoise.PatchDenoiser(RBM(3, visible="gaussian", **few), size=2).fit(IMAGES),
    )


@pytest.fixture
def untrained(monkeypatch, m):
    """Nothing is trained from here on."""

    def train(*args, **kwargs):
        raise AssertionError("training began")

    for module, name in ((learning, "train"), (up_down, "train"), (keras_network, "batches")):
        monkeypatch.setattr(module, name, train)


def parameters(kind, values, fit=lambda estimator: estimator.fit(X), **others):
    """Rows of the table for the parameters of an estimator."""

    def call(name):
        return lambda m, value: fit(kind(**others | {name: value}))

    return {f"{kind.__name__} {name}": (call(name), bad) for name, bad in values.items()}


OF_RBM = {
    **{"n_hidden": COUNT, "n_gibbs": COUNT, "learn_variance": FLAG, "verbose": VERBOSE},
    **dict.fromkeys(["n_chains", "batch_size", "n_epochs"], COUNT_OR_NONE),
    **dict.fromkeys(["hidden", "algorithm", "backend", "dtype"], CHOICE),
    **dict.fromkeys(["weight_decay", "sparsity_cost"], AMOUNT),
    "learning_rate": {
        TypeError: ["x", True, 1j, {}, DATE, ["x"], [None], [True], np.array(1.0)],
        ValueError: [0, -1, NAN, INF, [], [0.1, 0.1], [NAN], [-1.0], [INF], 10**400],
    },
    "momentum": {TypeError: NO_NUMBER[:3], ValueError: [1, -0.1, NAN, INF, [], [0.5, 0.5], [1.0]]},
    "validation_fraction": {TypeError: NO_NUMBER, ValueError: [1, -0.1, NAN, 0.001, 0.999]},
    "sparsity_target": {TypeError: NO_NUMBER[1:], ValueError: SHARE[ValueError]},
    "draw_visible": {TypeError: FLAG[TypeError][:2] + FLAG[TypeError][3:]},
    "visible": {
        TypeError: [None, 3, True, [], {}, units.Bernoulli, RBM(), DATE, np.ones(2), sp.eye(2)],
        ValueError: ["x", "", "Bernoulli", units.Bernoulli(5), units.Softmax((2, 2))],
    },
    "random_state": SEED,
}
OF_DBN = {
    **{"layer_sizes": SIZES, "propagate": CHOICE, "backend": CHOICE, "joint_labels": FLAG},
    **{"random_state": SEED, "verbose": VERBOSE},
    "rbm": {TypeError: ["x", 3, X, [3], RBM, True, DATE], ValueError: [[], [RBM(), RBM()]]},
}
OF_NETWORK = {
    **{"learning_rate": RATE, "random_state": SEED, "pretrain": FLAG, "verbose": VERBOSE},
    **dict.fromkeys(["n_epochs", "batch_size"], COUNT_OR_NONE),
    "dbn": {TypeError: ["x", 3, RBM(), DBN, [], FrozenEstimator(RBM())]},
    "layer_sizes": SIZES,
}
OF_FINE_TUNED = OF_NETWORK | {
    **{"early_stopping": FLAG, "validation_fraction": SHARE},
    "max_norm": {TypeError: NO_NUMBER[1:], ValueError: RATE[ValueError]},
    "weight_decay": {TypeError: NO_NUMBER[1:], ValueError: AMOUNT[ValueError]},
    "dropout": {
        TypeError: NO_NUMBER[:4],
        ValueError: [1, -0.1, NAN, [], [0.1], [0.1, 1.0], [0.1] * 3],
    },
}
CALLS = {
    **parameters(RBM, OF_RBM, **{"n_hidden": 3, "n_epochs": 1}),
    **parameters(DBN, OF_DBN, layer_sizes=(3,)),
    **parameters(DBNClassifier, OF_FINE_TUNED, lambda e: e.fit(X, Y), layer_sizes=(3,)),
    **parameters(DBNRegressor, OF_FINE_TUNED, lambda e: e.fit(X, Y), layer_sizes=(3,)),
    **parameters(DeepAutoencoder, OF_NETWORK, layer_sizes=(3,)),
    **parameters(
        NoveltyDetector,
        {"false_alarm_rate": SHARE, "validation_fraction": SHARE, "random_state": SEED}
        | {"model": {TypeError: ["x", 3, [], {}, X, RBM, FrozenEstimator(3)]}},
    ),
    # Rows ---------------------------------------------------------------------------------------
    "RBM.fit X": (lambda m, v: RBM(3).fit(v), TABLE),
    "RBM.fit, Bernoulli, data": (lambda m, v: RBM(3).fit(v), BEYOND),
    "RBM.partial_fit X": (lambda m, v: RBM(3).partial_fit(v), TABLE),
    "RBM.fit, Gaussian, X": (lambda m, v: RBM(3, visible="gaussian").fit(v), TABLE),
    "RBM.fit of batches X": (lambda m, v: RBM(3).fit([X, v]), {
        ValueError: [X[0], X[:, :5], X + NAN, X.astype(str), np.ma.masked_equal(X, 1), None],
        TypeError: [X.astype("datetime64[s]"), sp.csr_matrix(X), {"rows": X}],
    }),
    "RBM.fit of an iterator X": (lambda m, v: RBM(3).fit(v(X)), {TypeError: [iter]}),
    "RBM.transform X": (lambda m, v: m.rbm.transform(v), TABLE),
    "RBM.transform, other X": (lambda m, v: m.rbm.transform(v), OTHER_WIDTH),
    "RBM.transform data": (lambda m, v: m.rbm.transform(v), BEYOND),
    "RBM.transform, Gaussian, X": (lambda m, v: m.gaussian.transform(v), TABLE),
    "RBM.free_energy V": (lambda m, v: m.rbm.free_energy(v), TABLE),
    "RBM.score_samples V": (lambda m, v: m.rbm.score_samples(v), TABLE),
    "RBM.energy V": (lambda m, v: m.rbm.energy(v, X[:, :3]), TABLE),
    "RBM.energy H|data": (lambda m, v: m.rbm.energy(X, v), CODES),
    "RBM.inverse_transform H|data": (lambda m, v: m.rbm.inverse_transform(v), CODES),
    "RBM.reconstruct X": (lambda m, v: m.rbm.reconstruct(v), TABLE),
    "RBM.gibbs V": (lambda m, v: m.rbm.gibbs(v), TABLE),
    "RBM.sample init": (lambda m, v: m.rbm.sample(3, 1, init=v), {
        ValueError: ["x", 3, [], X[0], X[:2], X[:3, :5], X[:3] + NAN],
        TypeError: [X[:3].astype("datetime64[s]"), sp.csr_matrix(X[:3])],
    }),
    "RBM.transform word": (
        lambda m, v: m.words.transform(v), {ValueError: [X + 0.5, X - 1, 0 * X, X + 1 + 1e-9]},
    ),
    "DBN.fit X": (lambda m, v: DBN((3,)).fit(v), TABLE),
    "DBN.fit of batches X": (lambda m, v: DBN((3,)).fit(v), {TypeError: [[X, X], iter([X]), {1}]}),
    "DBN.transform X": (lambda m, v: m.dbn.transform(v), TABLE),
    "DBN.predict X": (lambda m, v: m.labels.predict(v), TABLE),
    "DBN.predict, other X": (lambda m, v: m.labels.predict(v), OTHER_WIDTH),
    "DBN.reconstruct data": (lambda m, v: m.dbn.reconstruct(v), BEYOND),
    "DBN.score_samples X": (lambda m, v: m.dbn.score_samples(v), TABLE),
    "DBN.inverse_transform H|data": (lambda m, v: m.dbn.inverse_transform(v), CODES),
    "DBN.up_down X": (lambda m, v: copy.deepcopy(m.dbn).up_down(v), TABLE),
    "NoveltyDetector.fit X": (lambda m, v: NoveltyDetector(RBM(3), 0.3).fit(v), TABLE),
    "NoveltyDetector.predict X": (lambda m, v: m.novelty.predict(v), TABLE),
    "DBNClassifier.fit X": (lambda m, v: DBNClassifier((3,)).fit(v, Y), TABLE),
    "DBNClassifier.predict X": (lambda m, v: m.classifier.predict(v), TABLE),
    "DBNRegressor.fit X": (lambda m, v: DBNRegressor((3,)).fit(v, Y), TABLE),
    "DeepAutoencoder.fit X": (lambda m, v: DeepAutoencoder((3,)).fit(v), TABLE),
    "DeepAutoencoder.transform, other X": (lambda m, v: m.autoencoder.transform(v), OTHER_WIDTH),
    "DeepAutoencoder.inverse_transform H": (
        lambda m, v: m.autoencoder.inverse_transform(v), {ValueError: CODES[ValueError][:-1]},
    ),
    "DBNClassifier.fit X_unlabelled": (lambda m, v: DBNClassifier((3,)).fit(X, Y, v), {
        ValueError: ["x", 3, [], X[0], X[:, :5], X + NAN],
        TypeError: [X.astype("datetime64[s]"), sp.csr_matrix(X)],
    }),
    # Labels and targets -------------------------------------------------------------------------
    "DBN.fit y": (lambda m, v: DBN((3,), joint_labels=True).fit(X, v), LABELS),
    "DBN.fit, one class, y": (lambda m, v: DBN((3,), joint_labels=True).fit(X, v), ONE_CLASS),
    "DBN.up_down y": (lambda m, v: copy.deepcopy(m.labels).up_down(X, v), LABELS),
    "DBN.up_down, unknown y": (
        lambda m, v: copy.deepcopy(m.labels).up_down(X, v), {ValueError: [Y + 1, ["a"] * 30]},
    ),
    "DBN.score y": (lambda m, v: m.labels.score(X, v), LABELS),
    "DBN.score samples|sample_weight": (lambda m, v: m.labels.score(X, Y, v), {
        ValueError: [[1.0], np.ones(5), np.full(30, NAN)],
    }),
    "DBN.sample label": (lambda m, v: m.labels.sample(3, v, 1), {
        ValueError: ["x", 7, 2.5, NAN, [], [0, 1], {}, 1j, DATE, [[0]], ["a", 0, 1]],
    }),
    "DBN.sample without labels label": (lambda m, v: m.dbn.sample(3, v), {ValueError: [0, "x"]}),
    "DBNClassifier.fit y": (lambda m, v: DBNClassifier((3,)).fit(X, v), LABELS),
    "DBNClassifier.score y": (lambda m, v: m.classifier.score(X, v), LABELS),
    "DBNClassifier.fit, one class, y": (lambda m, v: DBNClassifier((3,)).fit(X, v), ONE_CLASS),
    "DBNClassifier class_weight": (lambda m, v: DBNClassifier((3,), class_weight=v).fit(X, Y), {
        ValueError: [{0: -1.0}, {0: NAN}],
    }),
    "DBNRegressor.fit y": (lambda m, v: DBNRegressor((3,)).fit(X, v), TARGETS),
    # Arguments of methods -----------------------------------------------------------------------
    "RBM.gibbs n_steps": (lambda m, v: m.rbm.gibbs(X, v), COUNT_OR_ZERO),
    "RBM.gibbs random_state": (lambda m, v: m.rbm.gibbs(X, random_state=v), SEED),
    "RBM.reconstruct n_gibbs": (lambda m, v: m.rbm.reconstruct(X, v), COUNT),
    "RBM.reconstruct random_state": (lambda m, v: m.rbm.reconstruct(X, random_state=v), SEED),
    "RBM.sample n_samples": (lambda m, v: m.rbm.sample(v), COUNT),
    "RBM.sample n_gibbs": (lambda m, v: m.rbm.sample(3, v), COUNT_OR_ZERO),
    "RBM.sample random_state": (lambda m, v: m.rbm.sample(3, random_state=v), SEED),
    "RBM.fit PathLike": (lambda m, v: RBM(3).fit(X, checkpoint=v), {TypeError: [2.5, [], {}]}),
    "RBM.fit strategy": (lambda m, v: RBM(3).fit(X, strategy=v), {ValueError: ["x", 1]}),
    "RBM.save PathLike": (lambda m, v: m.rbm.save(v), PATH),
    "RBM.load PathLike": (lambda m, v: RBM.load(v), PATH),
    "RBM.load no-such-file": (lambda m, v: RBM.load(v), {
        FileNotFoundError: ["no-such-file", "no-such-file/x"],
    }),
    "RBM.from_arrays weights": (lambda m, v: RBM.from_arrays(v, X[0], X[0, :3]), {
        ValueError: [None, "x", 3, [], [[]], X[0], X[None], X + NAN, [["a"]], X.astype(complex)],
        TypeError: [X.astype("datetime64[s]"), sp.csr_matrix(X), [[object()]]],
    }),
    "RBM.from_arrays visible_bias": (lambda m, v: RBM.from_arrays(X[:6, :3], v, X[0, :3]), BIAS),
    "RBM.from_arrays hidden_bias": (lambda m, v: RBM.from_arrays(X[:3], X[0, :3], v), BIAS),
    "RBM.from_arrays visible": (
        lambda m, v: RBM.from_arrays(X[:6], X[0], X[0], visible=v), OF_RBM["visible"],
    ),
    "RBM.from_arrays hidden": (lambda m, v: RBM.from_arrays(X[:6], X[0], X[0], hidden=v), CHOICE),
    "RBM.from_arrays dtype": (lambda m, v: RBM.from_arrays(X[:6], X[0], X[0], dtype=v), CHOICE),
    "DBN.from_rbms rbms": (lambda m, v: DBN.from_rbms(v), {
        TypeError: [None, 3, "x", X, [3], [RBM], {}, DBN(), True],
        ValueError: [[], ()],
    }),
    "DBN.from_rbms random_state": (lambda m, v: DBN.from_rbms([m.rbm], v), SEED),
    "DBN.from_rbms layer": (lambda m, v: DBN.from_rbms(v * [m.rbm]), {ValueError: [2, 3]}),
    "DBN.transform layer": (lambda m, v: m.dbn.transform(X, v), {
        TypeError: NO_INTEGER, ValueError: [2, -3, 10**30],
    }),
    **{
        f"DBN.up_down {name}": (
            lambda m, v, name=name: copy.deepcopy(m.dbn).up_down(X, **{name: v}), bad,
        )
        for name, bad in {
            **{"n_epochs": COUNT, "batch_size": COUNT, "learning_rate": RATE, "random_state": SEED},
            "n_gibbs": {TypeError: ["x", None, 2.5, True, ["x"], [2.5]], ValueError: [0, [], [0]]},
        }.items()
    },
    **{
        f"DBN.sample {name}": (
            lambda m, v, name=name: m.dbn.sample(**{"n_samples": 3} | {name: v}), bad,
        )
        for name, bad in {
            **{"n_samples": COUNT, "n_gibbs": COUNT_OR_ZERO, "random_state": SEED},
            "label_strength": RATE,
            "init": {ValueError: ["x", 3, [], X[0], X[:2], X[:3, :5], X[:3] + NAN]},
        }.items()
    },
    "DBN bound log_z": (lambda m, v: m.dbn.log_likelihood_bound(X, v), LOG_Z),
    "DBN bound n_samples": (lambda m, v: m.dbn.log_likelihood_bound(X, 1.0, v), {
        TypeError: NO_INTEGER, ValueError: [1, 0, -1, 10**30],
    }),
    "DBN bound random_state": (
        lambda m, v: m.dbn.log_likelihood_bound(X, 1.0, random_state=v), SEED,
    ),
    "DBN.to_keras head": (lambda m, v: m.dbn.to_keras(v), {
        TypeError: ["softmax", 2.0, True, [], [10], {}, NAN, DATE, np.array(3), RBM],
        ValueError: [1, 0, -1, 10**30],
    }),
    "DBN.save PathLike": (lambda m, v: m.dbn.save(v), PATH),
    "DBN.load PathLike": (lambda m, v: DBN.load(v), PATH),
    "DBN.fit PathLike": (lambda m, v: DBN((3,), random_state=0).fit(X, checkpoint=v), {
        TypeError: [2.5, [], b"x", 3],
    }),
    # Likelihoods --------------------------------------------------------------------------------
    "log_partition rbm|stack": (
        lambda m, v: likelihood.log_partition(v), {TypeError: [*MODEL[TypeError], DBN()]},
    ),
    "log_likelihood rbm": (lambda m, v: likelihood.log_likelihood(v, X, 1.0), MODEL),
    "pseudo_log_likelihood rbm": (lambda m, v: likelihood.pseudo_log_likelihood(v, X), MODEL),
    "exact_gradient rbm": (lambda m, v: likelihood.exact_gradient(v, X), MODEL),
    "at_length rbm": (lambda m, v: likelihood.at_length(v, 3), MODEL),
    "at_length, not of words, ReplicatedSoftmax": (
        lambda m, v: likelihood.at_length(m.rbm, v), {TypeError: [3]},
    ),
    "at_length length": (lambda m, v: likelihood.at_length(m.words, v), COUNT),
    "log_partition of words length": (
        lambda m, v: likelihood.log_partition(m.words, v), {ValueError: ["ais", "exact"]},
    ),
    **{
        f"log_partition {name}": (
            lambda m, v, name=name: likelihood.log_partition(m.rbm, **{name: v}), bad,
        )
        for name, bad in {
            **{"method": CHOICE, "base": CHOICE, "random_state": SEED},
            "n_betas": {TypeError: NO_INTEGER, ValueError: [1, 0, -1, 10**30]},
            "n_chains": {TypeError: NO_INTEGER, ValueError: [1, 0, -1, 10**30]},
            "X": {error: [x for x in bad if x is not None] for error, bad in TABLE.items()},
        }.items()
    },
    "log_partition, any base, X": (
        lambda m, v: likelihood.log_partition(m.rbm, base="uniform", X=v), {ValueError: [5, X[0]]},
    ),
    "log_likelihood X": (lambda m, v: likelihood.log_likelihood(m.rbm, v, 1.0), TABLE),
    "log_likelihood log_z": (lambda m, v: likelihood.log_likelihood(m.rbm, X, v), LOG_Z),
    "log_likelihood of words log.Z": (lambda m, v: likelihood.log_likelihood(m.words, X + 1, v), {
        TypeError: [None, 3.0, "x", [1.0]],
    }),
    "log_likelihood of words log_z": (
        lambda m, v: likelihood.log_likelihood(m.words, X + 1, dict.fromkeys(range(5, 13), v)),
        {TypeError: [None, "3", [1.0]], ValueError: [NAN, INF]},
    ),
    "pseudo_log_likelihood X": (lambda m, v: likelihood.pseudo_log_likelihood(m.rbm, v), TABLE),
    "pseudo_log_likelihood of means, X": (
        lambda m, v: likelihood.pseudo_log_likelihood(m.rbm, v), {ValueError: [X / 2]},
    ),
    "exact_gradient X": (lambda m, v: likelihood.exact_gradient(m.rbm, v), TABLE),
    # Units --------------------------------------------------------------------------------------
    "Bernoulli n_units": (
        lambda m, v: units.Bernoulli(v), {TypeError: NO_INTEGER, ValueError: [0, -1]},
    ),
    "Gaussian n_units": (
        lambda m, v: units.Gaussian(v), {TypeError: NO_INTEGER, ValueError: [0, -1]},
    ),
    "Gaussian variance": (lambda m, v: units.Gaussian(2, v), {
        ValueError: [
            *(None, "x", True, 1j, {}, DATE, [], 0, -1, NAN, INF, [1.0, 0.0], [1.0], np.eye(2)),
            *([1.0, None], [1.0, "x"], np.full(2, DATE), 10**400, object()),
        ],
    }),
    "Softmax sizes": (lambda m, v: units.Softmax(v), {
        TypeError: [None, "x", 2.5, NAN, True, 1j, {}, DATE, [2.5], [2, "x"]],
        ValueError: [1, 0, -1, [], (), [2, 1]],
    }),
    "Multinomial n_units": (lambda m, v: units.Multinomial(v, 3), {
        TypeError: NO_INTEGER, ValueError: [1, 0, -1],
    }),
    "Multinomial n_trials": (lambda m, v: units.Multinomial(3, v), {
        ValueError: [None, "x", 2.5, NAN, True, [], [1.5], ["x"], 0, -1, [3, 0], DATE],
    }),
    "ReplicatedSoftmax n_words": (lambda m, v: units.ReplicatedSoftmax(v), {
        TypeError: NO_INTEGER, ValueError: [1, 0, -1],
    }),
    "Joint units": (lambda m, v: units.Joint(units.Bernoulli(2), v), {
        TypeError: [None, "bernoulli", 3, [units.Bernoulli(2)], units.Bernoulli],
    }),
    "Joint word counts": (lambda m, v: units.Joint(v), {
        TypeError: [units.ReplicatedSoftmax(3), units.Multinomial(3, 1)],
    }),
    # Noise and denoisers ------------------------------------------------------------------------
    "corrupt images": (lambda m, v: denoise.corrupt(v, "gaussian", 0.1), PICTURES),
    "corrupt noise": (lambda m, v: denoise.corrupt(IMAGES, v, 0.1), CHOICE),
    "corrupt strength": (lambda m, v: denoise.corrupt(IMAGES, "gaussian", v), RATE),
    "corrupt, a share, strength": (
        lambda m, v: denoise.corrupt(IMAGES, "missing_pixels", v), SHARE,
    ),
    "corrupt random_state": (lambda m, v: denoise.corrupt(IMAGES, "gaussian", 0.1, v), SEED),
    "psnr images": (lambda m, v: denoise.psnr(IMAGES, v), {ValueError: [IMAGES[0], 3, None]}),
    "GibbsDenoiser noise": (lambda m, v: denoise.GibbsDenoiser(m.rbm, v, 0.1), CHOICE),
    "GibbsDenoiser strength": (lambda m, v: denoise.GibbsDenoiser(m.rbm, "gaussian", v), RATE),
    "GibbsDenoiser n_steps": (lambda m, v: denoise.GibbsDenoiser(m.rbm, "gaussian", 0.1, v), COUNT),
    "GibbsDenoiser n_chains": (
        lambda m, v: denoise.GibbsDenoiser(m.rbm, "gaussian", 0.1, n_chains=v), COUNT,
    ),
    "GibbsDenoiser random_state": (
        lambda m, v: denoise.GibbsDenoiser(m.rbm, "gaussian", 0.1, 1, v).denoise(IMAGES), SEED,
    ),
    "GibbsDenoiser.denoise images": (
        lambda m, v: denoise.GibbsDenoiser(m.rbm, "gaussian", 0.1, 1).denoise(v), PICTURES,
    ),
    "GibbsDenoiser.sample n_samples": (
        lambda m, v: denoise.GibbsDenoiser(m.rbm, "gaussian", 0.1, 1).sample(IMAGES, v), COUNT,
    ),
    "DenoisingAutoencoder.fit images": (lambda m, v: denoise.DenoisingAutoencoder((3,)).fit(v), {
        ValueError: [*PICTURES[ValueError], IMAGES + NAN, IMAGES[0]],
    }),
    **parameters(
        denoise.DenoisingAutoencoder,
        {"noise": CHOICE, "strengths": {ValueError: [None, 0.1, [], (0.5, 0.1)]}},
        lambda estimator: estimator.fit(IMAGES),
        layer_sizes=(3,),
    ),
    **parameters(
        denoise.PatchDenoiser,
        {"size": COUNT, "n_patches": COUNT, "strength": RATE, "scale": RATE, "random_state": SEED},
        lambda estimator: estimator.fit(IMAGES),
    ),
    "PatchDenoiser.fit images": (lambda m, v: denoise.PatchDenoiser(size=2).fit(v), PICTURES),
    "PatchDenoiser.denoise images": (lambda m, v: m.patches.denoise(v), PICTURES),
    # Data sets ----------------------------------------------------------------------------------
    "load_mnist binarize": (
        lambda m, v: datasets.load_mnist(binarize=v), {ValueError: ["x", 1, True, [], NAN]},
    ),
    "load_mnist subset": (lambda m, v: datasets.load_mnist(v), {
        TypeError: ["x", 2.5], ValueError: [0, 70_000],
    }),
    "load_mnist random_state": (lambda m, v: datasets.load_mnist(10, random_state=v), SEED),
    "load_movie_reviews source": (lambda m, v: datasets.load_movie_reviews(v), CHOICE),
    "path data/": (lambda m, v: datasets.path(v), {ValueError: ["x", "", "mnist", "../mnist.npz"]}),
    "path PathLike": (lambda m, v: datasets.path(v), PATH),
    "load_csv scale": (lambda m, v: datasets.load_csv("x.csv", scale=v), {ValueError: ["x", 1]}),
    "load_csv test_size": (lambda m, v: datasets.load_csv("x.csv", test_size=v), SHARE),
    "load_csv no-such-file": (
        lambda m, v: datasets.load_csv(v), {FileNotFoundError: ["no-such-file.csv"]},
    ),
    "load_nifti voxel_size": (lambda m, v: datasets.load_nifti("x.nii", v), {
        TypeError: NO_NUMBER[1:], ValueError: RATE[ValueError],
    }),
    "load_nifti no-such-file": (
        lambda m, v: datasets.load_nifti(v), {FileNotFoundError: ["no-such-file.nii"]},
    ),
    "read_wav no-such-file": (
        lambda m, v: speech.read_wav(v), {FileNotFoundError: ["no-such-file.wav"]},
    ),
    "resample rate": (lambda m, v: speech.resample(np.zeros(300), v), {
        TypeError: NO_INTEGER, ValueError: [0, -1, 4000, 10**30],
    }),
    "log_mel samples": (lambda m, v: speech.log_mel(v), {
        ValueError: [3.0, [], np.zeros(199), np.zeros((300, 2))],
    }),
    "trim frames": (lambda m, v: speech.trim(v), {ValueError: [3, [], np.zeros(24), X[:0], "x"]}),
    "normalise frames": (lambda m, v: speech.normalise(v), {ValueError: [3, [], X[0], X[:0], "x"]}),
    "stack width": (lambda m, v: speech.stack(X, v), {
        TypeError: NO_INTEGER, ValueError: [0, -1, 2, 10**30],
    }),
    "stretch n_frames": (lambda m, v: speech.stretch(X, v), COUNT),
    "vote n_rows": (lambda m, v: speech.vote(X, v), {ValueError: [[30, 0], [29], [31], [-1, 31]]}),
    "patches volume": (lambda m, v: volumes.patches(v, [[1, 1, 1]]), {ValueError: [3, [], X, "x"]}),
    "patches size": (lambda m, v: volumes.patches(VOLUME, [[4, 4, 4]], v), {
        TypeError: NO_INTEGER, ValueError: [0, -1, 2, 10**30],
    }),
    "brain_mask volume": (lambda m, v: volumes.brain_mask(v), {ValueError: [3, [], X, VOLUME]}),
    "add_lesions radius": (lambda m, v: volumes.add_lesions(VOLUME, [[4, 4, 4]], v, 0.1), RATE),
    # The course ---------------------------------------------------------------------------------
    "expect measured": (lambda m, v: expect("error", v, near=1, tol=2), {
        TypeError: [None, "x", True, [], [1.0], 1j, {}, DATE, np.ones(2)],
    }),
    "expect near": (lambda m, v: expect("error", 1, near=v, tol=1), {TypeError: [None, "x", []]}),
    "expect tol": (lambda m, v: expect("error", 1, near=1, tol=v), {TypeError: [None, "x", []]}),
    "slider values": (lambda m, v: slider("epoch", v, plots.images), {
        ValueError: [None, 3, [], (), "", {}, np.array(3), range(0), iter([1])],
    }),
}  # fmt: skip


def fault(call, m, value, name, error):
    """What is wrong with how a call refuses a value, or None."""
    try:
        call(m, value)
    except Exception as found:
        message = f"{type(found).__name__}: {found}"
        right = type(found) is error and re.search(name, str(found))
        return None if right and not re.search(RIDDLES, str(found)) else message
    return "accepted"


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("key", CALLS)
def test_a_bad_argument_is_refused_by_name(m, untrained, key):
    call, values = CALLS[key]
    cases = [(value, error) for error, bad in values.items() for value in bad]
    faults = [(value, fault(call, m, value, key.split()[-1], error)) for value, error in cases]
    assert not [(value, fault) for value, fault in faults if fault]


def test_the_table_holds_many_calls():
    assert sum(len(bad) for _, values in CALLS.values() for bad in values.values()) > 2000
