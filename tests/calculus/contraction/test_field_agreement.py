"""The two engines agree: the residual for all n, at n = 1 and 2, against the field engine."""

import pytest

from sdekit.calculus.contraction import counterexample, reduced, residual
from sdekit.calculus.field.field_residual import FieldResidual
from tests.calculus.contraction.models import INVALID, VALID

ALL = {**VALID, **INVALID}


def vanishes(name, size):
    """Whether the residual for all n vanishes at this size, as far as points can tell."""
    dynamics = ALL[name]
    sizes = {dim.name: size for dim in dynamics.dimensions}
    return counterexample(reduced(residual(dynamics)), sizes=sizes) is None


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("name", ALL)
def test_both_engines_give_the_same_verdict(name, size):
    dynamics = ALL[name]
    field = FieldResidual(dynamics.at(**{dim.name: size for dim in dynamics.dimensions}))
    assert field.is_zero is vanishes(name, size)
