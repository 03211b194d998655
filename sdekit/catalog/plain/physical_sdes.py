"""Plain SDEs of physics and physiology: oscillators, pendulums, active particles, neurons.

Not for samplers, though some of these have an equilibrium (`langevin`).
"""

from __future__ import annotations

from sdekit.catalog.record import Entry, Example, Fact, Triple, claims, noise_claims, start_of
from sdekit.declaration.functions.entries import sum as sum_of
from sdekit.declaration.functions.grammar import cos, exp, eye, grad, ones, sin, time
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.symbols import parameter, scalar, vector

x, y, z, p = (scalar(name) for name in "xyzp")
a, b, c = (parameter(name, positive=True) for name in "abc")
gamma = parameter("gamma", positive=True)
kT = parameter("kT", positive=True)
sigma = parameter("sigma", positive=True)


def fitzhugh_nagumo() -> Triple:
    """dv = (v - v^3/3 - w + I) dt + sigma dW, dw = c (v + a - b w) dt."""
    v, w, current = scalar("v"), scalar("w"), parameter("I")
    return Triple(
        drift={v: v - v**3 / 3 - w + current, w: c * (v + a - b * w)},
        diffusion={v: sigma**2 / 2},
        facts=(
            Fact("rate", w, c * (v + a - b * w)),
            Fact("rate", c * v**2 + w**2, c * (2 * v**2 - 2 * v**4 / 3 + 2 * current * v
                 + sigma**2 + 2 * a * w - 2 * b * w**2)),
        ),
    )  # fmt: skip


def kuramoto() -> Triple:
    """n phases with one frequency omega, coupling K and noise D."""
    n = Dim("n")
    theta = vector("theta", n, domain="circle")
    coupling, noise = parameter("K", positive=True), parameter("D", positive=True)
    omega = parameter("omega")
    pull = cos(theta) * sum_of(sin(theta)) - sin(theta) * sum_of(cos(theta))
    order = sum_of(cos(theta)) ** 2 + sum_of(sin(theta)) ** 2
    return Triple(
        drift={theta: omega * ones(n) + coupling / n * pull},
        diffusion={theta: noise * eye(n)},
        hamiltonian=-coupling / (2 * n * noise) * order,
        facts=(Fact("rate", sum_of(sin(theta)), omega * sum_of(cos(theta))
                    + coupling / n * (sum_of(cos(theta) ** 2) * sum_of(sin(theta))
                    - sum_of(cos(theta) * sin(theta)) * sum_of(cos(theta)))
                    - noise * sum_of(sin(theta))),),
    )  # fmt: skip


def active_brownian() -> Triple:
    """dx = c cos(phi) dt + noise D, dy = c sin(phi) dt + noise D, dphi = noise of rate a."""
    phi = scalar("phi", domain="circle")
    noise = parameter("D", positive=True)
    apart = (x - start_of(x)) ** 2 + (y - start_of(y)) ** 2
    return Triple(
        drift={x: c * cos(phi), y: c * sin(phi), phi: 0 * x},
        diffusion={x: noise, y: noise, phi: a},
        facts=(
            Fact("moment", cos(phi), cos(start_of(phi)) * exp(-a * time)),
            Fact("moment", apart,
                 4 * noise * time + 2 * c**2 / a**2 * (a * time - 1 + exp(-a * time))),
        ),
    )  # fmt: skip


def duffing() -> Triple:
    """A particle in the double well -a x^2/2 + b x^4/4 with friction gamma at temperature kT."""
    energy = p**2 / 2 - a * x**2 / 2 + b * x**4 / 4
    return Triple(
        drift={x: p, p: a * x - b * x**3 - gamma * p},
        diffusion={p: gamma * kT},
        hamiltonian=energy / kT,
        facts=(Fact("rate", energy, gamma * (kT - p**2)),),
    )


def driven_oscillator() -> Triple:
    """An oscillator of frequency a with friction gamma, driven at the frequency b."""
    return Triple(
        drift={x: p, p: -(a**2) * x - gamma * p + c * cos(b * time)},
        diffusion={p: gamma * kT},
        facts=(Fact("rate", p**2 / 2 + a**2 * x**2 / 2,
                    gamma * (kT - p**2) + c * cos(b * time) * p),),
    )  # fmt: skip


def double_pendulum() -> Triple:
    """Unit masses on unit rods in gravity a, q the first angle, d that of the second beside it."""
    q, d = (scalar(name, domain="circle") for name in "qd")
    p_q, p_d = scalar("p_q"), scalar("p_d")
    det = 1 + sin(d) ** 2
    kinetic = (p_q**2 - 2 * (1 + cos(d)) * p_q * p_d + (3 + 2 * cos(d)) * p_d**2) / (2 * det)
    energy = kinetic - a * (2 * cos(q) + cos(q + d))
    speeds = {x: grad(kinetic, momentum) for x, momentum in ((q, p_q), (d, p_d))}
    return Triple(
        drift={
            **speeds,
            p_q: -grad(energy, q) - gamma * speeds[q],
            p_d: -grad(energy, d) - gamma * speeds[d],
        },
        diffusion={p_q: gamma * kT, p_d: gamma * kT},
        facts=(Fact("rate", energy, gamma * (
            kT * (4 + 2 * cos(d)) / det - speeds[q] ** 2 - speeds[d] ** 2
        )),),
    )  # fmt: skip


def lorenz() -> Triple:
    """The equations of Lorenz with noise of the same size in each."""
    return Triple(
        drift={x: a * (y - x), y: x * (b - z) - y, z: x * y - c * z},
        diffusion={x: sigma**2 / 2, y: sigma**2 / 2, z: sigma**2 / 2},
        facts=(
            Fact("rate", x**2 - 2 * a * z, 2 * a * c * z - 2 * a * x**2 + sigma**2),
            Fact("rate", y**2 + z**2, 2 * b * x * y - 2 * y**2 - 2 * c * z**2 + 2 * sigma**2),
        ),
    )


ENTRIES = (
    Entry(
        "fitzhugh-nagumo", "Excitable neuron", "FitzHugh 1961; Nagumo et al. 1962",
        fitzhugh_nagumo, noise_claims(),
        example=Example(
            {"v": -1.0, "w": -0.5}, {"a": 0.7, "b": 0.8, "c": 0.08, "I": 0.5, "sigma": 0.3},
            until=20.0,
        ),
    ),
    Entry(
        "kuramoto", "Phases with noise that pull one another", "Kuramoto 1984; Sakaguchi 1988",
        kuramoto, claims(),
        example=Example(
            {"theta": (0.0, 1.0, 3.0)}, {"omega": 1.0, "K": 2.0, "D": 0.3}, {"n": 3},
            until=5.0,
        ),
    ),
    Entry(
        "active-brownian", "Active Brownian particle in the plane", "Howse et al. 2007",
        active_brownian, noise_claims(),
        example=Example({"x": 0.0, "y": 0.0, "phi": 0.5}, {"c": 2.0, "D": 0.1, "a": 1.0}),
    ),
    Entry(
        "duffing", "Oscillator of Duffing at a temperature", "Duffing 1918; Kramers 1940", duffing,
        claims(),
        example=Example(
            {"x": 1.0, "p": 0.0}, {"a": 1.0, "b": 1.0, "gamma": 0.5, "kT": 0.5}, until=5.0,
        ),
    ),
    Entry(
        "driven-oscillator", "Driven oscillator at a temperature", "Wang and Uhlenbeck 1945",
        driven_oscillator, noise_claims(),
        example=Example(
            {"x": 1.0, "p": 0.0}, {"a": 1.0, "b": 1.5, "c": 1.0, "gamma": 0.5, "kT": 0.5},
            until=5.0,
        ),
    ),
    Entry(
        "double-pendulum", "Double pendulum at a temperature", "Textbook; Hamilton's equations",
        double_pendulum, noise_claims(),
        notes="exp(-energy/kT) is stationary; that solutions do not explode is left open, "
        "and no law is claimed here.",
        example=Example(
            {"q": 1.0, "d": -0.5, "p_q": 0.0, "p_d": 0.0}, {"a": 1.0, "gamma": 0.3, "kT": 0.5},
        ),
    ),
    Entry(
        "lorenz", "Stochastic equations of Lorenz", "Lorenz 1963, with additive noise", lorenz,
        noise_claims(),
        example=Example(
            {"x": 1.0, "y": 1.0, "z": 20.0}, {"a": 10.0, "b": 28.0, "c": 8 / 3, "sigma": 2.0},
            until=2.0, step_size=0.002,
        ),
    ),
)  # fmt: skip
