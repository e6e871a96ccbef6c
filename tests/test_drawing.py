"""The drawing pad, as far as the kernel's side goes; what the page does is in test_demo.py."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from dbnlab import DBN, RBM
from dbnlab.course import drawing_pad

LINE = "[a drawing pad, where a kernel runs]"


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return (rng.random((60, 784)) < 0.3).astype("float32"), np.arange(60) % 3


@pytest.fixture(scope="module")
def models(rows):
    X, y = rows
    prototype = RBM(n_epochs=1)
    rbm = RBM(8, n_epochs=1, random_state=0).fit(X)
    return {
        "rbm": rbm,
        "gaussian code": RBM(5, hidden="gaussian", n_epochs=1, random_state=0).fit(X),
        "stack": DBN((9, 7), prototype, random_state=0).fit(X),
        "labelled": DBN((9, 7), prototype, joint_labels=True, random_state=0).fit(X, y),
        "classifier": LogisticRegression().fit(X, y),
        "pipeline": make_pipeline(RBM(8, n_epochs=1), LogisticRegression()).fit(
            X, list("abc") * 20
        ),
    }


def draw(pad, image):
    """What the page sends: grey values as a view of memory."""
    pad.set_state({"drawn": memoryview(np.rint(255 * image).astype(np.uint8).tobytes())})


def shown(layer):
    return np.frombuffer(layer["values"], np.uint8) / 255


def test_a_stroke_reaches_the_kernel_as_an_image_in_0_1(rows):
    pad = drawing_pad()
    assert pad.image.shape == (28, 28)
    assert not pad.image.any()
    draw(pad, rows[0][0] * 0.4)
    np.testing.assert_allclose(pad.image.ravel(), 0.4 * rows[0][0], atol=1e-6)
    assert pad.answer == {"layers": []}


@pytest.mark.parametrize("name", ["labelled", "classifier", "pipeline"])
def test_a_model_with_classes_answers_with_their_probabilities(name, models, rows):
    model, x = models[name], rows[0][:1]
    pad = drawing_pad(model)
    before = pad.answer["probabilities"]
    draw(pad, x)
    assert pad.answer["classes"] == [str(label) for label in model.classes_]
    np.testing.assert_allclose(pad.answer["probabilities"], model.predict_proba(x)[0], atol=1e-6)
    assert pad.answer["probabilities"] != before


def test_the_layers_of_a_stack_are_shown_from_the_top(models, rows):
    pad, x = drawing_pad(models["labelled"]), rows[0][:1]
    draw(pad, x)
    titles = [layer["title"].partition(",")[0] for layer in pad.answer["layers"]]
    assert titles == ["layer 2: 7 units", "layer 1: 9 units"]
    for layer, number, size in zip(pad.answer["layers"], (1, 0), (7, 9)):
        expected = models["labelled"].transform(x, layer=number)[0]
        np.testing.assert_allclose(shown(layer)[:size], expected, atol=0.5 / 255 + 1e-6)
        assert len(shown(layer)) % layer["columns"] == 0
    assert "probabilities" not in drawing_pad(models["stack"]).answer


@pytest.mark.parametrize("name", ["rbm", "gaussian code"])
def test_the_units_of_a_machine_are_shown_on_a_scale_that_holds_them(name, models, rows):
    pad, x = drawing_pad(models[name]), rows[0][:1]
    draw(pad, x)
    (layer,) = pad.answer["layers"]
    expected = models[name].transform(x)[0]
    low, high = min(0, expected.min()), max(1, expected.max())
    found = low + (high - low) * shown(layer)[: len(expected)]
    np.testing.assert_allclose(found, expected, atol=(high - low) / 500)
    assert f"{low:.3g} black, {high:.3g} white" in layer["title"]


def test_an_image_that_is_assigned_is_drawn_and_answered(models, rows):
    pad = drawing_pad(models["classifier"])
    pad.image = rows[0][3]
    assert pad.drawn == (255 * rows[0][3]).astype(np.uint8).tobytes()
    expected = models["classifier"].predict_proba(rows[0][3:4])[0]
    np.testing.assert_allclose(pad.answer["probabilities"], expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(-1, 784), (-1, 28, 28)])
def test_a_film_is_kept_picture_after_picture(shape, rows):
    pad = drawing_pad(film=rows[0][:5].reshape(shape))
    assert pad.film == (255 * rows[0][:5]).astype(np.uint8).tobytes()
    assert drawing_pad().film == b""


@pytest.mark.parametrize(
    ("film", "message"),
    [
        (np.zeros((3, 100)), r"film must be pictures of 28×28 pixels, got shape \(3, 100\)"),
        (np.zeros((2, 28, 28, 1)), "film must be pictures"),
        (np.zeros((0, 784)), "film must be pictures"),
        (np.full((2, 784), 255), r"film must lie in \[0, 1\], black to white, got values from 255"),
        (np.full((2, 784), -0.5), r"film must lie in \[0, 1\]"),
        (np.full((2, 784), np.nan), "film must be finite"),
        ([["a"] * 784], "film must be real numbers"),
    ],
)
def test_what_is_no_film_is_refused(film, message):
    with pytest.raises(ValueError, match=message):
        drawing_pad(film=film)


def test_an_image_of_another_size_is_refused(rows):
    pad = drawing_pad()
    for image, message in [(rows[0][:2], "image must be one picture, got 2"), ([0, 1], "pictures")]:
        with pytest.raises(ValueError, match=message):
            pad.image = image


def test_models_that_cannot_answer_are_refused(rows):
    with pytest.raises(ValueError, match=r"784 features, .* expecting 6 features"):
        drawing_pad(RBM(2, n_epochs=1).fit(rows[0][:, :6]))
    with pytest.raises(NotFittedError):
        drawing_pad(RBM())
    with pytest.raises(TypeError):
        drawing_pad("mnist")


def test_where_no_kernel_runs_the_pad_is_one_fixed_line(models):
    pad = drawing_pad(models["rbm"])
    assert repr(pad) == LINE
    assert pad._repr_mimebundle_()[0]["text/plain"] == LINE
