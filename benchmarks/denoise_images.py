"""Denoisers on MNIST, on images unlike MNIST, and on a real picture: PSNR, SSIM and time.

    python benchmarks/denoise_images.py mnist | picture

mnist: Gaussian noise of mean squared error 0.0966, as in Keyvanrad et al. (2013), who bring it
down to 0.0329. The DBN and its RBM are data/mnist_dbn.npz; the autoencoder starts from it, and the
CNN trains for the same processor time; both see all strengths from 0.1 to 0.6. Filters and
posteriors are tuned on validation images. picture: Gaussian noise of deviation 0.1. Each command
writes its part of results/denoise_images.json.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import stored
from dbn_mnist import N_TRAIN, SEED
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
STRENGTHS, N_EPOCHS, N_TEST = (0.1, 0.6), 8, 1000
# For each filter: a function of an image and one setting, and the settings to choose from.
FILTERS = {
    "median": (lambda y, size: median_filter(y, size), (3, 5, 7)),
    "Wiener": (lambda y, size: wiener(y, size), (3, 5, 7)),
    "non-local means": (
        lambda y, h: restoration.denoise_nl_means(y, 5, 6, h, sigma=h),
        (0.05, 0.08, 0.12, 0.2, 0.3),
    ),
    "total variation": (
        lambda y, weight: restoration.denoise_tv_chambolle(y, weight),
        (0.05, 0.1, 0.2, 0.3, 0.4, 0.6),
    ),
    "wavelet": (
        lambda y, sigma: restoration.denoise_wavelet(y, sigma=sigma, method="BayesShrink"),
        (0.05, 0.1, 0.2, 0.3, 0.5),
    ),
}


def each(function: Callable, setting: float) -> Callable:
    return lambda images: np.array([function(image, setting) for image in images])


def tuned(function: Callable, settings: tuple, clean: np.ndarray, noisy: np.ndarray) -> tuple:
    """The filter at the setting that is best on validation images, and that setting."""
    scores = [psnr(clean, cut(each(function, s)(noisy))).mean() for s in settings]
    best = settings[int(np.argmax(scores))]
    return each(function, best), best


def cut(images: np.ndarray) -> np.ndarray:
    return np.clip(np.nan_to_num(images, nan=0.5), 0, 1)


def pca_filter(X: np.ndarray, clean: np.ndarray, noisy: np.ndarray) -> tuple:
    whole = PCA(300, random_state=SEED).fit(X)

    def keep(n: int) -> Callable:
        def project(images: np.ndarray) -> np.ndarray:
            rows = images.reshape(len(images), -1) - whole.mean_
            back = rows @ whole.components_[:n].T @ whole.components_[:n] + whole.mean_
            return back.reshape(images.shape)

        return project

    sizes = (5, 10, 20, 30, 50, 80, 120)
    best = max(sizes, key=lambda n: psnr(clean, cut(keep(n)(noisy))).mean())
    return keep(best), best


def cnn(images: np.ndarray, seconds: float) -> keras.Sequential:
    """Three convolutions, trained with fresh noise for that much processor time."""
    keras.utils.set_random_seed(SEED)
    conv = keras.layers.Conv2D
    layers = [conv(32, 5, padding="same", activation="relu") for _ in range(3)]
    last = conv(1, 5, padding="same", activation="sigmoid")
    model = keras.Sequential([keras.Input((28, 28, 1)), *layers, last])
    model.compile(keras.optimizers.Adam(1e-3), loss="mse")
    rng, start, share = np.random.default_rng(SEED), time.process_time(), 0.0
    while share < 1:
        model.optimizer.learning_rate = 1e-3 * (1 + np.cos(np.pi * share)) / 2
        batch = images[rng.integers(len(images), size=1000)]
        deviations = rng.uniform(*STRENGTHS, size=(len(batch), 1, 1))
        noisy = batch + deviations * rng.standard_normal(batch.shape)
        model.fit(noisy[..., None], batch[..., None], batch_size=100, verbose=0)
        share = (time.process_time() - start) / seconds
    return model


def posterior(model: RBM | DBN, strength: float) -> GibbsDenoiser:
    return GibbsDenoiser(model, "gaussian", strength, random_state=SEED)


def measured(methods: dict[str, Callable], clean: np.ndarray, noisy: np.ndarray) -> dict:
    """Of each method, its images cut to [0, 1]: error, PSNR and SSIM with deviations, and time."""
    found = {}
    for name, denoise in methods.items():
        start = time.process_time()
        images = cut(denoise(noisy)).astype(clean.dtype)
        seconds = time.process_time() - start
        decibels, similarity = psnr(clean, images), ssim(clean, images)
        found[name] = {
            "mse": round(float(((images - clean) ** 2).mean()), 5),
            "psnr": [round(float(v), 2) for v in (decibels.mean(), decibels.std())],
            "ssim": [round(float(v), 3) for v in (similarity.mean(), similarity.std())],
            "milliseconds_per_image": round(1e3 * seconds / len(clean), 2),
        }
        print(name, found[name], flush=True)
    return found


def mnist() -> dict:
    digits = datasets.load_mnist()
    X, images = digits.X[:N_TRAIN], digits.X[:N_TRAIN].reshape(-1, 28, 28)
    valid = digits.X[N_TRAIN : N_TRAIN + 200].reshape(-1, 28, 28)
    noisy = corrupt(valid, "gaussian", STRENGTH, random_state=1)
    dbn = DBN.load(datasets.path("mnist_dbn.npz"))
    start = time.process_time()
    autoencoder = DenoisingAutoencoder(
        dbn=FrozenEstimator(dbn), strengths=STRENGTHS, n_epochs=N_EPOCHS, random_state=SEED
    ).fit(images)
    seconds = time.process_time() - start
    convolutional = cnn(images, seconds)
    methods, settings = {"none": lambda y: y}, {"training_seconds": round(seconds)}
    for name, (function, choices) in FILTERS.items():
        methods[name], settings[name] = tuned(function, choices, valid, noisy)
    methods["PCA"], settings["PCA"] = pca_filter(X, valid, noisy)
    methods["CNN"] = lambda y: convolutional.predict(y[..., None], 100, 0)[..., 0]
    # Grey pixels are no draws of binary units: a posterior may do better if told another strength.
    for name, model in {"RBM posterior": dbn.rbms_[0], "DBN posterior": dbn}.items():
        told = {factor: posterior(model, factor * STRENGTH) for factor in (1.0, 1.4, 2.0)}
        best = max(told, key=lambda factor: psnr(valid, told[factor].denoise(noisy)).mean())
        methods[name], settings[name] = told[best].denoise, best
    methods["DBN autoencoder"] = autoencoder.denoise
    test = digits.X_test[:N_TEST].reshape(-1, 28, 28)
    rng, camera = np.random.default_rng(SEED), data.camera() / 255
    corners = rng.integers(512 - 28, size=(200, 2))
    crops = np.array([camera[r : r + 28, c : c + 28] for r, c in corners], dtype=np.float32)
    sets = {"mnist": test, "crops of a photograph": crops}
    noise = corrupt(test, "gaussian", STRENGTH, random_state=2) - test
    found = {"settings": settings, "noise_mse_before_cutting": round(float((noise**2).mean()), 4)}
    for name, clean in sets.items():
        noisy = corrupt(clean, "gaussian", STRENGTH, random_state=2)
        found[name] = measured(methods, clean, noisy)
    return found


def picture() -> dict:
    """A photograph; settings are chosen, and the patches learned, on others."""
    learn = [picture / 255 for picture in (data.coins(), data.moon(), data.page())]
    valid = learn[0][None, :256, :256]
    noisy = corrupt(valid, "gaussian", PICTURE_STRENGTH, random_state=1)
    methods, settings = {"none": lambda y: y}, {}
    for name, (function, choices) in FILTERS.items():
        methods[name], settings[name] = tuned(function, choices, valid, noisy)
    rng = np.random.default_rng(SEED)
    crops = [
        image[r : r + 128, c : c + 128] for image in learn for r, c in rng.integers(60, size=(8, 2))
    ]
    methods["Gaussian RBM on patches"] = (
        PatchDenoiser(strength=PICTURE_STRENGTH, random_state=SEED).fit(np.array(crops)).denoise
    )
    try:
        from bm3d import bm3d

        methods["BM3D"] = each(bm3d, PICTURE_STRENGTH)
    except ImportError:
        print("BM3D left out: pip install bm3d (free for non-commercial use) brings it in")
    clean = data.camera()[None] / 255
    noisy = corrupt(clean, "gaussian", PICTURE_STRENGTH, random_state=2)
    return {"settings": settings, "photograph": measured(methods, clean, noisy)}


def main() -> None:
    part = sys.argv[1]
    found = {"mnist": mnist, "picture": picture}[part]()
    stored.write(TARGET, part, found)


if __name__ == "__main__":
    main()
