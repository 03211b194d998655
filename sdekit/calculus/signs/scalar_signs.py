"""Signs of scalars that need algebra, such as completing a square: SymPy's assumptions help out.

SymPy is loaded only where `implied` does not decide. Not for tensors.
"""

from __future__ import annotations

from functools import lru_cache

from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import Signs
from sdekit.declaration.tree.expression import Expression, Size


@lru_cache(maxsize=1024)
def decided_signs(expression: Expression) -> Signs:
    """Possible signs of a scalar, by rules and, where they do not decide, by SymPy.

    Args:
        expression: Scalar.

    Returns:
        A set that holds the sign at every admissible point.

    Example:
        >>> from sdekit.declaration.tree.symbols import scalar
        >>> x = scalar("x")
        >>> sorted(decided_signs(x**2 + x + 1))
        [1]

    Checked by: tests/verifier/integrals/test_certificate_fields.py.
    """
    signs = entry_signs(expression)
    if not {-1, 1} <= signs or not _is_plain(expression):
        return signs
    from sdekit.calculus.signs.sign import sign
    from sdekit.declaration.model.component_reader import ComponentReader

    return signs & sign(ComponentReader({}).scalar(expression))


def _is_plain(expression: Expression) -> bool:
    """Whether only scalars occur, none of them a size."""
    return not any(node.shape or isinstance(node, Size) for node in expression.walk())
