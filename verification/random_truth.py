"""Random truth: designs drawn from the complete recipe are proved, perturbed ones refuted.

A design takes a random H, a factor L and an antisymmetric Q that all depend on the state, and sets
D = L L^T, v = -(D + Q) grad H + div(D + Q) (Ma, Chen and Fox 2015), which keeps exp(-H) stationary.
H mixes polynomials, quotients, exponentials and sines; half of the designs are written in scalars,
half in vectors and matrices of any size. Each is then perturbed by one random term of v; the
perturbed design must be refuted exactly where the numerical oracle sees a residual.

    python verification/random_truth.py [--quick] [--out DIR]
"""

from __future__ import annotations

import collections
import random
import time
from collections.abc import Callable

import matplotlib.pyplot as plt
import numeric_oracle as oracle
from _results import Report, arguments

import sdekit as sk
from sdekit.declaration.tree.expression import Expression

DESIGNS = 1000
Draw = random.Random


def small(rng: Draw) -> int:
    return rng.choice([-2, -1, 1, 2, 3])


# ---------------------------------------------------------------- scalars


def scalar_function(rng: Draw, xs: list) -> Expression:
    """One random smooth function of some of the scalars."""
    x, y = rng.choice(xs), rng.choice(xs)
    shapes: list[Callable[[], Expression]] = [
        lambda: small(rng) * x**2 / 2,
        lambda: small(rng) * x * y,
        lambda: small(rng) * x**3 * y / 3,
        lambda: x / (1 + y**2),
        lambda: (1 + x**2) ** -1 * y,
        lambda: sk.exp(x / 2) * small(rng),
        lambda: sk.sin(x + y),
        lambda: sk.cos(2 * x) * y,
        lambda: sk.log(1 + x**2 + y**2),
        lambda: sk.sqrt(1 + x**2),
        lambda: sk.tanh(x) * y,
        lambda: sk.potential(f"U_{x.name}{y.name}", *dict.fromkeys([x, y])),
        lambda: sk.parameter("a", positive=True) * x * y,
    ]
    return rng.choice(shapes)()


def scalar_sum(rng: Draw, xs: list, count: int) -> Expression:
    total = scalar_function(rng, xs)
    for _ in range(count - 1):
        total = total + scalar_function(rng, xs)
    return total


def scalar_design(rng: Draw) -> sk.Dynamics:
    d = rng.choice([1, 2, 2, 3])
    xs = [sk.scalar(name) for name in ("x", "y", "z")[:d]]
    energy = scalar_sum(rng, xs, rng.choice([1, 2, 3]))
    zero = 0 * xs[0]
    low = [[zero] * d for _ in xs]
    for i in range(d):
        for j in range(i + 1):
            if i == j or rng.random() < 0.4:
                low[i][j] = scalar_function(rng, xs) if rng.random() < 0.5 else 1 + 0 * xs[0]
    q = [[zero] * d for _ in xs]
    for i in range(d):
        for j in range(i):
            if rng.random() < 0.6:
                q[i][j] = scalar_function(rng, xs)
                q[j][i] = -q[i][j]
    diffusion = {}
    drift = {}
    for i, x in enumerate(xs):
        total = None
        for j, y in enumerate(xs):
            entry = low[i][0] * low[j][0]
            for k in range(1, d):
                entry = entry + low[i][k] * low[j][k]
            if j >= i:
                diffusion[x, y] = entry
            whole = entry + q[i][j]
            term = sk.grad(whole, y) - whole * sk.grad(energy, y)
            total = term if total is None else total + term
        drift[x] = total
    return sk.Dynamics(drift, diffusion, hamiltonian=energy)


# ---------------------------------------------------------------- tensors, every n


def tensor_function(rng: Draw, theta: object, p: object, s: object) -> Expression:
    n = theta.shape[0]
    w = sk.parameter("w", n)
    M = sk.parameter("M", n, n, positive_definite=True)
    C = sk.parameter("C", n, n)
    x, y = rng.choice([theta, p]), rng.choice([theta, p])
    shapes: list[Callable[[], Expression]] = [
        lambda: sk.dot(x, y) * small(rng) / 2,
        lambda: sk.dot(x, M @ x) / 2,
        lambda: sk.dot(x, sk.inv(M) @ y),
        lambda: sk.potential("U", theta),
        lambda: sk.potential("V", theta, p),
        lambda: sk.dot(w, x) ** 2,
        lambda: sk.dot(x * x, y * y) / 4,
        lambda: s**2 / 2,
        lambda: s * sk.dot(x, y),
        lambda: sk.exp(s) * sk.dot(w, x),
        lambda: sk.sqrt(1 + sk.dot(x, x)),
        lambda: sk.log(1 + sk.dot(x, x) + s**2),
        lambda: sk.sin(sk.dot(w, x)),
        lambda: sk.dot(x, C @ y) / (1 + s**2),
        lambda: sk.dot(sk.ones(n), sk.exp(x)),
    ]
    return rng.choice(shapes)()


def tensor_design(rng: Draw) -> sk.Dynamics:
    """Blocks theta, p of any size n and a scalar s."""
    n = sk.dim("n")
    theta, p, s = sk.vector("theta", n), sk.vector("p", n), sk.scalar("s")
    A = sk.parameter("A", positive=True)
    energy = tensor_function(rng, theta, p, s)
    for _ in range(rng.choice([1, 2])):
        energy = energy + tensor_function(rng, theta, p, s)
    G = sk.function("G", theta, shape=(n, n), positive_definite=True)
    S = sk.function("S", theta, p, shape=(n, n), positive_semidefinite=True)
    noise = rng.choice([
        lambda: A * sk.eye(n),
        lambda: G,
        lambda: S + A * sk.eye(n),
        lambda: sk.outer(theta, theta) + A * sk.eye(n),
        lambda: (1 + sk.dot(theta, theta)) * sk.eye(n),
        lambda: sk.diag(p * p) + sk.eye(n),
    ])()  # fmt: skip
    coupling = rng.choice([
        lambda: sk.eye(n),
        lambda: sk.parameter("C", n, n),
        lambda: sk.function("B", theta, shape=(n, n)),
        lambda: s * sk.eye(n),
        lambda: sk.outer(p, theta),
    ])()  # fmt: skip
    rotation = rng.choice([
        lambda: sk.parameter("J", n, n, antisymmetric=True),
        lambda: sk.function("K", theta, p, shape=(n, n), antisymmetric=True),
        lambda: sk.outer(theta, p) - sk.outer(p, theta),
    ])()  # fmt: skip
    thermostat = rng.choice([lambda: p, lambda: s * p, lambda: p * p, lambda: sk.tanh(p)])()
    h_theta, h_p, h_s = (sk.grad(energy, x) for x in (theta, p, s))
    # Q has blocks (theta, p) = -coupling, (p, p) = rotation, (p, s) = thermostat.
    drift = {
        theta: coupling @ h_p - sk.div(coupling, p),
        p: -((noise + rotation) @ h_p) - coupling.T @ h_theta - thermostat * h_s
        + sk.div(noise + rotation, p) + sk.div(coupling.T, theta) + sk.grad(thermostat, s),
        s: sk.dot(thermostat, h_p) - sk.div(thermostat, p),
    }  # fmt: skip
    return sk.Dynamics(drift, {p: noise}, hamiltonian=energy)


# ---------------------------------------------------------------- perturbations


def perturbed(rng: Draw, dynamics: sk.Dynamics) -> sk.Dynamics:
    x = rng.choice(dynamics.variables)
    if dynamics.is_scalar:
        extra = scalar_function(rng, list(dynamics.variables))
    elif x.shape:
        theta, p, s = dynamics.variables
        extra = rng.choice(
            [theta, p, s * p, theta * theta, sk.grad(sk.potential("W", theta), theta)]
        )
    else:
        theta, p, s = dynamics.variables
        extra = rng.choice([s, sk.dot(p, p), sk.dot(theta, p), 1 + 0 * s])
    drift = {**dynamics.drift, x: dynamics.drift[x] + small(rng) * extra}
    return sk.Dynamics(drift, dict(dynamics.diffusion), hamiltonian=dynamics.hamiltonian)


def main() -> None:
    options = arguments(__doc__)
    report = Report("random_truth", options, seed=0)
    designs = 60 if options.quick else DESIGNS
    count: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    wrong: list[str] = []
    times: list[float] = []
    for k in range(designs):
        rng = random.Random(k)
        kind = "scalars" if k % 2 else "tensors, all n"
        design = scalar_design(rng) if k % 2 else tensor_design(rng)
        for name, dynamics in (("recipe", design), ("perturbed", perturbed(rng, design))):
            started = time.perf_counter()
            verdict = sk.verify(dynamics, budget=20).checks["stationarity"].verdict.value
            times.append(time.perf_counter() - started)
            count[f"{kind}, {name}"][verdict] += 1
            expected, worst, _ = (
                (True, 0, 1) if name == "recipe" else oracle.is_stationary(dynamics)
            )
            if (verdict == "proved" and expected is False) or (
                verdict == "refuted" and expected is True
            ):
                wrong.append(
                    f"design {k} {name}: {verdict}, oracle residual {worst:.2g}\n"
                    f"{dynamics.to_toml()}"
                )
            if name == "recipe" and oracle.is_stationary(dynamics)[0] is False:
                wrong.append(f"design {k}: the generator of designs is wrong")
    undecided = sum(values["undecided"] for values in count.values())
    total = sum(sum(values.values()) for values in count.values())
    report.add("verdicts", {key: dict(values) for key, values in sorted(count.items())})
    report.add("wrong", wrong)
    report.add(
        "seconds per verdict, median and largest", [sorted(times)[len(times) // 2], max(times)]
    )
    report.content["claims"] = [
        {
            "claim": "1,000 random designs of the complete recipe: none is refuted, and of the "
            "perturbed ones none is proved or refuted against the numerical oracle",
            "result": f"{len(wrong)} contradictions among {total} verdicts",
            "passed": not wrong,
        },
        {
            "claim": "Less than 1 % of these verdicts is undecided",
            "result": f"{100 * undecided / total:.2f} % undecided",
            "passed": undecided <= 0.01 * total,
        },
    ]
    report.write(_figure(count))
    for line in wrong[:10]:
        print(line)


def _figure(count: dict[str, collections.Counter]) -> plt.Figure:
    figure, axes = plt.subplots(figsize=(8, 2.8))
    keys = sorted(count)
    left = [0] * len(keys)
    for verdict, colour in (
        ("proved", "#3b7d4f"),
        ("refuted", "#b2432f"),
        ("undecided", "#c9c4b8"),
    ):
        values = [count[key][verdict] for key in keys]
        axes.barh(keys, values, left=left, color=colour, label=verdict)
        left = [a + b for a, b in zip(left, values, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("designs")
    axes.legend(loc="center right")
    axes.set_title("Stationarity of random designs")
    return figure


if __name__ == "__main__":
    main()
