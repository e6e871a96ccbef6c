import numpy as np
import pytest
from sklearn.datasets import load_digits


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
