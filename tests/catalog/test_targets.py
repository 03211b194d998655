"""The stated moments of the targets are those of their potentials, by quadrature."""

import numpy as np
import pytest
from scipy.integrate import quad

import sdekit as sk
from sdekit.catalog.targets import TARGETS
from sdekit.declaration.text.parser import parse_expression
from sdekit.declaration.tree.symbols import scalar


def density(target):
    return lambda x: np.exp(-target.potential(np.array([x])))


def integral(f):
    return quad(f, -12, 12, epsabs=1e-12, epsrel=1e-12, limit=400)[0]


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda t: t.name)
def test_moments_are_those_of_the_potential(target):
    rho = density(target)
    Z = integral(rho)
    mean = integral(lambda x: x * rho(x)) / Z
    variance = integral(lambda x: (x - mean) ** 2 * rho(x)) / Z
    assert pytest.approx(target.normalizer, rel=1e-9) == Z
    assert mean == pytest.approx(target.mean, abs=1e-7)
    assert variance == pytest.approx(target.variance, abs=1e-7)


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda t: t.name)
def test_the_mass_left_of_the_barrier_is_as_stated(target):
    if target.barrier is None:
        assert target.left_mass is None
        return
    mass = quad(density(target), -12, target.barrier, epsabs=1e-12)[0] / target.normalizer
    assert mass == pytest.approx(target.left_mass, abs=1e-6)


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda t: t.name)
def test_formula_and_potential_agree(target):
    theta = scalar("theta")
    energy = parse_expression(target.formula, {"theta": theta})
    components = sk.Dynamics(drift={theta: -theta}, hamiltonian=energy).at()
    for x in (-3.0, 0.25, 2.0):
        value = float(components.hamiltonian.subs(components.coordinates[0], x))
        assert value == pytest.approx(target.potential(np.array([x])), rel=1e-14)


def test_potentials_sum_over_entries():
    """Twin of the one-entry checks: a vector has the sum of its entries' potentials."""
    for target in TARGETS.values():
        both = target.potential(np.array([0.5, -1.5]))
        single = [target.potential(np.array([x])) for x in (0.5, -1.5)]
        assert both == pytest.approx(sum(single), rel=1e-14)
