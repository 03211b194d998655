"""Repairs: how many refuted single-term mutants of the catalogue get a proved repair.

Each term of v, D and H of each proved catalogue entry is dropped, negated, doubled, multiplied by
sqrt 2, transposed, and has variables of one shape swapped (`mutation`); `sk.repair` is asked about
every mutant that `sk.verify` refutes. Claim: 90 % get at least one repair, each of which is proved
again here; how often the entry itself is among the (at most three) repairs is told beside it.

    python verification/repairs.py [--quick] [--out DIR]
"""

from __future__ import annotations

import collections
import random
import time

import matplotlib.pyplot as plt
from _results import Report, arguments
from mutation import mutants

import sdekit as sk
from sdekit.calculus.contraction import lower_dynamics
from sdekit.calculus.contraction.relations import difference_is_zero


def is_same(first: sk.Dynamics, second: sk.Dynamics) -> bool:
    """Whether v, D and H agree for every n."""
    a, b = lower_dynamics(first.ito()), lower_dynamics(second.ito())
    pairs = [(a.drift[x], b.drift[x]) for x in a.variables]
    pairs.append((a.energy, b.energy))
    pairs += [
        (a.diffusion[key], b.diffusion[key]) for key in a.diffusion.keys() & b.diffusion.keys()
    ]
    return a.diffusion.keys() == b.diffusion.keys() and all(
        difference_is_zero(*pair) for pair in pairs
    )


def cases(quick: bool) -> list[tuple[str, str, sk.Dynamics, sk.Dynamics]]:
    """Name, change, entry and mutant of every refuted mutant (a sample of 150 mutants if quick)."""
    found = []
    for entry in sk.catalog.entries(plain=False):
        if entry.claims_all:
            right = entry.dynamics()
            found += [(entry.name, change, right, mutant) for change, mutant in mutants(right)]
    if quick:
        found = random.Random(0).sample(found, 150)
    return [case for case in found if sk.verify(case[3]).verdict is sk.Verdict.REFUTED]


def main() -> None:
    options = arguments(__doc__)
    report = Report("repairs", options, seed=0)
    started = time.perf_counter()
    asked, mended, intended = (collections.Counter() for _ in range(3))
    unproved, without, slowest = [], [], 0.0
    for name, change, right, mutant in cases(options.quick):
        kind = change.split("[")[0].split(":")[0]
        asked[kind] += 1
        begun = time.process_time()
        found = sk.repair(mutant)
        slowest = max(slowest, time.process_time() - begun)
        mended[kind] += bool(found)
        intended[kind] += any(is_same(repair.dynamics, right) for repair in found)
        unproved += [
            f"{name} {change}: {repair.text}"
            for repair in found
            if sk.verify(repair.dynamics).verdict is not sk.Verdict.PROVED
        ]
        without += [] if found else [f"{name} {change}"]
    total = asked.total()
    for key, value in {
        "refuted mutants": dict(asked), "with a repair": dict(mended),
        "with the entry itself": dict(intended), "unproved repairs": unproved,
        "without a repair": without, "slowest seconds": slowest,
        "seconds": time.perf_counter() - started,
    }.items():  # fmt: skip
        report.add(key, value)
    share = mended.total() / total
    report.content["claims"] = [
        {
            "claim": "At least 90 % of the refuted single-term mutants get a proved repair",
            "result": f"{mended.total()} of {total} ({100 * share:.1f} %), "
            f"the entry itself in {intended.total()}",
            "passed": share >= 0.9 and not unproved,
        },
    ]
    report.write(_figure(asked, mended, intended))
    for line in [*unproved, *without[:40]]:
        print(line)


def _figure(*counts: collections.Counter) -> plt.Figure:
    figure, axes = plt.subplots(figsize=(6, 3))
    labels = ("refuted mutants", "with a proved repair", "with the entry itself")
    for k, (count, label) in enumerate(zip(counts, labels, strict=True)):
        kinds = list(counts[0])
        places = [position + (k - 1) * 0.27 for position in range(len(kinds))]
        axes.bar(places, [count[kind] for kind in kinds], 0.25, label=label)
    axes.set_xticks(range(len(counts[0])), list(counts[0]))
    axes.set_ylabel("mutants")
    axes.legend()
    axes.set_title("Repairs of single-term mutants of the catalogue")
    return figure


if __name__ == "__main__":
    main()
