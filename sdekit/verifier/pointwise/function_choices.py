"""A dynamics with its unknown functions chosen, for claims that only such a choice can decide.

Potentials become |x|^2/2, tensors constants inside their assumptions. Not for refutations of a
claim about all functions (`instances`).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from sdekit.calculus.expansion.rewriting import substituted
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import (
    Call,
    Dot,
    Expression,
    Eye,
    Number,
    Ones,
    Power,
    Product,
    Sum,
)
from sdekit.declaration.tree.operators import ONE, ZERO
from sdekit.declaration.tree.symbols import Variable

_HALF = Number(Fraction(1, 2))
_SIGNED = frozenset({"positive", "nonnegative", "bounded"})
_DEFINITE = frozenset({"positive_definite", "positive_semidefinite"})


def with_chosen_functions(dynamics: Dynamics) -> Iterator[tuple[Dynamics, str]]:
    """The dynamics with quadratic, then with constant scalars, and the choice in words.

    Checked by: tests/verifier/pointwise/test_function_choices.py.
    """
    calls = list(
        dict.fromkeys(n for e in dynamics.expressions() for n in e.walk() if isinstance(n, Call))
    )
    for is_quadratic in (True, False):
        # Inner calls first: an argument that holds a call is replaced with it.
        chosen = {call: _choice(call, is_quadratic) for call in calls}
        energy, target = dynamics.hamiltonian, dynamics.target
        made = Dynamics(
            drift={x: substituted(v, chosen) for x, v in dynamics.drift.items()},
            diffusion={pair: substituted(d, chosen) for pair, d in dynamics.diffusion.items()},
            hamiltonian=None if energy is None else substituted(energy, chosen),
            target=None if target is None else substituted(target, chosen),
            target_variables=None if target is None else dynamics.target_variables,
        )
        yield made, ", ".join(f"{call!r} = {value!r}" for call, value in chosen.items())


def _choice(call: Call, is_quadratic: bool) -> Expression:
    assumed, shape = call.function.assumptions, call.shape
    if shape:
        return _tensor(shape, assumed)
    if assumed & _SIGNED or not is_quadratic:
        return ONE
    if any(isinstance(n, Call) for a in call.arguments for n in a.walk()):
        return ONE
    squares = tuple(_square(a) for a in call.arguments if not _is_bounded(a))
    return Product((_HALF, Sum(squares))) if squares else ONE


def _tensor(shape: tuple, assumed: frozenset[str]) -> Expression:
    if "antisymmetric" in assumed:
        return Product((ZERO, Eye(shape[:1])))
    half = len(shape) // 2
    if assumed & _DEFINITE or ("positive" not in assumed and shape[:half] * 2 == shape):
        return Eye(shape[:half])
    return Ones(shape)


def _square(argument: Expression) -> Expression:
    return Dot(argument, argument) if argument.shape else Power(argument, Number(Fraction(2)))


def _is_bounded(argument: Expression) -> bool:
    variables = [node for node in argument.walk() if isinstance(node, Variable)]
    return any(x.domain.kind != "real" for x in variables)
