"""Every catalogue entry runs by its derived splitting; those with a proved law have its moments.

    python -m verification.catalogue_moments [--noise weak]

Compared are the entries whose stationarity and uniqueness are proved. Where exp(-H) is proved to
have the target as its marginal, that is the target sampled; two entries claim a wrong target, and
have the moments of exp(-H) and not those of their target. U = |theta|^2 / 2. Parameters are units;
definite matrices have eigenvalues 1 and 2 and are not diagonal, positive functions lie between 1
and 2, antisymmetric ones are a fifth of a unit. `_catalogue_laws` holds the exact mean and variance
of the entries of each variable, and what differs from these units.

Each entry runs by its default word at two step sizes. The means over time of independent chains
are extrapolated to h = 0 by the invariant order of the word (the leading bias is the predicted
power of h, its coefficient is measured), which leaves some 10^-4 of a moment. They must agree
within 4.5 standard errors over the chains, which would have to find a variance off by a tenth.
Chains start at 0, auxiliary variables at their law or its mean. The slowest relaxation time is 10
(langevin-magnetic, whose field turns momenta up to 2.5 times as fast as they are damped), and
burn-in is 30.

An entry that stops with an error is a row which does not agree. Entries without a proved and unique
law are listed with the reason.

With `--noise weak` the same entries draw a few bits for each normal. Extrapolation takes out the
leading bias, which is that of normals or a predicted one more of the same power; words that refuse
such noise are listed. Its twin draws from a law whose second moment is a twentieth off.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import sdekit as sk
from sdekit.declaration.tree.symbols import FunctionSymbol, Parameter
from sdekit.errors import DivergenceError, SdekitError
from sdekit.schemes.noise_laws import WEAK_LAWS, NoiseLaw
from verification._catalogue_laws import LAWS, WRONG_TARGETS, Law, definite
from verification._results import Report, arguments, table
from verification.performance.compiling import unit

CHAINS = 512
#: By invariant order: with both, extrapolation leaves about as much.
STEPS = {1: (0.02, 0.01), 2: (0.05, 0.025)}
BURN_IN, APART = 30.0, 0.4
#: One false alarm in 10^3 runs of all entries and moments.
MOST = 4.5
#: What is farther off is drawn here.
OFF = 6.0
#: The twin: a variance, in units of the exact one, that must be told from 1.
WRONG = 1.1
#: The entry and the second moment of weak noise's twin.
PLANTED, OFF_MOMENT = "langevin", 1.05
RUNGS = ("stationarity", "uniqueness")
COLUMNS = (
    "entry", "word", "n", "h", "variable", "bias at the first h", "variance", "error", "z of mean",
    "z of variance", "power", "agrees", "problem",
)  # fmt: skip
#: What a sampler, its compiled loop or a wrong record in `LAWS` may raise.
ERRORS = (SdekitError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)

#: Mistakes that cannot stay finite.
END = {
    "langevin-negative": "its diffusion is negative, so that there is no noise to draw",
    "sgnht-sign": "its thermostat drives what is hot: xi falls without bound in half a unit",
}


def verdicts(name: str) -> dict[str, str]:
    """The verdict of each check."""
    checks = sk.verify(sk.catalog.get(name)).to_dict()["checks"]
    return {k: v if isinstance(v, str) else v["verdict"] for k, v in checks.items()}


def missing(found: Mapping[str, str]) -> str:
    """Why an entry is not compared; empty if it is."""
    if not found.keys() >= set(RUNGS):
        return "no law is claimed"
    return ", ".join(f"{rung} {found[rung]}" for rung in RUNGS if found[rung] != "proved")


def extent(dims: Sequence[Any], size: int) -> tuple[int, ...]:
    return tuple(size if dim.size is None else dim.size for dim in dims)


def chosen(symbol: Parameter | FunctionSymbol, size: int) -> np.ndarray:
    """A unit, a definite matrix, or a fifth of a unit where it turns."""
    shape, assumptions = extent(symbol.shape, size), symbol.assumptions
    if isinstance(symbol, Parameter) and "positive_definite" in assumptions:
        return definite(*shape[:1])
    return (0.2 if "antisymmetric" in assumptions else 1.0) * unit(shape, assumptions)


def smooth(symbol: FunctionSymbol, size: int) -> Callable[..., Any]:
    """A potential is half a square; what is positive or a tensor gets a bounded factor.

    A noise level that grows as |theta|^2 brings a friction as large, which asks for steps far below
    these.
    """
    constant = jnp.asarray(chosen(symbol, size), jnp.float32)
    is_potential = not symbol.shape and "positive" not in symbol.assumptions

    def of_blocks(*blocks: Any) -> Any:
        energy = sum(jnp.sum(block * block) for block in blocks) / 2
        return energy if is_potential else constant * (1 + energy / (1 + energy))

    return of_blocks


def simulated(name: str, law: Law, noise: str | NoiseLaw = "threefry-fast", **options: Any) -> Any:
    """A run from 0 by the default word; a law in place of a noise is drawn as weak noise is."""
    # With the gradient known exactly, gradient noise is injected like the rest.
    dynamics = sk.catalog.get(name).ito()
    parameters = {p.name: chosen(p, law.size) for p in dynamics.parameters if p.value is None}
    sampler = sk.sampler(
        dynamics,
        functions={f.name: smooth(f, law.size) for f in dynamics.functions},
        parameters=parameters | dict(law.parameters),
        sizes={dim.name: law.size for dim in dynamics.dimensions if dim.size is None},
        noise=noise if isinstance(noise, str) else "weak",
    )
    if isinstance(noise, NoiseLaw):
        sampler.noise = replace(sampler.noise, law=noise)
    start: Any = {x.name: np.zeros(extent(x.shape, law.size)) for x in dynamics.target_variables}
    if len(start) == 1:
        (start,) = start.values()
    # Entries have noise of their own, so that their errors are independent.
    return sk.simulate(
        sampler, start, seed=1 + sk.catalog.names(plain=False).index(name), **options
    )


def standardized(
    name: str, law: Law, step_size: float, span: float, noise: str | NoiseLaw
) -> np.ndarray:
    """Means over time of z and z^2, z = (x - mean) / deviation: (variable, 2, chain)."""
    run = simulated(
        name, law, noise, step_size=step_size, steps=round(law.longer * span / step_size),
        burn_in=round(BURN_IN / step_size), thin=round(APART / step_size), chains=CHAINS,
        record=list(law.moments),
    )  # fmt: skip
    found = []
    for variable, (mean, variance) in law.moments.items():
        z = (run.samples[variable].astype(np.float64) - mean) / np.sqrt(variance)
        z = z.reshape(CHAINS, -1)
        found.append([z.mean(axis=1), (z**2).mean(axis=1)])
    return np.asarray(found)


def compared(name: str, law: Law, span: float, noise: str | NoiseLaw) -> list[dict[str, Any]]:
    """A row for each variable."""
    dynamics = sk.catalog.get(name)
    found, has_size = sk.order(dynamics), any(dim.size is None for dim in dynamics.dimensions)
    # An exact word has no bias: any weights that add up to 1 do.
    order = 2 if found.is_exact else found.invariant_order
    steps = STEPS[order]
    coarse, fine = (standardized(name, law, h, span, noise) for h in steps)
    extrapolated = fine + (fine - coarse) / ((steps[0] / steps[1]) ** order - 1)
    means = extrapolated.mean(axis=2)
    errors = extrapolated.std(axis=2, ddof=1) / np.sqrt(CHAINS)
    z = (means - [0.0, 1.0]) / errors
    return [
        {
            "entry": name, "word": found.word, "n": law.size if has_size else None,
            "h": ", ".join(map(str, steps)), "variable": variable,
            "bias at the first h": float(coarse[k, 1].mean() - means[k, 1]),
            "variance": float(means[k, 1]), "error": float(errors[k, 1]),
            "z of mean": float(z[k, 0]), "z of variance": float(z[k, 1]),
            "power": float((WRONG - 1) / errors[k, 1]),
            "agrees": bool(np.all(np.abs(z[k]) < MOST)), "problem": None,
        }
        for k, variable in enumerate(law.moments)
    ]  # fmt: skip


def judged(name: str, span: float, noise: str | NoiseLaw) -> list[dict[str, Any]]:
    """The rows of an entry, or one that says why there are none."""
    row = dict.fromkeys(COLUMNS)
    row |= {"entry": name, "agrees": False}
    if name not in LAWS:
        return [row | {"problem": "no exact moments are given"}]
    try:
        return compared(name, LAWS[name], span, noise)
    except DivergenceError as error:
        return [row | {"problem": f"diverged: {error}"}]
    except ERRORS as error:
        return [row | {"problem": repr(error)}]


def refused(name: str) -> str:
    """Why the default word of an entry takes no weak noise; empty if it does."""
    try:
        sk.order(sk.catalog.get(name), noise="weak")
    except SdekitError as error:
        return f"refuses weak noise: {error}"
    return ""


def wrong_law() -> NoiseLaw:
    """The law with the fewest bits, scaled."""
    law = WEAK_LAWS[0]
    scaled = tuple((np.sqrt(OFF_MOMENT) * size, count) for size, count in law.cells)
    return replace(law, name="scaled", cells=scaled)


def course(name: str) -> str:
    """What becomes of some steps: "finite", or the error."""
    try:
        run = simulated(name, Law({}), step_size=0.01, steps=200, chains=8)
    except ERRORS as error:
        return repr(error)
    return "finite" if all(np.isfinite(x).all() for x in run.samples.values()) else "not finite"


def drawn(rows: list[dict[str, Any]]) -> plt.Figure:
    """Variances in units of the exact ones, and all z."""
    names = list(dict.fromkeys(row["entry"] for row in rows))
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(11, 1.5 + 0.3 * len(names)), sharey=True, width_ratios=(3, 2)
    )
    kinds = {"p": ("C1", 0.22, "momentum p"), "xi": ("C2", -0.22, "thermostat xi"),
             "s": ("C4", -0.22, "memory s")}  # fmt: skip
    labelled = set()
    for row in rows:
        place = names.index(row["entry"])
        if row["problem"]:
            left.text(1.0, place, row["problem"][:40], color="C3", va="center")
            continue
        color, shift, label = kinds.get(row["variable"], ("C0", 0.0, "target"))
        shift += 0.22 * (row["variable"] == "y")
        left.errorbar(
            row["variance"], place + shift, xerr=MOST * row["error"], fmt="o", color=color,
            markersize=4, label=None if label in labelled else label,
        )  # fmt: skip
        labelled.add(label)
        for key, filling in (("z of mean", "none"), ("z of variance", color)):
            z = np.clip(row[key], -OFF, OFF)
            right.plot(z, place + shift, "o", color=color, markersize=4, mfc=filling)
    left.axvline(1.0, color="k", linewidth=0.8)
    for limit in (-MOST, 0.0, MOST):
        right.axvline(limit, color="k", linewidth=0.8, linestyle=":" if limit else "-")
    left.set_yticks(range(len(names)), names)
    left.set_ylim(len(names) - 0.5, -0.5)
    left.set(xlabel="variance / exact variance, with 4.5 standard errors")
    right.set(xlabel="z of mean (open) and variance (filled)", xlim=(-OFF - 0.5, OFF + 0.5))
    left.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, frameon=False)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--noise", choices=("normal", "weak"), default="normal")
    options = arguments(__doc__ or "", parser)
    is_weak = options.noise == "weak"
    found = {name: verdicts(name) for name in sk.catalog.names(plain=False)}
    reasons = {name: missing(of_entry) for name, of_entry in found.items()}
    unproved = set(LAWS) - {name for name in reasons if not reasons[name]}
    if is_weak:
        reasons = {name: reason or refused(name) for name, reason in reasons.items()}
    taken = [name for name, reason in reasons.items() if not reason]
    span = 120.0
    if options.quick:
        taken, span = [*taken[:3], "sgnht-matrix-symmetric", "student-flow"], 20.0
        taken = [name for name in dict.fromkeys(taken) if not reasons[name]]
    report = Report("catalogue_moments_weak" if is_weak else "catalogue_moments", options, 1)
    if is_weak:
        report.content["command"] = "python -m verification.catalogue_moments --noise weak"
    rows: list[dict[str, Any]] = []
    for name in taken:
        started = time.perf_counter()
        rows += judged(name, span, "weak" if is_weak else "threefry-fast")
        seconds = time.perf_counter() - started
        for row in (row for row in rows if row["entry"] == name):
            shown = (f"{x:.4g}" if isinstance(x, float) else str(x) for x in row.values())
            print(f"{seconds:5.0f} s", *shown, flush=True)
    _claim_moments(report, rows, unproved, " with weak noise" if is_weak else "")
    left_out = [[name, reason] for name, reason in reasons.items() if reason]
    for name, reason in left_out:
        print(f"not compared: {name}: {reason}")
    report.add("rows", rows)
    report.add("not compared", dict(left_out))
    cells = [[row[key] for key in COLUMNS] for row in rows]
    tables = table("Moments of the catalogue", list(COLUMNS), cells)
    tables += table("Not compared", ["entry", "why"], left_out)
    if is_weak:
        _claim_wrong_law(report, judged(PLANTED, span, wrong_law()))
    else:
        courses = {name: course(name) for name in (taken if options.quick else found)}
        _claim_courses(report, courses)
        report.add("courses", courses)
        stopped = [[name, END.get(name, "unexpected"), text]
                   for name, text in courses.items() if text != "finite"]  # fmt: skip
        tables += table("Entries that do not stay finite", ["entry", "why", "error"], stopped)
    report.write(drawn(rows), tables)


def _claim_moments(
    report: Report, rows: list[dict[str, Any]], unproved: set[str], how: str
) -> None:
    entries = dict.fromkeys(row["entry"] for row in rows)
    failing = dict.fromkeys(row["entry"] for row in rows if not row["agrees"])
    weakest = min((row["power"] for row in rows if row["power"]), default=0.0)
    moments = 2 * sum(row["variable"] is not None for row in rows)
    text = f"{len(entries) - len(failing)} of {len(entries)} entries, {moments} moments; "
    text += f"a variance off by a tenth would lie at least {weakest:.0f} standard errors off"
    if failing:
        text += f"; not: {', '.join(failing)}"
    if unproved:
        text += f"; no longer proved: {', '.join(sorted(unproved))}"
    report.claim(
        f"Entries proved stationary and unique run by their derived splitting{how} and have the "
        "exact means and variances within 4.5 standard errors, extrapolated in the step size",
        text,
        not failing and not unproved and weakest > MOST + 3,
    )
    if entries.keys() >= WRONG_TARGETS:
        _claim_twin(report, rows)


def _claim_twin(report: Report, rows: list[dict[str, Any]]) -> None:
    off = {
        row["entry"]: abs(row["variance"] - 1 / LAWS[row["entry"]].moments["theta"][1])
        / row["error"]
        for row in rows
        if row["entry"] in WRONG_TARGETS and row["variable"] == "theta" and row["error"]
    }
    report.claim(
        "Twin: entries that claim a wrong target do not have its variance",
        ", ".join(f"{name} {z:.0f} standard errors off" for name, z in off.items()),
        off.keys() == WRONG_TARGETS and min(off.values()) > 2 * MOST,
    )


def _claim_wrong_law(report: Report, rows: list[dict[str, Any]]) -> None:
    report.claim(
        f"Twin: {PLANTED} with variables whose second moment is {OFF_MOMENT:g} does not have them",
        ", ".join(f"{row['variable']} {row['z of variance']:.0f} standard errors" for row in rows),
        max(abs(row["z of variance"]) for row in rows) > 2 * MOST,
    )


def _claim_courses(report: Report, courses: Mapping[str, str]) -> None:
    stopped = {name for name, text in courses.items() if text != "finite"}
    report.claim(
        "Every entry runs by its derived splitting: 200 steps of 0.01 with finite states, but for "
        "the mistakes of which that cannot be",
        "; ".join([f"{len(courses) - len(stopped)} of {len(courses)} finite"]
                  + [f"{name}: {END.get(name, 'unexpected')}" for name in sorted(stopped)]),
        stopped == END.keys() & courses.keys(),
    )  # fmt: skip


if __name__ == "__main__":
    main()
