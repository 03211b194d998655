r"""Integrals over the simplex and over positive definite matrices, for every size.

Dirichlet: $\int\prod_i w_i^{a_i - 1}\,dw = \prod_i\Gamma(a_i)/\Gamma(\sum_i a_i)$ is finite exactly
where the Gamma integrals $\int_0^\infty x^{a_i-1}e^{-x}dx$ are, which `elimination` decides.

Wishart: $\int_{S > 0}(\det S)^{-c}e^{-\mathrm{tr}(AS)}dS$ with A definite is finite exactly for
$c < 1$, by the matrix Gamma function at $(n+1)/2 - c > (n-1)/2$; with $S\to S^{-1}$, whose Jacobian
is $(\det S)^{-(n+1)}$, $\int(\det S)^{-c}e^{-\mathrm{tr}(BS^{-1})}dS$ exactly for $c > n$; with
both traces for every c.

Whatever is bounded from below beside these only helps. Not for other blocks (`integrals`).

Source: Muirhead (1982), theorems 2.1.11 and 2.1.8; Herz (1955).
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from sdekit.calculus.expansion.expand import collected, expand
from sdekit.calculus.expansion.rewriting import INTERNAL, substituted, summands, with_closed_ends
from sdekit.calculus.signs.bounded import is_bounded_below
from sdekit.calculus.signs.forms import form_signs, is_symmetric, matmul_chain
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.calculus.signs.sign_values import POSITIVE, never_negative
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.domains import REAL, Domain
from sdekit.declaration.tree.operators import ONE, ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.currents.smoothness import has_pole, may_be_undefined
from sdekit.verifier.integrals.elimination import eliminate
from sdekit.verifier.integrals.quadratic import split_by

_UNIT = Domain("interval", Fraction(0), Fraction(1))


def finite_over_simplex(energy: ex.Expression, w: Variable) -> str | None:
    """Why exp(-energy) has a finite integral over the simplex; None where that was not seen.

    Args:
        energy: A scalar of w and parameters.
        w: The block on the simplex.

    Checked by: tests/verifier/test_joint_domains.py.
    """
    if any(isinstance(node, ex.Call) for node in energy.walk()):
        return None
    entry, half_line = replace(w, domain=_UNIT), replace(w, domain=Domain("positive"))
    kept = []
    for part in summands(substituted(energy, {w: half_line})):
        on_cube = with_closed_ends(substituted(part, {half_line: entry}))
        is_defined = not may_be_undefined(part)
        if is_defined and (not has_pole(on_cube) or is_bounded_below(on_cube)):
            continue
        if not _is_of_logarithms(part, half_line):
            return None
        kept.append(part)
    if not kept:
        return "the energy is bounded from below on a bounded domain"
    found = eliminate(ex.Sum((ZERO, *kept, ex.Dot(ex.Ones(w.dims), half_line))), (half_line,), ())
    if found.infinite is not None or not found.is_finite or found.assumptions:
        return None
    return f"{w.name} has a Dirichlet density times something bounded"


def _is_of_logarithms(part: ex.Expression, w: Variable) -> bool:
    """Whether it is a constant combination of the logarithms of the entries."""
    logarithm = Variable(f"{INTERNAL}log_{w.name}", w.dims, None, REAL)
    linear = substituted(part, {ex.Elementwise("log", w): logarithm})
    split = split_by(expand(linear), logarithm)
    return not linear.depends_on(w) and not split.hessian and not split.other


def finite_over_definite(energy: ex.Expression, s: Variable) -> str | None:
    """Why exp(-energy) has a finite integral over definite S; None where that was not seen.

    Args:
        energy: A scalar of S and parameters, without unknown functions.
        s: The positive definite block.

    Checked by: tests/verifier/test_joint_domains.py.
    """
    if any(isinstance(node, ex.Call) for node in energy.walk()):
        return None
    powers: list[ex.Expression] = []
    grows: set[bool] = set()
    for part in summands(energy):
        factors = part.factors if isinstance(part, ex.Product) else (part,)
        varying = [f for f in factors if f.varies]
        scale = ex.Product((ONE, *(f for f in factors if not f.varies)))
        if not varying:
            continue
        if len(varying) == 1 and varying[0] == ex.LogDet(s):
            powers.append(scale)
            continue
        inverse = _linear_in(varying[0], s) if len(varying) == 1 else None
        if inverse is not None and decided_signs(scale) == POSITIVE:
            grows.add(inverse)
        elif not never_negative(entry_signs(part)):
            return None
    power = ex.Sum((ZERO, *powers))
    size = ex.Size(s.dims[0])
    if grows == {False} and decided_signs(_minus(ONE, power)) == POSITIVE:
        return f"{s.name} has a Wishart density times something bounded"
    if grows == {True} and decided_signs(_minus(power, size)) == POSITIVE:
        return f"{s.name} has an inverse Wishart density times something bounded"
    if len(grows) == 2:
        return f"the density of {s.name} vanishes exponentially at both ends"
    return None


def _minus(one: ex.Expression, other: ex.Expression) -> ex.Expression:
    return collected(ex.Sum((one, ex.Negation(other))))


def _linear_in(term: ex.Expression, s: Variable) -> bool | None:
    """Of tr(A S) with A definite False, of tr(A inv(S)) True; None for anything else."""
    if isinstance(term, ex.Trace):
        chain = matmul_chain(term.operand)
    elif isinstance(term, ex.Dot) and (is_symmetric(term.left) or is_symmetric(term.right)):
        chain = (term.left, term.right)
    else:
        return None
    places = [f for f in chain if f in (s, ex.Inverse(s))]
    others = [f for f in chain if f not in places]
    if len(places) != 1 or len(others) > 1:
        return None
    if any(f.varies or not is_symmetric(f) or form_signs(f) != POSITIVE for f in others):
        return None
    return places[0] != s
