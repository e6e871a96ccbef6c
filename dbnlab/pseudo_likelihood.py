"""The pseudo-likelihood: each visible unit judged with all others given; no partition function."""

from collections.abc import Iterator

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
    total = np.zeros(len(V))
    for columns, unit in _separate_units(machine.visible):
        if unit.n_states() and not np.isin(V[:, columns], (0, 1)).all():
            found = f"column {columns.start} has values between 0 and 1"
            raise ValueError(f"X must hold states, but {found}: take rng.random(X.shape) < X")
        W, b = machine.weights[columns], machine.visible_bias[columns]
        rest = field - V[:, columns] @ W
        states, log_measure = _states_of_unit(hidden, unit, W, b, rest)
        own = V[:, columns] @ b + unit.log_base_measure(V[:, columns])
        own += hidden.log_partition(field)
        log_terms = [
            s @ b + m + hidden.log_partition(rest + s @ W) for s, m in zip(states, log_measure)
        ]
        total += own - logsumexp(log_terms, axis=0)
    return total


def _separate_units(unit: units.Unit, start: int = 0) -> Iterator[tuple[slice, units.Unit]]:
    """Columns and unit of every single unit of a layer, a softmax block being one."""
    if isinstance(unit, units.Joint):
        for part in unit.units:
            yield from _separate_units(part, start)
            start += part.n_units
        return
    if isinstance(unit, units.Softmax):
        separate = [units.Softmax(size) for size in unit.sizes]
    elif isinstance(unit, units.Gaussian):
        separate = [units.Gaussian(1, variance) for variance in unit.variances()]
    else:
        separate = [type(unit)(1)] * unit.n_units
    for one in separate:
        yield slice(start, start + one.n_units), one
        start += one.n_units


def _states_of_unit(
    hidden: units.Unit, unit: units.Unit, W: NDArray, b: NDArray, rest: NDArray
) -> tuple[NDArray, NDArray]:
    """All states of one visible unit with the logarithms of their measure p0(s) ds.

    The density of a Gaussian unit given all others mixes normal densities. Its integral is a sum
    over points half a standard deviation apart, which is exact to about 30 digits for such a
    density (the trapezoidal rule, Trefethen & Weideman 2014).
    """
    if unit.n_states():
        states = unit.states(np.arange(unit.n_states()))
        return states, unit.log_base_measure(states)
    precision = 1 / unit.variances().item()
    if isinstance(hidden, units.Gaussian):
        precision -= (W @ W.T).item()
        if precision <= 0:
            raise ValueError("this Gaussian-Gaussian RBM has no distribution: its weights exceed 1")
        fields = b + rest @ W[0]
    else:
        fields = b + np.array([np.minimum(W, 0).sum(), np.maximum(W, 0).sum()])
    means, deviation = fields / precision, precision**-0.5
    points = np.arange(means.min() - 9 * deviation, means.max() + 9 * deviation, 0.5 * deviation)
    states = points[:, None]
    return states, unit.log_base_measure(states) + np.log(0.5 * deviation)
