"""Scans of your own, and two public sets of labelled scans, fetched when first asked for.

Needs the extra ``medical``. The course itself reads none of this.
"""

import gzip
import hashlib
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dbnlab.checks import RATE, optional
from dbnlab.files import damage_named
from dbnlab.warning import warn

if TYPE_CHECKING:
    import nibabel

NO_SCAN = "{} cannot be read as a scan, .nii or .nii.gz"
HIPPOCAMPUS_URL = "https://msd-for-monai.s3-us-west-2.amazonaws.com/Task04_Hippocampus.tar"
# The MD5 that MONAI's DecathlonDataset checks the archive against.
HIPPOCAMPUS_HASH = "md5:9d24dba78a72977dbd1d2e110310f31b"
# SHA-256 of each person's two volumes, unzipped: the image, and then its labels.
HIPPOCAMPI = Path(__file__).with_name("hippocampus.sha256")
TUMOUR_URL = "https://github.com/Radiomics/pyradiomics/releases/download/v1.0"
# SHA-256 of the files that the source distribution of PyRadiomics 3.1.0 carries.
TUMOUR_HASHES = {
    "brain1_image.nrrd": "fffdb111ee8b428ede7256707393c927a7d5be912f0604cf3c6f1bd5fc9644cf",
    "brain1_label.nrrd": "ae6d8e6b84f7e99d68c210ee2fa6aaaefa0b2df0a84f55efca4feebe2b216059",
    "brain2_image.nrrd": "d35a1c6a3e1eb72bae97c5515472fbe057fb38ee8e1e199215d1c3c6f292332e",
    "brain2_label.nrrd": "15189c024936ecc337649b9a10c475117c7c40df0d53c22163f9a2023ed741a5",
}
GZIP = b"\x1f\x8b"  # how such a file begins
MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # by NIfTI's code of the unit, which 0 leaves open
LARGEST = 512**3  # voxels to resample to, 0.5 GB


@dataclass(frozen=True)
class Scan:
    """One magnetic resonance image with a label for each voxel.

    Attributes
    ----------
    name : str
    image : ndarray of shape (n_right, n_forwards, n_upwards), float32
        In [0, 1], where 1 is the 99.9th percentile of the image's own grey values. The axes run to
        the right, forwards and upwards.
    labels : ndarray of the same shape, uint8
        0 where there is nothing to label.
    voxel_size : tuple of 3 floats
        Sides of a voxel, in mm.
    """

    name: str
    image: NDArray
    labels: NDArray
    voxel_size: tuple[float, float, float]


def load_nifti(path: str | os.PathLike, voxel_size: float | None = None) -> NDArray:
    """A scan of your own, in the convention of `load_brain_mri`.

    Parameters
    ----------
    path : path
        A NIfTI file, ``.nii`` or ``.nii.gz``, of one three-dimensional image whose header says how
        its axes lie (qform_code or sform_code is above 0); or FreeSurfer's ``.mgz``. Scanners write
        DICOM: convert it first, for instance with dcm2niix.
    voxel_size : float, default=None
        Side of the voxels to resample to, in mm; `load_brain_mri` has 2. None keeps those of the
        file.

    Returns
    -------
    image : ndarray of shape (n_right, n_forwards, n_upwards), float32
        In [0, 1], where 1 is the 99.9th percentile of the image's own grey values; voxels that are
        negative or without a value (NaN) are 0. The axes run to the right, forwards and upwards:
        they and the sides of the voxels are taken from the affine of the file, in its unit.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no such image, or nothing is to be seen in it.
    ImportError
        If the extra is not installed.

    Warns
    -----
    UserWarning
        If more than one voxel in a hundred is negative.
    """
    path = Path(path)
    if voxel_size is not None:
        RATE(voxel_size, "voxel_size")
    nibabel = optional("nibabel", "medical")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    with damage_named(NO_SCAN.format(path)):
        if path.suffix.lower() == ".gz":
            # Of the checksum at its end, which nibabel does not read.
            gzip.decompress(path.read_bytes())
        voxels, sides = _turned(nibabel.load(path))
        extent = voxels.shape * sides
        shape = np.clip(np.round(extent / (voxel_size or sides)), 1, 1e9)
        if shape.prod() > max(LARGEST, voxels.size):
            sides = f"since the sides of the scan are {extent.round(2)} mm"
            found = f"{voxel_size=} mm makes {shape.prod():.3g} voxels, {sides}"
            raise ValueError(f"{found}: choose a larger voxel_size")
        return _grey_values(voxels, path, tuple(shape.astype(int)))


def fetch_hippocampus(folder: str | os.PathLike | None = None) -> list[Scan]:
    """260 boxes of T1-weighted MRI about the hippocampus, of as many people, with its outline.

    Labels: 1 for the front part (head), 2 for the rest (body and tail). Task 4 of the Medical
    Segmentation Decathlon, CC BY-SA 4.0: Simpson et al. (2019), arXiv 1902.09063; Antonelli et al.
    (2022), "The Medical Segmentation Decathlon", Nature Communications 13.

    Parameters
    ----------
    folder : path, default=None
        Where the archive Task04_Hippocampus.tar lies (28 MB), or shall be put; None means the cache
        of your user. A folder with the volumes themselves, ``.nii.gz`` or ``.nii``, in ``images``
        and ``labels`` or ``imagesTr`` and ``labelsTr``, will do as well. Checksums of the archive
        and of each person's volumes are verified each time.

    Returns
    -------
    scans : list of Scan
        In the order of their numbers.

    Raises
    ------
    ConnectionError
        If the archive has to be downloaded and cannot be.
    ValueError
        If the archive or a volume is not the one known, or the folder does not hold 260 pairs.
    ImportError
        If the extra is not installed.
    """
    nibabel = optional("nibabel", "medical")
    scans, files = [], _hippocampi(folder)
    known = dict(reversed(line.split()) for line in HIPPOCAMPI.read_text().splitlines())
    for (kind, name), image in sorted(files.items()):
        labels = files.get((kind.replace("images", "labels"), name))
        if kind.startswith("images") and labels:
            with damage_named(NO_SCAN.format(f"{name} in {folder}")):
                pair = [gzip.decompress(f) if f.startswith(GZIP) else f for f in (image, labels)]
                if hashlib.sha256(b"".join(pair)).hexdigest() != known.get(name):
                    raise ValueError("its SHA-256 is not the known one")
                scans.append(_scan(name, *map(nibabel.Nifti1Image.from_bytes, pair)))
    if len(scans) != len(known):
        pairs = f"{len(scans)} of {len(known)} pairs of image and labels"
        raise ValueError(f"{folder} holds {pairs}: unpack the archive again")
    return scans


def fetch_brain_tumour(folder: str | os.PathLike | None = None) -> list[Scan]:
    """Two heads after a contrast agent, each with a tumour and its outline: 25 and 23 slices.

    Labels: 1 for the tumour. Test images of PyRadiomics (van Griethuysen et al. 2017,
    "Computational radiomics system to decode the radiographic phenotype", Cancer Research 77),
    which does not state where they come from: look at them, do not publish them as your own data.
    Slices are 6.5 mm apart, pixels 0.8 mm wide.

    Parameters
    ----------
    folder : path, default=None
        Where the four NRRD files lie, or shall be put; None means the cache of your user. Their
        checksums are verified each time.

    Returns
    -------
    scans : list of Scan

    Raises
    ------
    ConnectionError
        If a file has to be downloaded and cannot be.
    ValueError
        If a file is not the one known.
    ImportError
        If the extra is not installed.
    """
    nrrd = optional("nrrd", "medical")
    images = []
    for name, sha256 in TUMOUR_HASHES.items():
        file = _fetched(f"{TUMOUR_URL}/{name}", f"sha256:{sha256}", folder)
        images.append(_from_nrrd(*nrrd.read(file)))
    return [_scan("brain1", *images[:2]), _scan("brain2", *images[2:])]


# Files -------------------------------------------------------------------------------------------


def _fetched(url: str, known_hash: str, folder: str | os.PathLike | None) -> str:
    """Where the file lies, downloaded if need be, once its checksum has been verified."""
    pooch = optional("pooch", "medical")
    from requests.exceptions import RequestException

    folder, name = Path(folder or pooch.os_cache("dbnlab")), url.rsplit("/", 1)[1]
    if folder.is_file():
        raise ValueError(f"folder={str(folder)!r} is a file: give the folder that holds {name}")
    try:
        return pooch.retrieve(url, known_hash, fname=name, path=folder)
    except RequestException as error:
        found = f"{name} cannot be downloaded ({type(error).__name__}): connect to the network"
        cure = f"download {url} on another computer and put it into {folder}"
        raise ConnectionError(f"{found}, or {cure}") from None


def _hippocampi(folder: str | os.PathLike | None) -> dict[tuple[str, str], bytes]:
    """Volumes, by the folder and the name of their files, in `folder` or in the archive there."""
    paths = Path(folder).glob("**/hippocampus_*.nii*") if folder else []
    files = {(path.parent.name, path.name.split(".")[0]): path.read_bytes() for path in paths}
    if files:
        return files
    with tarfile.open(_fetched(HIPPOCAMPUS_URL, HIPPOCAMPUS_HASH, folder)) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if path.match("hippocampus_*.nii.gz"):
                content = archive.extractfile(member).read()
                files[path.parent.name, path.name.split(".")[0]] = content
    return files


def _from_nrrd(voxels: NDArray, header: dict) -> "nibabel.Nifti1Image":
    affine = np.eye(4)
    affine[:3, :3] = header["space directions"].T
    affine[:2] *= -1  # the axes of all these files run to the left and backwards
    return optional("nibabel", "medical").Nifti1Image(voxels.astype(np.float32), affine)


# Volumes -----------------------------------------------------------------------------------------


def _scan(name: str, image: "nibabel.Nifti1Image", labels: "nibabel.Nifti1Image") -> Scan:
    (voxels, sides), (marks, _) = _turned(image), _turned(labels)
    grey = _grey_values(voxels, name, voxels.shape)
    return Scan(name, grey, marks.astype(np.uint8), tuple(sides.tolist()))


def _turned(image: "nibabel.Nifti1Image") -> tuple[NDArray, NDArray]:
    """Voxels with axes to the right, forwards and upwards, and the sides of a voxel in mm."""
    nibabel = optional("nibabel", "medical")
    _check_image(image)
    image = nibabel.as_closest_canonical(image)
    # Values beyond 32 bits become infinite, and are refused as such.
    with np.errstate(over="ignore"):
        voxels = image.get_fdata(dtype=np.float32, caching="unchanged")
    if np.isinf(voxels).any():
        raise ValueError("it holds infinite grey values: set these voxels to NaN or 0")
    # Other formats than NIfTI are in mm.
    unit = int(image.header["xyzt_units"]) % 8 if "xyzt_units" in image.header else 2
    sides = MM[unit] * nibabel.affines.voxel_sizes(image.affine)
    return np.nan_to_num(voxels.reshape(voxels.shape[:3])), sides


def _check_image(image: "nibabel.Nifti1Image") -> None:
    """Refuse what is not one image of grey values, or does not say how its axes lie."""
    shape, dtype, axes = image.shape, image.get_data_dtype(), image.affine[:3, :3]
    if len(shape) < 3 or min(shape) < 1 or any(length != 1 for length in shape[3:]):
        cure = "one three-dimensional image is needed: save nibabel.four_to_three(scan)[0]"
        raise ValueError(f"it has the shape {shape}, but {cure}")
    if dtype.kind not in "iuf":
        found = f"it holds complex numbers or colours ({dtype})"
        raise ValueError(f"{found}: save grey values, as the magnitude")
    if not _knows_its_axes(image):
        unknown = "it does not say how its axes lie, so that left and right cannot be told apart"
        raise ValueError(f"{unknown}: convert the scan anew, for instance with dcm2niix")
    # Axes at right angles span the product of their lengths; those of a tilted scanner, not much
    # less.
    spanned = np.isfinite(axes).all() and abs(np.linalg.det(axes))
    if not spanned > np.linalg.norm(axes, axis=0).prod() / 2:
        raise ValueError(f"its voxels have no sides in mm: its affine is {image.affine.tolist()}")


def _knows_its_axes(image: "nibabel.Nifti1Image") -> bool:
    if "qform_code" in image.header:
        return max(image.header["qform_code"], image.header["sform_code"]) > 0
    if "goodRASFlag" not in image.header:
        return False
    # nibabel makes axes up where this flag in a file of FreeSurfer says that there are none.
    with image.file_map["image"].get_prepare_fileobj("rb") as file:
        return file.read(30)[28:] != bytes(2)


def _grey_values(voxels: NDArray, name: str | os.PathLike, shape: tuple[int, ...]) -> NDArray:
    """Resampled to `shape`, 0 to 1, where 1 is the 99.9th percentile of this volume alone."""
    negative, lowest = np.mean(voxels < 0), voxels.min()
    if shape != voxels.shape:
        resize = optional("skimage.transform", "medical").resize
        voxels = resize(voxels, shape, order=1, anti_aliasing=True)
    highest = np.percentile(voxels, 99.9)
    if highest <= 0 or np.ptp(voxels) == 0:
        reach = f"its grey values reach from {voxels.min():g} to {voxels.max():g}"
        raise ValueError(f"it shows nothing: {reach}, and at least 0.1 % must be above 0")
    if negative > 0.01:
        warn(
            f"{negative:.0%} of the grey values of {name} are negative, down to {lowest:g}, and "
            f"become 0: if they are measured, as by CT, add a constant to all and save it again"
        )
    return np.clip(voxels / highest, 0, 1).astype(np.float32)
