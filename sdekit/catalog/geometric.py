"""Dynamics whose noise, mass or velocity sphere depends on the state: metrics and the recipe.

Not for constant metrics (`langevin`). On the sphere of velocities the catalogue has one chart for
each dimension it covers.
"""

from __future__ import annotations

from sdekit.catalog.record import CONDITIONAL, REFUTED, UNDECIDED, Entry, Triple, claims
from sdekit.catalog.shared_symbols import U, kinetic, n, p, theta
from sdekit.declaration.functions.grammar import cos, div, dot, grad, inv, logdet, sin, sqrt
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable, function, parameter, potential, scalar, vector

GIROLAMI = "Girolami and Calderhead 2011"
MA = "Ma, Chen and Fox 2015"
ROBNIK = "Robnik et al. 2023"


def sgrld() -> Triple:
    """A noise D(theta) needs its divergence in the drift."""
    D = function("D", theta, shape=(n, n), positive_definite=True)
    return Triple(
        drift={theta: -D @ grad(U, theta) + div(D, theta)},
        diffusion={theta: D},
        hamiltonian=U,
        target=U,
    )


def rhmc() -> Triple:
    """A mass G(theta) needs log det G in the energy."""
    G = function("G", theta, shape=(n, n), positive_definite=True)
    H = U + logdet(G) / 2 + dot(p, inv(G) @ p) / 2
    return Triple(
        drift={theta: grad(H, p), p: -grad(H, theta)},
        hamiltonian=H,
        target=U,
    )


def sgrhmc() -> Triple:
    """C = G^(-1/2): its divergence enters with a plus."""
    C = function("C", theta, shape=(n, n), positive_definite=True)
    return Triple(
        drift={theta: C @ p, p: -C @ grad(U, theta) - C @ C @ p + div(C, theta)},
        diffusion={p: C @ C},
        hamiltonian=U + kinetic,
        target=U,
    )


def recipe() -> Triple:
    """Any D(z) and any antisymmetric Q(z), with the correction Gamma = div (D + Q)."""
    z = vector("z", n)
    H = potential("H", z)
    D = function("D", z, shape=(n, n), positive_semidefinite=True)
    Q = function("Q", z, shape=(n, n), antisymmetric=True)
    return Triple(
        drift={z: -(D + Q) @ grad(H, z) + div(D + Q, z)},
        diffusion={z: D},
        hamiltonian=H,
        target=H,
    )


def mclmc_circle(divisor: int = 1) -> Triple:
    """Unit velocities in the plane, by their angle; the force is divided by d - 1 = 1."""
    x, y, phi = scalar("x"), scalar("y"), scalar("phi", domain="circle")
    eta = parameter("eta", positive=True)
    potential_xy = potential("U", x, y)
    force = sin(phi) * grad(potential_xy, x) - cos(phi) * grad(potential_xy, y)
    return Triple(
        drift={x: cos(phi), y: sin(phi), phi: force / divisor},
        diffusion={phi: eta**2 / 2},
        hamiltonian=potential_xy,
        target=potential_xy,
    )


def mclmc_sphere() -> Triple:
    """Unit velocities in space, by the height w = cos of the polar angle and the azimuth phi."""
    x, y, z = scalar("x"), scalar("y"), scalar("z")
    w, phi = scalar("w", domain=(-1, 1)), scalar("phi", domain="circle")
    eta = parameter("eta", positive=True)
    potential_xyz = potential("U", x, y, z)
    radius = sqrt(1 - w**2)

    def slope(axis: Variable) -> Expression:
        return grad(potential_xyz, axis)

    # radius times the polar unit vector times grad U, and the azimuthal unit vector times grad U
    polar = radius * w * (cos(phi) * slope(x) + sin(phi) * slope(y)) - radius**2 * slope(z)
    azimuthal = cos(phi) * slope(y) - sin(phi) * slope(x)
    return Triple(
        drift={
            x: radius * cos(phi),
            y: radius * sin(phi),
            z: w,
            w: polar / 2 - eta**2 * w,
            phi: -azimuthal / (2 * radius),
        },
        diffusion={w: eta**2 * (1 - w**2) / 2, phi: eta**2 / (2 * (1 - w**2))},
        hamiltonian=potential_xyz,
        target=potential_xyz,
    )


ENTRIES = (
    Entry(
        "sgrld",
        "Overdamped Langevin with noise that depends on the position",
        "Patterson and Teh 2013; " + MA,
        sgrld,
        claims(non_explosion=CONDITIONAL),
    ),
    Entry(
        "rhmc",
        "Riemannian Hamiltonian flow",
        GIROLAMI,
        rhmc,
        claims(non_explosion=CONDITIONAL, uniqueness=REFUTED),
        notes="Not ergodic without refreshed momenta: the energy is conserved.",
    ),
    Entry(
        "sgrhmc",
        "Stochastic gradient Riemannian HMC",
        MA,
        sgrhmc,
        claims(non_explosion=CONDITIONAL),
    ),
    Entry(
        "recipe",
        "Complete recipe",
        MA,
        recipe,
        claims(non_explosion=CONDITIONAL, uniqueness=UNDECIDED, reversibility=REFUTED),
    ),
    Entry(
        "mclmc-2d",
        "Microcanonical Langevin dynamics in the plane",
        ROBNIK,
        mclmc_circle,
        claims(),
    ),
    Entry(
        "mclmc-3d",
        "Microcanonical Langevin dynamics in space",
        ROBNIK,
        mclmc_sphere,
        claims(regularity=UNDECIDED, non_explosion=UNDECIDED, uniqueness=UNDECIDED),
        notes="The height w is uniform on (-1, 1), as on the sphere; no Jacobian is left over.",
    ),
)
