"""Orthonormal polynomials by quadrature against those known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from sdekit.errors import SchemeError
from sdekit.schemes.jet_ring.orthogonal import Weight


def test_a_gaussian_weight_gives_hermite_polynomials() -> None:
    """<e_i, x e_j> is sqrt(max(i, j)) beside the diagonal, and e_k' = sqrt(k) e_{k-1}."""
    found = Weight(lambda x: x**2 / 2).basis(40)
    ladder = np.diag(np.sqrt(np.arange(1.0, 40)), 1)
    np.testing.assert_allclose(found.multiplication(found.nodes), ladder + ladder.T, atol=1e-9)
    np.testing.assert_allclose(found.derivative, ladder, atol=1e-8)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e5])
def test_the_scale_and_place_of_the_weight_do_not_matter(scale: float) -> None:
    found = Weight(lambda x: (x - 3) ** 2 / (2 * scale**2)).basis(6)
    assert np.sum(found.weights * found.nodes) == pytest.approx(3, rel=1e-9)
    spread = np.sum(found.weights * (found.nodes - 3) ** 2)
    assert spread == pytest.approx(scale**2, rel=1e-9)


def test_a_double_well_has_its_known_moments() -> None:
    found = Weight(lambda x: (x**4 + x**3 - 13 * x**2 - x + 12) / 14).basis(30)
    mean = np.sum(found.weights * found.nodes)
    assert mean == pytest.approx(-2.14795530, abs=1e-8)
    assert np.sum(found.weights * found.nodes**2) - mean**2 == pytest.approx(2.86176737, abs=1e-8)
    gram = found.multiplication(np.ones_like(found.nodes))
    np.testing.assert_allclose(gram, np.eye(30), atol=1e-9)


def test_a_weight_that_does_not_decay_is_refused() -> None:
    with pytest.raises(SchemeError, match="does not decay"):
        Weight(lambda x: -(x**2))
    with pytest.raises(SchemeError, match="does not decay"):
        Weight(lambda x: 0 * x)
    with pytest.raises(SchemeError, match="does not decay"):
        Weight(lambda x: x**2 + x**3)


def test_a_longer_basis_after_a_shorter_one_is_that_of_a_new_weight() -> None:
    weight = Weight(lambda x: x**2 / 2 + x**4 / 20)
    weight.basis(5)
    for size in (12, 3):
        found = weight.basis(size)
        expected = Weight(lambda x: x**2 / 2 + x**4 / 20).basis(size)
        np.testing.assert_array_equal(found.nodes, expected.nodes)
        np.testing.assert_array_equal(found.values, expected.values)
