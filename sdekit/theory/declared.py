r"""The processes of least squares as declared `Dynamics`, to print, verify and run.

Sizes stay symbolic: data enter as parameters whose values are given at run time
(`LeastSquaresFlow.parameter_values`, `linear_parameters`). Stochastic gradient flow has no known
stationary law, so it is a plain SDE; the constant-covariance process, the Langevin process and the
Pearson diffusion declare theirs, and `sdekit.verifier` decides the claim for every number of
columns and every data.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sdekit.declaration.functions.grammar import atan, dot, eye, log, ones, outer, sqrt
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.dimension import dim
from sdekit.declaration.tree.symbols import parameter, scalar, vector
from sdekit.theory.least_squares.flow import LeastSquaresFlow
from sdekit.theory.least_squares.pearson import PearsonLaw

SOURCE = "Ali, Dobriban, Tibshirani: implicit regularization of stochastic gradient flow (slides)"


def stochastic_gradient_flow() -> Dynamics:
    r"""The flow with its factored noise, driven by n Brownian motions.

    $$\sigma = \sqrt{\kappa/n}\,X^\top(\mathrm{diag}(r) - r\mathbf 1^\top/n),\qquad r = y - X\beta$$

    Parameters X (n, p), y (n), kappa.

    Checked by: tests/theory/test_declared.py.
    """
    n, p = dim("n"), dim("p")
    beta = vector("beta", p)
    design, y = parameter("X", n, p), parameter("y", n)
    kappa = parameter("kappa", positive=True)
    residual = y - design @ beta
    # Row i of X times r_i, element by element: an n x n diagonal matrix would cost n^2 p.
    rows = (design * outer(residual, ones(p))).T
    centred = rows - outer(design.T @ residual, ones(n)) / n
    return Dynamics(
        drift={beta: design.T @ residual / n},
        noise={beta: sqrt(kappa / n) * centred},
        name="stochastic gradient flow",
        source=SOURCE,
    )


def constant_covariance() -> Dynamics:
    r"""$d\beta = -S(\beta-b)\,dt + N(0, TS\,dt)$, with $H = \|\beta-b\|^2/T$.

    Parameters S (p, p), b (p), temperature T = kappa sigma-hat^2.
    """
    p = dim("p")
    beta, b = vector("beta", p), parameter("b", p)
    gram = parameter("S", p, p, positive_definite=True)
    temperature = parameter("temperature", positive=True)
    error = beta - b
    return Dynamics(
        drift={beta: -(gram @ error)},
        diffusion={beta: temperature * gram / 2},
        hamiltonian=dot(error, error) / temperature,
        name="constant-covariance flow",
        source=SOURCE,
    )


def langevin() -> Dynamics:
    r"""$d\beta = -S(\beta-b)\,dt + N(0, \tau I\,dt)$, with $H = (\beta-b)^\top S(\beta-b)/\tau$.

    Parameters S (p, p), b (p), temperature = tau.
    """
    p = dim("p")
    beta, b = vector("beta", p), parameter("b", p)
    gram = parameter("S", p, p, positive_definite=True)
    temperature = parameter("temperature", positive=True)
    error = beta - b
    return Dynamics(
        drift={beta: -(gram @ error)},
        diffusion={beta: temperature * eye(p) / 2},
        hamiltonian=dot(error, gram @ error) / temperature,
        name="Langevin (SGLD) for least squares",
        source=SOURCE,
    )


def pearson() -> Dynamics:
    r"""One feature: $de = -se\,dt + N(0, q_2((e-c)^2 + w^2)\,dt)$ with its Pearson type IV law.

    Parameters s, q2, c, w. Stationarity is proved; that the power law is integrable is more than
    the verifier decides, and `PearsonLaw` shows it by its normalizer.
    """
    e = scalar("e")
    s, q2 = parameter("s", positive=True), parameter("q2", positive=True)
    c, w = parameter("c"), parameter("w", positive=True)
    square = (e - c) ** 2 + w**2
    skew = 2 * s * c / (q2 * w)
    return Dynamics(
        drift={e: -s * e},
        diffusion={e: q2 * square / 2},
        hamiltonian=(1 + s / q2) * log(square) + skew * atan((e - c) / w),
        name="Pearson diffusion of least squares",
        source=SOURCE,
    )


def linear_parameters(flow: LeastSquaresFlow, temperature: float) -> dict[str, Any]:
    """Values for `constant_covariance` (kappa sigma^2) or `langevin` (tau)."""
    problem = flow.problem
    gram = (problem.basis * problem.rates) @ problem.basis.T
    return {
        "S": gram,
        "b": problem.from_basis(problem.minimizer),
        "temperature": temperature,
    }


def pearson_parameters(law: PearsonLaw) -> dict[str, float]:
    """Values for `pearson` from a law of kind "pearson"."""
    q0, q1, q2 = law.noise
    return {
        "s": law.rate,
        "q2": q2,
        "c": -q1 / (2 * q2),
        "w": float(np.sqrt(4 * q0 * q2 - q1 * q1)) / (2 * q2),
    }
