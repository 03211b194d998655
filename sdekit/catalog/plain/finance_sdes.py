"""Plain SDEs of finance: prices, interest rates and their volatilities.

Not for what options on them cost (`verification/plain_sdes.py`).
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
from sdekit.declaration.functions.grammar import dot, exp, eye, log, sqrt, time
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.symbols import parameter, scalar, vector

S = scalar("S", domain="positive")
F = scalar("F", domain="positive")
r = scalar("r", domain="positive")
v = scalar("v", domain="positive")
alpha = scalar("alpha", domain="positive")
mu = parameter("mu")
a = parameter("a", positive=True)
b = parameter("b", positive=True)
sigma = parameter("sigma", positive=True)


def black_scholes() -> Triple:
    """dS = mu S dt + sigma S dW: geometric Brownian motion."""
    start = start_of(S)
    return Triple(
        drift={S: mu * S},
        noise={S: sigma * S},
        facts=(
            Fact("moment", S, start * exp(mu * time)),
            Fact("moment", S**2, start**2 * exp((2 * mu + sigma**2) * time)),
            Fact("rate", log(S), mu - sigma**2 / 2),
        ),
    )


def heston() -> Triple:
    """dS = mu S dt + sqrt(v) S dW_1, dv = a (b - v) dt + sigma sqrt(v) dW_2, correlation rho."""
    rho = parameter("rho")
    start = start_of(v)
    decay = exp(-a * time)
    spread = start * sigma**2 / a * (decay - decay**2) + b * sigma**2 / (2 * a) * (1 - decay) ** 2
    return Triple(
        drift={S: mu * S, v: a * (b - v)},
        noise={
            S: [sqrt(v) * S, 0],
            v: [rho * sigma * sqrt(v), sqrt(1 - rho**2) * sigma * sqrt(v)],
        },
        assume=(rho**2 <= 1,),
        facts=(
            Fact("moment", S, start_of(S) * exp(mu * time)),
            Fact("moment", v, b + (start - b) * decay),
            Fact("moment", v**2, (b + (start - b) * decay) ** 2 + spread),
            Fact("rate", log(S), mu - v / 2),
        ),
    )


def cir() -> Triple:
    """dr = a (b - r) dt + sigma sqrt(r) dW, with a Gamma law."""
    start, decay = start_of(r), exp(-a * time)
    mean = b + (start - b) * decay
    spread = start * sigma**2 / a * (decay - decay**2) + b * sigma**2 / (2 * a) * (1 - decay) ** 2
    return Triple(
        drift={r: a * (b - r)},
        noise={r: sigma * sqrt(r)},
        hamiltonian=2 * a * r / sigma**2 - (2 * a * b / sigma**2 - 1) * log(r),
        facts=(
            Fact("moment", r, mean),
            Fact("moment", r**2, mean**2 + spread),
            Fact("limit", r**2, b**2 + b * sigma**2 / (2 * a)),
        ),
    )


def vasicek() -> Triple:
    """dr = a (b - r) dt + sigma dW: rates may be negative."""
    rate, level = scalar("r"), parameter("b")
    decay = exp(-a * time)
    mean = level + (start_of(rate) - level) * decay
    return Triple(
        drift={rate: a * (level - rate)},
        noise={rate: sigma},
        hamiltonian=a * (rate - level) ** 2 / sigma**2,
        facts=(
            Fact("moment", rate, mean),
            Fact("moment", rate**2, mean**2 + sigma**2 / (2 * a) * (1 - decay**2)),
            Fact("limit", rate**2, level**2 + sigma**2 / (2 * a)),
        ),
    )


def ckls() -> Triple:
    """dr = a (b - r) dt + sigma r^gamma dW with any elasticity from 1/2 to 1."""
    gamma = parameter("gamma", positive=True)
    return Triple(
        drift={r: a * (b - r)},
        noise={r: sigma * r**gamma},
        assume=(2 * gamma >= 1, gamma <= 1),
        facts=(
            Fact("moment", r, b + (start_of(r) - b) * exp(-a * time)),
            Fact("rate", r**2, 2 * a * (b - r) * r + sigma**2 * r ** (2 * gamma)),
        ),
    )


def sabr() -> Triple:
    """dF = alpha F^beta dW_1, dalpha = nu alpha dW_2, correlation rho."""
    beta, nu = (parameter(name, positive=True) for name in ("beta", "nu"))
    rho = parameter("rho")
    return Triple(
        drift={F: 0 * F, alpha: 0 * alpha},
        noise={
            F: [alpha * F**beta, 0],
            alpha: [rho * nu * alpha, sqrt(1 - rho**2) * nu * alpha],
        },
        assume=(2 * beta >= 1, beta <= 1, rho**2 <= 1),
        facts=(
            Fact("moment", F, start_of(F)),
            Fact("moment", alpha, start_of(alpha)),
            Fact("moment", alpha**2, start_of(alpha) ** 2 * exp(nu**2 * time)),
        ),
    )


def schwartz() -> Triple:
    """dS = a (b - log S) S dt + sigma S dW: the logarithm is an Ornstein-Uhlenbeck process."""
    level = parameter("b")
    shifted = log(S) - level + sigma**2 / (2 * a)
    return Triple(
        drift={S: a * (level - log(S)) * S},
        noise={S: sigma * S},
        hamiltonian=a * shifted**2 / sigma**2 + log(S),
        facts=(Fact("rate", log(S), a * (level - log(S)) - sigma**2 / 2),),
    )


def brownian_motion() -> Triple:
    """dx = mu dt + sigma dW."""
    x = scalar("x")
    mean = start_of(x) + mu * time
    return Triple(
        drift={x: mu},
        noise={x: sigma},
        facts=(
            Fact("moment", x, mean),
            Fact("moment", x**2, mean**2 + sigma**2 * time),
            Fact("rate", exp(-2 * mu * x / sigma**2), 0 * x),
        ),
    )


def ou_process() -> Triple:
    """dx = -a x dt + sigma dW in any dimension."""
    n = Dim("n")
    x = vector("x", n)
    return Triple(
        drift={x: -a * x},
        diffusion={x: sigma**2 / 2 * eye(n)},
        hamiltonian=a * dot(x, x) / sigma**2,
        target=a * dot(x, x) / sigma**2,
        facts=(
            Fact("limit", dot(x, x), n * sigma**2 / (2 * a)),
            Fact("rate", dot(x, x), n * sigma**2 - 2 * a * dot(x, x)),
        ),
    )


ENTRIES = (
    Entry(
        "brownian-motion", "Brownian motion with drift", "Bachelier 1900", brownian_motion,
        noise_claims(), example=Example({"x": 0.0}, {"mu": 0.5, "sigma": 1.0}),
    ),
    Entry(
        "ornstein-uhlenbeck", "Ornstein-Uhlenbeck process", "Uhlenbeck and Ornstein 1930",
        ou_process, claims(),
        example=Example({"x": (1.0, -1.0)}, {"a": 1.0, "sigma": 1.0}, {"n": 2}),
    ),
    Entry(
        "black-scholes", "Geometric Brownian motion", "Black and Scholes 1973; Samuelson 1965",
        black_scholes, noise_claims(), example=Example({"S": 100.0}, {"mu": 0.05, "sigma": 0.2}),
    ),
    Entry(
        "heston", "Stochastic volatility of Heston", "Heston 1993", heston,
        noise_claims(),
        notes="S exp(-mu t) is a martingale for every correlation: Andersen and Piterbarg 2007.",
        example=Example(
            {"S": 100.0, "v": 0.04},
            {"mu": 0.03, "a": 1.5, "b": 0.04, "sigma": 0.3, "rho": -0.7},
        ),
    ),
    Entry(
        "cir", "Square-root process of Cox, Ingersoll and Ross",
        "Cox, Ingersoll and Ross 1985, eq. (17)", cir, claims(),
        example=Example({"r": 0.05}, {"a": 0.8, "b": 0.04, "sigma": 0.2}),
    ),
    Entry(
        "vasicek", "Interest rate of Vasicek", "Vasicek 1977", vasicek, claims(),
        example=Example({"r": 0.05}, {"a": 0.8, "b": 0.03, "sigma": 0.02}),
    ),
    Entry(
        "ckls", "Constant elasticity of Chan, Karolyi, Longstaff and Sanders",
        "Chan, Karolyi, Longstaff and Sanders 1992", ckls, noise_claims(),
        notes="With gamma > 1, as they estimate, the mean falls below the one that is stated: the "
        "stochastic integral is no martingale.",
        example=Example({"r": 0.05}, {"a": 0.8, "b": 0.04, "sigma": 0.3, "gamma": 0.75}),
    ),
    Entry(
        "sabr", "Stochastic alpha, beta, rho", "Hagan, Kumar, Lesniewski and Woodward 2002", sabr,
        noise_claims(),
        notes="With beta = 1 and rho > 0 the mean of F falls: F is no martingale.",
        example=Example(
            {"F": 1.0, "alpha": 0.3}, {"beta": 0.5, "nu": 0.4, "rho": -0.3},
        ),
    ),
    Entry(
        "schwartz", "Commodity price of Schwartz", "Schwartz 1997, eq. (1)", schwartz,
        claims(),
        example=Example({"S": 20.0}, {"a": 1.0, "b": 3.0, "sigma": 0.3}),
    ),
)  # fmt: skip
