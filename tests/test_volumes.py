import numpy as np
import pytest

from dbnlab import datasets
from dbnlab.datasets import volumes


@pytest.fixture(scope="module")
def ramp():
    return np.arange(12 * 11 * 10, dtype=np.float32).reshape(12, 11, 10)


def phantom():
    """A scalp of 60 mm, bone of 52 mm and a brain of 44 mm radius, on voxels of 2 mm."""
    distance = volumes._distance((70, 70, 70), (35, 35, 35), np.full(3, 2.0))
    return np.select([distance < 44, distance < 52, distance < 60], [0.5, 0.05, 1.0], 0.0), distance


def test_the_mask_is_the_brain_and_not_the_scalp_around_it():
    volume, distance = phantom()
    mask = volumes.brain_mask(volume)
    assert mask[distance < 40].all()
    assert not mask[distance > 48].any()


def test_a_scale_of_grey_values_does_not_change_the_mask():
    volume, _ = phantom()
    assert (volumes.brain_mask(volume) == volumes.brain_mask(800 * volume)).all()


def test_noise_around_air_does_not_change_the_mask_much(rng):
    volume, distance = phantom()
    mask = volumes.brain_mask(volume + rng.normal(scale=0.03, size=volume.shape))
    assert mask[distance < 38].all()
    assert not mask[distance > 48].any()


def test_a_hole_in_the_brain_belongs_to_it():
    volume, distance = phantom()
    volume[33:38, 33:38, 45:50] = 0.1
    assert volumes.brain_mask(volume)[distance < 40].all()


def test_brains_of_the_three_heads_have_the_volume_of_brains():
    mri = datasets.load_brain_mri()
    for head in (*mri.heads, mri.head_test):
        litres = volumes.brain_mask(head).sum() * 2.0**3 / 1e6
        assert 0.9 < litres < 1.6


@pytest.mark.parametrize(
    ("volume", "message"),
    [(np.zeros((9, 9)), "shape .n_x, n_y, n_z."), (np.zeros((40, 40, 40)), "no head")],
)
def test_what_is_no_head_is_refused(volume, message):
    with pytest.raises(ValueError, match=message):
        volumes.brain_mask(volume)


def test_depth_is_in_mm_to_the_nearest_voxel_outside():
    mask = np.zeros((9, 9, 9), dtype=bool)
    mask[2:7, 2:7, 2:7] = True
    assert volumes.depth(mask, (2, 2, 10))[4, 4, 4] == 6
    assert volumes.depth(mask, (2, 2, 1))[4, 4, 4] == 3


def test_the_middle_of_a_patch_is_its_voxel_and_its_rows_run_along_x(ramp):
    row = volumes.patches(ramp, [[5, 4, 3]], size=3).reshape(3, 3)
    assert (row == ramp[4:7, 3:6, 3]).all()


def test_patches_at_the_border_are_padded_with_zeros(ramp):
    row = volumes.patches(ramp, [[0, 4, 3]], size=3).reshape(3, 3)
    assert (row[0] == 0).all()
    assert (row[1:] == ramp[:2, 3:6, 3]).all()


def test_a_patch_needs_a_middle(ramp):
    with pytest.raises(ValueError, match="size=4 has no middle"):
        volumes.patches(ramp, [[5, 4, 3]], size=4)


def test_a_lesion_has_its_contrast_inside_half_at_its_radius_and_none_outside():
    volume = np.full((40, 40, 40), 0.5)
    changed, distance = volumes.add_lesions(volume, [[20, 20, 20]], 8.0, -0.3)
    assert changed[20, 20, 20] == pytest.approx(0.2, abs=1e-3)
    assert changed[24, 20, 20] == pytest.approx(0.35)  # 8 mm away
    assert np.abs(changed - volume)[distance > 16].max() < 1e-3
    assert distance[20, 23, 24] == pytest.approx(10)  # 6 and 8 mm


def test_several_lesions_have_the_distance_to_the_nearest():
    changed, distance = volumes.add_lesions(np.zeros((40, 9, 9)), [[5, 4, 4], [30, 4, 4]], 4.0, 1.0)
    assert distance[5, 4, 4] == distance[30, 4, 4] == 0
    assert changed.max() < 1 + 1e-6


# What is refused ------------------------------------------------------------------------------


NO_VOXELS = {
    "negative": ([[5, 4, 3], [-1, 4, 3]], r"1 of 2 do not, such as \[-1, 4, 3\]"),
    "too large": ([[12, 4, 3]], r"inside the volume of shape \(12, 11, 10\)"),
    "on another axis": ([[0, 0, 10]], "must lie inside"),
    "floats": ([[5.0, 4.0, 3.0]], "must be integers .* got float64"),
    "a mask": (np.ones((12, 11, 10), bool), "must be integers .* got bool"),
    "truth values": ([[True, False, True]], "must be integers .* got bool"),
    "two axes": ([[5, 5]], "must be integers of shape"),
    "nothing": ([], "must be integers of shape"),
    "text": ("x", "must be real numbers"),
    "masked": (np.ma.array([[5, 4, 3]], mask=[[0, 1, 0]]), "no masked values"),
}


@pytest.mark.parametrize(("voxels", "message"), NO_VOXELS.values(), ids=NO_VOXELS)
def test_voxels_outside_the_volume_or_of_another_kind_are_refused(ramp, voxels, message):
    with pytest.raises(ValueError, match=f"voxels {message}|voxels must .*{message}"):
        volumes.patches(ramp, voxels, 3)
    with pytest.raises(ValueError, match=f"centres {message}|centres must .*{message}"):
        volumes.add_lesions(ramp, voxels, 4.0, 0.3)


def test_voxels_at_the_far_corner_and_of_small_types_are_inside(ramp):
    row = volumes.patches(ramp, np.array([[11, 10, 9]], np.uint8), 3).reshape(3, 3)
    assert row[1, 1] == ramp[-1, -1, -1]
    assert (row[2] == 0).all()
    assert volumes.patches(ramp, np.argwhere(ramp < 0), 3).shape == (0, 9)


def test_no_lesions_change_nothing(ramp):
    volume, distance = volumes.add_lesions(ramp, np.empty((0, 3), int), 4.0, 0.3)
    np.testing.assert_array_equal(volume, ramp)
    assert np.isposinf(distance).all()


CALLS = {
    "patches": lambda volume: volumes.patches(volume, [[1, 1, 1]], 3),
    "lesions": lambda volume: volumes.add_lesions(volume, [[1, 1, 1]], 4.0, 0.3),
    "brain": lambda volume: volumes.brain_mask(volume),
    "depth": lambda volume: volumes.depth(volume),
}
NO_VOLUMES = {
    "NaN": (np.full((4, 4, 4), np.nan), "finite"),
    "infinite": (np.full((4, 4, 4), np.inf), "finite"),
    "masked": (np.ma.masked_less(np.arange(64.0).reshape(4, 4, 4), 9), "no masked values, found 9"),
    "complex": (np.ones((4, 4, 4), complex), "real numbers"),
    "two axes": (np.ones((4, 4)), r"shape \(n_x, n_y, n_z\)"),
    "empty": (np.ones((0, 4, 4)), r"shape \(n_x, n_y, n_z\), not empty"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(("volume", "message"), NO_VOLUMES.values(), ids=NO_VOLUMES)
def test_what_is_no_volume_is_refused(call, volume, message):
    with pytest.raises(ValueError, match=f"(volume|mask) must .*{message}"):
        call(volume)


def test_the_byte_order_of_another_machine_changes_nothing():
    volume, _ = phantom()
    for foreign, own in ((">f4", np.float32), (">i2", np.int16)):
        values = 100 * volume
        expected = volumes.brain_mask(values.astype(own))
        np.testing.assert_array_equal(volumes.brain_mask(values.astype(foreign)), expected)
        rows = [volumes.patches(values.astype(kind), [[35, 35, 35]]) for kind in (foreign, own)]
        np.testing.assert_array_equal(*rows)


@pytest.mark.parametrize("side", [-2, 0, np.nan, np.inf, (2, 2), (2, 2, -1), "2", None])
def test_a_voxel_has_one_side_or_three_above_0(ramp, side):
    for call in (
        lambda: volumes.depth(ramp > 5, side),
        lambda: volumes.add_lesions(ramp, [[5, 4, 3]], 4.0, 0.3, side),
        lambda: volumes.brain_mask(ramp, side),
    ):
        with pytest.raises(ValueError, match="voxel_size must be"):
            call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda v: volumes.add_lesions(v, [[5, 4, 3]], 4.0, np.nan), "contrast must be finite"),
        (lambda v: volumes.add_lesions(v, [[5, 4, 3]], -1.0, 0.3), "radius"),
        (lambda v: volumes.depth(v >= 0), "every voxel lies inside mask"),
        (lambda v: volumes.brain_mask(np.ones((60, 60, 60))), "no head in air"),
        (lambda v: volumes.brain_mask(phantom()[0] - 0.3), "down to -0.3, but 0 must be air"),
    ],
)
def test_values_without_meaning_are_named(ramp, call, message):
    with pytest.raises(ValueError, match=message):
        call(ramp)
