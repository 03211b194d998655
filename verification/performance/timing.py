"""How cases are timed beside each other: in rounds taken in turns, on two clocks, with the load.

Each sample holds the processor time of this process, the wall time, and how many cores other
processes kept busy meanwhile. A sample is clean when others used less than `QUIET` of a core, or
when a core was left over; the median and quartiles are those of the clean samples. Without enough
clean ones they are those of all samples, and the case is marked.

Not for what is timed, nor for judging (`claims`).
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

#: Cores that other processes may use during a clean sample.
QUIET = 0.1
#: A sample is clean as well if this much of a core was left to nobody.
LEFT_OVER = 0.1
#: Clean samples without which a median says little.
FEWEST = 3
#: Most calls that make one sample.
MOST_CALLS = 1000
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Case:
    """Something to time.

    Args:
        name: For the table, unique in its group.
        run: Does the work once and waits for it.
        work: Units of work of one call.
        once: Whether a sample is one call, because each takes long.
    """

    name: str
    run: Callable[[], object]
    work: float
    once: bool = False


@dataclass(frozen=True)
class Spread:
    """Median and quartiles, nanoseconds per unit of work."""

    median: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Timing:
    """What the samples of one case say.

    Args:
        processor: Time of the process over all its threads.
        wall: Time that passed.
        foreign: Median of the cores that others used.
        clean: Number of clean samples.
        samples: Number of samples.
    """

    processor: Spread
    wall: Spread
    foreign: float
    clean: int
    samples: int

    @property
    def is_clean(self) -> bool:
        """Whether there were enough clean samples to leave the others out."""
        return self.clean >= FEWEST

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def of_plain(facts: dict[str, Any]) -> Timing:
    """The timing that another process wrote as JSON."""
    spreads = {clock: Spread(**facts[clock]) for clock in ("processor", "wall")}
    return Timing(**{**facts, **spreads})


def busy_seconds() -> float:
    """Seconds that all cores together were busy since the machine started."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(count) for count in file.readline().split()[1:9]]
    # The fourth and fifth are idle time, of which the fifth waits for the disk (proc_stat(5)).
    return (sum(ticks) - ticks[3] - ticks[4]) / TICKS


@dataclass(frozen=True)
class Sample:
    """One sample: seconds per call on both clocks, cores of others, cores of all."""

    processor: float
    wall: float
    foreign: float
    total: float

    @property
    def is_clean(self) -> bool:
        """Whether nobody can have been kept waiting."""
        return self.foreign < QUIET or self.total < (os.cpu_count() or 1) - LEFT_OVER


def sample(run: Callable[[], object], calls: int) -> Sample:
    """Time some calls together; children that ended meanwhile count as this process."""
    busy, own = busy_seconds(), sum(os.times()[:4])
    processor, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        run()
    processor, wall = time.process_time() - processor, time.perf_counter() - wall
    busy, own = busy_seconds() - busy, sum(os.times()[:4]) - own
    return Sample(processor / calls, wall / calls, max(0.0, busy - own) / wall, busy / wall)


def measured(cases: Sequence[Case], rounds: int, least_seconds: float) -> dict[str, Timing]:
    """Time all cases in rounds, in reversed order every other round.

    Args:
        cases: What to time.
        rounds: Samples of each case.
        least_seconds: Shortest sample; the load of the machine is counted in ticks of 10 ms.
    """
    calls = {}
    for case in cases:
        case.run()
        second = sample(case.run, 1).wall
        wanted = math.ceil(least_seconds / max(second, 1e-9))
        calls[case.name] = 1 if case.once else min(MOST_CALLS, max(1, wanted))
    samples: dict[str, list[Sample]] = {case.name: [] for case in cases}
    for number in range(rounds):
        for case in cases if number % 2 == 0 else cases[::-1]:
            samples[case.name].append(sample(case.run, calls[case.name]))
    return {case.name: summary(samples[case.name], case.work) for case in cases}


def summary(samples: Sequence[Sample], work: float) -> Timing:
    """Medians and quartiles of the clean samples, of all where these are too few."""
    clean = [s for s in samples if s.is_clean]
    chosen = clean if len(clean) >= FEWEST else samples

    def spread(seconds: Sequence[float]) -> Spread:
        lower, median, upper = np.percentile(seconds, [25, 50, 75]) / work * 1e9
        return Spread(float(median), float(lower), float(upper))

    return Timing(
        processor=spread([s.processor for s in chosen]),
        wall=spread([s.wall for s in chosen]),
        foreign=float(np.median([s.foreign for s in chosen])),
        clean=len(clean),
        samples=len(samples),
    )
