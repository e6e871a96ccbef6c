"""Denoisers on MNIST, on images unlike MNIST, and on a real picture: PSNR, SSIM and time.

    python benchmarks/denoise_images.py PART

posteriors: the posteriors of data/mnist_dbn.npz and of its bottom RBM. chains: what many Gibbs
chains, or one long chain, make of strong noise. short, few, mnist: a denoising autoencoder that
starts from these models and the same network from random weights, each at its own learning rate.
convolutional, mnist: a CNN of the same processor time. filters: filters and PCA. picture: a
photograph, Gaussian noise of deviation 0.1. Each writes the part of results/denoise_images.json
that has its name.

All is tuned on validation images, at each strength of the noise. The test images are three draws of
30 digits, each with its noise; strength 0.311 has the mean squared error 0.0966 from which
Keyvanrad et al. (2013) start. BM3D is left out where its package is missing: `pip install bm3d`
(free for non-commercial use) brings it in.
"""

import importlib.util
import sys
import time
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path

import numpy as np
import stored
from dbn_mnist import N_TRAIN, SEED
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.signal import wiener
from skimage import data, restoration
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator

from dbnlab import DBN, RBM, datasets
from dbnlab.denoise import DenoisingAutoencoder, GibbsDenoiser, PatchDenoiser, corrupt, psnr, ssim

import keras  # isort: skip

TARGET = Path(__file__).parent / "results" / "denoise_images.json"
STRENGTH, PICTURE_STRENGTH = 0.0966**0.5, 0.1
LEVELS = (0.1, STRENGTH, 0.5, 0.8)
RANGE, SEEDS, N_VALID, N_DRAW, N_CROPS = (0.05, 0.8), (0, 1, 2), 40, 30, 10
N_STEPS, N_CHAINS = 25, 10  # of `chains`
RATES = (1e-3, 3e-3, 1e-2, 3e-2)
CHOICES: dict[str, list[dict]] = {
    "DBN start": [{"rate": rate} for rate in RATES],
    "random start": [{"rate": rate} for rate in RATES],
    "CNN": [{"rate": rate, "n_filters": n} for rate in RATES[:2] for n in (16, 32)],
}


# Images ---------------------------------------------------------------------------------------


def name_of(level: float) -> str:
    return f"{level:.3g}"


def noisy_pairs(images: np.ndarray, level: float, draws: Iterable[int]) -> list[tuple]:
    """Clean and noisy images, a block of `N_DRAW` and a seed for each draw."""
    pairs = []
    for draw in draws:
        clean = images[N_DRAW * draw : N_DRAW * (draw + 1)]
        pairs.append((clean, corrupt(clean, "gaussian", level, random_state=10 + draw)))
    return pairs


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images to learn from, to choose on and to test on."""
    mnist = datasets.load_mnist()
    images = mnist.X.reshape(-1, 28, 28)
    test = mnist.X_test[: 3 * N_DRAW].reshape(-1, 28, 28)
    return images[:N_TRAIN], images[N_TRAIN : N_TRAIN + N_VALID], test


def crops() -> np.ndarray:
    """Squares of a photograph, as large as a digit."""
    corners = np.random.default_rng(SEED).integers(512 - 28, size=(N_CROPS, 2))
    camera = data.camera() / 255
    return np.array([camera[r : r + 28, c : c + 28] for r, c in corners], dtype=np.float32)


def cut(images: np.ndarray) -> np.ndarray:
    return np.clip(np.nan_to_num(images, nan=0.5), 0, 1).astype(np.float32)


def read_by(reader: DBN, images: np.ndarray) -> NDArray:
    """The digit in each image of an array of any shape."""
    rows = cut(images).reshape(-1, images.shape[-2] * images.shape[-1])
    return reader.predict(rows).reshape(images.shape[:-2])


def measured(denoise: Callable, pairs: list[tuple], reader: DBN | None = None) -> dict:
    """Error, PSNR and SSIM with deviations over images, PSNR of each draw, and time.

    With a `reader`, the share of the images that it takes for the digit that it sees in the clean
    ones.
    """
    start = time.process_time()
    estimates = [cut(denoise(noisy)) for _, noisy in pairs]
    seconds = time.process_time() - start
    images, clean = np.concatenate(estimates), np.concatenate([clean for clean, _ in pairs])
    decibels, similarity = psnr(clean, images), ssim(clean, images)
    row = {
        "mse": round(float(((images - clean) ** 2).mean()), 5),
        "psnr": [round(float(v), 2) for v in (decibels.mean(), decibels.std())],
        "psnr_of_draws": np.round(decibels.reshape(len(pairs), -1).mean(axis=1), 2).tolist(),
        "ssim": [round(float(v), 3) for v in (similarity.mean(), similarity.std())],
        "milliseconds_per_image": round(1e3 * seconds / len(clean), 2),
    }
    if reader is not None:
        alike = read_by(reader, images) == read_by(reader, clean)
        row["read_alike"] = round(float(alike.mean()), 3)
    return row


def validated(denoise: Callable, clean: np.ndarray, noisy: np.ndarray) -> float:
    """PSNR of the mean squared error: that of a single image, black and white, may be 0."""
    return float(-10 * np.log10(np.mean((cut(denoise(noisy)) - clean) ** 2)))


# Filters --------------------------------------------------------------------------------------


def wavelets(image: np.ndarray, sigma: float, **options: object) -> np.ndarray:
    """Shrunk in every shift of the image by up to three pixels, and averaged."""
    options = {"sigma": sigma} | options
    return restoration.cycle_spin(image, restoration.denoise_wavelet, 3, workers=1, func_kw=options)


def total_variation(image: np.ndarray, sigma: float, form: str) -> np.ndarray:
    """By Chambolle's algorithm, or by split Bregman with one norm of the gradient or the other."""
    if form == "Chambolle":
        return restoration.denoise_tv_chambolle(image, sigma)
    return restoration.denoise_tv_bregman(image, 1 / sigma, isotropic=form == "l2")


def block_matching(image: np.ndarray, sigma: float) -> np.ndarray:
    from bm3d import bm3d

    return bm3d(image.astype(np.float64), sigma)


# For each filter: a function of an image, a strength and further settings, and what to choose from;
# the strengths are multiples of that of the noise.
FILTERS: dict[str, tuple[Callable, dict[str, tuple]]] = {
    "median": (lambda x, sigma, size: median_filter(x, size), {"size": (3, 5, 7)}),
    "Wiener": (
        lambda x, sigma, size: wiener(x, size, sigma**2),
        {"told": (0.7, 1.0, 1.4), "size": (3, 5, 7)},
    ),
    "non-local means": (
        lambda x, sigma, h, size, distance: restoration.denoise_nl_means(
            x, size, distance, h * sigma, sigma=sigma
        ),
        {"h": (0.25, 0.4, 0.6, 0.8), "size": (3, 5, 7), "distance": (5, 10)},
    ),
    "total variation": (
        total_variation,
        {"told": (0.2, 0.3, 0.4, 0.55, 0.75, 1.0, 1.4), "form": ("Chambolle", "l2", "l1")},
    ),
    "wavelet": (
        wavelets,
        {
            "told": (0.4, 0.6, 0.8, 1.0, 1.4),
            "wavelet": ("haar", "db2", "sym4", "bior2.2"),
            "mode": ("soft", "hard"),
            "method": ("BayesShrink", "VisuShrink"),
        },
    ),
    "BM3D": (block_matching, {"told": (0.9, 1.0)}),
}


def on_sheets(function: Callable) -> Callable:
    """All images side by side on one sheet, where a filter finds more patches that look alike."""

    def filtered(images: np.ndarray) -> np.ndarray:
        n, height, width = images.shape
        grid = images.reshape(-1, 10, height, width).transpose(0, 2, 1, 3)
        sheet = function(grid.reshape(n // 10 * height, 10 * width))
        return sheet.reshape(-1, height, 10, width).transpose(0, 2, 1, 3).reshape(images.shape)

    return filtered


def on_each(function: Callable) -> Callable:
    return lambda images: np.array([function(image) for image in images])


def with_setting(name: str, setting: dict, level: float) -> Callable:
    """A filter of one image, at a strength of the noise."""
    function, options = FILTERS[name][0], dict(setting)
    sigma = level * options.pop("told", 1.0)
    return lambda image: function(image, sigma, **options)


def tuned(
    name: str, level: float, clean: np.ndarray, noisy: np.ndarray, apply: Callable = on_sheets
) -> dict:
    """The setting of a filter that is best on validation images."""
    choices = FILTERS[name][1]
    settings = [dict(zip(choices, values)) for values in product(*choices.values())]
    scores = [validated(apply(with_setting(name, s, level)), clean, noisy) for s in settings]
    return settings[int(np.argmax(scores))]


def present() -> list[str]:
    if importlib.util.find_spec("bm3d"):
        return list(FILTERS)
    print("BM3D left out: its package bm3d is not installed")
    return [name for name in FILTERS if name != "BM3D"]


class Projection:
    """PCA, with as many components as are best on validation images."""

    def __init__(self, rows: np.ndarray) -> None:
        self.whole = PCA(300, random_state=SEED).fit(rows)

    def keeping(self, n: int) -> Callable:
        def project(images: np.ndarray) -> np.ndarray:
            rows = images.reshape(len(images), -1) - self.whole.mean_
            axes = self.whole.components_[:n]
            return (rows @ axes.T @ axes + self.whole.mean_).reshape(images.shape)

        return project

    def tuned(self, clean: np.ndarray, noisy: np.ndarray) -> int:
        sizes = (5, 10, 20, 30, 50, 80, 120, 200, 300)
        return max(sizes, key=lambda n: validated(self.keeping(n), clean, noisy))


def filters() -> dict:
    train, valid, test = digits()
    reader, projection = (
        DBN.load(datasets.path("mnist_dbn.npz")),
        Projection(train.reshape(N_TRAIN, -1)),
    )
    found: dict = {"settings": {}, "digits": {}, "crops of a photograph": {}}
    for level in LEVELS:
        (clean, noisy), *_ = noisy_pairs(valid, level, [0])
        pairs, key = noisy_pairs(test, level, SEEDS), name_of(level)
        settings = {name: tuned(name, level, clean, noisy) for name in present()}
        n_kept = projection.tuned(clean, noisy)
        methods = {"none": lambda y: y, "PCA": projection.keeping(n_kept)}
        for name, setting in settings.items():
            methods[name] = on_sheets(with_setting(name, setting, level))
        found["settings"][key] = settings | {"PCA": n_kept}
        found["digits"][key] = {
            name: measured(denoise, pairs, reader) for name, denoise in methods.items()
        }
        print(key, found["settings"][key], found["digits"][key], flush=True)
        if level == STRENGTH:
            strange = noisy_pairs(crops(), level, [0])
            for name, setting in settings.items():
                # The edge of a crop is no edge of its neighbour: each by itself.
                methods[name] = on_each(with_setting(name, setting, level))
            found["crops of a photograph"] = {n: measured(m, strange) for n, m in methods.items()}
    return found


# Posteriors -----------------------------------------------------------------------------------


def models() -> dict[str, RBM | DBN]:
    dbn = DBN.load(datasets.path("mnist_dbn.npz"))
    return {"RBM posterior": dbn.rbms_[0], "DBN posterior": dbn}


def posterior(model: RBM | DBN, strength: float, **options: object) -> GibbsDenoiser:
    return GibbsDenoiser(model, "gaussian", strength, random_state=SEED, **options)


def best_told(model: RBM | DBN, level: float, valid: np.ndarray) -> tuple[float, dict]:
    """The multiple of the noise's strength to tell the posterior, and what each one reaches."""
    (clean, noisy), *_ = noisy_pairs(valid, level, [0])
    scores = {}
    for told in (0.7, 0.85, 1.0, 1.2, 1.4, 2.0, 2.8, 4.0):
        denoise = posterior(model, told * level, n_steps=20, n_chains=5).denoise
        scores[told] = round(validated(denoise, clean, noisy), 2)
    return max(scores, key=lambda told: scores[told]), scores


def posteriors() -> dict:
    _, valid, test = digits()
    reader = DBN.load(datasets.path("mnist_dbn.npz"))
    found: dict = {"settings": {}, "digits": {}, "crops of a photograph": {}}
    for level in LEVELS:
        key = name_of(level)
        found["settings"][key], found["digits"][key] = {}, {}
        for name, model in models().items():
            told, scores = best_told(model, level, valid)
            denoise = posterior(model, told * level).denoise
            found["settings"][key][name] = {"told": told, "validation": scores}
            pairs = noisy_pairs(test, level, SEEDS)
            found["digits"][key][name] = measured(denoise, pairs, reader)
            print(key, name, told, scores, found["digits"][key][name], flush=True)
            if level == STRENGTH:
                strange = noisy_pairs(crops(), level, [0])
                found["crops of a photograph"][name] = measured(denoise, strange)
    return found


# Chains ---------------------------------------------------------------------------------------


def one_draw(model: RBM | DBN, told: float, pair: tuple, reader: DBN) -> dict:
    """Means over more and more chains, one chain as long as all of them, and how chains agree."""
    (clean, noisy), rng = pair, np.random.default_rng(SEED)
    options = {"n_chains": 1, "random_state": rng}
    short = GibbsDenoiser(model, "gaussian", told, N_STEPS, **options)
    long = GibbsDenoiser(model, "gaussian", told, N_STEPS * N_CHAINS, **options)
    singles = np.array([short.denoise(noisy) for _ in range(N_CHAINS)])
    means = {str(n): singles[:n].mean(axis=0) for n in (1, 2, 5, N_CHAINS)}
    means["one long"] = long.denoise(noisy)
    truth = read_by(reader, clean)
    votes = np.array([np.bincount(r, minlength=10) for r in read_by(reader, singles).T])
    most, right = votes.max(axis=1), votes.argmax(axis=1) == truth
    return {
        "read_alike": {n: float((read_by(reader, e) == truth).mean()) for n, e in means.items()},
        "psnr": {n: round(float(psnr(clean, e).mean()), 2) for n, e in means.items()},
        # Chains that read the commonest digit: images, and those of them in which it is the truth.
        "votes": {
            n: [int((most == n).sum()), int(right[most == n].sum())]
            for n in sorted(set(most.tolist()))
        },
    }


def chains() -> dict:
    """The strongest noise: one Gibbs chain, many, and a long one."""
    _, _, test = digits()
    reader, level = DBN.load(datasets.path("mnist_dbn.npz")), LEVELS[-1]
    chosen = stored.read(TARGET)["posteriors"]["settings"][name_of(level)]
    found: dict = {"level": level, "n_steps": N_STEPS, "n_chains": N_CHAINS}
    for name, model in models().items():
        found[name] = {}
        for told in sorted({1.0, chosen[name]["told"]}):
            pairs = noisy_pairs(test, level, SEEDS)
            draws = [one_draw(model, told * level, pair, reader) for pair in pairs]
            found[name][str(told)] = draws
            print(name, told, [draw["read_alike"] for draw in draws], flush=True)
    return found


# Networks -------------------------------------------------------------------------------------


def autoencoder(
    images: np.ndarray, n_epochs: int, dbn: DBN, seed: int, pretrain: bool, rate: float
) -> tuple[Callable, float]:
    """The denoiser, and the processor time that its training took."""
    start = time.process_time()
    network = DenoisingAutoencoder(
        dbn=FrozenEstimator(dbn),
        pretrain=pretrain,
        strengths=RANGE,
        n_epochs=n_epochs,
        batch_size=50,
        learning_rate=rate,
        random_state=seed,
    ).fit(images)
    return network.denoise, time.process_time() - start


def cnn(images: np.ndarray, seconds: float, seed: int, rate: float, n_filters: int) -> Callable:
    """Four convolutions that say what the noise is, trained for that much processor time.

    To learn what is taken off, not what is left, is the form of Zhang et al. (2017).
    """
    keras.utils.set_random_seed(seed)
    image = keras.Input((28, 28, 1))
    features = image
    for _ in range(3):
        conv = keras.layers.Conv2D(n_filters, 5, padding="same", activation="relu")
        features = conv(features)
    noise = keras.layers.Conv2D(1, 5, padding="same")(features)
    model = keras.Model(image, keras.layers.Subtract()([image, noise]))
    model.compile(keras.optimizers.Adam(rate), loss="mse", jit_compile=False)
    rng, start, share = np.random.default_rng(seed), time.process_time(), 0.0
    while share < 1:
        model.optimizer.learning_rate = rate * (1 + np.cos(np.pi * share)) / 2
        batch = images[rng.integers(len(images), size=400)]
        deviations = rng.uniform(*RANGE, size=(len(batch), 1, 1))
        noisy = batch + deviations * rng.standard_normal(batch.shape)
        model.fit(noisy[..., None], batch[..., None], batch_size=20, verbose=0)
        share = (time.process_time() - start) / seconds
    return lambda y: model.predict(y[..., None], 100, 0)[..., 0]


def at_all_levels(denoise: Callable, test: np.ndarray, reader: DBN) -> dict:
    found = {
        name_of(level): measured(denoise, noisy_pairs(test, level, SEEDS), reader)
        for level in LEVELS
    }
    strange = noisy_pairs(crops(), STRENGTH, [0])
    return found | {"crops of a photograph": measured(denoise, strange)}


def networks(
    n_images: int,
    n_epochs: int,
    dbn: DBN,
    choices: dict[str, list[dict]],
    seeds: tuple[int, ...],
    seconds: float = 0.0,
) -> dict:
    """Each network at its best setting of `choices`, from several seeds, at all strengths.

    A CNN gets so many seconds, or as many as the first of the other networks took.
    """
    train, valid, test = digits()
    images, reader = train[:n_images], DBN.load(datasets.path("mnist_dbn.npz"))
    found: dict = {"images": n_images, "passes": n_epochs}

    def trained(kind: str, seed: int, setting: dict) -> tuple[Callable, float]:
        if kind == "CNN":
            return cnn(images, seconds, seed, **setting), seconds
        return autoencoder(images, n_epochs, dbn, seed, kind == "DBN start", **setting)

    for kind, settings in choices.items():
        scores, denoisers = [], []
        for setting in settings:
            denoise, spent = trained(kind, seeds[0], setting)
            # All strengths count alike.
            pairs = [noisy_pairs(valid, level, [0])[0] for level in LEVELS]
            scores.append(round(float(np.mean([validated(denoise, *pair) for pair in pairs])), 2))
            denoisers.append(denoise)
            print(kind, setting, scores[-1], f"{spent:.1f} s", flush=True)
        seconds = seconds or spent
        best = int(np.argmax(scores))
        denoisers = [denoisers[best], *(trained(kind, s, settings[best])[0] for s in seeds[1:])]
        rows = [at_all_levels(denoise, test, reader) for denoise in denoisers]
        found[kind] = {
            "setting": settings[best],
            "validation": {
                ", ".join(f"{name} {value}" for name, value in setting.items()): score
                for setting, score in zip(settings, scores)
            },
            "seconds": round(spent, 1),
            "seeds": rows,
        }
        print(kind, settings[best], [row[name_of(STRENGTH)]["psnr"] for row in rows], flush=True)
    return found


def bottom() -> DBN:
    return DBN.from_rbms([DBN.load(datasets.path("mnist_dbn.npz")).rbms_[0]])


def short() -> dict:
    """784-500-784 and as little training as in the lesson."""
    choices = {kind: CHOICES[kind] for kind in ("DBN start", "random start")}
    return networks(1000, 3, bottom(), choices, SEEDS)


def few() -> dict:
    """784-500-784 and more training."""
    choices = {kind: CHOICES[kind] for kind in ("DBN start", "random start")}
    return networks(5000, 6, bottom(), choices, SEEDS)


def convolutional() -> dict:
    """A CNN for as long as the autoencoder of `few` was trained."""
    seconds = stored.read(TARGET)["few"]["DBN start"]["seconds"]
    return networks(5000, 0, bottom(), {"CNN": CHOICES["CNN"]}, SEEDS, seconds)


def mnist() -> dict:
    """784-500-500-2000 and back, all images, one seed; the random start needs smaller rates."""
    choices = {"DBN start": CHOICES["DBN start"][:3]}
    choices["random start"] = [{"rate": 3e-4}, *CHOICES["random start"][:3]]
    choices["CNN"] = [stored.read(TARGET)["convolutional"]["CNN"]["setting"]]
    return networks(N_TRAIN, 8, DBN.load(datasets.path("mnist_dbn.npz")), choices, SEEDS[:1])


# A photograph ---------------------------------------------------------------------------------


def picture() -> dict:
    """A photograph; settings are chosen, and the patches learned, on others."""
    learn = [picture / 255 for picture in (data.coins(), data.moon(), data.page())]
    valid = learn[0][None, :256, :256]
    noisy = corrupt(valid, "gaussian", PICTURE_STRENGTH, random_state=1)
    methods, settings = {"none": lambda y: y}, {}
    for name in present():
        settings[name] = tuned(name, PICTURE_STRENGTH, valid, noisy, on_each)
        methods[name] = on_each(with_setting(name, settings[name], PICTURE_STRENGTH))
        print(name, settings[name], flush=True)
    rng = np.random.default_rng(SEED)
    pieces = [
        image[r : r + 128, c : c + 128] for image in learn for r, c in rng.integers(60, size=(8, 2))
    ]
    methods["Gaussian RBM on patches"] = (
        PatchDenoiser(strength=PICTURE_STRENGTH, random_state=SEED).fit(np.array(pieces)).denoise
    )
    clean = data.camera()[None] / 255
    pairs = [(clean, corrupt(clean, "gaussian", PICTURE_STRENGTH, random_state=2))]
    return {"settings": settings, "photograph": {n: measured(m, pairs) for n, m in methods.items()}}


def main() -> None:
    part = sys.argv[1]
    parts = [posteriors, chains, short, few, convolutional, mnist, filters, picture]
    found = {function.__name__: function for function in parts}[part]()
    stored.write(TARGET, part, found)


if __name__ == "__main__":
    main()
