"""The tests of lesson 16 on dbnlab and on other implementations of RBMs.

    python benchmarks/conformance.py scikit-learn

runs the tests that the lesson shows, through an adapter of about ten lines, and replaces the part
of this implementation in results/conformance.json. It needs NumPy and the implementation, in an
environment of its own:

    lesson 16, dbnlab     pip install -c constraints.txt -e ".[course]"   (in the clone)
    scikit-learn          pip install scikit-learn==1.9.1
    learnergy             pip install torch==2.13.0 learnergy==2.0.2
    rbms                  pip install torch==2.13.0 rbms==0.5.0
    restricted-boltzmann  pip install restricted-boltzmann==0.3.5

The others are no packages; put a clone of their GitHub repository on PYTHONPATH:

    PyDeep               MelJan/PyDeep        pip install numpy scipy matplotlib requests
    PGM                  jertubiana/PGM, folders source and utilities
                                              pip install numpy scipy numba
    pytorch-rbm          GabrielBianconi/pytorch-rbm
                                              pip install numpy torch==2.13.0
    echen                echen/restricted-boltzmann-machines
                                              pip install numpy
    deep-belief-network  albertbup/deep-belief-network
                                              pip install numpy scipy scikit-learn

An adapter says what its implementation documents: `n_steps = 1` is CD-1 (without it, PCD), `means`
probabilities in place of visible states in CD-1, and `lacks`, by the name of a test, what it does
not claim to do; `untested` names what it claims and is not tested here.
"""

import contextlib
import io
import subprocess
import sys
import warnings
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
import stored
from lesson_code import run_cells

TARGET = Path(__file__).parent / "results" / "conformance.json"
PAGE = "16_twelve_mistakes"
# The page compares two codes after each test; here only the tests are wanted.
NAMES = {"np": np, "product": product, "compare": lambda name, test: None}
LESSON = run_cells(PAGE, "test", **NAMES)
OF_LESSON = ("constant_column", "one_more_row", "log_Z_error", "gaussian_noise", "mean_update")
OF_LESSON += ("decay_and_rate", "momentum_adds_up", "own_draws", "arrays_unchanged")
OF_LESSON += ("network_starts_there",)
NO_OPTION = "has no such option"
NO_DECAY, NO_MOMENTUM = {"decay_and_rate": NO_OPTION}, {"momentum_adds_up": NO_OPTION}
NO_LOG_Z = {"log_Z_error": "does not estimate log Z"}
NO_GAUSSIAN = {"gaussian_noise": "has binary visible units only"}
NO_NETWORK = {"network_starts_there": "does not fine-tune"}
OWN_BATCHES = {"arrays_unchanged": "the adapter makes the batches"}
OLD_NETWORK = {"network_starts_there": "its network needs TensorFlow 1"}
NO_SAMPLES = {"samples_follow_p": "has no call that samples"}


def hidden_means_exact(code):
    """Largest error of the hidden means."""
    rng = np.random.default_rng(0)
    theta = rng.standard_normal((6, 4)), rng.standard_normal(6), rng.standard_normal(4)
    V = LESSON["states"](6)
    wanted = LESSON["sigmoid"](theta[2] + V @ theta[0])
    return np.abs(code.hidden_means(theta, V) - wanted).max(), 1e-4


def samples_follow_p(code):
    """Largest error of the frequencies of 10,000 samples, in standard deviations."""
    rng, V = np.random.default_rng(2), LESSON["states"](4)
    theta = rng.standard_normal((4, 3)), rng.standard_normal(4), rng.standard_normal(3)
    samples = code.sample(theta, np.zeros((10_000, 4)), n_steps=50)
    found = (samples[:, None] == V).all(axis=2).mean(axis=0)
    p = np.exp(LESSON["log_p"](theta, V))
    return np.abs((found - p) / np.sqrt(p * (1 - p) / 10_000)).max(), 4.5


def mean_update_by_visible_means(theta, rows):
    """Enumerated mean update of CD-1 whose visible units are probabilities."""
    (W, b, c), sigmoid = theta, LESSON["sigmoid"]
    H, means = LESSON["states"](len(c)), sigmoid(c + rows @ W)
    p_h = np.where(H > 0, means[:, None], 1 - means[:, None]).prod(axis=2).mean(axis=0)
    V = sigmoid(b + H @ W.T)
    back = sigmoid(c + V @ W)
    of_W = rows.T @ means / len(rows) - (V.T * p_h) @ back
    of_biases = rows.mean(axis=0) - p_h @ V, means.mean(axis=0) - p_h @ back
    return np.concatenate([of_W.ravel(), *of_biases])


class Code:
    """An adapter: `new` makes a machine, with the parameters theta if given; `fit` trains one.

    By default `fit` cuts the rows into batches, for implementations that leave this to their user.
    """

    package, n_steps, means, gaussian = None, None, False, None
    lacks, untested = {}, {}

    def gradient(self, theta, rows):
        if self.means:
            return mean_update_by_visible_means(theta, rows)
        return LESSON["gradient"](theta, rows, self.n_steps)

    def fit(self, X, theta=None, seed=0, n_hidden=2, batch=10, epochs=1, **options):
        rng = self.seed(seed)
        model = self.new(X.shape[1], n_hidden, theta, batch=batch, X=X, **options)
        for _ in range(epochs):
            order = rng.permutation(len(X))
            for first in range(0, len(X), batch):
                self.step(model, X[order[first : first + batch]])
        return self.parameters(model)

    def seed(self, seed):
        np.random.seed(seed)  # noqa: NPY002 - what these implementations draw from
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(seed)
        return np.random.default_rng(seed)

    def of(self, theta, **options):
        return self.new(*theta[0].shape, theta, **options)


class Lesson(Code):
    package = "dbnlab"

    def __init__(self, *lines):
        self.page = run_cells(PAGE, "source", "test", "adapter", **NAMES)
        self.code = self.page["Adapter"](lines)
        self.hidden_means, self.sample = self.code.hidden_means, self.code.sample
        self.log_Z, self.network = self.code.log_Z, self.code.network

    def fit(self, X, theta=None, **options):
        return self.code.fit(X, theta, **options)

    @property
    def gaussian(self):
        return Lesson(*self.page["GAUSSIAN"])


class Dbnlab(Code):
    package, units = "dbnlab", {}

    def new(self, n_visible, n_hidden, theta=None, rate=0.1, decay=0.0, **options):
        import dbnlab

        options = {"algorithm": "pcd", "momentum": 0.0, "dtype": "float64"} | options
        options |= {"learning_rate": rate, "weight_decay": decay}
        if theta is None:
            return dbnlab.RBM(n_hidden, **options)
        return dbnlab.RBM.from_arrays(*theta, **self.units, **options)

    def fit(self, X, theta=None, seed=0, n_hidden=2, batch=10, epochs=1, **options):
        options |= {"batch_size": batch, "n_epochs": epochs, "random_state": seed}
        rbm = self.new(X.shape[1], n_hidden, theta, **options)
        rbm = rbm.fit(X) if theta is None else rbm.partial_fit(X)
        return rbm.weights_, rbm.visible_bias_, rbm.hidden_bias_

    def hidden_means(self, theta, V):
        return self.of(theta).transform(V)

    def sample(self, theta, V, n_steps, seed=0):
        return self.of(theta).gibbs(V, n_steps=n_steps, random_state=seed)

    def log_Z(self, theta, X):
        from dbnlab import likelihood

        return likelihood.log_partition(self.of(theta), n_betas=300, X=X, random_state=0).value

    def network(self, rbms, V):
        from dbnlab import DBN

        return DBN.from_rbms([self.of(theta) for theta in rbms]).to_keras().predict(V, verbose=0)

    @property
    def gaussian(self):
        from dbnlab.units import Gaussian

        code = Dbnlab()
        code.units = {"visible": Gaussian(6, 0.1)}
        return code


class ScikitLearn(Code):
    package = "scikit-learn"
    lacks = NO_DECAY | NO_MOMENTUM | NO_LOG_Z | NO_GAUSSIAN | NO_NETWORK

    def new(self, n_visible, n_hidden, theta=None, rate=0.1, batch=10, epochs=1, X=None):
        from sklearn.neural_network import BernoulliRBM

        options = {"learning_rate": rate, "batch_size": batch, "n_iter": epochs}
        rbm = BernoulliRBM(n_hidden, **options)
        if theta is not None:
            rbm.partial_fit(np.zeros((batch, n_visible)))
            rbm.components_ = theta[0].T.copy()
            rbm.intercept_visible_, rbm.intercept_hidden_ = theta[1].copy(), theta[2].copy()
        return rbm

    def fit(self, X, theta=None, seed=0, n_hidden=2, **options):
        if theta is not None:
            return super().fit(X, theta, seed, n_hidden, **options)
        self.seed(seed)
        return self.parameters(self.new(X.shape[1], n_hidden, **options).fit(X))

    def step(self, rbm, V):
        rbm.partial_fit(V)

    def parameters(self, rbm):
        return rbm.components_.T, rbm.intercept_visible_, rbm.intercept_hidden_

    def hidden_means(self, theta, V):
        return self.of(theta).transform(V)

    def sample(self, theta, V, n_steps, seed=0):
        self.seed(seed)
        rbm = self.of(theta)
        for _ in range(n_steps):
            V = rbm.gibbs(V)
        return V.astype(float)


class Learnergy(Code):
    package, n_steps = "learnergy", 1
    lacks = NO_LOG_Z | NO_NETWORK
    lacks |= {"gaussian_noise": "documents deterministic visible states of unit variance"}

    def new(self, n_visible, n_hidden, theta=None, rate=0.1, **options):
        import torch
        from learnergy.models.bernoulli import RBM

        rbm = RBM(n_visible, n_hidden, steps=1, learning_rate=rate, **options)
        with torch.no_grad():
            for own, given in zip((rbm.W, rbm.a, rbm.b), theta or ()):
                own.copy_(torch.as_tensor(given))
        return rbm

    def fit(self, X, theta=None, seed=0, n_hidden=2, batch=10, epochs=1, **options):
        import torch

        torch.manual_seed(seed)
        rbm = self.new(X.shape[1], n_hidden, theta, **options)
        V = torch.from_numpy(X.astype("float32"))
        table = torch.utils.data.TensorDataset(V, torch.zeros(len(V)))
        rbm.fit(table, batch_size=batch, epochs=epochs)
        return [p.detach().numpy().astype(float) for p in (rbm.W, rbm.a, rbm.b)]

    def hidden_means(self, theta, V):
        import torch

        return self.of(theta)(torch.from_numpy(V.astype("float32"))).detach().numpy()

    def sample(self, theta, V, n_steps, seed=0):
        import torch

        torch.manual_seed(seed)
        rbm, V = self.of(theta), torch.from_numpy(V.astype("float32"))
        for _ in range(n_steps):
            V = rbm.visible_sampling(rbm.hidden_sampling(V)[1])[1]
        return V.detach().numpy()


class Rbms(Code):
    package = "rbms"
    lacks = NO_GAUSSIAN | NO_NETWORK
    lacks |= {"decay_and_rate": "has an L2 penalty on all parameters, not a decay"}
    lacks |= {"momentum_adds_up": "leaves it to the optimisers of PyTorch"}
    untested = OWN_BATCHES

    def new(self, n_visible, n_hidden, theta=None, rate=0.1, batch=10, X=None):
        import torch
        from rbms.bernoulli_bernoulli.classes import BBRBM

        if theta is None:
            data = type("Data", (), {"data": X})
            device, dtype = torch.device("cpu"), torch.float64
            rbm = BBRBM.init_parameters(n_hidden, data, device, dtype)
        else:
            W, b, c = (torch.tensor(part) for part in theta)
            rbm = BBRBM(W, b, c)
        rbm.init_grad()
        rbm.chains = rbm.init_chains(batch)
        rbm.optimizer = torch.optim.SGD(rbm.parameters(), lr=rate, maximize=True)
        return rbm

    def step(self, rbm, V):
        import torch

        data = rbm.init_chains(len(V), start_v=torch.from_numpy(V))
        rbm.chains = rbm.sample_state(rbm.chains, n_steps=1)
        rbm.compute_gradient(data, rbm.chains, centered=False)
        rbm.optimizer.step()

    def parameters(self, rbm):
        return [part.detach().numpy() for part in (rbm.weight_matrix, rbm.vbias, rbm.hbias)]

    def start(self, theta, V):
        import torch

        return self.of(theta).init_chains(len(V), start_v=torch.from_numpy(V))

    def hidden_means(self, theta, V):
        return self.start(theta, V)["hidden_mag"].numpy()

    def sample(self, theta, V, n_steps, seed=0):
        self.seed(seed)
        return self.of(theta).sample_state(self.start(theta, V), n_steps)["visible"].numpy()

    def log_Z(self, theta, X):
        from rbms.partition_function.ais import compute_partition_function_ais

        return compute_partition_function_ais(100, 300, self.of(theta))


class RestrictedBoltzmann(Code):
    package, n_steps = "restricted-boltzmann", 1
    lacks = NO_MOMENTUM | NO_LOG_Z | NO_GAUSSIAN | NO_NETWORK

    def new(self, n_visible, n_hidden, theta=None):
        import tensorflow as tf
        from restricted_boltzmann import RestrictedBoltzmann

        rbm = RestrictedBoltzmann()
        if theta is not None:
            rbm.W, rbm.vb, rbm.hb = (tf.Variable(p.astype("float32")) for p in theta)
        return rbm

    def fit(self, X, theta=None, seed=0, n_hidden=2, rate=0.1, batch=10, epochs=1, decay=0.0):
        import tensorflow as tf

        tf.random.set_seed(seed)
        rbm = self.new(X.shape[1], n_hidden, theta)
        # It holds back some of the rows, here one of ten thousand or the least there is.
        options = {"test_size": max(1e-4, 1 / len(X)), "plot": False, "l2_regularization": decay}
        options |= {"diversity_regularization": 0.0, "early_stopping_patience": 9999}
        rbm.train(X, n_hidden, X.shape[1], rate, epochs, batch, **options)
        return [p.numpy().astype(float) for p in (rbm.W, rbm.vb, rbm.hb)]

    def hidden_means(self, theta, V):
        return self.of(theta).get_hidden_activations(V)

    def sample(self, theta, V, n_steps, seed=0):
        import tensorflow as tf

        tf.random.set_seed(seed)
        rbm, V = self.of(theta), tf.constant(V, "float32")
        for _ in range(n_steps):
            V = rbm._sample_v_given_h(rbm._sample_h_given_v(V))
        return V.numpy()


class PyDeep(Code):
    module = "pydeep"
    lacks, untested = NO_NETWORK, OWN_BATCHES

    def new(self, n_visible, n_hidden, theta=None, X=None, batch=10, kind="BinaryBinaryRBM", **own):
        import pydeep.rbm.model
        import pydeep.rbm.trainer

        options = {"initial_visible_offsets": 0.0, "initial_hidden_offsets": 0.0}
        if theta is not None:
            names = ("initial_weights", "initial_visible_bias", "initial_hidden_bias")
            W, b, c = theta
            options |= dict(zip(names, (W.copy(), b[None].copy(), c[None].copy())))
        options |= {"initial_sigma": own.pop("sigma")} if "sigma" in own else {}
        rbm = getattr(pydeep.rbm.model, kind)(n_visible, n_hidden, data=X, **options)
        rbm.trainer = pydeep.rbm.trainer.PCD(rbm, num_chains=batch)
        rate, decay = own.pop("rate", 0.1), own.pop("decay", 0.0)
        rbm.options = {"epsilon": rate, "reg_l2norm": decay, **own}
        rbm.options |= {"update_visible_offsets": 0.0, "update_hidden_offsets": 0.0}
        return rbm

    def step(self, rbm, V):
        rbm.trainer.train(data=V, **rbm.options)

    def parameters(self, rbm):
        return rbm.w, rbm.bv[0], rbm.bh[0]

    def hidden_means(self, theta, V):
        return self.of(theta).probability_h_given_v(V)

    def sample(self, theta, V, n_steps, seed=0):
        self.seed(seed)
        rbm = self.of(theta)
        for _ in range(n_steps):
            V = rbm.sample_v(rbm.probability_v_given_h(rbm.sample_h(rbm.probability_h_given_v(V))))
        return V

    def log_Z(self, theta, X):
        from pydeep.rbm.estimator import annealed_importance_sampling

        return float(np.ravel(annealed_importance_sampling(self.of(theta, X=X), betas=300)[0])[0])

    @property
    def gaussian(self):
        code = PyDeep()
        code.of = lambda theta: self.new(
            6, 2, theta, kind="GaussianBinaryRBM", sigma=np.full((1, 6), np.sqrt(0.1))
        )
        return code


class PytorchRbm(Code):
    module, n_steps, means = "rbm", 1, True
    lacks = NO_LOG_Z | NO_GAUSSIAN | NO_NETWORK
    lacks |= {"samples_follow_p": "its calls named sample return probabilities"}
    untested = OWN_BATCHES

    def new(self, n_visible, n_hidden, theta=None, rate=0.1, decay=0.0, momentum=0.0, **own):
        import torch
        from rbm import RBM

        rbm = RBM(n_visible, n_hidden, 1, rate, momentum, decay, use_cuda=False)
        if theta is not None:
            parts = (torch.tensor(part, dtype=torch.float32) for part in theta)
            rbm.weights, rbm.visible_bias, rbm.hidden_bias = parts
        return rbm

    def step(self, rbm, V):
        import torch

        rbm.contrastive_divergence(torch.from_numpy(V.astype("float32")))

    def parameters(self, rbm):
        parts = rbm.weights, rbm.visible_bias, rbm.hidden_bias
        return [part.numpy().astype(float) for part in parts]

    def hidden_means(self, theta, V):
        import torch

        return self.of(theta).sample_hidden(torch.from_numpy(V.astype("float32"))).numpy()


class Echen(Code):
    module, n_steps, means = "rbm", 1, True
    lacks = NO_DECAY | NO_MOMENTUM | NO_LOG_Z | NO_GAUSSIAN | NO_NETWORK
    lacks |= {"one_more_row": "takes all rows in one batch"}
    lacks |= {"hidden_means_exact": "returns states only"}
    untested = OWN_BATCHES

    def new(self, n_visible, n_hidden, theta=None, rate=0.1, **own):
        from rbm import RBM

        rbm = RBM(n_visible, n_hidden)
        rbm.debug_print, rbm.rate = False, rate
        if theta is not None:
            W, b, c = theta
            rbm.weights = np.block([[np.zeros((1, 1)), c[None]], [b[:, None], W]])
        return rbm

    def step(self, rbm, V):
        rbm.train(V, max_epochs=1, learning_rate=rbm.rate)

    def parameters(self, rbm):
        return rbm.weights[1:, 1:], rbm.weights[1:, 0], rbm.weights[0, 1:]

    def sample(self, theta, V, n_steps, seed=0):
        self.seed(seed)
        rbm = self.of(theta)
        for _ in range(n_steps):
            V = rbm.run_hidden(rbm.run_visible(V))
        return V


class DeepBeliefNetwork(Code):
    module, n_steps, means = "dbn", 1, True
    lacks = NO_DECAY | NO_MOMENTUM | NO_LOG_Z | NO_GAUSSIAN | NO_SAMPLES
    untested = OLD_NETWORK

    def new(self, n_visible, n_hidden, theta=None, rate=0.1, batch=10, epochs=1, X=None):
        from dbn.models import BinaryRBM

        options = {"learning_rate": rate, "batch_size": batch, "n_epochs": epochs}
        rbm = BinaryRBM(n_hidden, verbose=False, **options)
        rbm.set_params(n_epochs=0).fit(np.zeros((1, n_visible)))
        rbm.n_epochs = epochs
        if theta is not None:
            rbm.W, rbm.b, rbm.c = theta[0].T.copy(), theta[1].copy(), theta[2].copy()
        return rbm

    def fit(self, X, theta=None, seed=0, n_hidden=2, **options):
        self.seed(seed)
        rbm = self.new(X.shape[1], n_hidden, theta, **options)
        # The method that `fit` calls after it has drawn new parameters.
        rbm._stochastic_gradient_descent(X)
        return rbm.W.T, rbm.b, rbm.c

    def hidden_means(self, theta, V):
        return self.of(theta).transform(V)


class Pgm(Code):
    module = "rbm"
    lacks = NO_NETWORK
    untested = dict.fromkeys(("gaussian_noise", "log_Z_error"), "no adapter for it here")

    def new(self, n_visible, n_hidden, theta=None):
        import rbm

        model = rbm.RBM(n_v=n_visible, n_h=n_hidden, visible="Bernoulli", hidden="Bernoulli")
        if theta is not None:
            W, b, c = (part.astype(model.weights.dtype) for part in theta)
            model.weights, model.vlayer.fields, model.hlayer.fields = W.T.copy(), b, c
        return model

    def fit(self, X, theta=None, seed=0, n_hidden=2, rate=0.1, batch=10, epochs=1, **options):
        self.seed(seed)
        model = self.new(X.shape[1], n_hidden, theta)
        own = {"optimizer": "SGD", "batch_norm": False, "lr_decay": False, "verbose": 0}
        own |= {"init": "independent" if theta is None else "previous"}
        if options.get("momentum"):
            own |= {"optimizer": "momentum", "extra_params": options["momentum"]}
            # Its steps are moving averages, whose weights sum to 1.
            rate /= 1 - options["momentum"]
        own |= {"l2": options.get("decay", 0.0), "batch_size": batch, "n_iter": epochs}
        model.fit(X.astype("int16"), learning_rate=rate, **own)
        parts = model.weights.T, model.vlayer.fields, model.hlayer.fields
        return [part.astype(float) for part in parts]

    def hidden_means(self, theta, V):
        return self.of(theta).mean_hiddens(V.astype("int16"))

    def sample(self, theta, V, n_steps, seed=0):
        self.seed(seed)
        model, V = self.of(theta), V.astype("int16")
        for _ in range(n_steps):
            V = model.sample_visibles(model.sample_hiddens(V))
        return V.astype(float)


CODES = {
    "lesson 16": Lesson,
    "dbnlab": Dbnlab,
    "scikit-learn": ScikitLearn,
    "learnergy": Learnergy,
    "rbms": Rbms,
    "PyDeep": PyDeep,
    "PGM": Pgm,
    "pytorch-rbm": PytorchRbm,
    "echen": Echen,
    "deep-belief-network": DeepBeliefNetwork,
    "restricted-boltzmann": RestrictedBoltzmann,
}


def version_of(code):
    """That of the package, or the commit of the clone."""
    if code.package:
        return version(code.package)
    folder = Path(__import__(code.module).__file__).parent
    command = ["git", "-C", folder, "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def judge(code, test):
    """What the adapter says of its implementation, or what the test finds."""
    for verdict, reasons in (("does not claim to", code.lacks), ("not tested", code.untested)):
        if test.__name__ in reasons:
            return {"verdict": verdict, "reason": reasons[test.__name__]}
    subject = code.gaussian if test.__name__ == "gaussian_noise" else code
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):
        size, limit = test(subject)
    answer = {"verdict": "passes" if size <= limit else "fails", "limit": limit}
    return answer | {"size": float(f"{size:.3g}") if np.isfinite(size) else None}


def main(name):
    code, tests = CODES[name](), {}
    for test in (*(LESSON[name] for name in OF_LESSON), hidden_means_exact, samples_follow_p):
        tests[test.__name__] = judge(code, test)
        print(test.__name__, tests[test.__name__], flush=True)
    found = {"command": f'python benchmarks/conformance.py "{name}"', "version": version_of(code)}
    stored.write(TARGET, name, found | {"tests": tests})


if __name__ == "__main__":
    main(*sys.argv[1:])
