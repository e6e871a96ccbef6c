"""Answers to the exercises of lesson 04, right and wrong."""

from functools import cache
from itertools import product

import numpy as np

from dbnlab import DBN, RBM, datasets


def sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def given_jump(weight=20.0, jump=-20.0, n_causes=None, of_prior=1.0, normalise=True, keep=False):
    def answer(biases, off=()):
        causes = np.array(list(product([0, 1], repeat=n_causes or len(biases))))
        p = np.exp(of_prior * causes @ np.array(biases)[: causes.shape[1]])
        p *= sigmoid(jump + weight * causes.sum(axis=1))
        if not keep:
            p[(causes[:, list(off)] == 1).any(axis=1)] = 0
        return p @ causes / (p.sum() if normalise else 1)

    return answer


def by_priors(biases, off=()):
    p = np.exp(np.array(biases, float))
    p[list(off)] = 0
    return p / p.sum()


def label_fields(weights="recognition_weights_", first=-10, up=True, labels=slice(None)):
    def answer(dbn):
        fields = dbn.rbms_[-1].weights_[first:][labels]
        for W in reversed(getattr(dbn, weights)[: None if up else -1]):
            fields = fields @ W.T
        return fields

    return answer


def hidden_bias_given(bias=1, of=lambda label: label, bend=lambda x: x):
    def answer(dbn, label):
        top = dbn.rbms_[-1]
        return bend(bias * top.hidden_bias_ + of(label) @ top.weights_[-10:])

    return answer


def by_transform(dbn, label):
    top = dbn.rbms_[-1]
    only = np.zeros((1, top.n_features_in_))
    only[0, -10:] = label
    p = top.transform(only)[0]
    return np.log(p / (1 - p))


HALF = np.where(np.isin(np.arange(10), [4, 9]), 0.5, 0)


@cache
def dreams(n_chains=20, backwards=False):
    """From real fours and nines, 30 Gibbs steps with the label clamped to six mixtures."""
    rng, full = np.random.default_rng(0), DBN.load(datasets.path("mnist_dbn.npz"))
    mnist, shares = datasets.load_mnist(), np.linspace(0, 1, 6)[:: -1 if backwards else 1, None]
    label = np.repeat(shares * np.eye(10)[9] + (1 - shares) * np.eye(10)[4], n_chains, axis=0)
    starts = mnist.X_test[np.isin(mnist.y_test, [4, 9])][:n_chains]
    h2 = full.transform(np.tile(starts, (6, 1)), layer=1)
    S = np.hstack([rng.random(h2.shape) < h2, label]).astype("float32")
    for _ in range(30):
        S[:, -10:] = label
        S = full.rbms_[-1].gibbs(S, random_state=rng)
    h1 = rng.random((len(S), 500)) < sigmoid(
        full.generative_biases_[1] + S[:, :500] @ full.generative_weights_[1].T
    )
    pictures = sigmoid(full.generative_biases_[0] + h1 @ full.generative_weights_[0].T)
    return pictures.reshape(6, n_chains, 784)


def real_images():
    mnist = datasets.load_mnist()
    return mnist.X_test[np.isin(mnist.y_test, [4, 9])][:120].reshape(6, 20, 784)


def train(
    batch_size=50,
    fixed_passes=None,
    each=False,
    seeded=True,
    top=100,
    labels=True,
    fit=True,
    rows=lambda digits: (digits.X[:1000], digits.y[:1000]),
):
    digits = datasets.load_digits()

    def answer(n_layers, n_passes, seed):
        n_epochs = fixed_passes or (n_passes if each else n_passes // n_layers)
        rates = np.linspace(0.1, 0.02, n_epochs)
        rbm = RBM(n_epochs=n_epochs, learning_rate=rates, batch_size=batch_size)
        sizes = (50,) * (n_layers - 1) + (top,)
        dbn = DBN(sizes, rbm, joint_labels=labels, random_state=seed if seeded else 0)
        return dbn.fit(*rows(digits)) if fit else dbn

    return answer


def shuffled_labels(n_layers, n_passes, seed):
    digits, rng = datasets.load_digits(), np.random.default_rng(seed)
    rbm = RBM(n_epochs=n_passes // n_layers, batch_size=50)
    dbn = DBN((50,) * (n_layers - 1) + (100,), rbm, joint_labels=True, random_state=seed)
    return dbn.fit(digits.X[:1000], rng.permutation(digits.y[:1000]))


RIGHT = {
    "1": {"all states": (given_jump(),)},
    "2": {
        "with recognition weights": (label_fields(),),
        "with generative weights": (label_fields("generative_weights_"),),
    },
    "3": {
        "c + label U": lambda: (hidden_bias_given(), dreams()),
        "by transform": lambda: (by_transform, dreams()),
    },
    "4": {"batches of 50": (train(),), "batches of 20": (train(20),)},
}

WRONG = {
    "1": {
        "typed": (lambda biases, off=(): [0.2119, 0.2119, 0.5761],),
        "three causes": (given_jump(n_causes=3),),
        "as if one cause at a time": (by_priors,),
        "what is known ignored": (given_jump(keep=True),),
        "not normalised": (given_jump(normalise=False),),
        "the priors' sign": (given_jump(of_prior=-1),),
        "a jump for no reason": (given_jump(jump=0.0),),
    },
    "2": {
        "labels at the wrong end": (label_fields(first=0, labels=slice(10)),),
        "not down to the pixels": (label_fields(up=False),),
        "nine labels": (label_fields(labels=slice(9)),),
        "the lesson's network": (lambda dbn: np.ones((10, 784)),),
        "transposed": (lambda dbn: label_fields()(dbn).T,),
        "the wrong sign": (lambda dbn: -label_fields()(dbn),),
    },
    "3": {
        "no bias": lambda: (hidden_bias_given(bias=0), dreams()),
        "the labels ignored": lambda: (hidden_bias_given(of=lambda label: 0 * label), dreams()),
        "half and half for every row": lambda: (hidden_bias_given(of=lambda label: HALF), dreams()),
        "a mean": lambda: (hidden_bias_given(bend=sigmoid), dreams()),
        "from 9 to 4": lambda: (hidden_bias_given(), dreams(backwards=True)),
        "five chains": lambda: (hidden_bias_given(), dreams()[:, :5]),
        "noise": lambda: (hidden_bias_given(), np.random.default_rng(0).random((6, 20, 784))),
        "the same for all mixtures": lambda: (hidden_bias_given(), dreams()[[5] * 6]),
        "images in any order": lambda: (hidden_bias_given(), real_images()),
        "the bias alone": (hidden_bias_given(), 0.5),
    },
    "4": {
        "twelve passes a layer": (train(each=True),),
        "twelve passes, whatever is asked": (train(fixed_passes=12),),
        "the seed ignored": (train(seeded=False),),
        "no labels": (train(labels=False),),
        "fifty units on top": (train(top=50),),
        "not fitted": (train(fit=False),),
        "labels in random order": (shuffled_labels,),
        "all training rows": (train(rows=lambda digits: (digits.X, digits.y)),),
        "the test rows": (train(rows=lambda digits: (digits.X_test, digits.y_test)),),
        "always the same depth": (lambda n_layers, n_passes, seed: train()(1, n_passes, seed),),
        "a number": (lambda n_layers, n_passes, seed: 0.1,),
    },
}
