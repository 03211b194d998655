r"""A least-squares problem, read once in the eigenbasis of its Gram matrix.

For everything that needs X and y only through $\hat\Sigma = X^\top X/n = V\,\mathrm{diag}(s)V^\top$
and the rows of $X$: paths, moments, risks, bounds. All iterates that start at 0 stay in the row
space of X, so coordinates in the basis V of that space (k = rank X of them) lose nothing, and
p > n or a rank-deficient X need no special case. Not for fitting: no intercept, no scaling.

Notation: n rows, p columns, k rank; s_j the positive eigenvalues, descending; z_i = V^T x_i.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from sdekit.errors import DataError
from sdekit.theory.arrays import Array, is_sparse, namespace, real_array

#: Rows handled at a time, so that an intermediate of n x k never has to exist for large n.
ROW_BLOCK = 8192


class Rows(Protocol):
    """The rows z_i of the data in the eigenbasis, as the linear maps that the formulas need."""

    def combine(self, weights: Array) -> Array:
        """z_i^T w for every row: (k,) or (k, paths) to (n,) or (n, paths)."""
        ...

    def project(self, values: Array) -> Array:
        """(1/n) sum_i v_i z_i: (n,) or (n, paths) to (k,) or (k, paths)."""
        ...

    def quadratic(self, matrix: Array) -> Array:
        """z_i^T C z_i for every row: (k, k) to (n,)."""
        ...

    def weighted_gram(self, weights: Array) -> Array:
        """(1/n) sum_i w_i z_i z_i^T: (n,) to (k, k)."""
        ...

    def squares(self, weights: Array) -> Array:
        """sum_j z_ij^2 w_j for every row: (k,) to (n,)."""
        ...

    def largest_squares(self) -> Array:
        """max_i z_ij^2, shape (k,)."""
        ...

    def take(self, indices: Array) -> Array:
        """The rows z_i of the given indices, any shape, to (..., k)."""
        ...


@dataclass(frozen=True, eq=False)
class DenseRows:
    """Rows held as one array of shape (n, k), on the host or on a device."""

    scores: Array

    def _blocks(self) -> Iterator[Array]:
        for start in range(0, self.scores.shape[0], ROW_BLOCK):
            yield self.scores[start : start + ROW_BLOCK]

    def combine(self, weights: Array) -> Array:
        """See `Rows.combine`."""
        return self.scores @ weights

    def project(self, values: Array) -> Array:
        """See `Rows.project`."""
        return self.scores.T @ values / self.scores.shape[0]

    def quadratic(self, matrix: Array) -> Array:
        """See `Rows.quadratic`."""
        xp = namespace(self.scores)
        return xp.concatenate(
            [xp.einsum("ij,ij->i", rows @ matrix, rows) for rows in self._blocks()]
        )

    def weighted_gram(self, weights: Array) -> Array:
        """See `Rows.weighted_gram`."""
        total = 0.0
        for index, rows in enumerate(self._blocks()):
            block = weights[index * ROW_BLOCK : (index + 1) * ROW_BLOCK]
            if isinstance(block, np.ndarray) and block.min() >= 0:
                # NumPy computes one triangle of A^T A: half the work.
                scaled = rows * np.sqrt(block)[:, None]
                total = total + scaled.T @ scaled
            else:
                total = total + rows.T @ (rows * block[:, None])
        return total / self.scores.shape[0]

    def squares(self, weights: Array) -> Array:
        """See `Rows.squares`."""
        xp = namespace(self.scores)
        return xp.concatenate([(rows * rows) @ weights for rows in self._blocks()])

    def largest_squares(self) -> Array:
        """See `Rows.largest_squares`."""
        xp = namespace(self.scores)
        return xp.stack([(rows * rows).max(0) for rows in self._blocks()]).max(0)

    def take(self, indices: Array) -> Array:
        """See `Rows.take`."""
        return self.scores[indices]


@dataclass(frozen=True, eq=False)
class SparseRows:
    """Rows of a sparse X (CSR, shape (n, p)), never made dense: costs count its entries."""

    design: Any
    basis: np.ndarray

    def _dense_blocks(self) -> Iterator[np.ndarray]:
        for start in range(0, self.design.shape[0], ROW_BLOCK):
            yield self.design[start : start + ROW_BLOCK] @ self.basis

    def combine(self, weights: np.ndarray) -> np.ndarray:
        """See `Rows.combine`."""
        return self.design @ (self.basis @ weights)

    def project(self, values: np.ndarray) -> np.ndarray:
        """See `Rows.project`."""
        return self.basis.T @ (self.design.T @ values) / self.design.shape[0]

    def quadratic(self, matrix: np.ndarray) -> np.ndarray:
        """See `Rows.quadratic`."""
        full = self.basis @ matrix @ self.basis.T
        blocks = []
        for start in range(0, self.design.shape[0], ROW_BLOCK):
            rows = self.design[start : start + ROW_BLOCK]
            blocks.append(np.asarray(rows.multiply(rows @ full).sum(axis=1)).ravel())
        return np.concatenate(blocks)

    def weighted_gram(self, weights: np.ndarray) -> np.ndarray:
        """See `Rows.weighted_gram`."""
        weighted = self.design.multiply(weights[:, None]).tocsr()
        gram = (self.design.T @ weighted).toarray() / self.design.shape[0]
        return self.basis.T @ gram @ self.basis

    def squares(self, weights: np.ndarray) -> np.ndarray:
        """See `Rows.squares`."""
        return np.concatenate([(rows * rows) @ weights for rows in self._dense_blocks()])

    def largest_squares(self) -> np.ndarray:
        """See `Rows.largest_squares`."""
        return np.max([(rows * rows).max(0) for rows in self._dense_blocks()], axis=0)

    def take(self, indices: np.ndarray) -> np.ndarray:
        """See `Rows.take`."""
        rows = self.design[indices.ravel()] @ self.basis
        return rows.reshape(*indices.shape, -1)


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
    Checked by: tests/theory/test_regression.py.
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
