"""Every plain SDE of the catalogue simulated against its exact facts; prices; cost of a step.

    python -m verification.plain_sdes

Each entry runs from its example by its default scheme at two step sizes, and what it states is held
against the draws: moments at the end; limits by `sk.moments`; rates by Dynkin's formula, f(X_T) -
f(X_0) - integral of Lf dt having the mean 0. Means are extrapolated to h = 0 and must lie within
4.5 standard errors. Twin: a run with the first parameter half as large again is off in a fact of
each entry. Prices: a call of Black and Scholes, a bond of Cox, Ingersoll and Ross, and the first
case of Andersen 2008 for Heston, which is 13.085. The cost of a step stands beside diffrax's and
that of a loop written for Numba, where that is installed; on a machine that does other work it is
noise.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import matplotlib.pyplot as plt
import numpy as np
import sympy as sp
from scipy.stats import norm

import sdekit as sk
from sdekit.catalog.record import Entry, Fact
from sdekit.declaration.model.component_reader import TIME, ComponentReader
from verification._numba_loops import LOOPS, numba_seconds
from verification._results import Report, arguments, table

MOST, POWER, SEED = 4.5, 7.0, 14
#: Larger parameters of the twin.
LARGER = 1.5


def runs_of(entry: Entry, h: float, chains: int, seed: int, larger: float = 1.0) -> Any:
    """A run that keeps every step; the first parameter may be larger."""
    example, dynamics = entry.example, entry.dynamics()
    assert example is not None
    first = next(iter(example.parameters))
    parameters = {k: v * (larger if k == first else 1.0) for k, v in example.parameters.items()}
    start = {x.name: np.asarray(example.start[x.name], float) for x in dynamics.variables}
    return sk.simulate(
        dynamics, start if len(start) > 1 else next(iter(start.values())), parameters=parameters,
        step_size=h, steps=round(example.until / h), chains=chains, seed=seed,
    )  # fmt: skip


class Facts:
    """The facts of an entry as functions of its paths."""

    def __init__(self, entry: Entry) -> None:
        assert entry.example is not None
        self.example, self.dynamics = entry.example, entry.dynamics()
        self.components = self.dynamics.at(**self.example.sizes)
        self.reader = ComponentReader(self.components.sizes, self.dynamics.names)
        self.facts = entry.triple().facts
        self.numbers = dict(self.example.parameters)
        self.numbers |= {f"{k}_start": v for k, v in self.example.start.items()
                         if not isinstance(v, tuple)}  # fmt: skip

    def function(self, expression: Any) -> Callable[..., Any]:
        """Of the time and the coordinates."""
        read = self.reader.scalar(expression)
        symbols = {s: self.numbers[str(s)] for s in read.free_symbols if str(s) in self.numbers}
        return sp.lambdify([TIME, *self.components.coordinates], read.subs(symbols), "numpy")

    def paths(self, run: Any) -> list[np.ndarray]:
        """Each coordinate, (chains, steps + 1), the start first."""
        found = []
        for x, places in self.components.variables:
            draws = np.asarray(run.samples[x.name], np.float64)
            draws = draws.reshape(*draws.shape[:2], len(places))
            start = np.broadcast_to(
                np.asarray(self.example.start[x.name], float), draws[:, 0].shape
            )
            whole = np.concatenate([start[:, None], draws], axis=1)
            found += [whole[..., k] for k in range(len(places))]
        return found

    def residuals(self, run: Any, h: float) -> np.ndarray:
        """What has the mean 0 for each fact, (fact, chain)."""
        paths = self.paths(run)
        times = h * np.arange(paths[0].shape[1])
        return np.stack([self._residual(fact, paths, times, h) for fact in self.facts])

    def _residual(
        self, fact: Fact, paths: list[np.ndarray], times: np.ndarray, h: float
    ) -> np.ndarray:
        f, value, end = self.function(fact.of), self.function(fact.value), float(times[-1])
        last = np.broadcast_to(f(end, *(x[:, -1] for x in paths)), paths[0][:, -1].shape)
        if fact.kind == "moment":
            return last - value(end, *(0.0 for _ in paths))
        if fact.kind == "limit":
            expression = self.reader.scalar(fact.of)
            equations = sk.moments(self.dynamics, 1, of=[expression], sizes=self.example.sizes)
            solution = equations.solve(end, self.example.start, self.example.parameters)
            return last - float(solution.mean(expression))
        rates = np.broadcast_to(value(times, *paths), paths[0].shape)
        integral = h * (rates.sum(1) - (rates[:, 0] + rates[:, -1]) / 2)
        return last - f(0.0, *(x[:, 0] for x in paths)) - integral


def checked(entry: Entry, chains: int, seed: int) -> list[dict[str, Any]]:
    """A row for each fact."""
    facts = Facts(entry)
    h = facts.example.step_size
    steps = (h, h / 2)
    coarse, fine = (facts.residuals(runs_of(entry, s, chains, seed + k), s)
                    for k, s in enumerate(steps))  # fmt: skip
    wrong = facts.residuals(runs_of(entry, h, chains, seed + 2, LARGER), h)
    means = 2 * fine.mean(1) - coarse.mean(1)
    errors = np.sqrt((4 * fine.var(1) + coarse.var(1)) / chains)
    twin = np.abs(wrong.mean(1)) / (wrong.std(1) / np.sqrt(chains) + 1e-300)
    return [
        {"entry": entry.name, "fact": f"{fact.kind} of {fact.of}", "mean": float(m),
         "error": float(e), "z": float(m / e) if e > 0 else 0.0, "z of twin": float(min(t, 1e6))}
        for fact, m, e, t in zip(facts.facts, means, errors, twin, strict=True)
    ]  # fmt: skip


# ---------------------------------------------------------------------- prices


def estimate(values: list[np.ndarray]) -> tuple[float, float]:
    """Mean at h = 0 and its error from draws at h and h / 2."""
    coarse, fine = values
    mean = 2 * fine.mean() - coarse.mean()
    return float(mean), float(np.sqrt(4 * fine.var() / len(fine) + coarse.var() / len(coarse)))


def priced(
    name: str,
    start: Any,
    parameters: dict[str, float],
    until: float,
    steps: int,
    payoff: Callable[[Any, float], np.ndarray],
    chains: int,
) -> tuple[float, float]:
    """The price of a payoff of the paths."""
    found = []
    for count in (steps, 2 * steps):
        run = sk.simulate(
            sk.catalog.get(name), start, parameters=parameters, step_size=until / count,
            steps=count, chains=chains, seed=SEED + count,
        )  # fmt: skip
        found.append(payoff(run.samples, until / count))
    return estimate(found)


def call_price(spot: float, strike: float, rate: float, sigma: float, until: float) -> float:
    """Black and Scholes 1973, eq. (13)."""
    spread = sigma * np.sqrt(until)
    d = (np.log(spot / strike) + (rate + sigma**2 / 2) * until) / spread
    return float(spot * norm.cdf(d) - strike * np.exp(-rate * until) * norm.cdf(d - spread))


def bond_price(r: float, a: float, b: float, sigma: float, until: float) -> float:
    """Cox, Ingersoll and Ross 1985, eq. (23)."""
    g = np.sqrt(a * a + 2 * sigma**2)
    bottom = (g + a) * (np.exp(g * until) - 1) + 2 * g
    slope = 2 * (np.exp(g * until) - 1) / bottom
    level = (2 * g * np.exp((a + g) * until / 2) / bottom) ** (2 * a * b / sigma**2)
    return float(level * np.exp(-slope * r))


def prices(chains: int, quick: bool) -> list[dict[str, Any]]:
    """Three prices beside their exact values."""

    def call(samples: Any, _: float) -> np.ndarray:
        return np.maximum(np.asarray(samples["S"], float)[:, -1] - 100.0, 0.0)

    def discounted(samples: Any, h: float) -> np.ndarray:
        r = np.asarray(samples["r"], float)
        return np.exp(-h * (0.05 / 2 + r.sum(1) - r[:, -1] / 2))

    rows = [
        ("call, Black and Scholes", call_price(100, 100, 0.05, 0.2, 1.0) * np.exp(0.05), 0.0,
         priced("black-scholes", 100.0, {"mu": 0.05, "sigma": 0.2}, 1.0, 16, call, chains)),
        ("bond, Cox, Ingersoll and Ross", bond_price(0.05, 0.8, 0.04, 0.2, 2.0), 0.0,
         priced("cir", 0.05, {"a": 0.8, "b": 0.04, "sigma": 0.2}, 2.0, 32, discounted, chains)),
        # Printed with three decimals.
        ("call, Heston, Andersen's case I", 13.085, 0.0005,
         priced("heston", {"S": 100.0, "v": 0.04},
                {"mu": 0.0, "a": 0.5, "b": 0.04, "sigma": 1.0, "rho": -0.9}, 10.0,
                40 if quick else 320, call, chains)),
    ]  # fmt: skip
    return [
        {"price": name, "exact": float(exact), "found": found, "error": error,
         "z": float(np.sign(found - exact) * max(abs(found - exact) - digits, 0.0) / error)}
        for name, exact, digits, (found, error) in rows
    ]  # fmt: skip


# ---------------------------------------------------------------------- cost


def seconds_of(action: Callable[[], Any], repeats: int = 3) -> float:
    """The shortest of some, after one that compiles."""
    action()
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        found.append(time.perf_counter() - began)
    return min(found)


def cost_of(entry: Entry, steps: int, h: float = 1e-4) -> dict[str, Any]:
    """Nanoseconds of a step of one chain by Euler-Maruyama, compiled, four draws kept."""
    example, dynamics = entry.example, entry.dynamics()
    assert example is not None
    start = {x.name: np.asarray(example.start[x.name], float) for x in dynamics.variables}
    position: Any = start if len(start) > 1 else next(iter(start.values()))
    sampler = sk.sampler(dynamics, parameters=example.parameters, scheme="EM")
    problem = sk.to_diffrax(dynamics, position, t1=h * steps, parameters=example.parameters)
    theirs = jax.jit(lambda: problem.solve(t1=h * steps, dt0=h).ys)
    seconds = {
        "sdekit": seconds_of(
            lambda: sk.simulate(
                sampler, position, step_size=h, steps=steps, thin=steps // 4, seed=1
            )
        ),
        "diffrax": seconds_of(lambda: jax.block_until_ready(theirs())),
        "Numba": numba_seconds(entry.name, example, h, steps),
    }
    return {"entry": entry.name} | {k: None if x is None else 1e9 * x / steps
                                    for k, x in seconds.items()}  # fmt: skip


def drawn(rows: list[dict[str, Any]]) -> plt.Figure:
    """All z with the twin's beside them."""
    figure, axes = plt.subplots(figsize=(9, 0.22 * len(rows) + 1.5))
    places = range(len(rows))
    axes.plot([r["z"] for r in rows], places, "o", label="z of the fact")
    axes.plot([min(r["z of twin"], 20) for r in rows], places, "x", label="twin (up to 20)")
    for limit in (-MOST, MOST):
        axes.axvline(limit, color="k", linewidth=0.8, linestyle=":")
    axes.set_yticks(places, [f"{r['entry']}: {r['fact'][:40]}" for r in rows], fontsize=7)
    axes.set(xlabel="standard errors", ylim=(len(rows) - 0.5, -0.5))
    axes.legend()
    return figure


def main() -> None:
    options = arguments(__doc__ or "")
    entries = list(sk.catalog.entries(plain=True))
    chains, pricing, steps = (500, 2000, 20_000) if options.quick else (4000, 50_000, 1_000_000)
    if options.quick:
        entries = [e for e in entries if e.name in ("cir", "driven-oscillator", "kuramoto")]
    report, rows = Report("plain_sdes", options, SEED), []
    for k, entry in enumerate(entries):
        began = time.perf_counter()
        rows += checked(entry, chains, 100 * (k + 1))
        print(f"{time.perf_counter() - began:5.1f} s", entry.name,
              [round(r["z"], 1) for r in rows if r["entry"] == entry.name], flush=True)  # fmt: skip
    found = prices(pricing, options.quick)
    cost = [cost_of(sk.catalog.entry(name), steps) for name in LOOPS]
    worst = max(rows, key=lambda r: abs(r["z"]))
    report.claim(
        "Every plain SDE of the catalogue has its exact moments, limits and rates within 4.5 "
        "standard errors, extrapolated in the step size",
        f"{len(rows)} facts of {len(entries)} entries; largest |z| {abs(worst['z']):.1f}, "
        f"{worst['entry']}", abs(worst["z"]) < MOST,
    )  # fmt: skip
    least = {e.name: max(r["z of twin"] for r in rows if r["entry"] == e.name) for e in entries}
    weakest = min(least, key=lambda name: least[name])
    report.claim(
        "Twin: with the first parameter half as large again a fact of each entry is off",
        f"at least {least[weakest]:.0f} standard errors, {weakest}", least[weakest] > POWER,
    )  # fmt: skip
    report.claim(
        "A call of Black and Scholes, a bond of Cox, Ingersoll and Ross and Heston's hard case "
        "(13.085) have their prices within 4.5 standard errors",
        "; ".join(f"{r['price']}: {r['found']:.5g} ({r['error']:.1g}), exact {r['exact']:.5g}"
                  for r in found), all(abs(r["z"]) < MOST for r in found),
    )  # fmt: skip
    tables = ""
    for name, part in (("Facts", rows), ("Prices", found), ("Nanoseconds of a step", cost)):
        report.add(name, part)
        tables += table(name, list(part[0]), [list(r.values()) for r in part])
    report.write(drawn(rows), tables)


if __name__ == "__main__":
    main()
