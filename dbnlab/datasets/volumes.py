"""Brain volumes: where the brain is, patches around its voxels, and lesions of known place.

A volume is an array of shape (n_x, n_y, n_z) whose axes run to the right, forwards and upwards; a
voxel is a triple of array indices, and `voxel_size` its sides in mm.
"""

from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import distance_transform_edt, label
from scipy.special import expit

from dbnlab.checks import POSITIVE, check_number

OPENING, CLOSING = 5.0, 10.0  # mm
EDGE = 1.0  # mm: width of a lesion's soft edge


def brain_mask(volume: ArrayLike, voxel_size: float | Sequence[float] = 2.0) -> NDArray:
    """The voxels of the brain in a T1-weighted image of a head, roughly.

    Tissue about as bright as the middle of the head is cut from the scalp by an opening of 5 mm;
    the largest piece is the brain, and a closing of 10 mm returns its furrows. Nothing but the
    volume itself is looked at. Good to a few mm: for measurements of the brain itself take a tool
    made for it.

    Parameters
    ----------
    volume : array-like of shape (n_x, n_y, n_z)
        The head, its top inside the volume. Any scale of grey values; 0 is air.
    voxel_size : float or sequence of three floats, default=2.0
        In mm.

    Returns
    -------
    mask : ndarray of the same shape, bool

    Raises
    ------
    ValueError
        If `volume` does not have three axes, or holds nothing like a head.
    """
    volume, sides = _volume(volume), np.broadcast_to(voxel_size, 3)
    head = volume > 0.1 * np.quantile(volume, 0.99)
    area = head.sum(axis=(0, 1)) * sides[0] * sides[1]
    if not (area > 2000).any():
        raise ValueError("volume holds no head: no slice has 20 cm² above a tenth of its maximum")
    top = np.flatnonzero(area > 2000)[-1] * sides[2]
    heights = np.arange(volume.shape[2]) * sides[2]
    slices = head & (heights > top - 90) & (heights < top - 40)
    if not slices.any():
        raise ValueError("volume is too short: it ends 40 mm below the top of the head")
    middle = np.argwhere(slices).mean(axis=0)
    level = np.median(volume[_distance(volume.shape, middle, sides) < 40])
    tissue = (volume > 0.5 * level) & (volume < 1.6 * level)
    core = depth(tissue, sides) > OPENING
    pieces, n_pieces = label(core)
    if not n_pieces:
        raise ValueError("volume holds no brain: no tissue of one brightness is 10 mm thick")
    largest = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
    opened = depth(~largest, sides) <= OPENING + 1
    return depth(depth(~opened, sides) <= CLOSING, sides) > CLOSING


def depth(mask: ArrayLike, voxel_size: float | Sequence[float] = 2.0) -> NDArray:
    """Distance in mm of each voxel of `mask` to the nearest voxel outside, 0 for those outside."""
    return distance_transform_edt(np.asarray(mask, dtype=bool), sampling=voxel_size)


def patches(volume: ArrayLike, voxels: ArrayLike, size: int = 9) -> NDArray:
    """Square axial patches around voxels; what lies outside the volume is 0.

    Parameters
    ----------
    volume : array-like of shape (n_x, n_y, n_z)
    voxels : array-like of shape (n_samples, 3)
    size : int, default=9
        Side in voxels, odd.

    Returns
    -------
    rows : ndarray of shape (n_samples, size**2)
        ``rows[0].reshape(size, size)`` has x down and y across; its middle is the voxel itself.
    """
    check_number(size, "size", Integral, min_val=1)
    if size % 2 == 0:
        raise ValueError(f"size={size} has no middle: choose an odd number")
    half = size // 2
    padded = np.pad(_volume(volume), [(half, half), (half, half), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(0, 1))
    return windows[tuple(np.asarray(voxels).T)].reshape(-1, size**2)


def add_lesions(
    volume: ArrayLike, centres: ArrayLike, radius: float, contrast: float, voxel_size: float = 2.0
) -> tuple[NDArray, NDArray]:
    """Balls with soft edges, brighter or darker than what they replace.

    Parameters
    ----------
    volume : array-like of shape (n_x, n_y, n_z)
    centres : array-like of shape (n_lesions, 3)
        Voxels.
    radius : float
        In mm.
    contrast : float
        What is added to the grey values inside, on their scale. Halfway at the radius, it falls
        along a logistic curve of 1 mm.
    voxel_size : float, default=2.0
        In mm.

    Returns
    -------
    volume : ndarray of the same shape
    distance : ndarray of the same shape
        Of each voxel to the nearest centre, in mm: ``distance <= radius`` is the true mask.
    """
    check_number(radius, "radius", Real, **POSITIVE)
    volume, sides = _volume(volume), np.broadcast_to(voxel_size, 3)
    distances = [_distance(volume.shape, centre, sides) for centre in np.atleast_2d(centres)]
    distance = np.min(distances, axis=0)
    inside = expit((radius - distance) / EDGE)
    return (volume + contrast * inside).astype(volume.dtype), distance


def _volume(volume: ArrayLike) -> NDArray:
    volume = np.asarray(volume)
    if volume.ndim != 3:
        raise ValueError(f"volume must have three axes, found shape {volume.shape}")
    return volume if volume.dtype.kind == "f" else volume.astype(np.float32)


def _distance(shape: tuple[int, ...], centre: ArrayLike, sides: NDArray) -> NDArray:
    axes = [(np.arange(n, dtype=np.float32) - c) * side for n, c, side in zip(shape, centre, sides)]
    x, y, z = np.ix_(*axes)
    return np.sqrt(x**2 + y**2 + z**2)
