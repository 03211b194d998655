"""Thirty dynamics with a boundary against moment equations and stationary laws.

Square-root, Jacobi, 3/2 and constant-elasticity diffusions (blocks of vectors, one dynamics for
each entry), Euler-Maruyama at an end where the noise vanishes, walls with momenta, and a dense
noise that reflects along D n. Every moment lies within 4 standard errors of its closed form, which
shares no code with sdekit. Twin: the closed form for another start and inflow, more noise, or
another law behind the wall, does not.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import scipy.linalg
import scipy.special
from _results import Report, arguments

import sdekit as sk

SEED, CHAINS = 20261128, 20_000
#: Standard errors allowed; the twin has to be beyond the second number in one moment.
ALLOWED, POWER = 4.0, 7.0


def polynomial_moments(x, time, drift, noise):
    """E X and E X^2 of dX = (a + b X) dt + N(0, 2 (c0 + c1 X + c2 X^2) dt), from X = x."""
    (a, b), (c0, c1, c2) = drift, noise
    M = np.array([[0, 0, 0], [a, b, 0], [2 * c0, 2 * a + 2 * c1, 2 * b + 2 * c2]], float)
    return scipy.linalg.expm(time * M)[1:] @ [1.0, x, x * x]


def block(name, noise, values, domain, steps):
    """One run of a vector whose entries are dynamics of their own: dx = (a + b x) dt + noise."""
    n = sk.dim("n")
    x = sk.vector("x", n, domain=domain)
    a, b, q = (sk.parameter(s, n) for s in "abq")
    d = sk.Dynamics(drift={x: a + b * x}, diffusion={x: sk.diag(q * noise(x, sk.ones(n)))})
    a, b, q, start, time = (np.array(column) for column in zip(*values, strict=True))
    run = sk.simulate(
        d, start, parameters={"a": a, "b": b, "q": q}, step_size=time[0] / steps, steps=steps,
        thin=steps, chains=CHAINS, seed=SEED,
    )  # fmt: skip
    ends = np.asarray(run.samples["x"], float)[:, -1]
    for k, given in enumerate(values):
        yield f"{name} {given}", given, ends[:, k]


def scores(draws, expected):
    """Standard errors between each observable and its expectation."""
    draws = np.stack(draws)
    return (draws.mean(1) - expected) / (draws.std(1) / np.sqrt(draws.shape[1]))


def square_roots():
    """CIR above and below Feller's condition, Feller's branching diffusion."""
    values = [(k * m, -k, s * s / 2, x, 2.0)
              for k, m, s, x in [(1, 1, 0.5, 1), (1, 1, 1, 0.2), (0.5, 0.04, 1, 0.04),
                                 (2, 0.1, 1, 0.5), (1, 0.02, 0.3, 0.02), (3, 1, 2, 1)]]  # fmt: skip
    values += [(0.0, r, 0.5, 1.0, 2.0) for r in (-0.5, 0.0, 0.3)]
    for name, (a, b, q, x, t), ends in block("square root", lambda x, _: x, values, "positive", 8):
        moments = [polynomial_moments(f * x, t, (f * a, b), (0, q, 0)) for f in (1, 1.4)]
        yield name, [ends, ends**2], *moments


def jacobi():
    """Wright-Fisher and Jacobi diffusions, with and without mutation."""
    values = [(a, -b, q, x, 1.0)
              for a, b, q, x in [(1, 2, 0.5, 0.4), (0.05, 0.2, 0.5, 0.1), (0.01, 0.02, 0.5, 0.02),
                                 (0, 0, 0.5, 0.3), (0, 0.5, 1, 0.9), (2, 2.1, 0.3, 0.5),
                                 (0.3, 0.6, 2, 0.5), (0.02, 1, 0.2, 0.01)]]  # fmt: skip
    noise = lambda x, one: x * (one - x)  # noqa: E731
    for name, (a, b, q, x, t), ends in block("Jacobi", noise, values, (0, 1), 50):
        moments = [polynomial_moments(f * x, t, (f * a, b), (0, q, -q)) for f in (1, 1.4)]
        yield name, [ends, ends**2], *moments


def matched_euler():
    """D = q (x + x^2) has no letter: Euler-Maruyama with small steps."""
    values = [(0.5, -1.0, 0.4, 0.2, 0.5), (0.0, 0.2, 0.3, 0.5, 0.5), (0.05, -0.5, 0.6, 0.05, 0.5)]
    noise = lambda x, _: x + x * x  # noqa: E731
    for name, (a, b, q, x, t), ends in block("x + x^2", noise, values, "positive", 512):
        moments = [polynomial_moments(f * x, t, (f * a, b), (0, q, q)) for f in (1, 1.4)]
        yield name, [ends, ends**2], *moments


def inverse_roots():
    """dx = (a + b x) x dt, noise q x^3: y = 1/x is a square-root diffusion."""
    x, p = sk.scalar("x", domain="positive"), {s: sk.parameter(s) for s in "abq"}
    d = sk.Dynamics(drift={x: p["a"] * x + p["b"] * x**2}, diffusion={x: p["q"] * x**3})
    for a, b, q, start in [(1.0, -0.5, 0.3, 0.5), (0.5, 0.2, 1.0, 1.0), (2.0, -2.0, 0.5, 2.0)]:
        run = sk.simulate(d, start, parameters={"a": a, "b": b, "q": q}, step_size=0.25, steps=4,
                          thin=4, chains=CHAINS, seed=SEED)  # fmt: skip
        y = 1 / np.asarray(run.samples["x"], float)[:, -1]
        moments = [polynomial_moments(1 / start, 1.0, (2 * f * q - b, -a), (0, f * q, 0))
                   for f in (1, 1.2)]  # fmt: skip
        yield f"3/2 {(a, b, q, start)}", [y, y * y], *moments


def elasticities():
    """dx = r x dt + s x^(3/4) dW: the mean, and the probability of absorption."""
    x, r, s = sk.scalar("x", domain="positive"), sk.parameter("r"), sk.parameter("s", positive=True)
    d = sk.Dynamics(drift={x: r * x}, noise={x: s * sk.sqrt(x) * sk.sqrt(sk.sqrt(x))})
    for rate, noise, start in [(0.1, 1.0, 0.3), (-0.2, 1.5, 0.5), (0.3, 2.0, 1.0)]:
        run = sk.simulate(d, start, parameters={"r": rate, "s": noise}, step_size=0.5, steps=4,
                          thin=4, chains=CHAINS, seed=SEED)  # fmt: skip
        ends = np.asarray(run.samples["x"], float)[:, -1]

        def expected(noise, rate=rate, start=start):
            c = noise**2 / 8 * np.expm1(rate) / rate
            gone = scipy.special.gammaincc(2, np.sqrt(start) * np.exp(rate) / c / 2)
            return np.array([start * np.exp(2 * rate), gone])

        yield (
            f"elasticity {(rate, noise, start)}",
            [ends, ends == 0],
            *map(expected, (noise, 1.2 * noise)),
        )


def walls():
    """Stationary laws behind walls; their twins are laws without the wall, or a sticky one."""
    q, p = sk.scalar("q", domain="positive"), sk.scalar("p")
    half = sk.Dynamics(drift={q: p, p: -q - p}, diffusion={p: 1})
    box, v = sk.scalar("q", domain=(0, 1)), sk.scalar("p")
    speed = v / sk.sqrt(1 + v**2)
    fast = sk.Dynamics(drift={box: speed, v: -speed}, diffusion={v: 1})
    normal = np.array([np.sqrt(2 / np.pi), 1.0])
    uniform = np.array([1 / 2, 1 / 3])
    for name, d, h, expected, other in [
        ("Langevin on a half-line", half, 0.02, normal, 1.05 * normal),
        ("relativistic in a box", fast, 0.05, uniform, 1.05 * uniform),
    ]:
        run = sk.simulate(d, {"q": 0.5, "p": 0.0}, step_size=h, steps=600, thin=600,
                          chains=CHAINS, seed=SEED)  # fmt: skip
        ends = np.asarray(run.samples["q"], float)[:, -1]
        yield name, [ends, ends**2], expected, other
    n = sk.dim("n")
    x = sk.vector("x", n, domain="positive")
    P = sk.parameter("P", n, n, positive_definite=True)
    for c in (0.6, -0.6):
        run = sk.simulate(
            sk.Dynamics(drift={x: -P @ x}, diffusion={x: P}), np.ones(2),
            parameters={"P": np.array([[1.0, c], [c, 1.0]])}, step_size=1e-3, steps=5000,
            thin=5000, chains=CHAINS, seed=SEED,
        )  # fmt: skip
        ends = np.asarray(run.samples["x"], float)[:, -1]
        both = [ends[:, 0], ends[:, 0] * ends[:, 1]]
        yield f"conormal {c}", both, np.array([np.sqrt(2 / np.pi), 2 / np.pi]), np.ones(2)


def main():
    options = arguments(__doc__)
    report, rows = Report("boundary_dynamics", options, SEED), {}
    for family in (square_roots, jacobi, inverse_roots, elasticities, matched_euler, walls):
        for name, draws, expected, other in family():
            found, twin = scores(draws, expected), scores(draws, other)
            rows[name] = {"standard_errors": found, "twin": twin}
            print(f"{name}: {found.round(2)}, twin {twin.round(1)}", flush=True)
    largest = np.array([np.abs(row["standard_errors"]).max() for row in rows.values()])
    twins = np.array([np.abs(row["twin"]).max() for row in rows.values()])
    figure, axes = plt.subplots(figsize=(7, 4))
    axes.semilogy(largest, "o", label="closed form")
    axes.semilogy(twins, "x", label="twin")
    axes.axhline(ALLOWED, color="grey")
    axes.set(xlabel="dynamics", ylabel="largest deviation / standard errors")
    axes.legend()
    report.judge(
        {
            "dynamics": rows,
            "number": len(rows),
            "largest": largest.max(),
            "weakest_twin": twins.min(),
        },
        bool(len(rows) >= 30 and largest.max() < ALLOWED and twins.min() > POWER),
    )
    report.write(figure)


if __name__ == "__main__":
    main()
