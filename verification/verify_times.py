"""How long verdicts take: every catalogue entry for all n, and the field engine beside SymPy.

Run: python verification/verify_times.py [rounds]. Medians of CPU seconds over rounds; the two
engines of a comparison alternate within a round, on the same components, and both must find zero.
Writes results/verify_times.json.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import sympy as sp
from _results import Report, arguments

import sdekit as sk
from sdekit.calculus.field.field_residual import FieldResidual
from sdekit.declaration.model.components import Components

#: Promises: seconds for one entry and for all, and how many times faster than SymPy.
ENTRY_SECONDS, ALL_SECONDS = 0.02, 1.0
COMPARED = {"sgnht": (100, 5.0), "sgnht-matrix": (10, 10.0)}
SGNHT_SECONDS = 0.2


def seconds(work: Callable[[], object]) -> float:
    # CPU time of this one thread: other work on the machine hardly shows in it.
    started = time.process_time()
    work()
    return time.process_time() - started


def sympy_residual(c: Components) -> sp.Expr:
    """The residual by SymPy's diff and expand, nothing else."""
    z, H = c.coordinates, c.hamiltonian
    slope = [sp.diff(H, x) for x in z]
    parts = [sp.diff(v, x) - v * s for v, x, s in zip(c.drift, z, slope, strict=True)]
    for (i, j), D in c.diffusion.items():
        curved = sp.diff(D, z[i], z[j]) - slope[i] * sp.diff(D, z[j]) - slope[j] * sp.diff(D, z[i])
        parts.append(-(curved + D * (slope[i] * slope[j] - sp.diff(slope[i], z[j]))))
    return sp.expand(sp.Add(*parts))


def catalogue_times(rounds: int) -> dict[str, float]:
    """Median seconds of each entry, every rung, once everything is imported."""
    models = {name: sk.catalog.get(name) for name in sk.catalog.names(plain=False)}
    samples: dict[str, list[float]] = {name: [] for name in models}
    for k in range(rounds + 1):
        for name, model in models.items():
            spent = seconds(lambda model=model: sk.verify(model))
            # The first round imports the engines.
            if k:
                samples[name].append(spent)
    return {name: statistics.median(times) for name, times in samples.items()}


def comparison(name: str, n: int, rounds: int) -> dict[str, float]:
    """Median seconds of both engines on one entry at one size."""
    components = sk.catalog.get(name).at(n=n)
    assert FieldResidual(components).is_zero
    assert sympy_residual(components) == 0
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(seconds(lambda: FieldResidual(components).is_zero))
        # SymPy remembers derivatives; a user's first call has none.
        sp.core.cache.clear_cache()
        theirs.append(seconds(lambda: sympy_residual(components)))
    mine, other = statistics.median(ours), statistics.median(theirs)
    return {"n": n, "field_seconds": mine, "sympy_seconds": other, "ratio": other / mine}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", type=int, nargs="?", default=7)
    options = arguments(__doc__ or "", parser)
    rounds = 1 if options.quick else options.rounds
    report = Report("verify_times", options, seed=0)
    entries = catalogue_times(rounds)
    compared = {name: comparison(name, n, rounds) for name, (n, _) in COMPARED.items()}
    slow = {name: spent for name, spent in entries.items() if spent > ENTRY_SECONDS}
    passed = (
        not slow
        and sum(entries.values()) <= ALL_SECONDS
        and all(compared[name]["ratio"] >= least for name, (_, least) in COMPARED.items())
        and compared["sgnht"]["field_seconds"] <= SGNHT_SECONDS
    )
    measured = {
        "rounds": rounds,
        "sgnht_seconds": entries["sgnht"],
        "all_entries_seconds": sum(entries.values()),
        "slower_than_bound": slow,
        "entries_seconds": entries,
        "compared_with_sympy": compared,
    }
    report.judge(measured, passed)
    report.write()
    for name, spent in sorted(slow.items(), key=lambda item: -item[1]):
        print(f"  {name}: {1000 * spent:.0f} ms")
    for name, found in compared.items():
        print(f"  {name} n={found['n']}: {found['ratio']:.1f} times SymPy")


if __name__ == "__main__":
    main()
