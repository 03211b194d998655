"""The probability current with its jumps and poles, on the traps a zero residual does not see."""

import pytest
import sympy as sp

from sdekit.calculus import field
from sdekit.declaration.model.components import components_from_sympy
from tests.calculus.field.models import langevin, sgnht

x, y = sp.symbols("x y", real=True)


def current(coordinates, drift, diffusion, energy):
    return field.current(components_from_sympy(coordinates, drift, diffusion, energy))


def test_overdamped_langevin_has_no_current():
    U = sp.exp(x) + sp.sin(x)
    found = current([x], [-sp.diff(U, x)], {(0, 0): 1}, U)
    assert found.vanishes
    assert found.entries == (0,)
    assert not found.jumps
    assert not found.poles


def test_langevin_has_the_hamiltonian_current():
    found = field.current(langevin([x], x**4))
    p = sp.Symbol("p_1", real=True)
    assert found.entries == (p, -4 * x**3)
    assert not found.vanishes


def test_the_current_of_an_unknown_potential_is_written_with_its_derivative():
    found = field.current(sgnht(1))
    theta, p, xi = sgnht(1).coordinates
    slope = sp.Derivative(sp.Function("U", real=True)(theta), theta)
    A, mu = sp.symbols("A mu", positive=True)
    expected = (p, -slope - (xi - A) * p, (p**2 - 1) / mu)
    for entry, by_hand in zip(found.entries, expected, strict=True):
        assert sp.expand(entry - by_hand) == 0


def test_laplace_energy_is_regular_because_the_current_vanishes():
    found = current([x], [-sp.sign(x)], {(0, 0): 1}, sp.Abs(x))
    assert found.vanishes
    assert not found.jumps


def test_a_source_at_a_kink_is_a_jump():
    """Trap: the residual vanishes off 0, yet probability is created there."""
    components = components_from_sympy([x], [sp.exp(sp.Abs(x)) * sp.sign(x)], {}, sp.Abs(x))
    assert field.residual(components).is_zero is True
    (jump,) = field.current(components).jumps
    assert (jump.of, jump.surface, jump.vanishes) == ("current", x, False)
    assert jump.flux.subs(x, 0).doit() != 0


def test_a_jump_along_its_surface_lets_nothing_through():
    found = current([x, y], [-sp.sign(y), sp.sign(x)], {}, sp.Abs(x) + sp.Abs(y))
    assert {jump.surface for jump in found.jumps} == {x, y}
    assert all(jump.vanishes for jump in found.jumps)


def test_a_jump_inside_another_function_is_seen():
    (jump,) = current([x], [sp.exp(sp.sign(x))], {}, 0).jumps
    assert jump.flux is None
    assert not jump.vanishes


def test_a_kink_inside_another_function_is_no_jump():
    assert not current([x], [sp.exp(sp.Abs(x))], {}, 0).jumps


@pytest.mark.parametrize(
    ("of", "diffusion", "energy"),
    [("diffusion", 2 + sp.sign(x), sp.S.Zero), ("hamiltonian", sp.S.One, sp.sign(x))],
)
def test_a_jump_of_noise_or_energy_is_seen_though_the_current_vanishes(of, diffusion, energy):
    """Trap: J = 0 off 0, but the density times D has a jump whose derivatives are a source."""
    found = current([x], [0], {(0, 0): diffusion}, energy)
    assert found.vanishes
    assert [(jump.of, jump.vanishes) for jump in found.jumps] == [(of, False)]


def test_a_point_source_in_the_plane_is_a_pole():
    """Trap: div J = 0 off the origin, with flux 2 pi out of it."""
    r2 = x**2 + y**2
    components = components_from_sympy([x, y], [x / r2, y / r2], {}, sp.S.Zero)
    assert field.residual(components).is_zero is True
    (pole,) = field.current(components).poles
    assert sp.expand(pole.surface - r2) == 0
    assert pole.places == (0, 1)


def test_a_removable_singularity_is_no_pole():
    assert not current([x], [(x**2 - 1) / (x - 1)], {}, 0).poles


@pytest.mark.parametrize("drift", [1 / (x - 1), sp.log(x - 1), sp.exp(1 / (x - 1))])
def test_a_pole_a_logarithm_and_an_essential_singularity_are_poles(drift):
    (pole,) = current([x], [drift], {}, 0).poles
    assert pole.surface == x - 1


def test_a_denominator_without_zeros_or_of_parameters_is_no_pole():
    c = sp.Symbol("c", real=True)
    assert not current([x], [x / (c * (1 + x**2 + sp.exp(x)))], {}, 0).poles
