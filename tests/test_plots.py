import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from dbnlab import DBN, RBM
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


def test_images_with_two_axes_each_and_of_another_byte_order_are_shown_too(rng):
    X = rng.random((5, 6))
    np.testing.assert_array_equal(
        plots.mosaic(X.reshape(5, 2, 3).astype(">f4"), (2, 3)),
        plots.mosaic(X.astype(np.float32), (2, 3)),
    )


@pytest.mark.parametrize(
    ("X", "image_shape", "message"),
    [
        (np.ones((5, 6)), (2, 2), r"image_shape=\(2, 2\) has pixels, got shape \(5, 6\)"),
        (np.ones((5, 8)), (2, 2), r"got shape \(5, 8\)"),  # not twice as many images
        (np.ones((0, 6)), (2, 3), r"got shape \(0, 6\)"),
        (np.ones(6), (2, 3), r"got shape \(6,\)"),
        (np.ones((5, 6)), (-2, -3), "X must have one row"),
        (np.ones((5, 6)), 6, "X must have one row"),
        (np.ones((5, 6)), (2, 3, 1), "X must have one row"),
        (np.ma.masked_less(np.arange(6.0).reshape(1, 6), 2), (2, 3), "no masked values, found 2"),
        (np.ones((5, 6), complex), (2, 3), "X must be real numbers"),
        ("digits", (2, 3), "X must be real numbers"),
    ],
)
def test_rows_that_are_no_images_are_refused(X, image_shape, message):
    for draw in (plots.mosaic, lambda X, shape: plots.images(X, shape, "Title")):
        with pytest.raises(ValueError, match=message):
            draw(X, image_shape)


@pytest.mark.parametrize("n_columns", [0, -1])
def test_a_mosaic_has_a_column(n_columns):
    with pytest.raises(ValueError, match="n_columns"):
        plots.mosaic(np.ones((5, 6)), (2, 3), n_columns)


GREY = np.linspace(0, 1, 600).reshape(100, 6)
OTHER_SCALES = {
    "0 to 255": (255 * GREY, "reach from 0 to 255"),
    "few above 0": (np.where(GREY > 0.98, 255.0, 0.0), "reach from 0 to 255"),
    "16 grey values": (np.round(16 * GREY).astype(np.uint8), "reach from 0 to 16"),
    "all above": (GREY + 1.5, "reach from 1.5 to 2.5"),
    "all below": (GREY - 1.5, "reach from -1.5 to -0.5"),
    "infinite": (np.where(GREY > 0.5, np.inf, GREY), "reach from 0 to inf"),
}


@pytest.mark.parametrize(("X", "message"), OTHER_SCALES.values(), ids=OTHER_SCALES)
def test_images_on_another_scale_than_the_limits_are_not_shown_white(X, message):
    with pytest.raises(ValueError, match=rf"limits=\(0, 1\) do not show X, whose values {message}"):
        plots.images(X, (2, 3), "Title")


def test_noise_beyond_the_limits_and_missing_pixels_are_shown(rng):
    noisy = GREY + rng.normal(size=GREY.shape)
    noisy[:, 0] = np.nan
    shown = plots.images(noisy, (2, 3), "Title").images[0].get_array()
    np.testing.assert_array_equal(shown, plots.mosaic(noisy, (2, 3)))
    plots.images(np.full((1, 6), np.nan), (2, 3), "Title")


@pytest.mark.parametrize("limits", [(1, 0), (1, 1), (0, np.nan), (0, np.inf), (1,), "01", None])
def test_limits_are_two_numbers_in_order(limits):
    with pytest.raises(ValueError, match="limits"):
        plots.images(GREY, (2, 3), "Title", limits=limits)


def test_filters_are_those_of_a_fitted_rbm():
    with pytest.raises(NotFittedError, match="not fitted"):
        plots.filters(RBM(3), (2, 2), "Filters")
    for stack in DBN((3,)), DBN((3,)).fit(np.eye(4)):
        with pytest.raises(TypeError, match=r"rbm must be a fitted RBM, got DBN|a stack of RBMs"):
            plots.filters(stack, (2, 2), "Filters")
    rbm = RBM(n_hidden=3, n_epochs=1, random_state=0).fit(np.eye(4))
    with pytest.raises(ValueError, match="n_filters"):
        plots.filters(rbm, (2, 2), "Filters", n_filters=0)
    rbm.weights_[:] = 0
    low, high = plots.filters(rbm, (2, 2), "Filters").images[0].get_clim()
    assert low == -high < 0
