r"""Image noise, and denoisers that know what clean images look like.

An RBM or DBN is a prior p(v) of clean images. With the likelihood p(y | v) of a noisy image, which
factorises over pixels, it gives the posterior p(v | y) ∝ p(v) Π_i p(y_i | v_i). Given the hidden
units the pixels stay independent: the evidence of a pixel, log p(y_i | 1) - log p(y_i | 0), adds to
its input field, so that Gibbs sampling is as easy as without noise. A missing pixel has evidence 0,
a known one is clamped.

Images are arrays of shape (height, width) or (n_images, height, width), or either with a last axis
of length 1, grey-scale: floats with clean values in [0, 1], or uint8 with white at 255. Missing
pixels are NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.feature_extraction.image import extract_patches_2d, reconstruct_from_patches_2d
from sklearn.utils.validation import check_is_fitted

from dbnlab import checks, units
from dbnlab.attributes import whole_or_not
from dbnlab.dbn import DBN
from dbnlab.finetune import DeepAutoencoder
from dbnlab.rbm import RBM
from dbnlab.stack import Stack

NOISES = ("gaussian", "salt_and_pepper", "speckle", "missing_block", "missing_pixels")
DEVIATIONS = ("gaussian", "speckle")  # their strength is a standard deviation
FARTHEST = 10.0
FLAT = 1e-6  # deviation of pixels that are equal but for rounding
DARK = 32  # where no uint8 gets as far, the largest grey value is hardly 255
WINDOW = 7  # side of the windows that `ssim` compares
SHAPES = "images must have shape {}, got {}: reshape rows of pixels"
# Of the parameters of `PatchDenoiser`.
RULES = dict.fromkeys(["size", "n_patches", "n_steps"], checks.COUNT)
RULES |= dict.fromkeys(["strength", "scale"], checks.RATE)


# Noise ----------------------------------------------------------------------------------------


def corrupt(
    images: ArrayLike, noise: str, strength: float, random_state: checks.RandomState = None
) -> NDArray:
    """Images with noise.

    Parameters
    ----------
    images : array-like of shape (height, width) or (n_images, height, width)
        Clean: floats in [0, 1] or uint8.
    noise : {"gaussian", "salt_and_pepper", "speckle", "missing_block", "missing_pixels"}
        Gaussian adds a normal deviate to each pixel, speckle that times the pixel; salt and pepper
        turns pixels black or white; missing ones become NaN, in a square block or one by one.
    strength : float
        Standard deviation of the deviates, or expected share of the pixels, in (0, 1). The share of
        a block is rounded to a whole side.
    random_state : int, numpy.random.Generator or None, default=None

    Returns
    -------
    noisy : ndarray of the same shape, float
        Not cut to [0, 1].
    """
    clean = _clean(images)
    _check_noise(noise, strength)
    _check_scale(noise, strength)
    noisy = _corrupted(clean, noise, strength, checks.as_generator(random_state))
    return noisy.reshape(np.shape(images))


def _corrupted(clean: NDArray, noise: str, strength: float, rng: np.random.Generator) -> NDArray:
    if noise in DEVIATIONS:
        deviates = strength * rng.standard_normal(clean.shape, dtype=clean.dtype)
        return clean + (deviates if noise == "gaussian" else deviates * clean)
    if noise == "missing_block":
        return np.where(_blocks(clean.shape, strength, rng), np.nan, clean)
    hit = rng.random(clean.shape) < strength
    if noise == "missing_pixels":
        return np.where(hit, np.nan, clean)
    return np.where(hit, rng.integers(2, size=clean.shape), clean).astype(clean.dtype)


def _blocks(shape: tuple[int, ...], share: float, rng: np.random.Generator) -> NDArray:
    """One square in each image, anywhere."""
    n, *sides = shape
    side = max(1, round((share * sides[0] * sides[1]) ** 0.5))
    inside = []
    for length in sides:
        first = rng.integers(max(1, length - side + 1), size=(n, 1))
        inside.append((np.arange(length) >= first) & (np.arange(length) < first + side))
    return inside[0][:, :, None] & inside[1][:, None, :]


def psnr(clean: ArrayLike, images: ArrayLike) -> NDArray:
    """Peak signal-to-noise ratio of each image, in dB: -10 log10 of the mean squared error."""
    return _compare(clean, images, "peak_signal_noise_ratio")


def ssim(clean: ArrayLike, images: ArrayLike) -> NDArray:
    """Structural similarity of each image, 1 for equal ones (Wang et al. 2004)."""
    height, width = _stack(clean).shape[1:]
    if min(height, width) < WINDOW:
        windows = f"windows of {WINDOW}×{WINDOW} pixels"
        raise ValueError(f"ssim compares {windows}, those of {height}×{width} hold none: take psnr")
    return _compare(clean, images, "structural_similarity")


def _compare(clean: ArrayLike, images: ArrayLike, name: str) -> NDArray:
    measure = getattr(checks.optional("skimage.metrics", "denoise"), name)
    one, other = _complete(clean), _complete(images)
    if one.shape != other.shape:
        raise ValueError(f"images of shapes {np.shape(clean)} and {np.shape(images)} differ")
    with np.errstate(divide="ignore"):  # equal images: infinitely many dB
        pairs = zip(one, other.astype(one.dtype))
        return np.array([measure(a, b, data_range=1) for a, b in pairs])


# Denoisers ------------------------------------------------------------------------------------


@dataclass(eq=False, repr=False)
class GibbsDenoiser:
    """The posterior of clean images under a trained RBM or DBN, by Gibbs sampling.

    In an RBM the chain has the posterior as its stationary distribution; in a DBN it goes up by the
    recognition weights, which is an approximation.

    Parameters
    ----------
    model : RBM or DBN
        Trained on clean images.
    noise : {"gaussian", "salt_and_pepper", "missing_block", "missing_pixels"}
    strength : float, default=None
        That of `corrupt`; missing pixels need none. Where clean pixels are grey, which binary units
        are not, another one than the noise's may do better: choose it on validation images.
    n_steps : int, default=50
        Gibbs steps; the mean is taken over the second half.
    random_state : int, numpy.random.Generator or None, default=None
    n_chains : int, default=10
        Chains that `denoise` takes the mean over, `n_steps` in each. One chain may stay near the
        first clean image that it finds.
    """

    model: RBM | DBN
    noise: str
    strength: float | None = None
    n_steps: int = 50
    random_state: checks.RandomState = None
    n_chains: int = 10

    def __post_init__(self) -> None:
        checks.check_choice(self.noise, "noise", [name for name in NOISES if name != "speckle"])
        if not self.noise.startswith("missing"):
            _check_noise(self.noise, self.strength)
        checks.COUNT(self.n_steps, "n_steps")
        checks.COUNT(self.n_chains, "n_chains")
        if not isinstance(self.model, RBM | DBN):
            raise TypeError(f"model must be a fitted RBM or DBN, got {self.model!r}")
        check_is_fitted(self.model)

    def denoise(self, images: ArrayLike) -> NDArray:
        """Posterior means, in the shape and dtype of `images`."""
        rows, rng = self._rows(images), checks.as_generator(self.random_state)
        total = sum(self.chain(rows, rng)[0] for _ in range(self.n_chains))
        return _like(images, total / self.n_chains)

    def sample(self, images: ArrayLike, n_samples: int = 1) -> NDArray:
        """Posterior draws, of shape ``(n_samples, *images.shape)``: several plausible clean images.

        Each is the mean of the pixels given the hidden units at the end of a chain of its own.
        """
        checks.COUNT(n_samples, "n_samples")
        rows, rng = self._rows(images), checks.as_generator(self.random_state)
        _, ends = self.chain(np.tile(rows, (n_samples, 1)), rng)
        return np.stack([_like(images, end) for end in np.split(ends, n_samples)])

    def _rows(self, images: ArrayLike) -> NDArray:
        rows = _rows(images, self.model.n_features_in_)
        _check_scale(self.noise, self.strength)
        # What is known is clamped, and no pixel of the model lies beyond black or white.
        return rows.clip(0, 1) if self.noise.startswith("missing") else rows

    def chain(self, rows: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        """Means of rows of pixels, of one chain: over its second half, and at its end."""
        stack = self._checked_stack()
        field = np.tile(stack.generative_biases[0], (len(rows), 1))
        V, _ = self._posterior(stack.units[0], field, rows, rng)
        total = np.zeros(rows.shape)
        burn_in = self.n_steps // 2
        for step in range(self.n_steps):
            V, means = self._posterior(stack.units[0], _field(stack, V, rng), rows, rng)
            if step >= burn_in:
                total += means
        return total / (self.n_steps - burn_in), means

    def _checked_stack(self) -> Stack:
        """The model as a stack, an RBM as one of a single layer."""
        model = self.model
        stack = (DBN.from_rbms([model]) if isinstance(model, RBM) else model).stack_
        pixels = stack.units[0]
        if not isinstance(pixels, units.Bernoulli | units.Gaussian):
            raise ValueError(f"GibbsDenoiser takes Bernoulli or Gaussian pixels, not {pixels}")
        if isinstance(pixels, units.Gaussian) and self.noise == "salt_and_pepper":
            raise ValueError(f"Gaussian visible units take gaussian noise, not {self.noise}")
        return stack

    def _posterior(
        self, unit: units.Unit, field: NDArray, rows: NDArray, rng: np.random.Generator
    ) -> tuple[NDArray, NDArray]:
        """A draw and the means of the pixels, given their input field and the noisy ones."""
        known = ~np.isnan(rows)
        if self.noise.startswith("missing"):
            means = unit.mean(field)
            return np.where(known, rows, unit.draw(means, rng)), np.where(known, rows, means)
        if isinstance(unit, units.Gaussian):
            # Two normal factors multiply to one: precisions add.
            precision = 1 / unit.variances() + known / self.strength**2
            means = (field + np.where(known, rows, 0) / self.strength**2) / precision
            return means + rng.standard_normal(field.shape) / np.sqrt(precision), means
        means = unit.mean(field + np.where(known, self._evidence(rows), 0))
        return unit.draw(means, rng), means

    def _evidence(self, y: NDArray) -> NDArray:
        """log p(y | v = 1) - log p(y | v = 0) of each pixel; grey ones between, in proportion."""
        if self.noise == "gaussian":
            return (y - 0.5) / self.strength**2
        return (2 * y - 1) * np.log(2 / self.strength - 1)


def _field(stack: Stack, V: NDArray, rng: np.random.Generator) -> NDArray:
    """Input field of the pixels after one Gibbs step up and down the model."""
    S = stack.up(V.astype(stack.top.weights.dtype, copy=False), stack.n_directed, rng)
    field = stack.up_field(S, stack.n_directed)
    if stack.n_labels:
        labels = rng.multinomial(1, stack.label_posterior(S)).astype(field.dtype)
        field += labels @ stack.top.weights[S.shape[1] :]
    return stack.visible_field(stack.top.hidden.sample(field, rng), stack.n_directed + 1, rng)


@dataclass(eq=False, repr=False)
class DenoisingAutoencoder(DeepAutoencoder):
    """A DBN, unrolled and fine-tuned to give clean images for noisy ones.

    Each batch gets fresh noise, its strength drawn anew for each image: in use, the strength need
    not be known. Vincent et al. (2010), "Stacked denoising autoencoders", JMLR 11, train on one.

    Parameters
    ----------
    layer_sizes : sequence of int, default=(500, 500)
    dbn : DBN or FrozenEstimator, default=None
        As for `DBNClassifier`.
    pretrain, n_epochs, batch_size, learning_rate, random_state, verbose
        As in `DeepAutoencoder`.
    noise : str, default="gaussian"
        As in `corrupt`. Missing pixels are given to the network as the mean of the training images.
    strengths : (float, float), default=(0.1, 0.6)
        Range of the strength in training.
    """

    layer_sizes: Sequence[int] = (500, 500)
    noise: str = "gaussian"
    strengths: tuple[float, float] = (0.1, 0.6)

    @whole_or_not()
    def fit(self, images: ArrayLike, y: Any = None) -> Self:
        """Train the DBN and then the network on clean images of one size."""
        clean = _clean(images)
        if len(images) != len(clean):
            raise ValueError(SHAPES.format("(n_images, height, width)", np.shape(images)))
        strengths = self.strengths
        if np.shape(strengths) != (2,) or strengths[0] > strengths[1]:
            raise ValueError(f"strengths are the least and the largest strength, got {strengths}")
        for strength in strengths:
            _check_noise(self.noise, strength)
            _check_scale(self.noise, strength)
        self.image_shape_, self.mean_image_ = clean.shape[1:], clean.mean(axis=0).ravel()
        return super().fit(clean.reshape(len(clean), -1))

    def denoise(self, images: ArrayLike) -> NDArray:
        """Clean images, in the shape and dtype of `images`."""
        return _like(images, self.inverse_transform(self.transform(images)))

    def transform(self, images: ArrayLike) -> NDArray:
        """Code of each image, of shape (n_images, layer_sizes[-1])."""
        check_is_fitted(self)
        rows, shape = _rows(images, self.n_features_in_), _stack(images).shape[1:]
        if shape != self.image_shape_:
            raise ValueError(f"images have shape {shape}, those of training {self.image_shape_}")
        return super().transform(self._filled(rows))

    def _default_dbn(self) -> DBN:
        return DBN()

    def _rows(self, X: ArrayLike) -> NDArray:
        """Rows as they are: noise leads beyond [0, 1]."""
        return checks.table(X, "X", self, reset=False)

    def _inputs(self, rows: NDArray, rng: np.random.Generator) -> NDArray:
        clean = rows.reshape(-1, *self.image_shape_)
        strengths = rng.uniform(*self.strengths, size=(len(clean), 1, 1)).astype(rows.dtype)
        if self.noise == "missing_block":
            # Each image has a block of its own size.
            pairs = zip(clean[:, None], strengths)
            noisy = [_corrupted(one, self.noise, strength.item(), rng) for one, strength in pairs]
        else:
            noisy = _corrupted(clean, self.noise, strengths, rng)
        return self._filled(np.reshape(noisy, rows.shape))

    def _filled(self, rows: NDArray) -> NDArray:
        return np.where(np.isnan(rows), self.mean_image_, rows).astype(rows.dtype)


@dataclass(eq=False, repr=False)
class PatchDenoiser(BaseEstimator):
    """Pictures of any size, patch by patch: posterior means of a Gaussian RBM or DBN, averaged.

    Every position gives a patch; its mean grey is taken off and put back, and each pixel is the
    average over the patches that hold it.

    Parameters
    ----------
    model : RBM or DBN with Gaussian visible units, default=None
        Prototype; None means ``RBM(256, visible="gaussian", learning_rate=0.005, n_epochs=20)``.
    strength : float, default=0.1
        Standard deviation of the Gaussian noise.
    scale : float, default=0.5
        Grey value that is 1 to the model, as a share of the pixels' deviation from the mean of
        their patch. Gaussian units have variance 1, unless the model learns another: the smaller
        the scale, the finer is what it tells from its own noise, and the harder to learn.
    size : int, default=8
        Side of a patch.
    n_patches : int, default=50_000
        Number of patches to train on, as many from each picture, at random places; rounded up, and
        no more than the pictures hold.
    n_steps : int, default=20
        Gibbs steps.
    random_state : int, numpy.random.Generator or None, default=None
        Source of all randomness; that of the prototype is not used.

    Attributes
    ----------
    model_ : RBM or DBN
    scale_ : float
        The grey value that is 1 to the model.
    """

    model: RBM | DBN | None = None
    strength: float = 0.1
    scale: float = 0.5
    size: int = 8
    n_patches: int = 50_000
    n_steps: int = 20
    random_state: checks.RandomState = None

    @whole_or_not()
    def fit(self, images: ArrayLike, y: Any = None) -> Self:
        """Train the model on patches of clean pictures."""
        checks.check_parameters(self, RULES)
        _check_scale("gaussian", self.strength)
        clean, rng = _clean(images), checks.as_generator(self.random_state)
        share = -(-self.n_patches // len(clean))
        options = {"patch_size": (self.size, self.size), "max_patches": share}
        seeds = [checks.draw_seed(rng) for _ in clean]
        pairs = zip(clean, seeds)
        patches = [extract_patches_2d(one, random_state=seed, **options) for one, seed in pairs]
        rows = np.concatenate(patches).reshape(-1, self.size**2)
        rows = rows - rows.mean(axis=1, keepdims=True)
        self.scale_ = float(self.scale * rows.std())
        if self.scale_ < FLAT * self.scale:
            raise ValueError("images are of one grey each: there is nothing to learn from them")
        model = self.model or RBM(256, visible="gaussian", learning_rate=0.005, n_epochs=20)
        self.model_ = clone(model).set_params(random_state=seeds[0]).fit(rows / self.scale_)
        return self

    def denoise(self, images: ArrayLike) -> NDArray:
        """Clean pictures, in the shape and dtype of `images`."""
        check_is_fitted(self)
        _check_scale("gaussian", self.strength)
        rng, side = checks.as_generator(self.random_state), (self.size, self.size)
        strength = self.strength / self.scale_
        inner = GibbsDenoiser(self.model_, "gaussian", strength, self.n_steps)
        done = []
        for noisy in _complete(images):
            patches = extract_patches_2d(noisy, side)
            means = patches.mean(axis=(1, 2), keepdims=True)
            rows = ((patches - means) / self.scale_).reshape(len(patches), -1)
            clean = inner.chain(rows, rng)[0].reshape(patches.shape) * self.scale_ + means
            done.append(reconstruct_from_patches_2d(clean, noisy.shape))
        return _like(images, np.array(done))


# Images ---------------------------------------------------------------------------------------


def _stack(images: ArrayLike) -> NDArray:
    """Floats of shape (n_images, height, width)."""
    stack = checks.real_array(images, "images", finite=False)
    shape = stack.shape
    if stack.dtype == np.uint8:
        if 0 < stack.max(initial=0) < DARK:
            found = f"images are uint8 up to {stack.max()}, but white is 255"
            raise ValueError(f"{found}: divide them by their largest possible value")
        stack = stack / 255
    if stack.dtype.kind != "f":
        raise ValueError(f"images must be floats in [0, 1] or uint8, got {stack.dtype}")
    # One channel, as Keras has it; a column of pixels is no image.
    if stack.ndim in (3, 4) and shape[-1] == 1:
        stack = stack[..., 0]
    # Three or four columns of many rows are no picture, but the channels of a colour.
    if stack.ndim == 4 or (stack.ndim == 3 and shape[-1] in (3, 4) and shape[1] > 4):
        cure = "denoise each by itself; if one channel comes first, take images[:, 0]"
        raise ValueError(f"images of shape {shape} have {shape[-1]} channels last: {cure}")
    if stack.ndim not in (2, 3) or not stack.size:
        raise ValueError(SHAPES.format("(height, width) or (n_images, height, width)", shape))
    if (np.abs(stack) > FARTHEST).any():
        raise ValueError("images lie far outside [0, 1]: divide by the largest possible grey value")
    return stack.reshape(-1, *stack.shape[-2:])


def _complete(images: ArrayLike) -> NDArray:
    """As `_stack`, of images without missing pixels."""
    stack = _stack(images)
    if np.isnan(stack).any():
        raise ValueError("images must have no missing pixels here, got NaN: fill them in first")
    return stack


def _clean(images: ArrayLike) -> NDArray:
    """As `_stack`, of images without noise."""
    stack = _complete(images)
    low, high = stack.min(), stack.max()
    if low < 0 or high > 1:
        raise ValueError(f"clean images have all pixels in [0, 1], got {low:.3g} to {high:.3g}")
    return stack


def _check_noise(noise: str, strength: float) -> None:
    checks.check_choice(noise, "noise", NOISES)
    rule = checks.RATE if noise in DEVIATIONS else checks.OPEN_SHARE
    rule(strength, "strength")


def _check_scale(noise: str, strength: float | None) -> None:
    if noise in DEVIATIONS and strength > FARTHEST:
        raise ValueError(f"{strength=} is of another scale: white is 1 here, so divide it by 255")


def _rows(images: ArrayLike, n_pixels: int) -> NDArray:
    stack = _stack(images)
    height, width = stack.shape[1:]
    if height * width != n_pixels:
        raise ValueError(f"images of {height}×{width} pixels, but the model has {n_pixels}")
    return stack.reshape(len(stack), -1)


def _like(images: ArrayLike, result: NDArray) -> NDArray:
    """`result` in the shape and dtype of `images`, cut to the range of grey values."""
    images = np.asarray(images)
    result = np.clip(result, 0, 1).reshape(images.shape)
    if images.dtype == np.uint8:
        result = np.round(255 * result)
    return result.astype(images.dtype)
