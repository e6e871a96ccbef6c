r"""The deep belief network as mathematics: directed layers below a machine, the *top RBM*.

With hidden layers h⁽¹⁾ … h⁽ᴸ⁾ above the visible layer h⁽⁰⁾ = v,

    p(v, h⁽¹⁾, …, h⁽ᴸ⁾) = p(v | h⁽¹⁾) p(h⁽¹⁾ | h⁽²⁾) … p(h⁽ᴸ⁻²⁾ | h⁽ᴸ⁻¹⁾) p(h⁽ᴸ⁻¹⁾, h⁽ᴸ⁾),

where the last factor is the top RBM, and each other one a layer of independent units:
p(h⁽ˡ⁻¹⁾ | h⁽ˡ⁾) has the input field a⁽ˡ⁾ + h⁽ˡ⁾ (G⁽ˡ⁾)ᵀ, with generative weights G and biases a.
Inference runs upwards: q(h⁽ˡ⁾ | h⁽ˡ⁻¹⁾) has the field r⁽ˡ⁾ + h⁽ˡ⁻¹⁾ R⁽ˡ⁾, with recognition weights
R and biases r. Greedy training leaves G = R = W of the machine that a layer comes from; up-down
training (`dbnlab.up_down`) unties them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from dbnlab.energy import Machine
from dbnlab.units import Unit

# Input fields summed at a time: few enough to stay in a processor's cache.
CHUNK_VALUES = 2**17
DIRECTED = ("recognition_weights", "recognition_biases", "generative_weights", "generative_biases")


@dataclass(eq=False)
class Stack:
    """A deep belief network: arrays in, arrays out, nothing checked.

    Parameters
    ----------
    units : list of Unit
        Those of v, h⁽¹⁾, …, h⁽ᴸ⁾, without labels.
    top : Machine
        The top RBM; visible units beyond those of h⁽ᴸ⁻¹⁾ are a block of labels.
    recognition_weights, recognition_biases, generative_weights, generative_biases : list of ndarray
        R, r, G and a of each layer. Those of the top RBM, without labels, come last and are views.
    """

    units: list[Unit]
    top: Machine
    recognition_weights: list[NDArray]
    recognition_biases: list[NDArray]
    generative_weights: list[NDArray]
    generative_biases: list[NDArray]

    @classmethod
    def tied(cls, machines: Sequence[Machine], units: list[Unit]) -> Self:
        """Machines on top of each other; the two directions begin with copies of their weights."""
        *below, top = machines
        named = "weights", "hidden_bias", "weights", "visible_bias"  # R, r, G and a
        lists = ([getattr(machine, name).copy() for machine in below] for name in named)
        return cls(units, top, *lists)

    def __post_init__(self) -> None:
        # Views at the top of each list: training that goes on with the top RBM shows there.
        top, n_below, n = self.top, self.units[-2].n_units, self.n_directed
        for weights in (self.recognition_weights, self.generative_weights):
            weights[n:] = [top.weights[:n_below]]
        self.recognition_biases[n:] = [top.hidden_bias]
        self.generative_biases[n:] = [top.visible_bias[:n_below]]

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        # A copy of a view is no view.
        self.__post_init__()

    def directed(self) -> dict[str, NDArray]:
        """The arrays of the layers below the top RBM, by name."""
        lists = {name: getattr(self, name)[: self.n_directed] for name in DIRECTED}
        return {f"{name}_{n}": a for name, arrays in lists.items() for n, a in enumerate(arrays)}

    @property
    def n_directed(self) -> int:
        """Number of layers below the top RBM."""
        return len(self.units) - 2

    @property
    def n_labels(self) -> int:
        """Width of the label block, 0 without one."""
        return self.top.visible.n_units - self.units[-2].n_units

    # Up and down ------------------------------------------------------------------------------

    def up_field(self, S: NDArray, number: int) -> NDArray:
        """Field of the layer above, through recognition weights `number`, from 0 at the bottom."""
        field = S @ self.recognition_weights[number]
        field += self.units[number].lengths(S) * self.recognition_biases[number]
        return field

    def down_field(self, S: NDArray, number: int) -> NDArray:
        """Field of the layer below, through generative weights `number`."""
        field = S @ self.generative_weights[number].T
        field += self.generative_biases[number]
        return field

    def up(self, S: NDArray, n_layers: int, rng: np.random.Generator | None = None) -> NDArray:
        """Means of layer `n_layers`; with a generator, states instead, all the way."""
        for number, unit in enumerate(self.units[1 : n_layers + 1]):
            field = self.up_field(S, number)
            S = unit.sample(field, rng) if rng else unit.mean(field)
        return S

    def visible_field(
        self, S: NDArray, n_layers: int, rng: np.random.Generator | None = None
    ) -> NDArray:
        """Field of the visible layer, down from layer `n_layers` by means; or by states drawn."""
        for number in reversed(range(1, n_layers)):
            unit, field = self.units[number], self.down_field(S, number)
            S = unit.sample(field, rng) if rng else unit.mean(field)
        return self.down_field(S, 0)

    # Labels -----------------------------------------------------------------------------------

    def label_scores(self, S: NDArray) -> NDArray:
        """log of the joint weight of each row of the top's visible states and each label."""
        top, n_below = self.top, S.shape[1]
        label_weights = top.weights[n_below:]
        scores = np.empty((len(S), len(label_weights)), dtype=S.dtype)
        n_rows = max(1, CHUNK_VALUES // top.hidden.n_units)
        for start in range(0, len(S), n_rows):
            rows = slice(start, start + n_rows)
            field = self.up_field(S[rows], self.n_directed)
            for number, weights in enumerate(label_weights):
                scores[rows, number] = top.hidden.log_partition(field + weights)
        return scores + top.visible_bias[n_below:]

    def label_posterior(self, S: NDArray) -> NDArray:
        """p(label | h⁽ᴸ⁻¹⁾) by the free energy of each label, in float64."""
        return softmax(self.label_scores(S).astype(np.float64), axis=1)

    def clamped(self, labels: NDArray) -> Machine:
        """The top RBM given its labels: one without them, whose hidden bias differs by row."""
        top, n_below = self.top, self.units[-2].n_units
        W, b = top.weights[:n_below], top.visible_bias[:n_below]
        c = top.hidden_bias + labels @ top.weights[n_below:]
        return Machine(self.units[-2], top.hidden, W, b, c)

    # Likelihood -------------------------------------------------------------------------------

    def log_weight(self, V: NDArray, rng: np.random.Generator | None = None) -> NDArray:
        """log p(v, h) + log Z - log q(h | v), for states drawn from q, or else for its means."""
        total, S = np.zeros(len(V)), V
        for number, unit in enumerate(self.units[1:-1]):
            field = self.up_field(S, number)
            H = unit.sample(field, rng) if rng else unit.mean(field)
            total -= unit.log_probability(H, field)
            total += self.units[number].log_probability(S, self.down_field(H, number))
            S = H
        if not self.n_labels:
            return total - self.top.free_energy(S)
        total += self.units[-2].log_base_measure(S) + S @ self.generative_biases[-1]
        return total + logsumexp(self.label_scores(S), axis=1)
