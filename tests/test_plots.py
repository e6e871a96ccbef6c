import matplotlib.pyplot as plt
import numpy as np
import pytest

from dbnlab import RBM
from dbnlab.course import plots


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


def test_mosaic_keeps_every_pixel_in_its_tile():
    X = np.arange(5 * 6).reshape(5, 6)
    picture = plots.mosaic(X, (2, 3), n_columns=2)
    assert picture.shape == (3 * 2 + 2, 2 * 3 + 1)
    np.testing.assert_array_equal(picture[:2, :3], X[0].reshape(2, 3))
    np.testing.assert_array_equal(picture[3:5, 4:], X[3].reshape(2, 3))
    np.testing.assert_array_equal(picture[6:, :3], X[4].reshape(2, 3))
    assert np.isnan(picture[2]).all()
    assert np.isnan(picture[6:, 4:]).all()


def test_images_share_one_scale_and_carry_a_title():
    ax = plots.images(np.eye(4), (2, 2), "Four pixels", limits=(-1, 1))
    assert ax.get_title(loc="left") == "Four pixels"
    assert ax.images[0].get_clim() == (-1, 1)


def test_filters_show_weights_with_zero_in_the_middle():
    rbm = RBM(n_hidden=3, n_epochs=1, random_state=0).fit(np.eye(4))
    rbm.weights_[:] = np.arange(12).reshape(4, 3) - 8.0
    ax = plots.filters(rbm, (2, 2), "Filters")
    low, high = ax.images[0].get_clim()
    assert low == -high
    np.testing.assert_allclose(ax.images[0].get_array()[:2, :2], [[-8, -5], [-2, 1]])
