r"""Parallel tempering: states on a ladder of machines, from an easy one to the one of interest.

Each rung of the ladder holds a state of its own machine and moves it by Gibbs sampling. Then
neighbours may exchange their states: v of machine i and v' of machine i + 1 with probability

    min(1, p_i(v') p_{i+1}(v) / p_i(v) p_{i+1}(v')) = min(1, exp(u(v') - u(v))),

with u = F_{i+1} - F_i, which leaves the product of all p_i as it is (Desjardins et al. 2010). Where
the lowest machine forgets at once, a state that has been down there comes back to the top as a
fresh one: such *round trips* are what the sampler is worth, not the share of accepted exchanges.
Even they see only modes that the lower rungs lead to: compare runs that start in different modes.

The rungs may lie on a straight line from independent units to the machine (`rungs`), or be the
machine at several moments of its training, above independent units (trajectory tempering, Béreux et
al. 2025): any list of machines with the same visible units will do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit, stdtrit

from dbnlab import checks, convergence, likelihood
from dbnlab.energy import Machine
from dbnlab.learning import OF_MACHINE
from dbnlab.rbm import RBM


@dataclass(eq=False)
class Ladder:
    """States on every rung, in independent columns, and what has become of them.

    Parameters
    ----------
    machines : list of Machine
        From the easiest to the one of interest.
    V : ndarray of shape (n_rungs, n_chains, n_visible)
        Visible states; ``V[-1]`` are those of the machine of interest.
    works : list of lists of ndarray of shape (2, n_chains)
        For each pair of neighbours and each attempt at an exchange, u of the lower state and of
        the upper one.
    accepted : ndarray of shape (n_rungs - 1,)
        Exchanges made between each pair of neighbours.
    origin : ndarray of shape (n_rungs, n_chains)
        Of each state: 1 if it has come from the top, -1 if it has since been at the bottom, else 0.
    round_trips : int
        How often a state of the top has returned there by way of the bottom, all columns together.
    """

    machines: list[Machine]
    V: NDArray

    def __post_init__(self) -> None:
        n_pairs, shape = len(self.V) - 1, self.V.shape[:2]
        self.works: list[list[NDArray]] = [[] for _ in range(n_pairs)]
        self.accepted, self.origin = np.zeros(n_pairs), np.zeros(shape, dtype=int)
        self.n_sweeps = self.round_trips = 0

    @property
    def acceptance(self) -> NDArray:
        """Share of the attempted exchanges that were made, shape (n_rungs - 1,)."""
        return self.accepted / [max(1, len(works) * self.V.shape[1]) for works in self.works]

    def sweep(self, rng: np.random.Generator) -> None:
        """One Gibbs step on each rung, then exchanges of every other pair of neighbours."""
        for number, machine in enumerate(self.machines):
            self.V[number] = machine.gibbs(self.V[number], 1, rng)
        for lower in range(self.n_sweeps % 2, len(self.V) - 1, 2):
            self.exchange(lower, rng)
        self.n_sweeps += 1
        self.round_trips += int((self.origin[-1] == -1).sum())
        self.origin[-1] = 1
        self.origin[0] = -np.abs(self.origin[0])

    def exchange(self, lower: int, rng: np.random.Generator) -> None:
        """Exchange the states of the rungs `lower` and `lower` + 1 where chance allows it."""
        pair, n_chains = slice(lower, lower + 2), self.V.shape[1]
        V = np.concatenate(self.V[pair])
        below, above = self.machines[pair]
        u = (above.free_energy(V) - below.free_energy(V)).reshape(2, n_chains)
        accepted = np.log(1 - rng.random(n_chains)) <= u[1] - u[0]
        for states in (self.V[pair], self.origin[pair]):
            states[:, accepted] = states[::-1, accepted]
        self.accepted[lower] += accepted.sum()
        self.works[lower].append(u)


def rungs(rbm: RBM, betas: int | Sequence[float] = 10, X: ArrayLike | None = None) -> list[Machine]:
    """Machines on a straight line from independent units to `rbm`.

    Parameters
    ----------
    rbm : RBM
        A fitted model; of a replicated softmax the model `likelihood.at_length`.
    betas : int or sequence of float, default=10
        Where they lie, from 0 for independent units to 1 for `rbm`; or how many, ever denser
        towards `rbm`.
    X : array-like of shape (n_samples, n_visible), default=None
        Rows whose means make the independent units, as for `likelihood.log_partition`.

    Returns
    -------
    machines : list of Machine
        Biases and weights are (1 - β) times those of the base plus β times those of `rbm`.
    """
    checks.check_machine(rbm)
    if isinstance(betas, Integral):
        checks.check_number(betas, "betas", Integral, min_val=2)
        betas = np.sin(np.linspace(0, np.pi / 2, betas))
    betas = checks.real_array(betas, "betas", ("n_rungs",))
    if betas[0] < 0 or betas[-1] != 1 or (np.diff(betas) < 0).any():
        raise ValueError(f"betas must rise from 0 or more to 1, got {betas.tolist()}")
    start, end = likelihood.base_machine(rbm, X=X), rbm.machine_
    pairs = [(getattr(start, name), getattr(end, name)) for name in OF_MACHINE]
    ladder = [[a + a.dtype.type(beta) * (b - a) for a, b in pairs] for beta in betas]
    return [Machine(end.visible, end.hidden, *arrays) for arrays in ladder]


def run(
    machines: Sequence[Machine],
    n_chains: int = 100,
    n_sweeps: int = 1000,
    init: NDArray | None = None,
    random_state: checks.RandomState = None,
) -> Ladder:
    """Parallel tempering from independent units on every rung.

    Parameters
    ----------
    machines : sequence of Machine
        Two or more with the same visible units, from the easiest to the one of interest, such as
        `rungs` or copies of ``rbm.machine_`` from the course of training.
    n_chains : int, default=100
        Number of independent columns.
    n_sweeps : int, default=1000
        Gibbs steps on each rung. A sweep costs four matrix products a rung.
    init : ndarray of shape (n_chains, n_visible), default=None
        States with which the columns start, on every rung; None draws them from the visible biases
        of the lowest machine.
    random_state : int, numpy.random.Generator or None, default=None

    Returns
    -------
    ladder : Ladder
        ``ladder.V[-1]`` are samples of the last machine; ``ladder.round_trips`` counts the fresh
        states that have come up to it.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range, or the machines do not have the same visible units.
    """
    checks.check_number(n_chains, "n_chains", Integral, min_val=1)
    checks.check_number(n_sweeps, "n_sweeps", Integral, min_val=0)
    machines, rng = list(machines), checks.as_generator(random_state)
    if len(machines) < 2 or len({machine.visible.n_units for machine in machines}) > 1:
        raise ValueError("machines must be two or more, with the same number of visible units")
    unit, bias = machines[0].visible, machines[0].visible_bias
    shape = len(machines), n_chains, len(bias)
    if init is None:
        V = unit.sample(np.tile(bias, (len(machines) * n_chains, 1)), rng).reshape(shape)
    else:
        rows = unit.check(checks.real_array(init, "init").astype(bias.dtype, copy=False))
        if rows.shape != shape[1:]:
            raise ValueError(f"init must have shape {shape[1:]}, got {rows.shape}")
        V = np.tile(rows, (len(machines), 1, 1))
    ladder = Ladder(machines, V)
    for _ in range(n_sweeps):
        ladder.sweep(rng)
    return ladder


def log_partition(ladder: Ladder) -> likelihood.LogPartition:
    """log Z of the last machine of a ladder, by the acceptance ratio of Bennett (1976).

    The lowest machine must have no weights, so that its Z is known. Each pair of neighbours adds
    the logarithm of the ratio of their Z, from what the exchanges between them have measured in the
    last four fifths of the sweeps.

    Parameters
    ----------
    ladder : Ladder
        From `run`, with two chains or more.

    Returns
    -------
    log_z : likelihood.LogPartition
        In nats. The 95 % interval comes from the spread over the independent chains. In the place
        of the effective sample size stand the round trips; a ConvergenceWarning says if there are
        fewer than 3.

    Raises
    ------
    ValueError
        If the lowest machine has weights, or the ladder too few chains or sweeps.
    """
    bottom, n = ladder.machines[0], ladder.V.shape[1]
    checks.check_number(n, "n_chains of the ladder", Integral, min_val=2)
    checks.check_number(ladder.n_sweeps, "n_sweeps of the ladder", Integral, min_val=2)
    if bottom.weights.any():
        raise ValueError("log Z needs a ladder whose lowest machine has no weights: see `rungs`")
    value = likelihood.log_partition_of_independent(bottom)
    moved = np.zeros(n)
    for works in ladder.works:
        u = np.array(works[len(works) // 5 :], dtype=np.float64)
        ratio, of_chain = bennett(u[:, 0], -u[:, 1])
        value += ratio
        moved += of_chain
    error = float(stdtrit(n - 1, 0.975) * moved.std(ddof=1) / np.sqrt(n))
    if ladder.round_trips < likelihood.FEW_RUNS:
        convergence.warn(
            f"{ladder.round_trips} states have made the round trip of the ladder: raise n_sweeps, "
            f"or choose other rungs; trust neither value nor interval"
        )
    return likelihood.LogPartition(value, value - error, value + error, float(ladder.round_trips))


def bennett(forward: NDArray, backward: NDArray) -> tuple[float, NDArray]:
    """log Z'/Z from the work F' - F at states of p and F - F' at states of p', rows and chains.

    The root of Bennett's equation, and how far each chain (column) has moved it.
    """

    def excess(ratio: float) -> NDArray:
        return expit(-(forward + ratio)) - expit(-(backward - ratio))

    low, high = min(-forward.max(), backward.min()), max(-forward.min(), backward.max())
    ratio = brentq(lambda ratio: excess(ratio).mean(), low, high) if low < high else low
    p, q = expit(-(forward + ratio)), expit(-(backward - ratio))
    slope = (p * (1 - p) + q * (1 - q)).mean()
    return ratio, (p - q).mean(axis=0) / slope
