"""Small random DBNs, and their distributions summed path by path.

As in `models`, nothing here calls the formulas under test: each layer's distribution given its
neighbour is its exponents, written out over all its states and divided by their sum.
"""

from functools import lru_cache

import numpy as np
from models import VISIBLE, Enumerated, points
from scipy.special import logsumexp
from sklearn.datasets import load_digits

from dbnlab import DBN, RBM
from dbnlab.units import Bernoulli

CLASSES = np.array(["ant", "bee", "cat"])


def random_dbn(visible="bernoulli", sizes=(3, 3, 2), labels=True, code="bernoulli", seed=0):
    """A float64 model with random weights, others upwards than downwards; `code` is the top."""
    parameters = {"visible": VISIBLE[visible], "learning_rate": 1e-9, "dtype": "float64"}
    prototypes = [RBM(n_epochs=1, **parameters) for _ in sizes]
    prototypes[-1].set_params(hidden=code)
    dbn = DBN(sizes, prototypes, joint_labels=labels, random_state=seed)
    dbn.fit(points(VISIBLE[visible])[0][:3], CLASSES)
    rng = np.random.default_rng(seed)
    # In place: of the top RBM, the lists hold views.
    for array in [*dbn.rbms_[-1].state_.parameters, *directed(dbn)]:
        array[...] = rng.standard_normal(array.shape)
    return dbn


def directed(dbn):
    """The arrays of the layers below the top RBM."""
    lists = dbn.recognition_weights_, dbn.recognition_biases_
    lists += dbn.generative_weights_, dbn.generative_biases_
    return [array for arrays in lists for array in arrays[:-1]]


def stack_bits(dbn):
    return b"".join(a.tobytes() for a in [*dbn.rbms_[-1].state_.parameters, *directed(dbn)])


def digits_with_labels():
    """The digits of scikit-learn, binarised: 1,200 to train on and 597 to test with."""
    X, y = load_digits(return_X_y=True)
    X = (X > 7).astype(np.float32)
    return X[:1200], y[:1200], X[1200:], y[1200:]


@lru_cache
def digit_stack(seed, **parameters):
    """A DBN of digits and labels; train no further but on a copy of it."""
    X, y, _, _ = digits_with_labels()
    prototype = RBM(learning_rate=0.1, batch_size=50, n_epochs=30)
    dbn = DBN((64, 200), prototype, joint_labels=True, random_state=seed, **parameters)
    return dbn.fit(X, y)


def accuracy(dbn):
    _, _, X, y = digits_with_labels()
    return (dbn.predict(X) == y).mean()


def log_conditional(given, weights, bias, states, measure):
    """log p(state | row) for all states of a layer, for each row of the neighbour that is given."""
    exponent = (given @ weights + bias) @ states.T + measure
    return exponent - logsumexp(exponent, axis=1, keepdims=True)


class EnumeratedDBN:
    """Tables over the paths v, h¹, …, h^(L-1), one axis for each layer; h^L is summed out.

    The bound is E_q[log p(path) - log q(path | v)], with labels summed out of p.
    """

    def __init__(self, dbn, visible="bernoulli"):
        self.dbn = dbn
        layers = [VISIBLE[visible], *(Bernoulli(size) for size in dbn.layer_sizes[:-1])]
        self.states, self.measures = zip(*map(points, layers))
        self.V = self.states[0]
        # Gaussian units lie on a grid: a density is the mass of a cell over its size.
        self.log_cell = self.measures[0].max()
        self.top = Enumerated(dbn.rbms_[-1])
        self.p_top = self.top.p_visible.reshape(len(self.states[-1]), -1)
        log_p, log_q = np.log(self.p_top.sum(axis=1)), np.zeros(len(self.V))
        for number in reversed(range(len(layers) - 1)):
            down = self.log_down(number).T
            log_p = down.reshape(*down.shape, *[1] * (log_p.ndim - 1)) + log_p
        for number in range(len(layers) - 1):
            log_q = log_q[..., None] + self.log_up(number, self.states[number])
        hidden = tuple(range(1, len(layers)))
        self.log_likelihood = logsumexp(log_p, axis=hidden) - self.log_cell
        self.bound = (np.exp(log_q) * (log_p - log_q)).sum(axis=hidden) - self.log_cell
        self.q = np.exp(log_q)

    def likely_rows(self):
        """Numbers of 16 rows of V, or of fewer if there are no more."""
        return np.argsort(-self.log_likelihood)[:16]

    def log_up(self, number, given):
        weights, bias = self.dbn.recognition_weights_[number], self.dbn.recognition_biases_[number]
        above = self.states[number + 1], self.measures[number + 1]
        return log_conditional(given, weights, bias, *above)

    def log_down(self, number):
        weights, bias = self.dbn.generative_weights_[number], self.dbn.generative_biases_[number]
        below = self.states[number], self.measures[number]
        return log_conditional(self.states[number + 1], weights.T, bias, *below)

    def p_visible(self, label=None):
        """Probability of each row of V; given the label with this number."""
        p = self.p_top.sum(axis=1) if label is None else self.p_top[:, label]
        for number in reversed(range(len(self.states) - 1)):
            p = p @ np.exp(self.log_down(number))
        return p / p.sum()

    def means_up(self, V, n_layers):
        """Means of a layer after a pass up in which each layer takes the means below as states."""
        for number in range(n_layers):
            V = np.exp(self.log_up(number, V)) @ self.states[number + 1]
        return V

    def log_top(self, S):
        """log of the sum over h^L of exp(-E), for each row of the top's visible layer and label."""
        top = self.dbn.rbms_[-1]
        hidden, measure = points(top.hidden_unit_)
        labels = np.eye(top.n_features_in_ - S.shape[1])
        joint = [np.tile(row, (max(1, len(labels)), 1)) for row in S]
        joint = np.vstack([np.hstack([rows, labels]) for rows in joint] if len(labels) else joint)
        exponent = (joint @ top.weights_ + top.hidden_bias_) @ hidden.T + measure
        exponent += (joint @ top.visible_bias_)[:, None]
        return logsumexp(exponent, axis=1).reshape(len(S), -1)
