r"""A least-squares problem, read once in the eigenbasis of its Gram matrix.

For everything that needs X and y only through $\hat\Sigma = X^\top X/n = V\,\mathrm{diag}(s)V^\top$
and the rows of $X$: paths, moments, risks, bounds. All iterates that start at 0 stay in the row
space of X, so coordinates in the basis V of that space (k = rank X of them) lose nothing, and
p > n or a rank-deficient X need no special case. Not for fitting: no intercept, no scaling.

Notation: n rows, p columns, k rank; s_j the positive eigenvalues, descending; z_i = V^T x_i.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sdekit.errors import DataError
from sdekit.theory.arrays import Array, is_sparse, namespace, real_array
from sdekit.theory.least_squares.feature_rows import DenseRows, Rows, SparseRows


@dataclass(frozen=True, eq=False)
class Regression:
    r"""X, y and what least squares knows of them.

    Args:
        design: X, shape (n, p); dense or SciPy CSR.
        response: y, shape (n,).
        rates: s, the positive eigenvalues of X^T X / n, descending, shape (k,).
        basis: V, orthonormal columns, shape (p, k).
        rows: The rows V^T x_i.
        minimizer: V^T \hat\beta with $\hat\beta = X^+ y$, shape (k,).
        residual: $\hat r = y - X\hat\beta$, shape (n,); exactly 0 when y lies in the column
            space of X to rounding.

    Example:
        >>> problem = Regression.from_data([[1.0], [2.0]], [1.0, 3.0])
        >>> problem.rates
        array([2.5])

    Source: Ali, Dobriban, Tibshirani 2020 (slides).
    Checked by: tests/theory/least_squares/test_regression.py.
    """

    design: Any
    response: Array
    rates: Array
    basis: Array
    rows: Rows
    minimizer: Array
    residual: Array

    @classmethod
    def from_data(cls, design: Any, response: Any) -> Regression:
        """Read X and y; the work is one singular value decomposition (sparse: of p x p).

        Raises:
            DataError: If shapes do not fit, numbers are not finite, or X is zero.
        """
        sparse = is_sparse(design)
        matrix = _checked_sparse(design) if sparse else real_array(design, "X", 2)
        y = real_array(response, "y", 1)
        if y.shape[0] != matrix.shape[0]:
            raise DataError(
                "X and y have different numbers of rows",
                expected=matrix.shape[0],
                found=y.shape[0],
            )
        xp = namespace(y if sparse else matrix)
        y = xp.asarray(y)
        tall = matrix.shape[0] >= matrix.shape[1]
        if sparse and tall:
            rates, basis = _sparse_spectrum(matrix)
            rows: Rows = SparseRows(matrix, basis)
        else:
            dense = matrix.toarray() if sparse else matrix
            left, singular, right = xp.linalg.svd(dense, full_matrices=False)
            floor = max(dense.shape) * xp.finfo(dense.dtype).eps * singular[0]
            rank = int((singular > floor).sum())
            rates = singular[:rank] ** 2 / dense.shape[0]
            basis = right[:rank].T
            rows = DenseRows(left[:, :rank] * singular[:rank])
        if rates.shape[0] == 0:
            raise DataError("X is zero", fix="there is nothing to fit; drop the columns of zeros")
        minimizer, residual = _solve(rows, rates, y)
        return cls(matrix, y, rates, basis, rows, minimizer, residual)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, p)."""
        return self.design.shape

    @property
    def rank(self) -> int:
        """k, the rank of X."""
        return int(self.rates.shape[0])

    @property
    def interpolates(self) -> bool:
        """Whether y lies in the column space of X, so that the noise dies at the minimum."""
        return bool((self.residual == 0).all())

    @cached_property
    def initial_objective(self) -> float:
        r"""$F(0) = \|y\|^2/(2n)$."""
        return float((self.response**2).sum()) / (2 * self.shape[0])

    @cached_property
    def minimal_objective(self) -> float:
        r"""$F^\ast = \|\hat r\|^2/(2n)$."""
        return float((self.residual**2).sum()) / (2 * self.shape[0])

    def to_basis(self, beta: Array) -> Array:
        """V^T beta: (p,) or (p, paths) to (k,) or (k, paths)."""
        return self.basis.T @ beta

    def from_basis(self, coordinates: Array) -> Array:
        """V c: (k,) or (k, paths) to (p,) or (p, paths)."""
        return self.basis @ coordinates

    def matrix_from_basis(self, matrix: Array) -> Array:
        """V C V^T: (k, k) to (p, p)."""
        return self.basis @ matrix @ self.basis.T


def _checked_sparse(design: Any) -> Any:
    """X as float64 CSR; `DataError` for entries that are not finite."""
    matrix = design.tocsr().astype(np.float64)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise DataError("X has the wrong shape", expected="2 axes, none empty", found=matrix.shape)
    if not np.isfinite(matrix.data).all():
        raise DataError("X holds NaN or infinity", fix="drop or impute those rows before fitting")
    return matrix


def _sparse_spectrum(matrix: Any) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues above rounding and eigenvectors of the Gram matrix of a tall sparse X.

    The Gram matrix squares the condition: singular values below about 1e-7 of the largest
    count as zero here, where the dense decomposition sees down to 1e-13.
    """
    n, p = matrix.shape
    values, vectors = np.linalg.eigh((matrix.T @ matrix).toarray() / n)
    kept = values > max(n, p) * np.finfo(np.float64).eps * max(values[-1], 0.0)
    return values[kept][::-1].copy(), vectors[:, kept][:, ::-1].copy()


def _solve(rows: Rows, rates: Array, y: Array) -> tuple[Array, Array]:
    """Coordinates of the minimizer and the residual, refined once against rounding."""
    xp = namespace(y)
    minimizer = rows.project(y) / rates
    residual = y - rows.combine(minimizer)
    correction = rows.project(residual) / rates
    minimizer = minimizer + correction
    residual = residual - rows.combine(correction)
    size = float(xp.sqrt((y * y).sum()))
    # Rounding of two projections of y; anything larger is a real residual.
    if float(xp.sqrt((residual**2).sum())) <= 64 * np.sqrt(y.shape[0]) * _eps(y) * size:
        residual = xp.zeros_like(residual)
    return minimizer, residual


def _eps(array: Array) -> float:
    return float(namespace(array).finfo(array.dtype).eps)
