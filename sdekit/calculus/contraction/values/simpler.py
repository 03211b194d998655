"""Changes that make a model simpler to read: zeros, ones, polynomials with fewer monomials.

Not for whether a change keeps what the model shows (`evaluate`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flint import fmpq

from sdekit.calculus.contraction.values.concrete_model import Model
from sdekit.calculus.contraction.values.function_polynomials import Exponents, Index, Polynomial
from sdekit.declaration.tree.symbols import Parameter, Variable


def simplifications(model: Model) -> Iterator[Callable[[], None]]:
    """Make one change after the other; each comes with its reversal."""
    for function, entries in model.functions.items():
        if function.assumptions or function in model.definite:
            continue
        for index in entries:
            for exponents in list(entries[index].terms):
                yield _without_monomial(entries, index, exponents)
    for symbol, values in model.symbols.items():
        if not isinstance(symbol, (Variable, Parameter)):
            continue
        for simple in _simple_values(symbol):
            for index, value in values.items():
                # A value that is simple already must not become less so.
                if value not in (0, 1) or (value == 1 and simple == 0):
                    yield _with_value(values, index, simple)


def _simple_values(symbol: Variable | Parameter) -> tuple[fmpq, ...]:
    if isinstance(symbol, Variable):
        kind = symbol.domain.kind
        return {"positive": (fmpq(1),), "interval": ()}.get(kind, (fmpq(0), fmpq(1)))
    if symbol.assumptions & {"positive_definite", "positive_semidefinite", "symmetric"}:
        return ()
    if symbol.assumptions & {"positive", "nonnegative"}:
        return (fmpq(1),)
    return (fmpq(0), fmpq(1))


def _without_monomial(
    entries: dict[Index, Polynomial], index: Index, exponents: Exponents
) -> Callable[[], None]:
    before = entries[index]
    entries[index] = Polynomial({k: c for k, c in before.terms.items() if k != exponents})

    def undo() -> None:
        entries[index] = before

    return undo


def _with_value(values: dict[Index, fmpq], index: Index, simple: fmpq) -> Callable[[], None]:
    before = values[index]
    values[index] = simple

    def undo() -> None:
        values[index] = before

    return undo
