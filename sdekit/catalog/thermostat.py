"""Thermostats: Nose-Hoover, its chain, and the stochastic-gradient family.

Notation: A is the injected noise on the momenta, and all of it unless gradient noise stands beside
it; xi finds the sum. Not for dynamics without a thermostat (`langevin`, `geometric`).
"""

from __future__ import annotations

from dataclasses import replace

from sdekit.catalog.langevin import DING
from sdekit.catalog.record import CONDITIONAL, PROVED, REFUTED, UNDECIDED, Entry, Triple, claims
from sdekit.catalog.shared_symbols import A, B, M, U, beta, gamma, kinetic, mu, n, p, theta, xi
from sdekit.declaration.functions.grammar import diag, div, dot, eye, grad, inv, ones, outer
from sdekit.declaration.tree.symbols import function, matrix, parameter, potential, scalar, vector


def nose_hoover() -> Triple:
    """Deterministic thermostat: xi falls while the momenta are too cold."""
    return Triple(
        drift={theta: p, p: -grad(U, theta) - xi * p, xi: (dot(p, p) - n) / mu},
        hamiltonian=U + kinetic + mu * xi**2 / 2,
        target=U,
    )


def nose_hoover_chain() -> Triple:
    """A second thermostat zeta for the first."""
    zeta = scalar("zeta")
    mu_2 = parameter("mu_2", positive=True)
    return Triple(
        drift={
            theta: p,
            p: -grad(U, theta) - xi * p,
            xi: (dot(p, p) - n) / mu - xi * zeta,
            zeta: (mu * xi**2 - 1) / mu_2,
        },
        hamiltonian=U + kinetic + mu * xi**2 / 2 + mu_2 * zeta**2 / 2,
        target=U,
    )


def nose_hoover_langevin() -> Triple:
    """Noise and friction on xi alone make the thermostat ergodic."""
    return Triple(
        drift={theta: p, p: -grad(U, theta) - xi * p, xi: (dot(p, p) - n) / mu - gamma * xi},
        diffusion={xi: gamma / mu},
        hamiltonian=U + kinetic + mu * xi**2 / 2,
        target=U,
    )


def sgnht() -> Triple:
    """xi adapts the friction to noise of unknown level A."""
    return Triple(
        drift={theta: p, p: -grad(U, theta) - xi * p, xi: (dot(p, p) - n) / mu},
        diffusion={p: A * eye(n)},
        hamiltonian=U + kinetic + mu * (xi - A) ** 2 / 2,
        target=U,
    )


def sgnht_gradient_noise() -> Triple:
    """The theorem of the source in full: D = A + B, A injected and B from the gradient."""
    injected = parameter("A", nonnegative=True)  # 0 in figure 1 of the source
    return replace(
        sgnht(),
        diffusion={p: injected * eye(n)},
        gradient_noise={p: B * eye(n)},
        hamiltonian=U + kinetic + mu * (xi - injected - B) ** 2 / 2,
    )


def sgnht_paper() -> Triple:
    """The paper's choice mu = n."""
    return Triple(
        drift={theta: p, p: -grad(U, theta) - xi * p, xi: dot(p, p) / n - 1},
        diffusion={p: A * eye(n)},
        hamiltonian=U + kinetic + n * (xi - A) ** 2 / 2,
        target=U,
    )


def sgnht_diagonal() -> Triple:
    """One thermostat for each momentum, for noise that differs between coordinates."""
    thermostats = vector("xi", n)
    level = parameter("A", n, positive=True)
    return Triple(
        drift={
            theta: p,
            p: -grad(U, theta) - thermostats * p,
            thermostats: (p**2 - ones(n)) / mu,
        },
        diffusion={p: diag(level)},
        hamiltonian=U + kinetic + mu * dot(thermostats - level, thermostats - level) / 2,
        target=U,
    )


def _matrix_thermostat(symmetric: bool) -> Triple:
    friction = matrix("xi", n, symmetric=symmetric)
    level = parameter("A", n, n, positive_definite=True)
    return Triple(
        drift={
            theta: p,
            p: -grad(U, theta) - friction @ p,
            friction: (outer(p, p) - eye(n)) / mu,
        },
        diffusion={p: level},
        hamiltonian=U + kinetic + mu * dot(friction - level, friction - level) / 2,
        target=U,
    )


def sgnht_matrix() -> Triple:
    """A full matrix of thermostats, for noise of any constant covariance."""
    return _matrix_thermostat(symmetric=False)


def sgnht_matrix_symmetric() -> Triple:
    """The matrix of thermostats on the symmetric matrices, where its law is unique."""
    return _matrix_thermostat(symmetric=True)


def sgnht_kinetic() -> Triple:
    """Any kinetic energy K(p): the thermostat compares |grad K|^2 with the Laplacian of K."""
    K = potential("K", p)
    return Triple(
        drift={
            theta: grad(K, p),
            p: -grad(U, theta) - xi * grad(K, p),
            xi: (dot(grad(K, p), grad(K, p)) - div(grad(K, p), p)) / mu,
        },
        diffusion={p: A * eye(n)},
        hamiltonian=U + K + mu * (xi - A) ** 2 / 2,
        target=U,
    )


def sgnht_position() -> Triple:
    """Noise A(theta) known everywhere needs a force along its gradient."""
    level = function("A", theta, positive=True)
    return Triple(
        drift={
            theta: p,
            p: -grad(U, theta) - xi * p + mu * (xi - level) * grad(level, theta),
            xi: (dot(p, p) - n) / mu,
        },
        diffusion={p: level * eye(n)},
        hamiltonian=U + kinetic + mu * (xi - level) ** 2 / 2,
        target=U,
    )


def adaptive_langevin() -> Triple:
    """Mass matrix M and inverse temperature beta."""
    return Triple(
        drift={
            theta: inv(M) @ p,
            p: -grad(U, theta) - xi * p,
            xi: (dot(p, inv(M) @ p) - n / beta) / mu,
        },
        diffusion={p: gamma * M / beta},
        hamiltonian=beta * (U + dot(p, inv(M) @ p) / 2) + beta * mu * (xi - gamma) ** 2 / 2,
        target=beta * U,
    )


def ccadl() -> Triple:
    """A covariance Sigma(theta) of the gradient noise is damped, the rest is left to xi."""
    h = parameter("h", positive=True)
    Sigma = function("Sigma", theta, shape=(n, n), positive_semidefinite=True)
    return Triple(
        drift={
            theta: p,
            p: -grad(U, theta) - h / 2 * Sigma @ p - xi * p,
            xi: (dot(p, p) - n) / mu,
        },
        diffusion={p: A * eye(n)},
        gradient_noise={p: h / 2 * Sigma},
        hamiltonian=U + kinetic + mu * (xi - A) ** 2 / 2,
        target=U,
    )


def santa() -> Triple:
    """Preconditioner G1(theta) and noise G2(theta), both diagonal, at inverse temperature beta."""
    thermostats = vector("xi", n)
    G1 = function("G1", theta, shape=(n,))
    G2 = function("G2", theta, shape=(n,), positive=True)
    return Triple(
        drift={
            theta: G1 * p,
            p: -G1 * grad(U, theta)
            - thermostats * p
            + diag(grad(G1, theta)) / beta
            + G1 * ((thermostats - G2) @ grad(G2, theta)),
            thermostats: p**2 - ones(n) / beta,
        },
        diffusion={p: diag(G2) / beta},
        hamiltonian=beta * U
        + beta * dot(p, p) / 2
        + beta * dot(thermostats - G2, thermostats - G2) / 2,
        target=beta * U,
    )


ENTRIES = (
    Entry(
        "nose-hoover",
        "Nose-Hoover thermostat",
        f"{DING}; Nose 1984, Hoover 1985",
        nose_hoover,
        claims(uniqueness=UNDECIDED),
        notes="No noise: known not to be ergodic for a harmonic target.",
    ),
    Entry(
        "nose-hoover-chain",
        "Nose-Hoover chain of two",
        "Martyna, Klein and Tuckerman 1992",
        nose_hoover_chain,
        claims(uniqueness=UNDECIDED),
    ),
    Entry(
        "nose-hoover-langevin",
        "Nose-Hoover-Langevin thermostat",
        "Samoletov, Dettmann and Chaplain 2007; Leimkuhler, Noorizadeh and Theil 2009",
        nose_hoover_langevin,
        claims(uniqueness=UNDECIDED),
    ),
    Entry(
        "sgnht",
        "Stochastic gradient Nose-Hoover thermostat",
        f"{DING}, eq. (5)-(6), any mu",
        sgnht,
        claims(),
        notes="xi has mean A and variance 1 / mu.",
    ),
    Entry(
        "sgnht-paper",
        "Stochastic gradient Nose-Hoover thermostat, mu = n",
        f"{DING}, eq. (5)-(6)",
        sgnht_paper,
        claims(),
        notes="xi has mean A and variance 1 / n.",
    ),
    Entry(
        "sgnht-gradient-noise",
        "Stochastic gradient Nose-Hoover thermostat with its gradient noise apart",
        f"{DING}, section 3 and theorem 1",
        sgnht_gradient_noise,
        claims(),
        notes="xi has mean A + B; a run uses A alone. B is a multiple of the identity.",
    ),
    Entry(
        "sgnht-diagonal",
        "SGNHT with one thermostat for each coordinate",
        "Gan et al. 2015 (mSGNHT)",
        sgnht_diagonal,
        claims(),
    ),
    Entry(
        "sgnht-matrix",
        "SGNHT with a matrix of thermostats",
        DING,
        sgnht_matrix,
        claims(uniqueness=REFUTED),
        claims_at={1: {"uniqueness": PROVED}},
        notes="xi - xi^T is conserved: start xi symmetric, or declare it so.",
        errata="On all n x n matrices the stated law of xi is stationary and not the only one.",
    ),
    Entry(
        "sgnht-matrix-symmetric",
        "SGNHT with a symmetric matrix of thermostats",
        f"{DING} on the symmetric matrices",
        sgnht_matrix_symmetric,
        claims(),
        notes="Off the diagonal the variance of xi is 1 / (2 mu), not 1 / mu.",
    ),
    Entry(
        "sgnht-kinetic",
        "SGNHT with a general kinetic energy",
        "Lu et al. 2017; the thermostat by Fokker-Planck",
        sgnht_kinetic,
        claims(non_explosion=CONDITIONAL, uniqueness=UNDECIDED, reversibility=REFUTED),
    ),
    Entry(
        "sgnht-position",
        "SGNHT with noise that depends on the position",
        "By Fokker-Planck, from the scalar thermostat",
        sgnht_position,
        claims(non_explosion=CONDITIONAL, reversibility=UNDECIDED),
    ),
    Entry(
        "adaptive-langevin",
        "Adaptive Langevin dynamics",
        "Jones and Leimkuhler 2011",
        adaptive_langevin,
        claims(),
    ),
    Entry(
        "ccadl",
        "Covariance-controlled adaptive Langevin dynamics",
        "Shang et al. 2015",
        ccadl,
        claims(non_explosion=CONDITIONAL),
    ),
    Entry(
        "santa",
        "Santa with diagonal preconditioners",
        "Chen et al. 2016",
        santa,
        claims(non_explosion=CONDITIONAL, uniqueness=UNDECIDED, reversibility=UNDECIDED),
        notes="Entry i of G1 and G2 depends on theta_i in the source; any dependence is proved.",
    ),
)
