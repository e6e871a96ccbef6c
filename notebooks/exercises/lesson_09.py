"""Checks of the exercises of lesson 09: what is wrong with an answer, or None."""

import warnings
from itertools import product

import numpy as np
from scipy.special import logsumexp

from dbnlab import DBN, RBM, datasets
from dbnlab.course.exercises import TO_DO, fault_of


def states(n_units):
    return np.array(list(product([0.0, 1.0], repeat=n_units)))


def log_conditional(S, field):
    """Log-probability of each of the states (columns) given each row of fields."""
    return field @ S.T - np.logaddexp(0, field).sum(axis=1, keepdims=True)


def small_network(n_top, seed):
    """A DBN 9-6-n_top with biases and untied weights, as after up-down training."""
    rng = np.random.default_rng(seed)

    def rbm(n_visible, n_hidden):
        W = rng.normal(0, 1, (n_visible, n_hidden))
        b, c = rng.normal(0, 0.8, n_visible), rng.normal(0, 0.8, n_hidden)
        return RBM.from_arrays(W, b, c, dtype="float64")

    dbn = DBN.from_rbms([rbm(9, 6), rbm(6, n_top)])
    dbn.generative_weights_[0][:] = rng.normal(0, 1, (9, 6))
    dbn.generative_biases_[0][:] = rng.normal(0, 0.8, 9)
    return dbn


def tables(dbn, rows):
    """log q(h | v), log p(v | h) and log p(h): rows are images, columns the states of h."""
    H, top = states(6), dbn.rbms_[-1]
    log_q = log_conditional(H, dbn.recognition_biases_[0] + rows @ dbn.recognition_weights_[0])
    field = dbn.generative_biases_[0] + H @ dbn.generative_weights_[0].T
    log_p_h = H @ top.visible_bias_
    log_p_h += np.logaddexp(0, top.hidden_bias_ + H @ top.weights_).sum(axis=1)
    return log_q, log_conditional(rows, field).T, log_p_h - logsumexp(log_p_h)


def images(n_rows, seed):
    return (np.random.default_rng(seed).random((n_rows, 9)) < 0.5).astype(float)


def exercise_1(terms):
    for n_top, seed in [(4, 0), (9, 1)]:
        dbn, v = small_network(n_top, seed), images(1, seed)[0]
        log_q, log_p_v, log_p_h = (np.ravel(table) for table in tables(dbn, v[None]))
        q = np.exp(log_q)
        expected = np.array([q @ log_p_v, q @ log_p_h, -q @ log_q])
        tied = small_network(n_top, seed)
        tied.generative_weights_[0][:] = tied.recognition_weights_[0]
        _, log_p_tied, _ = tables(tied, v[None])
        not_entropy, twice = expected * [1, 1, -1], expected + np.array([expected[1], 0, 0])
        fault = fault_of(
            "terms(dbn, v)",
            terms(dbn, v),
            expected,
            mistakes={
                "the entropy has the other sign": not_entropy,
                "the first is of p(v, h), and counts log p(h) a second time": twice,
                "plain means over the states, not over q": [
                    log_p_v.mean(),
                    log_p_h.mean(),
                    -log_q.mean(),
                ],
                "down goes through the generative weights": [
                    q @ np.ravel(log_p_tied),
                    *expected[1:],
                ],
            },
        )
        if fault:
            return fault
    return None


def exercise_2(mean_gap):
    for n_top, n_rows, seed in [(5, 14, 2), (9, 3, 3)]:
        dbn, rows = small_network(n_top, seed), images(n_rows, seed)
        log_q, log_p_v, log_p_h = tables(dbn, rows)
        joint = log_p_v + log_p_h
        gaps = logsumexp(joint, axis=1) - (np.exp(log_q) * (joint - log_q)).sum(axis=1)
        everything = tables(dbn, states(9))
        joint = everything[1] + log_p_h
        q = np.exp(everything[0])
        of_all = logsumexp(joint, axis=1) - (q * (joint - everything[0])).sum(axis=1)
        fault = fault_of(
            f"the mean gap of {n_rows} images",
            mean_gap(dbn, rows),
            gaps.mean(),
            mistakes={
                "a sum, not a mean": gaps.sum(),
                "that is the mean over all 512 images": of_all.mean(),
                "that is the gap of the first image": gaps[0],
            },
        )
        if fault:
            return fault
    return None


def labelled_network(seed):
    """A DBN 5-4-3 with a top RBM of 6 units, whose label block has the classes a, b and c."""
    rng = np.random.default_rng(seed)
    X, y = (rng.random((30, 5)) < 0.5).astype(float), np.array(list("abc") * 10)
    rbm = RBM(n_epochs=1, batch_size=30, dtype="float64")
    with warnings.catch_warnings(action="ignore"):  # one epoch is no training, nor meant to be
        dbn = DBN((4, 3, 6), rbm, joint_labels=True, random_state=0).fit(X, y)
    for layer in (0, 1):
        dbn.recognition_weights_[layer][:] = 3 * rng.standard_normal((5 - layer, 4 - layer))
        dbn.recognition_biases_[layer][:] = rng.standard_normal(4 - layer)
    top = dbn.rbms_[-1]
    top.weights_[:] = 2 * rng.standard_normal((6, 6))
    top.visible_bias_[:] = 0.5 * rng.standard_normal(6)
    top.hidden_bias_[:] = rng.standard_normal(6)
    return dbn


def class_of_states(dbn, S):
    """Number of the class with the largest posterior for each state of the layer below the top."""
    top = dbn.rbms_[-1]
    rows = [np.hstack([S, np.tile(label, (len(S), 1))]) for label in np.eye(3)]
    return np.argmin([top.free_energy(row) for row in rows], axis=0)


def shares(dbn, v, drawn=(True, True)):
    """How often each class is the answer for v, if the layers named in `drawn` are drawn."""
    paths = [(1.0, v)]
    for layer in (0, 1):
        R, r = dbn.recognition_weights_[layer], dbn.recognition_biases_[layer]
        below, paths = paths, []
        for weight, S in below:
            p = 1 / (1 + np.exp(-(r + S @ R)))
            if not drawn[layer]:
                paths.append((weight, p))
                continue
            for state in states(len(r)):
                paths.append((weight * np.prod(np.where(state == 1, p, 1 - p)), state))
    weights, S = np.array([weight for weight, _ in paths]), np.array([state for _, state in paths])
    return np.bincount(class_of_states(dbn, S), weights, minlength=3)


def exercise_3(predict_by_draws):
    n_draws, dbn = 4000, labelled_network(12)
    rows = images(6, 5)[:, :5]
    X = np.repeat(rows, n_draws, axis=0)
    answer = predict_by_draws(dbn, X, np.random.default_rng(0))
    if answer is None:
        return f"predict_by_draws {TO_DO}"
    answer = np.asarray(answer)
    if np.shape(answer) != (len(rows) * n_draws,):
        return f"there must be one class for each of the {len(rows) * n_draws} rows of X"
    unknown = set(np.unique(answer)) - set(dbn.classes_)
    if unknown:
        return f"{next(iter(unknown))!r} is not among dbn.classes_, {dbn.classes_}"
    found = np.array([[(a == k).mean() for k in dbn.classes_] for a in np.split(answer, len(rows))])
    known = {
        "no layer is drawn: that is predict": (False, False),
        "only h⁽¹⁾ is drawn": (True, False),
        "only h⁽²⁾ is drawn": (False, True),
    }
    # Five standard deviations of a share of 4,000 draws are at most 0.04.
    if np.abs(found - [shares(dbn, v) for v in rows]).max() < 0.04:
        again = predict_by_draws(dbn, X, np.random.default_rng(1))
        if np.array_equal(answer, again):
            return "another generator must give other draws: take the numbers from rng"
        return None
    for sentence, drawn in known.items():
        if np.abs(found - [shares(dbn, v, drawn) for v in rows]).max() < 0.04:
            return sentence
    return "the classes of many draws come with other frequencies than the drawn states give them"


# Mean test errors in % of three networks of section 5, in four triples of seeds: 11.5 to 11.9 after
# greedy training; after up-down with 1, 3 or 10 Gibbs steps and 10 or 20 epochs 8.3 to 10.8, after
# 4 epochs of 10 steps 9.9 to 10.9. Recognition and generative weights, equal after greedy training,
# then differ by 0.5 or more somewhere.
GREEDY, LOWEST = 11.3, 5.0


def exercise_4(networks):
    if not isinstance(networks, dict) or not {1, 3, 10} <= set(networks):
        return "networks must be a dict with the keys 1, 3 and 10, the numbers of Gibbs steps"
    digits = datasets.load_digits()
    seen = []
    for n_gibbs in (1, 3, 10):
        trio = networks[n_gibbs]
        if (
            not isinstance(trio, list | tuple)
            or len(trio) != 3
            or not all(isinstance(dbn, DBN) for dbn in trio)
        ):
            return f"networks[{n_gibbs}] must hold three DBNs"
        for dbn in trio:
            R, G = dbn.recognition_weights_[0], dbn.generative_weights_[0]
            if R.shape == G.shape and np.abs(R - G).max() < 0.2:
                return f"a network of networks[{n_gibbs}] has R = G, or nearly: train by up-down"
            if any(np.array_equal(R, other) for other in seen):
                return (
                    f"a network of networks[{n_gibbs}] is there twice: start from three greedy "
                    f"networks, and train a copy of each for each number of Gibbs steps"
                )
            seen.append(R)
        errors = [100 * (dbn.predict(digits.X_test) != digits.y_test).mean() for dbn in trio]
        if not LOWEST < np.mean(errors) < GREEDY:
            return (
                f"the networks[{n_gibbs}] make {np.mean(errors):.1f} % test errors in the mean: "
                f"greedy ones make nearly 12 %, and up-down should lower that by a point or more"
            )
    return None
