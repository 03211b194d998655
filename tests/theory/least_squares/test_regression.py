"""A least-squares problem reads the same from dense, sparse, wide and deficient data."""

import numpy as np
import pytest
import scipy.sparse

from sdekit.errors import DataError
from sdekit.theory.least_squares.regression import Regression
from tests.theory.least_squares.problems import SCALES, data, relative


def test_minimizer_and_residual_are_those_of_lstsq():
    design, y, _ = data()
    problem = Regression.from_data(design, y)
    exact = np.linalg.lstsq(design, y, rcond=None)[0]
    assert relative(problem.from_basis(problem.minimizer), exact) < 1e-13
    assert relative(problem.residual, y - design @ exact) < 1e-13
    assert relative(problem.rates, np.linalg.eigvalsh(design.T @ design / 40)[::-1]) < 1e-13


@pytest.mark.parametrize("n", [20, 4])
def test_sparse_and_dense_rows_are_the_same_maps(n):
    design = scipy.sparse.random(n, 6, density=0.5, random_state=1, format="coo")
    y = np.random.default_rng(2).normal(size=n)
    sparse, dense = Regression.from_data(design, y), Regression.from_data(design.toarray(), y)
    assert sparse.rank == dense.rank
    # The two bases differ by signs: compare what does not depend on them.
    weights = np.arange(1.0, n + 1)
    for problem in (sparse, dense):
        gram = problem.matrix_from_basis(problem.rows.weighted_gram(weights))
        x = design.toarray()
        assert relative(gram, x.T @ (x * weights[:, None]) / n) < 1e-12
        matrix = problem.basis.T @ np.diag(np.arange(6.0)) @ problem.basis
        lifted = problem.matrix_from_basis(matrix)
        exact = np.einsum("ij,jk,ik->i", x, lifted, x)
        assert relative(problem.rows.quadratic(matrix), exact) < 1e-12
        assert (
            relative(
                problem.rows.squares(problem.rates), ((x @ problem.basis) ** 2) @ problem.rates
            )
            < 1e-12
        )
        assert relative(problem.rows.largest_squares(), ((x @ problem.basis) ** 2).max(0)) < 1e-12
        picked = problem.rows.take(np.array([[0, 2], [1, 1]]))
        assert relative(picked, (x @ problem.basis)[[[0, 2], [1, 1]]]) < 1e-12


def test_rows_in_blocks_are_the_same_maps(monkeypatch):
    design, y, _ = data()
    whole = Regression.from_data(design, y)
    weights = np.linspace(1, 2, 40)
    expected = whole.rows.weighted_gram(weights), whole.rows.quadratic(np.diag(whole.rates))
    monkeypatch.setattr("sdekit.theory.least_squares.feature_rows.ROW_BLOCK", 7)
    assert relative(whole.rows.weighted_gram(weights), expected[0]) < 1e-13
    assert relative(whole.rows.quadratic(np.diag(whole.rates)), expected[1]) < 1e-13


def test_rank_deficiency_is_seen_and_harmless():
    design, y, _ = data()
    doubled = np.hstack([design, design[:, :2]])
    problem = Regression.from_data(doubled, y)
    assert problem.rank == len(SCALES)
    exact = np.linalg.pinv(doubled) @ y
    assert relative(problem.from_basis(problem.minimizer), exact) < 1e-12


def test_a_response_in_the_column_space_leaves_exactly_no_residual():
    design, y, signal = data()
    assert Regression.from_data(design, design @ signal).interpolates
    assert Regression.from_data(design[:4], y[:4]).interpolates  # p > n
    assert not Regression.from_data(design, y).interpolates


@pytest.mark.parametrize(
    ("design", "y", "message"),
    [
        (np.ones((3, 2)), np.ones(4), "different numbers of rows: expected 3, found 4"),
        (np.ones(3), np.ones(3), "X has the wrong shape"),
        (np.ones((0, 2)), np.ones(0), "X has the wrong shape"),
        (np.full((3, 2), np.nan), np.ones(3), "X holds NaN"),
        (np.ones((3, 2)), [1.0, np.inf, 0.0], "y holds NaN or infinity"),
        (np.zeros((3, 2)), np.ones(3), "X is zero"),
        ([["a", "b"]], [1.0], "X is not an array of real numbers"),
        (scipy.sparse.csr_matrix(np.full((3, 2), np.nan)), np.ones(3), "X holds NaN"),
    ],
)
def test_bad_data_is_named(design, y, message):
    with pytest.raises(DataError, match=message):
        Regression.from_data(design, y)
