"""Answers to the exercises of lesson 05, right and wrong."""

from functools import cache

import numpy as np
from scipy.special import gammaln
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeRegressor

from dbnlab import DBN, RBM, DBNRegressor, datasets


def sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


@cache
def data():
    mnist = datasets.load_mnist(subset=8000, random_state=5)
    return mnist.X[:6000], mnist.y[:6000], mnist.X[6000:], mnist.y[6000:]


@cache
def trained_dbn():
    prototype = RBM(n_epochs=5, batch_size=50, learning_rate=np.linspace(0.1, 0.02, 5))
    return DBN((128, 128), prototype, random_state=5).fit(data()[0][:3000])


def train(model, rows, n_epochs, batch_size=20, rate=None, loss="sparse_categorical_crossentropy"):
    """All passes as one epoch of Keras, which is quicker."""
    import keras

    X, y = data()[:2]
    optimizer = keras.optimizers.Adam(rate) if rate else keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(optimizer, loss=loss, jit_compile=False, steps_per_execution=10)
    rng = np.random.default_rng(0)
    order = np.concatenate([rng.permutation(np.arange(6000)[rows]) for _ in range(n_epochs)])
    model.fit(X[order], y[order], batch_size=batch_size, shuffle=False, verbose=0)


# Exercise 1


def permuted(of_R1=True, of_r1=True, of_R2=True, back=False, n=None):
    def answer(R1, r1, R2, r2, order):
        order = np.argsort(order) if back else order
        return (
            R1[:, order] if of_R1 else R1,
            r1[order] if of_r1 else r1,
            R2[order] if of_R2 else R2,
            r2[n:],
        )

    return answer


def by_matrix(R1, r1, R2, r2, order):
    P = np.eye(len(order))[:, order]
    return [R1 @ P, r1 @ P, P.T @ R2, r2]


def shuffled(R1, r1, R2, r2, order):
    rng = np.random.default_rng(0)
    return rng.permutation(R1.ravel()).reshape(R1.shape), r1[order], R2[order], r2


def log10_orders(sizes):
    return sum(gammaln(n + 1) for n in sizes) / np.log(10)


# Exercise 2


def loss_and_gradient(mean=True, bend1=True, bend2=True, biases=1, n_classes=None, sign=1, hot=1):
    def answer(R1, r1, R2, r2, U, d, X, y):
        h1 = sigmoid(biases * r1 + X @ R1)
        h2 = sigmoid(biases * r2 + h1 @ R2)
        fields = d + h2 @ U
        p = np.exp(fields - fields.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        delta = p - hot * np.eye(n_classes or len(d))[y]
        delta2 = (delta @ U.T) * (h2 * (1 - h2) if bend2 else 1)
        delta1 = (delta2 @ R2.T) * (h1 * (1 - h1) if bend1 else 1)
        n = len(y) if mean else 1
        return -np.log(p[np.arange(len(y)), y]).mean(), sign * X.T @ delta1 / n

    return answer


# Exercise 3


def probe(n_epochs=20, freeze=True, n_labels=200, fit=True, dbn=None, activation=None):
    import keras

    head = activation and keras.layers.Dense(10, activation=activation)
    model = (dbn or trained_dbn()).to_keras(head or 10)
    for layer in model.layers[:-1]:
        layer.trainable = not freeze
    if fit:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=activation == "linear")
        train(model, slice(n_labels), n_epochs, loss=loss)
    return model, trained_dbn()


def frozen_afterwards():
    model, dbn = probe(freeze=False)
    for layer in model.layers[:-1]:
        layer.trainable = False
    return model, dbn


def by_adam():
    model = trained_dbn().to_keras(10)
    for layer in model.layers[:-1]:
        layer.trainable = False
    train(model, slice(200, 400), 30, batch_size=50, rate=0.02)
    return model, trained_dbn()


# Exercise 4


def slant(X):
    rows, columns = np.mgrid[:28, :28].reshape(2, -1)
    ink = X.astype(float) / X.sum(axis=1, keepdims=True)
    y, x = rows - (ink @ rows)[:, None], columns - (ink @ columns)[:, None]
    return np.degrees(np.arctan(-(ink * x * y).sum(axis=1) / (ink * y**2).sum(axis=1)))


@cache
def regressor(unit=1.0, n_epochs=4, batch_size=250, of=0):
    X = data()[of][:1000]
    options = {"n_epochs": n_epochs, "batch_size": batch_size, "learning_rate": 0.03}
    model = DBNRegressor(dbn=FrozenEstimator(trained_dbn()), random_state=0, **options)
    return model.fit(X, unit * slant(X))


# Exercise 5


@cache
def classes_after(n_labels, pretrained, seed=0):
    """Of the validation images, after 300 updates in batches of 20."""
    import keras

    keras.utils.set_random_seed(seed)
    model = trained_dbn().to_keras(10)
    if not pretrained:
        rng, arrays = np.random.default_rng(seed), model.get_weights()
        for k in (0, 2):
            limit = np.sqrt(6 / sum(arrays[k].shape))
            arrays[k] = rng.uniform(-limit, limit, arrays[k].shape)
            arrays[k + 1] = 0 * arrays[k + 1]
        model.set_weights(arrays)
    train(model, slice(n_labels), 6000 // n_labels)
    return np.asarray(model(data()[2])).argmax(axis=1)


def predicted(order=(False, True), counts=(60, 400, 3000), of=lambda n: n):
    return {n: tuple(classes_after(of(n), kind) for kind in order) for n in counts}


RIGHT = {
    "1": {"by index": (permuted(), log10_orders), "by a matrix": (by_matrix, log10_orders)},
    "2": {"with the formulas": (loss_and_gradient(),)},
    "3": {"SGD": lambda: probe(), "Adam, other images": lambda: by_adam()},
    "4": {
        "few large batches": lambda: (regressor(), regressor(1e6)),
        "small batches": lambda: (regressor(1.0, 8, 20), regressor(1e6, 8, 20)),
    },
    "5": {
        "300 updates": lambda: (predicted(),),
        "more numbers of labels": lambda: (predicted() | {1000: 2 * [data()[3]]},),
    },
}

WRONG = {
    "1": {
        "R2 as it was": (permuted(of_R2=False), log10_orders),
        "r1 as it was": (permuted(of_r1=False), log10_orders),
        "nothing permuted": (permuted(False, False, False), log10_orders),
        "the inverse order": (permuted(back=True), log10_orders),
        "all entries shuffled": (shuffled, log10_orders),
        "one number": (lambda *arrays: 1.0, log10_orders),
        "r2 empty": (permuted(n=99), log10_orders),
        "one number of orders": (permuted(), lambda sizes: 431.2),
        "one layer": (permuted(), lambda sizes: log10_orders(sizes[:1])),
        "the natural logarithm": (permuted(), lambda sizes: log10_orders(sizes) * np.log(10)),
    },
    "2": {
        "a sum": (loss_and_gradient(mean=False),),
        "without the upper bend": (loss_and_gradient(bend2=False),),
        "without the lower bend": (loss_and_gradient(bend1=False),),
        "no biases": (loss_and_gradient(biases=0),),
        "ten classes": (loss_and_gradient(n_classes=10),),
        "the sign": (loss_and_gradient(sign=-1),),
        "without the label": (loss_and_gradient(hot=0),),
        "the gradient alone": (lambda *arrays: loss_and_gradient()(*arrays)[1],),
        "the loss alone": (lambda *arrays: loss_and_gradient()(*arrays)[0],),
        "no loss": (lambda *arrays: (0.0, loss_and_gradient()(*arrays)[1]),),
    },
    "3": {
        "not fitted": lambda: probe(fit=False),
        "one pass": lambda: probe(n_epochs=1),
        "all layers train": lambda: probe(freeze=False),
        "frozen after training": lambda: frozen_afterwards(),
        "all labels": lambda: probe(n_labels=6000, n_epochs=3),
        "no softmax": lambda: probe(activation="linear"),
        "the DBN itself": lambda: (trained_dbn(), trained_dbn()),
    },
    "4": {
        "ridge regression": lambda: (
            Ridge().fit(data()[0][:1000], slant(data()[0][:1000])),
            Ridge().fit(data()[0][:1000], 1e6 * slant(data()[0][:1000])),
        ),
        "a tree on the validation images": lambda: (
            DecisionTreeRegressor().fit(data()[2], slant(data()[2])),
            DecisionTreeRegressor().fit(data()[2], 1e6 * slant(data()[2])),
        ),
        "not fitted": lambda: (DBNRegressor(), DBNRegressor()),
        "the same unit twice": lambda: (regressor(), regressor(1.0, 8, 20)),
        "one regressor for both": lambda: (regressor(), regressor()),
        "one update": lambda: (regressor(1.0, 1, 1000), regressor(1e6, 1, 1000)),
        "exchanged": lambda: (regressor(1e6), regressor()),
        "fitted on the validation images": lambda: (regressor(of=2), regressor(1e6, of=2)),
    },
    "5": {
        "exchanged": lambda: (predicted((True, False)),),
        "the same start twice": lambda: (predicted((True, True)),),
        "always 400 labels": lambda: (predicted(of=lambda n: 400),),
        "errors": ({60: 0.33, 400: 0.16, 3000: 0.13},),
        "two numbers of labels": lambda: (predicted(counts=(60, 400)),),
        "errors instead of classes": lambda: (dict.fromkeys((60, 400, 3000), (0.4, 0.3)),),
        "the labels themselves": lambda: (dict.fromkeys((60, 400, 3000), (data()[3],) * 2),),
        "a constant": lambda: (dict.fromkeys((60, 400, 3000), (np.zeros(2000, int),) * 2),),
    },
}
