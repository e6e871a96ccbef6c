"""The pseudo-likelihood: each visible unit judged with all others given; no partition function."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from dbnlab import units
from dbnlab.checks import check_machine, fitted_rows
from dbnlab.rbm import RBM


def pseudo_log_likelihood(rbm: RBM, X: ArrayLike) -> NDArray:
    """Sum over the visible units of log p(v_i | all other units) of each row of `X`, in nats.

    Needs no partition function, but is not a likelihood: it judges each unit with all others
    given, so a model can score well whose samples are poor (Besag 1975). It is a sum, never scaled
    by the number of units; a softmax block counts as one unit.

    Parameters
    ----------
    rbm : RBM
        A fitted model.
    X : array-like of shape (n_samples, n_visible)
        Visible states; binary where units are. Costs a pass over the hidden units of every row for
        every state of every visible unit: 1,000 rows of 784 pixels and 500 hidden units take
        seconds.

    Returns
    -------
    pseudo_log_p : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If rows are no states, or are word counts: given all others and the length, each is known.
    """
    check_machine(rbm)
    if isinstance(rbm.visible_unit_, units.WordCounts):
        raise ValueError("word counts have no pseudo-likelihood: use log_likelihood")
    V = fitted_rows(rbm, X, rbm.visible_unit_, rbm.weights_.dtype).astype(np.float64)
    machine = rbm.machine_.exchanged().exchanged()  # in double precision
    hidden, field = machine.hidden, machine.hidden_field(V)
    variances = np.nan_to_num(machine.visible.variances(), nan=np.inf)
    total, start = machine.visible.log_base_measure(V), 0
    for states in machine.visible.states_of_each():
        unit = slice(start, start + (1 if states is None else states.shape[1]))
        W, b, variance = machine.weights[unit], machine.visible_bias[unit], variances[start]
        rest = field - V[:, unit] @ W
        if states is None:
            states, distance = _grid(hidden, variance, W, b, rest)
            total -= np.log(distance)
        elif not np.isin(V[:, unit], (0, 1)).all():
            found = f"column {start} has values between 0 and 1"
            raise ValueError(f"X must hold states, but {found}: take rng.random(X.shape) < X")
        # Without a variance, s² / σ² is 0.
        log_weights = states @ b - 0.5 * (states**2 / variance).sum(axis=1)
        terms = [w + hidden.log_partition(rest + s @ W) for s, w in zip(states, log_weights)]
        total += V[:, unit] @ b + hidden.log_partition(field) - logsumexp(terms, axis=0)
        start = unit.stop
    return total


def _grid(
    hidden: units.Unit, variance: float, W: NDArray, b: NDArray, rest: NDArray
) -> tuple[NDArray, float]:
    """States of a Gaussian unit, one row each, and how far apart they lie.

    The density of the unit given all others mixes normal densities. Its integral is a sum over
    points half a standard deviation apart, which is exact to about 30 digits for such a density
    (the trapezoidal rule, Trefethen & Weideman 2014).
    """
    precision = 1 / variance
    if isinstance(hidden, units.Gaussian):
        precision -= (W @ W.T).item()
        if precision <= 0:
            raise ValueError("this Gaussian-Gaussian RBM has no distribution: its weights exceed 1")
        fields = b + rest @ W[0]
    else:
        fields = b + np.array([np.minimum(W, 0).sum(), np.maximum(W, 0).sum()])
    means, deviation = fields / precision, precision**-0.5
    ends = means.min() - 9 * deviation, means.max() + 9 * deviation
    return np.arange(*ends, 0.5 * deviation)[:, None], 0.5 * deviation
