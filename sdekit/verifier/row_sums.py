r"""Sums of an unknown function over rows, or over pairs of rows, as one unknown function each.

$\sum_i V(x_i)$ and $\sum_{i \ne j} W(x_i - x_j)$ are smooth functions $\Phi$ of the whole block X.
What is proved for every $\Phi$ is proved for these, for any number of rows. What is declared of V
and W passes on: a sum of bounded, Lipschitz, even or convex functions is one (differences of rows
are linear in X), and $\sum_i V(x_i)$ tends to infinity with X where V does with x. Not for
refutations, since not every $\Phi$ is such a sum.

Checked by: tests/verifier/test_row_sums.py.
"""

from __future__ import annotations

from sdekit.calculus.expansion.rewriting import substituted
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import POSITIVE
from sdekit.declaration.tree.abbreviations import EachRow
from sdekit.declaration.tree.expression import Call, Dot, Expression, Ones
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import FunctionSymbol, Variable
from sdekit.verifier.question import Problem
from sdekit.verifier.readings import Reading

#: What sums over rows, and over pairs, have where each term has it.
_OF_PAIRS = frozenset({"bounded", "lipschitz", "even", "convex"})
_OF_ROWS = _OF_PAIRS | {"coercive", "positive"}


def with_sums_as_functions(problem: Problem) -> Reading | None:
    r"""The problem with a function of the block for every such sum.

    Returns:
        None where there is no such sum, or where single entries are used otherwise.
    """
    declared = problem.declared
    if not any(_rows_in(e) for e in declared.expressions()):
        return None
    taken = {s.name for s in (*declared.variables, *declared.parameters, *declared.functions)}
    made: dict[Expression, Call] = {}

    def lifted(node: Expression) -> Expression:
        if not _rows_in(node):
            return node
        if node not in made and isinstance(node, Dot):
            call = _function_of_sum(node, taken)
            if call is not None:
                made[node] = call
                taken.add(call.function.name)
        if node in made:
            return made[node]
        return node.rebuilt(lambda part: lifted(part) if isinstance(part, Expression) else part)

    changed = declared.rewritten(lifted)
    if any(_rows_in(e) for e in changed.expressions()):
        return None
    words = {repr(call): _sum_text(node) for node, call in made.items()}
    pairs = {made[node]: ZERO for node in made if any(e.is_paired for e in _rows_in(node))}
    left = changed.rewritten(lambda e: substituted(e, pairs))
    without = Problem(left, problem.sizes) if pairs else None
    paired = [each for node in made for each in _rows_in(node) if each.is_paired]
    excluded = any(each.function.assumptions & {"coercive", "positive"} for each in paired)
    return Reading(Problem(changed, problem.sizes), words, without, excluded)


def _sum_text(node: Expression) -> str:
    """As it is written, or as a sum where all weights are 1."""
    sides = (node.left, node.right) if isinstance(node, Dot) else ()
    summed = [side for side in sides if not isinstance(side, Ones)]
    return f"sum({summed[0]!r})" if len(summed) == 1 else repr(node)


def _rows_in(expression: Expression) -> list[EachRow]:
    return [node for node in expression.walk() if isinstance(node, EachRow)]


def _function_of_sum(node: Dot, taken: set[str]) -> Call | None:
    """A function with the properties of sum_i w_i U_i; None where it is no such sum."""
    sides = [side for side in (node.left, node.right) if isinstance(side, EachRow)]
    if len(sides) != 1 or any(isinstance(inner, Call) for inner in node.walk()):
        return None
    (each,) = sides
    weights = node.right if node.left is each else node.left
    name = f"{each.function.name}_{'pair' if each.is_paired else 'row'}_sum"
    while name in taken:
        name += "_"
    is_plain = isinstance(each.operand, Variable) and not weights.varies
    is_sum = isinstance(weights, Ones) or entry_signs(weights) == POSITIVE
    passed_on = _OF_PAIRS if each.is_paired else _OF_ROWS
    properties = each.function.assumptions & passed_on if is_plain and is_sum else frozenset()
    blocks = tuple(dict.fromkeys(x for x in node.walk() if isinstance(x, Variable)))
    return Call(FunctionSymbol(name, blocks, (), properties), blocks)
