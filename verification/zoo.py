"""The zoo: mistakes of shipped samplers, judged from their SDE or from their step function.

Every mistake of `zoo/*.toml` is a model file that `sk.verify` refutes for all n; every wrong step
is re-written here as a small JAX function that `sk.audit` compares with the SDE it claims to be,
with the variance of theta that it produces on a standard normal target beside it. The installed
BlackJAX is audited as it is. Claims: the wrong ones are inconsistent, BlackJAX's diffusion steps
consistent (its `sghmc` kernel redraws the momentum at each call, so the step inside is audited),
at most 10 s each, and over 30 seeds no false alarm and no miss.

    python verification/zoo.py [--quick] [--out DIR]
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import blackjax.sgmcmc.diffusions as diffusions
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from _results import Report, arguments

import sdekit as sk

ZOO = Path(__file__).resolve().parent / "zoo"
FRICTION, TAU, MU, SIZE = 4.0, 0.25, 1.0, 2
CHAINS, STEP = 256, 0.02


def quartic(theta):
    return jnp.sum(theta**4) / 4 + jnp.sum(theta**2) / 2


def normal(theta):
    return jnp.sum(theta**2) / 2


@dataclass(frozen=True)
class Case:
    """A step function with the SDE it claims to be.

    Attributes:
        name: Package and what it does.
        build: potential -> step(key, state, h) on blocks by name.
        dynamics: The claim.
        parameters: Its parameters.
        is_right: Whether the step is the SDE.
        options: Further arguments of the audit.
        seen: What the package was seen to do on a standard normal target.
    """

    name: str
    build: Callable[[Callable], Callable]
    dynamics: sk.Dynamics
    parameters: dict[str, float]
    is_right: bool
    options: dict[str, Any]
    seen: str = ""


def frozen(potential):
    """SGMCMCJax 0.2.13 passes (update1, update1): the position it returns never changes."""

    def step(key, state, h):
        noise = jnp.sqrt(2 * FRICTION * h) * jax.random.normal(key, state["p"].shape)
        gradient = jax.grad(potential)(state["theta"])
        return {**state, "p": (1 - FRICTION * h) * state["p"] - h * gradient + noise}

    return step


def badodab_norm(potential):
    """SGMCMCJax (development version): norm(v) - v.size drives the thermostat."""

    def step(key, state, h):
        theta, p, xi = state["theta"], state["p"], state["xi"]
        p = p - h / 2 * jax.grad(potential)(theta)
        theta = theta + h / 2 * p
        xi = xi + h / 2 * (jnp.sqrt(p @ p) - p.size) / MU
        decay = jnp.exp(-xi * h)
        variance = FRICTION * jnp.where(jnp.abs(xi) < 1e-4, 2 * h, -jnp.expm1(-2 * xi * h) / xi)
        p = decay * p + jnp.sqrt(variance) * jax.random.normal(key, p.shape)
        xi = xi + h / 2 * (jnp.sqrt(p @ p) - p.size) / MU
        theta = theta + h / 2 * p
        return {"theta": theta, "p": p - h / 2 * jax.grad(potential)(theta), "xi": xi}

    return step


def baoab(noise_scale):
    """BAOAB with the noise of its O part multiplied by `noise_scale`."""

    def build(potential):
        def step(key, state, h):
            theta, p = state["theta"], state["p"]
            p = p - h / 2 * jax.grad(potential)(theta)
            theta = theta + h / 2 * p
            decay = jnp.exp(-FRICTION * h)
            noise = noise_scale * jnp.sqrt(1 - decay**2) * jax.random.normal(key, p.shape)
            p = decay * p + noise
            theta = theta + h / 2 * p
            return {"theta": theta, "p": p - h / 2 * jax.grad(potential)(theta)}

        return step

    return build


def friction_leapfrog(potential):
    """jax-sgmc 0.1.5: noise friction*sqrt(2 h) where sqrt(2*friction*h) belongs."""

    def step(key, state, h):
        theta = state["theta"] + h * state["p"]
        noise = FRICTION * jnp.sqrt(2 * h) * jax.random.normal(key, theta.shape)
        p = state["p"] - h * jax.grad(potential)(theta) - h * FRICTION * state["p"] + noise
        return {"theta": theta, "p": p}

    return step


def psgld(potential):
    """SGMCMCJax and jax-sgmc: a preconditioner G(theta) without the drift div G."""

    def step(key, state, h):
        theta = state["theta"]
        G = preconditioner(theta)
        noise = jnp.sqrt(2 * G * h) * jax.random.normal(key, theta.shape)
        return {"theta": theta - h * G * jax.grad(potential)(theta) + noise}

    return step


def preconditioner(theta):
    return 1 / (0.5 + theta**2)


DRIFT = np.array([[1.0, 3.0], [0.0, 1.5]])


def thermox(_potential):
    """thermox 0.0.6: the covariance of a step from the eigenvalues of (A + A^T)/2."""
    values, vectors = np.linalg.eigh((DRIFT + DRIFT.T) / 2)

    def step(key, state, h):
        spread = jnp.asarray(vectors) * jnp.sqrt((1 - jnp.exp(-2 * values * h)) / values)
        z = jax.scipy.linalg.expm(-jnp.asarray(DRIFT) * h) @ jnp.stack([state["x"], state["y"]])
        z = z + spread @ jax.random.normal(key, (2,))
        return {"x": z[0], "y": z[1]}

    return step


def blackjax_sgld(potential):
    solver = diffusions.overdamped_langevin()

    def step(key, state, h):
        return {"theta": solver(key, state["theta"], -jax.grad(potential)(state["theta"]), h)}

    return step


def blackjax_sghmc(potential):
    solver = diffusions.sghmc(alpha=FRICTION)

    def step(key, state, h):
        gradient = -jax.grad(potential)(state["theta"])
        theta, p = solver(key, state["theta"], state["p"], gradient, h)
        return {"theta": theta, "p": p}

    return step


def blackjax_sgnht(potential):
    solver = diffusions.sgnht(alpha=FRICTION)

    def step(key, state, h):
        gradient = -jax.grad(potential)(state["theta"])
        theta, p, xi = solver(key, state["theta"], state["p"], state["xi"], gradient, h)
        return {"theta": theta, "p": p, "xi": xi}

    return step


def preconditioned() -> sk.Dynamics:
    n = sk.dim("n")
    theta = sk.vector("theta", n)
    U, G = sk.potential("U", theta), sk.function("G", theta, shape=(n,), positive=True)
    drift = sk.div(sk.diag(G), theta) - G * sk.grad(U, theta)
    return sk.Dynamics({theta: drift}, {theta: sk.diag(G)}, hamiltonian=U)


def linear() -> sk.Dynamics:
    x, y = sk.scalar("x"), sk.scalar("y")
    return sk.Dynamics({x: -x - 3 * y, y: -3 * y / 2}, {x: 1, y: 1})


def cases() -> list[Case]:
    langevin, physical = sk.catalog.get("langevin"), sk.catalog.get("langevin-physical")
    sgnht, paper = sk.catalog.get("sgnht"), sk.catalog.get("sgnht-paper")
    A = {"A": FRICTION}
    warm = {"m": 1.0, "lam": FRICTION, "kT": TAU}
    return [
        Case("SGMCMCJax 0.2.13 BAOAB, (update1, update1)", frozen, langevin, A, False, {},
             "constant, variance 0.0000"),
        Case("SGMCMCJax badodab, norm(v) for its square", badodab_norm, sgnht, {**A, "mu": MU},
             False, {}, "variance 1.70 (d = 1), 4.70 (d = 4)"),
        Case("SGMCMCJax baoab(tau), noise tau for sqrt(tau)", baoab(TAU), physical, warm, False, {},
             "tau = 0.25 gives variance tau**2 = 0.0625"),
        Case("jax-sgmc SGHMC, noise friction for its root", friction_leapfrog, langevin, A, False,
             {}, "friction 4 gives variance 3.92"),
        Case("pSGLD without div G", psgld, preconditioned(), {}, False,
             {"functions": {"G": preconditioner}}, "a known approximation"),
        Case("thermox 0.0.6, one step of an OU process", thermox, linear(), {}, False,
             {"exact": True, "step_size": 1.0}, "covariance [[4.30, -1.53], [-1.53, 1.39]]"),
        Case("BAOAB as published", baoab(np.sqrt(TAU)), physical, warm, True, {}),
        Case("BlackJAX sgld", blackjax_sgld, sk.catalog.get("overdamped"), {}, True, {}),
        Case("BlackJAX sghmc, the step inside", blackjax_sghmc, langevin, A, True, {}),
        Case("BlackJAX sgnht", blackjax_sgnht, paper, A, True, {}),
    ]  # fmt: skip


def audited(case: Case, seed: int = 0):
    options = dict(case.options)
    if any(function.name == "U" for function in case.dynamics.functions):
        options["functions"] = {**options.get("functions", {}), "U": quartic}
    return sk.audit(
        case.build(quartic), case.dynamics, sizes={d.name: SIZE for d in case.dynamics.dimensions},
        parameters=case.parameters, seed=seed, **options,
    )  # fmt: skip


def variance(case: Case, steps: int) -> float | None:
    """Mean variance of theta on a standard normal target over the second half of a run."""
    names = [x.name for x in case.dynamics.variables]
    if "theta" not in names:
        return None
    step = case.build(normal)
    state = {"theta": jnp.ones(SIZE), "p": jnp.ones(SIZE), "xi": jnp.asarray(FRICTION)}
    state = {name: value for name, value in state.items() if name in names}

    def chain(key):
        def body(carry, k):
            carry = step(k, carry, STEP)
            return carry, carry["theta"]

        _, thetas = jax.lax.scan(body, state, jax.random.split(key, steps))
        return thetas[steps // 2 :].var()

    return float(jax.jit(jax.vmap(chain))(jax.random.split(jax.random.key(1), CHAINS)).mean())


def main() -> None:
    options = arguments(__doc__)
    report = Report("zoo", options, seed=0)
    models = []
    for path in sorted(ZOO.glob("*.toml")):
        dynamics = sk.load(path)
        verification = sk.verify(dynamics)
        check = verification.checks["stationarity"]
        models.append({
            "file": path.name, "model": dynamics.name, "verdict": str(verification.verdict),
            "left over": check.residual, "witness": str(check.witness) if check.witness else None,
        })  # fmt: skip
        print(f"{dynamics.name}: {verification.verdict}")
    rows = []
    for case in cases():
        found = audited(case)
        measured = variance(case, 2000 if options.quick else 20_000)
        rows.append({
            "step": case.name, "verdict": found.verdict, "is right": case.is_right,
            "discrepancies": list(found.discrepancies), "seconds": found.seconds,
            "variance of theta, 1 expected": measured, "package was seen to give": case.seen,
        })  # fmt: skip
        print(f"{case.name}: {found.verdict} in {found.seconds:.1f} s; variance {measured}")
        for text in found.discrepancies:
            print(f"    {text}")
    alarms, misses, trials = _error_rates(3 if options.quick else 30)
    expected = {True: "consistent", False: "inconsistent"}
    wrong_files = [m for m in models if m["verdict"] == "proved" and "corrected" not in m["file"]]
    report.add("models", models)
    report.add("steps", rows)
    report.add("error rates", {"trials": trials, "false alarms": alarms, "misses": misses})
    report.content["claims"] = [
        {
            "claim": "Every peer mistake that its SDE shows is refuted for all n",
            "result": f"{sum(m['verdict'] == 'refuted' for m in models)} refuted, "
            "the corrected law proved",
            "passed": not wrong_files,
        },
        {
            "claim": "Wrong steps are inconsistent, right ones consistent",
            "result": "; ".join(f"{r['step']}: {r['verdict']}" for r in rows),
            "passed": all(r["verdict"] == expected[r["is right"]] for r in rows),
        },
        {
            "claim": "An audit takes at most 10 s",
            "result": f"longest {max(r['seconds'] for r in rows):.1f} s",
            "passed": max(r["seconds"] for r in rows) <= 10,
        },
        {
            "claim": "Over 30 seeds false alarms and misses stay within the level of 0.1 %",
            "result": f"{alarms} false alarms and {misses} misses in {trials} audits each",
            "passed": alarms == 0 and misses == 0,
        },
    ]
    report.write(_figure(rows))


def _error_rates(trials: int) -> tuple[int, int, int]:
    """Audits of a right and a wrong SGNHT step with different seeds."""
    right = Case("right", blackjax_sgnht, sk.catalog.get("sgnht-paper"), {"A": FRICTION}, True, {})
    wrong = Case(
        "wrong", badodab_norm, sk.catalog.get("sgnht"), {"A": FRICTION, "mu": MU}, False, {}
    )
    alarms = sum(audited(right, seed).verdict == "inconsistent" for seed in range(trials))
    misses = sum(audited(wrong, seed).verdict != "inconsistent" for seed in range(trials))
    return alarms, misses, trials


def _figure(rows: list[dict]) -> plt.Figure:
    shown = [row for row in rows if row["variance of theta, 1 expected"] is not None]
    figure, axes = plt.subplots(figsize=(8, 3.8))
    colours = ["#3b7d4f" if row["verdict"] == "consistent" else "#b2432f" for row in shown]
    values = [row["variance of theta, 1 expected"] for row in shown]
    axes.barh([row["step"] for row in shown], values, color=colours)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.axvline(TAU, color="black", linewidth=0.8, linestyle=":")
    axes.invert_yaxis()
    axes.set_xlabel(
        "variance of theta on a standard normal (dotted: target of the runs at tau = 0.25)"
    )
    axes.set_title("Steps that are the SDE they claim to be (green) and that are not (red)")
    return figure


if __name__ == "__main__":
    started = time.perf_counter()
    main()
    print(f"{time.perf_counter() - started:.0f} s")
