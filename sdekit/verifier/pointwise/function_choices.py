"""A dynamics with its unknown functions chosen, for claims that only such a choice can decide.

Potentials become |x|^2/2, Lipschitz ones sqrt(1 + |x|^2), tensors constants: always inside what is
declared, since a choice outside shows nothing about the functions that are meant. Not for
refutations of a claim about all functions (`instances`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from sdekit.calculus.expansion.rewriting import substituted
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import (
    Call,
    Dot,
    Expression,
    Eye,
    Negation,
    Number,
    Ones,
    Power,
    Product,
    Sum,
)
from sdekit.declaration.tree.operators import ONE, ZERO
from sdekit.declaration.tree.symbols import Variable

_HALF = Number(Fraction(1, 2))
#: Growing, constant, falling, and growing where positive functions grow as well.
_GROWTHS = (1, 0, -1, 2)
_SIGNED = frozenset({"positive", "nonnegative"})
_COMPACT = ("circle", "interval")
_RISING = frozenset({"convex", "coercive"})
_DEFINITE = frozenset({"positive_definite", "positive_semidefinite"})


def with_chosen_functions(dynamics: Dynamics) -> Iterator[tuple[Dynamics, dict[Call, Expression]]]:
    """The dynamics with scalars that grow, are constant, fall, grow positively; and the choice.

    Scalars with a sign are constant but for the last. Coercive ones always grow, unless their
    arguments are bounded; convex ones never fall, bounded ones are constant.

    Checked by: tests/verifier/pointwise/test_function_choices.py.
    """
    calls = list(
        dict.fromkeys(n for e in dynamics.expressions() for n in e.walk() if isinstance(n, Call))
    )
    made: list[dict[Call, Expression]] = []
    energies = () if dynamics.hamiltonian is None else tuple(dynamics.hamiltonian.walk())
    # Energies that grow beside constant coefficients come last.
    for growth, beside in (*((g, g) for g in _GROWTHS), (1, 0)):
        # Inner calls first: an argument that holds a call is replaced with it.
        found = {call: _choice(call, growth if call in energies else beside) for call in calls}
        chosen = {call: value for call, value in found.items() if value is not None}
        if len(chosen) < len(found) or chosen in made:
            continue
        made.append(chosen)
        energy, target = dynamics.hamiltonian, dynamics.target
        yield (
            Dynamics(
                drift={x: substituted(v, chosen) for x, v in dynamics.drift.items()},
                diffusion={pair: substituted(d, chosen) for pair, d in dynamics.diffusion.items()},
                hamiltonian=None if energy is None else substituted(energy, chosen),
                target=None if target is None else substituted(target, chosen),
                target_variables=None if target is None else dynamics.target_variables,
            ),
            chosen,
        )


def functions_in_words(chosen: Mapping[Call, Expression]) -> str:
    """A choice in words, such as "U(x) = x**2"."""
    return ", ".join(f"{call!r} = {value!r}" for call, value in chosen.items())


def _choice(call: Call, growth: int) -> Expression | None:
    assumed, shape = call.function.assumptions, call.shape
    if shape:
        return _tensor(shape, assumed)
    is_signed = bool(assumed & _SIGNED)
    is_inner = any(isinstance(n, Call) for a in call.arguments for n in a.walk())
    # On a half-line scalars stay constant where they may, but for the last choice.
    kept = _COMPACT if "coercive" in assumed or growth == 2 else (*_COMPACT, "positive")
    squares = tuple(_square(a) for a in call.arguments if not _lives_on(a, kept))
    if "coercive" in assumed and squares:
        if is_inner:
            return None
    elif (
        is_inner
        or not squares
        or "bounded" in assumed
        or (0 if growth < 2 and is_signed else growth) == 0
    ):
        return ONE
    grown = Product((_HALF, Sum(squares)))
    if "lipschitz" in assumed:
        grown = Power(Sum((ONE, *squares)), _HALF)
    elif is_signed:
        grown = Sum((ONE, grown))
    return Negation(grown) if growth < 0 and not assumed & _RISING and not is_signed else grown


def _tensor(shape: tuple, assumed: frozenset[str]) -> Expression:
    if "antisymmetric" in assumed:
        return Product((ZERO, Eye(shape[:1])))
    half = len(shape) // 2
    if assumed & _DEFINITE or ("positive" not in assumed and shape[:half] * 2 == shape):
        return Eye(shape[:half])
    return Ones(shape)


def _square(argument: Expression) -> Expression:
    return Dot(argument, argument) if argument.shape else Power(argument, Number(Fraction(2)))


def _lives_on(argument: Expression, kinds: tuple[str, ...]) -> bool:
    """Whether a variable of it lives on a domain of one of these kinds."""
    variables = [node for node in argument.walk() if isinstance(node, Variable)]
    return any(x.domain.kind in kinds for x in variables)
