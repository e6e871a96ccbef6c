"""Train with checkpoints in processes that are killed at random moments, until one ends.

Prints the number of runs, of kills, and of runs that ended with the bits of an uninterrupted one.
The processes are forked, so that the packages are loaded only once.
"""

import json
import os
import random
import signal
import sys
import warnings

import numpy as np

from dbnlab import RBM

BACKEND = sys.argv[1]
if BACKEND == "tensorflow":
    # Loaded but not started: each process compiles for itself.
    import dbnlab.tensorflow_learning  # noqa: F401

X = (np.random.default_rng(0).random((300, 12)) < 0.4).astype(np.float32)
RUNS = {
    "cd": {"sparsity_target": 0.2, "sparsity_cost": 0.1, "random_state": 7},
    "pcd": {"algorithm": "pcd", "n_chains": 9, "validation_fraction": 0.2},
}
if BACKEND == "tensorflow":
    del RUNS["cd"]  # Compiling for every process takes seconds.


def train(run, checkpoint, kill_in_save, kill_after):
    """Train in this process and leave the result in a file, or die: with a half-saved state, or so
    many seconds after the first save."""
    savez, n_saves = np.savez, 0

    def dying_savez(file, **arrays):
        nonlocal n_saves
        n_saves += 1
        if n_saves == 2 and kill_after:
            # Seconds of this process, for on a busy machine it may otherwise end before it is
            # killed, and not before the first save, or it would never end.
            signal.setitimer(signal.ITIMER_PROF, kill_after)
        if n_saves == kill_in_save:
            file.write(b"half a checkpoint")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        savez(file, **arrays)

    np.savez = dying_savez
    rbm = RBM(5, batch_size=33, n_epochs=300, backend=BACKEND)
    rbm.set_params(random_state=np.random.default_rng(1)).set_params(**RUNS[run])
    rbm.fit(X, checkpoint=checkpoint)
    arrays = [*rbm.state_.parameters, getattr(rbm, "chains_", np.zeros(0)), rbm.sample(3, 2)]
    with open(f"{run} result", "w") as file:
        json.dump([rbm.history_, *(array.tobytes().hex() for array in arrays)], file)


def ends(run, checkpoint, kill_in_save=None, kill_after=None):
    """Whether a process of its own got to the end."""
    process = os.fork()
    if process == 0:
        train(run, checkpoint, kill_in_save, kill_after)
        os._exit(0)
    return os.waitpid(process, 0)[1] == 0


warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside TensorFlow's threads
moments = random.Random(0)
n_killed = n_equal = 0
for run in RUNS:
    assert ends(run, None)
    with open(f"{run} result") as file:
        expected = file.read()
    os.remove(f"{run} result")
    kills = [{"kill_in_save": 3}, {"kill_in_save": 1}]
    kills += [{"kill_after": moments.uniform(0.001, 0.03)} for _ in range(2)]
    for kill in kills:
        n_killed += not ends(run, f"{run} checkpoint", **kill)
    assert ends(run, f"{run} checkpoint")
    with open(f"{run} result") as file:
        n_equal += file.read() == expected
print(len(RUNS), n_killed, n_equal)
