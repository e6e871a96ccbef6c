"""Parallel tempering, held against distributions summed over all states."""

import copy

import numpy as np
import pytest
from models import COUNTABLE, Enumerated, random_rbm
from scipy.stats import chi2, norm
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from dbnlab import RBM, likelihood, tempering

BETAS = (0, 0.4, 0.8, 1)


def two_modes(n_visible=16, n_hidden=12, strength=1.0):
    """All units off or all on, by symmetry with the same probability; hardly anything between."""
    weights = np.full((n_visible, n_hidden), strength)
    return RBM.from_arrays(weights, -weights.sum(axis=1) / 2, -weights.sum(axis=0) / 2)


def as_rbm(machine):
    arrays = machine.weights, machine.visible_bias, machine.hidden_bias
    return RBM.from_arrays(*arrays, visible=machine.visible)


def drawn(tables, n_chains, rng):
    """Independent draws from each of the distributions, one rung after the other."""
    rows = [rng.choice(len(table.V), size=n_chains, p=table.p_visible) for table in tables]
    return np.stack([table.V[numbers] for table, numbers in zip(tables, rows)])


def numbers_of(V, states):
    return (V[..., None, :] == states).all(axis=-1).argmax(axis=-1)


# The sampler -------------------------------------------------------------------------------------


@pytest.mark.parametrize("visible", ["bernoulli", "softmax", "joint"])
def test_states_that_start_in_the_distribution_of_each_rung_stay_in_it(visible):
    machines = tempering.rungs(random_rbm(visible), BETAS)
    tables = [Enumerated(as_rbm(machine)) for machine in machines]
    rng = np.random.default_rng(0)
    ladder = tempering.Ladder(machines, drawn(tables, 4000, rng))
    for _ in range(4):
        ladder.sweep(rng)
    assert (ladder.accepted > 1000).all()
    for V, table in zip(ladder.V, tables):
        counts = np.bincount(numbers_of(V, table.V), minlength=len(table.V))
        expected = 4000 * table.p_visible
        statistic = ((counts - expected) ** 2 / expected).sum()
        assert chi2.sf(statistic, len(counts) - 1) > 1e-3


def test_exchanges_are_as_frequent_as_their_reversals():
    machines = tempering.rungs(random_rbm(), (0, 1))
    tables = [Enumerated(as_rbm(machine)) for machine in machines]
    rng = np.random.default_rng(1)
    start = drawn(tables, 200_000, rng)
    ladder = tempering.Ladder(machines, start.copy())
    ladder.exchange(0, rng)
    n, (v, other) = len(tables[0].V), numbers_of(start, tables[0].V)
    exchanged = (ladder.V[0] == start[1]).all(axis=1) & (v != other)
    flow = np.bincount((v * n + other)[exchanged], minlength=n * n).reshape(n, n)
    above = np.triu_indices(n, 1)
    there, back = flow[above], flow.T[above]
    frequent = there + back > 20
    statistic = ((there - back) ** 2 / np.maximum(1, there + back))[frequent].sum()
    assert frequent.sum() > 50
    assert chi2.sf(statistic, frequent.sum()) > 1e-3
    # Some are refused, or there would be nothing to balance.
    assert ladder.acceptance[0] < 0.9


def test_tempering_crosses_between_modes_that_gibbs_sampling_never_leaves():
    rbm, off = two_modes(), np.zeros((40, 16))
    assert rbm.gibbs(off, 2000, random_state=0).mean(axis=1).max() < 0.5
    machines = tempering.rungs(rbm, X=np.repeat([[0], [1]], 16, axis=1))
    ladder = tempering.run(machines, 40, 300, init=off, random_state=0)
    on = ladder.V[-1].mean(axis=1) > 0.5
    assert 0.25 < on.mean() < 0.75
    assert ladder.round_trips > 100
    found = tempering.log_partition(ladder)
    assert found.high - found.low < 0.3
    assert found.low < likelihood.log_partition(rbm, "exact").value < found.high


def test_among_equal_rungs_every_exchange_is_made_and_round_trips_can_be_counted_by_hand():
    machines = tempering.rungs(random_rbm(), (1, 1, 1))
    ladder = tempering.run(machines, n_chains=5, n_sweeps=4, random_state=0)
    np.testing.assert_array_equal(ladder.acceptance, 1)
    # Pair 0 exchanges in even sweeps, pair 1 in odd ones, so a state goes round in six. The first
    # from the top is back in sweep 5, the others, at the top in sweeps 1 and 3, in 7 and 9.
    for n_sweeps, trips in {5: 0, 6: 1, 7: 1, 8: 2, 10: 3, 12: 4}.items():
        ladder = tempering.run(machines, n_chains=5, n_sweeps=n_sweeps, random_state=0)
        assert ladder.round_trips == 5 * trips


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    machines = tempering.rungs(random_rbm(), 4)
    first, again, other = (tempering.run(machines, 10, 20, random_state=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(first.V, again.V)
    assert tempering.log_partition(first) == tempering.log_partition(again)
    assert (first.V != other.V).any()


# Its estimate of log Z ---------------------------------------------------------------------------


def models(n_seeds):
    for visible, hidden in COUNTABLE:
        for seed in range(n_seeds):
            rbm = random_rbm(visible, hidden, seed)
            rbm.weights_ *= 1.5
            table = Enumerated(rbm)
            X = table.V[table.likely_rows(100, np.random.default_rng(seed))]
            yield rbm, tempering.rungs(rbm, 4, X=X)


def test_intervals_of_log_z_cover_the_truth_as_often_as_they_claim():
    covered = []
    for seed, (rbm, machines) in enumerate(models(5)):
        found = tempering.log_partition(tempering.run(machines, 12, 60, random_state=seed))
        covered.append(found.low <= likelihood.log_partition(rbm, "exact").value <= found.high)
    assert len(covered) == 45
    # Of 45 intervals that cover with probability 0.95, one time in 300 fewer than 38 do.
    assert sum(covered) >= 38


def test_the_rungs_may_come_from_the_course_of_training():
    rng = np.random.default_rng(0)
    covered = []
    for seed in range(40):
        X = rng.random((200, 8)) < rng.choice([0.1, 0.9], size=(200, 1))
        rbm = RBM(5, algorithm="pcd", learning_rate=0.1, batch_size=20, random_state=seed)
        machines = []
        for _ in range(4):
            rbm.partial_fit(X)
            machines.append(copy.deepcopy(rbm.machine_))
        ladder = tempering.run([likelihood.base_machine(rbm), *machines], 12, 80, random_state=seed)
        found = tempering.log_partition(ladder)
        covered.append(found.low <= likelihood.log_partition(rbm, "exact").value <= found.high)
    # Of 40 intervals that cover with probability 0.95, one time in 300 fewer than 34 do.
    assert sum(covered) >= 34


def test_bennetts_ratio_of_gaussian_works_is_what_their_means_say():
    # Works of mean s²/2 - r forwards and s²/2 + r backwards, of variance s², belong to log ratio r.
    u = norm.ppf((np.arange(1000) + 0.5) / 1000).reshape(100, 10)
    for ratio, s in ((3.0, 0.5), (-40.0, 2.0)):
        found, moved = tempering.bennett(s**2 / 2 - ratio + s * u, s**2 / 2 + ratio + s * u)
        assert found == pytest.approx(ratio, abs=1e-6)
        assert moved.shape == (10,)
        assert moved.mean() == pytest.approx(0, abs=1e-6)
    assert tempering.bennett(np.full((3, 2), -7.0), np.full((3, 2), 7.0))[0] == 7


def test_without_round_trips_the_estimate_warns_and_counts_them():
    ladder = tempering.run(tempering.rungs(random_rbm(), 5), 3, 4, random_state=0)
    with pytest.warns(ConvergenceWarning, match="0 states have made the round trip") as caught:
        found = tempering.log_partition(ladder)
    assert caught[0].filename == __file__
    assert found.effective_sample_size == 0


def test_a_ladder_needs_two_rungs_of_one_width_and_a_known_z_at_the_bottom():
    machines = tempering.rungs(random_rbm(), 3)
    with pytest.raises(ValueError, match="two or more"):
        tempering.run(machines[:1])
    with pytest.raises(ValueError, match="the same number of visible units"):
        tempering.run([machines[0], random_rbm("softmax").machine_])
    with pytest.raises(ValueError, match="lowest machine has no weights"):
        tempering.log_partition(tempering.run(machines[1:], 2, 2))


@pytest.mark.parametrize("betas", [[0, 0.25, 0.5], [0, 2, 1], [0, np.nan, 1], [-1, 1], []])
def test_rungs_rise_to_the_model(betas):
    with pytest.raises(ValueError, match="betas must"):
        tempering.rungs(RBM(3).fit(np.eye(4)), betas)


def test_rungs_lead_to_a_fitted_machine_and_columns_start_at_one_state_each():
    with pytest.raises(NotFittedError):
        tempering.rungs(RBM())
    machines = tempering.rungs(RBM(3).fit(np.eye(4)), 3)
    with pytest.raises(ValueError, match=r"init must have shape \(5, 4\), got \(7, 4\)"):
        tempering.run(machines, 5, 2, init=np.zeros((7, 4)))
