"""The checks of lesson 04: what is wrong with an answer, or None."""

import warnings
from functools import cache
from itertools import product

import numpy as np
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning

from dbnlab import DBN, RBM, datasets
from dbnlab.course.exercises import TO_DO, fault_of


def sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


@cache
def random_stack(sizes, seed):
    """A DBN of three layers and ten labels with random weights and biases."""
    rng = np.random.default_rng(seed)
    X, y = (rng.random((40, sizes[0])) < 0.5).astype(float), np.arange(40) % 10
    with warnings.catch_warnings():
        # That one pass teaches nothing: what it teaches is replaced.
        warnings.simplefilter("ignore", ConvergenceWarning)
        dbn = DBN(sizes[1:], RBM(n_epochs=1), joint_labels=True, random_state=seed).fit(X, y)
    for number, (R, G) in enumerate(zip(dbn.recognition_weights_, dbn.generative_weights_)):
        R[...] = G[...] = rng.normal(0, 0.6, R.shape)
        for bias in (dbn.recognition_biases_[number], dbn.generative_biases_[number]):
            bias[...] = rng.normal(0, 0.6, bias.shape)
    top = dbn.rbms_[-1]
    top.weights_[-10:] = rng.normal(0, 0.6, top.weights_[-10:].shape)
    top.visible_bias_[-10:] = rng.normal(0, 0.6, 10)
    for rbm, R in zip(dbn.rbms_[:-1], dbn.recognition_weights_):
        rbm.weights_ = R
    return dbn


STACKS = ((12, 7, 5, 9), 0), ((6, 8, 4, 11), 1)


# Exercise 1


def exercise_1(given_jump):
    # Rare causes, as in the lesson, and frequent ones, several of which may happen at once.
    for biases, off in [
        ((-10, -10, -9), ()),
        ((-10, -10, -9), (2,)),
        ((-1, 0.5, -2, -0.3), (1, 3)),
    ]:
        states = np.array(list(product([0, 1], repeat=len(biases))))
        prior = np.exp(states @ biases)
        jump = 1 / (1 + np.exp(20 - 20.0 * states.sum(axis=1)))
        known = (states[:, list(off)] == 0).all(axis=1)

        def means(p, states=states):
            return p @ states / p.sum()

        mistakes = {
            "what is known not to have happened still counts": means(prior * jump),
            "the probabilities of the states must add up to 1": (prior * jump * known) @ states,
            "this is not given the jump": means(prior * known),
            "the jump alone is given, not the prior of the causes": means(jump * known),
        }
        name, right = f"given_jump({list(biases)}, {list(off)})", means(prior * jump * known)
        fault = fault_of(name, given_jump(biases, off), right, tol=1e-5, mistakes=mistakes)
        if fault:
            return fault
    return None


# Exercise 2


def exercise_2(label_fields):
    for sizes, seed in STACKS:
        dbn = random_stack(sizes, seed)
        (W1, W2), top = dbn.recognition_weights_[:2], dbn.rbms_[-1].weights_
        U, W3 = top[-10:], top[:-10]
        right = U @ W3.T @ W2.T @ W1.T
        bent = sigmoid(sigmoid(U @ W3.T) @ W2.T) @ W1.T
        mistakes = {"project the weights alone, without sigmoids": bent}
        tol = 1e-4 * np.abs(right).max()
        fault = fault_of("label_fields(dbn)", label_fields(dbn), right, tol=tol, mistakes=mistakes)
        if fault:
            return fault
    return None


# Exercise 3


def exercise_3(hidden_bias_given, dreams):
    for sizes, seed in STACKS:
        dbn = random_stack(sizes, seed)
        top, label = dbn.rbms_[-1], np.random.default_rng(seed).dirichlet(np.ones(10))
        shift, c = label @ top.weights_[-10:], top.hidden_bias_
        mistakes = {
            "the hidden bias of the top RBM is missing": shift,
            "the labels are left out": c,
            "these are means: the bias is asked for": sigmoid(c + shift),
            "the labels weigh as given, not half and half of 4 and 9": c
            + 0.5 * top.weights_[[-6, -1]].sum(axis=0),
        }
        found = hidden_bias_given(dbn, label)
        fault = fault_of("the hidden bias", found, c + shift, tol=1e-5, mistakes=mistakes)
        if fault:
            return fault
    return fault_of_dreams(np.asarray(dreams))


def fault_of_dreams(dreams):
    """Read by the network itself. Measured over four seeds, 20 chains for each mixture, 30 steps:
    share of nines 0.05 to 0.25 where the label is all 4, 0.80 to 0.90 where it is all 9; after 100
    steps 0 to 0.10 and 0.95 to 1. Together nine in ten are fours or nines.
    """
    if dreams.ndim != 3 or dreams.shape[0] != 6 or dreams.shape[2] != 784:
        return f"dreams must have shape (6, number of chains, 784), got {dreams.shape}"
    if dreams.shape[1] < 20:
        return f"{dreams.shape[1]} chains are too few to see a share: take 20 or more"
    full = DBN.load(datasets.path("mnist_dbn.npz"))
    read = full.predict(dreams.reshape(-1, 784)).reshape(6, -1)
    nines, fours = (read == 9).mean(axis=1), (read == 4).mean(axis=1)
    if (nines + fours).mean() < 0.7:
        return f"only {(nines + fours).mean():.0%} of the dreams are read as a 4 or a 9"
    if nines[-1] < nines[0]:
        return "the mixtures go from all 4 to all 9, not the other way"
    if nines[0] > 0.45 or nines[-1] < 0.6:
        found = f"of the dreams of a 4 {nines[0]:.0%} are read as nines, of a 9 {nines[-1]:.0%}"
        return f"{found}: is the label held in every step, for some 30 steps?"
    if nines[2:4].mean() - nines[0] < 0.1 or nines[-1] - nines[2:4].mean() < 0.03:
        return "the share of nines does not grow with the share of the 9 in the label"
    return None


# Exercise 4


def exercise_4(train):
    digits = datasets.load_digits()
    stacks = {}
    for arguments in ((1, 12, 1), (2, 12, 1), (3, 12, 1), (2, 24, 1), (1, 12, 2)):
        n_layers, n_passes, _ = arguments
        stacks[arguments] = dbn = train(*arguments)
        if dbn is None:
            return f"train {TO_DO}"
        if not isinstance(dbn, DBN) or not hasattr(dbn, "rbms_"):
            return f"train must return a fitted DBN, got {type(dbn).__name__}"
        sizes = [rbm.weights_.shape[1] for rbm in dbn.rbms_]
        if len(sizes) != n_layers or sizes[-1] != 100:
            return f"asked for {n_layers} layer(s), the last of 100 units, got {sizes}"
        if dbn.stack_.n_labels != 10:
            return "the top RBM needs the ten labels: joint_labels=True"
        passes = sum(len(rbm.history_["reconstruction_error"]) for rbm in dbn.rbms_)
        if passes != n_passes:
            return f"with {n_layers} layer(s) there are {passes} passes in all, not {n_passes}"
        # The biases before training say which pixels were on how often in the training rows.
        of_pixels = expit(dbn.rbms_[0].data_bias_[:64]) - digits.X[:1000].mean(axis=0)
        if np.abs(of_pixels).max() > 2e-3:
            return f"with {n_layers} layer(s) the pixels are not those of digits.X[:1000]"
        # Measured over three seeds with 12 passes, for one, two and three layers: 0.09 ± 0.01,
        # 0.16 ± 0.02, 0.30 ± 0.04 in batches of 50; 0.07, 0.15 and 0.22 ± 0.02 in batches of 10.
        error = (dbn.predict(digits.X_test) != digits.y_test).mean()
        if error > 0.1 + 0.15 * n_layers:
            return f"with {n_layers} layer(s) {error:.0%} of the test digits are wrong"
    first, other_seed = stacks[1, 12, 1].rbms_[0].weights_, stacks[1, 12, 2].rbms_[0].weights_
    if np.array_equal(first, other_seed):
        return "another seed must give another stack"
    if not np.array_equal(first, train(1, 12, 1).rbms_[0].weights_):
        return "the same seed must give the same stack"
    return None
