"""Flows of every published dynamics, entry by entry in SymPy at n = 2: an independent route."""

from __future__ import annotations

from functools import reduce

import pytest
import sympy as sp

import sdekit.catalog as catalog
from sdekit.declare import expression as ex
from sdekit.declare.dynamics import Dynamics
from sdekit.declare.expression import Expression
from sdekit.declare.operators import ZERO, add, matmul, multiply
from sdekit.declare.symbols import Variable
from sdekit.schemes.flow import (
    Flow,
    Joint,
    LinearBlock,
    LinearMap,
    OrnsteinUhlenbeck,
    Part,
    Rotation,
    Shift,
)
from sdekit.schemes.splitting import splitting


def _sizes(dynamics: Dynamics) -> dict[str, int]:
    return {dim.name: 2 for dim in dynamics.dimensions if dim.size is None}


def _at(dynamics: Dynamics, drift: dict, diffusion: dict) -> tuple[list, dict]:
    """Drift and diffusion in the coordinates of the dynamics."""
    alone = Dynamics({x: drift.get(x, ZERO) for x in dynamics.variables}, diffusion)
    known = {dim.name for dim in alone.dimensions}
    found = alone.at(**{k: v for k, v in _sizes(dynamics).items() if k in known})
    return list(found.drift), dict(found.diffusion)


def _applied(found: LinearMap, x: Variable) -> Expression:
    """The map applied to the variable, as an expression of its own."""
    terms = [multiply(piece, x) for piece in (found.scalar, found.elementwise) if piece is not None]
    if found.matrix is not None:
        terms.append(matmul(found.matrix, x))
    return reduce(add, terms) if terms else ZERO


def _as_block(found: LinearMap, x: Variable) -> Expression:
    """The map as a block of the diffusion."""
    terms = (
        []
        if found.scalar is None
        else [multiply(found.scalar, ex.Eye(x.shape)) if x.shape else found.scalar]
    )
    if found.elementwise is not None:
        terms.append(ex.Diag(found.elementwise))
    if found.matrix is not None:
        terms.append(found.matrix)
    return reduce(add, terms) if terms else ZERO


def _declared_by(flow: Flow) -> tuple[dict, dict]:
    """Drift and diffusion that a flow record says it solves."""
    if isinstance(flow, Shift):
        return dict(flow.updates), {}
    if isinstance(flow, Rotation):
        return {flow.variable: matmul(flow.matrix, flow.variable)}, {}
    if isinstance(flow, OrnsteinUhlenbeck):
        x = flow.variable
        pull = ZERO if flow.force is None else flow.force
        drift = {x: add(pull, multiply(-1, _applied(flow.friction, x)))}
        return drift, {(x, x): _as_block(flow.diffusion, x)}
    if isinstance(flow, LinearBlock):
        drift = {
            x: reduce(add, [_applied(m, b) for (a, b), m in flow.matrix if a == x], ZERO)
            for x in flow.variables
        }
        return drift, {(x, y): _as_block(m, x) for (x, y), m in flow.diffusion}
    assert isinstance(flow, Joint)
    drift, diffusion = {}, {}
    for one in flow.flows:
        more, noise = _declared_by(one)
        drift |= more
        diffusion |= noise
    return drift, diffusion


def _same(left: sp.Expr, right: sp.Expr) -> bool:
    return sp.expand(left - right) == 0 or sp.simplify(left - right) == 0


@pytest.mark.parametrize("name", catalog.names())
def test_parts_add_up_entry_by_entry(name: str) -> None:
    found = splitting(catalog.get(name))
    whole = found.dynamics.at(**_sizes(found.dynamics))
    pieces = [_at(found.dynamics, dict(p.updates), dict(p.diffusion)) for p in found.parts]
    for i, rate in enumerate(whole.drift):
        assert _same(sum((drift[i] for drift, _ in pieces), sp.Integer(0)), rate)
    keys = {*whole.diffusion, *(key for _, noise in pieces for key in noise)}
    for key in keys:
        total = sum((noise.get(key, 0) for _, noise in pieces), sp.Integer(0))
        assert _same(total, whole.diffusion.get(key, sp.Integer(0)))


def _exact_parts() -> list[tuple[str, str]]:
    return [
        (name, part.letter)
        for name in catalog.names()
        for part in splitting(catalog.get(name)).parts
        if part.exact
    ]


@pytest.mark.parametrize(("name", "letter"), _exact_parts())
def test_an_exact_flow_solves_its_part_and_reads_nothing_that_moves(name: str, letter: str) -> None:
    found = splitting(catalog.get(name))
    part: Part = found.part(letter)
    declared = _at(found.dynamics, *_declared_by(part.flow))
    wanted = _at(found.dynamics, dict(part.updates), dict(part.diffusion))
    for left, right in zip(declared[0], wanted[0], strict=True):
        assert _same(left, right)
    for key in {*declared[1], *wanted[1]}:
        assert _same(declared[1].get(key, sp.Integer(0)), wanted[1].get(key, sp.Integer(0)))
    _assert_frozen(found.dynamics, part, wanted)


def _assert_frozen(dynamics: Dynamics, part: Part, wanted: tuple[list, dict]) -> None:
    """Second derivatives by what moves vanish, and the noise does not read it."""
    whole = dynamics.at(**_sizes(dynamics))
    moved = [
        whole.coordinates[i] for x, places in whole.variables if x in part.moves for i in places
    ]
    for rate in wanted[0]:
        for a in moved:
            slope = sp.diff(rate, a)
            if isinstance(part.flow, Shift):
                assert sp.expand(slope) == 0
            assert all(sp.expand(sp.diff(slope, b)) == 0 for b in moved)
    for entry in wanted[1].values():
        assert not entry.free_symbols & set(moved)
