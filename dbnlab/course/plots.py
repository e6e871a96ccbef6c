"""The figures that lessons share."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dbnlab.checks import COUNT, check_machine, optional, real_array
from dbnlab.rbm import RBM

# Images are on another scale than the limits if so large a share of the values lies so many times
# the range of the limits outside: those of 0 to 255, say, which would all be white.
SMALL_SHARE, BEYOND = 0.01, 3


def use_style() -> None:
    """Switch matplotlib to the style of the course."""
    plt.style.use("dbnlab.course.dbnlab")


def mosaic(X: ArrayLike, image_shape: tuple[int, int], n_columns: int = 10) -> NDArray:
    """One picture that holds every row of `X` as a tile, tiles one NaN pixel apart.

    Parameters
    ----------
    X : array-like of shape (n_images, height * width) or (n_images, height, width)
    image_shape : tuple of int
        Height and width of one image.
    n_columns : int, default=10
        Tiles side by side; fewer if there are fewer images.

    Returns
    -------
    picture : ndarray
        Rows of tiles; the last row may be partly NaN.

    Raises
    ------
    ValueError, TypeError
        If there are no rows, or they do not have as many values as an image has pixels.
    """
    montage = optional("skimage.util", "course").montage
    COUNT(n_columns, "n_columns")
    X = real_array(X, "X", finite=False).astype(np.float64)
    fits = np.shape(image_shape) == (2,) and min(image_shape) > 0 and X.ndim > 1 and X.size
    if not fits or X[0].size != np.prod(image_shape):
        needed = f"one row for each image, of as many values as {image_shape=} has pixels"
        raise ValueError(f"X must have {needed}, got shape {X.shape}")
    tiles = X.reshape(-1, *image_shape)
    n_columns = min(n_columns, len(tiles))
    grid = (-(-len(tiles) // n_columns), n_columns)
    return montage(tiles, fill=np.nan, grid_shape=grid, padding_width=1)[1:-1, 1:-1]


def images(
    X: ArrayLike,
    image_shape: tuple[int, int],
    title: str,
    *,
    n_columns: int = 10,
    limits: tuple[float, float] = (0, 1),
    ax: plt.Axes | None = None,
) -> plt.Axes:
    """Show rows of `X` as images at one common grey scale, black to white over `limits`.

    Parameters
    ----------
    X : array-like of shape (n_images, height * width)
    image_shape : tuple of int
        Height and width of one image.
    title : str
    n_columns : int, default=10
    limits : tuple of float, default=(0, 1)
        Values shown black and white.
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None makes a figure that fits.

    Returns
    -------
    ax : matplotlib.axes.Axes

    Raises
    ------
    ValueError, TypeError
        As `mosaic`, and if all values lie outside `limits`, or more than one in a hundred far
        outside.
    """
    picture, ends = mosaic(X, image_shape, n_columns), real_array(limits, "limits")
    if ends.shape != (2,) or ends[0] >= ends[1]:
        raise ValueError(f"limits must be two values, the lower one first, got {limits}")
    values = picture[~np.isnan(picture)]
    off = np.abs(values - values.clip(*ends)) / np.ptp(ends)
    if values.size and (off.all() or (off > BEYOND).mean() > SMALL_SHARE):
        found = f"do not show X, whose values reach from {values.min():g} to {values.max():g}"
        raise ValueError(f"{limits=} {found}: give those to be shown black and white")
    if ax is None:
        height, width = picture.shape
        _, ax = plt.subplots(figsize=(7, 7 * height / width + 0.4))
    ax.imshow(picture, cmap="gray", vmin=ends[0], vmax=ends[1])
    ax.set_title(title)
    ax.set_axis_off()
    return ax


def filters(
    rbm: RBM, image_shape: tuple[int, int], title: str, *, n_filters: int = 40, **options: Any
) -> plt.Axes:
    """Show the weights of the first hidden units as images, all at one grey scale, zero mid-grey.

    Hinton's guide, section 15: a scale of its own for each unit would hide that some have not
    learned.

    Parameters
    ----------
    rbm : RBM
        A fitted model.
    image_shape : tuple of int
        Height and width of one image.
    title : str
    n_filters : int, default=40
    **options
        As for `images`, such as `n_columns` and `ax`.

    Returns
    -------
    ax : matplotlib.axes.Axes
    """
    check_machine(rbm)
    COUNT(n_filters, "n_filters")
    W = rbm.weights_.T[:n_filters]
    # A few extreme weights would leave all others grey.
    largest = float(np.quantile(np.abs(W), 0.998)) or 1.0
    return images(W, image_shape, title, limits=(-largest, largest), **options)
