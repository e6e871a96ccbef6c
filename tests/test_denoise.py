"""Posteriors are compared with sums over all states, written out."""

from dataclasses import replace

import numpy as np
import pytest
from models import points, random_rbm
from sklearn.feature_extraction.image import extract_patches_2d
from stacks import EnumeratedDBN, random_dbn

from dbnlab import DBN, RBM, datasets
from dbnlab.denoise import (
    NOISES,
    DenoisingAutoencoder,
    GibbsDenoiser,
    PatchDenoiser,
    corrupt,
    psnr,
    ssim,
)
from dbnlab.units import Bernoulli, Gaussian, Joint


@pytest.fixture(scope="module")
def images():
    return datasets.load_digits().X[:200].reshape(-1, 8, 8)


def log_density(y, V, noise, strength):
    """log p(y | v) of one noisy image for each clean one, missing pixels left out."""
    known = ~np.isnan(y)
    y, V = y[known], V[:, known]
    if noise == "gaussian":
        return -((y - V) ** 2).sum(axis=1) / (2 * strength**2)
    return np.log(np.where(y == V, 1 - strength / 2, strength / 2)).sum(axis=1)


def exact_posterior_mean(rbm, y, noise, strength):
    V, measure = points(rbm.visible_unit_)
    H, _ = points(rbm.hidden_unit_)
    log_prior = measure + np.log(
        np.exp(V @ rbm.weights_ @ H.T + H @ rbm.hidden_bias_).sum(axis=1)
    ) + V @ rbm.visible_bias_  # fmt: skip
    weights = np.exp(log_prior + log_density(y, V, noise, strength))
    return weights @ V / weights.sum()


# Noise ----------------------------------------------------------------------------------------


def test_gaussian_noise_has_its_standard_deviation_and_is_not_cut():
    noisy = corrupt(np.full((50, 40, 40), 0.5), "gaussian", 0.3, random_state=0)
    assert noisy.std() == pytest.approx(0.3, rel=0.01)
    assert noisy.mean() == pytest.approx(0.5, abs=0.005)
    assert noisy.min() < 0


def test_speckle_grows_with_the_pixel_and_leaves_black_alone():
    clean = np.zeros((20, 30, 30))
    clean[10:] = 0.5
    noisy = corrupt(clean, "speckle", 0.4, random_state=0)
    np.testing.assert_array_equal(noisy[:10], 0)
    assert noisy[10:].std() == pytest.approx(0.2, rel=0.03)


def test_salt_and_pepper_hits_its_share_half_black_half_white():
    noisy = corrupt(np.full((50, 40, 40), 0.5), "salt_and_pepper", 0.3, random_state=0)
    assert (noisy == 0).mean() == pytest.approx(0.15, abs=0.01)
    assert (noisy == 1).mean() == pytest.approx(0.15, abs=0.01)
    assert set(np.unique(noisy)) == {0, 0.5, 1}


def test_missing_pixels_are_nan_and_the_others_untouched(images):
    noisy = corrupt(images, "missing_pixels", 0.3, random_state=0)
    gone = np.isnan(noisy)
    assert gone.mean() == pytest.approx(0.3, abs=0.02)
    np.testing.assert_array_equal(noisy[~gone], images[~gone])


def test_missing_block_is_a_square_of_its_share_anywhere(images):
    gone = np.isnan(corrupt(images, "missing_block", 0.25, random_state=0))
    assert (gone.sum(axis=(1, 2)) == 16).all()
    rows, columns = gone.any(axis=2), gone.any(axis=1)
    assert (rows.sum(axis=1) == 4).all()
    assert (columns.sum(axis=1) == 4).all()
    assert set(rows.argmax(axis=1)) == set(columns.argmax(axis=1)) == set(range(5))


def test_missing_block_of_an_oblong_image_has_its_share_too(images):
    gone = np.isnan(corrupt(images[:20, :4], "missing_block", 0.25, random_state=0))
    assert (gone.sum(axis=(1, 2)) == 9).all()  # of 32 pixels; the nearest whole side is 3


@pytest.mark.parametrize("noise", NOISES)
def test_noise_repeats_with_its_seed_and_keeps_shape_and_input(images, noise):
    before = images.copy()
    one = corrupt(images, noise, 0.3, random_state=1)
    np.testing.assert_array_equal(one, corrupt(images, noise, 0.3, random_state=1))
    assert not np.array_equal(one, corrupt(images, noise, 0.3, random_state=2), equal_nan=True)
    assert (one.shape, one.dtype) == (images.shape, np.float32)
    assert corrupt(images[0], noise, 0.3, random_state=1).shape == (8, 8)
    np.testing.assert_array_equal(images, before)


def test_whole_numbers_are_grey_values_from_0_to_255(images):
    whole = np.round(255 * images).astype(np.uint8)
    noisy = corrupt(whole, "gaussian", 0.1, random_state=0)
    assert np.abs(noisy - images).std() < 0.1


def test_psnr_is_minus_ten_log_of_the_mean_squared_error(images):
    noisy = corrupt(images, "gaussian", 0.3, random_state=0)
    expected = -10 * np.log10(((noisy - images) ** 2).mean(axis=(1, 2)))
    np.testing.assert_allclose(psnr(images, noisy), expected, rtol=1e-4)
    assert psnr(images[0], noisy[0]) == pytest.approx(expected[:1], rel=1e-4)


def test_psnr_of_an_image_with_itself_is_infinite(images):
    assert np.isposinf(psnr(images[:2], images[:2])).all()


def test_missing_pixels_have_no_psnr(images):
    gone = corrupt(images[:2], "missing_pixels", 0.3, random_state=0)
    for measure in (psnr, ssim):
        with pytest.raises(ValueError, match="fill them in first"):
            measure(images[:2], gone)


def test_ssim_is_one_for_equal_images_and_less_for_noisy_ones(images):
    np.testing.assert_allclose(ssim(images, images), 1)
    assert (ssim(images, corrupt(images, "gaussian", 0.3, random_state=0)) < 0.99).all()


# The posterior ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("visible", "noise", "strength", "y"),
    [
        ("bernoulli", "gaussian", 0.7, [0.9, 0.2, -0.3, 0.6]),
        ("bernoulli", "gaussian", 0.7, [0.9, np.nan, -0.3, np.nan]),
        ("bernoulli", "salt_and_pepper", 0.4, [1, 0, 0, 1]),
        # What is known here moves the last pixel by 0.16: a chain that lets go of it is found out.
        ("bernoulli", "missing_pixels", None, [0, np.nan, 1, np.nan]),
        ("gaussian", "gaussian", 0.8, [0.9, -1.5]),
        ("gaussian", "gaussian", 0.8, [np.nan, -1.5]),
        ("gaussian_variances", "gaussian", 0.8, [0.9, -1.5]),
        ("gaussian_variances", "gaussian", 0.8, [np.nan, -1.5]),
    ],
)
def test_gibbs_denoiser_averages_over_the_exact_posterior(visible, noise, strength, y):
    rbm = random_rbm(visible, seed=3)
    y = np.array(y, dtype=float)
    if strength is None:
        exact = exact_posterior_mean(rbm, y, "salt_and_pepper", 1e-9)
    else:
        exact = exact_posterior_mean(rbm, y, noise, strength)
    denoiser = GibbsDenoiser(rbm, noise, strength, n_steps=400)
    means, _ = denoiser.chain(np.tile(y, (400, 1)), np.random.default_rng(0))
    np.testing.assert_allclose(means.mean(axis=0), exact, atol=0.01)


@pytest.mark.parametrize("noise", ["gaussian", "salt_and_pepper"])
def test_mean_over_chains_comes_to_the_exact_posterior_as_chains_are_added(noise):
    rbm, y = random_rbm(seed=3), np.array([[1.0, 0.0], [0.0, 1.0]])
    exact = exact_posterior_mean(rbm, y.ravel(), noise, 0.6)
    errors = []
    for n_chains in (1, 30, 1000):
        # Four steps of burn-in and four that count: a chain alone is far from the mean.
        denoiser = GibbsDenoiser(rbm, noise, 0.6, 8, random_state=0, n_chains=n_chains)
        copies = np.tile(y, (20, 1, 1))
        errors.append(np.abs(denoiser.denoise(copies).reshape(20, 4) - exact).max())
    assert errors[0] > 0.15
    assert errors[1] < 0.05
    assert errors[2] < 0.01


def test_chains_differ_and_are_those_of_one_generator(trained, images):
    noisy = corrupt(images[:3], "gaussian", 0.5, random_state=0)
    three = GibbsDenoiser(trained, "gaussian", 0.5, 4, random_state=7, n_chains=3)
    expected = three.denoise(noisy)
    np.testing.assert_array_equal(three.denoise(noisy), expected)
    one = replace(three, n_chains=1, random_state=np.random.default_rng(7))
    first, second, third = (one.denoise(noisy) for _ in range(3))
    assert not np.array_equal(first, second)
    np.testing.assert_allclose((first + second + third) / 3, expected, rtol=1e-6)


def test_one_layer_dbn_has_the_posterior_of_its_rbm():
    rbm = random_rbm(seed=1)
    dbn = random_dbn(sizes=(3,), labels=False)
    for mine, yours in zip(dbn.rbms_[0].state_.parameters, rbm.state_.parameters):
        mine[...] = yours
    images = np.array([[[0.2, 0.9], [1.2, -0.3]]])
    one, other = (
        GibbsDenoiser(model, "gaussian", 0.5, random_state=0).denoise(images)
        for model in (rbm, dbn)
    )
    np.testing.assert_allclose(one, other, rtol=1e-12)


def test_labels_of_a_dbn_take_part_in_its_posterior():
    dbn = random_dbn(sizes=(3,), labels=True, seed=4)
    table, y = EnumeratedDBN(dbn), np.array([0.9, 0.2, -0.3, 0.6])
    weights = table.p_visible() * np.exp(log_density(y, table.V, "gaussian", 0.7))
    denoiser = GibbsDenoiser(dbn, "gaussian", 0.7, 400)
    means, _ = denoiser.chain(np.tile(y, (400, 1)), np.random.default_rng(0))
    exact = weights @ table.V / weights.sum()
    np.testing.assert_allclose(means.mean(axis=0), exact, atol=0.01)


def test_without_evidence_a_dbn_with_labels_dreams_its_own_distribution():
    dbn = random_dbn(sizes=(3, 2), labels=True, seed=2)
    for up, down in zip(dbn.recognition_weights_, dbn.generative_weights_):
        up[...] = down
    gone = np.full((4000, 2, 2), np.nan)
    means = GibbsDenoiser(dbn, "missing_pixels", n_steps=60, random_state=0).denoise(gone)
    # The chain goes up by recognition weights: near its own dreams, not exactly there.
    dreams = dbn.sample(4000, n_gibbs=200, random_state=0).reshape(gone.shape)
    np.testing.assert_allclose(means.mean(axis=0), dreams.mean(axis=0), atol=0.15)


def test_samples_agree_with_known_pixels_and_differ_elsewhere(images):
    rbm = RBM(30, n_epochs=5, draw_visible=False, random_state=0).fit(images.reshape(200, -1))
    noisy = corrupt(images[:5], "missing_block", 0.25, random_state=0)
    drawn = GibbsDenoiser(rbm, "missing_block", random_state=0).sample(noisy, 3)
    known = ~np.isnan(noisy)
    assert drawn.shape == (3, 5, 8, 8)
    for one in drawn:
        np.testing.assert_array_equal(one[known], noisy[known])
    assert (drawn[0][~known] != drawn[1][~known]).all()
    denoiser = GibbsDenoiser(rbm, "missing_block")
    _, ends = denoiser.chain(np.tile(noisy.reshape(5, 64), (3, 1)), np.random.default_rng(0))
    np.testing.assert_array_equal(drawn, ends.reshape(3, 5, 8, 8).astype(np.float32))


# Denoisers ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(images):
    X = datasets.load_digits().X.astype(np.float32)
    return RBM(100, n_epochs=40, batch_size=20, random_state=0).fit(X)


def test_posterior_of_a_trained_rbm_is_closer_to_the_clean_image_than_the_noise(trained):
    clean = datasets.load_digits().X_test.reshape(-1, 8, 8)
    noisy = corrupt(clean, "gaussian", 0.5, random_state=0)
    denoised = GibbsDenoiser(trained, "gaussian", 0.5, random_state=0).denoise(noisy)
    assert psnr(clean, denoised).mean() > psnr(clean, noisy).mean() + 3


def test_denoising_autoencoder_learns_without_being_told_the_strength():
    data = datasets.load_digits()
    X, clean = data.X.reshape(-1, 8, 8), data.X_test.reshape(-1, 8, 8)
    dbn = DBN(rbm=RBM(n_epochs=20, learning_rate=0.1))
    model = DenoisingAutoencoder((200,), dbn, batch_size=20, random_state=0).fit(X)
    for strength in (0.3, 0.6):
        noisy = corrupt(clean, "gaussian", strength, random_state=0)
        assert psnr(clean, model.denoise(noisy)).mean() > psnr(clean, noisy).mean() + 2
    untouched = model.encoder_.get_layer("hidden_1").get_weights()[0]
    assert not np.array_equal(untouched, model.dbn_.recognition_weights_[0])


@pytest.mark.parametrize("noise", NOISES)
def test_every_noise_can_be_learned(images, noise):
    model = DenoisingAutoencoder((20,), noise=noise, n_epochs=1, random_state=0).fit(images)
    denoised = model.denoise(corrupt(images, noise, 0.3, random_state=0))
    assert np.isfinite(denoised).all()
    again = DenoisingAutoencoder((20,), noise=noise, n_epochs=1, random_state=0).fit(images)
    np.testing.assert_array_equal(
        again.keras_model_.get_weights()[0], model.keras_model_.get_weights()[0]
    )


def test_each_batch_of_the_autoencoder_gets_its_noise(images):
    sizes = []

    class Watched(DenoisingAutoencoder):
        def _inputs(self, rows, rng):
            sizes.append(len(rows))
            return super()._inputs(rows, rng)

    Watched((5,), batch_size=80, n_epochs=2, random_state=0).fit(images)
    assert sizes[:6] == [80, 80, 40] * 2


@pytest.mark.parametrize("strengths", [(0.01, 0.02), (0.9, 1.0)])
def test_strengths_in_training_are_those_of_the_range(images, strengths):
    model = DenoisingAutoencoder((5,), strengths=strengths, n_epochs=1, random_state=0).fit(images)
    rows = images.reshape(200, 64)
    deviation = (model._inputs(rows, np.random.default_rng(0)) - rows).std()
    assert strengths[0] < deviation < strengths[1]


def test_each_image_of_a_batch_misses_a_block_of_its_own_size(rng):
    images = rng.random((50, 8, 8))
    options = {"noise": "missing_block", "strengths": (0.02, 0.9), "n_epochs": 1}
    model = DenoisingAutoencoder((5,), **options, random_state=0).fit(images)
    rows = images.reshape(50, 64)
    assert len(set((model._inputs(rows, rng) != rows).sum(axis=1))) > 4


def test_missing_pixels_are_given_to_the_network_as_the_mean_image(images):
    model = DenoisingAutoencoder((5,), n_epochs=1, random_state=0).fit(images)
    gone = model.denoise(np.full((8, 8), np.nan))
    np.testing.assert_allclose(gone, model.denoise(images.mean(axis=0)), rtol=1e-5)


def test_patches_denoise_pictures_of_any_size(rng):
    rows, columns = np.mgrid[:60, :90]
    picture = 0.5 + 0.4 * np.sign(np.sin(rows / 4)) * np.sign(np.sin(columns / 5))
    rbm = RBM(50, visible="gaussian", learning_rate=0.005, n_epochs=10)
    model = PatchDenoiser(rbm, 0.2, n_patches=4000, random_state=0).fit(picture)
    clean = picture[:41, 10:]
    noisy = corrupt(clean, "gaussian", 0.2, random_state=0)
    denoised = model.denoise(noisy)
    assert denoised.shape == (41, 80)
    assert psnr(clean, denoised) > psnr(clean, noisy) + 4


def test_result_has_the_type_of_the_input(trained, images):
    denoiser = GibbsDenoiser(trained, "gaussian", 0.3, n_steps=2, random_state=0)
    whole = np.round(255 * images).astype(np.uint8)
    assert denoiser.denoise(whole).dtype == np.uint8
    expected = np.round(255 * denoiser.denoise(whole / 255))
    np.testing.assert_array_equal(denoiser.denoise(whole), expected)
    assert denoiser.denoise(whole[0]).shape == (8, 8)
    denoised = denoiser.denoise(images.astype(np.float64) * 3 - 1)
    assert denoised.dtype == np.float64
    assert (denoised.min() >= 0) & (denoised.max() <= 1)


def test_estimates_are_cut_to_the_range_of_grey_values():
    far = np.array([[3.0, -2.0]])
    denoised = GibbsDenoiser(random_rbm("gaussian"), "gaussian", 0.1, random_state=0).denoise(far)
    np.testing.assert_array_equal(denoised, [[1, 0]])


def test_known_pixels_beyond_the_range_count_as_black_or_white(trained):
    far = np.full((8, 8), np.nan)
    far[0], far[1] = 3, -2
    near = far.clip(0, 1)
    one, other = (
        GibbsDenoiser(trained, "missing_block", n_steps=5, random_state=0).sample(image)
        for image in (far, near)
    )
    np.testing.assert_array_equal(one, other)


def test_half_precision_is_enough_for_images(trained, images):
    half = images[:3].astype(np.float16)
    noisy = corrupt(half, "gaussian", 0.3, random_state=0)
    assert noisy.dtype == np.float32
    denoiser = GibbsDenoiser(trained, "gaussian", 0.3, n_steps=2, random_state=0)
    assert denoiser.denoise(noisy.astype(np.float16)).dtype == np.float16


@pytest.fixture(scope="module")
def denoisers(trained, images):
    rbm = RBM(5, visible="gaussian", learning_rate=0.005, n_epochs=1)
    return {
        "posterior": GibbsDenoiser(trained, "gaussian", 0.3, n_steps=2, random_state=0),
        "autoencoder": DenoisingAutoencoder((5,), n_epochs=1, random_state=0).fit(images),
        "patches": PatchDenoiser(rbm, n_patches=50, n_steps=2, random_state=0).fit(images),
    }


@pytest.mark.parametrize("name", ["posterior", "autoencoder", "patches"])
def test_images_with_one_channel_last_come_back_in_their_shape(denoisers, images, name):
    noisy = corrupt(images[:3], "gaussian", 0.3, random_state=0)
    for one in (noisy, noisy[0]):
        expected = denoisers[name].denoise(one)[..., None]
        np.testing.assert_array_equal(denoisers[name].denoise(one[..., None]), expected)


@pytest.mark.parametrize("noise", NOISES)
def test_noise_on_one_channel_last_is_that_on_the_image(images, noise):
    for one in (images[:3], images[0]):
        expected = corrupt(one, noise, 0.3, random_state=0)[..., None]
        np.testing.assert_array_equal(corrupt(one[..., None], noise, 0.3, 0), expected)


def test_one_channel_last_is_learned_sampled_and_measured(denoisers, images):
    model = DenoisingAutoencoder((5,), n_epochs=1, random_state=0).fit(images[..., None])
    expected = denoisers["autoencoder"].denoise(images)
    np.testing.assert_array_equal(model.denoise(images), expected)
    assert denoisers["posterior"].sample(images[:3, ..., None], 2).shape == (2, 3, 8, 8, 1)
    for measure in (psnr, ssim):
        values = measure(images[..., None], expected)
        np.testing.assert_array_equal(values, measure(images, expected))
        assert measure(images[0][..., None], expected[0]) == values[0]
    with pytest.raises(ValueError, match=r"got \(8, 8, 1\): reshape rows"):
        model.fit(images[0][..., None])


def test_the_byte_order_of_another_machine_changes_nothing(denoisers, images):
    noisy = corrupt(images[:3], "gaussian", 0.3, random_state=0)
    for foreign in (">f4", ">f8"):
        np.testing.assert_array_equal(
            corrupt(images[:3].astype(foreign), "missing_block", 0.3, random_state=0),
            corrupt(images[:3], "missing_block", 0.3, random_state=0),
        )
        for measure in (psnr, ssim):
            values = measure(images[:3].astype(foreign), noisy.astype(foreign))
            np.testing.assert_allclose(values, measure(images[:3], noisy), rtol=1e-4)
        for denoiser in denoisers.values():
            expected = denoiser.denoise(noisy.astype(np.dtype(foreign).newbyteorder("=")))
            denoised = denoiser.denoise(noisy.astype(foreign))
            np.testing.assert_array_equal(denoised, expected)
            assert denoised.dtype == foreign


def test_a_mask_as_floats_is_as_far_from_its_opposite_as_black_from_white(images):
    mask = (images[:3] > 0.5).astype(float)
    np.testing.assert_array_equal(psnr(mask, 1 - mask), 0)
    for whole in (mask.astype(np.uint8), (16 * images[:3]).astype(np.uint8)):
        with pytest.raises(ValueError, match=rf"uint8 up to {whole.max()}, but white is 255: div"):
            psnr(whole, whole)
    black = np.zeros((1, 8, 8), np.uint8)
    assert psnr(black, np.full_like(black, 255)) == 0


# What is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (np.zeros((8, 8, 3)), "3 channels"),
        (np.zeros((8, 8, 4)), "4 channels"),
        (np.zeros((2, 8, 8, 3)), "3 channels"),
        (np.zeros((2, 1, 8, 8)), "if one channel comes first, take images.:, 0"),
        (np.ones((2, 8, 8), np.uint8), "uint8 up to 1, but white is 255"),
        (np.ma.array(np.zeros((1, 2)), mask=[[0, 1]]), "no masked values, found 1"),
        ([np.ma.array(np.zeros((1, 2)), mask=[[0, 1]])], "no masked values, found 1"),
        (np.zeros((8, 8), dtype=complex), "real numbers"),
        (np.zeros(64), "reshape rows"),
        (np.zeros((0, 8, 8)), "must have shape"),
        (np.zeros((8, 8), dtype=int), "floats in .0, 1. or uint8"),
        (np.full((8, 8), 255.0), "divide by the largest"),
        (np.full((8, 8), np.inf), "divide by the largest"),
        (np.zeros((8, 9)), "8×9 pixels, but the model has 64"),
    ],
)
def test_images_of_the_wrong_kind_are_refused(trained, pictures, message):
    denoiser = GibbsDenoiser(trained, "gaussian", 0.3)
    with pytest.raises(ValueError, match=message):
        denoiser.denoise(pictures)


@pytest.mark.parametrize(
    ("noise", "strength", "message"),
    [
        ("snow", 0.1, "noise='snow'"),
        ("gaussian", 0, "strength"),
        ("salt_and_pepper", 1.5, "strength"),
        ("speckle", 0.1, "noise='speckle'"),
    ],
)
def test_noise_without_meaning_is_refused(trained, noise, strength, message):
    with pytest.raises(ValueError, match=message):
        GibbsDenoiser(trained, noise, strength)


def test_noise_is_put_on_clean_images_only(images):
    with pytest.raises(ValueError, match=r"got -1 to 2"):
        corrupt(np.array([[-1.0, 2.0]]), "gaussian", 0.1)
    with pytest.raises(ValueError, match=r"got 0.5 to 1.5"):
        corrupt(np.array([[0.5, 1.5]]), "gaussian", 0.1)
    with pytest.raises(ValueError, match="no missing pixels"):
        DenoisingAutoencoder().fit(np.full((3, 5, 5), np.nan))
    with pytest.raises(ValueError, match=r"\(8, 8\) and \(7, 8\) differ"):
        psnr(images[0], images[0, :7])
    denoiser = GibbsDenoiser(random_rbm("gaussian"), "salt_and_pepper", 0.1)
    with pytest.raises(ValueError, match="Gaussian visible units take gaussian noise"):
        denoiser.denoise(np.zeros((1, 2)))


@pytest.mark.parametrize("strengths", [(0.1,), 0.3, (0.6, 0.1), (0.1, 0.2, 0.3)])
def test_a_range_of_strengths_has_two_ends(images, strengths):
    with pytest.raises(ValueError, match="least and the largest strength"):
        DenoisingAutoencoder((20,), strengths=strengths).fit(images)


def test_rows_of_pixels_are_not_taken_for_one_image(images):
    with pytest.raises(ValueError, match=r"got \(200, 64\): reshape rows"):
        DenoisingAutoencoder((20,)).fit(images.reshape(200, 64))


def test_images_smaller_than_a_window_have_no_structural_similarity(images):
    assert (ssim(images[:2, :7, :7], images[:2, :7, :7]) == 1).all()
    for small in (images[:2, :6, :6], images[:2, :5]):
        with pytest.raises(ValueError, match=r"ssim compares windows of 7×7 .* of [56]×[68] hold"):
            ssim(small, small)


def test_masked_pixels_are_nowhere_taken_for_values(denoisers, images):
    masked = np.ma.masked_less(images, 0.1)
    calls = [denoiser.denoise for denoiser in denoisers.values()]
    calls += [denoisers["posterior"].sample, denoisers["autoencoder"].fit]
    calls += [denoisers["patches"].fit, lambda x: corrupt(x, "speckle", 0.1)]
    calls += [lambda x: psnr(images, x), lambda x: psnr(x, images), lambda x: ssim(x, images)]
    for call in calls:
        with pytest.raises(ValueError, match="images must have no masked values"):
            call(masked)


def test_no_samples_are_refused(trained, images):
    with pytest.raises(ValueError, match="n_samples"):
        GibbsDenoiser(trained, "gaussian", 0.3).sample(images[:2], 0)


@pytest.mark.parametrize(
    ("parameters", "picture", "message"),
    [
        ({"size": 0}, np.eye(20), "size"),
        ({"n_patches": 0}, np.eye(20), "n_patches"),
        ({"strength": 0.0}, np.eye(20), "strength == 0.0"),
        ({"scale": -1.0}, np.eye(20), "scale == -1.0"),
        ({}, np.full((20, 20), 0.3), "of one grey"),
        ({}, np.eye(7), "Height of the patch should be less than the height of the image"),
    ],
)
def test_patches_without_meaning_are_refused(parameters, picture, message):
    with pytest.raises(ValueError, match=message):
        PatchDenoiser(**parameters).fit(picture)


def test_patches_fill_in_nothing():
    rbm = RBM(5, visible="gaussian", learning_rate=0.005, n_epochs=1)
    model = PatchDenoiser(rbm, n_patches=50, random_state=0).fit(np.eye(20))
    gone = corrupt(np.eye(20), "missing_pixels", 0.1, random_state=0)
    with pytest.raises(ValueError, match="fill them in first"):
        model.denoise(gone)


@pytest.mark.parametrize("model", [None, RBM, PatchDenoiser()], ids=repr)
def test_a_gibbs_denoiser_takes_an_rbm_or_a_dbn(model):
    with pytest.raises(TypeError, match="model must be a fitted RBM or DBN, got"):
        GibbsDenoiser(model, "gaussian", 0.1)


def test_each_picture_gives_patches_from_places_of_its_own(monkeypatch):
    taken = []

    def remember(picture, *arguments, **options):
        patches = extract_patches_2d(picture, *arguments, **options)
        taken.append(patches[:, 0, 0].tolist())
        return patches

    monkeypatch.setattr("dbnlab.denoise.extract_patches_2d", remember)
    # The grey value of a pixel is its place.
    pictures = np.tile(np.linspace(0, 1, 400).reshape(20, 20), (50, 1, 1))
    rbm = RBM(2, visible="gaussian", learning_rate=0.005, n_epochs=1)
    PatchDenoiser(rbm, n_patches=50, random_state=0).fit(pictures)
    assert len({place for places in taken for place in places}) > 25


def test_an_autoencoder_for_noise_gives_codes_of_images(images):
    model = DenoisingAutoencoder((20, 5), n_epochs=1, random_state=0)
    codes = model.fit_transform(images)
    assert codes.shape == (200, 5)
    gone = images.copy()
    gone[:, 0, 0] = np.nan
    assert np.isfinite(model.transform(gone)).all()
    with pytest.raises(ValueError, match="images of 200×64 pixels, but the model has 64"):
        model.transform(images.reshape(200, 64))


def test_pixels_of_mixed_type_are_refused():
    visible = Joint(Gaussian(4), Bernoulli(5))
    rbm = RBM.from_arrays(np.zeros((9, 3)), np.zeros(9), np.zeros(3), visible)
    with pytest.raises(ValueError, match="Bernoulli or Gaussian pixels, not Joint"):
        GibbsDenoiser(rbm, "gaussian", 0.1).denoise(np.zeros((3, 3)))


def test_a_strength_in_grey_values_up_to_255_is_refused(images):
    rbm = RBM(4, n_epochs=1).fit(images.reshape(200, -1))
    calls = [
        lambda: corrupt(images, "gaussian", 25),
        lambda: GibbsDenoiser(rbm, "gaussian", 25).denoise(images[:2]),
        lambda: PatchDenoiser(strength=25).fit(images),
        lambda: DenoisingAutoencoder(strengths=(5, 25)).fit(images),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"strength=25 is of another scale.*divide it by 255"):
            call()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_autoencoder_takes_uint8_and_no_images_of_other_sides(images):
    wide = np.round(255 * images[:, :6]).astype(np.uint8)
    autoencoder = DenoisingAutoencoder((5,), n_epochs=1, random_state=0).fit(wide)
    codes = autoencoder.transform(wide)
    np.testing.assert_allclose(autoencoder.transform(wide / 255), codes, rtol=1e-5)
    with pytest.raises(ValueError, match=r"shape \(8, 6\), those of training \(6, 8\)"):
        autoencoder.denoise(wide.transpose(0, 2, 1))
