r"""Log-likelihoods of RBMs: what training ascends, computed without sampling.

p(v) = exp(-F(v)) / Z, so log p(v) = -F(v) - log Z. The free energy F costs one matrix product; the
partition function Z = Σ_v exp(-F(v)) is a sum over all states of one layer, which is possible for
about twenty binary units and for no more.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp
from sklearn.utils.validation import check_is_fitted

from dbnlab.rbm import RBM

ENUMERABLE_STATES = 2**25
CHUNK = 2**12


class LogPartition(NamedTuple):
    """log Z in nats with the ends of its 95 % confidence interval."""

    value: float
    low: float
    high: float


def log_partition(rbm: RBM, method: str = "exact") -> LogPartition:
    """log Z of a fitted RBM.

    Parameters
    ----------
    rbm : RBM
        A fitted model.
    method : {"exact"}, default="exact"
        "exact" sums over all states of the layer that has fewer of them.

    Returns
    -------
    log_z : LogPartition
        Value and confidence interval in nats; an exact value is its own interval.

    Raises
    ------
    ValueError
        If `method` is unknown, or neither layer has few enough states to enumerate.
    """
    if method != "exact":
        raise ValueError(f"method={method!r}: choose 'exact'")
    rbm, _ = _smaller_side_visible(rbm)
    value = float(logsumexp([logsumexp(-rbm._free_energy(V)) for V in _all_states(rbm)]))
    return LogPartition(value, value, value)


def log_likelihood(rbm: RBM, X: ArrayLike, log_z: LogPartition | float) -> NDArray:
    """log p(v) of each row of `X`, in nats.

    Parameters
    ----------
    rbm : RBM
        A fitted model.
    X : array-like of shape (n_samples, n_visible)
    log_z : LogPartition or float
        log Z of this very model, from `log_partition`.

    Returns
    -------
    log_p : ndarray of shape (n_samples,)
        Log-probabilities of Bernoulli and softmax units, log-densities of Gaussian ones.
    """
    value = log_z.value if isinstance(log_z, LogPartition) else log_z
    return rbm.score_samples(X) - value


def exact_gradient(rbm: RBM, X: ArrayLike) -> tuple[NDArray, NDArray, NDArray]:
    """Gradient of the mean log-likelihood of `X`, with the model's side summed over all states.

    Contrastive divergence estimates this quantity (Hinton 2010, eq. 5):

    ∂/∂W = ⟨v hᵀ⟩_data - ⟨v hᵀ⟩_model,   ∂/∂b = ⟨v⟩_data - ⟨v⟩_model,   ∂/∂c = ⟨h⟩_data - ⟨h⟩_model.

    Parameters
    ----------
    rbm : RBM
        A fitted model with at least one layer small enough to enumerate.
    X : array-like of shape (n_samples, n_visible)

    Returns
    -------
    weights, visible_bias, hidden_bias : ndarray
        Gradients in nats, of the shapes of the parameters.
    """
    V = rbm._check_rows(X).astype(np.float64)
    data = _moments(rbm, V, 1 / len(V))
    side, exchanged = _smaller_side_visible(rbm)
    log_z = log_partition(rbm).value
    model = [0.0, 0.0, 0.0]
    for V in _all_states(side):
        moments = _moments(side, V, np.exp(-side._free_energy(V) - log_z))
        model = [total + moment for total, moment in zip(model, moments)]
    if exchanged:
        model = [model[0].T, model[2], model[1]]
    return tuple(positive - negative for positive, negative in zip(data, model))


def _moments(rbm: RBM, V: NDArray, p: NDArray | float) -> list[NDArray]:
    """Sums over the rows v of p·v·E[h|v]ᵀ, p·v and p·E[h|v]."""
    H = rbm.hidden_unit_.mean(rbm._hidden_field(V))
    weighted = V * np.reshape(p, (-1, 1))
    return [weighted.T @ H, weighted.sum(axis=0), (H * np.reshape(p, (-1, 1))).sum(axis=0)]


def _smaller_side_visible(rbm: RBM) -> tuple[RBM, bool]:
    """The model in float64 with the smaller layer visible, and whether layers were exchanged."""
    check_is_fitted(rbm)
    counts = [unit.n_states() or np.inf for unit in (rbm.visible_unit_, rbm.hidden_unit_)]
    if min(counts) > ENUMERABLE_STATES:
        raise ValueError(
            f"exact enumeration needs a layer with at most {ENUMERABLE_STATES:,} joint states, "
            f"such as 25 binary units; this RBM has {rbm.visible_unit_} and {rbm.hidden_unit_}"
        )
    exchanged = counts[1] < counts[0]
    transposed = _exchange_layers(rbm)
    return (transposed, True) if exchanged else (_exchange_layers(transposed), False)


def _exchange_layers(rbm: RBM) -> RBM:
    """The same distribution in float64, with the visible layer called hidden and vice versa."""
    other = RBM(dtype="float64")
    other.visible_unit_, other.hidden_unit_ = rbm.hidden_unit_, rbm.visible_unit_
    other.weights_ = rbm.weights_.T.astype(np.float64)
    other.visible_bias_ = rbm.hidden_bias_.astype(np.float64)
    other.hidden_bias_ = rbm.visible_bias_.astype(np.float64)
    return other


def _all_states(rbm: RBM) -> Iterator[NDArray]:
    """All joint states of the visible layer, in chunks of rows."""
    n_states = rbm.visible_unit_.n_states()
    for start in range(0, n_states, CHUNK):
        yield rbm.visible_unit_.states(np.arange(start, min(start + CHUNK, n_states)))
