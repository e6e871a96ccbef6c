"""Answers to the exercises of lesson 06, right and wrong."""

from functools import cache

import numpy as np
from sklearn.frozen import FrozenEstimator

from dbnlab import DBN, RBM, datasets
from dbnlab.denoise import DenoisingAutoencoder, GibbsDenoiser, psnr


def evidence(y, share):
    return np.nan_to_num(2 * y - 1) * np.log(2 / share - 1)


def evidence_by_ratio(y, share):
    on = np.where(y == 1, 1 - share / 2, share / 2)
    return np.where(np.isnan(y), 0, np.log(on) - np.log(1 - on))


def told(strengths, rbm, clean, noisy, n_chains=1):
    return [
        psnr(clean, GibbsDenoiser(rbm, "gaussian", s, 40, 0, n_chains).denoise(noisy)).mean()
        for s in strengths
    ]


def told_the_first(strengths, rbm, clean, noisy):
    return told([strengths[0]] * len(strengths), rbm, clean, noisy)


OTHER = np.ones((16, 3)), np.ones(16), np.ones(3)
CURVE = [15.9, 18.3, 20.2, 21.4, 20.2, 16.1]


def variance(drawn):
    return drawn.var(axis=0) + (drawn * (1 - drawn)).mean(axis=0)


def of_binary_pixels(drawn):
    return drawn.mean(axis=0) * (1 - drawn.mean(axis=0))


def unbiased(drawn):
    return drawn.var(axis=0, ddof=1) + (drawn * (1 - drawn)).mean(axis=0)


def said_and_found(drawn, clean, variance=variance):
    return variance(drawn).mean(), ((drawn.mean(axis=0) - clean) ** 2).mean()


@cache
def autoencoder(n_images=1000, **parameters):
    images = datasets.load_mnist(subset=5000, random_state=6).X[:n_images].reshape(-1, 28, 28)
    defaults = {"pretrain": False, "n_epochs": 3, "batch_size": 50, "random_state": 1}
    defaults |= {"strengths": (0.05, 0.8), "learning_rate": 0.01}
    start = DBN.from_rbms([DBN.load(datasets.path("mnist_dbn.npz")).rbms_[0]])
    defaults["dbn"] = FrozenEstimator(start)
    return DenoisingAutoencoder(**defaults | parameters).fit(images)


def misfit(y, estimate, sigma):
    return ((y - estimate) ** 2).mean(axis=(1, 2)) / sigma**2


def groups(**changed):
    rng = np.random.default_rng(0)
    made = {
        "digits": rng.normal(0.92, 0.05, 50),
        "digits with a spot": rng.normal(1, 0.05, 50),
        "crops": rng.normal(2.2, 0.5, 50).clip(1),
        "read rightly": rng.normal(0.95, 0.05, 70),
        "read wrongly": rng.normal(0.98, 0.05, 30),
    }
    return made | changed


RIGHT = {
    "1": {"in one line": (evidence,), "as a ratio": (evidence_by_ratio,)},
    "2": {"a list": (told, CURVE), "other noise": (told, np.array(CURVE) - 0.5)},
    "3": {
        "between and within": (variance, said_and_found),
        "of binary pixels": (of_binary_pixels, said_and_found),
        "unbiased": (unbiased, lambda drawn, clean: said_and_found(drawn, clean, unbiased)),
        "once unbiased": (unbiased, said_and_found),
    },
    "4": {
        "the best rate": lambda: (autoencoder(),),
        "without a DBN": lambda: (autoencoder(dbn=None, layer_sizes=(500,)),),
    },
    "5": {"means": (misfit, groups())},
}
WRONG = {
    "1": {
        "a constant": (lambda y, share: np.array([-1.7, 1.7, 0]),),
        "the share ignored": (lambda y, share: evidence(y, 0.3),),
        "the sign": (lambda y, share: -evidence(y, share),),
        "replaced means wrong": (
            lambda y, share: np.nan_to_num(2 * y - 1) * np.log((1 - share) / share),
        ),
        "a missing pixel is black": (lambda y, share: evidence(np.nan_to_num(y), share),),
        "a missing pixel stays NaN": (lambda y, share: (2 * y - 1) * np.log(2 / share - 1),),
        "rows of three pixels only": (
            lambda y, share: np.array([evidence(v, share) for v in y[:3].ravel()]),
        ),
    },
    "2": {
        "a constant": (lambda *given: CURVE, CURVE),
        "the strength ignored": (told_the_first, CURVE),
        "ten chains": (lambda *given: told(*given, n_chains=10), CURVE),
        "PSNR against the noisy images": (lambda s, rbm, clean, y: told(s, rbm, y, y), CURVE),
        "another model": (
            lambda s, rbm, clean, y: told(s, RBM.from_arrays(*OTHER), clean, y),
            CURVE,
        ),
        "the same everywhere": (told, [20.2] * 6),
        "binary digits": (told, [18.0, 21.6, 24.0, 23.4, 19.8, 14.8]),
        "the noisy images": (told, [13.0] * 6),
    },
    "3": {
        "between alone": (lambda drawn: drawn.var(axis=0), said_and_found),
        "within alone": (lambda drawn: (drawn * (1 - drawn)).mean(axis=0), said_and_found),
        "a deviation": (lambda drawn: variance(drawn) ** 0.5, said_and_found),
        "over the images": (lambda drawn: of_binary_pixels(drawn.swapaxes(0, 1)), said_and_found),
        "one number": (lambda drawn: of_binary_pixels(drawn).mean(), said_and_found),
        "errors of the samples": (
            variance,
            lambda drawn, clean: (variance(drawn).mean(), ((drawn - clean) ** 2).mean()),
        ),
        "typed numbers": (variance, lambda drawn, clean: (0.02, 0.01)),
    },
    "4": {
        "with the start": lambda: (autoencoder(50, pretrain=True),),
        "not trained": lambda: (DenoisingAutoencoder(pretrain=False),),
        "the rate of the other start": lambda: (autoencoder(learning_rate=0.002),),
        "a rate that is too high": lambda: (autoencoder(learning_rate=0.03),),
        "fewer images": lambda: (autoencoder(100),),
        "more passes at a smaller rate": lambda: (autoencoder(n_epochs=6, learning_rate=0.003),),
        "one strength of noise": lambda: (autoencoder(strengths=(0.3, 0.3)),),
        "a number": (12.6,),
    },
    "5": {
        "by sigma": (lambda y, e, s: misfit(y, e, s) * s, groups()),
        "the root": (lambda y, e, s: misfit(y, e, s) ** 0.5, groups()),
        "one number": (lambda y, e, s: misfit(y, e, s).mean(), groups()),
        "cut": (lambda y, e, s: misfit(y.clip(0, 1), e, s), groups()),
        "the first five": (lambda y, e, s: misfit(y[:3], e[:3], s), groups()),
        "all groups alike": (misfit, dict.fromkeys(groups(), np.ones(50))),
        "a list of groups": (misfit, list(groups().values())),
        "a group with NaN": (misfit, groups(crops=np.full(50, np.nan))),
        "two numbers": (misfit, groups(crops=[2.0, 2.1])),
        "no wrong readings": (misfit, {"digits": groups()["digits"]}),
        "read with other labels": (
            misfit,
            groups(
                **{"read rightly": groups()["read rightly"][:10]},
                **{"read wrongly": np.resize(groups()["read wrongly"], 90)},
            ),
        ),
        "told another sigma": (misfit, groups(**{"read wrongly": groups()["read wrongly"] * 7})),
    },
}
