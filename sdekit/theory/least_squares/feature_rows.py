"""The rows of X in the eigenbasis of its Gram matrix, as the linear maps that formulas need.

For dense data (on the host or a device) and sparse data alike: `regression` builds them, `moments`
and `paths` use them. Not for the spectrum itself.

Notation: n rows, k the rank of X, V its basis (p, k), z_i = V^T x_i.
Checked by: tests/theory/least_squares/test_regression.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sdekit.theory.arrays import Array, namespace

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
