"""The checks of lesson 17: what is wrong with an answer, or None."""

from copy import deepcopy
from functools import cache
from itertools import product

import numpy as np
from scipy import ndimage
from scipy.special import expit

from dbnlab import DBN, datasets
from dbnlab.course.exercises import fault_of

# Exercise 1


def moved(images, rule=lambda centre: np.ceil(13.5 - centre), order=0, wrap=False):
    """Each image moved by a rule from its centre of mass."""
    mode = "grid-wrap" if wrap else "constant"
    centres = [np.array(ndimage.center_of_mass(image)) for image in images]
    pairs = zip(images, centres)
    return np.array([ndimage.shift(i, rule(c), order=order, mode=mode) for i, c in pairs])


def exercise_1(into_the_middle):
    mnist = datasets.load_mnist()
    digits = mnist.X_test[:20].reshape(-1, 28, 28)
    # Far to the left and to the bottom, so that something leaves the image on the way.
    far = ndimage.shift(digits[:9], (0, 5, -6), order=0)
    far[:, 27, 20:] = 0.5
    before = far.copy()
    for name, images in [("digits off the middle", far), ("test images", digits[9:])]:
        found = into_the_middle(images)
        if np.shape(found) == images.shape and np.allclose(found, moved(images), rtol=0, atol=1e-6):
            continue
        mistakes = {
            "what leaves on one side comes back on the other": moved(images, wrap=True),
            "moved to the middle of pixels 13 and 14": moved(
                images, lambda centre: np.round(13.5 - centre)
            ),
            "moved by fractions of a pixel": moved(images, lambda centre: 14 - centre, order=1),
            "moved the other way": moved(images, lambda centre: -np.ceil(13.5 - centre)),
            "rows and columns are exchanged": moved(
                images, lambda centre: np.ceil(13.5 - centre[::-1])
            ),
        }
        return fault_of(f"into_the_middle of {name}", found, moved(images), mistakes=mistakes)
    return fault_of("the images handed over, which must stay as they were,", far, before)


# Exercise 2


def needed(rho, n_samples, weight=lambda k, n: 1 - k / n, twice=2):
    n = 1
    while True:
        k = np.arange(1, n)
        if n / (1 + twice * sum(weight(k, n) * np.array([rho(int(i)) for i in k]))) >= n_samples:
            return n
        n += 1


def exercise_2(pictures_needed):
    def slow(k):
        return 0.9**k

    # Of arrays as well as of numbers.
    def two_parts(k):
        return 0.4 * 0.95**k + 0.6 * (k == 0)

    def turning(k):
        return (-0.3) ** k

    for name, rho, n_samples in [
        ("0.9^k", slow, 4),
        ("0.9^k", slow, 1),
        ("1, then 0.4 · 0.95^k", two_parts, 6),
        ("(-0.3)^k", turning, 5),
        ("0, as of independent pictures,", lambda k: 1.0 * (k == 0), 7),
    ]:
        mistakes = {
            "the factor 2 is missing": needed(rho, n_samples, twice=1),
            "the factor 1 - k/n is missing": needed(
                rho, n_samples, weight=lambda k, n: 1.0 + 0 * k
            ),
            "one too few": needed(rho, n_samples) - 1,
        }
        fault = fault_of(
            f"pictures_needed for {n_samples} samples where rho is {name}",
            pictures_needed(rho, n_samples),
            needed(rho, n_samples),
            mistakes=mistakes,
        )
        if fault:
            return fault
    return None


# Exercise 3

N_DRAWS = 40_000


def exact(v, W, b, c, T, hidden_T=None):
    """Probability of each visible state after one step from v."""
    V, H = (np.array(list(product([0, 1], repeat=n))) for n in W.shape)
    p = expit((c + v @ W) / (hidden_T or T))
    p_h = np.where(H == 1, p, 1 - p).prod(axis=1)
    q = expit((b + H @ W.T) / T)
    return p_h @ np.where(V == 1, q[:, None], 1 - q[:, None]).prod(axis=2)


def exercise_3(gibbs_step):
    rng = np.random.default_rng(17)
    for (n_visible, n_hidden), T in [((3, 4), 2.0), ((4, 2), 0.5), ((2, 3), 1.0)]:
        W = rng.normal(0, 2, (n_visible, n_hidden))
        b, c = rng.normal(0, 1, n_visible), rng.normal(0, 1, n_hidden)
        v = (rng.random(n_visible) < 0.5).astype(float)
        V = np.tile(v, (N_DRAWS, 1))
        before = [part.copy() for part in (W, b, c)]
        found = gibbs_step(V, W, b, c, T, rng)
        name = f"gibbs_step at T = {T:g}"
        if not all(map(np.array_equal, before, (W, b, c))):
            return f"{name} writes into W, b or c, which must stay as they were"
        if np.shape(found) != V.shape:
            return fault_of(name, found, V)
        found = np.asarray(found, dtype=float)
        if not np.isin(found, (0, 1)).all():
            return f"{name} returns means: states are 0 or 1"
        if not np.array_equal(V, np.tile(v, (N_DRAWS, 1))):
            return f"{name} writes into the rows of V, which must stay as they were"
        number = (found @ 2.0 ** np.arange(n_visible)[::-1]).astype(int)
        share = np.bincount(number, minlength=2**n_visible) / N_DRAWS
        p = exact(v, W, b, c, T)
        # Five standard errors; a right answer fails once in a hundred thousand times.
        if (np.abs(share - p) < 5 * np.sqrt(p * (1 - p) / N_DRAWS) + 1e-9).all():
            continue
        for sentence, wrong in {
            "the temperature is ignored": exact(v, W, b, c, 1.0),
            "the temperature multiplies, and must divide": exact(v, W, b, c, 1 / T),
            "the hidden units have no temperature": exact(v, W, b, c, T, hidden_T=1.0),
            "the biases have no temperature": exact(v, W, b * T, c * T, T),
            "the biases are missing": exact(v, W, 0 * b, 0 * c, T),
        }.items():
            if np.abs(share - wrong).max() < 0.02:
                return f"{name}: {sentence}"
        worst = np.abs(share - p).argmax()
        return (
            f"{name}: a visible state comes up in {share[worst]:.1%} of the draws, "
            f"and its probability is {p[worst]:.1%}"
        )
    return None


# Exercise 4


@cache
def networks():
    """That of the lesson, and one whose labels weigh more and drift to 0 unless they are held."""
    full = DBN.load(datasets.path("mnist_dbn.npz"))
    strong = deepcopy(full)
    strong.rbms_[-1].weights_[-10:] *= 4
    strong.rbms_[-1].visible_bias_[-10] += 100
    return full, strong


def exercise_4(complete_as):
    mnist, (full, strong) = datasets.load_mnist(), networks()
    images, labels = mnist.X_test[1000:1100], mnist.y_test[1000:1100]
    erased = np.arange(784) % 28 >= 14
    # What is erased is not there to be looked at.
    given = np.where(erased, np.float32(0), images)
    # Own labels, 15 rounds, ten seeds: 0.83 to 0.90 are read right with the network of the
    # lesson, 0.96 to 0.99 with the strong one; 0.66 where the half stays black.
    of_first = None
    for name, dbn, least in [
        ("the network", full, 0.75),
        ("a network of strong labels", strong, 0.9),
    ]:
        found = complete_as(dbn, given.copy(), erased, labels, 15, np.random.default_rng(4))
        if np.shape(found) != given.shape:
            return fault_of("complete_as", found, given)
        found = np.asarray(found, dtype="float32")
        if not (np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1):
            return "complete_as must return grey values in [0, 1]"
        if not np.allclose(found[:, ~erased], given[:, ~erased], atol=1e-6):
            return "the half that is known must be in the result as it was"
        again = complete_as(dbn, given.copy(), erased, labels, 15, np.random.default_rng(5))
        if np.allclose(found, again, atol=1e-3):
            return "another generator must give another completion: draw states on the way"
        if of_first is not None and np.array_equal(found, of_first):
            return "two networks give the same: does it use dbn throughout, or that of the page?"
        of_first = found
        right = (full.predict(found) == labels).mean()
        if right < least:
            found = (
                f"of digits completed by {name}, their own labels held, {right:.0%} are read right"
            )
            return f"{found}: are labels held in every step, and the known half put back?"
    other = complete_as(full, given.copy(), erased, (labels + 3) % 10, 15, np.random.default_rng(4))
    own = complete_as(full, given.copy(), erased, labels, 15, np.random.default_rng(4))
    if np.array_equal(other, own):
        return "the labels held make no difference"
    short = complete_as(full, given.copy(), erased, labels, 1, np.random.default_rng(4))
    if np.array_equal(short, own):
        return "one round gives the same as fifteen: n_rounds is to be used"
    lower = np.arange(784) // 28 >= 14
    given = np.where(lower, np.float32(0), images)
    found = np.asarray(complete_as(full, given.copy(), lower, labels, 1, np.random.default_rng(4)))
    if not np.allclose(found[:, ~lower], given[:, ~lower], atol=1e-6) or not found[:, lower].any():
        return "where another half is erased, that one is to be completed"
    return None
