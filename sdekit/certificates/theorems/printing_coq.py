"""Formulas in the syntax of Coq: as a reader reads them, and as data of the library.

Notation: z is the state; an index is a number counted from the innermost sum outwards in the data.
Not for the formulas themselves (`row_formulas`).
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.certificates.theorems.row_formulas import (
    Applied,
    Atom,
    AtomEntry,
    Equal,
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
)


def as_formula(node: Node) -> str:
    """As a reader reads it; self-contained as a factor or an argument of a sum."""
    match node:
        case Rational(value):
            return _number(value)
        case Real(name):
            return name
        case Length(size):
            return f"INR {size}"
        case Equal(first, second):
            return f"delta {first} {second}"
        case AtomEntry(atom, indices):
            return atom.text(indices)
        case StateEntry(block, indices):
            return f"z ({' '.join((block.name, *indices))})" if indices else f"z {block.name}"
        case Plus((first, *others)):
            return _first_term(first) + "".join(map(_further_term, others))
        case Times((first, *others)):
            return _factor(first) + "".join(map(_further_factor, others))
        case Minus(operand):
            return f"- {_factor(operand)}"
        case Reciprocal(operand):
            return f"/ {_operand(operand)}"
        case Raised(base, exponent):
            return f"{_operand(base)} ^ {exponent}"
        case Applied(name, operand):
            return f"{name} {_operand(operand)}"
        case Summed(size, index, body):
            return f"Sum {size} (fun {index} => {as_formula(body)})"
    raise AssertionError(node)


def _number(value: Fraction) -> str:
    return str(value) if value.denominator == 1 and value >= 0 else f"({value})"


def _first_term(node: Node) -> str:
    return as_formula(node)


def _further_term(node: Node) -> str:
    if isinstance(node, Minus):
        return f" - {_factor(node.operand, is_product_bare=True)}"
    return f" + {_factor(node, is_product_bare=True)}"


def _factor(node: Node, *, is_product_bare: bool = False) -> str:
    is_sum = isinstance(node, (Plus, Minus, Reciprocal))
    if is_sum or (isinstance(node, Times) and not is_product_bare):
        return f"({as_formula(node)})"
    return as_formula(node)


def _further_factor(node: Node) -> str:
    if isinstance(node, Reciprocal):
        return f" / {_operand(node.operand)}"
    return f" * {_factor(node)}"


def _operand(node: Node) -> str:
    return as_formula(node) if isinstance(node, (Real, Rational)) else f"({as_formula(node)})"


def data(node: Node, stack: Indices, numbers: dict[Atom, int], tags: dict[str, int]) -> str:
    """As a term of the library's expressions.

    Args:
        node: The formula.
        stack: The indices bound outside it, innermost first.
        numbers: The number of each atom.
        tags: The number of each size.
    """

    def inner(other: Node) -> str:
        return f"({data(other, stack, numbers, tags)})"

    def chain(word: str, first: Node, others: list[Node]) -> str:
        text = data(first, stack, numbers, tags)
        for other in others:
            text = f"{word} ({text}) {inner(other)}"
        return text

    match node:
        case Rational(value):
            return f"Num {_number(value)}"
        case Real(name):
            return f"Num {name}"
        case Length(size):
            return f"Size {tags[size]}"
        case Equal(first, second):
            return f"Delta {stack.index(first)} {stack.index(second)}"
        case AtomEntry(atom, indices):
            return f"Atom {numbers[atom]} {_places(indices, stack)}"
        case StateEntry(block, indices):
            return f"X {block.number} {_places(indices, stack)}"
        case Plus((first, *others)):
            return chain("Add", first, others)
        case Times((first, *others)):
            return chain("Mul", first, others)
        case Minus(operand):
            return f"Opp {inner(operand)}"
        case Reciprocal(operand):
            return f"Inv {inner(operand)}"
        case Raised(base, exponent):
            return f"Pow {inner(base)} {exponent}"
        case Applied(name, operand):
            return f"Fn {name.capitalize()} {inner(operand)}"
        case Summed(size, index, body):
            return f"Sm {tags[size]} ({data(body, (index, *stack), numbers, tags)})"
    raise AssertionError(node)


def _places(indices: Indices, stack: Indices) -> str:
    return f"[{'; '.join(str(stack.index(i)) for i in indices)}]%nat"
