"""Canonical labelling: relabelled graphs are one, different graphs are not, odd ones vanish."""

import itertools
import random

import pytest

from sdekit.calculus.contraction import heads
from sdekit.calculus.contraction.canonical import arrange, canonical
from sdekit.calculus.contraction.heads import Kind
from sdekit.calculus.contraction.slot_symmetry import (
    antisymmetric,
    named,
    parity,
    symmetric,
    with_jets,
)
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.symbols import FunctionSymbol, Parameter, Variable

n = Dim("n")
X = heads.variable(Variable("X", (n, n)))
S = heads.variable(Variable("S", (n, n), "symmetric"))
J = heads.variable(Variable("J", (n, n), "antisymmetric"))
p = heads.variable(Variable("p", (n,)))
q = heads.variable(Variable("q", (n,)))
theta = Variable("theta", (n,))
#: A symmetric tensor with three slots: the third derivative of a function.
U3 = heads.call(FunctionSymbol("U", (theta,)), (), (0, 0, 0))


def relabelled(factors, rng):
    """The same product: summed indices renamed, factors shuffled, slots moved by symmetries."""
    labels = sorted({i for _, indices in factors for i in indices if i >= 0})
    names = dict(zip(labels, rng.sample(labels, len(labels)), strict=True))
    sign, moved = 1, []
    for head, indices in factors:
        order, factor_sign = rng.choice(head.symmetries)
        renamed = [names.get(i, i) for i in indices]
        # h[i] = sign h[i_order], so the moved factor carries the sign.
        moved.append((head, tuple(renamed[slot] for slot in order)))
        sign *= factor_sign
    rng.shuffle(moved)
    return sign, tuple(moved)


def graph_of(edges, head=S):
    return tuple((head, edge) for edge in edges)


def cubic(edges):
    """A 3-regular graph: a third derivative at each vertex, contracted along the edges."""
    ends = {}
    for number, (a, b) in enumerate(edges):
        ends.setdefault(a, []).append(number)
        ends.setdefault(b, []).append(number)
    return tuple((U3, tuple(numbers)) for numbers in ends.values())


K4 = cubic(list(itertools.combinations(range(4), 2)))
K33 = cubic([(a, b) for a in range(3) for b in range(3, 6)])
PRISM = cubic([(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3), (0, 3), (1, 4), (2, 5)])
PETERSEN = cubic(
    [(i, (i + 1) % 5) for i in range(5)]
    + [(i, i + 5) for i in range(5)]
    + [(5 + i, 5 + (i + 2) % 5) for i in range(5)]
)
STAR = tuple((X, (0, k)) for k in range(1, 7)) + tuple((p, (k,)) for k in range(1, 7))
GRAPHS = {
    "p X p": ((p, (0,)), (X, (0, 1)), (p, (1,))),
    "elementwise p p xi": ((p, (0,)), (p, (0,)), (q, (0,))),
    "trace of X^6": tuple((X, (k, (k + 1) % 6)) for k in range(6)),
    "trace of J^4": tuple((J, (k, (k + 1) % 4)) for k in range(4)),
    "free axes": ((X, (-1, 0)), (J, (0, 1)), (X, (-2, 1)), (p, (1,))),
    "star of equal branches": STAR,
    "K4": K4,
    "K3,3": K33,
    "prism": PRISM,
    "Petersen": PETERSEN,
}


@pytest.mark.parametrize("name", GRAPHS)
def test_relabelling_a_graph_changes_its_canonical_form_by_the_sign_alone(name):
    factors, rng = GRAPHS[name], random.Random(name)
    sign, form = canonical(factors)
    assert sign in (1, -1)
    for _ in range(12):
        change, other = relabelled(factors, rng)
        other_sign, other_form = canonical(other)
        assert other_form == form
        assert other_sign * change == sign


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(GRAPHS, 2)))
def test_different_graphs_have_different_forms(first, second):
    """Twin: K3,3 and the prism agree in every count of degrees."""
    assert canonical(GRAPHS[first])[1] != canonical(GRAPHS[second])[1]


@pytest.mark.parametrize(
    "factors",
    [
        ((J, (0, 0)),),
        ((J, (0, 1)), (p, (0,)), (p, (1,))),
        ((J, (0, 1)), (S, (0, 1))),
        ((J, (0, 1)), (J, (1, 2)), (J, (2, 0))),
        ((J, (0, 1)), (S, (1, 2)), (S, (2, 0))),
        ((J, (-1, 0)), (J, (0, 1)), (J, (1, -1))),
        ((U3, (0, 1, 2)), (J, (0, 1)), (p, (2,))),
    ],
)
def test_a_graph_that_is_minus_itself_vanishes(factors):
    assert canonical(factors)[0] == 0


@pytest.mark.parametrize(
    "factors",
    [
        ((J, (0, 1)), (p, (0,)), (q, (1,))),
        ((J, (0, 1)), (J, (1, 0))),
        ((J, (0, 1)), (X, (0, 1))),
        ((J, (-1, 0)), (J, (0, 1)), (J, (1, -2))),
    ],
)
def test_an_odd_factor_alone_does_not_make_a_graph_vanish(factors):
    """Twin of the test above."""
    assert canonical(factors)[0] != 0


def test_the_arrangement_of_a_head_without_symmetry_is_its_own():
    assert arrange(X.symmetries, (3, 1)) == (1, (3, 1))
    assert arrange(J.symmetries, (3, 1)) == (-1, (1, 3))
    assert arrange(J.symmetries, (1, 1))[0] == 0


def test_parity_counts_inversions():
    assert [parity(order) for order in itertools.permutations(range(3))] == [1, -1, -1, 1, 1, -1]


def test_derivatives_by_one_block_commute_and_those_by_another_do_not_mix():
    base = named(None, 1)
    block = named(None, 2)
    assert len(with_jets(base, [(0, block), (0, block)])) == 2
    assert len(with_jets(base, [(0, block), (1, block)])) == 1
    inner = symmetric(2)
    assert len(with_jets(antisymmetric(2), [(0, inner), (0, inner)])) == 2 * 2 * 4


def test_equal_symbols_are_one_head():
    again = heads.variable(Variable("X", (n, n)))
    assert again is X
    assert heads.parameter(Parameter("X", (n, n))) is not X
    assert U3.kind is Kind.CALL
