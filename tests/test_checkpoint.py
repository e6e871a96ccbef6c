"""A killed run ends with the same bits as one left alone; no damaged file is gone on with."""

import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from models import bits, run_python
from sklearn.base import clone

from dbnlab import RBM, files, learning


def everything(rbm):
    """All that training has made, the draws to come included."""
    chains = getattr(rbm, "chains_", np.zeros(0)).tobytes()
    return bits(rbm), chains, rbm.history_, rbm.sample(3, 2).tobytes()


# Killed and interrupted --------------------------------------------------------------------------

RECIPES = {
    "cd": {},
    "pcd": {"algorithm": "pcd", "n_chains": 11},
    "sparse": {"sparsity_target": 0.2, "sparsity_cost": 0.1, "momentum": [0.5, 0.6, 0.7, 0.8, 0.9]},
    "held out": {"algorithm": "pcd", "validation_fraction": 0.2, "n_chains": 11},
    "variance": {"visible": "gaussian", "learn_variance": True, "learning_rate": 0.01},
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize("seed", [int, np.random.default_rng])
def test_a_run_that_fails_twice_ends_with_the_bits_of_one_that_does_not(
    backend, monkeypatch, tmp_path, X, recipe, seed
):
    rbm = RBM(3, batch_size=7, n_epochs=5, backend=backend).set_params(**recipe)
    expected = everything(clone(rbm).set_params(random_state=seed(3)).fit(X))
    record, epochs = learning.watch, []

    def fail(state, *rows_and_recipe):
        epochs.append(state.n_epochs)
        if len(epochs) in (3, 5):
            raise OSError("disk full")
        return record(state, *rows_and_recipe)

    monkeypatch.setattr(learning, "watch", fail)
    path = tmp_path / "run"
    for _ in range(2):
        with pytest.raises(OSError, match="disk full"):
            rbm.set_params(random_state=seed(3)).fit(X, checkpoint=path)
    rbm.set_params(random_state=seed(3)).fit(X, checkpoint=path)
    assert epochs == [0, 1, 2, 2, 3, 3, 4]
    assert everything(rbm) == expected
    assert os.listdir(tmp_path) == ["run"]


@pytest.mark.parametrize("backend", ["numpy", "tensorflow"])
def test_a_killed_process_starts_again_and_ends_with_the_same_bits(tmp_path, backend):
    program = (Path(__file__).parent / "killed.py").read_text()
    n_runs, n_killed, n_equal = map(int, run_python(program, backend, cwd=tmp_path).split())
    assert n_killed == 4 * n_runs > 0
    assert n_equal == n_runs


def test_more_epochs_go_on_where_the_run_ended(backend, tmp_path, X):
    rbm = RBM(3, batch_size=7, n_epochs=4, backend=backend, random_state=0)
    expected = everything(clone(rbm).fit(X))
    clone(rbm).set_params(n_epochs=2).fit(X, checkpoint=tmp_path / "run")
    assert everything(rbm.fit(X, checkpoint=tmp_path / "run")) == expected


def test_a_finished_run_is_returned_without_training(backend, monkeypatch, tmp_path, X):
    rbm = RBM(3, n_epochs=2, backend=backend, random_state=0)
    expected = everything(clone(rbm).fit(X, checkpoint=tmp_path / "run"))
    before = (tmp_path / "run").read_bytes()
    monkeypatch.setattr(learning, "train_epoch", lambda *arguments: pytest.fail("trained again"))
    assert everything(rbm.fit(X, checkpoint=tmp_path / "run")) == expected
    assert (tmp_path / "run").read_bytes() == before


def test_without_a_seed_the_run_goes_on_with_its_own(tmp_path, X):
    rbm = RBM(3, n_epochs=2, validation_fraction=0.5)
    expected = everything(clone(rbm).fit(X, checkpoint=tmp_path / "run"))
    assert everything(rbm.fit(X, checkpoint=tmp_path / "run")) == expected


# Refusals ----------------------------------------------------------------------------------------


@pytest.fixture
def checkpoint(tmp_path, X):
    path = tmp_path / "run"
    RBM(3, n_epochs=2, random_state=0).fit(X, checkpoint=path)
    return path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_hidden", 4),
        ("learning_rate", 0.1),
        ("momentum", [0.5, 0.9]),
        ("algorithm", "pcd"),
        ("visible", "gaussian"),
        ("validation_fraction", 0.2),
        ("backend", "tensorflow"),
        ("dtype", "float64"),
        ("random_state", 1),
    ],
)
def test_a_checkpoint_of_other_parameters_is_refused_by_name(X, checkpoint, name, value):
    before = checkpoint.read_bytes()
    rbm = RBM(3, n_epochs=2, random_state=0).set_params(**{name: value})
    with pytest.raises(ValueError, match=f"run is of another run: {name} was .* there and is "):
        rbm.fit(X, checkpoint=checkpoint)
    assert checkpoint.read_bytes() == before


EDITS = {
    "other names": lambda header, arrays: {f"{name}_": array for name, array in arrays.items()},
    "one more": lambda header, arrays: arrays | {"more": np.zeros(2)},
    "one less": lambda header, arrays: {k: v for k, v in arrays.items() if k != "velocity_0"},
    "another shape": lambda header, arrays: arrays | {"velocity_1": np.zeros(7, np.float32)},
    "another type": lambda header, arrays: arrays | {"weights": np.zeros((6, 3), int)},
    "not finite": lambda header, arrays: arrays | {"velocity_2": np.full(3, np.nan, np.float32)},
    "history": lambda header, arrays: header["history"].update(update_ratio=[]) or arrays,
    "generator": lambda header, arrays: header["random"].pop("state") and arrays,
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_a_checkpoint_with_other_entries_is_refused(X, checkpoint, edit):
    header, arrays = files.read(checkpoint, "RBM checkpoint")
    files.write(checkpoint, header, edit(header, arrays))
    with pytest.raises(ValueError, match=r"run is damaged .*: delete it, or choose another path"):
        RBM(3, n_epochs=2, random_state=0).fit(X, checkpoint=checkpoint)


def test_a_checkpoint_that_cannot_be_written_is_known_before_the_first_epoch(X, monkeypatch):
    monkeypatch.setattr(learning, "train_epoch", lambda *arguments: pytest.fail("trained"))
    for path, error in {"nowhere/run": FileNotFoundError, "": IsADirectoryError}.items():
        with pytest.raises(error, match=r"there is no folder|is a folder"):
            RBM(3, n_epochs=1).fit(X, checkpoint=path)


def test_a_chunk_that_cannot_be_read_leaves_the_model_that_was_trained_before(X):
    class Broken:
        readings = 0

        def __iter__(self):
            self.readings += 1
            if self.readings == 2:
                raise OSError("disk")
            yield X

    rbm = RBM(3, n_epochs=1, random_state=0).fit(X)
    before = bits(rbm)
    with pytest.raises(OSError, match="disk"):
        rbm.partial_fit(Broken())
    assert bits(rbm) == before


def test_verbose_may_change(X, checkpoint):
    RBM(3, n_epochs=2, verbose=1, random_state=0).fit(X, checkpoint=checkpoint)


def test_a_generator_of_another_kind_is_refused(X, tmp_path):
    rbm = RBM(3, n_epochs=1, random_state=np.random.default_rng(0))
    rbm.fit(X, checkpoint=tmp_path / "run")
    rbm.set_params(random_state=np.random.Generator(np.random.Philox(0)))
    with pytest.raises(ValueError, match="random_state is a generator of another kind"):
        rbm.fit(X, checkpoint=tmp_path / "run")


OTHER_ROWS = {
    "values": lambda X: 1 - X,
    "number": lambda X: X[:-1],
}


@pytest.mark.parametrize("change", OTHER_ROWS.values(), ids=OTHER_ROWS)
def test_a_checkpoint_of_other_rows_is_refused(X, checkpoint, change):
    with pytest.raises(ValueError, match="run is of another run: the training rows are others"):
        RBM(3, n_epochs=2, random_state=0).fit(change(X), checkpoint=checkpoint)


def test_a_checkpoint_beyond_n_epochs_is_refused(X, checkpoint):
    with pytest.raises(ValueError, match="trained for more than n_epochs already"):
        RBM(3, n_epochs=1, random_state=0).fit(X, checkpoint=checkpoint)


def test_a_damaged_checkpoint_is_refused_wherever_it_ends(X, checkpoint):
    whole = checkpoint.read_bytes()
    for length in [*range(0, len(whole), 301), len(whole) - 1]:
        checkpoint.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="run is damaged or not a model saved by dbnlab"):
            RBM(3, n_epochs=2, random_state=0).fit(X, checkpoint=checkpoint)


def test_a_model_is_no_checkpoint_and_a_checkpoint_no_model(X, checkpoint):
    with pytest.raises(ValueError, match="run holds a RBM checkpoint, not a RBM"):
        RBM.load(checkpoint)
    rbm = RBM(3, n_epochs=2, random_state=0).fit(X)
    rbm.save(checkpoint)
    with pytest.raises(ValueError, match="run holds a RBM, not a RBM checkpoint"):
        rbm.fit(X, checkpoint=checkpoint)


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("exploded",))


def as_npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    "content", [pickle.dumps(Bomb()), as_npy(np.array([Bomb()]))], ids=["pickle", "pickled npy"]
)
@pytest.mark.parametrize("entry", ["weights", "velocity_0", "header"])
def test_a_checkpoint_is_never_unpickled(monkeypatch, X, checkpoint, entry, content):
    monkeypatch.chdir(checkpoint.parent)
    with zipfile.ZipFile(checkpoint) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    assert f"{entry}.npy" in entries
    with zipfile.ZipFile(checkpoint, "w") as file:
        for name, kept in entries.items():
            file.writestr(name, content if name == f"{entry}.npy" else kept)
    with pytest.raises(ValueError, match="run is damaged"):
        RBM(3, n_epochs=2, random_state=0).fit(X, checkpoint=checkpoint)
    assert os.listdir() == ["run"]


def test_a_folder_that_is_not_there_is_reported(X, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        RBM(3, n_epochs=1).fit(X, checkpoint=tmp_path / "nowhere" / "run")


def test_the_same_rows_in_another_order_of_memory_go_on(tmp_path, rng):
    X = rng.standard_normal((500, 6))
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    rbm = RBM(4, visible="gaussian", n_epochs=2, random_state=0)
    rbm.fit(X, checkpoint=tmp_path / "run")
    again = clone(rbm).fit(np.asfortranarray(X), checkpoint=tmp_path / "run")
    assert bits(again) == bits(rbm)
