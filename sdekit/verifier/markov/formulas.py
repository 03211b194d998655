"""Whether the formulas in the steps of a kernel have values: real roots, scales, times of noise.

A kernel is defined where its formulas are; sets of states without volume do not count. Not for the
law, whose formulas the rungs of `sdekit.verifier` look at.

Checked by: tests/verifier/markov/test_formulas.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from sdekit.calculus.contraction import is_zero, lower
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.abbreviations import Abbreviation
from sdekit.kernels.path import letters_of_word
from sdekit.kernels.steps import (
    RATIO,
    Flow,
    GaussianJump,
    Kernel,
    dynamics_in,
    expressions_in,
    parts_of,
)
from sdekit.verifier.markov.kernel_problem import KernelProblem, nonnegative
from sdekit.verifier.pointwise.existence import demanding


def conditions_of_values(problem: KernelProblem) -> tuple[str, ...]:
    """What parameters must fulfil for every step to be defined.

    Raises:
        Unsupported: If a formula may have no value at states that have volume.
    """
    found: list[str] = []
    for part in (part for step in problem.kernel.steps for part in parts_of(step)):
        if isinstance(part, GaussianJump):
            found += _spread(problem, part)
        elif isinstance(part, Flow) and any(x.part.diffusion for x in letters_of_word(part)):
            condition = nonnegative(problem, part.step_size)
            found += [] if condition is None else [condition]
    for expression in _formulas(problem.kernel):
        for node, _ in demanding(expression):
            if _reads_state(problem, node):
                raise Unsupported(f"{node!r} is not shown to be real at every state")
            found.append(f"{node!r} is real")
        for below in _denominators(expression):
            if _reads_state(problem, below) and _is_pieced(below) and 0 in entry_signs(below):
                raise Unsupported(f"{below!r}, by which is divided, may vanish at many states")
    return tuple(dict.fromkeys(found))


def _formulas(kernel: Kernel) -> Iterator[ex.Expression]:
    for step in kernel.steps:
        yield from (e for e in expressions_in(step) if not e.depends_on(RATIO))
    for dynamics in dynamics_in(kernel.steps):
        yield from dynamics.expressions()


def _spread(problem: KernelProblem, jump: GaussianJump) -> list[str]:
    """A jump has a density where its scale is not zero; a walk that stands still needs none."""
    x, scale = jump.variable, jump.scale
    if 0 not in entry_signs(scale):
        return []
    if not _reads_state(problem, scale):
        return [f"{scale!r} is not 0"]
    is_walk = is_zero(lower(jump.mean, x.shape) - lower(x))
    if _is_pieced(scale) and (not is_walk or scale.depends_on(x)):
        raise Unsupported(f"the scale {scale!r} may vanish at many states, without a density there")
    return []


def _reads_state(problem: KernelProblem, node: ex.Expression) -> bool:
    return any(node.depends_on(x) for x in problem.kernel.variables)


def _denominators(expression: ex.Expression) -> Iterator[ex.Expression]:
    for node in expression.walk():
        if isinstance(node, ex.Quotient):
            yield node.denominator
        elif isinstance(node, ex.Power) and 1 not in entry_signs(node.exponent):
            yield node.base


def _is_pieced(expression: ex.Expression) -> bool:
    """Whether it may be zero on a whole piece of the states, as smooth formulas here are not."""
    return any(
        isinstance(node, Abbreviation)
        or (isinstance(node, ex.Elementwise) and FUNCTIONS[node.name].edge in ("kink", "jump"))
        for node in expression.walk()
    )
