"""Equations for coefficients: denominators are cleared, names are no pieces of text."""

import pytest

import sdekit as sk
from sdekit.calculus.contraction import lower
from sdekit.calculus.contraction.heads import parameter
from sdekit.calculus.limits import Unsupported
from sdekit.designer.matching import matched

n = sk.dim("n")
x, z = sk.vector("x", n), sk.scalar("z")
c, m = sk.parameter("c"), sk.parameter("m", positive=True)
U = sk.potential("U", x)


def value(tensor, unknown=c):
    system = matched([lower(tensor)], [parameter(unknown)])
    found = system.first()
    return None if found is None else repr(system.expression(found[0]))


def test_sums_of_parameters_in_denominators_are_cleared():
    assert value(c * U / (1 + m) - U) == "m + 1"


def test_sums_of_variables_in_denominators_are_cleared():
    assert value(c * z / (1 + z**2) - z**3 / (1 + z**2) + z - 3 * z / (1 + z**2)) == "2"


def test_independent_parts_contradict_each_other():
    assert value(c * U - m * U + sk.dot(x, x)) is None


@pytest.mark.parametrize("name", ["a", "s", "U", "r"])
def test_an_unknown_may_have_any_name(name):
    unknown = sk.parameter(name)
    V = sk.potential("V", x)
    assert value(unknown * V - m * V, unknown) == "m"


@pytest.mark.parametrize("hidden", [sk.exp(c * z), sk.potential("W", x)(c * x)])
def test_an_unknown_inside_a_function_is_refused(hidden):
    with pytest.raises(Unsupported, match="inside a function"):
        value(hidden)


def test_kernels_may_hide_relations():
    assert matched([lower(c * U)], [parameter(c)]).is_exact
    assert not matched([lower(c * sk.log(z))], [parameter(c)]).is_exact
