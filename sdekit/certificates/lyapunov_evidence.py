r"""Lyapunov functions as evidence: $L V + \text{damping}$ is slow, block by block.

The blocks of V are those of integrals (`integral_evidence`); the damping collects what is never
positive in L V, written so that it shows. Not for finding out whether solutions explode
(`sdekit.verifier.confinement`).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import TooLarge, as_expression
from sdekit.calculus.limits import Unsupported
from sdekit.certificates.checker.check import Claims
from sdekit.certificates.checker.declared_model import scaled
from sdekit.certificates.integral_evidence import (
    Evidence,
    assumed,
    by_shape,
    gaussian_evidence,
    only,
)
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.operators import ONE, ZERO
from sdekit.declaration.tree.symbols import Variable

Tree = list[Any]


def square_blocks(dynamics: Dynamics) -> list[Evidence]:
    r"""$V = |z|^2 / 2$ over what is unbounded."""
    found: list[Evidence] = []
    for x in dynamics.variables:
        if x.domain.kind in ("real", "positive"):
            form = ex.Eye(x.shape) if x.shape else ONE
            mean = ex.Product((ZERO, x))
            found.append({"kind": "gaussian", "blocks": [x.name], "mean": mean, "form": form})
    return found


def energy_blocks(dynamics: Dynamics) -> list[Evidence] | None:
    """V = H: definite quadratics, polynomials, and unknown functions over the rest."""
    energy = dynamics.hamiltonian
    assert energy is not None
    found: list[Evidence] = []
    rest: list[Variable] = []
    for x in dynamics.variables:
        own = _own(x, energy)
        if own is None:
            rest.append(x)
        else:
            found.append({**own, "blocks": [x.name]})
    if rest:
        unknown = assumed(rest, only(rest, energy))
        if unknown is None:
            return None
        found.append(unknown)
    return found


def _own(x: Variable, energy: ex.Expression) -> Evidence | None:
    """A block of x alone: a definite quadratic, or a polynomial."""
    mine = only([x], energy)
    try:
        found = gaussian_evidence(x, mine)
        if found is not None:
            parts = (as_expression(expand(found[key])) for key in ("form", "mean"))
            return None if any(part.varies for part in parts) else found
        found = by_shape(x, mine)
    except (TooLarge, Unsupported):
        return None
    return found if found is not None and found["kind"] == "polynomial" else None


def damping(m: Claims, blocks: list[dict[str, Any]]) -> Tree | None:
    """Minus the terms of L V that grow too fast, as a tree that shows their sign; None if none."""
    others = [x for b in blocks if b["kind"] != "gaussian" for x in b["blocks"]]
    found = m.parts(blocks, [x for b in blocks for x in b["blocks"]])
    V = ["sum", ["number", "0"], *(part for _, _, part, _ in found)]
    change = m.formula(m.generator(V))
    parts: list[Tree] = [["number", "0"]]
    if m.is_zero(change):
        change = {}
    for term, c in change.items():
        if m.depends({term: c}, *others) or not m.is_slow([term], 2):
            tree = term_tree(m, term, -c)
            if tree is None:
                return None
            parts.append(tree)
    return ["sum", *parts]


def term_tree(m: Claims, term: Any, c: Fraction) -> Tree | None:
    """c times a monomial without free indices as a tree, its sums one by one; None if not known."""
    groups: list[tuple[set[int], list[Any]]] = []
    for (head, ix), e in term:
        met = [g for g in groups if g[0] & set(ix)]
        groups = [g for g in groups if g not in met]
        joined = [f for g in met for f in g[1]]
        groups.append((set(ix).union(*(g[0] for g in met)), [*joined, ((head, ix), e)]))
    parts = [_sum_tree(m, factors) for _, factors in groups]
    return None if None in parts else scaled(str(c), ["product", ["number", "1"], *parts])


def _sum_tree(m: Claims, factors: list[Any]) -> Tree | None:
    """A sum whose factors have the same indices, or a chain p M p."""
    trees = [(_head_tree(m, head), ix, e) for (head, ix), e in factors]
    if any(tree is None for tree, _, _ in trees):
        return None
    places = {ix for _, ix, _ in trees}
    if len(places) == 1:
        powers = [tree if e == 1 else ["power", tree, str(e)] for tree, _, e in trees]
        (head, ix), _ = factors[0]
        dims = [d for d, _ in m.slots(head)]
        inner = ["product", *powers]
        return ["contract", ["ones", dims], inner, len(ix)] if ix else inner
    pairs = [(tree, ix) for tree, ix, e in trees if len(ix) == 2 and e == 1]
    ends = [(tree, ix) for tree, ix, e in trees if len(ix) == 1 and e == 1]
    if len(pairs) == 1 and len(ends) == 2 and ends[0][0] == ends[1][0] and len(trees) == 3:
        end = ends[0][0]
        return ["contract", end, ["contract", pairs[0][0], end, 1], 1]
    return None


def _head_tree(m: Claims, head: Any) -> Tree | None:
    kind, name, jet = head
    if kind == "size":
        return ["size", name]
    if kind == "symbol":
        tree: Tree = ["symbol", name]
        for x in jet:
            tree = ["grad", tree, x]
        return tree
    return None
