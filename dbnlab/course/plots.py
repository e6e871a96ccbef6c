"""The figures that lessons share."""

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dbnlab.checks import optional
from dbnlab.rbm import RBM


def use_style() -> None:
    """Switch matplotlib to the style of the course."""
    plt.style.use("dbnlab.course.dbnlab")


def mosaic(X: ArrayLike, image_shape: tuple[int, int], n_columns: int = 10) -> NDArray:
    """One picture that holds every row of `X` as a tile, tiles one NaN pixel apart.

    Parameters
    ----------
    X : array-like of shape (n_images, height * width)
    image_shape : tuple of int
        Height and width of one image.
    n_columns : int, default=10
        Tiles side by side; fewer if there are fewer images.

    Returns
    -------
    picture : ndarray
        Rows of tiles; the last row may be partly NaN.
    """
    montage = optional("skimage.util", "course").montage
    tiles = np.asarray(X, dtype=np.float64).reshape(-1, *image_shape)
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
    """
    picture = mosaic(X, image_shape, n_columns)
    if ax is None:
        height, width = picture.shape
        _, ax = plt.subplots(figsize=(7, 7 * height / width + 0.4))
    ax.imshow(picture, cmap="gray", vmin=limits[0], vmax=limits[1])
    ax.set_title(title)
    ax.set_axis_off()
    return ax


def filters(
    rbm: RBM,
    image_shape: tuple[int, int],
    title: str,
    *,
    n_filters: int = 40,
    n_columns: int = 10,
    ax: plt.Axes | None = None,
) -> plt.Axes:
    """Show the weights of the first hidden units as images, all at one grey scale, zero mid-grey.

    Hinton's guide, section 15.1: a scale of its own for each unit would hide that some have not
    learned.

    Parameters
    ----------
    rbm : RBM
        A fitted model.
    image_shape : tuple of int
        Height and width of one image.
    title : str
    n_filters : int, default=40
    n_columns : int, default=10
    ax : matplotlib.axes.Axes, default=None
        Where to draw; None makes a figure that fits.

    Returns
    -------
    ax : matplotlib.axes.Axes
    """
    W = rbm.weights_.T[:n_filters]
    # A few extreme weights would leave all others grey.
    largest = float(np.quantile(np.abs(W), 0.998))
    return images(W, image_shape, title, n_columns=n_columns, limits=(-largest, largest), ax=ax)
