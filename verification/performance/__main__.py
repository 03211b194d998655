"""Speed beside other tools, with every measure that it is held to.

    python -m verification.performance [--quick] [--torch-python PATH] [--only GROUP ...]

Groups: one chain (double-well thermostat, every step kept), many chains (Langevin, Gaussian
target), minibatches (logistic regression), diffrax's step in our loop, streaming to a store, the
compilation of all catalogue entries, two forced host devices and memory (processes of their own).
Cases of a group run in turns; each sample records processor time of the process, wall time and the
load of others (`timing`). Our own cases run `sk.simulate` from its call to the arrays; peers get
the fastest form that their users can write, and fewer steps where they are slow. Ratios carry over
to machines of the same kind alone: wider vectors help what is compiled for them, and two threads of
one core are not two cores.

torch and its libraries are timed by the interpreter that `--torch-python` names, since they need
not share an environment with JAX. Writes performance.json, .md and .png.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from verification._results import Report, arguments, installed
from verification.performance import (
    compiling,
    machine,
    many_chains,
    minibatches,
    native,
    one_chain,
    solvers,
    storing,
    two_devices,
)
from verification.performance.claims import Measure, judged
from verification.performance.processes import told_by
from verification.performance.tables import compile_table, figure, timing_table
from verification.performance.timing import Timing, measured, of_plain

#: What is timed besides the packages that every run names.
PEERS = ("blackjax", "numba")
COMPILING, MEMORY = "compilation", "memory"
#: MB by which 10^8 steps with thinning 10^4 may grow resident memory.
MOST_GROWTH = 50.0
#: Share of a streamed run that its checkpoints may take.
MOST_CHECKPOINTS = 0.02
NO_TORCH = "torch, torchsde and posteriors are left out: no interpreter was named that has them."


class Performance:
    """One run: timings by group, claims in the order of the groups, and what was left out."""

    def __init__(self, options: argparse.Namespace, report: Report) -> None:
        self.options, self.report = options, report
        self.quick: bool = options.quick
        self.timings: dict[str, dict[str, Timing]] = {}
        self.absent: list[str] = []
        self.compiled: dict[str, dict[str, float]] = {}

    def wants(self, group: str) -> bool:
        """Whether the group was asked for."""
        return not self.options.only or any(group.startswith(name) for name in self.options.only)

    def time(self, group: str, cases: Sequence[Any], rounds: int = 9) -> None:
        """Time the cases of a group, in turns."""
        rounds, least = (3, 0.05) if self.quick else (rounds, 0.2)
        self.timings.setdefault(group, {}).update(measured(cases, rounds, least))
        print(timing_table(group, self.timings[group]), flush=True)

    def hold(self, measures: Sequence[Measure]) -> None:
        """Judge the measures of groups that were timed."""
        for measure in measures:
            self.claim(*judged(measure, self.timings[measure.group]))

    def claim(self, text: str, result: str, met: bool) -> None:
        self.report.claim(text, result, met)
        print(f"{'met' if met else 'NOT MET'}: {text}: {result}", flush=True)

    def one_chain(self) -> None:
        cases, absent = one_chain.cases(self.quick)
        self.absent += absent
        self.time(one_chain.GROUP, cases)
        self.hold(one_chain.measures([case.name for case in cases]))

    def many_chains(self) -> None:
        for chains, size, steps, *_ in many_chains.SIZES:
            group = many_chains.group(chains, size)
            ours = many_chains.cases(chains, size, steps, self.quick)
            steps = max(20, steps // 10) if self.quick else steps
            rivals, absent = native.cases(
                np.asarray(many_chains.stiffness(size)), chains, steps, many_chains.H,
                many_chains.FRICTION,
            )  # fmt: skip
            self.absent += [line for line in absent if line not in self.absent]
            self.time(group, [*ours, *rivals])
        self.hold(many_chains.measures(self.timings))

    def two_devices(self) -> None:
        self.timings[two_devices.GROUP] = two_devices.timings(self.quick)
        self.hold(two_devices.measures())

    def minibatches(self) -> None:
        self.time(minibatches.GROUP, minibatches.cases(self.quick))
        self.hold(minibatches.measures())

    def solvers(self) -> None:
        self.time(solvers.GROUP, solvers.cases(self.quick))
        self.hold(solvers.measures())

    def compiling(self) -> None:
        self.compiled = compiling.compile_times(compiling.names(self.quick))
        slowest = max(self.compiled, key=lambda name: self.compiled[name]["wall"])
        longest = self.compiled[slowest]
        over = sum(spent["wall"] > compiling.LIMIT for spent in self.compiled.values())
        self.claim(
            f"Any catalogue entry, from its sampler to its first draws: at most {compiling.LIMIT:g}"
            " s",
            f"longest {longest['wall']:.2f} s ({slowest}; {longest['processor']:.2f} s of both "
            f"processors, {longest['longest']:.2f} s at most in {compiling.ROUNDS} rounds), "
            f"{over} of {len(self.compiled)} over the limit",
            longest["wall"] <= compiling.LIMIT,
        )

    def storing(self) -> None:
        cases, streamed = storing.cases(self.quick)
        self.time(storing.GROUP, cases, rounds=7)
        self.hold(storing.measures())
        lower, share, upper = np.percentile(streamed.shares, [25, 50, 75])
        self.report.add("share of checkpoints", streamed.shares)
        self.claim(
            f"Checkpoints of a streamed run: at most {MOST_CHECKPOINTS:.0%} of its wall time",
            f"{share:.2%} ({lower:.2%} to {upper:.2%})",
            share <= MOST_CHECKPOINTS,
        )

    def memory(self) -> None:
        steps = 10**7 if self.quick else 10**8
        found = told_by("resident", str(steps))
        self.report.add("growth of memory in MB", found)
        self.claim(
            f"10^8 steps with thinning 10^4 grow resident memory by at most {MOST_GROWTH:g} MB",
            f"{found['peak']:.1f} MB at the peak, {found['kept']:.1f} MB afterwards, "
            f"{steps:.0e} steps",
            found["peak"] <= MOST_GROWTH,
        )

    def torch(self) -> None:
        """What torch's libraries take, beside the groups that were timed here."""
        if self.options.torch_python is None:
            self.absent.append(NO_TORCH)
            return
        found = told_by(
            "torch_peers", "quick" if self.quick else "full",
            python=str(self.options.torch_python),
        )  # fmt: skip
        self.report.content["versions"].update(found["versions"])
        for group, cases in found["timings"].items():
            more = {name: of_plain(facts) for name, facts in cases.items()}
            self.timings.setdefault(group, {}).update(more)

    def run(self) -> None:
        """All groups that were asked for, and the files."""
        self.report.add("machine", machine.facts())
        self.time(machine.GROUP, machine.cases())
        groups = {
            one_chain.GROUP: self.one_chain,
            "many chains": self.many_chains,
            two_devices.GROUP: self.two_devices,
            minibatches.GROUP: self.minibatches,
            solvers.GROUP: self.solvers,
            COMPILING: self.compiling,
            storing.GROUP: self.storing,
            MEMORY: self.memory,
            "torch": self.torch,
        }
        # What was timed before a group that fails is kept.
        try:
            for group, timed in groups.items():
                if self.wants(group):
                    timed()
        finally:
            self.write()

    def write(self) -> None:
        plain = {
            group: {name: timing.plain() for name, timing in cases.items()}
            for group, cases in self.timings.items()
        }
        self.report.add("nanoseconds", plain)
        self.report.add("seconds of compilation", self.compiled)
        self.report.add("left out", self.absent)
        text = "".join(timing_table(group, cases) for group, cases in self.timings.items())
        if self.compiled:
            text += compile_table(self.compiled)
        text += "".join(f"{line}\n\n" for line in self.absent)
        self.report.write(figure(self.timings), text)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--torch-python", type=Path, help="interpreter that has torch")
    parser.add_argument("--only", nargs="+", metavar="GROUP", help="groups, by their beginnings")
    options = arguments("Speed beside other tools.", parser)
    report = Report("performance", options, seed=0)
    report.content["versions"].update({name: installed(name) for name in PEERS})
    report.content["command"] = "python -m verification.performance --torch-python PATH"
    Performance(options, report).run()


if __name__ == "__main__":
    main()
