r"""One machine: two layers of units, the weights between them, and its energy.

Visible states v and hidden states h have the joint energy

    E(v, h) = -log p0(v) - log p0(h) - b·v - c·h - vᵀWh,        p(v, h) = exp(-E(v, h)) / Z,

with visible bias b, hidden bias c and weights W of shape (n_visible, n_hidden). The base measures
p0 and the log-partition functions A of the layers come from `dbnlab.units`. Given one layer, the
units of the other are independent:

    p(h | v) has the input field c + vW,        p(v | h) has the input field b + hWᵀ,

and summing h out leaves the free energy

    F(v) = -log p0(v) - b·v - A_h(c + vW),        p(v) = exp(-F(v)) / Z.

Word counts (`units.ReplicatedSoftmax`) have D c for c and Z_D for Z, with D the words of the row.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dbnlab.units import Unit


@dataclass(eq=False)
class Machine:
    """A restricted Boltzmann machine as mathematics: arrays in, arrays out, nothing checked.

    Parameters
    ----------
    visible, hidden : Unit
        The two layers.
    weights : ndarray of shape (n_visible, n_hidden)
    visible_bias : ndarray of shape (n_visible,)
    hidden_bias : ndarray of shape (n_hidden,), or (n_samples, n_hidden) to differ by row
    """

    visible: Unit
    hidden: Unit
    weights: NDArray
    visible_bias: NDArray
    hidden_bias: NDArray

    def hidden_field(self, V: NDArray) -> NDArray:
        """c + vW of each row."""
        field = V @ self.weights
        field += self.visible.lengths(V) * self.hidden_bias
        return field

    def visible_field(self, H: NDArray) -> NDArray:
        """b + hWᵀ of each row."""
        field = H @ self.weights.T
        field += self.visible_bias
        return field

    def hidden_mean(self, V: NDArray) -> NDArray:
        """E[h | v] of each row."""
        return self.hidden.mean(self.hidden_field(V))

    def visible_mean(self, H: NDArray) -> NDArray:
        """E[v | h] of each row."""
        return self.visible.mean(self.visible_field(H))

    def has_distribution(self) -> bool:
        """Whether exp(-E) has a finite integral; of two Gaussian layers, if W is small enough."""
        layers = self.visible, self.hidden
        visible, hidden = (np.sqrt(np.nan_to_num(unit.variances())) for unit in layers)
        if not (visible.any() and hidden.any()):
            return True
        return np.linalg.norm(visible[:, None] * self.weights * hidden, 2) < 1

    def energy(self, V: NDArray, H: NDArray) -> NDArray:
        """E(v, h) of each pair of rows, in nats."""
        base = self.visible.log_base_measure(V) + self.hidden.log_base_measure(H)
        return -base - V @ self.visible_bias - np.einsum("ij,ij->i", self.hidden_field(V), H)

    def free_energy(self, V: NDArray) -> NDArray:
        """F(v) of each row, in nats."""
        base = self.visible.log_base_measure(V)
        return -base - V @ self.visible_bias - self.hidden.log_partition(self.hidden_field(V))

    def gibbs(self, V: NDArray, n_steps: int, rng: np.random.Generator) -> NDArray:
        """Visible states after `n_steps` of block Gibbs sampling: h given v, then v given h."""
        visible = self.visible.like(V)
        for _ in range(n_steps):
            H = self.hidden.sample(self.hidden_field(V), rng)
            V = visible.sample(self.visible_field(H), rng)
        return V

    def reconstruct(self, V: NDArray, rng: np.random.Generator) -> NDArray:
        """E[v | h] for states h drawn given each row."""
        H = self.hidden.sample(self.hidden_field(V), rng)
        return self.visible.like(V).mean(self.visible_field(H))

    def exchanged(self) -> "Machine":
        """The same distribution in float64, the visible layer called hidden and vice versa."""
        arrays = self.weights.T, self.hidden_bias, self.visible_bias
        return Machine(self.hidden, self.visible, *(a.astype(np.float64) for a in arrays))
