"""Substitution: involutions of known samplers, inside kernels, functions and inverses."""

import pytest

from sdekit.calculus.contraction import (
    current,
    is_zero,
    lower,
    lower_dynamics,
    substitute,
)
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.functions.grammar import (
    cos,
    dot,
    exp,
    eye,
    grad,
    inv,
    log,
    logdet,
    ones,
    sin,
    sqrt,
)
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.symbols import function, matrix, parameter, scalar, vector
from tests.calculus.contraction.models import VALID, A, p, xi

n = Dim("n")
u, v, x = vector("u", n), vector("v", n), scalar("x")
X = matrix("X", n, symmetric=True)
U = function("U", u)
F = function("F", u, x)
P = parameter("P", n, n, positive_definite=True)


def put(expression, **images):
    by_name = {symbol.name: symbol for symbol in (u, v, x, X)}
    return substitute(
        lower(expression), {by_name[name]: lower(image) for name, image in images.items()}
    )


@pytest.mark.parametrize(
    ("expression", "images", "expected"),
    [
        (dot(u, v) * x, {"u": -u, "x": 1 - x}, -dot(u, v) * (1 - x)),
        (exp(x) + sin(x), {"x": -x}, 1 / exp(x) - sin(x)),
        (dot(exp(u), ones(n)), {"u": 2 * u}, dot(exp(u) * exp(u), ones(n))),
        (U + dot(grad(U, u), v), {"v": -v}, U - dot(grad(U, u), v)),
        (F(u, x + 1), {"x": -x}, F(u, 1 - x)),
        (sqrt(1 + dot(u, u)), {"u": v - u}, sqrt(1 + dot(v - u, v - u))),
        (1 / (1 + x**2), {"x": 1 / x}, x**2 / (1 + x**2)),
        (dot(u, inv(x * eye(n) + P) @ u), {"x": 2 * x}, dot(u, inv(2 * x * eye(n) + P) @ u)),
        (logdet(X), {"X": inv(X)}, -logdet(X)),
        (dot(cos(u), cos(u)), {"u": u + u}, dot(cos(2 * u), cos(2 * u))),
        (dot(u, v), {"u": v, "v": u}, dot(v, u)),
        (log(1 + x**2), {"x": -x}, log(1 + x**2)),
    ],
)
def test_substituting_gives_the_expression_with_the_image_written_in(expression, images, expected):
    assert is_zero(put(expression, **images) - lower(expected))


def test_substituting_twice_with_an_involution_gives_the_same_back():
    expression = lower(F * dot(u, v) ** 2 * exp(x) / (1 + x**2))
    images = {u: lower(-u), x: lower(2 - x)}
    assert is_zero(substitute(substitute(expression, images), images) - expression)


def test_an_image_that_makes_a_denominator_vanish_is_refused():
    with pytest.raises(Unsupported, match="identically zero"):
        put(1 / (1 + x), x=lower(x) and -1 + 0 * x)


def reversed_by(name, images):
    """Whether H is even and v - 2 u the reversed drift, under an involution of the variables."""
    model = lower_dynamics(VALID[name])
    velocity = current(model)
    signs = {X: -1 if X in images else 1 for X in model.variables}
    if not is_zero(substitute(model.energy, images) - model.energy):
        return False
    return all(
        is_zero(
            substitute(model.drift[X], images).scaled(signs[X])
            - (model.drift[X] - velocity[X].scaled(2))
        )
        for X in model.variables
    )


@pytest.mark.parametrize("name", ["Hamiltonian flow", "Langevin"])
def test_langevin_dynamics_is_reversible_up_to_the_sign_of_the_momentum(name):
    assert reversed_by(name, {p: lower(-p)})
    assert not reversed_by(name, {})


def test_the_thermostat_is_reversible_up_to_a_shifted_reflection_of_xi():
    assert reversed_by("SGNHT", {p: lower(-p), xi: lower(2 * A - xi)})
    assert not reversed_by("SGNHT", {p: lower(-p)})
    assert not reversed_by("SGNHT", {p: lower(-p), xi: lower(-xi)})


def test_a_magnetic_force_breaks_the_reversal():
    assert not reversed_by("magnetic", {p: lower(-p)})


def test_an_image_without_the_symmetry_of_its_variable_is_refused():
    with pytest.raises(Unsupported, match="symmetric"):
        put(logdet(X), X=matrix("Y", n))
