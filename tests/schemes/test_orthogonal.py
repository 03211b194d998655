"""Orthonormal polynomials by quadrature against those known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from sdekit.errors import SchemeError
from sdekit.schemes.orthogonal import basis


def test_a_gaussian_weight_gives_hermite_polynomials() -> None:
    """<e_i, x e_j> is sqrt(max(i, j)) beside the diagonal, and e_k' = sqrt(k) e_{k-1}."""
    found = basis(lambda x: x**2 / 2, 40)
    ladder = np.diag(np.sqrt(np.arange(1.0, 40)), 1)
    np.testing.assert_allclose(found.multiplication(found.nodes), ladder + ladder.T, atol=1e-9)
    np.testing.assert_allclose(found.derivative, ladder, atol=1e-8)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e5])
def test_the_scale_and_place_of_the_weight_do_not_matter(scale: float) -> None:
    found = basis(lambda x: (x - 3) ** 2 / (2 * scale**2), 6)
    assert np.sum(found.weights * found.nodes) == pytest.approx(3, rel=1e-9)
    spread = np.sum(found.weights * (found.nodes - 3) ** 2)
    assert spread == pytest.approx(scale**2, rel=1e-9)


def test_a_double_well_has_its_known_moments() -> None:
    found = basis(lambda x: (x**4 + x**3 - 13 * x**2 - x + 12) / 14, 30)
    mean = np.sum(found.weights * found.nodes)
    assert mean == pytest.approx(-2.14795530, abs=1e-8)
    assert np.sum(found.weights * found.nodes**2) - mean**2 == pytest.approx(2.86176737, abs=1e-8)
    gram = found.multiplication(np.ones_like(found.nodes))
    np.testing.assert_allclose(gram, np.eye(30), atol=1e-9)


def test_a_weight_that_does_not_decay_is_refused() -> None:
    with pytest.raises(SchemeError, match="does not decay"):
        basis(lambda x: -(x**2), 3)
    with pytest.raises(SchemeError, match="does not decay"):
        basis(lambda x: 0 * x, 3)
