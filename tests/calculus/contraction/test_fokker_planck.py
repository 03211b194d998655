"""Residual, current and generator against formulas of the papers."""

import pytest

from sdekit.calculus.contraction import (
    current,
    generator,
    is_zero,
    lower,
    lower_dynamics,
    residual,
)
from sdekit.calculus.contraction.fokker_planck import projected
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.functions.grammar import dot, exp, eye, grad, outer, sqrt, trace
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.symbols import scalar
from tests.calculus.contraction.models import (
    INVALID,
    VALID,
    A,
    I,
    U,
    Xs,
    gU,
    mu,
    n,
    p,
    theta,
    xi,
)


def test_the_generator_of_the_thermostat_on_its_energy_is_the_known_bound():
    """VERIFIER section 5: L H = 2 A n - A p.p - n xi."""
    sgnht = VALID["SGNHT"]
    found = generator(sgnht, sgnht.hamiltonian)
    assert is_zero(found - lower(2 * A * n - A * dot(p, p) - n * xi))
    assert not is_zero(found - lower(A * n - A * dot(p, p) - n * xi))


def test_the_current_vanishes_exactly_in_detailed_balance():
    for name in ("overdamped", "preconditioned"):
        assert all(is_zero(u) for u in current(VALID[name]).values())
    assert not all(is_zero(u) for u in current(VALID["irreversible"]).values())


def test_the_current_of_the_thermostat_is_its_hamiltonian_part():
    u = current(VALID["SGNHT"])
    assert is_zero(u[theta] - lower(p))
    assert is_zero(u[p] - lower(-gU - xi * p + A * p))
    assert is_zero(u[xi] - lower((dot(p, p) - n) / mu))


def test_the_current_of_a_symmetric_variable_is_symmetric():
    tensor = lower(outer(p, theta))
    assert is_zero(projected(tensor, Xs) - lower((outer(p, theta) + outer(theta, p)) / 2))


def test_the_residual_is_the_divergence_of_the_density_times_the_current():
    """R = sum over blocks of div u - u . grad H, for every sampler, right or wrong."""
    for name, dynamics in {**VALID, **INVALID}.items():
        model = lower_dynamics(dynamics)
        total = residual(model)
        for X, u in current(model).items():
            slope = lower(grad(dynamics.hamiltonian, X))
            labels = range(u.ndim)
            from sdekit.calculus.contraction import contract, divergence

            total = total - divergence(u, X) + contract(u, labels, slope, labels, ())
        assert is_zero(total), name


def test_a_non_symmetric_diffusion_is_taken_as_it_is_written():
    """Only the symmetric part enters the residual."""
    x, y = scalar("x"), scalar("y")
    H = (x**2 + y**2) / 2 + x * y / 2

    def with_blocks(first, second):
        drift = {x: -x - y / 2, y: -y - x / 2}
        return Dynamics(drift, {x: 1, y: 1, (x, y): first, (y, x): second}, hamiltonian=H)

    left, right = with_blocks(x * y, 0), with_blocks(0, x * y)
    mean = with_blocks(x * y / 2, x * y / 2)
    assert is_zero(residual(left) - residual(mean))
    assert is_zero(residual(right) - residual(mean))
    assert not is_zero(residual(left))


def test_a_stratonovich_declaration_is_converted_first():
    """dx = sqrt(2 D) o dW with D = exp(2 x) / 2 keeps exp(-H) for H = x with no drift at all."""
    x = scalar("x")
    parts = {"drift": {x: 0}, "noise": {x: exp(x)}, "hamiltonian": x}
    assert is_zero(residual(Dynamics(**parts, interpretation="stratonovich")))
    assert not is_zero(residual(Dynamics(**parts, interpretation="ito")))


def test_a_dynamics_without_a_hamiltonian_has_no_residual_but_a_generator():
    plain = Dynamics({theta: p, p: -gU}, {p: A * I})
    with pytest.raises(Unsupported, match="without a Hamiltonian"):
        residual(plain)
    assert is_zero(generator(plain, dot(p, p) / 2 + U) - lower(A * trace(eye(n))))


def test_the_residual_of_a_one_dimensional_law_with_a_root_is_zero():
    """Student-like: v = -D H' + D' with D = 1 + x^2, H = 2 log D."""
    x = scalar("x")
    D = sqrt(1 + x**2)
    H = 1 / D
    good = Dynamics({x: grad(D, x) - D * grad(H, x)}, {x: D}, hamiltonian=H)
    bad = Dynamics({x: -D * grad(H, x)}, {x: D}, hamiltonian=H)
    assert is_zero(residual(good))
    assert not is_zero(residual(bad))
