"""The page in docs/demo: its mathematics, in V8, against dbnlab on the same weights."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from py_mini_racer import MiniRacer
from scipy.special import expit, log_softmax

from dbnlab import DBN, datasets

ROOT = Path(__file__).resolve().parent.parent
# Arrays come back as lists, also those inside of objects.
PLAIN = "(key, value) => ArrayBuffer.isView(value) ? Array.from(value) : value"


@pytest.fixture(scope="module")
def build():
    """The module docs/demo/build.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "docs" / "demo"))
        import build
    yield build
    del sys.modules["build"]


@pytest.fixture(scope="module")
def mnist():
    return datasets.load_mnist()


@pytest.fixture(scope="module")
def full():
    return DBN.load(datasets.path("mnist_dbn.npz"))


@pytest.fixture(scope="module")
def rounded(build):
    """The network with the weights of the page."""
    dbn = DBN.load(datasets.path("mnist_dbn.npz"))
    n = dbn.stack_.n_directed
    arrays = [*dbn.recognition_weights_[:n], *dbn.generative_weights_[:n], dbn.rbms_[-1].weights_]
    for weights in arrays:
        values, scales = build.rounded(weights)
        weights[...] = values * scales
    return dbn


@pytest.fixture(scope="module")
def js(build, full):
    """A function that gives the value of JavaScript; arguments are its numbers, by name."""
    drawing = ROOT / "dbnlab" / "course" / "drawing.js"
    with MiniRacer() as engine:
        engine.eval(build.script(ROOT / "docs" / "demo" / "dbn.js", drawing))
        parts = json.dumps(build.parts(full), default=lambda array: array.tolist())
        engine.eval(f"const dbn = new DBN({parts}); 0")

        def value(code, **arrays):
            for name, array in arrays.items():
                rows = json.dumps(np.atleast_2d(array).tolist())
                engine.eval(f"var {name} = {rows}.map((row) => new Float32Array(row)); 0")
            return json.loads(engine.eval(f"JSON.stringify({code}, {PLAIN})"))

        yield value


# The way up and down ------------------------------------------------------------------------------


def test_means_on_the_way_up_and_down_are_those_of_dbnlab(js, rounded, full, mnist):
    X = mnist.X_test[:50]
    found = js("X.map((x) => dbn.up(x)).map(([h1, h2]) => ({h1, h2, ...dbn.reconstruct(h2)}))", X=X)
    h1, h2, h3, pixels = (np.array([f[k] for f in found]) for k in ("h1", "h2", "h3", "pixels"))
    for layer, means in enumerate((h1, h2, h3)):
        np.testing.assert_allclose(means, rounded.transform(X, layer), rtol=0, atol=1e-4)
    np.testing.assert_allclose(pixels, rounded.reconstruct(X), rtol=0, atol=1e-4)
    # What rounding the weights to eight bits changes, in the mean over units.
    for layer, means in enumerate((h1, h2, h3)):
        assert np.abs(means - full.transform(X, layer)).mean() < 0.005
    assert np.abs(pixels - full.reconstruct(X)).mean() < 0.005


def test_label_log_probabilities_of_1000_test_images_are_those_of_dbnlab(js, rounded, full, mnist):
    X = mnist.X_test[:1000]
    found = np.array(js("X.map((x) => dbn.labelLogProbabilities(dbn.up(x)[1]))", X=X))

    def expected(dbn):
        scores = dbn.stack_.label_scores(dbn.transform(X, layer=1))
        return log_softmax(scores.astype(float), axis=1)

    np.testing.assert_allclose(found, expected(rounded), rtol=0, atol=5e-3)
    # Rounding the weights moves them by 0.02 nats in the median and by up to 0.15.
    np.testing.assert_allclose(found, expected(full), rtol=0, atol=0.5)
    np.testing.assert_array_equal(found.argmax(axis=1), full.predict(X))


def test_the_free_energy_is_that_of_the_top_rbm(js, rounded, rng):
    S = np.hstack([rng.random((5, 500)) < 0.2, np.eye(10)[:5]]).astype("float32")
    found = js("S.map((s) => dbn.freeEnergy(s.subarray(0, 500), s.subarray(500)))", S=S)
    np.testing.assert_allclose(found, rounded.rbms_[-1].free_energy(S), rtol=1e-5)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_receptive_field_is_the_product_of_the_weights_below(layer, js, rounded):
    product = np.linalg.multi_dot([np.eye(784), *rounded.recognition_weights_[: layer + 1]])
    found = js(f"dbn.receptiveField({layer}, 7)")
    np.testing.assert_allclose(found, product[:, 7], atol=1e-4 * np.abs(product).max())


# Dreams -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.5, 1, 2])
def test_a_temperature_divides_the_fields_of_the_top_rbm(temperature, js, rounded, rng):
    top = rounded.rbms_[-1]
    S = np.hstack([rng.random(500) < 0.2, np.eye(10)[3]]).astype("float32")
    H = (rng.random((1, 2000)) < 0.1).astype("float32")
    code = f"dbn.topMean(s[0].subarray(0, 500), s[0].subarray(500), {temperature})"
    up = (S @ top.weights_ + top.hidden_bias_) / temperature
    np.testing.assert_allclose(js(code, s=S), expit(up), rtol=0, atol=1e-4)
    means = js(f"dbn.topVisible(H[0], {temperature})", H=H)
    down = (H[0] @ top.weights_.T + top.visible_bias_) / temperature
    np.testing.assert_allclose(means["h2"], expit(down[:500]), rtol=0, atol=1e-4)
    label = np.exp(log_softmax(down[500:].astype(float)))
    np.testing.assert_allclose(means["label"], label, rtol=0, atol=1e-4)


def test_the_generator_is_uniform_and_repeats_itself(js):
    code = "[1, 2, 1].map((seed) => Float64Array.from({length: 20000}, generator(seed)))"
    first, second, again = np.array(js(code))
    assert (first == again).all()
    for draws in (first, second, np.abs(first - second)):
        assert ((draws >= 0) & (draws < 1)).all()
    counts = np.histogram(first, 20, (0, 1))[0]
    assert np.abs(counts - 1000).max() < 4.5 * np.sqrt(950)
    for one, other in [(first, second), (first[1:], first[:-1])]:
        assert abs(np.corrcoef(one, other)[0, 1]) < 4.5 / np.sqrt(20_000)


def test_states_are_drawn_with_their_probabilities(js):
    code = """(() => {
        const random = generator(5), p = Float32Array.of(0, 0.1, 0.5, 0.9, 1);
        const q = Float32Array.of(0.2, 0, 0.7, 0.1), sums = [p.map(() => 0), q.map(() => 0)];
        for (let n = 0; n < 10000; n++)
            for (const [k, s] of [draw(p, random), drawOne(q, random)].entries())
                s.forEach((x, i) => (sums[k][i] += x));
        return sums; })()"""
    for sums, p in zip(js(code), ([0, 0.1, 0.5, 0.9, 1], [0.2, 0, 0.7, 0.1])):
        p = np.array(p)
        assert (np.abs(np.array(sums) - 10_000 * p) <= 4.5 * np.sqrt(10_000 * p * (1 - p))).all()


N_STEPS, N_OF_JS, N_OF_PYTHON = 20, 50, 400


@pytest.mark.parametrize("clamped", [True, False])
def test_dreams_have_the_distribution_of_those_of_dbnlab(clamped, js, rounded):
    """Binary pixels with binary pixels: the ink, their free energy, what the network reads."""
    code = f"""Array.from({{length: {N_OF_JS}}}, (_, n) => {{
        const random = generator(n), clamped = {"n % 10" if clamped else "null"};
        let state = dbn.noise(random);
        for (let t = 0; t < {N_STEPS}; t++) state = dbn.step(state, random, {{clamped}});
        return draw(dbn.down(state.h2, random).at(-1), random); }})"""
    labels = np.arange(N_OF_PYTHON) % 10
    options = {"label": labels} if clamped else {}
    expected = rounded.sample(N_OF_PYTHON, n_gibbs=N_STEPS, random_state=0, **options)
    found = np.array(js(code))
    assert found.shape == (N_OF_JS, 784)
    read, first = [rounded.predict(V) for V in (found, expected)], rounded.rbms_[0]
    statistics = [(V.sum(axis=1), first.free_energy(V.astype("f4"))) for V in (found, expected)]
    pairs = list(zip(*statistics))
    if clamped:
        pairs.append([digit == labels[: len(digit)] for digit in read])
    else:
        pairs += [[digit == k for digit in read] for k in range(10)]
    for one, other in pairs:
        error = np.sqrt(np.var(other) * (1 / N_OF_JS + 1 / N_OF_PYTHON))
        assert abs(np.mean(one) - np.mean(other)) < 4 * error


def test_a_completion_keeps_what_is_known_and_paints_the_rest(js, mnist):
    code = """(() => {
        const random = generator(1), known = [...x[0]].map((p, i) => (i < 392 ? p : null));
        const first = {pixels: x[0].map((p, i) => (i < 392 ? p : 0)), label: oneHot(7, 10)};
        return dbn.complete(first, known, random); })()"""
    x = mnist.X_test[0]
    state = js(code, x=x)
    np.testing.assert_allclose(state["pixels"][:392], x[:392], atol=1e-7)
    assert 0 < np.min(state["pixels"][392:]) < 0.01
    assert np.max(state["pixels"][392:]) > 0.5
    assert set(state["h1"]) | set(state["h2"]) | set(state["h3"]) == {0, 1}


# Drawings -----------------------------------------------------------------------------------------


def test_an_enlarged_digit_is_brought_back_to_what_mnist_made_of_it(js, mnist):
    images = mnist.X_test[:40].reshape(-1, 28, 28)
    # Where the faint edge of a digit counts for its size, in MNIST and not here, sizes differ.
    inked = images > 0.1
    sides = [[np.ptp(np.flatnonzero(i.any(axis=k))) + 1 for k in (0, 1)] for i in inked]
    images = images[np.max(sides, axis=1) == 20]
    assert len(images) > 20
    large = np.pad(np.kron(images, np.ones((1, 5, 5))), [(0, 0), (20, 20), (20, 20)])
    for moved in ((0, 0), (13, -9)):
        drawn = np.roll(large, moved, axis=(1, 2)).reshape(len(large), -1)
        found = np.array(js("drawn.map((ink) => centred(ink, 180))", drawn=drawn))
        off = np.abs(found - images.reshape(-1, 784)).max(axis=1)
        # A centre of mass half way between two pixels may go either way.
        assert np.mean(off < 1e-5) > 0.95


def test_drawings_of_any_size_fill_the_box_of_20_pixels(js):
    ink = np.zeros((4, 100, 100))
    ink[0, 10:90, 20:35] = ink[0, 10:30, 35:45] = ink[1, 40:60, 30:80] = ink[2, 50:53, 50:53] = 1
    images = np.array(js("ink.map((i) => centred(i, 100))", ink=ink.reshape(4, -1)))
    tall, wide, dot = (np.argwhere(image.reshape(28, 28) > 0) for image in images[:3])
    assert np.ptp(tall, axis=0)[0] == np.ptp(wide, axis=0)[1] == 19
    assert images[0].sum() == pytest.approx(ink[0].sum() / 16, rel=1e-5)
    assert len(dot) == 9
    assert not images[3].any()


# The page -----------------------------------------------------------------------------------------


def test_the_page_is_one_file_that_fetches_nothing(build, tmp_path):
    page = build.build(tmp_path / "site" / "demo.html").read_text(encoding="utf-8")
    assert len(page) < 4e6
    assert "{{" not in page
    for sign in (' src="', '<link rel="stylesheet', "@import", "url(", "fetch(", "XMLHttp"):
        assert sign not in page, sign


def test_the_scripts_share_no_name_and_no_import_is_left(build):
    text = build.script(*build.SCRIPTS)
    with MiniRacer() as engine:
        # Compiles it, without a page to run it on: a name that is declared twice is an error.
        assert engine.eval(f"typeof new Function({json.dumps(text)})") == "function"
