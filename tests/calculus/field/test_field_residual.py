"""The residual at given sizes: proofs, exact witnesses, side conditions, budgets."""

import random

import pytest
import sympy as sp

from sdekit.calculus.field.field_residual import FieldResidual
from sdekit.calculus.limits import BudgetExceeded, Unsupported
from sdekit.declaration.model.components import components_from_sympy
from sdekit.declaration.tree.domains import Domain
from sdekit.errors import VerificationError
from tests.calculus.field.models import langevin, matrix_sgnht, recipe, sgnht, sympy_residual

x, y = sp.symbols("x y", real=True)


@pytest.mark.parametrize("n", [1, 2, 10, 100])
def test_the_scalar_thermostat_is_stationary_for_unknown_potential(n):
    assert FieldResidual(sgnht(n)).is_zero is True


@pytest.mark.parametrize("n", [1, 2, 10, 100])
def test_a_wrong_thermostat_is_refuted(n):
    """Twin: one degree of freedom too few in the drift of xi."""
    residual = FieldResidual(sgnht(n, surplus=1))
    assert residual.is_zero is False
    assert residual.witness().value != 0


@pytest.mark.parametrize("n", [2, 10])
def test_the_matrix_thermostat_is_stationary_and_its_twin_is_not(n):
    right = FieldResidual(matrix_sgnht(n))
    assert right.is_zero is True
    assert right.side_conditions == ("mu != 0",)
    assert FieldResidual(matrix_sgnht(n, surplus=1)).is_zero is False


@pytest.mark.parametrize("model", [sgnht, matrix_sgnht])
def test_sympy_confirms_both_verdicts(model):
    assert sp.expand(sympy_residual(model(2)).doit()) == 0
    left_over = FieldResidual(model(2, 1)).expression()
    assert sp.expand(sympy_residual(model(2, 1)).doit() - left_over) == 0
    assert left_over != 0


def test_the_value_at_the_witness_is_the_residual_there():
    components = sgnht(2, surplus=1)
    witness = FieldResidual(components).witness()
    value = sympy_residual(components).subs(
        {key: sp.Rational(str(v)) for key, v in witness.values.items()}
    )
    assert value == sp.Rational(str(witness.value))
    assert witness.ball == str(witness.value)


def test_other_seeds_give_other_witnesses():
    residual = FieldResidual(sgnht(30, surplus=1))
    assert residual.witness(1).values != residual.witness(2).values


def test_the_potential_of_a_witness_has_the_jet_it_needs():
    theta = sp.Symbol("theta", real=True)
    U = sp.Function("U", real=True)(theta)
    wrong = components_from_sympy([theta], [-2 * sp.Derivative(U, theta)], {(0, 0): 1}, U)
    witness = FieldResidual(wrong).witness()
    potential = witness.functions[U]
    concrete = components_from_sympy(
        [theta], [-2 * sp.diff(potential, theta)], {(0, 0): 1}, potential
    )
    at = {theta: sp.Rational(str(witness.values[theta]))}
    assert sympy_residual(concrete).subs(at) == sp.Rational(str(witness.value))


def test_witnesses_respect_assumptions_domains_and_definiteness():
    g11, g12, g22 = sp.symbols("g_11 g_12 g_22", real=True)
    r = sp.Symbol("r", positive=True)
    k = sp.Symbol("k", integer=True, positive=True)
    s = sp.Symbol("s", nonpositive=True)
    components = components_from_sympy(
        [x, r],
        [g11 * g22 * k - g12**2 + s, x * r],
        {(0, 0): g11, (1, 1): g22},
        x**2 + r,
        domains=[Domain("interval", sp.Rational(1, 3), sp.Rational(1, 2)), Domain("positive")],
    )
    object.__setattr__(components, "definite", (sp.ImmutableMatrix([[g11, g12], [g12, g22]]),))
    for seed in range(12):
        values = FieldResidual(components).witness(seed).values
        assert sp.Rational(1, 3) < values[x] < sp.Rational(1, 2)
        assert values[r] > 0
        assert values[k] > 0
        assert values[k].denominator == 1
        assert values[s] <= 0
        assert values[g11] > 0
        assert values[g11] * values[g22] > values[g12] ** 2


def logistic(rows: int, columns: int, theta) -> sp.Expr:
    chance = random.Random(5)
    data = [[sp.Rational(chance.randint(-300, 300), 100) for _ in theta] for _ in range(rows)]
    scores = [sum(w * t for w, t in zip(row, theta, strict=True)) for row in data]
    return sum(sp.log(1 + sp.exp(s)) for s in scores) + sum(t**2 for t in theta[:columns]) / 2


def many_terms(count: int, theta) -> sp.Expr:
    chance = random.Random(6)
    return sum(
        chance.randint(1, 9) * sp.prod(chance.choice(theta) for _ in range(4)) for _ in range(count)
    )


def large_potentials():
    theta = sp.symbols("theta_1:5", real=True)
    return {
        "300 monomials": (theta, many_terms(300, theta)),
        "logistic, 30 rows": (theta, logistic(30, 4, theta)),
        "product of sums": (theta, sp.prod(sum(theta) + k for k in range(1, 9))),
        "power": (theta, (sum(theta) + 1) ** 40),
        "mixture": (
            theta,
            -sp.log(sum(sp.exp(-sum((t - k) ** 2 for t in theta)) for k in range(6))),
        ),
    }


@pytest.mark.parametrize("name", large_potentials())
def test_large_explicit_potentials_are_decided_both_ways(name):
    theta, U = large_potentials()[name]
    assert FieldResidual(langevin(theta, U)).is_zero is True
    assert FieldResidual(langevin(theta, U, friction_surplus=1)).is_zero is False


KERNELS = {
    "tanh": sp.log(sp.cosh(x)) + y**2 * sp.tanh(x) ** 2,
    "student": 2 * sp.log(1 + x**2 / 3) + sp.sqrt(1 + y**2),
    "laplace": sp.Abs(x) + sp.Abs(y - x),
    "softplus": sp.log(1 + sp.exp(x * y)) + x**2,
    "trigonometric": sp.sin(x) * sp.cos(2 * y) + sp.tan(x) ** 2,
    "max": sp.Max(x, y, 1) + sp.Max(0, x - 1) ** 2,
    "power": (1 + x**2) ** sp.Symbol("a") + y**2,
    "atan": sp.atan(x * y) + sp.asinh(y),
    "erf": sp.erf(x) + sp.loggamma(1 + y**2),
    "nested": sp.exp(-sp.sqrt(1 + sp.sin(x) ** 2)) + sp.log(2 + sp.cos(sp.exp(y))),
}


@pytest.mark.parametrize("name", KERNELS)
def test_the_complete_recipe_is_stationary_for_every_kernel(name):
    components = recipe((x, y), KERNELS[name], sp.sin(x * y) + y**2, (1 + x**2, sp.exp(y)))
    assert FieldResidual(components).is_zero is True


@pytest.mark.parametrize("name", KERNELS)
def test_the_recipe_without_its_divergence_term_is_refuted(name):
    """Twin: Gamma is dropped, so that the state-dependent noise has no correction."""
    right = recipe((x, y), KERNELS[name], sp.sin(x * y) + y**2, (1 + x**2, sp.exp(y)))
    drift = [right.drift[0] - 2 * x, right.drift[1]]
    wrong = components_from_sympy((x, y), drift, dict(right.diffusion), right.hamiltonian)
    assert FieldResidual(wrong).is_zero is False


def test_denominators_and_logarithms_are_side_conditions():
    mu, kappa = sp.symbols("mu kappa", real=True)
    positive = sp.Symbol("c", positive=True)
    H = sp.log(kappa - 1) * y**2 / mu + y**2 / positive + y**2 / (1 + mu**2)
    components = components_from_sympy((x, y), [sp.diff(H, y), 0], {}, H)
    residual = FieldResidual(components)
    assert residual.is_zero is True
    assert set(residual.side_conditions) == {"mu != 0", "kappa - 1 > 0"}


def test_nothing_is_proved_where_nothing_is_defined():
    H = sp.sqrt(-1 - x**2)
    residual = FieldResidual(components_from_sympy([x], [-sp.diff(H, x)], {(0, 0): 1}, H))
    assert residual.is_zero is None
    assert "no point was found" in residual.reason


def test_unknown_functions_are_left_undecided_with_a_reason():
    H = sp.besselj(0, x)
    residual = FieldResidual(components_from_sympy([x], [-sp.diff(H, x)], {(0, 0): 1}, H))
    assert residual.is_zero is None
    assert "besselj" in residual.reason


def test_floats_are_refused():
    with pytest.raises(Unsupported, match="write a Rational"):
        FieldResidual(components_from_sympy([x], [-sp.Float("0.5") * x], {(0, 0): 1}, x**2))


def test_a_dynamics_without_energy_claims_nothing():
    with pytest.raises(VerificationError, match="claims no stationary density"):
        FieldResidual(components_from_sympy([x], [-x], {(0, 0): 1}))


def test_the_budget_is_kept():
    theta = sp.symbols("theta_1:5", real=True)
    residual = FieldResidual(langevin(theta, many_terms(300, theta)), budget=0.0)
    with pytest.raises(BudgetExceeded):
        _ = residual.is_zero


def test_a_condition_is_told_once_in_its_simplest_form():
    H = sp.log(1 - y**2) + x**2 / (2 - 2 * y**2)
    curl = components_from_sympy((x, y), [sp.diff(H, y), -sp.diff(H, x)], {}, H)
    assert FieldResidual(curl).side_conditions == ("1 - y**2 > 0",)
