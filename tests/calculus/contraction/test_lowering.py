"""Lowering: random expressions against SymPy components, and what the calculus cannot express."""

import inspect
import random
import subprocess
import sys
from fractions import Fraction

import pytest
from flint import ctx

from sdekit.calculus.contraction import is_zero, lower, reduced
from sdekit.calculus.contraction.lowering import RULES
from sdekit.calculus.contraction.values.concrete_model import Model
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.functions.grammar import (
    dot,
    eye,
    inv,
    loggamma,
    ones,
    time,
    trace,
    transpose,
)
from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.tree import expression as tree
from sdekit.declaration.tree.abbreviations import Abbreviation, EachRow
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.symbols import (
    Parameter,
    Variable,
    function,
    matrix,
    parameter,
    scalar,
    variable,
    vector,
)
from tests.calculus.contraction import random_expressions as made
from tests.calculus.contraction.oracle import Oracle, agree, as_number
from tests.calculus.contraction.values.tensor_components import Expansion

SHAPES = ((), (), (made.n,), (made.k,), (made.n, made.n), (made.k, made.n))


def drawn(seed, depth):
    rng = random.Random(seed)
    shape = rng.choice(SHAPES)
    return made.expression(rng, shape, depth), rng


@pytest.mark.parametrize("seed", range(60))
def test_a_random_expression_has_the_value_of_its_sympy_components(seed):
    """As written, and after all relations between kernels are applied."""
    expression, rng = drawn(seed, 3)
    tensor = lower(expression)
    sizes = rng.choice(({made.n: 2, made.k: 2}, {made.n: 2, made.k: 1}, {made.n: 1, made.k: 3}))
    index = tuple(rng.randrange(sizes[dim]) for dim in tensor.shape)
    model = Model(sizes, seed)
    with ctx.workprec(200):
        ours = [as_number(model.value(form, index)) for form in (tensor, reduced(tensor))]
    array = ComponentReader({dim.name: size for dim, size in sizes.items()}).array(expression)
    oracle = Oracle.of_expression(expression, model)
    theirs = oracle.number(oracle.concrete(array[index]))
    assert all(agree(value, theirs, 25) for value in ours)


@pytest.mark.parametrize("seed", range(100, 120))
def test_a_random_expression_expands_to_its_sympy_components(seed):
    """The bridge to SymPy keeps unknown functions unknown."""
    expression, rng = drawn(seed, 2)
    sizes = {"n": 2, "k": 1}
    try:
        expansion = Expansion(sizes)
        tensor = lower(expression)
        index = tuple(rng.randrange(sizes[dim.name]) for dim in tensor.shape)
        ours = expansion.value(tensor, index)
    except Unsupported:
        pytest.skip("a derivative at another point has no plain form in SymPy")
    theirs = ComponentReader(sizes).array(expression)[index]
    model = Model({made.n: 2, made.k: 1}, seed)
    oracle = Oracle.of_expression(expression, model)
    assert agree(*(oracle.number(oracle.concrete(form)) for form in (ours, theirs)), 25)


@pytest.mark.parametrize("seed", range(200, 230))
def test_an_expression_minus_its_transposed_transpose_is_zero(seed):
    expression, _ = drawn(seed, 3)
    order = tuple(range(expression.ndim))
    shuffled = tuple(random.Random(seed).sample(order, len(order)))
    back = tuple(shuffled.index(axis) for axis in order)
    again = transpose(transpose(expression, *shuffled), *back) if order else expression
    assert is_zero(lower(expression - again))


def test_every_node_of_the_expression_tree_has_a_rule():
    nodes = {
        node
        for _, node in inspect.getmembers(tree, inspect.isclass)
        # What only others are made of has no public name.
        if issubclass(node, tree.Expression)
        and node is not tree.Expression
        and not node.__name__.startswith("_")
    }
    assert nodes | {Variable, Parameter, Abbreviation, EachRow} == set(RULES)


def test_the_number_0_takes_the_shape_asked_for():
    n = Dim("n")
    assert lower(tree.Number(Fraction(0)), (n, n)).shape == (n, n)


def test_a_fixed_size_is_a_number_and_an_open_one_is_not():
    three, n = Dim("three", 3), Dim("n")
    assert is_zero(lower(trace(eye(three)) - 3))
    assert not is_zero(lower(trace(eye(n)) - 3))


def test_a_parameter_with_a_value_is_that_number():
    assert is_zero(lower(2 * parameter("h", value="1/2") - 1))


def test_time_is_a_scalar_symbol():
    assert not is_zero(lower(time - 1))


def test_what_the_calculus_cannot_express_is_said():
    n = Dim("n")
    T = variable("T", n, n, n)
    with pytest.raises(Unsupported, match="no matrix"):
        lower(tree.Inverse(T))
    x = scalar("x")
    twice = loggamma(x)
    for _ in range(2):
        twice = tree.Gradient(twice, x)
    with pytest.raises(Unsupported, match="digamma"):
        lower(twice)


def test_deep_and_shared_trees_are_lowered_once():
    x = vector("x", Dim("n"))
    doubled = dot(x, ones(Dim("n")))
    for _ in range(60):
        doubled = doubled + doubled
    assert is_zero(lower(doubled - 2**60 * dot(x, ones(Dim("n")))))


def test_proofs_for_all_n_import_neither_sympy_nor_jax():
    code = """
import sys
from fractions import Fraction
from sdekit.declaration.tree.abbreviations import Abbreviation, EachRow
from sdekit.declaration.tree.symbols import vector
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.functions.grammar import dot, exp
from sdekit.calculus.contraction import counterexample, is_zero, lower
p = vector("p", Dim("n"))
assert not is_zero(lower(exp(dot(p, p)) - 1))
assert counterexample(lower(dot(p, p) - 1)) is not None
sys.exit(int("sympy" in sys.modules or "jax" in sys.modules))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_inverse_of_a_zero_matrix_is_refused():
    with pytest.raises(Unsupported, match="zero matrix"):
        lower(inv(0 * eye(Dim("n"))))


def test_a_function_of_symmetric_matrices_is_called_on_nothing_else():
    n = Dim("n")
    S, X = matrix("S", n, symmetric=True), matrix("X", n)
    W = function("W", S)
    assert lower(W((X + X.T) / 2)).shape == ()
    with pytest.raises(Unsupported, match="symmetric matrices"):
        lower(W(X))


def test_high_derivatives_are_free_by_scalars_and_refused_by_vectors():
    n = Dim("n")
    x, u = scalar("x"), vector("u", n)
    F, U = function("F", x), function("U", u)
    high = F
    for _ in range(30):
        high = tree.Gradient(high, x)
    assert not is_zero(lower(high))
    for _ in range(7):
        U = tree.Gradient(U, u)
    with pytest.raises(Unsupported, match="order above"):
        lower(U)
