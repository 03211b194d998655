r"""SBAF and A-ReLU, the activations of the SYMNet slides, with their derivatives.

Written for NumPy and JAX arrays alike (also under `jit` and `grad`); not an activation library.

- SBAF: $y = 1/(1 + kx^\alpha(1-x)^{1-\alpha})$ on 0 < x < 1, with the slope $y' =
  y(1-y)(x-\alpha)/(x(1-x))$; 1 at both ends, smallest at x = alpha. y' is unbounded at the ends, so
  x is clipped to [margin, 1 - margin]. Fed by a sigmoid, as in `sbaf_of_sigmoid`, the chain is
  Lipschitz: its slope y(1-y)(x-alpha) is below max(alpha, 1-alpha)/4 and needs no clipping.
- A-ReLU: $y = kx^n$ for x > 0, else 0; $y' = ny/x$. Once differentiable for n > 1.

The published values of k, alpha and n (0.91, 0.5; 0.54, 1.30) are recalled, not read: defaults.
"""

from __future__ import annotations

from sdekit.theory.arrays import Array, namespace

#: How far from 0 and 1 the argument of SBAF is kept.
MARGIN = 1e-6
SBAF_K, SBAF_ALPHA = 0.91, 0.5
A_RELU_K, A_RELU_N = 0.54, 1.30


def sbaf(x: Array, k: float = SBAF_K, alpha: float = SBAF_ALPHA) -> Array:
    """SBAF of x, clipped into (0, 1); any shape.

    Example:
        >>> import numpy as np
        >>> sbaf(np.array([0.5]), k=2.0, alpha=0.5)
        array([0.5])

    Checked by: tests/theory/lipschitz/test_activations.py.
    """
    inside = namespace(x).clip(x, MARGIN, 1 - MARGIN)
    return 1 / (1 + k * inside**alpha * (1 - inside) ** (1 - alpha))


def sbaf_derivative(x: Array, k: float = SBAF_K, alpha: float = SBAF_ALPHA) -> Array:
    """dy/dx of SBAF at the clipped x, by its differential equation."""
    inside = namespace(x).clip(x, MARGIN, 1 - MARGIN)
    y = sbaf(x, k, alpha)
    return y * (1 - y) * (inside - alpha) / (inside * (1 - inside))


def sbaf_of_sigmoid(z: Array, k: float = SBAF_K, alpha: float = SBAF_ALPHA) -> Array:
    r"""SBAF of sigmoid(z) for any real z: $1/(1 + k\,e^{\alpha z}/(1+e^z))$."""
    xp = namespace(z)
    return 1 / (1 + k * xp.exp(alpha * z - xp.logaddexp(z, 0 * z)))


def a_relu(x: Array, k: float = A_RELU_K, n: float = A_RELU_N) -> Array:
    """A-ReLU of x, any shape."""
    xp = namespace(x)
    positive = xp.where(x > 0, x, 1.0)
    return xp.where(x > 0, k * positive**n, 0.0)


def a_relu_derivative(x: Array, k: float = A_RELU_K, n: float = A_RELU_N) -> Array:
    """dy/dx of A-ReLU: n y / x for x > 0, else 0."""
    xp = namespace(x)
    positive = xp.where(x > 0, x, 1.0)
    return xp.where(x > 0, n * k * positive ** (n - 1), 0.0)
