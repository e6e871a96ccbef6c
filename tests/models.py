"""Small random models of every unit type, and their distributions summed term by term.

Nothing here calls the formulas under test: states come from itertools, Gaussian units lie on a grid
(half a standard deviation apart, so fine that the sums are integrals to about ten digits), and
energies are written out.
"""

import itertools
import subprocess
import sys

import numpy as np
from scipy.special import logsumexp

from dbnlab import RBM, likelihood
from dbnlab.units import Bernoulli, Gaussian, Joint, Softmax

VISIBLE = {
    "bernoulli": Bernoulli(4),
    "gaussian": Gaussian(2),
    "softmax": Softmax((2, 3)),
    "joint": Joint(Bernoulli(2), Softmax(3)),
    "joint_gaussian": Joint(Gaussian(1, 0.5), Bernoulli(2)),
    "gaussian_variances": Gaussian(2, (0.3, 2.0)),
}
PAIRS = [(visible, hidden) for visible in VISIBLE for hidden in ("bernoulli", "gaussian")]
LEARNED = [pair for pair in PAIRS if "gaussian" in pair[0]]
COUNTABLE = [
    (visible, hidden)
    for visible, hidden in PAIRS
    if "gaussian" not in visible or hidden == "bernoulli"
]
GRID = np.arange(-12, 12.25, 0.5)


def points(unit):
    """States of a layer and the log of their measure: 1 for a state, e^{-s²/2σ²} ds on the grid."""
    if isinstance(unit, Joint):
        parts = [points(part) for part in unit.units]
    elif isinstance(unit, Softmax):
        parts = [(np.eye(size), np.zeros(size)) for size in unit.sizes]
    elif isinstance(unit, Gaussian):
        variances = np.broadcast_to(unit.variance, unit.n_units)
        deviations = np.sqrt(variances)
        parts = [(GRID[:, None] * d, -(GRID**2) / 2 + np.log(0.5 * d)) for d in deviations]
    else:
        parts = [(np.array([[0.0], [1.0]]), np.zeros(2))] * unit.n_units
    states = [np.concatenate(rows) for rows in itertools.product(*(s for s, _ in parts))]
    measure = [sum(terms) for terms in itertools.product(*(m for _, m in parts))]
    return np.array(states), np.array(measure)


def random_rbm(visible="bernoulli", hidden="bernoulli", seed=0, **parameters):
    """A fitted float64 model whose weights and biases are then drawn at random."""
    unit = VISIBLE[visible]
    n_hidden = 3 if hidden == "bernoulli" else 2
    defaults = {"learning_rate": 1e-9, "weight_decay": 0.0, "dtype": "float64"}
    parameters = defaults | {"random_state": seed} | parameters
    rbm = RBM(n_hidden, visible=unit, hidden=hidden, **parameters)
    # The weights of this fit are replaced anyway: no need to compile an epoch for it.
    rbm.set_params(backend="numpy").partial_fit(points(unit)[0][:1])
    rbm.backend = parameters.get("backend", "numpy")
    rng = np.random.default_rng(seed)
    rbm.weights_ = rng.standard_normal(rbm.weights_.shape)
    if hidden == "gaussian" and "gaussian" in visible:
        deviations = np.sqrt(np.nan_to_num(unit.variances(), nan=1.0))
        rbm.weights_ *= 0.6 / np.linalg.norm(deviations[:, None] * rbm.weights_, 2)
    rbm.visible_bias_ = 0.7 * rng.standard_normal(unit.n_units)
    rbm.hidden_bias_ = 0.7 * rng.standard_normal(n_hidden)
    return rbm


class Enumerated:
    """The joint distribution as a table over the points V and H of the two layers."""

    def __init__(self, rbm):
        self.learn_variance, self.variances = rbm.learn_variance, rbm.visible_unit_.variances()
        self.V, self.measure = points(rbm.visible_unit_)
        self.H, hidden_measure = points(rbm.hidden_unit_)
        exponent = self.V @ rbm.weights_ @ self.H.T + (self.V @ rbm.visible_bias_)[:, None]
        exponent += self.H @ rbm.hidden_bias_ + hidden_measure
        self.log_unnormalised = logsumexp(exponent, axis=1)
        self.log_z = logsumexp(self.log_unnormalised + self.measure)
        self.joint = np.exp(exponent + self.measure[:, None] - self.log_z)
        self.p_visible = self.joint.sum(axis=1)
        self.p_hidden = self.joint.sum(axis=0)

    def mean_hidden(self):
        return self.joint @ self.H / self.p_visible[:, None]

    def mean_visible(self):
        return self.joint.T @ self.V / self.p_hidden[:, None]

    def moments(self, p):
        """⟨v E[h|v]⟩, ⟨v⟩ and ⟨E[h|v]⟩ under the probabilities p of the points V, in one vector.

        Of a model that learns its variances also ⟨v²/2σ²⟩, or 0 for units that have none.
        """
        H = self.mean_hidden()
        moments = [((self.V.T * p) @ H).ravel(), p @ self.V, p @ H]
        if self.learn_variance:
            moments.append(np.nan_to_num(p @ self.V**2 / (2 * self.variances)))
        return np.concatenate(moments)

    def after_gibbs(self, p, n_steps):
        for _ in range(n_steps):
            hidden = (p / self.p_visible) @ self.joint
            p = self.joint @ (hidden / self.p_hidden)
        return p

    def likely_rows(self, n_rows, rng):
        """Numbers of rows of V, drawn from the model flattened a little."""
        p = np.sqrt(self.p_visible)
        return rng.choice(len(self.V), size=n_rows, p=p / p.sum())


def one_update(rbm, V):
    """The estimated gradient from the batch `V`, as one update shows it; the model stays."""
    before = [parameter.copy() for parameter in rbm.state_.parameters]
    # A power of two: multiplying by it and dividing again costs no digit.
    rate = 2.0**-10
    rbm.set_params(batch_size=len(V), learning_rate=rate, momentum=0.0, weight_decay=0.0)
    rbm.partial_fit(V)
    change = [(after - start) / rate for after, start in zip(rbm.state_.parameters, before)]
    rbm.weights_, rbm.visible_bias_, rbm.hidden_bias_, *log_variance = before
    for z in log_variance:
        rbm.state_.log_variance = z
        rbm.state_.show_variance()
    return flat(change)


def flat(gradient):
    return np.concatenate([np.ravel(part) for part in gradient])


def mean_log_likelihood(rbm, X):
    return likelihood.log_likelihood(rbm, X, likelihood.log_partition(rbm, "exact")).mean()


def bits(rbm):
    return b"".join(parameter.tobytes() for parameter in rbm.state_.parameters)


def run_python(code, *arguments, stderr=subprocess.PIPE, **options):
    """What a fresh Python prints on stdout that runs `code` and ends well."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, text=True, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout
