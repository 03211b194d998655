"""Triples in SymPy components, right and wrong, and the residual by SymPy's own derivatives."""

import sympy as sp

from sdekit.declaration.model.components import Components, components_from_sympy


def sgnht(n: int, surplus: int = 0) -> Components:
    """Scalar thermostat with unknown U; right for `surplus` 0."""
    theta = sp.symbols(f"theta_1:{n + 1}", real=True)
    p = sp.symbols(f"p_1:{n + 1}", real=True)
    xi = sp.Symbol("xi", real=True)
    A, mu = sp.symbols("A mu", positive=True)
    U = sp.Function("U", real=True)(*theta)
    kinetic = sum(q**2 for q in p)
    drift = [*p, *(-sp.Derivative(U, t) - xi * q for t, q in zip(theta, p, strict=True))]
    drift.append((kinetic - n + surplus) / mu)
    diffusion = {(n + i, n + i): A for i in range(n)}
    return components_from_sympy(
        [*theta, *p, xi], drift, diffusion, U + kinetic / 2 + mu * (xi - A) ** 2 / 2
    )


def matrix_sgnht(n: int, surplus: int = 0) -> Components:
    """Matrix thermostat with a full friction matrix; right for `surplus` 0."""
    theta = sp.symbols(f"theta_1:{n + 1}", real=True)
    p = sp.symbols(f"p_1:{n + 1}", real=True)
    mu = sp.Symbol("mu", real=True)
    U = sp.Function("U", real=True)(*theta)
    cells = [(i, j) for i in range(n) for j in range(n)]
    Xi = {c: sp.Symbol(f"Xi_{c[0] + 1}_{c[1] + 1}", real=True) for c in cells}
    A = {c: sp.Symbol(f"A_{min(c) + 1}_{max(c) + 1}", real=True) for c in cells}
    drift = list(p)
    drift += [
        -sp.Derivative(U, theta[i]) - sum(Xi[i, j] * p[j] for j in range(n)) for i in range(n)
    ]
    drift += [(p[i] * p[j] - (1 + surplus if i == j else 0)) / mu for i, j in cells]
    energy = U + sum(q**2 for q in p) / 2 + mu * sum((Xi[c] - A[c]) ** 2 for c in cells) / 2
    diffusion = {(n + i, n + j): A[i, j] for i, j in cells}
    return components_from_sympy([*theta, *p, *Xi.values()], drift, diffusion, energy)


def langevin(theta, U, friction_surplus=0) -> Components:
    """Langevin with an explicit potential; right for `friction_surplus` 0."""
    n = len(theta)
    p = sp.symbols(f"p_1:{n + 1}", real=True)
    A = sp.Symbol("A", positive=True)
    drift = [
        *p,
        *(-sp.diff(U, t) - (A + friction_surplus) * q for t, q in zip(theta, p, strict=True)),
    ]
    diffusion = {(n + i, n + i): A for i in range(n)}
    return components_from_sympy([*theta, *p], drift, diffusion, U + sum(q**2 for q in p) / 2)


def sympy_residual(components: Components) -> sp.Expr:
    """MATH A.0 by SymPy's derivatives alone: the third, independent route."""
    z, v, H = components.coordinates, components.drift, components.hamiltonian
    total = sum(sp.diff(v[i], z[i]) - v[i] * sp.diff(H, z[i]) for i in range(len(z)))
    for (i, j), d in components.diffusion.items():
        h_i, h_j = sp.diff(H, z[i]), sp.diff(H, z[j])
        total -= sp.diff(d, z[i], z[j]) - h_i * sp.diff(d, z[j]) - h_j * sp.diff(d, z[i])
        total -= d * (h_i * h_j - sp.diff(H, z[i], z[j]))
    return total


def recipe(coordinates, H, curl, noise) -> Components:
    """Complete recipe in two coordinates: stationary for every H, curl and noise.

    Args:
        coordinates: x, y.
        H: Energy.
        curl: Q_12 = -Q_21.
        noise: Diagonal of D.
    """
    x, y = coordinates
    h_x, h_y = sp.diff(H, x), sp.diff(H, y)
    drift = [
        -noise[0] * h_x + sp.diff(noise[0], x) - curl * h_y + sp.diff(curl, y),
        -noise[1] * h_y + sp.diff(noise[1], y) + curl * h_x - sp.diff(curl, x),
    ]
    diffusion = {(0, 0): noise[0], (1, 1): noise[1]}
    return components_from_sympy(coordinates, drift, diffusion, H)
