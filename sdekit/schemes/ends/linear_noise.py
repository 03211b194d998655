r"""Noise that is linear in the state, dz = A z dt + sum_k B_k z dW_k, where all matrices commute.

Then $z_t = \exp\big((A - \tfrac12\sum_k B_k^2)t + \sum_k B_k W_k\big) z_0$. What is read is D, so
that the flow depends on the SDE and not on how its noise is written:

* $D_{ij} = C_{ij} z_i z_j$, the drift entry by entry: geometric Brownian motions, correlated by C;
* $D_{ij} = c\,z_i z_j$: one motion for all entries, which commutes with every linear drift;
* numbers with $D = \sum_{ab} G_{ab}\,(E_a z)(E_b z)^\top$ for one of three families of matrices E:
  a single one (one Brownian motion), the powers of the matrix of the drift, or the identity and
  a quarter turn. A drift whose matrix has one eigenvector for each eigenvalue commutes with its own
  polynomials only, so that the second family leaves nothing out.

Other noise that is linear may commute as well; it gets no such flow, which costs an exact flow and
never gives a wrong one. Not for finding the other parts (`sdekit.schemes.split.parts`).

Source: Kloeden and Platen (1992), section 4.8, for the solution [recalled].
Checked by: tests/schemes/ends/test_linear_noise.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import sympy as sp

from sdekit.calculus.expansion.rewriting import substituted
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.functions.grammar import dot
from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.sympy_types import Expr, Matrix, Symbol
from sdekit.declaration.text.sympy_reader import from_sympy
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import ONE, ZERO, divide, matmul, power
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.errors import DeclarationError
from sdekit.schemes.ends.vanishing_noise import SIZE, entrywise_noise
from sdekit.schemes.split.affine import total
from sdekit.schemes.split.flow_records import (
    Blocks,
    CommutingNoise,
    GeometricBrownian,
    LinearMap,
    Updates,
)
from sdekit.schemes.split.linear_maps import monomial, sum_of_maps
from sdekit.schemes.split.pieces import Piece, sharing_noise

#: Most numbers that one flow of commuting noise moves: 3 matrix products of that size for a step.
MOST_NUMBERS = 6

GEOMETRIC = "geometric Brownian motion"
#: What it is, the flow, and the terms of the drift that go into it.
LinearNoise = tuple[str, GeometricBrownian | CommutingNoise, list[Piece]]
_Seek = Callable[[tuple[Variable, ...], list[Piece], Blocks], LinearNoise | None]


def linear_noise(pieces: Sequence[Piece], noise: Blocks) -> list[LinearNoise]:
    """The flows of all variables whose drift and noise are linear in themselves and commute.

    Args:
        pieces: Terms of the drift.
        noise: The noise, both triangles.
    """

    def sought(moved: tuple[Variable, ...], seek: _Seek) -> LinearNoise | None:
        own = [piece for piece in pieces if piece.variable in moved]
        blocks = tuple(entry for entry in noise if set(entry[0]) <= set(moved))
        reads = all(block.variables & set(moved) for _, block in blocks)
        return seek(moved, own, blocks) if reads else None

    groups = sharing_noise(key for key, _ in noise)
    geometric = [moved for moved in groups if sought(moved, geometric_flow)]
    whole = tuple(x for moved in geometric for x in moved)
    if len(geometric) > 1 and sought(whole, geometric_flow):
        # None reads what another moves: one flow for all, which is exact where a word is not.
        groups = [whole, *(moved for moved in groups if moved not in geometric)]
    found = (sought(moved, geometric_flow) or sought(moved, commuting_flow) for moved in groups)
    return [one for one in found if one is not None]


def geometric_flow(
    moved: tuple[Variable, ...], pieces: Sequence[Piece], blocks: Blocks
) -> LinearNoise | None:
    """The flow of geometric Brownian motions.

    Args:
        moved: Variables that share noise with no others.
        pieces: All terms of their drift.
        blocks: All their noise, both triangles.

    Returns:
        None where noise or drift are of another kind.
    """
    noise = _over_the_state(moved, blocks)
    if noise is None:
        return None
    maps = {id(p): _entrywise(p) for p in pieces}
    steady = all(p.reads & set(moved) == {p.variable} for p in pieces)
    if steady and all(found is not None for found in maps.values()):
        rates = tuple(
            sum_of_maps(found for p in pieces if p.variable == x and (found := maps[id(p)]))
            for x in moved
        )
        return GEOMETRIC, GeometricBrownian(moved, rates, noise), list(pieces)
    factor = _common_factor(moved, blocks, noise)
    if factor is None or not steady or any(p.linear is None for p in pieces):
        return None
    flow = GeometricBrownian(moved, (LinearMap(),), (((moved[0], moved[0]), factor),), True)
    return GEOMETRIC, flow, []


def _entrywise(piece: Piece) -> LinearMap | None:
    """The rate of a term that is one, entry by entry, times its own variable."""
    if piece.linear is not None and piece.linear.is_diagonal:
        return piece.linear
    found = None if piece.variable.shape else monomial(piece.term, piece.variable)
    return LinearMap(found[1]) if found is not None and found[0] == 1 else None


@lru_cache(maxsize=256)
def _over_the_state(moved: tuple[Variable, ...], blocks: Blocks) -> Blocks | None:
    """The blocks of C with D_ij = C_ij z_i z_j, free of z; None where D is of another kind."""
    if any(x.symmetry or x.domain.kind not in ("real", "positive", "interval") for x in moved):
        return None
    found = []
    for (x, y), block in blocks:
        coefficient = _coefficient(x, y, block)
        if coefficient is None or coefficient.variables & set(moved):
            return None
        found.append(((x, y), coefficient))
    return tuple(found)


def _coefficient(x: Variable, y: Variable, block: Expression) -> Expression | None:
    if not x.shape and not y.shape:
        once = monomial(block, x)
        if x == y:
            return once[1] if once is not None and once[0] == 2 else None
        twice = None if once is None or once[0] != 1 else monomial(once[1], y)
        return twice[1] if twice is not None and twice[0] == 1 else None
    if not {x, y} <= block.variables:
        return None
    own = entrywise_noise(x, block) if x == y else None
    if own is not None:
        entries = own.coefficient
        if own.power != 2 or (entries.shape and x.ndim > 1):
            return None
        return ex.Diag(entries) if entries.shape else entries
    return _at_one(block, (x, y)) if _is_product(x, y, block) else None


def _is_product(x: Variable, y: Variable, block: Expression) -> bool:
    """Whether D_ij / (x_i y_j) is free of x and y, at one small size."""
    others = sorted(block.variables - {x, y}, key=lambda v: v.name)
    alone = Dynamics(dict.fromkeys(dict.fromkeys([x, y, *others]), ZERO), {(x, y): block})
    try:
        found = alone.at(**{d.name: SIZE for d in alone.dimensions if d.size is None})
    except DeclarationError:
        return False
    places = dict(found.variables)
    moving = [found.coordinates[i] for v in {x, y} for i in places[v]]
    entries = [
        entry / (found.coordinates[i] * found.coordinates[j])
        for (i, j), entry in found.diffusion.items()
        if i in places[x] and j in places[y]
    ]
    return all(not sp.cancel(entry).has(*moving) for entry in entries)


def _at_one(block: Expression, variables: Sequence[Variable]) -> Expression | None:
    ones = {v: ex.Ones(v.shape) if v.shape else ONE for v in variables}
    ones |= {ex.Diag(v): ex.Eye(v.shape) for v in variables if v.ndim == 1}
    try:
        return substituted(block, ones)
    except (Unsupported, DeclarationError):
        return None


def _common_factor(moved: tuple[Variable, ...], blocks: Blocks, noise: Blocks) -> Expression | None:
    """c where D_ij = c z_i z_j for the entries of one vector."""
    if len(moved) != 1 or moved[0].ndim != 1:
        return None
    x, (_, block), (_, coefficient) = moved[0], blocks[0], noise[0]
    ones = ex.Ones(x.shape)
    alone = Dynamics(dict.fromkeys([x, *(block.variables - {x})], ZERO), {x: block})
    found = alone.at(**{d.name: SIZE for d in alone.dimensions if d.size is None})
    places = dict(found.variables)[x]
    z = found.coordinates
    ratios = [found.diffusion.get((i, j), ZERO) / (z[i] * z[j]) for i in places for j in places]
    if coefficient.ndim != 2 or any(sp.cancel(r - ratios[0]) != 0 for r in ratios):
        return None
    return divide(dot(ones, matmul(coefficient, ones)), power(dot(ones, ones), 2))


# -- numbers whose matrices commute --------------------------------------------------------------


def commuting_flow(
    moved: tuple[Variable, ...], pieces: Sequence[Piece], blocks: Blocks
) -> LinearNoise | None:
    """The flow of numbers whose drift and noise are linear, all matrices commuting.

    Args:
        moved: Variables that share noise with no others.
        pieces: All terms of their drift.
        blocks: All their noise, both triangles.
    """
    if not 1 < len(moved) <= MOST_NUMBERS:
        return None
    if any(x.shape or x.domain.kind != "real" for x in moved):
        return None
    drift = tuple((x, total(p.term for p in pieces if p.variable == x)) for x in moved)
    found = _commuting(moved, drift, blocks)
    return None if found is None else ("commuting noise", found, list(pieces))


@lru_cache(maxsize=256)
def _commuting(
    moved: tuple[Variable, ...], drift: Updates, blocks: Blocks
) -> CommutingNoise | None:
    written = [rate for _, rate in drift] + [block for _, block in blocks]
    nodes = {n for e in written for n in e.walk()}
    leaves = [n for n in nodes if isinstance(n, Parameter | Variable)]
    if any(n.shape for n in nodes) or any(isinstance(n, ex.Call | ex.Time) for n in nodes):
        return None
    reader = ComponentReader({})
    known: dict[Any, Any] = {reader.scalar(leaf): leaf for leaf in leaves}
    z = sp.Matrix([reader.scalar(x) for x in moved])
    v = sp.Matrix([reader.scalar(rate) for _, rate in drift])
    given = dict(blocks)
    D = sp.Matrix([[reader.scalar(given.get((x, y), ZERO)).expand() for y in moved] for x in moved])
    A = v.jacobian(z).applyfunc(sp.expand)
    if A.has(*z) or not _is_zero(v - A * z):
        return None
    if any(not _is_quadratic(entry, z) for entry in D):
        return None
    for family in _families(A, D, z):
        gram = _gram(family, D, z)
        if gram is None or any(not _is_zero(A * E - E * A) for E in family):
            continue
        pairs = [(a, b) for a in range(len(family)) for b in range(len(family))]
        shifted = A - sum(
            (gram[a, b] * family[a] * family[b] for a, b in pairs), sp.zeros(*A.shape)
        )
        if all(map(_is_defined, (*shifted, *gram, *(e for E in family for e in E)))):
            return CommutingNoise(
                moved,
                _rows(shifted, known),
                tuple(_rows(E, known) for E in family),
                _rows(gram, known),
            )
    return None


def _is_zero(matrix: Matrix) -> bool:
    return all(sp.cancel(entry) == 0 for entry in matrix)


def _is_quadratic(entry: Expr, z: Matrix) -> bool:
    poly = _poly(entry, z)
    return entry == 0 or (poly is not None and all(sum(k) == 2 for k in poly.monoms()))


def _poly(entry: Expr, z: Matrix) -> Any:
    try:
        return sp.Poly(entry, *z)
    except sp.PolynomialError:
        return None


def _is_defined(entry: Expr) -> bool:
    """Whether no admissible parameter makes the denominator zero, as far as is seen."""
    below = sp.fraction(sp.cancel(entry))[1]
    return not below.is_Add and all(symbol.is_positive for symbol in below.free_symbols)


def _rows(matrix: Matrix, known: dict[Any, Any]) -> tuple[tuple[Expression, ...], ...]:
    width = matrix.shape[1]
    flat = [from_sympy(sp.cancel(entry), known) for entry in matrix]
    return tuple(tuple(flat[k : k + width]) for k in range(0, len(flat), width))


def _families(A: Matrix, D: Matrix, z: Matrix) -> Iterator[list[Matrix]]:
    single = _single(D, z)
    if single is not None:
        yield [single]
    identity = sp.eye(len(z))
    rest = (A - A[0, 0] * identity).applyfunc(sp.cancel)
    if not rest.is_zero_matrix:
        content = sp.gcd_list([entry for entry in rest if entry != 0])
        turned = (rest / content).applyfunc(sp.cancel)
        yield [turned**k for k in range(len(z))]
    if len(z) == 2:
        yield [identity, sp.Matrix([[0, 1], [-1, 0]])]


def _single(D: Matrix, z: Matrix) -> Matrix | None:
    """B with D = c (B z)(B z)^T, one entry of B being 1; only a candidate."""
    first = next((i for i in range(len(z)) if D[i, i] != 0), None)
    if first is None:
        return None
    own = sp.Poly(D[first, first], *z)
    lead = next((s for s in z if own.coeff_monomial(s**2) != 0), None)
    if lead is None:
        return None
    c = own.coeff_monomial(lead**2)
    row = sum(
        (own.coeff_monomial(lead * s) / (1 if s == lead else 2) * s for s in z), sp.Integer(0)
    )
    row = sp.expand(row / c)
    image = [sp.cancel(D[i, first] / (c * row)) for i in range(len(z))]
    found = sp.Matrix(image).jacobian(z).applyfunc(sp.cancel)
    return None if found.has(*z) else found


def _gram(family: list[Matrix], D: Matrix, z: Matrix) -> Matrix | None:
    """G with D = sum_ab G_ab (E_a z)(E_b z)^T; None if there is none."""
    m = len(family)
    unknown = {(a, b): sp.Dummy() for a in range(m) for b in range(a, m)}
    images = [E * z for E in family]
    found = sp.zeros(len(z), len(z))
    for (a, b), g in unknown.items():
        outer = images[a] * images[b].T
        found += g * (outer if a == b else outer + outer.T)
    equations = [c for entry in (found - D) for c in sp.Poly(sp.expand(entry), *z).coeffs()]
    solutions: Any = sp.linsolve(equations, *unknown.values())
    if solutions == sp.S.EmptySet:
        return None
    free: dict[Symbol, int] = dict.fromkeys(unknown.values(), 0)
    values = dict(zip(unknown, (sp.cancel(s.subs(free)) for s in solutions.args[0]), strict=True))
    gram = sp.Matrix(m, m, lambda a, b: values[min(a, b), max(a, b)])
    held = found.subs({g: values[pair] for pair, g in unknown.items()})
    return gram if _is_zero(held - D) else None
