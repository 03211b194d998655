"""Random marginals: energies whose marginal is known beforehand, judged and integrated.

An auxiliary y meets the target variable t through f((y - m(t)) / s(t)) + c log s(t), on the line or
the half-line. Its mass is proportional to s^(1 - c), so that the marginal is the target exactly for
c = 1 (or a constant s), where f is integrable; one more random term spoils some of the designs.
Every verdict is compared with quadrature of exp(-H) at three values of t.

    python verification/random_marginals.py [--quick] [--out DIR]
"""

from __future__ import annotations

import collections
import itertools
import math
import random
import time
from fractions import Fraction

import numpy as np
import sympy as sp
from _results import Report, arguments, table
from scipy.integrate import quad

import sdekit as sk
from sdekit.calculus.limits import spending
from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.marginalization import check_marginalization

DESIGNS = 300
T, Y = sk.scalar("t"), sk.scalar("y")
TAU = sk.scalar("tau", domain="positive")
V = sk.potential("V", T)
PLACES = ("1/3", "-3/4", "2")
#: Integrals are cut off at these lengths; a mass that still grows there is infinite.
CUTS = (1e2, 1e3, 1e4)


def centre(rng: random.Random) -> Expression:
    return rng.choice([0 * T, T, T**2 / 2, sk.sin(T), -T])


def scale(rng: random.Random) -> Expression:
    return rng.choice([1 + T**2, sk.exp(T), sk.exp(-T / 2), 2 + sk.cos(T), sk.cosh(T), 1 + 0 * T])


def shape_on_line(rng: random.Random, x: Expression) -> Expression:
    c = Fraction(rng.choice([1, 2, 3, 5, -1]), rng.choice([1, 2, 3]))
    return rng.choice([
        x**2 * c, x**4 * c, sk.abs_(x) * c, sk.log(1 + x**2) * c, sk.sqrt(1 + x**2) * c,
        sk.log(sk.cosh(x)) * c, sk.exp(x) - c * x, x**4 - x**2 * c, sk.cosh(x) * c,
        x**2 * c + sk.sin(x), sk.log(1 + sk.exp(x)) - x / 2, x**3 * c + x**4, sk.tanh(x) + x**2,
    ])  # fmt: skip


def shape_on_half_line(rng: random.Random, x: Expression) -> Expression:
    c = Fraction(rng.choice([1, 2, 3, 5, -1]), rng.choice([1, 2, 3]))
    return rng.choice([
        x * c - sk.log(x) * c, x * c + sk.log(x) / 2, 1 / x + c * sk.log(x), x**2 + sk.log(x) * c,
        sk.log(x) ** 2 * c, x * c,
    ])  # fmt: skip


def design(rng: random.Random) -> tuple[Variable, Expression]:
    """One auxiliary and H - V."""
    s, power = scale(rng), rng.choice([0, 1, 1, 1, 2])
    if rng.random() < 0.7:
        energy = shape_on_line(rng, (Y - centre(rng)) / s) + power * sk.log(s)
        if rng.random() < 0.25:
            energy = energy + rng.choice([Y * T, T * Y**2, sk.sin(T) * Y, T**2 * Y**4])
        return Y, energy
    energy = shape_on_half_line(rng, TAU / s) + power * sk.log(s)
    return TAU, energy + (TAU * T**2 if rng.random() < 0.2 else 0 * T)


def masses(x: Variable, energy: Expression, place: str) -> list[float]:
    """Masses of exp(-energy) at t = place, cut off at growing lengths."""
    reader = ComponentReader({})
    here = -reader.scalar(energy).subs(reader.scalar(T), sp.Rational(place))
    exponent = sp.lambdify(reader.scalar(x), here, "numpy")

    def density(value: float) -> float:
        with np.errstate(all="ignore"):
            return float(np.exp(min(float(exponent(value)), 700.0)))

    found = []
    for cut in CUTS:
        ends = [1 / cut, 10 / cut, 1, cut / 10, cut] if x == TAU else [
            -cut, -cut / 10, -1, 0, 1, cut / 10, cut
        ]  # fmt: skip
        found.append(sum(quad(density, *piece, limit=300)[0] for piece in itertools.pairwise(ends)))
    return found


def truth(x: Variable, energy: Expression) -> str:
    """What quadrature says: "right", "wrong", "infinite", or "unclear"."""
    every = [masses(x, energy, place) for place in PLACES]
    if any(not math.isfinite(m[-1]) or m[-1] > 1e200 or m[-1] > 1.25 * m[-2] for m in every):
        return "infinite"
    if any(abs(m[-1] - m[-2]) > 0.01 * m[-1] for m in every):
        return "unclear"
    logs = [math.log(m[-1]) for m in every]
    spread = max(logs) - min(logs)
    return "right" if spread < 1e-6 else "wrong" if spread > 1e-2 else "unclear"


def main() -> None:
    options = arguments(__doc__ or "")
    count = 40 if options.quick else DESIGNS
    report = Report("random_marginals", options, seed=0)
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    unsound, slowest = [], 0.0
    for seed in range(count):
        x, energy = design(random.Random(seed))
        drift = {T: 0 * T, x: 0 * T}
        started = time.perf_counter()
        with spending(5):
            check = check_marginalization(
                Problem(sk.Dynamics(drift=drift, hamiltonian=V + energy, target=V))
            )
        slowest = max(slowest, time.perf_counter() - started)
        verdict, fact = check.verdict.value, truth(x, energy)
        counts[verdict, fact] += 1
        if (verdict == "proved" and fact in ("wrong", "infinite")) or (
            verdict == "refuted" and fact == "right"
        ):
            unsound.append(
                {"seed": seed, "energy": repr(energy), "verdict": verdict, "truth": fact}
            )
    verdicts = ("proved", "refuted", "undecided")
    facts = ("right", "wrong", "infinite", "unclear")
    rows = [[v, *(counts[v, fact] for fact in facts)] for v in verdicts]
    report.add("designs", count)
    report.add("verdict_by_truth", {f"{v} {f}": counts[v, f] for v in verdicts for f in facts})
    report.add("unsound", unsound)
    report.add("slowest_seconds", slowest)
    report.write(tables=table("Verdicts against quadrature", ["verdict", *facts], rows))
    assert not unsound, unsound


if __name__ == "__main__":
    main()
