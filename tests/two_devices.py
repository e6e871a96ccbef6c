"""Train on one and on two devices; print how far the results are apart, as JSON.

A program of its own: logical devices must be made before TensorFlow starts.
"""

import json

import numpy as np
import tensorflow as tf

from dbnlab import RBM, units

rng = np.random.default_rng(0)
binary, real = (rng.random((101, 12)) < 0.3).astype(float), rng.standard_normal((101, 12))
one_hot = np.eye(4)[rng.integers(4, size=101)]
joint = units.Joint(units.Bernoulli(12), units.Softmax(4))
LEARNED = {"learn_variance": True}
SPARSE = {"sparsity_target": 0.1, "sparsity_cost": 0.1}
CASES = {
    "Bernoulli, CD": (binary, SPARSE),
    "Bernoulli, PCD": (binary, {"algorithm": "pcd"} | SPARSE),
    "Gaussian, PCD": (real, {"algorithm": "pcd", "visible": "gaussian"}),
    "learned variance, PCD": (real, {"algorithm": "pcd", "visible": "gaussian", **LEARNED}),
    "joint, CD": (np.hstack([binary, one_hot]), {"visible": joint, "hidden": "gaussian"}),
}

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
# A second strategy in one process would clash with the first over the keys of its exchanges.
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
apart = {}
for name, (X, parameters) in CASES.items():
    # 101 rows in batches of 33 leave 2, and neither 33 rows nor 31 chains are even.
    rbm = RBM(8, batch_size=33, n_chains=31, n_gibbs=2, n_epochs=2, learning_rate=0.01)
    rbm.set_params(backend="tensorflow", dtype="float64", random_state=0, **parameters)
    states = []
    for devices in (None, strategy):
        rbm.fit(X, strategy=devices)
        states.append([*rbm.state_.parameters, *rbm.state_.velocity, getattr(rbm, "chains_", 0.0)])
    apart[name] = max(float(np.abs(one - two).max()) for one, two in zip(*states))
print(json.dumps(apart))
