"""Every catalogue entry that is proved runs by its derived splitting and has the target's moments.

    python -m verification.catalogue_moments

Taken are the entries whose stationarity, marginal and uniqueness are proved, with a target exp(-U)
of an unknown potential U. Here U = |theta|^2 / 2 at n = 10. Parameters and functions are units,
antisymmetric ones a fifth of them (in a strong magnetic field chains relax for longer than the
burn-in), so that <theta> is 0 and <theta^2> is 1 whatever the auxiliary variables are. Each runs by
its default word at two step sizes; the means over time of independent chains are extrapolated to
h = 0 by the invariant order of the word, which leaves some 10^-4 of the moment. They must agree
within 4.5 standard errors over the chains, which would have to find a variance of 1.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import sdekit as sk
from sdekit.declare.expression import Call
from sdekit.declare.symbols import FunctionSymbol, Parameter
from verification._results import Report, arguments, table
from verification.performance.compiling import SIZE, extent, function, value

CHAINS, STEPS = 512, (0.05, 0.025)
#: One false alarm in 10^3 runs of all entries and moments.
MOST = 4.5
#: The twin: a variance that must be told from 1.
WRONG = 1.1
RUNGS = ("stationarity", "marginalization", "uniqueness")


def proved_entries() -> list[str]:
    """Entries that have the target of an unknown potential, and no other law."""
    found = []
    for name in sk.catalog.names():
        dynamics = sk.catalog.get(name)
        checks = sk.verify(dynamics).to_dict()["checks"]
        verdicts = {k: v if isinstance(v, str) else v["verdict"] for k, v in checks.items()}
        is_proved = all(verdicts.get(rung) == "proved" for rung in RUNGS)
        if is_proved and isinstance(dynamics.target, Call):
            found.append(name)
    return found


def scaled(symbol: FunctionSymbol) -> Callable[..., Any]:
    """A smooth function, a fifth of it where it turns."""
    made, share = function(symbol), 0.2 if "antisymmetric" in symbol.assumptions else 1.0
    return lambda *blocks: share * made(*blocks)


def chosen(parameter: Parameter) -> np.ndarray:
    """A unit, or a fifth of one where it turns."""
    share = 0.2 if "antisymmetric" in parameter.assumptions else 1.0
    return share * value(parameter)


def moments(name: str, step_size: float, time: float) -> tuple[np.ndarray, str]:
    """Means over time of theta and theta^2, per chain, and the word."""
    dynamics = sk.catalog.get(name)
    (theta,) = dynamics.target_variables
    sampler = sk.sampler(
        dynamics,
        functions={f.name: scaled(f) for f in dynamics.functions},
        parameters={p.name: chosen(p) for p in dynamics.parameters if p.value is None},
        sizes={dim.name: SIZE for dim in dynamics.dimensions if dim.size is None},
    )
    run = sk.simulate(
        sampler, np.zeros([SIZE] * len(extent(theta.shape))), step_size=step_size,
        steps=int(time / step_size), burn_in=int(30 / step_size), thin=int(0.4 / step_size),
        chains=CHAINS, seed=1, record=[theta.name],
    )  # fmt: skip
    draws = run.samples[theta.name].astype(np.float64).reshape(CHAINS, -1)
    return np.stack([draws.mean(axis=1), (draws**2).mean(axis=1)]), run.scheme


def compared(name: str, time: float) -> list:
    """A row of the table."""
    (coarse, word), (fine, _) = (moments(name, h, time) for h in STEPS)
    order = sk.order(sk.catalog.get(name), word).invariant_order or 2
    chains = fine + (fine - coarse) / ((STEPS[0] / STEPS[1]) ** order - 1)
    error = chains.std(axis=1, ddof=1) / np.sqrt(CHAINS)
    z = (chains.mean(axis=1) - [0.0, 1.0]) / error
    power = (WRONG - 1.0) / error[1]
    agrees = bool(np.all(np.abs(z) < MOST))
    return [name, word, float(chains[1].mean()), float(error[1]), *map(float, z), float(power),
            agrees]  # fmt: skip


def main() -> None:
    options = arguments(__doc__ or "")
    names = proved_entries()
    taken, time = (names[:4], 20.0) if options.quick else (names, 60.0)
    report = Report("catalogue_moments", options, 1)
    rows = []
    for name in taken:
        rows.append(compared(name, time))
        print(rows[-1], flush=True)
    agreeing, weakest = sum(row[-1] for row in rows), min(row[-2] for row in rows)
    report.claim(
        "Entries proved stationary and unique run by their derived splitting and have the target's "
        "moments within 4.5 standard errors, extrapolated in the step size",
        f"{agreeing} of {len(rows)}; a variance of {WRONG} would lie at least {weakest:.0f} "
        "standard errors off",
        agreeing == len(rows) and weakest > MOST + 3,
    )
    figure, axis = plt.subplots(figsize=(7, 6))
    axis.errorbar([row[2] for row in rows], range(len(rows)), xerr=[MOST * row[3] for row in rows],
                  fmt="o")  # fmt: skip
    axis.axvline(1.0, color="k", linewidth=0.8)
    axis.set_yticks(range(len(rows)), [row[0] for row in rows])
    axis.set(xlabel="variance of theta, 4.5 standard errors", title="Proved entries, as they run")
    header = ["entry", "word", "variance", "error", "z of mean", "z of variance", "power", "agrees"]
    report.write(figure, table("Moments of the catalogue", header, rows))


if __name__ == "__main__":
    main()
