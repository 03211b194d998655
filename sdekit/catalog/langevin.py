"""Position-only and Langevin dynamics: Hamiltonian flow, Brownian dynamics, SGLD, SGHMC, memory.

Not for thermostats (`thermostat`) nor for metrics that depend on the position (`geometric`).
"""

from __future__ import annotations

from sdekit.catalog.record import CONDITIONAL, PROVED, REFUTED, UNDECIDED, Entry, Triple, claims
from sdekit.catalog.shared_symbols import A, B, M, U, kinetic, n, p, s, theta
from sdekit.declaration.functions.grammar import dot, eye, grad, inv, outer, sqrt, transpose
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.symbols import function, matrix, parameter, potential

DING = "Ding et al. 2014"


def hamiltonian() -> Triple:
    """dtheta = p dt, dp = -grad U dt."""
    return Triple(
        drift={theta: p, p: -grad(U, theta)},
        hamiltonian=U + kinetic,
        target=U,
    )


def hamiltonian_mass() -> Triple:
    """Hamiltonian flow with a mass matrix."""
    return Triple(
        drift={theta: inv(M) @ p, p: -grad(U, theta)},
        hamiltonian=U + dot(p, inv(M) @ p) / 2,
        target=U,
    )


def overdamped() -> Triple:
    """dtheta = -grad U dt + N(0, 2 dt)."""
    return Triple(
        drift={theta: -grad(U, theta)},
        diffusion={theta: eye(n)},
        hamiltonian=U,
        target=U,
    )


def overdamped_preconditioned() -> Triple:
    """A constant preconditioner P needs no correction."""
    P = parameter("P", n, n, positive_definite=True)
    return Triple(
        drift={theta: -P @ grad(U, theta)},
        diffusion={theta: P},
        hamiltonian=U,
        target=U,
    )


def irreversible() -> Triple:
    """A constant antisymmetric J turns the current without changing the law."""
    J = parameter("J", n, n, antisymmetric=True)
    return Triple(
        drift={theta: -(eye(n) + J) @ grad(U, theta)},
        diffusion={theta: eye(n)},
        hamiltonian=U,
        target=U,
    )


def sgld() -> Triple:
    """Gradient noise N(0, V) at step h, B = h V / 2, heats SGLD to temperature 1 + h V / 2."""
    h = parameter("h", positive=True)
    V = parameter("V", nonnegative=True)
    temperature = 1 + h * V / 2
    return Triple(
        drift={theta: -grad(U, theta)},
        diffusion={theta: eye(n)},
        gradient_noise={theta: h * V / 2 * eye(n)},
        hamiltonian=U / temperature,
        target=U / temperature,
    )


def langevin() -> Triple:
    """dtheta = p dt, dp = -grad U dt - A p dt + N(0, 2 A dt)."""
    return Triple(
        drift={theta: p, p: -grad(U, theta) - A * p},
        diffusion={p: A * eye(n)},
        hamiltonian=U + kinetic,
        target=U,
    )


def langevin_mass() -> Triple:
    """Mass matrix M and friction matrix C."""
    C = parameter("C", n, n, positive_definite=True)
    return Triple(
        drift={theta: inv(M) @ p, p: -grad(U, theta) - C @ inv(M) @ p},
        diffusion={p: C},
        hamiltonian=U + dot(p, inv(M) @ p) / 2,
        target=U,
    )


def langevin_physical() -> Triple:
    """Mass m, damping lam and temperature kT = k_B T, tied by fluctuation and dissipation."""
    m = parameter("m", positive=True)
    lam = parameter("lam", positive=True)
    kT = parameter("kT", positive=True)
    return Triple(
        drift={theta: p / m, p: -grad(U, theta) - lam / m * p},
        diffusion={p: lam * kT * eye(n)},
        hamiltonian=(U + dot(p, p) / (2 * m)) / kT,
        target=U / kT,
    )


def langevin_magnetic() -> Triple:
    """A magnetic field J(theta) bends the path and does no work."""
    J = function("J", theta, shape=(n, n), antisymmetric=True)
    return Triple(
        drift={theta: p, p: -grad(U, theta) - A * p + J @ p},
        diffusion={p: A * eye(n)},
        hamiltonian=U + kinetic,
        target=U,
    )


def langevin_matched() -> Triple:
    """Friction that matches noise of a covariance B(theta) known everywhere."""
    noise = function("B", theta, shape=(n, n), positive_semidefinite=True)
    return Triple(
        drift={theta: p, p: -grad(U, theta) - (A * eye(n) + noise) @ p},
        diffusion={p: A * eye(n) + noise},
        hamiltonian=U + kinetic,
        target=U,
    )


def langevin_kinetic() -> Triple:
    """Any kinetic energy K(p): the friction is A grad K, not A p."""
    K = potential("K", p)
    return Triple(
        drift={theta: grad(K, p), p: -grad(U, theta) - A * grad(K, p)},
        diffusion={p: A * eye(n)},
        hamiltonian=U + K,
        target=U,
    )


def langevin_relativistic() -> Triple:
    """Kinetic energy m c^2 sqrt(|p|^2 / (m c)^2 + 1): no velocity exceeds c."""
    m = parameter("m", positive=True)
    c = parameter("c", positive=True)
    root = sqrt(dot(p, p) / (m**2 * c**2) + 1)
    return Triple(
        drift={theta: p / (m * root), p: -grad(U, theta) - A * p / (m * root)},
        diffusion={p: A * eye(n)},
        hamiltonian=U + m * c**2 * root,
        target=U,
    )


def gle() -> Triple:
    """Generalized Langevin equation with one memory variable for each degree of freedom."""
    alpha = parameter("alpha", positive=True)
    lam = parameter("lam", positive=True)
    return Triple(
        drift={theta: p, p: -grad(U, theta) + lam * s, s: -lam * p - alpha * s},
        diffusion={s: alpha * eye(n)},
        hamiltonian=U + kinetic + dot(s, s) / 2,
        target=U,
    )


def gle_memory() -> Triple:
    """k memory variables for each degree of freedom, drift -(Sigma + Omega) and noise Sigma."""
    k = Dim("k")
    memory = matrix("s", n, k)
    b = parameter("b", k)
    Sigma = parameter("Sigma", k, k, positive_definite=True)
    Omega = parameter("Omega", k, k, antisymmetric=True)
    return Triple(
        drift={
            theta: p,
            p: -grad(U, theta) - memory @ b,
            memory: outer(p, b) - memory @ (Sigma + Omega),
        },
        diffusion={memory: transpose(outer(eye(n), Sigma), 0, 2, 1, 3)},
        hamiltonian=U + kinetic + dot(memory, memory) / 2,
        target=U,
    )


def sghmc() -> Triple:
    """Injected noise A - B beside the gradient noise B(theta), friction A."""
    noise = function("B", theta, shape=(n, n), positive_semidefinite=True)
    return Triple(
        drift={theta: p, p: -grad(U, theta) - A * p},
        diffusion={p: A * eye(n) - noise},
        gradient_noise={p: noise},
        hamiltonian=U + kinetic,
        target=U,
    )


def sghmc_tempered() -> Triple:
    """Unmatched noise B is sampled at temperature (A + B) / A: the law SGHMC really has."""
    temperature = (A + B) / A
    return Triple(
        drift={theta: p, p: -grad(U, theta) - A * p},
        diffusion={p: A * eye(n)},
        gradient_noise={p: B * eye(n)},
        hamiltonian=(U + kinetic) / temperature,
        target=U / temperature,
    )


ENTRIES = (
    Entry(
        "hamiltonian", "Hamiltonian flow", f"{DING}, section 1; Duane et al. 1987", hamiltonian,
        claims(uniqueness=REFUTED),
        notes="Not ergodic without refreshed momenta: the energy is conserved.",
    ),
    Entry(
        "hamiltonian-mass", "Hamiltonian flow with mass matrix", "Duane et al. 1987",
        hamiltonian_mass, claims(uniqueness=REFUTED),
        notes="Not ergodic without refreshed momenta: the energy is conserved.",
    ),
    Entry(
        "overdamped", "Overdamped Langevin (Brownian) dynamics", f"{DING}, section 1", overdamped,
        claims(),
    ),
    Entry(
        "overdamped-preconditioned", "Overdamped Langevin with a constant preconditioner",
        "Ma, Chen and Fox 2015", overdamped_preconditioned, claims(),
    ),
    Entry(
        "irreversible", "Irreversible overdamped Langevin", "Hwang, Hwang-Ma and Sheu 1993",
        irreversible, claims(non_explosion=CONDITIONAL, reversibility=REFUTED),
        claims_at={1: {"reversibility": PROVED}},
    ),
    Entry(
        "sgld", "SGLD with isotropic gradient noise",
        "Welling and Teh 2011; the law by Fokker-Planck", sgld, claims(),
        notes="The law is the target at temperature 1 + h V / 2; it tends to the target with h.",
    ),
    Entry(
        "langevin", "Langevin dynamics", f"{DING}, eq. (1)", langevin, claims(),
    ),
    Entry(
        "langevin-mass", "Langevin dynamics with mass and friction matrices",
        f"{DING}, eq. (1), with a mass matrix", langevin_mass, claims(),
    ),
    Entry(
        "langevin-physical", "Langevin dynamics with mass, damping and temperature",
        "Welling and Teh 2011, as the overdamped limit; Kubo 1966", langevin_physical, claims(),
    ),
    Entry(
        "langevin-magnetic", "Langevin dynamics in a magnetic field", "Tripuraneni et al. 2017",
        langevin_magnetic, claims(reversibility=REFUTED),
        claims_at={1: {"reversibility": PROVED}},
    ),
    Entry(
        "langevin-matched", "Langevin dynamics with friction matched to the noise",
        "Chen, Fox and Guestrin 2014", langevin_matched, claims(non_explosion=CONDITIONAL),
        notes="No correction term: the noise depends on theta and acts on p.",
    ),
    Entry(
        "langevin-kinetic", "Langevin dynamics with a general kinetic energy",
        "Lu et al. 2017, Relativistic Monte Carlo", langevin_kinetic,
        claims(non_explosion=CONDITIONAL, uniqueness=UNDECIDED, reversibility=REFUTED),
    ),
    Entry(
        "langevin-relativistic", "Relativistic Langevin dynamics",
        "Lu et al. 2017, Relativistic Monte Carlo", langevin_relativistic,
        claims(non_explosion=CONDITIONAL, uniqueness=UNDECIDED),
    ),
    Entry(
        "gle", "Generalized Langevin equation", "Ceriotti, Bussi and Parrinello 2010", gle,
        claims(),
    ),
    Entry(
        "gle-memory", "Generalized Langevin equation with k memory variables",
        "Ceriotti, Bussi and Parrinello 2010", gle_memory,
        claims(uniqueness=UNDECIDED, reversibility=UNDECIDED),
    ),
    Entry(
        "sghmc", "SGHMC with the gradient noise known", "Chen, Fox and Guestrin 2014",
        sghmc, claims(),
    ),
    Entry(
        "sghmc-tempered", "SGHMC with unmatched noise, at the temperature it has",
        f"Chen, Fox and Guestrin 2014; {DING}, section 2", sghmc_tempered, claims(),
        notes="Mean kinetic energy per degree of freedom is (A + B) / (2 A).",
    ),
)  # fmt: skip
