"""The instrument of verification/performance: clocks, clean samples, ratios, cases by name."""

import time

import pytest

from verification.performance import (
    many_chains,
    minibatches,
    one_chain,
    solvers,
    storing,
    two_devices,
)
from verification.performance.claims import at_least, at_most, judged, ratio
from verification.performance.timing import Case, Sample, Spread, Timing, measured, summary


def timing(median, spread=0.0, clean=9):
    both = Spread(median, median * (1 - spread), median * (1 + spread))
    return Timing(both, both, 0.0, clean, 9)


TIMINGS = {"ours": timing(10.0, 0.1), "theirs": timing(70.0, 0.1)}


def test_a_ratio_is_that_of_medians_and_its_spread_that_of_opposite_quartiles():
    found = ratio(TIMINGS, "theirs", "ours", "processor")
    assert found.value == 7.0
    assert (found.lower, found.upper) == pytest.approx((63 / 11, 77 / 9))


@pytest.mark.parametrize(("measure", "met"), [
    (at_least("faster", "group", "theirs", "ours", 6.9), True),
    (at_least("faster", "group", "theirs", "ours", 7.1), False),
    (at_most("cost", "group", "theirs", "ours", 7.1), True),
    (at_most("cost", "group", "theirs", "ours", 6.9), False),
])  # fmt: skip
def test_a_measure_is_met_on_one_side_of_its_limit_only(measure, met):
    text, result, found = judged(measure, TIMINGS)
    assert found is met
    assert ("at least" in text) is measure.is_least
    assert f"limit {measure.limit:g}" in result


def test_results_of_a_busy_machine_say_so():
    measure = at_least("faster", "group", "theirs", "ours", 7)
    assert "busy" not in judged(measure, TIMINGS)[1]
    assert "busy" in judged(measure, {**TIMINGS, "ours": timing(10.0, clean=2)})[1]


def test_samples_that_others_disturbed_are_left_out_where_enough_are_clean():
    clean, disturbed = Sample(1.0, 1.0, 0.0, 1.0), Sample(2.0, 4.0, 3000.0, 3000.0)
    assert clean.is_clean
    assert not disturbed.is_clean
    found = summary([clean] * 3 + [disturbed] * 4, work=1e9)
    assert (found.processor.median, found.wall.median, found.clean) == (1.0, 1.0, 3)
    # Twin: with too few clean ones all of them count, and the timing is marked.
    found = summary([clean] * 2 + [disturbed] * 4, work=1e9)
    assert (found.wall.median, found.is_clean) == (4.0, False)


def test_waiting_counts_on_the_wall_clock_only():
    found = measured([Case("waits", lambda: time.sleep(0.02), work=1)], 3, 0.02)["waits"]
    assert found.wall.median >= 0.02e9
    assert found.processor.median < 0.01e9


@pytest.mark.parametrize(("groups", "measures"), [
    (lambda: {one_chain.GROUP: one_chain.cases(quick=True)[0]},
     lambda: one_chain.measures([case.name for case in one_chain.cases(quick=True)[0]])),
    (lambda: {minibatches.GROUP: minibatches.cases(quick=True)}, minibatches.measures),
    (lambda: {solvers.GROUP: solvers.cases(quick=True)}, solvers.measures),
    (lambda: {storing.GROUP: storing.cases(quick=True)[0]}, storing.measures),
    (lambda: {two_devices.GROUP: two_devices.cases(1)}, two_devices.measures),
    (lambda: {many_chains.group(1_000, 10): many_chains.cases(1_000, 10, 1, quick=True)},
     lambda: many_chains.measures({many_chains.group(1_000, 10): [
         case.name for case in many_chains.cases(1_000, 10, 1, quick=True)]})),
])  # fmt: skip
def test_measures_name_cases_that_there_are(groups, measures):
    there = {group: [case.name for case in cases] for group, cases in groups().items()}
    assert measures()
    for measure in measures():
        assert {measure.over, measure.under} <= set(there[measure.group])
    for names in there.values():
        assert len(set(names)) == len(names)
