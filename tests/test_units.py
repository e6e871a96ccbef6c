import json

import numpy as np
import pytest
from models import VISIBLE, points
from scipy.special import logsumexp

from dbnlab import units
from dbnlab.parameters import unit_as_json, unit_from_json
from dbnlab.units import Bernoulli, Gaussian, Joint, Softmax

ALL = pytest.mark.parametrize("unit", VISIBLE.values(), ids=VISIBLE)
DISCRETE = {name: unit for name, unit in VISIBLE.items() if "gaussian" not in name}
COUNTED = pytest.mark.parametrize("unit", DISCRETE.values(), ids=DISCRETE)


@ALL
def test_mean_is_the_gradient_of_the_log_partition(unit, rng):
    x = rng.standard_normal((5, unit.n_units))
    for column in range(unit.n_units):
        step = 1e-5 * np.eye(unit.n_units)[column]
        slope = (unit.log_partition(x + step) - unit.log_partition(x - step)) / 2e-5
        np.testing.assert_allclose(unit.mean(x)[:, column], slope, atol=1e-9)


@ALL
def test_log_partition_is_the_log_of_the_sum_over_states(unit, rng):
    x = rng.standard_normal((5, unit.n_units))
    S, measure = points(unit)
    np.testing.assert_allclose(
        unit.log_partition(x), logsumexp(x @ S.T + measure, axis=1), rtol=1e-10
    )


@ALL
def test_log_base_measure_is_that_of_the_states(unit):
    S, measure = points(unit)
    np.testing.assert_allclose(unit.log_base_measure(S), measure - measure.max())


@ALL
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_samples_average_to_the_mean(unit, dtype, rng):
    x = np.repeat(1.5 * rng.standard_normal((2, unit.n_units)), 40_000, axis=0).astype(dtype)
    draws = unit.sample(x, rng).reshape(2, 40_000, -1)
    error = draws.std(axis=1) / 200 + 1e-3
    assert (np.abs(draws.mean(axis=1) - unit.mean(x[::40_000])) < 4.5 * error).all()


class Constant:
    """A generator whose uniform numbers are all the same."""

    def __init__(self, number):
        self.number = number

    def random(self, shape, dtype):
        return np.full(shape, self.number, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_impossible_is_not_drawn_whatever_the_random_number(dtype):
    rounding = np.finfo(dtype).eps
    lowest, highest = 0, 1 - rounding / 2
    for number in (lowest, highest):
        never_and_always = np.array([[0, 1]], dtype)
        draws = Bernoulli(2).draw(never_and_always, Constant(number))
        np.testing.assert_array_equal(draws, [[0, 1]])
    unit = Softmax((3, 3))
    # Rounding may leave the sum of a block below the highest random number.
    p = np.array([[0, 0.5, 0.5, 0.5, 0.25, 0.25 - rounding]], dtype)
    for number, expected in (lowest, [0, 1, 0, 1, 0, 0]), (highest, [0, 0, 1, 0, 0, 1]):
        np.testing.assert_array_equal(unit.draw(p, Constant(number)), [expected])


def test_gaussian_samples_have_unit_variance(rng):
    draws = Gaussian(3).sample(np.full((50_000, 3), 2.0), rng)
    np.testing.assert_allclose(np.cov(draws.T), np.eye(3), atol=0.03)


def test_gaussian_samples_have_the_variance_of_each_unit(rng):
    unit = Gaussian(3, (0.25, 1.0, 9.0))
    draws = unit.sample(np.full((50_000, 3), 2.0), rng)
    deviation = np.sqrt(unit.variance)
    np.testing.assert_allclose(np.cov((draws / deviation).T), np.eye(3), atol=0.03)


def test_one_variance_for_all_units_is_that_of_each():
    assert Gaussian(2, 4) == Gaussian(2, (4.0, 4.0)) != Gaussian(2, (4.0, 5.0))
    assert Gaussian(2) == Gaussian(2, np.ones(2))
    assert len({Gaussian(2), Gaussian(2, [1, 1]), Gaussian(2, np.array([1.0, 2.0]))}) == 2
    x = np.array([[0.5, -1.0]])
    np.testing.assert_array_equal(Gaussian(2, 4).mean(x), Gaussian(2, (4, 4)).mean(x))


@pytest.mark.parametrize(
    "variance", [0, -1.0, np.nan, np.inf, (1.0, 0.0), (1.0,), (1.0, 1.0, 1.0), [[1.0, 1.0]]]
)
def test_a_variance_that_no_unit_can_have_is_refused(variance):
    with pytest.raises(ValueError, match="variance must be"):
        Gaussian(2, variance)


@pytest.mark.parametrize("variance", ["wide", None, (1.0, None)])
def test_a_variance_that_is_no_number_is_refused(variance):
    with pytest.raises((TypeError, ValueError), match=r"variance must be|float"):
        Gaussian(2, variance)


def test_other_variances_reach_the_gaussian_units_of_a_joint_layer_alone():
    unit = Joint(Bernoulli(2), Joint(Gaussian(1), Softmax(2)), Gaussian(2))
    np.testing.assert_array_equal(unit.variances(), [np.nan, np.nan, 1, np.nan, np.nan, 1, 1])
    other = unit.with_variances(np.arange(1.0, 8.0))
    expected = Joint(Bernoulli(2), Joint(Gaussian(1, 3), Softmax(2)), Gaussian(2, (6, 7)))
    assert other == expected


@COUNTED
def test_samples_are_states(unit, rng):
    draws = unit.sample(rng.standard_normal((500, unit.n_units)), rng)
    assert {tuple(row) for row in draws} <= {tuple(row) for row in points(unit)[0]}


@COUNTED
def test_samples_follow_the_softmax_of_their_energies(unit, rng):
    x = rng.standard_normal(unit.n_units)
    S = points(unit)[0]
    draws = unit.sample(np.tile(x, (50_000, 1)), rng)
    frequency = (draws[:, None] == S).all(axis=2).mean(axis=0)
    p = np.exp(S @ x - logsumexp(S @ x))
    assert (np.abs(frequency - p) < 4.5 * np.sqrt(p / 50_000)).all()


@ALL
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_and_shape_of_the_field_are_kept_and_the_field_is_not_changed(unit, dtype, rng):
    x = rng.standard_normal((3, unit.n_units)).astype(dtype)
    before = x.copy()
    for result in (unit.mean(x), unit.sample(x, rng)):
        assert (result.shape, result.dtype) == (x.shape, x.dtype)
        assert not np.shares_memory(result, x)
    for result in (unit.log_partition(x), unit.log_base_measure(unit.sample(x, rng))):
        assert (result.shape, result.dtype) == ((3,), x.dtype)
    np.testing.assert_array_equal(x, before)


@ALL
def test_every_row_draws_its_own_random_numbers(unit, rng):
    wide = Joint(*[unit] * 20)
    draws = wide.sample(np.zeros((200, wide.n_units)), rng)
    assert len(np.unique(draws, axis=0)) == 200


@COUNTED
def test_states_lists_every_state_once(unit):
    listed = unit.states(np.arange(unit.n_states()))
    expected = {tuple(row) for row in points(unit)[0]}
    assert len(listed) == len(expected)
    assert {tuple(row) for row in listed} == expected


@COUNTED
def test_states_can_be_listed_in_pieces(unit):
    whole = unit.states(np.arange(unit.n_states()))
    np.testing.assert_array_equal(unit.states(np.array([2, 0])), whole[[2, 0]])


def test_states_of_gaussian_units_cannot_be_counted():
    assert Gaussian(2).n_states() is None
    assert VISIBLE["joint_gaussian"].n_states() is None


def test_the_number_of_states_does_not_overflow():
    assert Bernoulli(784).n_states() == 2**784
    assert Joint(Bernoulli(784), Softmax((10,) * 30)).n_states() == 2**784 * 10**30


def test_joint_equals_its_parts():
    parts = [Gaussian(2), Softmax((3, 2)), Bernoulli(4)]
    joint = Joint(*parts)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((6, 11))
    pieces = [x[:, :2], x[:, 2:7], x[:, 7:]]
    each = list(zip(parts, pieces))
    assert joint.n_units == 11
    np.testing.assert_array_equal(joint.mean(x), np.hstack([u.mean(p) for u, p in each]))
    np.testing.assert_allclose(joint.log_partition(x), sum(u.log_partition(p) for u, p in each))
    np.testing.assert_allclose(
        joint.log_base_measure(x), sum(u.log_base_measure(p) for u, p in each)
    )
    draws = joint.sample(x, np.random.default_rng(2))
    again = np.random.default_rng(2)
    np.testing.assert_array_equal(draws, np.hstack([u.sample(p, again) for u, p in each]))


@ALL
def test_bias_from_mean_reproduces_the_mean_of_the_data(unit, rng):
    V = unit.sample(rng.standard_normal((400, unit.n_units)), rng)
    bias = unit.bias_from_mean(V.mean(axis=0), len(V))
    np.testing.assert_allclose(unit.mean(bias[None])[0], V.mean(axis=0), atol=1e-12)


@ALL
def test_bias_from_mean_is_finite_and_nearly_right_on_constant_columns(unit, rng):
    V = np.repeat(unit.sample(rng.standard_normal((1, unit.n_units)), rng), 50, axis=0)
    bias = unit.bias_from_mean(V.mean(axis=0), len(V))
    assert np.isfinite(bias).all()
    np.testing.assert_allclose(unit.mean(bias[None])[0], V[0], atol=0.03)


def test_bernoulli_bias_is_the_log_odds():
    V = np.array([[0, 1, 1], [0, 1, 0], [0, 1, 0], [0, 1, 0]])
    np.testing.assert_allclose(
        Bernoulli(3).bias_from_mean(V.mean(axis=0), len(V)), [-np.log(7), np.log(7), -np.log(3)]
    )


@ALL
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.filterwarnings("error")
def test_extreme_fields_neither_overflow_nor_give_nan(unit, dtype, rng):
    signs = rng.choice([-1, 1], size=(20, unit.n_units))
    x = (1e4 * signs).astype(dtype)
    for values in (unit.mean(x), unit.log_partition(x), unit.sample(x, rng)):
        assert np.isfinite(values).all()


def test_bernoulli_mean_is_exact_at_both_ends():
    np.testing.assert_array_equal(Bernoulli(2).mean(np.array([[-1e4, 1e4]])), [[0, 1]])


def test_softmax_does_not_change_when_a_constant_is_added(rng):
    x = rng.standard_normal((4, 5))
    unit = VISIBLE["softmax"]
    np.testing.assert_allclose(unit.mean(x + 1e4), unit.mean(x), atol=1e-11)
    np.testing.assert_allclose(unit.log_partition(x + 1e4) - 2e4, unit.log_partition(x), atol=1e-9)


@ALL
def test_a_unit_survives_its_json_description(unit):
    assert unit_from_json(json.loads(json.dumps(unit_as_json(unit)))) == unit


def test_nested_joints_survive_their_json_description():
    unit = Joint(Joint(Bernoulli(2), Softmax(3)), Gaussian(1))
    assert unit_from_json(json.loads(json.dumps(unit_as_json(unit)))) == unit


@ALL
def test_check_takes_states_and_means(unit, rng):
    x = rng.standard_normal((10, unit.n_units))
    unit.check(unit.sample(x, rng))
    unit.check(unit.mean(x))


@pytest.mark.parametrize(
    ("unit", "row", "message"),
    [
        (Bernoulli(2), [0, 1.5], r"Values above 1.*\[0, 1\], found 1.5 in row 1, column 1"),
        (Bernoulli(2), [-0.5, 1], r"Negative values.*\[0, 1\], found -0.5 in row 1, column 0"),
        (Softmax(2), [1, 1], "block 0 must sum to 1 .* sums to 2 in row 1"),
        (Softmax((2, 2)), [1, 0, 0, 0], "block 1 must sum to 1 .* sums to 0 in row 1"),
        (Softmax(2), [0.5, 0.49], "block 0 must sum to 1 .* sums to 0.99 in row 1"),
        (Softmax(2), [2, -1], r"Negative values.*\[0, 1\]"),
        (Joint(Gaussian(1), Softmax(2)), [7, 1, 1], "block 0 must sum to 1"),
    ],
)
def test_check_names_the_first_wrong_value(unit, row, message):
    good = unit.sample(np.zeros((1, unit.n_units)), np.random.default_rng(0))[0]
    with pytest.raises(ValueError, match=message):
        unit.check(np.array([good, row]))


@COUNTED
def test_rows_that_need_no_cut_are_checked_without_a_copy(unit):
    V = points(unit)[0]
    assert unit.check(V) is V


def test_a_softmax_block_may_miss_one_by_the_rounding_of_half_precision():
    Softmax(3).check(np.full((1, 3), 1 / 3).astype(np.float16))


@pytest.mark.parametrize("sizes", [[4, 3], (4, 3), np.array([4, 3])])
def test_sizes_of_softmax_blocks_may_be_any_sequence(sizes):
    assert Softmax(sizes) == Softmax((4, 3))


def test_one_size_is_that_of_one_softmax_block():
    assert Softmax(4) == Softmax(np.int64(4)) == Softmax((4,))


@pytest.mark.parametrize("sizes", [1, 0, (3, 1), (), -2])
def test_softmax_blocks_need_two_units(sizes):
    with pytest.raises(ValueError, match=r"at least (2|one block)"):
        Softmax(sizes)


@pytest.mark.parametrize("parts", [(), (3,), ("bernoulli",), ([Bernoulli(2)],)])
def test_joint_takes_only_units(parts):
    with pytest.raises(TypeError, match="Joint takes one or more units"):
        Joint(*parts)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("log_partition", (np.zeros((1, 2)),)),
        ("mean", (np.zeros((1, 2)),)),
        ("draw", (np.zeros((1, 2)), np.random.default_rng(0))),
        ("bias_from_mean", (np.zeros(2), 1)),
    ],
)
def test_what_a_unit_type_does_not_define_is_an_error_and_not_none(method, arguments):
    with pytest.raises(NotImplementedError):
        getattr(units.Unit(), method)(*arguments)


def test_resolve_knows_names_and_units():
    assert units.resolve("bernoulli", 3, "visible") == Bernoulli(3)
    assert units.resolve("gaussian", 3, "visible") == Gaussian(3)
    assert units.resolve(Softmax(3), 3, "visible") == Softmax(3)


@pytest.mark.parametrize(
    ("unit", "error", "message"),
    [
        ("poisson", ValueError, "visible must be 'bernoulli', 'gaussian' or a Unit, got 'poisson'"),
        (Softmax(4), ValueError, "has 4 units, but the data have 3 columns"),
        (Bernoulli, TypeError, "visible must be"),
        (None, TypeError, "visible must be"),
    ],
)
def test_resolve_refuses_what_is_no_unit(unit, error, message):
    with pytest.raises(error, match=message):
        units.resolve(unit, 3, "visible")


@pytest.mark.parametrize("make", [Bernoulli, Gaussian, Softmax])
@pytest.mark.parametrize("size", [2.5, "3", True])
def test_a_size_is_an_integer(make, size):
    with pytest.raises(TypeError, match="must be an integer"):
        make((size,) if make is Softmax else size)
