"""Mistakes, published or easily made, each with the verdict that it must get.

Marginal mistakes are the dangerous ones: exp(-H) is stationary there and its marginal is another
one. Not for dynamics that are right (the other modules of the catalogue).
"""

from __future__ import annotations

from dataclasses import replace

from sdekit.catalog import geometric, langevin, thermostat
from sdekit.catalog.record import CONDITIONAL, PROVED, REFUTED, UNDECIDED, Entry, Triple, claims
from sdekit.catalog.shared_symbols import A, B, U, kinetic, mu, n, p, s, theta, xi
from sdekit.declaration.functions.grammar import diag, div, dot, eye, grad, inv, ones, outer, trace
from sdekit.declaration.tree.symbols import function, matrix, parameter, potential, vector


def langevin_heating() -> Triple:
    """Friction with the sign of a drive."""
    return replace(langevin.langevin(), drift={theta: p, p: -grad(U, theta) + A * p})


def langevin_negative() -> Triple:
    """Friction -A with diffusion -A: the identity holds and there is no such process."""
    return Triple(
        drift={theta: p, p: -grad(U, theta) + A * p},
        diffusion={p: -A * eye(n)},
        hamiltonian=U + kinetic,
        target=U,
    )


def overdamped_temperature() -> Triple:
    """Brownian dynamics at temperature 1 said to have half of it."""
    return replace(langevin.overdamped(), hamiltonian=2 * U)


def sgld_untempered() -> Triple:
    """SGLD said to have the target itself."""
    return replace(langevin.sgld(), hamiltonian=U, target=U)


def sgld_tempered_target() -> Triple:
    """The tempered law of SGLD said to be the target."""
    return replace(langevin.sgld(), target=U)


def sghmc_unmatched() -> Triple:
    """Friction A, injected noise A, and gradient noise B beside it."""
    return replace(langevin.sghmc_tempered(), hamiltonian=U + kinetic, target=U)


def sghmc_tempered_target() -> Triple:
    """The tempered law of unmatched SGHMC said to have the target as marginal."""
    return replace(langevin.sghmc_tempered(), target=U)


def sghmc_no_friction() -> Triple:
    """Hamiltonian flow with gradient noise B and nothing to take the heat out."""
    return replace(langevin.hamiltonian(), gradient_noise={p: B * eye(n)})


def kinetic_friction() -> Triple:
    """A general kinetic energy with the friction of a quadratic one."""
    K = potential("K", p)
    return replace(
        langevin.langevin_kinetic(), drift={theta: grad(K, p), p: -grad(U, theta) - A * p}
    )


def gle_sign() -> Triple:
    """Memory coupled with equal signs."""
    alpha = parameter("alpha", positive=True)
    lam = parameter("lam", positive=True)
    return replace(
        langevin.gle(),
        drift={theta: p, p: -grad(U, theta) + lam * s, s: lam * p - alpha * s},
    )


def sgrld_no_divergence() -> Triple:
    """Noise D(theta) without its divergence in the drift."""
    D = function("D", theta, shape=(n, n), positive_definite=True)
    return replace(geometric.sgrld(), drift={theta: -D @ grad(U, theta)})


def sgrhmc_sign() -> Triple:
    """The divergence of G^(-1/2) with a minus."""
    C = function("C", theta, shape=(n, n), positive_definite=True)
    return replace(
        geometric.sgrhmc(),
        drift={theta: C @ p, p: -C @ grad(U, theta) - C @ C @ p - div(C, theta)},
    )


def rhmc_no_logdet() -> Triple:
    """A mass that depends on theta without log det in the energy."""
    G = function("G", theta, shape=(n, n), positive_definite=True)
    H = U + dot(p, inv(G) @ p) / 2
    return Triple(drift={theta: grad(H, p), p: -grad(H, theta)}, hamiltonian=H, target=U)


def recipe_no_gamma() -> Triple:
    """The complete recipe without its correction Gamma."""
    z = vector("z", n)
    H = potential("H", z)
    D = function("D", z, shape=(n, n), positive_semidefinite=True)
    Q = function("Q", z, shape=(n, n), antisymmetric=True)
    return replace(geometric.recipe(), drift={z: -(D + Q) @ grad(H, z)})


def mclmc_dimension() -> Triple:
    """The force of microcanonical dynamics in the plane divided by d instead of d - 1."""
    return geometric.mclmc_circle(divisor=2)


def sgnht_sign() -> Triple:
    """The thermostat with the wrong sign."""
    return replace(
        thermostat.sgnht(),
        drift={theta: p, p: -grad(U, theta) - xi * p, xi: -(dot(p, p) - n) / mu},
    )


def sgnht_centre() -> Triple:
    """The thermostat said to fluctuate about 0, with noise A present."""
    return replace(thermostat.sgnht(), hamiltonian=U + kinetic + mu * xi**2 / 2)


def sgnht_mass() -> Triple:
    """The paper's drift, which has mu = n, with mu = 1 in the energy."""
    return replace(thermostat.sgnht_paper(), hamiltonian=U + kinetic + (xi - A) ** 2 / 2)


def sgnht_anisotropic() -> Triple:
    """One thermostat against noise that differs between coordinates."""
    level = parameter("A", n, positive=True)
    centre = trace(diag(level)) / n
    return replace(
        thermostat.sgnht(),
        diffusion={p: diag(level)},
        hamiltonian=U + kinetic + mu * (xi - centre) ** 2 / 2,
    )


def sgnht_position_uncorrected() -> Triple:
    """Noise A(theta) without the force along its gradient."""
    return replace(
        thermostat.sgnht_position(),
        drift={theta: p, p: -grad(U, theta) - xi * p, xi: (dot(p, p) - n) / mu},
    )


def sgnht_diagonal_drift() -> Triple:
    """One thermostat for each coordinate, each driven by the whole kinetic energy."""
    thermostats = vector("xi", n)
    return replace(
        thermostat.sgnht_diagonal(),
        drift={
            theta: p,
            p: -grad(U, theta) - thermostats * p,
            thermostats: (dot(p, p) - n) / mu * ones(n),
        },
    )


def sgnht_matrix_unbalanced() -> Triple:
    """The matrix thermostat without the identity that its products are compared with."""
    friction = matrix("xi", n)
    return replace(
        thermostat.sgnht_matrix(),
        drift={theta: p, p: -grad(U, theta) - friction @ p, friction: outer(p, p) / mu},
    )


def ccadl_undamped() -> Triple:
    """The covariance Sigma(theta) of the gradient noise without its friction."""
    return replace(
        thermostat.ccadl(),
        drift={theta: p, p: -grad(U, theta) - xi * p, xi: (dot(p, p) - n) / mu},
    )


#: Without stationarity there is no balance.
_STATIONARY = claims(stationarity=REFUTED, reversibility=REFUTED)
#: The same where no Lyapunov bound is known for any choice of the functions.
_OPEN = claims(stationarity=REFUTED, reversibility=REFUTED, non_explosion=UNDECIDED)
#: The same where none is known for all of them.
_UNBOUNDED = claims(stationarity=REFUTED, reversibility=REFUTED, non_explosion=CONDITIONAL)
#: The same where the noise is not shown to reach every direction either.
_GENERIC = claims(
    stationarity=REFUTED, reversibility=REFUTED, non_explosion=CONDITIONAL, uniqueness=UNDECIDED
)
_MARGINAL = claims(marginalization=REFUTED)
#: With one coordinate there is nothing to tell apart.
_RIGHT_AT_ONE = {1: {"stationarity": PROVED, "reversibility": PROVED}}

ENTRIES = (
    Entry(
        "langevin-heating", "Friction of the wrong sign", "A sign error", langevin_heating,
        _STATIONARY,
    ),
    Entry(
        "langevin-negative", "Langevin with friction and diffusion both -A", "A sign error",
        langevin_negative, claims(diffusion_psd=REFUTED, uniqueness=UNDECIDED),
        notes="The stationary identity holds; a negative diffusion is no process.",
    ),
    Entry(
        "overdamped-temperature", "Overdamped Langevin at the wrong temperature",
        "A factor of two", overdamped_temperature,
        claims(
            stationarity=REFUTED, marginalization=REFUTED,
            non_explosion=CONDITIONAL, reversibility=REFUTED,
        ),
    ),
    Entry(
        "sgld-untempered", "SGLD with gradient noise, said to have the target",
        "Welling and Teh 2011, at a constant step", sgld_untempered, _UNBOUNDED,
    ),
    Entry(
        "sgld-tempered-target", "Tempered SGLD, said to have the target as marginal",
        "Welling and Teh 2011, at a constant step", sgld_tempered_target, _MARGINAL,
    ),
    Entry(
        "sghmc-unmatched", "SGHMC with unmatched noise",
        f"Chen, Fox and Guestrin 2014; {langevin.DING}, section 2", sghmc_unmatched, _STATIONARY,
        notes="The law it really has is the entry sghmc-tempered.",
    ),
    Entry(
        "sghmc-tempered-target", "Tempered SGHMC, said to have the target as marginal",
        f"{langevin.DING}, section 2", sghmc_tempered_target, _MARGINAL,
    ),
    Entry(
        "sghmc-no-friction", "Stochastic gradient Hamiltonian flow without friction",
        "Chen, Fox and Guestrin 2014", sghmc_no_friction, _STATIONARY,
        notes="No law exists: the energy grows.",
    ),
    Entry(
        "langevin-kinetic-friction", "General kinetic energy with friction -A p",
        "An easy slip from the quadratic case", kinetic_friction, _GENERIC,
    ),
    Entry(
        "gle-sign", "Memory coupled symmetrically", "A sign error", gle_sign, _STATIONARY,
    ),
    Entry(
        "sgrld-no-divergence", "Position-dependent noise without its divergence",
        "Noted in Ma, Chen and Fox 2015", sgrld_no_divergence, _UNBOUNDED,
    ),
    Entry(
        "sgrhmc-sign", "SGRHMC with the wrong sign of the divergence", "A sign error", sgrhmc_sign,
        _UNBOUNDED,
    ),
    Entry(
        "rhmc-no-logdet", "Riemannian Hamiltonian flow without log det",
        "Noted in Girolami and Calderhead 2011", rhmc_no_logdet,
        claims(marginalization=REFUTED, uniqueness=REFUTED, non_explosion=CONDITIONAL),
    ),
    Entry(
        "recipe-no-gamma", "Complete recipe without Gamma", "Noted in Ma, Chen and Fox 2015",
        recipe_no_gamma, _GENERIC,
    ),
    Entry(
        "mclmc-dimension", "Microcanonical dynamics with force / d", "A factor d / (d - 1)",
        mclmc_dimension, _STATIONARY,
    ),
    Entry(
        "sgnht-sign", "SGNHT with the sign of the thermostat flipped", "A sign error", sgnht_sign,
        _OPEN,
    ),
    Entry(
        "sgnht-centre", "SGNHT with xi said to be centred at 0", "An easy slip", sgnht_centre,
        _STATIONARY,
    ),
    Entry(
        "sgnht-mass", "SGNHT, mu = n in the drift and 1 in the energy", "An easy slip", sgnht_mass,
        _OPEN, claims_at=_RIGHT_AT_ONE,
        notes="Right at n = 1, so a check in one dimension does not find it.",
    ),
    Entry(
        "sgnht-anisotropic", "Scalar SGNHT with anisotropic noise", "An easy slip",
        sgnht_anisotropic, _STATIONARY, claims_at=_RIGHT_AT_ONE,
        notes="Right at n = 1, so a check in one dimension does not find it.",
    ),
    Entry(
        "sgnht-position-uncorrected", "Scalar SGNHT with noise that depends on the position",
        "An easy slip", sgnht_position_uncorrected, _UNBOUNDED,
    ),
    Entry(
        "sgnht-diagonal-drift", "Diagonal SGNHT driven by the whole kinetic energy",
        "An easy slip", sgnht_diagonal_drift, claims(
            stationarity=REFUTED, reversibility=REFUTED, non_explosion=UNDECIDED,
            uniqueness=UNDECIDED,
        ), claims_at=_RIGHT_AT_ONE,
        notes="Right at n = 1, so a check in one dimension does not find it.",
    ),
    Entry(
        "sgnht-matrix-unbalanced", "Matrix SGNHT without the identity", "An easy slip",
        sgnht_matrix_unbalanced,
        claims(stationarity=REFUTED, reversibility=REFUTED, uniqueness=REFUTED),
        claims_at={1: {"uniqueness": PROVED}},
    ),
    Entry(
        "ccadl-undamped", "CCAdL without the friction of its covariance", "An easy slip",
        ccadl_undamped, _UNBOUNDED,
    ),
)  # fmt: skip
