"""Answers to the exercises of lesson 17, right and wrong."""

from functools import cache

import numpy as np
from scipy import ndimage
from scipy.special import expit

from dbnlab import DBN, datasets


def into_the_middle(rule=lambda centre: np.ceil(13.5 - centre), order=0, mode="constant", n=None):
    def answer(images):
        centres = [np.array(ndimage.center_of_mass(image)) for image in images[:n]]
        pairs = zip(images, centres)
        return np.array([ndimage.shift(i, rule(c), order=order, mode=mode) for i, c in pairs])

    return answer


def by_padding(images):
    """Another right way: a frame of zeros, and a window that moves."""
    results = []
    for image in images:
        rows, columns = np.indices(image.shape)
        down = int(np.ceil(13.5 - (rows * image).sum() / image.sum()))
        right = int(np.ceil(13.5 - (columns * image).sum() / image.sum()))
        results.append(np.pad(image, 28)[28 - down : 56 - down, 28 - right : 56 - right])
    return np.stack(results)


def in_place(images):
    images[:] = into_the_middle()(images)
    return images


def pictures_needed(twice=2, weight=True, start=1, more=0):
    def answer(rho, n_samples):
        n = start
        while True:
            total = sum((1 - k / n if weight else 1) * rho(k) for k in range(1, n))
            if n / (1 + twice * total) >= n_samples:
                return n + more
            n += 1

    return answer


def in_one_sum(rho, n_samples):
    n, total, weighted = 1, 0.0, 0.0
    while n / (1 + 2 * (total - weighted / n)) < n_samples:
        total, weighted, n = total + rho(n), weighted + n * rho(n), n + 1
    return n


def of_arrays(rho, n_samples):
    n, k = 1, np.arange(1, 1)
    while n / (1 + 2 * np.sum((1 - k / n) * rho(k))) < n_samples:
        n, k = n + 1, np.arange(1, n + 1)
    return n


def divided_in_place(V, W, b, c, T, rng):
    for part in (W, b, c):
        part /= T
    return gibbs_step()(V, W, b, c, 1, rng)


def gibbs_step(hidden_T=None, bias=1, of=lambda T: T, mean=False, bias_of=lambda T: 1, rows=None):
    def answer(V, W, b, c, T, rng):
        V = V[:rows]
        p = expit((bias * bias_of(T) * c + V @ W) / of(hidden_T or T))
        H = rng.random(p.shape) < p
        p = expit((bias * bias_of(T) * b + H @ W.T) / of(T))
        return p if mean else (rng.random(p.shape) < p).astype(float)

    return answer


def with_uniform_fields(V, W, b, c, T, rng):
    """Another right way: a field against a logistic number times T."""
    H = c + V @ W + T * rng.logistic(size=(len(V), len(c))) > 0
    return b + H @ W.T + T * rng.logistic(size=V.shape) > 0


def means_of_the_hidden_units(V, W, b, c, T, rng):
    p = expit((b + expit((c + V @ W) / T) @ W.T) / T)
    return (rng.random(p.shape) < p).astype(float)


@cache
def full():
    return DBN.load(datasets.path("mnist_dbn.npz"))


def draw(p, rng):
    return (rng.random(p.shape, dtype=p.dtype) < p).astype(p.dtype)


def complete_as(hold=True, restore=True, own_rng=False, rounds=None, mean=False, with_label=True):
    def answer(dbn, images, erased, labels, n_rounds, rng):
        rng = np.random.default_rng(0) if own_rng else rng
        V, one_hot = np.where(erased, 0, images), np.eye(10, dtype="float32")[labels]
        S = np.hstack([dbn.transform(V, layer=1), one_hot if with_label else 0 * one_hot + 0.1])
        G, a = dbn.generative_weights_, dbn.generative_biases_
        for _ in range(n_rounds if rounds is None else rounds):
            h1 = draw(dbn.transform(V, layer=0), rng)
            field = dbn.recognition_biases_[1] + h1 @ dbn.recognition_weights_[1]
            S[:, :500] = draw(expit(field), rng)
            if hold:
                S[:, 500:] = one_hot
            S = dbn.rbms_[-1].gibbs(S, random_state=rng)
            h1 = draw(expit(a[1] + S[:, :500] @ G[1].T), rng)
            painted = expit(a[0] + h1 @ G[0].T)
            V = np.where(erased, painted, images) if restore else painted
        return V

    return answer


def black(dbn, images, erased, labels, n_rounds, rng):
    return np.where(erased, 0.001 * rng.random(images.shape), images)


RIGHT = {
    "1": {"by shift": (into_the_middle(),), "by a window": (by_padding,)},
    "2": {
        "a sum for each n": (pictures_needed(),),
        "one sum": (in_one_sum,),
        "rho of arrays": (of_arrays,),
    },
    "3": {"uniform numbers": (gibbs_step(),), "logistic numbers": (with_uniform_fields,)},
    "4": {"the label set in each round": (complete_as(),)},
}

WRONG = {
    "1": {
        "as they were": (lambda images: images,),
        "rounded to the middle of the image": (into_the_middle(lambda c: np.round(13.5 - c)),),
        "fractions of a pixel": (into_the_middle(lambda c: 14 - c, order=1),),
        "comes back on the other side": (into_the_middle(mode="grid-wrap"),),
        "the wrong sign": (into_the_middle(lambda c: -np.ceil(13.5 - c)),),
        "axes exchanged": (into_the_middle(lambda c: np.ceil(13.5 - c[::-1])),),
        "the first nine": (into_the_middle(n=9),),
        "written into the images": (in_place,),
    },
    "2": {
        "a typed number": (lambda rho, n_samples: 1990,),
        "no factor 2": (pictures_needed(twice=1),),
        "no factor 1 - k/n": (
            lambda rho, n_samples: min(pictures_needed(weight=False)(rho, n_samples), 5000),
        ),
        "one too few": (pictures_needed(more=-1),),
        "autocorrelation ignored": (pictures_needed(twice=0),),
        "two at least": (pictures_needed(start=2),),
    },
    "3": {
        "no temperature": (gibbs_step(of=lambda T: 1),),
        "multiplied": (gibbs_step(of=lambda T: 1 / T),),
        "hidden units at T = 1": (gibbs_step(hidden_T=1),),
        "biases not divided": (gibbs_step(bias_of=lambda T: T),),
        "no biases": (gibbs_step(bias=0),),
        "means": (gibbs_step(mean=True),),
        "means of the hidden units": (means_of_the_hidden_units,),
        "half of the rows": (gibbs_step(rows=20_000),),
        "W, b and c divided in place": (divided_in_place,),
        "nothing drawn": (lambda V, W, b, c, T, rng: V,),
    },
    "4": {
        "no label": (complete_as(hold=False, with_label=False),),
        "the label set once": (complete_as(hold=False),),
        "the known half not put back": (complete_as(restore=False),),
        "a seed of its own": (complete_as(own_rng=True),),
        "left black": (black,),
        "one round": (complete_as(rounds=1),),
        "always ten rounds": (complete_as(rounds=10),),
        "always the right half": (
            lambda dbn, images, erased, *others: complete_as()(
                dbn, images, np.arange(784) % 28 >= 14, *others
            ),
        ),
        "the network of the page": lambda: (lambda dbn, *others: complete_as()(full(), *others),),
        "as given": (lambda dbn, images, erased, labels, n_rounds, rng: images,),
        "a share": (0.9,),
    },
}
