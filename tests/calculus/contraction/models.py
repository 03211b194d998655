"""Published and wrong samplers through the declaration, each with what its residual must be.

Independent of the catalogue on purpose: these are written from the papers' formulas once more.
"""

from __future__ import annotations

from sdekit.declaration.functions.grammar import (  # fmt: skip
    cos,
    cosh,
    diag,
    div,
    dot,
    exp,
    eye,
    grad,
    inv,
    log,
    logdet,
    ones,
    outer,
    sqrt,
    tanh,
    trace,
    transpose,
)
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import (
    Variable,
    function,
    matrix,
    parameter,
    potential,
    scalar,
    vector,
)

n, k = Dim("n"), Dim("k")
theta, p, xi = vector("theta", n), vector("p", n), scalar("xi")
A, mu, h = (parameter(name, positive=True) for name in ("A", "mu", "h"))
U = potential("U", theta)
K = dot(p, p) / 2
M = parameter("M", n, n, positive_definite=True)
I = eye(n)  # noqa: E741
gU = grad(U, theta)
Xi = matrix("Xi", n)
Xs = matrix("Xs", n, symmetric=True)
D = parameter("D", n, n, symmetric=True)
B = function("B", theta, shape=(n, n), symmetric=True)
Bhat = function("Bhat", theta, shape=(n, n), symmetric=True)
V = function("V", theta, shape=(n, n), symmetric=True)
C = parameter("C", n, n, symmetric=True)
J = parameter("J", n, n, antisymmetric=True)
G = function("G", theta, shape=(n, n), positive_definite=True)
eta = vector("eta", n)
a = parameter("a", n, positive=True)
s = matrix("s", k, n)
c, gamma = parameter("c", k), parameter("gamma", k, positive=True)
z = vector("z", n)
Hz = potential("Hz", z)
Dz = function("Dz", z, shape=(n, n), symmetric=True)
Qz = function("Qz", z, shape=(n, n), antisymmetric=True)
light, mass = parameter("c0", positive=True), parameter("m", positive=True)
Kp = potential("Kp", p)
zeta = scalar("zeta")
mu2 = parameter("mu2", positive=True)


def laplacian(f: Expression, x: Variable) -> Expression:
    return trace(grad(grad(f, x), x))


def thermostat(**changes: Expression) -> Dynamics:
    """Scalar SGNHT with parts replaced."""
    parts = {
        "p": -gU - xi * p,
        "xi": (dot(p, p) - n) / mu,
        "D": A * I,
        "S": mu * (xi - A) ** 2 / 2,
        "K": K,
        "theta": p,
    } | changes
    return Dynamics(
        {theta: parts["theta"], p: parts["p"], xi: parts["xi"]},
        {p: parts["D"]},
        hamiltonian=U + parts["K"] + parts["S"],
    )


def memory(sign: int) -> Dynamics:
    """Generalised Langevin equation with k memory variables per degree of freedom."""
    block = transpose(outer(diag(gamma), I), 0, 2, 1, 3)
    return Dynamics(
        {theta: p, p: -gU + sign * (c @ s), s: -outer(c, p) - diag(gamma) @ s},
        {s: block},
        hamiltonian=U + K + dot(s, s) / 2,
    )


def riemannian(energy: Expression, friction: Expression | int = 0) -> Dynamics:
    force = -grad(energy, theta)
    if friction == 0:
        return Dynamics({theta: grad(energy, p), p: force}, {}, hamiltonian=energy)
    return Dynamics(
        {theta: grad(energy, p), p: force - friction * grad(energy, p)},
        {p: friction * I},
        hamiltonian=energy,
    )


relativistic = mass * light**2 * sqrt(1 + dot(p, p) / (mass**2 * light**2))
log_cosh = dot(ones(n), log(cosh(p)))
metric_energy = U + dot(p, inv(G) @ p) / 2 + logdet(G) / 2
gR, gK = grad(relativistic, p), grad(Kp, p)
Mi = inv(M)
shifted = A * I + M

VALID: dict[str, Dynamics] = {
    "Hamiltonian flow": Dynamics({theta: p, p: -gU}, {}, hamiltonian=U + K),
    "overdamped": Dynamics({theta: -gU}, {theta: I}, hamiltonian=U),
    "irreversible": Dynamics({theta: -(I + J) @ gU}, {theta: I}, hamiltonian=U),
    "Langevin": Dynamics({theta: p, p: -gU - A * p}, {p: A * I}, hamiltonian=U + K),
    "Langevin, mass and friction matrix": Dynamics(
        {theta: Mi @ p, p: -gU - C @ (Mi @ p)}, {p: C}, hamiltonian=U + dot(p, Mi @ p) / 2
    ),
    "Langevin, physical units": Dynamics(
        {theta: p / mass, p: -gU - (A / mass) * p},
        {p: A * h * I},
        hamiltonian=(U + dot(p, p) / (2 * mass)) / h,
    ),
    "Langevin, mass A + M": Dynamics(
        {theta: inv(shifted) @ p, p: -gU - inv(shifted) @ p},
        {p: I},
        hamiltonian=U + dot(p, inv(shifted) @ p) / 2,
    ),
    "magnetic": Dynamics({theta: p, p: -gU + J @ p}, {}, hamiltonian=U + K),
    "preconditioned": Dynamics({theta: -(V @ gU) + div(V, theta)}, {theta: V}, hamiltonian=U),
    "friction matched to noise": Dynamics(
        {theta: p, p: -gU - (C + B) @ p}, {p: C + B}, hamiltonian=U + K
    ),
    "SGNHT": thermostat(),
    "SGNHT, mu = n": thermostat(xi=dot(p, p) / n - 1, S=n * (xi - A) ** 2 / 2),
    "SGNHT, mass": thermostat(
        theta=Mi @ p, xi=(dot(p, Mi @ p) - n) / mu, D=A * M, K=dot(p, Mi @ p) / 2
    ),
    "SGNHT, mass, isotropic noise": thermostat(
        theta=Mi @ p,
        p=-gU - xi * (Mi @ p),
        xi=(dot(Mi @ p, Mi @ p) - trace(Mi)) / mu,
        K=dot(p, Mi @ p) / 2,
    ),
    "SGNHT, known D(theta)": Dynamics(
        {
            theta: p,
            p: -gU - xi * p + mu * (xi - Hz(theta)) * grad(Hz(theta), theta),
            xi: (dot(p, p) - n) / mu,
        },
        {p: Hz(theta) * I},
        hamiltonian=U + K + mu * (xi - Hz(theta)) ** 2 / 2,
    ),
    "Nose-Hoover": thermostat(D=0 * I, S=mu * xi**2 / 2),
    "Nose-Hoover chain": Dynamics(
        {
            theta: p,
            p: -gU - xi * p,
            xi: (dot(p, p) - n) / mu - xi * zeta,
            zeta: (mu * xi**2 - 1) / mu2,
        },
        {},
        hamiltonian=U + K + mu * xi**2 / 2 + mu2 * zeta**2 / 2,
    ),
    "Nose-Hoover-Langevin": Dynamics(
        {theta: p, p: -gU - xi * p, xi: (dot(p, p) - n) / mu - h * xi},
        {xi: h / mu},
        hamiltonian=U + K + mu * xi**2 / 2,
    ),
    "diagonal SGNHT": Dynamics(
        {theta: p, p: -gU - eta * p, eta: (p * p - ones(n)) / mu},
        {p: diag(a)},
        hamiltonian=U + K + mu * dot(eta - a, eta - a) / 2,
    ),
    "matrix SGNHT": Dynamics(
        {theta: p, p: -gU - Xi @ p, Xi: (outer(p, p) - I) / mu},
        {p: D},
        hamiltonian=U + K + mu * dot(Xi - D, Xi - D) / 2,
    ),
    "symmetric matrix SGNHT": Dynamics(
        {theta: p, p: -gU - Xs @ p, Xs: (outer(p, p) - I) / mu},
        {p: D},
        hamiltonian=U + K + mu * dot(Xs - D, Xs - D) / 2,
    ),
    "symmetric matrix SGNHT with noise": Dynamics(
        {theta: p, p: -gU - (Xs + D) @ p, Xs: (outer(p, p) - I) / mu - h * Xs},
        {p: D, Xs: h / mu},
        hamiltonian=U + K + mu * dot(Xs, Xs) / 2,
    ),
    "CCAdL": thermostat(p=-gU - (h / 2) * (B @ p) - xi * p, D=A * I + (h / 2) * B),
    "GLE": memory(1),
    "complete recipe": Dynamics(
        {z: -((Dz + Qz) @ grad(Hz, z)) + div(Dz, z) + div(Qz, z)}, {z: Dz}, hamiltonian=Hz
    ),
    "Riemannian": riemannian(metric_energy),
    "Riemannian with friction": riemannian(metric_energy, A),
    "relativistic Langevin": Dynamics(
        {theta: gR, p: -gU - A * gR}, {p: A * I}, hamiltonian=U + relativistic
    ),
    "relativistic SGNHT": thermostat(
        theta=gR,
        p=-gU - xi * gR,
        xi=(dot(gR, gR) - laplacian(relativistic, p)) / mu,
        K=relativistic,
    ),
    "SGNHT, any kinetic energy": thermostat(
        theta=gK, p=-gU - xi * gK, xi=(dot(gK, gK) - laplacian(Kp, p)) / mu, K=Kp
    ),
    "SGNHT, log-cosh kinetic energy": thermostat(
        theta=tanh(p),
        p=-gU - xi * tanh(p),
        xi=(dot(tanh(p), tanh(p)) - dot(ones(n), 1 / cosh(p) ** 2)) / mu,
        K=log_cosh,
    ),
    "SGNHT, exponential friction": thermostat(p=-gU - exp(xi) * p, S=mu * (exp(xi) - A * xi)),
    "diagonal SGNHT, exponential friction": Dynamics(
        {theta: p, p: -gU - exp(eta) * p, eta: (p * p - ones(n)) / mu},
        {p: diag(a)},
        hamiltonian=U + K + mu * dot(ones(n), exp(eta)) - mu * dot(a, eta),
    ),
    "exponential friction cos(theta.p)": Dynamics(
        {theta: p, p: -gU - exp(cos(dot(theta, theta))) * p},
        {p: exp(cos(dot(theta, theta))) * I},
        hamiltonian=U + K,
    ),
    "tempered SGHMC": Dynamics(
        {theta: p, p: -gU - A * p}, {p: (A + h) * I}, hamiltonian=(U + K) * A / (A + h)
    ),
}

#: Each with the part of the declaration that is wrong.
INVALID: dict[str, Dynamics] = {
    "wrong friction sign": Dynamics({theta: p, p: -gU + A * p}, {p: A * I}, hamiltonian=U + K),
    "SGHMC unmatched": Dynamics({theta: p, p: -gU - C @ p}, {p: C - Bhat + B}, hamiltonian=U + K),
    "preconditioned without div": Dynamics({theta: -(V @ gU)}, {theta: V}, hamiltonian=U),
    "H = 2 U": Dynamics({theta: -gU}, {theta: I}, hamiltonian=2 * U),
    "SGNHT, xi' = p.p/n + 1": thermostat(xi=dot(p, p) / n + 1, S=n * (xi - A) ** 2 / 2),
    "SGNHT, xi' = p.p - 1 (holds at n = 1)": thermostat(xi=(dot(p, p) - 1) / mu),
    "SGNHT centred at 0": thermostat(S=mu * xi**2 / 2),
    "SGNHT, anisotropic D (holds at n = 1)": thermostat(
        D=diag(a), S=mu * (xi - dot(a, ones(n)) / n) ** 2 / 2
    ),
    "matrix SGNHT without -I": Dynamics(
        {theta: p, p: -gU - Xi @ p, Xi: outer(p, p) / mu},
        {p: D},
        hamiltonian=U + K + mu * dot(Xi - D, Xi - D) / 2,
    ),
    "GLE, wrong sign": memory(-1),
    "recipe without Gamma": Dynamics({z: -((Dz + Qz) @ grad(Hz, z))}, {z: Dz}, hamiltonian=Hz),
    "CCAdL without friction": thermostat(D=A * I + (h / 2) * B),
    "any kinetic energy, friction A p": Dynamics(
        {theta: gK, p: -gU - A * p}, {p: A * I}, hamiltonian=U + Kp
    ),
    "log-cosh without the Laplacian": thermostat(
        theta=tanh(p), p=-gU - xi * tanh(p), xi=(dot(tanh(p), tanh(p)) - n) / mu, K=log_cosh
    ),
    "exponential friction, diagonal, wrong weight": Dynamics(
        {theta: p, p: -gU - exp(eta) * p, eta: (p * p - ones(n)) / mu},
        {p: diag(a)},
        hamiltonian=U + K + dot(ones(n), exp(eta)) - mu * dot(a, eta),
    ),
    "mass A + M, wrong inverse": Dynamics(
        {theta: inv(shifted) @ p, p: -gU - Mi @ p},
        {p: I},
        hamiltonian=U + dot(p, inv(shifted) @ p) / 2,
    ),
}
