"""Candidates for what is missing or unknown: terms that the shapes of a declaration suggest.

A drift w of X enters the residual as -w . grad H, a block of Q the current as -Q grad H; what is
left of a term when a factor of grad H is taken out is therefore a candidate for w or Q. Not for
choosing among them: `design`, `recipe` and `repair` solve for their coefficients (`matching`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain, combinations_with_replacement

from sdekit.calculus.contraction import Tensor, combine, lower
from sdekit.calculus.contraction.heads import Head, Kind, delta, parameter
from sdekit.calculus.contraction.tensor import Term, accumulate, flattened, ordered
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.functions.grammar import diag, div, dot, grad, log, logdet, outer
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.addends import additive_terms
from sdekit.declaration.tree.expression import Call, Expression, Inverse, LogDet, Shape
from sdekit.declaration.tree.operators import ONE, multiply, transpose
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.designer.matching import matched
from sdekit.designer.raising import raised

#: More terms than these are not proposed for one unknown.
MOST_PROPOSED = 30
Atoms = Sequence[Expression]


def declared(dynamics: Dynamics) -> tuple[Expression, ...]:
    """The parameters, unknown functions, inverses and log determinants that a declaration names."""
    found: dict[Expression, None] = {}
    for expression in dynamics.expressions():
        for node in expression.walk():
            if isinstance(node, (Parameter, Call, Inverse, LogDet)):
                found[node] = None
    return tuple(found)


def energies(dynamics: Dynamics) -> Iterator[list[Expression]]:
    """Groups of terms that may belong to H together: squares, centres, potentials, log det."""
    named = declared(dynamics)
    target = [] if dynamics.target is None else additive_terms(dynamics.target)
    scalars = [node for node in named if not node.shape and not isinstance(node, Parameter)]
    yield from ([term] for term in dict.fromkeys([*target, *scalars]))
    yield from ([logdet(G)] for G in metrics(dynamics))
    for x in dynamics.variables:
        centres = [node for node in named if node.shape == x.shape]
        square = dot(x, x) if x.shape else x**2
        yield [square]
        for centre in centres:
            product = dot(x, centre) if x.shape else multiply(x, centre)
            own = dot(centre, centre) if x.shape else centre**2
            yield [square, product] if isinstance(centre, Parameter) else [square, product, own]
        if not x.shape:
            yield [square, x]
        if x.ndim == 1:
            matrices = [node for node in named if node.shape == x.shape * 2]
            yield from ([dot(x, M @ x)] for M in matrices)


def metrics(dynamics: Dynamics) -> Iterator[Call]:
    """The positive definite matrices that depend on variables."""
    for node in declared(dynamics):
        if isinstance(node, Call) and "positive_definite" in node.function.assumptions:
            yield node


def blocks(
    dynamics: Dynamics,
    shape: Shape,
    arguments: Sequence[Variable],
    unknowns: Sequence[Expression],
    *,
    first: Sequence[Expression] = (),
) -> tuple[Expression, ...]:
    """Terms of one shape that depend on the arguments alone, the simplest first.

    Args:
        dynamics: Whose variables, functions, matrices and energy they are made of.
        shape: Of each term.
        arguments: What they may depend on.
        unknowns: What they may not contain.
        first: Terms that come before others: 1, x, x^2, ... of a function of one variable.
    """
    atoms = [*arguments, *_slopes(dynamics)]
    atoms += [node for node in declared(dynamics) if node.shape or not isinstance(node, Parameter)]
    usable = [atom for atom in dict.fromkeys(atoms) if _is_usable(atom, arguments, unknowns)]
    scalars = [atom for atom in usable if not atom.shape]
    vectors = [atom for atom in usable if atom.ndim == 1]
    matrices = [atom for atom in usable if atom.ndim == 2]
    products = _PRODUCTS.get(len(shape), lambda *_: iter(()))(scalars, vectors, matrices, arguments)
    products = chain(products, (multiply(first[2], s) for s in scalars if first))
    half = len(shape) // 2
    identity = [ex.Eye(shape[:half])] if shape and shape[:half] == shape[half:] else []
    found: dict[Tensor, Expression] = {}
    for term in [*first, *identity, *(a for a in usable if a.shape == shape), *products]:
        if term.shape == shape and len(found) < MOST_PROPOSED:
            try:
                key = monic(lower(term))
            except Unsupported:
                continue
            if not key.is_empty:
                found.setdefault(key, term)
    return _independent(found)


def _independent(terms: Mapping[Tensor, Expression]) -> tuple[Expression, ...]:
    """The terms without those that are combinations of the others."""
    weights = [Parameter(f"sdekit_c{k}") for k in range(len(terms))]
    pairs = zip(weights, terms, strict=True)
    total = [combine((Fraction(1), lower(c) * tensor) for c, tensor in pairs)] if terms else []
    system = matched(total, [parameter(c) for c in weights])
    (case,) = system.families()
    kept = zip(system.unknowns, terms.values(), strict=True)
    return tuple(term for position, term in kept if position in case.values)


def _slopes(dynamics: Dynamics) -> Iterator[Expression]:
    """grad H by each variable, its divergence, and gradients of scalar functions."""
    for x in dynamics.variables:
        if dynamics.hamiltonian is not None and dynamics.hamiltonian.depends_on(x):
            slope = grad(dynamics.hamiltonian, x)
            for part in (slope, div(slope, x)) if x.ndim == 1 else (slope,):
                yield from _terms(part)
    for node in declared(dynamics):
        for x in node.function.arguments if isinstance(node, Call) else ():
            if x in dynamics.variables and not node.shape:
                yield grad(node, x)


def _terms(expression: Expression) -> Iterator[Expression]:
    """The terms of the normal form without their constants; together where kernels relate them."""
    try:
        tensor = lower(expression)
        kernels = any(
            h.kind is Kind.KERNEL for part in tensor.components() for h, _ in part.factors
        )
        parts = [{t: c} for t, c in tensor.terms.items()]
        for terms in [dict(tensor.terms)] if kernels else parts:
            yield raised(monic(Tensor(tensor.shape, terms)))
    except Unsupported:
        return


def _is_usable(
    atom: Expression, arguments: Sequence[Variable], unknowns: Sequence[Expression]
) -> bool:
    functions = {u.function for u in unknowns if isinstance(u, Call)}
    return all(
        node in arguments
        if isinstance(node, Variable)
        else node not in unknowns and getattr(node, "function", None) not in functions
        for node in atom.walk()
    )


def _is_named(atom: Expression) -> bool:
    return isinstance(atom, (Variable, Call))


def _scalar_products(
    scalars: Atoms, vectors: Atoms, matrices: Atoms, arguments: Sequence[Variable]
) -> Iterator[Expression]:
    del arguments
    yield ONE
    positive = (a for a in scalars if isinstance(a, Call) and "positive" in a.function.assumptions)
    yield from map(log, positive)
    yield from (multiply(a, b) for a, b in combinations_with_replacement(scalars, 2))
    yield from (
        dot(a, b) for a, b in combinations_with_replacement(vectors, 2) if a.shape == b.shape
    )
    yield from (dot(v, M @ v) for M in matrices for v in vectors if M.shape == v.shape * 2)
    yield from (
        logdet(M)
        for M in matrices
        if isinstance(M, Call) and "positive_definite" in M.function.assumptions
    )


def _vector_products(
    scalars: Atoms, vectors: Atoms, matrices: Atoms, arguments: Sequence[Variable]
) -> Iterator[Expression]:
    for M in matrices:
        yield from (div(M, x) for x in arguments if M.depends_on(x) and x.shape == M.shape[1:])
        yield from (M @ v for v in vectors if M.shape[1:] == v.shape)
    yield from (multiply(s, v) for s in scalars if _is_named(s) for v in vectors)


def _matrix_products(
    scalars: Atoms, vectors: Atoms, matrices: Atoms, arguments: Sequence[Variable]
) -> Iterator[Expression]:
    del arguments
    yield from (transpose(M) for M in matrices)
    yield from (M @ N for M in matrices for N in matrices if M.shape[1:] == N.shape[:1])
    yield from (diag(v) for v in vectors)
    yield from (outer(a, b) for a in vectors for b in vectors)
    dims = dict.fromkeys(v.shape for v in vectors)
    yield from (multiply(s, ex.Eye(d)) for s in scalars if _is_named(s) for d in dims)


_PRODUCTS = {0: _scalar_products, 1: _vector_products, 2: _matrix_products}


# ---------------------------------------------------------------- what is left of a term


def factors_of(slope: Tensor, x: Variable) -> list[Head]:
    """The heads of grad H that can stand for it: of its shape, and no constants."""
    found = {head for part in slope.components() for head, _ in part.factors}
    usable = (h for h in found if h.slots == x.shape and h.kind not in (Kind.PARAMETER, Kind.SIZE))
    return sorted(usable, key=lambda head: head.uid)


def cut_out(tensor: Tensor, head: Head) -> Iterator[Tensor]:
    """What is left of each term when one factor is taken out; its slots become the last axes."""
    shape = tensor.shape + head.slots
    ends = range(-tensor.ndim - 1, -len(shape) - 1, -1)
    for (monomial, opened), coefficient in tensor.terms.items():
        bodies = [(monomial, p, [*opened[:k], *opened[k + 1 :]]) for k, p in enumerate(opened)]
        for part, exponent in monomial:
            if exponent > 0:
                rest = ordered({**dict(monomial), part: exponent - 1})
                if part.head is head:
                    yield Tensor(shape, {Term(rest, opened): coefficient})
                bodies += [] if part.head else [(rest, part, list(opened))]
        for rest, part, others in bodies:
            factors, _ = flattened((part, *others), 0)
            for k in range(len(part.factors)):
                if factors[k][0] is head:
                    places = zip(head.slots, factors[k][1], ends, strict=True)
                    joined = [(delta(dim), (index, end)) for dim, index, end in places]
                    total: dict[Term, Fraction] = {}
                    accumulate(total, coefficient, rest, [*factors[:k], *factors[k + 1 :], *joined])
                    yield Tensor(shape, total)


def monic(tensor: Tensor) -> Tensor:
    """A tensor of one term without its scalar constants, so that multiples count once."""
    if len(tensor.terms) != 1:
        return tensor
    ((monomial, opened),) = tensor.terms
    kept = tuple(item for item in monomial if item[0].depends or item[0].head is None)
    return Tensor(tensor.shape, {Term(kept, opened): Fraction(1)})
