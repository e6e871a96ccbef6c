"""Signs that training has not led anywhere, each in a sentence: what was seen, what to change."""

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from dbnlab import warning
from dbnlab.energy import Machine
from dbnlab.units import Bernoulli

# Standard deviation of hidden means over the rows: what says nothing, and what says too little to
# have come from more than a start.
NOTHING, LITTLE = 0.005, 0.05
FEW_UPDATES = 100
# How many times larger or smaller than those of its unit a Gaussian column's values may be.
OFF_SCALE = 10


def warn(sentence: str) -> None:
    """A ConvergenceWarning that points at the line of the user who called `fit`."""
    warning.warn(sentence, ConvergenceWarning)


def judge(machine: Machine, V: NDArray, n_updates: int) -> None:
    """Warn of what is wrong with a machine after so many updates, seen on some training rows."""
    variances = machine.visible.variances()
    if np.isfinite(variances).any():
        size = np.sqrt(np.nanmax(np.mean(V**2, axis=0) / variances))
        if not 1 / OFF_SCALE < size < OFF_SCALE:
            found = f"values of size {size:.2g}, in standard deviations of its unit"
            warn(f"a column of Gaussian visible units has {found}: standardise the columns of X")
    if not machine.has_distribution():
        grown = "the weights between two Gaussian layers have grown until p(v, h) has no integral"
        warn(f"{grown}: lower learning_rate, or raise weight_decay")
    if not isinstance(machine.hidden, Bernoulli):
        return
    H = machine.hidden_mean(V)
    deviation = H.std(axis=0).mean()
    constant = (H.min(axis=0) > 1 - NOTHING) | (H.max(axis=0) < NOTHING)
    if constant.mean() > 0.5 and deviation < NOTHING:
        found = f"{constant.sum()} of {len(constant)} hidden units are saturated after {n_updates}"
        alone = "scale the columns of X, or lower learning_rate"
        warn(f"{found} updates: {alone}; in a DBN take narrower layers, or fewer")
    elif deviation < (LITTLE if n_updates < FEW_UPDATES else NOTHING):
        longer = "train longer: with n_epochs=None and batch_size=None there are 1,000 updates"
        columns = "raise learning_rate, or look whether the columns of X vary"
        cure = longer if n_updates < 1000 else columns
        warn(f"hidden units hardly differ from row to row after {n_updates} updates: {cure}")


def doubt_of_answers(answers: NDArray, targets: NDArray, n_updates: int) -> str | None:
    """What is wrong with the answers to training rows: classes, or numbers in columns."""
    longer = "train longer: n_epochs=None and batch_size=None choose enough updates"
    cure = longer if n_updates < 1000 else "raise learning_rate, and scale the columns of X"
    if answers.ndim == 1:
        if (answers == answers[0]).all() and (targets != targets[0]).any():
            found = f"all training rows are taken for class {answers.tolist()[0]!r}"
            rare = "if the others are rare, take DBNClassifier(class_weight='balanced')"
            return f"{found} after {n_updates} updates: {cure}; {rare}"
    elif answers.std(axis=0).max() < 0.1 * targets.std(axis=0).max():
        return f"predictions hardly differ from row to row after {n_updates} updates: {cure}"
    return None
