"""Published and wrong samplers: verdict for all n, and values against SymPy components."""

import pytest
from flint import ctx

from sdekit.calculus.contraction import (
    counterexample,
    generator,
    groups,
    is_zero,
    lower_dynamics,
    reduced,
    residual,
    text,
)
from sdekit.calculus.contraction.values.concrete_model import Model, OutsideDomain
from tests.calculus.contraction.models import INVALID, VALID
from tests.calculus.contraction.oracle import (
    Oracle,
    agree,
    as_number,
    printed_number,
    printed_residual,
)

ALL = {**VALID, **INVALID}
#: Third order is generic enough for every residual here; more only slows SymPy down.
ORDER = 2


def model_of(dynamics, size, seed=3):
    sizes = dict.fromkeys(dynamics.dimensions, size)
    return Model(sizes, seed, dict.fromkeys(dynamics.functions, ORDER))


def value(model, tensor):
    with ctx.workprec(200):
        return as_number(model.value(tensor))


@pytest.mark.parametrize("name", VALID)
def test_the_residual_of_a_published_sampler_is_zero_for_all_n(name):
    assert is_zero(residual(VALID[name]))


@pytest.mark.parametrize("name", INVALID)
def test_the_residual_of_a_wrong_sampler_is_not_zero_at_a_point_inside_the_assumptions(name):
    model = lower_dynamics(INVALID[name])
    left = residual(model)
    assert not is_zero(left)
    found = counterexample(left, model.diffusion)
    assert found is not None
    assert found.is_admissible or name == "wrong friction sign"
    assert all(size == (2 if "holds at n = 1" in name else 1) for size in found.dimensions.values())


@pytest.mark.parametrize("name", ALL)
def test_the_residual_and_the_generator_agree_with_sympy_components_at_n_2(name):
    dynamics = ALL[name]
    for seed in range(3, 9):
        model = model_of(dynamics, 2, seed)
        try:
            left, energy = residual(dynamics), generator(dynamics, dynamics.hamiltonian)
            ours = value(model, left), value(model, energy)
        except OutsideDomain:
            continue
        oracle = Oracle(dynamics, model)
        assert agree(ours[0], oracle.residual())
        assert agree(ours[1], oracle.generator_of_energy())
        return
    raise AssertionError("no seed lies in the domain of every kernel")


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("name", ["SGNHT", "symmetric matrix SGNHT", "GLE", "GLE, wrong sign"])
def test_they_agree_at_other_sizes_as_well(name, size):
    dynamics = ALL[name]
    model = model_of(dynamics, size)
    oracle = Oracle(dynamics, model)
    assert agree(value(model, residual(dynamics)), oracle.residual())
    energy = generator(dynamics, dynamics.hamiltonian)
    assert agree(value(model, energy), oracle.generator_of_energy())


def test_the_comparison_sees_a_different_drift():
    """Twin: the same point gives another residual for a thermostat with another drift."""
    right, wrong = VALID["SGNHT"], INVALID["SGNHT, xi' = p.p - 1 (holds at n = 1)"]
    model = model_of(wrong, 2)
    assert not agree(value(model, residual(wrong)), Oracle(right, model).residual())


@pytest.mark.parametrize("name", INVALID)
def test_the_printed_counterexample_put_into_sympy_gives_the_printed_value(name):
    dynamics = INVALID[name]
    lowered = lower_dynamics(dynamics)
    found = counterexample(residual(lowered), lowered.diffusion)
    assert found is not None
    # A ball is printed with twelve digits.
    digits = 30 if found.exact is not None else 11
    assert agree(printed_residual(dynamics, found), printed_number(found.value), digits)


def test_the_left_over_terms_are_printed_in_vector_notation():
    wrong = INVALID["SGNHT, xi' = p.p/n + 1"]
    left = reduced(residual(wrong))
    assert text(left) == "2*A*n - 2*n*xi"
    assert groups(left) == [("1", "2*A*n"), ("xi", "-2*n")]
