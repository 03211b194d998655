"""Where expressions are defined: the conditions that reading them has noted, as text.

Denominators are not zero, arguments of logarithms and of fractional powers are positive. They are
noted as they were written, and left out where they are certain.

Not for deciding with: towers use conditions while they read (`factors.require_positive`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import sympy as sp

from sdekit.calculus.field.ring import element_factors as factors
from sdekit.calculus.field.ring.polynomial import ONE
from sdekit.calculus.signs.sign import sign
from sdekit.calculus.signs.sign_values import POSITIVE
from sdekit.declaration.model.sympy_types import Expr

if TYPE_CHECKING:
    from sdekit.calculus.field.reading import Reader

#: Kinds of conditions, and how each reads.
RELATIONS = {"nonzero": "!= 0", "positive": "> 0"}


def condition_texts(reader: Reader) -> tuple[str, ...]:
    """The conditions a reader has noted that are not known to hold, such as `mu != 0`."""
    texts: dict[str, None] = {}
    # A copy: reading a condition may note others, which were noted before with their own parts.
    for kind, expression in tuple(reader.conditions):
        for part in _parts(kind, expression):
            if kind == "nonzero" and ("positive", part) in reader.conditions:
                continue
            if not _is_certain(reader, kind, part):
                texts[f"{sp.sstr(part)} {RELATIONS[kind]}"] = None
    return tuple(texts)


def _parts(kind: str, expression: Expr) -> Iterator[Expr]:
    """A product does not vanish where no factor does."""
    if kind == "nonzero" and expression.is_Mul:
        for factor in expression.args:
            yield from _parts(kind, factor)
    elif kind == "nonzero" and expression.is_Pow and expression.exp.is_Integer:
        yield from _parts(kind, expression.base)
    elif not expression.is_Rational:
        # 2 - 2 w is the same condition as 1 - w.
        content, primitive = expression.primitive()
        yield primitive if kind == "nonzero" or content > 0 else expression


def _is_certain(reader: Reader, kind: str, expression: Expr) -> bool:
    found = sign(expression)
    if found == POSITIVE or (kind == "nonzero" and 0 not in found):
        return True
    assumed = factors.assumed_sign(reader.tower, reader.read(expression))
    return assumed is not None and (kind == "nonzero" or assumed == ONE)
