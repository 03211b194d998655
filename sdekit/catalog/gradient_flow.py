"""Stochastic gradient descent on least squares as diffusions.

Notation: F(b) = |y - X b|^2 / (2 N) with N rows, Sigma = X^T X / N, eta step, m batch size; b is
the coefficient and b_hat the least-squares solution. Not for their moments and bounds
(`sdekit.theory`).
"""

from __future__ import annotations

from sdekit.catalog.record import Entry, Triple, claims
from sdekit.catalog.shared_symbols import n
from sdekit.declaration.functions.grammar import dot, eye, log, ones, outer, sqrt
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.symbols import parameter, scalar, vector

ALI = "Ali, Dobriban and Tibshirani 2020"

b = vector("b", n)
b_hat = parameter("b_hat", n)
Sigma = parameter("Sigma", n, n, positive_definite=True)
eta = parameter("eta", positive=True)
m = parameter("m", positive=True)


def constant_covariance() -> Triple:
    """The noise of SGD frozen at a covariance proportional to Sigma."""
    return Triple(
        drift={b: -Sigma @ (b - b_hat)},
        diffusion={b: eta / (2 * m) * Sigma},
        hamiltonian=m / eta * dot(b - b_hat, b - b_hat),
        target=m / eta * dot(b - b_hat, b - b_hat),
    )


def sgld_least_squares() -> Triple:
    """Gradient flow of F with isotropic noise tau."""
    tau = parameter("tau", positive=True)
    energy = dot(b - b_hat, Sigma @ (b - b_hat)) / tau
    return Triple(
        drift={b: -Sigma @ (b - b_hat)},
        diffusion={b: tau / 2 * eye(n)},
        hamiltonian=energy,
        target=energy,
    )


def stochastic_gradient_flow() -> Triple:
    """The diffusion with the mean and covariance of one step of SGD at every b."""
    rows = Dim("N")
    X = parameter("X", rows, n)
    y = parameter("y", rows)
    residual = y - X @ b
    # Row i of X times r_i, element by element: an N x N diagonal matrix would cost N^2 n.
    scaled = (X * outer(residual, ones(n))).T
    centred = scaled - outer(X.T @ residual, ones(rows)) / rows
    return Triple(
        drift={b: X.T @ residual / rows},
        noise={b: sqrt(eta / (m * rows)) * centred},
    )


def student_flow() -> Triple:
    """One coefficient e = b - b_hat, noise growing as q0 + q2 e^2: a Student law."""
    e = scalar("e")
    slope = parameter("slope", positive=True)
    q0 = parameter("q0", positive=True)
    q2 = parameter("q2", positive=True)
    energy = (1 + slope / q2) * log(q0 + q2 * e**2)
    return Triple(
        drift={e: -slope * e},
        diffusion={e: (q0 + q2 * e**2) / 2},
        hamiltonian=energy,
        target=energy,
    )


ENTRIES = (
    Entry(
        "constant-covariance",
        "Constant-covariance process of least squares",
        ALI,
        constant_covariance,
        claims(),
    ),
    Entry(
        "sgld-least-squares",
        "SGLD process of least squares",
        ALI,
        sgld_least_squares,
        claims(),
    ),
    Entry(
        "student-flow",
        "Stochastic gradient flow with one coefficient",
        "Pearson diffusion; Forman and Sorensen 2008",
        student_flow,
        claims(),
        notes="The variance is finite only while 2 slope > q2.",
    ),
    # No law is known, so nothing is claimed of H.
    Entry(
        "stochastic-gradient-flow",
        "Stochastic gradient flow of least squares",
        ALI,
        stochastic_gradient_flow,
        {"diffusion_symmetric": "proved", "diffusion_psd": "proved"},
        errata="F is |y - X b|^2 / (2 N) in both of its forms; one print lacks the 1/2.",
    ),
)
