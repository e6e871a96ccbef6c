"""Brain volumes: where the brain is, patches around its voxels, and lesions of known place.

A volume is an array of shape (n_x, n_y, n_z) whose axes run to the right, forwards and upwards; a
voxel is a triple of array indices, and `voxel_size` its sides in mm.
"""

from collections.abc import Sequence
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import distance_transform_edt, label
from scipy.special import expit

from dbnlab.checks import RATE, check_number, check_odd, real_array

Sides = float | Sequence[float]
AXES = ("n_x", "n_y", "n_z")
OPENING, CLOSING = 5.0, 10.0  # mm
EDGE = 1.0  # mm: width of a lesion's soft edge


def brain_mask(volume: ArrayLike, voxel_size: Sides = 2.0) -> NDArray:
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
    volume, sides = _volume(volume), _sides(voxel_size)
    low, high = np.quantile(volume, (0.1, 0.99))
    if low < -0.1 * high:
        raise ValueError(f"volume has grey values down to {volume.min():g}, but 0 must be air")
    head = volume > 0.1 * high
    area = head.sum(axis=(0, 1)) * sides[0] * sides[1]
    if not (area > 2000).any() or head.all():
        raise ValueError("volume holds no head in air, of 20 cm² or more in a slice")
    heights = np.arange(volume.shape[2]) * sides[2]
    below_top = heights[area > 2000].max() - heights
    slices = head & (below_top > 40) & (below_top < 90)
    if not slices.any():
        raise ValueError("volume is too short: it ends 40 mm below the top of the head")
    middle = np.argwhere(slices).mean(axis=0)
    level = np.median(volume[_distance(volume.shape, middle, sides) < 40])
    tissue = (volume > 0.5 * level) & (volume < 1.6 * level)
    pieces, n_pieces = label(depth(tissue, sides) > OPENING)
    if not n_pieces:
        raise ValueError("volume holds no brain: no tissue of one brightness is 10 mm thick")
    largest = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
    opened = depth(~largest, sides) <= OPENING + 1
    return depth(depth(~opened, sides) <= CLOSING, sides) > CLOSING


def depth(mask: ArrayLike, voxel_size: Sides = 2.0) -> NDArray:
    """Distance in mm of each voxel of `mask` to the nearest voxel outside, 0 for those outside.

    Parameters
    ----------
    mask : array-like of shape (n_x, n_y, n_z)
        What is not 0 lies inside.
    voxel_size : float or sequence of three floats, default=2.0
        In mm.

    Returns
    -------
    distance : ndarray of the same shape

    Raises
    ------
    ValueError
        If `mask` does not have three axes, or every voxel lies inside.
    """
    inside = real_array(mask, "mask", AXES).astype(bool)
    if inside.all():
        raise ValueError("every voxel lies inside mask, so that none has a distance to the outside")
    return distance_transform_edt(inside, sampling=_sides(voxel_size))


def patches(volume: ArrayLike, voxels: ArrayLike, size: int = 9) -> NDArray:
    """Square axial patches around voxels; what lies outside the volume is 0.

    Parameters
    ----------
    volume : array-like of shape (n_x, n_y, n_z)
    voxels : array-like of shape (n_samples, 3)
        Integers.
    size : int, default=9
        Side in voxels, odd.

    Returns
    -------
    rows : ndarray of shape (n_samples, size**2)
        ``rows[0].reshape(size, size)`` has x down and y across; its middle is the voxel itself.

    Raises
    ------
    ValueError, TypeError
        If a voxel lies outside the volume, or `size` is no odd number.
    """
    check_odd(size, "size")
    half, volume = size // 2, _volume(volume)
    voxels = _voxels(voxels, "voxels", volume)
    padded = np.pad(volume, [(half, half), (half, half), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(0, 1))
    return windows[tuple(voxels.T)].reshape(-1, size**2)


def add_lesions(
    volume: ArrayLike, centres: ArrayLike, radius: float, contrast: float, voxel_size: Sides = 2.0
) -> tuple[NDArray, NDArray]:
    """Balls with soft edges, brighter or darker than what they replace.

    Parameters
    ----------
    volume : array-like of shape (n_x, n_y, n_z)
    centres : array-like of shape (n_lesions, 3)
        Voxels inside the volume, integers.
    radius : float
        In mm.
    contrast : float
        What is added to the grey values inside, on their scale. Halfway at the radius, it falls
        along a logistic curve of 1 mm.
    voxel_size : float or sequence of three floats, default=2.0
        In mm.

    Returns
    -------
    volume : ndarray of the same shape
    distance : ndarray of the same shape
        Of each voxel to the nearest centre, in mm: ``distance <= radius`` is the true mask. It is
        infinite without centres, an array of integers of shape (0, 3).

    Raises
    ------
    ValueError, TypeError
        If a centre lies outside the volume, or an argument is out of range.
    """
    RATE(radius, "radius")
    check_number(contrast, "contrast", Real)
    volume, sides = _volume(volume), _sides(voxel_size)
    centres = _voxels(centres, "centres", volume)
    distance = np.full(volume.shape, np.inf)
    for centre in centres:
        distance = np.minimum(distance, _distance(volume.shape, centre, sides))
    inside = expit((radius - distance) / EDGE)
    return (volume + contrast * inside).astype(volume.dtype), distance


def _volume(volume: ArrayLike) -> NDArray:
    volume = real_array(volume, "volume", AXES)
    return volume if volume.dtype.kind == "f" else volume.astype(np.float32)


def _sides(voxel_size: Sides) -> NDArray:
    sides = real_array(voxel_size, "voxel_size")
    if sides.shape not in ((), (3,)) or sides.min() <= 0:
        raise ValueError(f"voxel_size must be one side above 0 mm, or three, got {voxel_size}")
    return np.broadcast_to(sides, 3)


def _voxels(voxels: ArrayLike, name: str, volume: NDArray) -> NDArray:
    """Indices of shape (n, 3), all inside: NumPy counts negative ones from the other side."""
    voxels = np.atleast_2d(real_array(voxels, name))
    if voxels.ndim != 2 or voxels.shape[1] != 3 or voxels.dtype.kind not in "iu":
        found = f"got {voxels.dtype} of shape {voxels.shape}"
        raise ValueError(f"{name} must be integers of shape (n, 3), {found}")
    outside = voxels[((voxels < 0) | (voxels >= volume.shape)).any(axis=1)]
    if len(outside):
        found = f"{len(outside)} of {len(voxels)} do not, such as {outside[0].tolist()}"
        raise ValueError(f"{name} must lie inside the volume of shape {volume.shape}, but {found}")
    return voxels


def _distance(shape: tuple[int, ...], centre: ArrayLike, sides: NDArray) -> NDArray:
    axes = [(np.arange(n, dtype=np.float32) - c) * side for n, c, side in zip(shape, centre, sides)]
    x, y, z = np.ix_(*axes)
    return np.sqrt(x**2 + y**2 + z**2)
