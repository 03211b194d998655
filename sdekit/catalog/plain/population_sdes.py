"""Plain SDEs of populations, genes and molecules.

Not for jump processes: these are their diffusion limits.
"""

from __future__ import annotations

from sdekit.catalog.record import (
    Entry,
    Example,
    Fact,
    Triple,
    claims,
    noise_claims,
    start_of,
)
from sdekit.declaration.functions.grammar import exp, log, sqrt, time
from sdekit.declaration.tree.symbols import parameter, scalar

x = scalar("x", domain="positive")
y = scalar("y", domain="positive")
a, b, c, d = (parameter(name, positive=True) for name in "abcd")
sigma = parameter("sigma", positive=True)
beta = parameter("beta", positive=True)
gamma = parameter("gamma", positive=True)


def logistic() -> Triple:
    """dx = a x (1 - x/K) dt + sigma x o dW (Stratonovich), with a Gamma law."""
    capacity = parameter("K", positive=True)
    return Triple(
        drift={x: a * x * (1 - x / capacity)},
        noise={x: sigma * x},
        interpretation="stratonovich",
        hamiltonian=2 * a * x / (capacity * sigma**2) - (2 * a / sigma**2 - 1) * log(x),
        facts=(Fact("rate", log(x), a * (1 - x / capacity)),),
    )


def lotka_volterra() -> Triple:
    """dx = x (a - b y) dt + sigma x dW_1, dy = y (c x - d) dt + sigma y dW_2."""
    return Triple(
        drift={x: x * (a - b * y), y: y * (c * x - d)},
        diffusion={x: sigma**2 * x**2 / 2, y: sigma**2 * y**2 / 2},
        facts=(
            Fact("rate", log(x), a - b * y - sigma**2 / 2),
            Fact("rate", log(y), c * x - d - sigma**2 / 2),
            Fact("rate", c * x + b * y, a * c * x - b * d * y),
        ),
    )


def sir() -> Triple:
    """Susceptible and infected with noise of the size of each reaction, in shares of N people."""
    susceptible, infected = scalar("S", domain="positive"), scalar("I", domain="positive")
    people = parameter("N", positive=True)
    infections = beta * susceptible * infected
    recoveries = gamma * infected
    return Triple(
        drift={susceptible: -infections, infected: infections - recoveries},
        diffusion={
            susceptible: infections / (2 * people),
            infected: (infections + recoveries) / (2 * people),
            (susceptible, infected): -infections / (2 * people),
        },
        facts=(
            Fact("rate", susceptible + infected, -recoveries),
            Fact("rate", (susceptible + infected) ** 2,
                 recoveries * (1 / people - 2 * (susceptible + infected))),
        ),
    )  # fmt: skip


def wright_fisher() -> Triple:
    """dx = (a (1 - x) - b x) dt + sqrt(x (1 - x)) dW: drift and mutation, with a Beta law."""
    share = scalar("x", domain=(0, 1))
    level, decay = a / (a + b), exp(-(a + b) * time)
    square = a * (2 * a + 1) / ((a + b) * (2 * a + 2 * b + 1))
    return Triple(
        drift={share: a * (1 - share) - b * share},
        noise={share: sqrt(share * (1 - share))},
        hamiltonian=-(2 * a - 1) * log(share) - (2 * b - 1) * log(1 - share),
        facts=(
            Fact("moment", share, level + (start_of(share) - level) * decay),
            Fact("limit", share**2, square),
        ),
    )


def chemical_langevin() -> Triple:
    """Birth at a rate a, death at b x: the Langevin equation of x, written for z = x + a/b > 0."""
    z = scalar("z", domain="positive")
    level, decay = 2 * a / b, exp(-b * time)
    mean = level + (start_of(z) - level) * decay
    return Triple(
        drift={z: 2 * a - b * z},
        noise={z: sqrt(b * z)},
        hamiltonian=2 * z - (4 * a / b - 1) * log(z),
        facts=(
            Fact("moment", z, mean),
            # The variance of a Poisson law, a/b.
            Fact("limit", (z - level) ** 2, a / b),
        ),
    )


ENTRIES = (
    Entry(
        "logistic", "Logistic growth in a random environment",
        "Verhulst 1838; Goel and Richter-Dyn 1974", logistic, claims(),
        example=Example({"x": 0.5}, {"a": 1.0, "K": 2.0, "sigma": 0.5}),
    ),
    Entry(
        "lotka-volterra", "Predator and prey in a random environment", "Lotka 1925; Volterra 1926",
        lotka_volterra, noise_claims(),
        example=Example(
            {"x": 1.5, "y": 1.0}, {"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0, "sigma": 0.2},
            until=5.0,
        ),
    ),
    Entry(
        "sir", "Epidemic of Kermack and McKendrick as a diffusion", "Allen 2008", sir,
        noise_claims(),
        example=Example(
            {"S": 0.9, "I": 0.1}, {"beta": 2.0, "gamma": 0.5, "N": 1000.0}, until=5.0,
        ),
    ),
    Entry(
        "wright-fisher", "Wright-Fisher diffusion with mutation", "Ewens 2004",
        wright_fisher, claims(),
        example=Example({"x": 0.3}, {"a": 1.0, "b": 1.5}),
    ),
    Entry(
        "chemical-langevin", "Chemical Langevin equation of birth and death", "Gillespie 2000",
        chemical_langevin, claims(),
        notes="The number of molecules is x = z - a/b; it may be negative, as in every chemical "
        "Langevin equation, but its noise stays real.",
        example=Example({"z": 12.0}, {"a": 10.0, "b": 1.0}),
    ),
)  # fmt: skip
