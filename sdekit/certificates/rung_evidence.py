"""What the verifier found, spelled out as trees for the checker of certificates.

The checker searches for nothing: a sign that a formula does not show as it is written, a named
integral with its parameters, a Lyapunov function with its damping are all sent along. Not for the
points of refutations (`refutation_points`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import TooLarge, as_expression
from sdekit.calculus.limits import Unsupported
from sdekit.certificates.checker.check import UNREADABLE, Claims
from sdekit.certificates.checker.index_ring import Refused
from sdekit.certificates.integral_evidence import assumed, integral_evidence
from sdekit.certificates.lyapunov_evidence import damping, energy_blocks, square_blocks
from sdekit.certificates.model_trees import Tree, expression_tree, model_tree
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree import expression as ex
from sdekit.errors import VerificationError
from sdekit.verifier.integrals.elimination import Step
from sdekit.verifier.pointwise.function_choices import with_chosen_functions


def shown_signs(dynamics: Dynamics, content: Mapping[str, Any]) -> list[list[Tree]]:
    """Multiplied out, what does not show its sign as it is written: [tree, tree that shows it]."""
    try:
        m = Claims(content["model"], content["claim"]["sizes"])
        if all(m.form_sign(block) for (x, y), block in m.blocks.items() if x == y):
            return []
    except (Refused, *UNREADABLE):
        pass
    parts = [block for (x, y), block in dynamics.blocks() if x == y]
    for node in (n for e in dynamics.expressions() for n in e.walk()):
        match node:
            case ex.Power() | ex.Quotient():
                parts.append(node.base if isinstance(node, ex.Power) else node.denominator)
            case ex.Elementwise() | ex.Inverse() | ex.LogDet():
                parts.append(node.operand)
    found: list[list[Tree]] = []
    for part in dict.fromkeys(parts):
        try:
            pair = [expression_tree(part), expression_tree(as_expression(expand(part)))]
        except (TooLarge, Unsupported, VerificationError):
            continue
        if pair[0] != pair[1]:
            found.append(pair)
    return found


def evidence_trees(
    found: Mapping[str, Any],
    content: Mapping[str, Any],
    dynamics: Dynamics,
) -> dict[str, Any]:
    """What the verifier found, spelled out for the checker."""
    kind, more = found.get("kind"), dict(found)
    if more.get("target") == "assumed":
        target = dynamics.hamiltonian if dynamics.target is None else dynamics.target
        assert target is not None  # a target was judged
        more["target"] = [assumed(dynamics.target_variables, target)]
    if kind in ("square", "growth", "energy"):
        return _lyapunov(dynamics, kind, content)
    if kind == "reversible":
        more["normalizable"] = evidence_trees(found["normalizable"], content, dynamics)
    if kind == "instance":
        chosen = next(
            d
            for d, calls in with_chosen_functions(dynamics)
            if {c.function.name: v for c, v in calls.items()} == found["choice"]
        )
        inner = {**content, "model": model_tree(chosen.ito())}
        inner["shown"] = more["shown"] = shown_signs(chosen.ito(), inner)
        for part in ("evidence", "normalizable"):
            more[part] = evidence_trees(found[part], inner, chosen)
    return _as_trees(more)


def _lyapunov(dynamics: Dynamics, kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    found = energy_blocks(dynamics) if kind == "energy" else square_blocks(dynamics)
    if found is None:
        raise VerificationError(
            "no Lyapunov function of a known kind", found=repr(dynamics.hamiltonian)
        )
    blocks = _as_trees(found)
    m = Claims(content["model"], content["claim"]["sizes"], content["shown"])
    fall = damping(m, blocks)
    if fall is None:
        raise VerificationError("no damping of a known kind", found=repr(dynamics.drift))
    return {"kind": "lyapunov", "blocks": blocks, "damping": fall}


def _as_trees(evidence: Any) -> Any:
    """Evidence with its expressions as trees, and the steps of an integral by name.

    Raises:
        VerificationError: If no evidence can be written for a step or an expression.
    """
    match evidence:
        case ex.Expression():
            return expression_tree(evidence)
        case Step():
            found = integral_evidence(evidence)
            if found is None:
                raise VerificationError("no named integral", found=evidence.reason)
            return _as_trees(found)
        case dict():
            return {key: _as_trees(value) for key, value in evidence.items()}
        case list() | tuple():
            return [_as_trees(value) for value in evidence]
    return evidence
