"""Checkpoints: the state of training in a file, so that a killed run loses no bit."""

import copy
import json
import os
from typing import Any

import numpy as np

from dbnlab import files
from dbnlab.learning import State

FREE = ("n_epochs", "verbose")
KIND = "RBM checkpoint"


class Checkpoint:
    """A file that holds the state of training, written after each epoch.

    Opening it on an existing file puts `rng` back to where that run began, so that what `fit` draws
    before the first epoch is drawn again; `restore` then continues where the file was written.

    Parameters
    ----------
    path : path
    parameters : dict
        Those of the model to be trained, as JSON can hold them.
    rng : numpy.random.Generator
        Its generator, before it has drawn anything.

    Raises
    ------
    OSError
        If the file cannot be written to.
    ValueError
        If there is a file that is damaged or comes from other parameters.
    """

    def __init__(
        self, path: str | os.PathLike, parameters: dict[str, Any], rng: np.random.Generator
    ) -> None:
        self.path, self.parameters = path, json.loads(files.as_json(parameters))
        self._found = files.read(path, KIND) if os.path.exists(path) else None
        if self._found:
            header = self._found[0]
            for name, now in sorted(self.parameters.items()):
                then = header["parameters"].get(name)
                if name not in FREE and now != then:
                    self._refuse(f"{name} was {then!r} there and is {now!r} here")
            if header["start"]["bit_generator"] != rng.bit_generator.state["bit_generator"]:
                self._refuse("random_state is a generator of another kind")
            rng.bit_generator.state = header["start"]
        else:
            # A path that cannot be written to is known before the first epoch, not after it.
            files.check_writable(path)
        self._start = copy.deepcopy(rng.bit_generator.state)

    def _refuse(self, why: str) -> None:
        raise ValueError(f"checkpoint {self.path} is of another run: {why}; choose another path")

    def restore(self, state: State, n_epochs: int) -> None:
        """Continue where the file was written, if there was one."""
        if not self._found:
            return
        header, arrays = self._found
        # Means are rounded in another way where the same rows lie otherwise in memory.
        its_bias = arrays.get("data_bias", state.data_bias)
        if not np.allclose(state.data_bias, its_bias, rtol=1e-5, atol=1e-6):
            self._refuse("the training rows are others")
        cure = "delete it, or choose another path"
        with files.damage_named(f"checkpoint {self.path} is damaged", cure):
            state.restore(arrays, header["history"])
            state.rng.bit_generator.state = header["random"]
        if state.n_epochs > n_epochs:
            self._refuse("it has been trained for more than n_epochs already")

    def write(self, state: State) -> None:
        """Replace the file by the present state of training."""
        header = {"model": KIND, "parameters": self.parameters, "history": state.history}
        header |= {"start": self._start, "random": state.rng.bit_generator.state}
        files.write(self.path, header, state.arrays())
