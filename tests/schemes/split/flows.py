"""What the flows of a splitting say they solve, read back as drift and diffusion in SymPy."""

from __future__ import annotations

from functools import reduce
from itertools import product

import sympy as sp

from sdekit.declaration.functions.grammar import outer
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import ZERO, add, matmul, multiply
from sdekit.declaration.tree.symbols import Variable
from sdekit.schemes.split.flow_records import (
    CommutingNoise,
    Flow,
    GeometricBrownian,
    Joint,
    LinearBlock,
    LinearMap,
    OrnsteinUhlenbeck,
    Part,
    Rotation,
    Shift,
)
from sdekit.schemes.split.splitting import Splitting


def sizes_of(dynamics: Dynamics) -> dict[str, int]:
    """Size 2 for every open dimension."""
    return {dim.name: 2 for dim in dynamics.dimensions if dim.size is None}


def entries(dynamics: Dynamics, drift: dict, diffusion: dict) -> tuple[list, dict]:
    """Drift and diffusion in the coordinates of the dynamics."""
    alone = Dynamics({x: drift.get(x, ZERO) for x in dynamics.variables}, diffusion)
    known = {dim.name for dim in alone.dimensions}
    found = alone.at(**{k: v for k, v in sizes_of(dynamics).items() if k in known})
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


def declared_by(flow: Flow) -> tuple[dict, dict]:
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
    if isinstance(flow, GeometricBrownian):
        rates = zip(flow.variables, flow.rates, strict=True)
        return {x: _applied(r, x) for x, r in rates}, {
            (x, y): multiply(c, outer(x, y)) if flow.is_common else _scaled_block(c, x, y)
            for (x, y), c in flow.noise
        }
    if isinstance(flow, CommutingNoise):
        return _of_commuting(flow)
    assert isinstance(flow, Joint)
    drift, diffusion = {}, {}
    for one in flow.flows:
        more, noise = declared_by(one)
        drift |= more
        diffusion |= noise
    return drift, diffusion


def _scaled_block(c: Expression, x: Variable, y: Variable) -> Expression:
    """C_ij x_i y_j."""
    if not x.shape and not y.shape:
        return multiply(c, multiply(x, y))
    full = c if c.shape else multiply(c, ex.Eye(x.shape))
    return multiply(outer(x, y), full)


def _of_commuting(flow: CommutingNoise) -> tuple[dict, dict]:
    """A z, and the sum over G_ab (E_a z)(E_b z)^T."""
    xs, pairs = flow.variables, list(product(range(len(flow.generators)), repeat=2))
    images = [[_row(row, xs) for row in rows] for rows in flow.generators]
    drift = {x: _row(row, xs) for x, row in zip(xs, flow.drift, strict=True)}
    noise = {}
    for i, x in enumerate(xs):
        for a, b in pairs:
            twice = _row(flow.generators[a][i], images[b])
            drift[x] = add(drift[x], multiply(flow.gram[a][b], twice))
        for j, y in enumerate(xs):
            terms = [
                multiply(flow.gram[a][b], multiply(images[a][i], images[b][j])) for a, b in pairs
            ]
            noise[x, y] = reduce(add, terms)
    return drift, noise


def _row(row, values) -> Expression:
    return reduce(add, [multiply(e, v) for e, v in zip(row, values, strict=True)])


def is_same(left: sp.Expr, right: sp.Expr) -> bool:
    """Equal formulas."""
    return sp.expand(left - right) == 0 or sp.simplify(left - right) == 0


def assert_sum(found: Splitting) -> None:
    """The parts add up to drift and diffusion, entry by entry."""
    whole = found.dynamics.at(**sizes_of(found.dynamics))
    pieces = [entries(found.dynamics, dict(p.updates), dict(p.diffusion)) for p in found.parts]
    for i, rate in enumerate(whole.drift):
        assert is_same(sum((drift[i] for drift, _ in pieces), sp.Integer(0)), rate)
    keys = {*whole.diffusion, *(key for _, noise in pieces for key in noise)}
    for key in keys:
        total = sum((noise.get(key, 0) for _, noise in pieces), sp.Integer(0))
        assert is_same(total, whole.diffusion.get(key, sp.Integer(0)))


def assert_solved(found: Splitting, part: Part) -> None:
    """The flow of an exact part solves it, and reads nothing that moves."""
    declared = entries(found.dynamics, *declared_by(part.flow))
    wanted = entries(found.dynamics, dict(part.updates), dict(part.diffusion))
    for left, right in zip(declared[0], wanted[0], strict=True):
        assert is_same(left, right)
    for key in {*declared[1], *wanted[1]}:
        assert is_same(declared[1].get(key, sp.Integer(0)), wanted[1].get(key, sp.Integer(0)))
    assert_frozen(found.dynamics, part, wanted)


def assert_frozen(dynamics: Dynamics, part: Part, wanted: tuple[list, dict]) -> None:
    """Second derivatives by what moves vanish, and the noise does not read it."""
    whole = dynamics.at(**sizes_of(dynamics))
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
        if isinstance(part.flow, GeometricBrownian | CommutingNoise):
            # Its noise reads what moves, and nothing but its square: the third derivative is zero.
            assert all(sp.expand(sp.diff(entry, a, 3)) == 0 for a in moved)
            continue
        assert not entry.free_symbols & set(moved)
