"""Restricted Boltzmann machines and deep belief networks, to learn from and to use."""

from dbnlab import likelihood
from dbnlab.dbn import DBN
from dbnlab.finetune import DBNClassifier, DBNRegressor, DeepAutoencoder
from dbnlab.rbm import RBM

__all__ = ["DBN", "RBM", "DBNClassifier", "DBNRegressor", "DeepAutoencoder", "likelihood"]
__version__ = "0.1.0"
