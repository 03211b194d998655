"""Where formulas are defined: denominators that may vanish, what is under a root or a logarithm.

What is positive at a glance asks for nothing; the rest is a condition on the state, which the file
makes part of the domain. Not for the domains that are declared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sdekit.calculus.limits import Unsupported
from sdekit.certificates.theorems.printing_coq import as_formula
from sdekit.certificates.theorems.row_formulas import (
    Applied,
    AtomEntry,
    Indices,
    Length,
    Minus,
    Node,
    Plus,
    Raised,
    Rational,
    Real,
    Reciprocal,
    StateEntry,
    Summed,
    Times,
    children,
    free_indices,
)

#: "positive", "nonnegative" or "" of a parameter, function or variable.
SignOf = Callable[[Node], str]


def domain_conditions(node: Node, sizes: dict[str, str], sign_of: SignOf) -> Iterator[str]:
    """What must hold of the state, in Coq, with the indices that occur universally quantified.

    Args:
        node: The formula.
        sizes: The size of each free index.
        sign_of: What is declared of a symbol.

    Raises:
        Unsupported: If a number shows that the formula is defined nowhere.
    """
    if isinstance(node, Summed):
        sizes = {**sizes, node.index: node.size}
    for inner in children(node):
        yield from domain_conditions(inner, sizes, sign_of)
    match node:
        case Reciprocal(Rational(value)) if value == 0:
            raise Unsupported("a division by zero")
        case Applied("ln" | "sqrt" as name, Rational(value)) if value <= 0:
            raise Unsupported(f"{name} of {value}")
        case Reciprocal(operand) if not _is_signed(operand, sign_of, strictly=True):
            yield f"{_for_all(operand, sizes)}{as_formula(operand)} <> 0"
        case Applied("ln" | "sqrt", operand) if not _is_signed(operand, sign_of, strictly=True):
            yield f"{_for_all(operand, sizes)}0 < {as_formula(operand)}"


def _for_all(node: Node, sizes: dict[str, str]) -> str:
    free: Indices = tuple(i for i in sizes if i in free_indices(node))
    return "".join(f"forall {i}, ({i} < {sizes[i]})%nat -> " for i in free)


def _is_signed(node: Node, sign_of: SignOf, *, strictly: bool) -> bool:
    """Whether a formula is positive, or non-negative, at a glance."""

    def every(parts: tuple[Node, ...], *, strictly: bool) -> bool:
        return all(_is_signed(part, sign_of, strictly=strictly) for part in parts)

    match node:
        case Rational(value):
            return value > 0 or (value == 0 and not strictly)
        case Length():
            return True
        case Real() | AtomEntry() | StateEntry():
            return sign_of(node) in (("positive",) if strictly else ("positive", "nonnegative"))
        case Plus(terms):
            is_strict = any(_is_signed(term, sign_of, strictly=True) for term in terms)
            return every(terms, strictly=False) and (is_strict or not strictly)
        case Times((first, second)) if first == second and not strictly:
            return True
        case Times(factors):
            return every(factors, strictly=strictly)
        case Reciprocal(operand):
            return _is_signed(operand, sign_of, strictly=True)
        case Raised(base, exponent):
            is_even = exponent % 2 == 0 and not strictly
            return is_even or _is_signed(base, sign_of, strictly=strictly)
        case Applied("exp"):
            return True
        case Applied("sqrt", operand):
            return not strictly or _is_signed(operand, sign_of, strictly=True)
        case Summed(_, _, body):
            return not strictly and _is_signed(body, sign_of, strictly=False)
        case Minus():
            return False
    return False
