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
    [(np.zeros((9, 9)), "three axes"), (np.zeros((40, 40, 40)), "no head")],
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
