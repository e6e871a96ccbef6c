"""Checkpoints: everything that training would go on with, so that a killed run loses no bit."""

import copy
import json
import os
from typing import TYPE_CHECKING

import numpy as np

from dbnlab import model_file

if TYPE_CHECKING:
    from dbnlab.rbm import RBM

ARRAYS = (
    "weights_",
    "visible_bias_",
    "hidden_bias_",
    "data_bias_",
    "chains_",
    "_activity",
    "_log_variance",
)
FREE = ("n_epochs", "verbose")


class Checkpoint:
    """The state of training in a file, written after each epoch.

    Opening it on an existing file puts `rng` back to where that run began, so that what `fit` draws
    before the first epoch is drawn again; `restore` then continues where the file was written.

    Parameters
    ----------
    path : path
    rbm : RBM
        The model to be trained.
    rng : numpy.random.Generator
        Its generator, before it has drawn anything.

    Raises
    ------
    ValueError
        If there is a file that is damaged or comes from other parameters.
    """

    def __init__(self, path: str | os.PathLike, rbm: "RBM", rng: np.random.Generator) -> None:
        self.path = path
        self._found = None
        if os.path.exists(path):
            header, arrays = model_file.read(path, "RBM checkpoint")
            self._found = header, arrays
            self._check_parameters(rbm, header["parameters"])
            self._set(rng, header["start"])
        self._start = copy.deepcopy(rng.bit_generator.state)

    def _check_parameters(self, rbm: "RBM", then: dict) -> None:
        now = json.loads(model_file.as_json(rbm._saved_parameters()))
        # Checkpoints are older than this parameter.
        then = {"learn_variance": False} | then
        for name in sorted(now):
            if name not in FREE and now[name] != then.get(name):
                self._refuse(f"{name} was {then.get(name)!r} there and is {now[name]!r} here")

    def _refuse(self, why: str) -> None:
        raise ValueError(f"checkpoint {self.path} is of another run: {why}; choose another path")

    def _set(self, rng: np.random.Generator, state: dict) -> None:
        if state["bit_generator"] != rng.bit_generator.state["bit_generator"]:
            self._refuse("random_state is a generator of another kind")
        rng.bit_generator.state = state

    def restore(self, rbm: "RBM") -> None:
        """Continue where the file was written, if there was one."""
        if self._found is None:
            return
        header, arrays = self._found
        if not np.array_equal(rbm.data_bias_, arrays["data_bias_"]):
            self._refuse("the training rows are others")
        if len(header["history"]["reconstruction_error"]) > rbm.n_epochs:
            self._refuse("it has been trained for more than n_epochs already")
        for name in ARRAYS:
            if name in arrays:
                setattr(rbm, name, arrays[name])
        if rbm.learn_variance:
            rbm._show_variance()
        n_parameters = len(rbm._parameters())
        rbm._velocity = [arrays[f"velocity_{number}"] for number in range(n_parameters)]
        rbm.history_ = header["history"]
        self._set(rbm._random, header["random"])

    def write(self, rbm: "RBM") -> None:
        """Replace the file by the present state of training."""
        header = {
            "model": "RBM checkpoint",
            "parameters": rbm._saved_parameters(),
            "history": rbm.history_,
            "start": self._start,
            "random": rbm._random.bit_generator.state,
        }
        arrays = {name: getattr(rbm, name) for name in ARRAYS if hasattr(rbm, name)}
        arrays |= {f"velocity_{number}": v for number, v in enumerate(rbm._velocity)}
        model_file.write(self.path, header, arrays)
