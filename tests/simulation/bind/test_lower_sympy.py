"""SymPy potentials as JAX functions, against SymPy's own numbers and derivatives."""

import jax
import jax.numpy as jnp
import pytest
import sympy as sp

from sdekit.errors import SimulationError
from sdekit.simulation.bind.lower_sympy import evaluate_sympy
from sdekit.simulation.bind.position import layout_of
from sdekit.simulation.bind.sympy_potential import sympy_source

a, b = sp.symbols("a b", positive=True)
EXPRESSIONS = [
    a**4 / 14 - 3 * a * b + sp.Rational(1, 2),
    sp.sqrt(a) * sp.exp(-b) + sp.log(1 + a * b),
    sp.sin(a) * sp.cosh(b) + sp.atan(a) + sp.Abs(a - b) + sp.pi * a,
    sp.Piecewise((a**2, a < b), (a * b, True)),
    sp.loggamma(a + 1) + sp.erf(b) + sp.Max(a, b),
    a ** (-b) + sp.E**a,
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_values_and_derivatives_are_those_of_sympy(expression):
    at = {a: 1.25, b: 0.5}

    def of_a(value):
        return evaluate_sympy(expression, {a: value, b: jnp.asarray(at[b])})

    value, slope = jax.value_and_grad(of_a)(jnp.asarray(at[a]))
    assert float(value) == pytest.approx(float(expression.subs(at)), rel=2e-6)
    assert float(slope) == pytest.approx(
        float(expression.diff(a).subs(at).doit().evalf()), rel=5e-6
    )


def test_coordinates_are_named_as_components_are():
    import sdekit as sk

    n = sk.dim("n")
    layout = layout_of(jnp.zeros(2), (sk.vector("theta", n),))
    first, second, scale = sp.symbols("theta_1 theta_2 k")
    source = sympy_source(scale * first**2 + second, layout, {"k": jnp.asarray(3.0)})
    assert float(source.potential(jnp.array([2.0, 5.0]))) == 17.0


def test_a_symbol_that_is_no_coordinate_is_named():
    import sdekit as sk

    layout = layout_of(0.0, (sk.scalar("theta"),))
    with pytest.raises(SimulationError, match="symbol b of the potential is no coordinate"):
        sympy_source(b**2, layout, {})


def test_a_function_without_counterpart_is_named():
    with pytest.raises(SimulationError, match="cannot be compiled: found besselj"):
        evaluate_sympy(sp.besselj(0, a), {a: jnp.asarray(1.0)})
