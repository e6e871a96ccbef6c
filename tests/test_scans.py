"""Scans from files that are written here; the public sets, where a copy of them is at hand."""

import gzip
import hashlib
import io
import itertools
import re
import socket
import tarfile
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from dbnlab import datasets
from dbnlab.datasets import scans

nibabel = pytest.importorskip("nibabel", reason="needs the extra medical")
nrrd = pytest.importorskip("nrrd", reason="needs the extra medical")
pytest.importorskip("pooch", reason="needs the extra medical")

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def copy_of(name):
    """A folder with a copy of a public set, or a reason to leave the test out."""
    if not (SHARED / name).is_dir():
        pytest.skip(f"no copy of the {name} set beside the repository")
    return SHARED / name


def written(path, voxels, affine=None, unit=None, **header):
    """A NIfTI file, with bytes put into its header afterwards: place="format", value."""
    image = nibabel.Nifti1Image(voxels, np.eye(4) if affine is None else affine)
    image.header.set_xyzt_units(unit)
    nibabel.save(image, path)
    if header:
        content = bytearray(path.read_bytes())
        for field, value in header.items():
            kind, place = nibabel.Nifti1Header.template_dtype.fields[field]
            content[place : place + kind.itemsize] = np.array(value, kind.base).tobytes()
        path.write_bytes(content)
    return path


@pytest.fixture
def head(rng):
    """A block that is brighter towards its right, front and top ends; no two sides are alike."""
    right, forwards, upwards = np.mgrid[:8, :10, :12]
    return (10 * right + 3 * forwards + upwards + rng.random((8, 10, 12))).astype(np.float32)


# Scans of your own -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_grey_values_are_scaled_by_their_own_upper_end(tmp_path, head, name):
    image = datasets.load_nifti(written(tmp_path / name, head))
    assert (image.shape, image.dtype) == (head.shape, np.float32)
    expected = np.clip(head / np.percentile(head, 99.9), 0, 1)
    np.testing.assert_allclose(image, expected, rtol=1e-6)


def test_the_order_of_storage_changes_nothing(tmp_path, head):
    """Six orders of the axes, each in both directions; voxels of 1×2×3 mm."""
    affine = np.diag([1.0, 2, 3, 1])
    expected = datasets.load_nifti(written(tmp_path / "scan.nii", head, affine), voxel_size=1.5)
    assert expected.shape == (5, 13, 24)
    ways = itertools.product(itertools.permutations(range(3)), *[(1, -1)] * 3)
    for order, *directions in ways:
        stored, turned = head.transpose(order), affine[:, [*order, 3]]
        for axis in np.flatnonzero(np.equal(directions, -1)):
            stored = np.flip(stored, axis)
            turned[:3, 3] += turned[:3, axis] * (stored.shape[axis] - 1)
            turned[:3, axis] *= -1
        image = datasets.load_nifti(written(tmp_path / "scan.nii", stored, turned), 1.5)
        np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize(
    ("unit", "side"), [("mm", 2), ("meter", 0.002), ("micron", 2000), (None, 2)]
)
def test_voxels_have_the_sides_of_the_affine_in_the_unit_of_the_file(tmp_path, head, unit, side):
    path = written(tmp_path / "scan.nii", head, np.diag([side, side, side, 1.0]), unit)
    assert datasets.load_nifti(path, voxel_size=4).shape == (4, 5, 6)


def test_the_sides_in_the_header_do_not_count_beside_a_valid_affine(tmp_path, head):
    for pixdim in ([1, 7, 7, 7, 1, 1, 1, 1], [1, np.nan, 0, -1, 1, 1, 1, 1]):
        path = written(tmp_path / "scan.nii", head, pixdim=pixdim)
        assert datasets.load_nifti(path, voxel_size=2).shape == (4, 5, 6)


@pytest.mark.parametrize("codes", [(1, 0), (0, 1)])
def test_one_of_the_two_orientations_is_enough(tmp_path, head, codes):
    expected = datasets.load_nifti(written(tmp_path / "scan.nii", head))
    path = written(tmp_path / "scan.nii", head, qform_code=codes[0], sform_code=codes[1])
    np.testing.assert_array_equal(datasets.load_nifti(path), expected)


def test_a_scan_of_freesurfer_is_read_by_its_own_axes(tmp_path, head):
    expected = datasets.load_nifti(written(tmp_path / "scan.nii", head))
    affine = nibabel.load(tmp_path / "scan.nii").affine
    nibabel.save(nibabel.MGHImage(head, affine), tmp_path / "scan.mgz")
    np.testing.assert_array_equal(datasets.load_nifti(tmp_path / "scan.mgz"), expected)


def test_a_scan_that_does_not_know_left_from_right_is_refused(tmp_path, head):
    paths = [written(tmp_path / "scan.nii", head, qform_code=0, sform_code=0)]
    for name in ("AnalyzeImage", "Spm99AnalyzeImage", "Spm2AnalyzeImage"):
        paths.append(tmp_path / f"{name}.img")
        nibabel.save(getattr(nibabel, name)(head, np.eye(4)), paths[-1])
    paths.append(tmp_path / "scan.mgz")
    nibabel.save(nibabel.MGHImage(head, np.eye(4)), paths[-1])
    content = bytearray(gzip.decompress(paths[-1].read_bytes()))
    content[28:30] = bytes(2)  # goodRASFlag
    paths[-1].write_bytes(gzip.compress(content))
    for path in paths:
        with pytest.raises(ValueError, match=rf"{path.name} cannot .* left and right cannot be"):
            datasets.load_nifti(path)


def test_a_warning_tells_how_many_negative_voxels_become_black(tmp_path, head):
    few = head.copy()
    few[0, :3, 0] = -1
    datasets.load_nifti(written(tmp_path / "few.nii", few))  # no warning: 3 of 960
    standard = (head - head.mean()) / head.std()
    hounsfield = (50 * head - 1000).astype(np.int16)
    for voxels, voxel_size in itertools.product((standard, hounsfield), (None, 2)):
        path = written(tmp_path / "scan.nii", voxels)
        share = f"{np.mean(voxels < 0):.0%} of the grey values of .*scan.nii are negative"
        with pytest.warns(UserWarning, match=share) as caught:
            image = datasets.load_nifti(path, voxel_size)
        assert caught[0].filename == __file__
        if voxel_size is None:
            np.testing.assert_array_equal(image == 0, voxels <= 0)


def test_whole_numbers_with_a_scale_in_the_header_are_read_as_grey_values(tmp_path, head):
    image = nibabel.Nifti1Image(head, np.eye(4))
    image.set_data_dtype(np.int16)
    nibabel.save(image, tmp_path / "scan.nii")
    expected = datasets.load_nifti(written(tmp_path / "floats.nii", head))
    np.testing.assert_allclose(datasets.load_nifti(tmp_path / "scan.nii"), expected, atol=1e-3)


def test_resampling_keeps_the_extent_and_averages(tmp_path):
    checkers = np.indices((16, 16, 16)).sum(axis=0) % 2 * 100.0
    checkers[:8] += 100
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    path = written(tmp_path / "scan.nii", checkers.astype(np.float32), affine)
    image = datasets.load_nifti(path, voxel_size=2)
    assert image.shape == (8, 8, 16)
    halves = image[1:3], image[5:7]
    assert [half.std() < 0.1 for half in halves] == [True, True]
    assert halves[0].mean() / halves[1].mean() == pytest.approx(3, rel=0.1)
    with pytest.raises(ValueError, match=r"from .* to .*, and at least"):
        datasets.load_nifti(path, voxel_size=100)  # one voxel


def test_an_image_of_load_brain_mri_comes_back_from_a_file(tmp_path):
    mri = datasets.load_brain_mri()
    affine = np.diag([mri.voxel_size] * 3 + [1.0])
    image = datasets.load_nifti(written(tmp_path / "head.nii", mri.head_test, affine), 2.0)
    np.testing.assert_allclose(image, mri.head_test, atol=0.01)


def test_one_volume_along_a_fourth_axis_is_that_volume(tmp_path, head):
    image = datasets.load_nifti(written(tmp_path / "scan.nii", head[..., None]))
    assert image.shape == head.shape


def test_voxels_without_a_value_are_black(tmp_path, head):
    head[:2] = np.nan
    image = datasets.load_nifti(written(tmp_path / "scan.nii", head))
    assert (image[:2] == 0).all()
    assert np.isfinite(image).all()
    assert np.isfinite(datasets.load_nifti(tmp_path / "scan.nii", voxel_size=2)).all()


def changed(head, value):
    """The scan with one voxel of another value."""
    voxels = head.astype(np.float64)
    voxels[3, 4, 5] = value
    return voxels


COLOUR = [("R", "u1"), ("G", "u1"), ("B", "u1")]
REFUSED = {
    "4-D": (lambda head: np.stack([head, head], 3), r"\(8, 10, 12, 2\), but one three-.*four_to_"),
    "2-D": (lambda head: head[0], "but one three-dimensional image"),
    "constant": (lambda head: 0 * head + 7, "shows nothing: its grey values reach from 7 to 7"),
    "black": (lambda head: 0 * head, "shows nothing"),
    "negative": (lambda head: -head, "shows nothing: .* from -"),
    "no value at all": (lambda head: np.nan * head, "shows nothing"),
    "infinite": (lambda head: changed(head, np.inf), "infinite grey values"),
    "minus infinite": (lambda head: changed(head, -np.inf), "infinite grey values"),
    "beyond 32 bits": (lambda head: changed(head, 1e300), "infinite grey values"),
    "complex": (lambda head: head.astype(np.complex64), "complex numbers or colours"),
    "colour": (lambda head: np.zeros(head.shape, COLOUR), "complex numbers or colours"),
}


@pytest.mark.parametrize("voxel_size", [None, 2])
@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_image_of_a_head_is_refused_with_its_name(
    tmp_path, head, make, message, voxel_size
):
    path = written(tmp_path / "scan.nii", make(head))
    with pytest.raises(ValueError, match=f"scan.nii cannot be read .*{message}"):
        datasets.load_nifti(path, voxel_size)


DAMAGED = {
    "slope without intercept": {"scl_slope": 2, "scl_inter": np.nan},
    "negative length": {"dim": [3, -8, 10, 12, 1, 1, 1, 1]},
    "no length": {"dim": [3, 0, 10, 12, 1, 1, 1, 1]},
    "more than memory": {"dim": [3, 32767, 32767, 32767, 1, 1, 1, 1]},
    "nine axes": {"dim": [9, 8, 10, 12, 1, 1, 1, 1]},
    "unknown type": {"datatype": 9999},
    "unknown unit": {"xyzt_units": 7},
    "voxels elsewhere": {"vox_offset": 1e9},
    "NaN in the affine": {"srow_x": [np.nan, 0, 0, 0]},
    "infinity in the affine": {"srow_x": [np.inf, 0, 0, 0]},
    "singular affine": {"srow_x": [0, 0, 0, 0]},
    "parallel axes": {"srow_x": [1, 1, 0, 0], "srow_y": [0, 0.001, 0, 0]},
    "no rotation": {"sform_code": 0, "qform_code": 1, "quatern_b": 2},
    "no sides": {"sform_code": 0, "qform_code": 1, "pixdim": [1, np.nan, 1, 1, 1, 1, 1, 1]},
}


@pytest.mark.parametrize("fields", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_header_is_refused_with_the_name_of_the_file(tmp_path, head, fields):
    path = written(tmp_path / "scan.nii", head, **fields)
    for voxel_size in (None, 2):
        with pytest.raises(ValueError, match=r"scan\.nii cannot be read as a scan.*\(\S"):
            datasets.load_nifti(path, voxel_size)


def test_a_voxel_size_that_would_fill_the_memory_is_refused(tmp_path, head):
    path = written(tmp_path / "scan.nii", head)
    for size in (0.01, 1e-300):
        with pytest.raises(ValueError, match=r"voxels, since the sides .* choose a larger voxel_"):
            datasets.load_nifti(path, voxel_size=size)


def test_what_is_no_nifti_file_is_refused_with_its_name(tmp_path, head):
    (tmp_path / "text.nii").write_text("a head")
    whole = written(tmp_path / "scan.nii.gz", head).read_bytes()
    (tmp_path / "half.nii.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "changed.nii.gz").write_bytes(whole[:-5] + b"?" + whole[-4:])  # its checksum
    (tmp_path / "folder.nii").mkdir()
    for name in ("text.nii", "half.nii.gz", "changed.nii.gz", "folder.nii"):
        with pytest.raises(ValueError, match=f"{name} cannot be read as a scan, .nii or .nii.gz"):
            datasets.load_nifti(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"there is no file .*nowhere\.nii"):
        datasets.load_nifti(tmp_path / "nowhere.nii")
    for nothing in (None, 3, b"scan.nii"):
        with pytest.raises(TypeError, match="PathLike"):
            datasets.load_nifti(nothing)
    for size, error in ((0, ValueError), (-1.0, ValueError), ("2", TypeError)):
        with pytest.raises(error, match="voxel_size"):
            datasets.load_nifti(tmp_path / "scan.nii.gz", voxel_size=size)


@pytest.mark.parametrize(
    ("call", "package"),
    [
        (lambda: datasets.load_nifti("scan.nii"), "nibabel"),
        (lambda: datasets.fetch_hippocampus("folder"), "nibabel"),
        (lambda: datasets.fetch_hippocampus(), "pooch"),
        (lambda: datasets.fetch_brain_tumour(), "nrrd"),
    ],
)
def test_without_the_extra_one_sentence_names_it(monkeypatch, call, package):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ImportError, match=rf"{package} does not load .*pip install .*\[medical\]"):
        call()


# The hippocampus ---------------------------------------------------------------------------------


def small_set(head, n_scans=3):
    """The files of a set like the hippocampi, with one file of a kind that has no labels."""
    files = {}
    for number in range(n_scans):
        labels = np.zeros(head.shape, np.uint8)
        labels[number] = 1 + number % 2
        pair = {"imagesTr": head * (number + 1), "labelsTr": labels}
        for kind, voxels in pair.items():
            image = nibabel.Nifti1Image(voxels, np.eye(4))
            name = f"Task04_Hippocampus/{kind}/hippocampus_{number:03}.nii.gz"
            files[name] = gzip.compress(image.to_bytes())
    files["Task04_Hippocampus/imagesTs/hippocampus_900.nii.gz"] = b"has no labels"
    files["Task04_Hippocampus/imagesTr/._hippocampus_000.nii.gz"] = b"of another system"
    return files


@pytest.fixture
def known_set(monkeypatch, tmp_path_factory, head):
    """The small set, whose checksums count as the known ones."""
    files, lines = small_set(head), []
    for name in sorted(files):
        if re.search(r"imagesTr/h", name):
            pair = (files[name], files[name.replace("images", "labels")])
            digest = hashlib.sha256(b"".join(map(gzip.decompress, pair))).hexdigest()
            lines.append(f"{digest}  {Path(name).name.split('.')[0]}")
    known = tmp_path_factory.mktemp("known") / "small.sha256"
    known.write_text("\n".join(lines))
    monkeypatch.setattr(scans, "HIPPOCAMPI", known)
    return files


def archived(path, files):
    """A tar file at `path`, and its checksum."""
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return f"md5:{hashlib.md5(path.read_bytes()).hexdigest()}"


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*arguments, **options):
        raise OSError("network is unreachable")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("unpacked", [None, ".nii.gz", ".nii"])
def test_volumes_are_read_in_pairs_from_the_archive_or_unpacked(
    no_network, monkeypatch, tmp_path, known_set, unpacked
):
    if unpacked:
        for name, content in known_set.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            if unpacked == ".nii" and content.startswith(b"\x1f\x8b"):
                name, content = name.removesuffix(".gz"), gzip.decompress(content)
            (tmp_path / name).write_bytes(content)
    else:
        checksum = archived(tmp_path / "Task04_Hippocampus.tar", known_set)
        monkeypatch.setattr(scans, "HIPPOCAMPUS_HASH", checksum)
    found = datasets.fetch_hippocampus(tmp_path)
    assert [scan.name for scan in found] == [f"hippocampus_00{number}" for number in range(3)]
    for number, scan in enumerate(found):
        assert (scan.image.dtype, scan.labels.dtype) == (np.float32, np.uint8)
        np.testing.assert_allclose(scan.image, found[0].image, rtol=1e-5)
        assert (scan.labels[number] == 1 + number % 2).all()
        assert scan.voxel_size == (1, 1, 1)


def test_a_folder_with_too_few_volumes_or_a_damaged_one_says_so(tmp_path, known_set):
    for name, content in known_set.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    path = tmp_path / "Task04_Hippocampus/labelsTr/hippocampus_001.nii.gz"
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(ValueError, match="holds 2 of 3 pairs of image and labels"):
        datasets.fetch_hippocampus(tmp_path)
    path.write_bytes(content[:50])
    with pytest.raises(ValueError, match=r"hippocampus_001 in .* cannot be read as a scan"):
        datasets.fetch_hippocampus(tmp_path)
    volume = bytearray(gzip.decompress(content))
    volume[-1] ^= 1
    path.write_bytes(gzip.compress(volume))
    with pytest.raises(ValueError, match=r"hippocampus_001 in .* SHA-256 is not the known one"):
        datasets.fetch_hippocampus(tmp_path)


@pytest.mark.parametrize(
    ("fetch", "name"),
    [
        (datasets.fetch_hippocampus, r"Task04_Hippocampus\.tar"),
        (datasets.fetch_brain_tumour, r"brain1_image\.nrrd"),
    ],
)
@pytest.mark.parametrize("damaged", [False, True])
def test_without_network_one_sentence_says_which_file_to_put_where(
    no_network, tmp_path, fetch, name, damaged
):
    if damaged:
        (tmp_path / name.replace("\\", "")).write_bytes(b"half a file")
    with pytest.raises(ConnectionError, match=rf"{name} cannot be downloaded") as caught:
        fetch(tmp_path)
    message = str(caught.value)
    assert f"download https://{message.split('https://')[1]}" in message
    assert message.endswith(f"on another computer and put it into {tmp_path}")
    assert "\n" not in message


@pytest.mark.parametrize("fetch", [datasets.fetch_hippocampus, datasets.fetch_brain_tumour])
def test_a_file_in_the_place_of_the_folder_is_named(tmp_path, fetch):
    (tmp_path / "some.tar").write_bytes(b"an archive")
    with pytest.raises(ValueError, match=r"folder='.*some\.tar' is a file: give the folder that"):
        fetch(tmp_path / "some.tar")


def test_a_file_with_another_checksum_is_not_read(monkeypatch, tmp_path, head):
    """A downloader that brings something else, as a changed address would."""
    import pooch

    def bring(url, output_file, pooch):
        Path(output_file).write_bytes(b"a page that says sorry")

    monkeypatch.setattr(pooch.core, "choose_downloader", lambda url, progressbar: bring)
    with pytest.raises(ValueError, match=r"file \(Task04_Hippocampus\.tar\) does not match"):
        datasets.fetch_hippocampus(tmp_path)
    assert not list(tmp_path.glob("Task*"))


def test_the_cache_of_the_user_is_where_files_go_without_a_folder(monkeypatch, no_network):
    import pooch

    monkeypatch.setattr(scans, "HIPPOCAMPUS_HASH", "md5:0")
    with pytest.raises(ConnectionError, match="put it into") as caught:
        datasets.fetch_hippocampus()
    assert str(caught.value).endswith(str(pooch.os_cache("dbnlab")))


def test_the_hippocampi_are_260_and_lie_in_their_boxes():
    found = datasets.fetch_hippocampus(copy_of("hippocampus"))
    assert len({scan.name for scan in found}) == 260
    for scan in found:
        assert scan.image.shape == scan.labels.shape
        assert (scan.image.min() >= 0) & (scan.image.max() == 1)
        assert set(np.unique(scan.labels)) == {0, 1, 2}
        assert scan.voxel_size == (1, 1, 1)
    # The head of the hippocampus lies in front of its body; both hold about three millilitres.
    fronts = [np.argwhere(scan.labels == 1)[:, 1].mean() for scan in found]
    backs = [np.argwhere(scan.labels == 2)[:, 1].mean() for scan in found]
    assert (np.array(fronts) > backs).all()
    assert 2000 < np.mean([(scan.labels > 0).sum() for scan in found]) < 5000


# The tumours -------------------------------------------------------------------------------------


def test_the_tumours_are_marked_and_brighter_than_what_lies_around_them():
    found = datasets.fetch_brain_tumour(copy_of("brain_tumour"))
    assert [scan.name for scan in found] == ["brain1", "brain2"]
    assert [scan.image.shape for scan in found] == [(256, 256, 25), (256, 256, 23)]
    for scan in found:
        assert set(np.unique(scan.labels)) == {0, 1}
        around = binary_dilation(scan.labels, np.ones((3, 3, 1)), iterations=8) & (scan.labels == 0)
        assert scan.image[scan.labels == 1].mean() > 1.1 * scan.image[around].mean()
        assert scan.voxel_size == pytest.approx((0.78125, 0.78125, 6.5))


def test_nrrd_axes_are_turned_to_the_right_forwards_and_upwards(head):
    stored = head[::-1, :, :]
    header = {
        "space": "left-posterior-superior",
        "space directions": np.diag([2.0, -3.0, 4.0]),
        "space origin": np.zeros(3),
    }
    voxels, sides = scans._turned(scans._from_nrrd(stored, header))
    np.testing.assert_array_equal(voxels, head)
    np.testing.assert_array_equal(sides, [2, 3, 4])
