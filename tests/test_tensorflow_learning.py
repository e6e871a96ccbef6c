"""What only the TensorFlow engine has; the behaviour it shares is in test_rbm.py, for both."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from models import mean_log_likelihood, run_python
from sklearn.exceptions import NotFittedError

import dbnlab
from dbnlab import RBM, tensorflow_learning, units

# The same numbers, the same weights ---------------------------------------------------------------


def numbers(unit, n_rows, seed):
    """What the compiled engine draws for `n_rows` of a layer, in the order in which NumPy asks."""
    if isinstance(unit, units.Joint):
        seeds = tensorflow_learning._split(seed, len(unit.units))
        return [u for part, s in zip(unit.units, seeds) for u in numbers(part, n_rows, s)]
    draw = tensorflow_learning._uniform
    if isinstance(unit, units.Gaussian):
        draw = tensorflow_learning._normal
    width = len(unit.sizes) if isinstance(unit, units.Softmax) else unit.n_units
    return [draw([n_rows, width], seed, dtype="float64").numpy()]


class Replayed(np.random.Generator):
    """As the generator of this seed, until an epoch has shuffled its rows; then what the compiled
    engine draws in that epoch."""

    def __init__(self, seed, rbm):
        super().__init__(np.random.PCG64(seed))
        self.rbm = rbm
        self.queue = []

    def permutation(self, rows):
        assert not self.queue
        order = super().permutation(rows)
        n_full = min(self.rbm.batch_size, len(order))
        n_whole, rest = divmod(len(order), n_full)
        for n_rows, n_batches in (n_full, n_whole), (rest, 1):
            if n_rows:
                seeds = self.integers(2**31, size=(n_batches, 2 * self.rbm.n_gibbs, 2))
                self.queue += [u for of_batch in seeds for u in self.of_update(n_rows, of_batch)]
        return order

    def of_update(self, n_rows, seeds):
        persistent = self.rbm.algorithm == "pcd"
        n_rows = self.rbm.n_chains if persistent else n_rows
        visible = units.resolve(self.rbm.visible, self.rbm.n_features_in_, "visible")
        hidden = units.resolve(self.rbm.hidden, self.rbm.n_hidden, "hidden")
        end_or_start = numbers(hidden, n_rows, seeds[0])
        queue = numbers(visible, n_rows, seeds[1])
        for step in range(1, self.rbm.n_gibbs):
            queue += numbers(hidden, n_rows, seeds[2 * step])
            queue += numbers(visible, n_rows, seeds[2 * step + 1])
        return queue + end_or_start if persistent else end_or_start + queue

    def random(self, shape, dtype):
        return self.next(shape) if self.queue else super().random(shape, dtype)

    def standard_normal(self, shape, dtype=np.float64):
        return self.next(shape) if self.queue else super().standard_normal(shape, dtype)

    def next(self, shape):
        drawn = self.queue.pop(0)
        assert drawn.shape == shape
        return drawn


def rows(kind, n_rows):
    rng = np.random.default_rng(1)
    if kind in ("gaussian", "variances"):
        return rng.standard_normal((n_rows, 64))
    if kind == "softmax":
        return np.eye(4)[rng.integers(4, size=(n_rows, 16))].reshape(n_rows, 64)
    if kind == "joint":
        return np.hstack([rows(name, n_rows) for name in ("bernoulli", "softmax", "gaussian")])
    return (rng.random((n_rows, 64)) < 0.3).astype(float)


VISIBLE = {
    "softmax": units.Softmax([4] * 16),
    "joint": units.Joint(units.Bernoulli(64), units.Softmax([4] * 16), units.Gaussian(64)),
    "variances": units.Gaussian(64, np.linspace(0.2, 3, 64)),
}
PCD = {"algorithm": "pcd", "n_chains": 50}
CASES = {
    "CD-1": {},
    "full batches only": {"n_rows": 500},
    "one batch": {"n_rows": 530, "batch_size": 530},
    "momentum": {"momentum": 0.7},
    "weight decay": {"weight_decay": 0.1},
    "CD-3": {"n_gibbs": 3},
    "PCD": PCD,
    "PCD-3": PCD | {"n_gibbs": 3},
    "PCD of one chain": {"algorithm": "pcd", "n_chains": 1, "n_gibbs": 2},
    "sparsity": {"sparsity_target": 0.1, "sparsity_cost": 0.5},
    "sparsity in PCD": PCD | {"sparsity_target": 0.1, "sparsity_cost": 0.5},
    "gaussian": {"visible": "gaussian", "n_gibbs": 2},
    "softmax": {"visible": "softmax", "n_gibbs": 2},
    "joint": {"visible": "joint", "n_gibbs": 2},
    "gaussian with variances": {"visible": "variances", "n_gibbs": 2},
    "learned variance": {"visible": "gaussian", "n_gibbs": 2, "learn_variance": True},
    "learned variance from another start": {"visible": "variances", "learn_variance": True},
    "learned variance in PCD": PCD | {"visible": "gaussian", "learn_variance": True},
    "learned variance in a joint layer": {"visible": "joint", "learn_variance": True},
    "sparsity and learned variance": {
        "visible": "gaussian",
        "learn_variance": True,
        "sparsity_target": 0.1,
        "sparsity_cost": 0.5,
        "momentum": 0.7,
    },
    "learned variance at its bounds": {
        "visible": "gaussian",
        "learn_variance": True,
        "scale": 1e-3,
        "learning_rate": 0.5,
    },
    "gaussian hidden": {"hidden": "gaussian", "n_gibbs": 2},
    "gaussian hidden in PCD": PCD | {"hidden": "gaussian", "visible": "softmax"},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_both_engines_turn_the_same_numbers_into_the_same_weights(case):
    case = {"n_rows": 530, "visible": "bernoulli", "momentum": 0.0, "weight_decay": 0.0} | case
    X = rows(case["visible"], case.pop("n_rows")) * case.pop("scale", 1)
    case["visible"] = VISIBLE.get(case["visible"], case["visible"])
    case = {"learning_rate": 0.01, "batch_size": 100} | case | {"n_epochs": 2, "dtype": "float64"}
    compiled = RBM(16, backend="tensorflow", random_state=0, **case).fit(X)
    plain = RBM(16, **case)
    plain.set_params(random_state=Replayed(0, plain)).fit(X)
    for array, expected in zip(compiled.state_.parameters, plain.state_.parameters):
        np.testing.assert_allclose(array, expected, rtol=0, atol=1e-10)
    for name, values in plain.history_.items():
        np.testing.assert_allclose(compiled.history_[name], values, rtol=1e-10)
    if compiled.algorithm == "pcd":
        np.testing.assert_allclose(compiled.chains_, plain.chains_, rtol=0, atol=1e-10)


def test_no_call_and_no_epoch_draws_the_numbers_of_another():
    coins = RBM.from_arrays(np.zeros((64, 1)), np.zeros(64), np.zeros(1), backend="tensorflow")
    start = np.zeros((1, 64))
    assert len({coins.gibbs(start).tobytes() for _ in range(250)}) == 250
    settings = {"algorithm": "pcd", "n_chains": 1, "learning_rate": 1e-9, "n_epochs": 250}
    chains = set()
    RBM(64, backend="tensorflow", **settings).train(
        start, callback=lambda state: chains.add(state.chains.tobytes())
    )
    assert len(chains) == 250


def test_training_goes_on_with_the_other_engine(X):
    rbm = RBM(3, algorithm="pcd", n_chains=9, sparsity_target=0.2, sparsity_cost=0.1)
    rbm.set_params(random_state=0).partial_fit(X)
    for backend in ("tensorflow", "numpy", "tensorflow"):
        before = [*rbm.state_.parameters, rbm.chains_]
        kept = [array.copy() for array in before]
        rbm.set_params(backend=backend).partial_fit(X)
        now = [*rbm.state_.parameters, rbm.chains_]
        assert all((array != old).any() for array, old in zip(now, kept))
        assert all(type(array) is np.ndarray and array.dtype == np.float32 for array in now)
    assert len(rbm.history_["update_ratio"]) == 4


# Devices -----------------------------------------------------------------------------------------


def test_two_devices_give_the_update_of_one():
    apart = json.loads(run_python((Path(__file__).parent / "two_devices.py").read_text()))
    assert len(apart) == 5
    for name, difference in apart.items():
        assert difference < 1e-10, name


def test_compiled_by_xla_it_learns_and_samples(monkeypatch):
    monkeypatch.setattr(tensorflow_learning, "_compiles_to_xla", lambda strategy: True)
    X = np.repeat([[0.0, 0, 1, 1], [1, 1, 0, 0]], 32, axis=0)
    rbm = RBM(4, n_gibbs=2, n_epochs=100, batch_size=10, learning_rate=0.1, backend="tensorflow")
    rbm.set_params(random_state=0).fit(X)
    # The best is -log 2, independent columns reach -4 log 2.
    assert -np.log(2) - 0.3 < mean_log_likelihood(rbm, X) < -np.log(2)
    V = rbm.sample(1000, 50, random_state=0)
    assert (V[:, None] == X[[0, -1]]).all(axis=2).any(axis=1).mean() > 0.8


@pytest.mark.parametrize(
    ("n_replicas", "gpus", "compiled"),
    [(1, ["GPU:0"], True), (1, [], False), (2, ["GPU:0", "GPU:1"], False), (2, [], False)],
)
def test_xla_is_for_one_gpu(monkeypatch, n_replicas, gpus, compiled):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: gpus)
    strategy = SimpleNamespace(num_replicas_in_sync=n_replicas)
    assert tensorflow_learning._compiles_to_xla(strategy) is compiled


@pytest.mark.parametrize(
    ("backend", "strategy", "error", "message"),
    [
        ("numpy", tf.distribute.get_strategy(), ValueError, "strategy needs backend='tensorflow'"),
        ("tensorflow", "mirrored", TypeError, r"must be a tf\.distribute\.Strategy, .*'mirrored'"),
        ("tensorflow", tf.distribute.MirroredStrategy, TypeError, "must be a tf.distribute"),
    ],
)
def test_a_strategy_that_cannot_be_used_is_refused(X, backend, strategy, error, message):
    rbm = RBM(3, backend=backend)
    with pytest.raises(error, match=message):
        rbm.fit(X, strategy=strategy)
    with pytest.raises(NotFittedError):
        rbm.transform(X)


@pytest.mark.parametrize("started", [False, True])
def test_gpus_are_told_to_take_memory_as_it_is_needed_unless_they_have_started(
    monkeypatch, X, started
):
    told = []

    def set_memory_growth(gpu, grows):
        told.append((gpu, grows))
        if started:
            raise RuntimeError("Physical devices cannot be modified after being initialized")

    rbm = RBM(3, n_epochs=1, backend="tensorflow").fit(X)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [f"first {kind}", "other"])
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", set_memory_growth)
    for use in rbm.fit, rbm.gibbs:
        use(X)
        assert told == [("first GPU", True), ("other", True)]
        told.clear()


# What is not there -------------------------------------------------------------------------------


@pytest.fixture
def not_loaded(monkeypatch):
    """As in a process that has not asked for TensorFlow yet."""
    monkeypatch.delitem(sys.modules, "dbnlab.tensorflow_learning")
    monkeypatch.delattr(dbnlab, "tensorflow_learning")


@pytest.fixture(params=["missing", "broken"])
def no_tensorflow(request, not_loaded, monkeypatch, tmp_path):
    """TensorFlow is not installed, or its libraries do not load; yields the reason."""
    if request.param == "missing":
        monkeypatch.setitem(sys.modules, "tensorflow", None)
        return "import of tensorflow halted"
    (tmp_path / "tensorflow.py").write_text("raise OSError('libcudart.so.12: no such file')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tensorflow")
    return r"libcudart\.so\.12: no such file"


@pytest.mark.parametrize("method", ["fit", "partial_fit", "gibbs"])
def test_without_tensorflow_one_sentence_names_the_cure(no_tensorflow, X, method):
    rbm = RBM(3, backend="tensorflow")
    if method == "gibbs":
        rbm.set_params(backend="numpy").fit(X).set_params(backend="tensorflow")
    cure = r'\): install what this needs with \S+ -m pip install "dbnlab\[tensorflow\]"$'
    with pytest.raises(ImportError, match=f"tensorflow does.*{no_tensorflow}.*{cure}") as caught:
        getattr(rbm, method)(X)
    assert "\n" not in str(caught.value)
    if method == "gibbs":
        return
    with pytest.raises(NotFittedError):
        rbm.transform(X)


@dataclass(frozen=True)
class Foreign(units.Unit):
    """A binary unit that the compiled engine has not heard of."""

    n_units: int
    bias_from_mean = units.Bernoulli.bias_from_mean
    mean = units.Bernoulli.mean
    draw = units.Bernoulli.draw


def test_units_without_a_compiled_form_are_refused_by_name(X):
    RBM(3, visible=Foreign(6)).fit(X)
    rbm = RBM(3, visible=Foreign(6), backend="tensorflow")
    with pytest.raises(NotImplementedError, match="does not know Foreign units"):
        rbm.fit(X)
    with pytest.raises(NotFittedError):
        rbm.transform(X)


# Rows beyond the device's memory -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_rows", "chunks"), [(15, [14, 14, 14, 14, 4]), (7, [7] * 8 + [4]), (3, [7] * 8 + [4])]
)
def test_rows_that_fill_the_device_are_sent_in_chunks_and_each_is_taken_once(
    monkeypatch, dark, n_rows, chunks
):
    sent = []
    on_device = tensorflow_learning._on_device
    monkeypatch.setattr(
        tensorflow_learning, "_on_device", lambda X, dtype: sent.append(X) or on_device(X, dtype)
    )
    X = np.eye(60)
    monkeypatch.setattr(tensorflow_learning, "RESIDENT_BYTES", X.nbytes - 1)
    monkeypatch.setattr(tensorflow_learning, "CHUNK_BYTES", n_rows * X[:1].nbytes)
    rbm = RBM(2, batch_size=7, momentum=0.5, backend="tensorflow", dtype="float64", n_epochs=1)
    rbm.fit(X)
    # The earlier a row's update, the longer its bias has moved.
    _, rows_of_update = np.unique((rbm.visible_bias_ + 60).round(10), return_counts=True)
    assert sorted(rows_of_update) == [4, 7, 7, 7, 7, 7, 7, 7, 7]
    assert [len(chunk) for chunk in sent] == chunks


def test_rows_that_fit_are_sent_once(monkeypatch, X):
    sent = []
    on_device = tensorflow_learning._on_device
    monkeypatch.setattr(
        tensorflow_learning, "_on_device", lambda X, dtype: sent.append(X) or on_device(X, dtype)
    )
    monkeypatch.setattr(tensorflow_learning, "RESIDENT_BYTES", X.nbytes)
    RBM(2, batch_size=7, backend="tensorflow", n_epochs=4).fit(X)
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("given", "on_device"), [("uint8", "uint8"), ("float64", "float32"), ("float32", "float32")]
)
def test_bytes_stay_bytes_on_the_device_and_floats_take_the_precision_of_the_model(
    X, given, on_device
):
    rows = tensorflow_learning._on_device(X.astype(given), "float32")
    assert rows.dtype == on_device
    np.testing.assert_array_equal(rows, X.astype(on_device))
