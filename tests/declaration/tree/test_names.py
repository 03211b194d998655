"""Values may be given by the symbols themselves, and arrive under their names."""

import pytest
import sympy as sp

import sdekit as sk
from sdekit.declaration.tree.names import by_name

X = sk.scalar("x")
SYMBOLS = {
    "variable": X,
    "parameter": sk.parameter("x"),
    "function": sk.potential("x", sk.scalar("y")),
    "SymPy": sp.Symbol("x"),
    "text": "x",
}


@pytest.mark.parametrize("kind", SYMBOLS)
def test_a_symbol_stands_for_its_name(kind):
    assert by_name({SYMBOLS[kind]: 1.0, "other": 2.0}) == {"x": 1.0, "other": 2.0}


@pytest.mark.parametrize("tree", [None, 2.0, [1, 2], {"x": 1}, {3: 1}])
def test_other_trees_stay_as_they_are(tree):
    assert by_name(tree) == tree


def test_a_sampler_takes_parameters_functions_and_positions_by_symbol():
    n = sk.dim("n")
    theta, A = sk.vector("theta", n), sk.parameter("A", positive=True)
    U = sk.potential("U", theta)
    flow = sk.Dynamics(drift={theta: -A * sk.grad(U, theta)}, diffusion={theta: A})
    sampler = sk.sampler(flow, parameters={A: 2.0}, functions={U: abs}, scheme="EM")
    assert (sampler.parameters, sampler.functions) == ({"A": 2.0}, {"U": abs})


def test_two_starts_by_symbol_are_those_by_name():
    x, y, k = sk.scalar("x"), sk.scalar("y"), sk.parameter("k")
    pair = sk.Dynamics(drift={x: -k * x, y: x}, noise={x: 1, y: 1})
    given = {"step_size": 0.1, "steps": 2, "scheme": "EM", "seed": 1}
    found = sk.solve(pair, {x: 1.0, y: 2.0}, parameters={k: 1.0}, **given).position
    named = sk.solve(pair, {"x": 1.0, "y": 2.0}, parameters={"k": 1.0}, **given).position
    assert found["x"].tolist() == named["x"].tolist() and found["y"].tolist() != [2.0] * 3


def test_a_comparison_in_a_formula_is_told_how_to_write_it():
    with pytest.raises(sk.SdekitError, match=r"no expression.*sk\.where\(x > 0, 1, 0\)"):
        -X * (X > 0)
