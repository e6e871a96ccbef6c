import importlib

import numpy as np
import pytest
from sklearn.datasets import load_digits

from dbnlab import units


@pytest.fixture(params=["numpy", "tensorflow"])
def backend(request):
    """Each engine in turn, loaded before the test begins."""
    importlib.import_module(request.param)
    return request.param


@pytest.fixture
def dark(monkeypatch):
    """Binary units start at bias -60: no chain turns one on, so that updates hold no chance."""
    start = lambda self, mean, n_rows: np.full(self.n_units, -60.0)  # noqa: E731
    monkeypatch.setattr(units.Bernoulli, "bias_from_mean", start)


@pytest.fixture(scope="session")
def digits():
    """The 1,797 digits of scikit-learn, 8 x 8 pixels, binarised."""
    return (load_digits().data > 7).astype(np.float32)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def X(rng):
    """30 binary rows of 6 columns."""
    return (rng.random((30, 6)) < 0.4).astype(float)
