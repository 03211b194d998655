"""Tensors as text in the grammar of model files: `2*A*n - 2*n*xi`, `dot(p, M @ p)`.

A closed component is written with dot, @ and trace where its graph is a chain or a cycle, entry by
entry where it has one index, else as a sum over named indices. Not for expressions as users wrote
them (`sdekit.declaration.text.expression_text`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

from sdekit.calculus.contraction.canonical import Factor, Factors, arrange
from sdekit.calculus.contraction.graph import Component
from sdekit.calculus.contraction.heads import Head, Jet, Kernel, Kind
from sdekit.calculus.contraction.tensor import Monomial, Tensor, Term, axes

#: Beyond this many terms a reader is better served by a count.
_MOST_TERMS = 60
_INDEX_NAMES = "ijklmnabcdefgh"


def text(tensor: Tensor) -> str:
    """The tensor as text; of one with axes, the entry at indices i, j, ...

    Example:
        >>> from sdekit.calculus.contraction.lowering import lower
        >>> from sdekit.declaration.tree.dimension import Dim
        >>> from sdekit.declaration.functions.grammar import dot
        >>> from sdekit.declaration.tree.symbols import parameter, vector
        >>> p, mu = vector("p", Dim("n")), parameter("mu")
        >>> text(lower((dot(p, p) - Dim("n")) / mu))
        '(dot(p, p) - n)/mu'
    """
    if tensor.is_empty:
        return "0"
    numerator, denominator = _split(tensor)
    body = _sum_text(numerator)
    if not denominator:
        return body
    below = [_power_text(component_text(part), -exponent) for part, exponent in denominator]
    bottom = below[0] if len(below) == 1 else f"({'*'.join(sorted(below))})"
    return f"{body if len(numerator.terms) == 1 else f'({body})'}/{bottom}"


def groups(tensor: Tensor) -> list[tuple[str, str]]:
    """The left-over terms grouped by what multiplies them.

    Returns:
        Pairs (multiplier, coefficient): the multiplier is a product of components that depend on
        the state, "1" for none, and the coefficient a polynomial in parameters and sizes.
    """
    found: dict[Term, dict[Term, Fraction]] = {}
    for (monomial, opened), coefficient in tensor.terms.items():
        state = tuple(item for item in monomial if item[0].depends)
        rest = tuple(item for item in monomial if not item[0].depends)
        found.setdefault(Term(state, opened), {})[Term(rest, ())] = coefficient
    pairs = [
        (_sum_text(Tensor(tensor.shape, {multiplier: Fraction(1)})), text(Tensor((), terms)))
        for multiplier, terms in found.items()
    ]
    return sorted(pairs)


def _split(tensor: Tensor) -> tuple[Tensor, Monomial]:
    """Numerator, and the common monomial of negative powers."""
    common: dict[Component, int] = {}
    for part in {part for term in tensor.terms for part, _ in term.monomial}:
        lowest = min(dict(term.monomial).get(part, 0) for term in tensor.terms)
        if lowest < 0:
            common[part] = lowest
    if not common:
        return tensor, ()
    terms = {}
    for (monomial, opened), coefficient in tensor.terms.items():
        powers = dict(monomial)
        for part, lowest in common.items():
            powers[part] = powers.get(part, 0) - lowest
        left = tuple((part, exponent) for part, exponent in powers.items() if exponent)
        terms[Term(left, opened)] = coefficient
    return Tensor(tensor.shape, terms), tuple(common.items())


def _sum_text(tensor: Tensor) -> str:
    written = sorted(
        (_product_text(term), coefficient) for term, coefficient in tensor.terms.items()
    )
    # Sizes and numbers alone read better behind what depends on the state.
    written.sort(key=lambda item: (item[0] == "", item[0]))
    parts = [_signed(product, coefficient) for product, coefficient in written[:_MOST_TERMS]]
    if len(written) > _MOST_TERMS:
        parts.append(f"+ ... ({len(written) - _MOST_TERMS} more terms)")
    joined = " ".join(parts)
    return joined[2:] if joined.startswith("+ ") else "-" + joined[2:]


def _signed(product: str, coefficient: Fraction) -> str:
    sign, size = ("-", -coefficient) if coefficient < 0 else ("+", coefficient)
    top = "" if size.numerator == 1 and product else str(size.numerator)
    body = f"{top}*{product}" if top and product else top or product
    return f"{sign} {body}" if size.denominator == 1 else f"{sign} {body}/{size.denominator}"


def _product_text(term: Term) -> str:
    above = sorted(
        _power_text(component_text(part), exponent)
        for part, exponent in term.monomial
        if exponent > 0
    )
    below = sorted(
        _power_text(component_text(part), -exponent)
        for part, exponent in term.monomial
        if exponent < 0
    )
    above += sorted(_indexed_text(part.factors) for part in term.open)
    if not below:
        return "*".join(above)
    bottom = below[0] if len(below) == 1 else f"({'*'.join(below)})"
    return f"{'*'.join(above) or '1'}/{bottom}"


def _power_text(base: str, exponent: int) -> str:
    if exponent == 1:
        return base
    return f"{_atom(base)}**{exponent}"


# ---------------------------------------------------------------- components


def component_text(part: Component) -> str:
    """A closed component as text."""
    factors = part.factors
    if part.head is not None:
        return head_text(part.head)
    for form in (_full_contraction, _one_index, _chain):
        found = form(factors)
        if found is not None:
            return found
    return f"sum({_indexed_text(factors)})"


def _full_contraction(factors: Factors) -> str | None:
    """dot(A, B) of two tensors with equal indices."""
    if len(factors) != 2:
        return None
    (first, places), (second, others) = sorted(
        factors, key=lambda factor: (len(head_text(factor[0])), head_text(factor[0]))
    )
    if len(set(places)) != len(places) or not places or len(others) != len(places):
        return None
    if arrange(second.symmetries, others) == arrange(second.symmetries, places):
        return f"dot({head_text(first)}, {head_text(second)})"
    if len(places) == 2 and others == places[::-1]:
        return f"dot({head_text(first)}, {_turned_text(second)})"
    return None


def _one_index(factors: Factors) -> str | None:
    """A sum over one index of products of vectors."""
    if {indices for _, indices in factors} != {(0,)}:
        return None
    counts = Counter(head_text(head) for head, _ in factors)
    if len(factors) == 1:
        ((name, _),) = counts.items()
        return f"dot(ones({factors[0][0].slots[0].name}), {name})"
    (last, times), *_ = sorted(counts.items(), reverse=True)
    counts[last] = times - 1
    rest = [_power_text(name, k) for name, k in sorted(counts.items()) if k]
    return f"dot({'*'.join(rest)}, {last})"


def _chain(factors: Factors) -> str | None:
    """u . A B v or tr(A B), where every index joins two slots of vectors and matrices."""
    counts = Counter(index for _, indices in factors for index in indices)
    if any(count != 2 for count in counts.values()):
        return None
    if any(len(indices) > 2 for _, indices in factors):
        return None
    ends = [factor for factor in factors if len(factor[1]) == 1]
    if ends:
        walks = [_walk(factors, end, end[1][0]) for end in ends]
        first, *others = min(walks, key=lambda names: (len(names[0]), names))
        return f"dot({first}, {' @ '.join(others)})"
    # A trace can be read from every factor on and in both directions; the first text stands.
    walks = [_walk(factors, start, index) for start in factors for index in dict.fromkeys(start[1])]
    fewest = min(walks, key=lambda names: (sum(name.endswith(".T") for name in names), names))
    return f"trace({' @ '.join(fewest)})"


def _walk(factors: Factors, start: Factor, index: int) -> list[str]:
    """The names of the factors met from the start on, left through the given index."""
    left = list(factors)
    left.remove(start)
    head, indices = start
    names = [_turned_text(head) if indices[0] == index != indices[-1] else head_text(head)]
    while left:
        step = next(factor for factor in left if index in factor[1])
        left.remove(step)
        head, indices = step
        names.append(head_text(head) if indices[0] == index else _turned_text(head))
        index = indices[-1] if indices[0] == index else indices[0]
    return names


def _turned_text(head: Head) -> str:
    is_symmetric = any(order == (1, 0) and sign == 1 for order, sign in head.symmetries)
    return head_text(head) if is_symmetric else f"{_atom(head_text(head))}.T"


def _indexed_text(factors: Iterable[Factor]) -> str:
    """A product with named indices: free axes are i, j, ..., summed ones come after them."""
    ordered = sorted(factors, key=lambda factor: head_text(factor[0]))
    free = max(0, -min((index for _, indices in ordered for index in indices), default=0))
    names = {-axis - 1: _index_name(axis) for axis in range(free)}
    parts = []
    for head, indices in ordered:
        for index in indices:
            names.setdefault(index, _index_name(len(names)))
        places = [tuple(names[index] for index in indices)]
        if all(sign == 1 for _, sign in head.symmetries):
            places = [tuple(places[0][slot] for slot in order) for order, _ in head.symmetries]
        parts.append(f"{_atom(head_text(head))}[{','.join(min(places))}]")
    return "*".join(parts)


def _index_name(number: int) -> str:
    return _INDEX_NAMES[number] if number < len(_INDEX_NAMES) else f"i{number}"


# ---------------------------------------------------------------- heads


def head_text(head: Head) -> str:
    """A head as text."""
    return _HEADS[head.kind](head)


def _atom(name: str) -> str:
    """The text, in parentheses unless it is a name or one call f(...)."""
    return name if _is_atom(name) else f"({name})"


def _is_atom(name: str) -> bool:
    head, bracket, _ = name.partition("(")
    if not bracket:
        return name.isidentifier() or name.isdigit()
    depth = 0
    for position, character in enumerate(name):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0 and character == ")":
            return head.isidentifier() and position == len(name) - 1
    return False


def _call_text(head: Head) -> str:
    jet: Jet = head.data
    names = [formal.name for formal in jet.function.arguments]
    given = [argument_text(argument) for argument in jet.arguments]
    if not jet.derivatives:
        return f"{jet.function.name}({', '.join(given)})"
    result = f"{jet.function.name}({', '.join(names)})"
    for number in jet.derivatives:
        result = f"grad({result}, {names[number]})"
    if names == given:
        return result
    # A derivative at another point has no form in the grammar.
    pairs = zip(names, given, strict=True)
    return f"at({result}, {', '.join(f'{a}={b}' for a, b in pairs if a != b)})"


def argument_text(argument: Tensor) -> str:
    """A tensor inside a function or kernel, in vector notation where it is that simple."""
    bare = argument.bare_head
    if bare is not None:
        return head_text(bare)
    if argument.ndim == 0:
        return text(argument)
    entries = []
    for term, coefficient in argument.terms.items():
        scalar = Tensor((), {Term(term.monomial, ()): coefficient})
        names = Counter(_block_text(part, argument.ndim) for part in term.open)
        if None in names:
            return text(argument)
        powers = sorted(_power_text(str(name), times) for name, times in names.items())
        body = "*".join(powers) or f"ones({', '.join(dim.name for dim in argument.shape)})"
        number = scalar.number
        if number is not None and abs(number) == 1:
            entries.append(body if number == 1 else f"-{body}")
        else:
            entries.append(f"{_atom(text(scalar))}*{body}")
    return " + ".join(sorted(entries)).replace("+ -", "- ")


def _block_text(part: Component, ndim: int) -> str | None:
    """A component that is one head on all axes, as a whole block; None for any other."""
    if len(part.factors) != 1:
        return None
    head, indices = part.factors[0]
    if arrange(head.symmetries, indices) == arrange(head.symmetries, axes(ndim)):
        return head_text(head)
    return _turned_text(head) if indices == axes(ndim)[::-1] and ndim == 2 else None


def _kernel_text(head: Head) -> str:
    kernel: Kernel = head.data
    inner = argument_text(kernel.argument)
    if kernel.name == "reciprocal":
        return f"1/{_atom(inner)}"
    if kernel.name == "root":
        assert kernel.exponent is not None
        degree = kernel.exponent.number
        return f"sqrt({inner})" if degree == 2 else f"{_atom(inner)}**(1/{degree})"
    if kernel.name == "power":
        assert kernel.exponent is not None
        return f"{_atom(inner)}**{_atom(text(kernel.exponent))}"
    return f"{kernel.name}({inner})"


_HEADS = {
    Kind.DELTA: lambda head: f"eye({head.data.name})",
    Kind.SIZE: lambda head: head.data.name,
    Kind.CONSTANT: lambda head: head.data,
    Kind.VARIABLE: lambda head: head.data.name,
    Kind.PARAMETER: lambda head: head.data.name,
    Kind.CALL: _call_text,
    Kind.INVERSE: lambda head: f"inv({argument_text(head.data)})",
    Kind.LOGDET: lambda head: f"logdet({argument_text(head.data)})",
    Kind.KERNEL: _kernel_text,
}
