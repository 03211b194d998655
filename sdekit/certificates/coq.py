"""The stationarity identity of a model as a Coq theorem, at concrete sizes or for every n.

At concrete sizes derivatives of unknown functions are universally quantified reals, taken by SymPy;
for every n the contractions (p.p, tr D, p.grad U, n, ...) are, taken by the index calculus. Coq
confirms the algebra of the residual, not the calculus before it. Not for models with kernels such
as exp or sqrt, which `field` does not decide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.calculus.contraction.fokker_planck import summands_of
from sdekit.calculus.contraction.graph import Component
from sdekit.calculus.contraction.printing import component_text
from sdekit.calculus.contraction.tensor import Term
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.components import Components
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import VerificationError

#: `field` leaves the denominators to show non-zero, perhaps in another order than assumed.
_PROOF = """Proof.
  intros; field; repeat split;
  solve [assumption
        | match goal with H : ?d <> 0 |- _ => intro Z; apply H; rewrite <- Z; ring end].
Qed.
"""
_HEADER = "Require Import Reals Field.\nOpen Scope R_scope.\n"


def coq_theorem(components: Components, name: str) -> str:
    r"""A Coq file that states and proves the identity R = 0 of MATH A.0 at these sizes.

    $$\sum_i \partial_i v_i - v_i H_i - \sum_{ij}\big[\partial_{ij} D_{ij}
      - 2 H_j\,\partial_i D_{ij} + D_{ij}(H_i H_j - H_{ij})\big] = 0$$

    Args:
        components: The triple in coordinates.
        name: Name of the theorem; anything but letters, digits and _ is replaced.

    Returns:
        The text of a `.v` file. `coqc` accepts it exactly if the identity holds wherever the
        denominators are non-zero.

    Raises:
        VerificationError: If H is missing or an expression is outside the rational fragment.
    """
    if components.hamiltonian is None:
        raise VerificationError(
            "a dynamics without a hamiltonian claims nothing to certify",
            fix="declare hamiltonian=H with the density exp(-H)",
        )
    writer = _Writer()
    body = "\n   + ".join(f"({term})" for term in _terms(components, writer))
    denominators = "".join(f"{factor} <> 0 -> " for factor in writer.denominators)
    quantified = " ".join(writer.names.values())
    theorem = re.sub(r"\W", "_", name, flags=re.ASCII)
    return (
        f"{_HEADER}Theorem {theorem} : forall {quantified} : R, {denominators}\n   {body} = 0.\n"
        f"{_PROOF}Print Assumptions {theorem}.\n"
    )


def coq_theorem_all_sizes(dynamics: Dynamics, name: str) -> str:
    r"""The identity R = 0 for every n, in the contractions of the index calculus.

    Each summand of R (div v, v.H', ...) is one polynomial in closed contractions, which are
    universally quantified; that they cancel is what Coq proves.

    Args:
        dynamics: With a Hamiltonian, in the polynomial fragment.
        name: Name of the theorem.

    Raises:
        VerificationError: If H is missing.
        Unsupported: If a coefficient is outside the index calculus.
    """
    if dynamics.hamiltonian is None:
        raise VerificationError(
            "a dynamics without a hamiltonian claims nothing to certify",
            fix="declare hamiltonian=H with the density exp(-H)",
        )
    names: dict[Component, str] = {}
    inverted: dict[str, None] = {}
    summands = [
        " + ".join(_monomial(term, c, names, inverted) for term, c in part.terms.items())
        for part in summands_of(dynamics)
        if not part.is_empty
    ]
    body = "\n   + ".join(f"({text})" for text in summands) or "0"
    legend = "".join(f"(* {short} is {component_text(c)} *)\n" for c, short in names.items())
    denominators = "".join(f"{factor} <> 0 -> " for factor in inverted)
    quantified = f"forall {' '.join(names.values())} : R, " if names else ""
    theorem = re.sub(r"\W", "_", name, flags=re.ASCII)
    return (
        f"{_HEADER}{legend}Theorem {theorem} : {quantified}{denominators}\n   {body} = 0.\n"
        f"{_PROOF}Print Assumptions {theorem}.\n"
    )


def write_theorem(path: str | Path, dynamics: Dynamics, sizes: Mapping[str, int] | None) -> None:
    """Write the theorem at the sizes given, or for every size where some are open.

    Raises:
        VerificationError: If the model is outside the fragment, or the file cannot be written.
    """
    name = dynamics.name or "stationarity"
    is_open = any(dim.size is None for dim in dynamics.dimensions)
    try:
        if is_open and not sizes:
            text = coq_theorem_all_sizes(dynamics, name)
        else:
            text = coq_theorem(dynamics.at(**(sizes or {})), name)
        Path(path).write_text(text, encoding="utf-8")
    except Unsupported as unsupported:
        raise VerificationError(
            "Coq certificates cover polynomial models only", found=unsupported.reason
        ) from None
    except OSError as error:
        raise VerificationError(
            f"cannot write {path}",
            found=error.strerror or error,
            fix="name a file in a folder that exists and can be written to",
        ) from None


def _monomial(
    term: Term, coefficient: Fraction, names: dict[Component, str], inverted: dict[str, None]
) -> str:
    factors = [f"({coefficient.numerator} / {coefficient.denominator})"]
    for component, exponent in term.monomial:
        short = names.setdefault(component, f"c{len(names)}")
        if exponent < 0:
            inverted.setdefault(short)
            factors.append(f"(/ ({short} ^ {-exponent}))")
        else:
            factors.append(f"{short} ^ {exponent}")
    return " * ".join(factors)


def _terms(components: Components, writer: _Writer) -> list[str]:
    z, energy = components.coordinates, components.hamiltonian
    slope = [sp.diff(energy, x) for x in z]
    terms = []
    for x, v, h in zip(z, components.drift, slope, strict=True):
        terms.append(f"{writer.text(sp.diff(v, x))} - {writer.text(v)} * {writer.text(h)}")
    for (i, j), entry in components.diffusion.items():
        bracket = (
            f"{writer.text(sp.diff(entry, z[i], z[j]))}"
            f" - {writer.text(slope[j])} * {writer.text(sp.diff(entry, z[i]))}"
            f" - {writer.text(slope[i])} * {writer.text(sp.diff(entry, z[j]))}"
            f" + {writer.text(entry)} * ({writer.text(slope[i])} * {writer.text(slope[j])}"
            f" - {writer.text(sp.diff(slope[i], z[j]))})"
        )
        terms.append(f"- ({bracket})")
    return terms


class _Writer:
    """SymPy scalars in Coq's syntax, with one Coq name for every symbol, function and jet."""

    def __init__(self) -> None:
        self.names: dict[Any, str] = {}
        self.denominators: dict[str, None] = {}

    def _name(self, symbol: Any) -> str:
        prefix = "x" if symbol.is_Symbol else "J"
        return self.names.setdefault(symbol, f"{prefix}{len(self.names)}")

    def text(self, value: Any) -> str:
        if isinstance(value, sp.Rational):
            number = str(value.p) if value.q == 1 else f"{value.p} / {value.q}"
            return number if value.q == 1 and value.p >= 0 else f"({number})"
        if isinstance(value, sp.Symbol | AppliedUndef):
            return self._name(value)
        if isinstance(value, sp.Derivative) and isinstance(value.expr, AppliedUndef):
            return self._name(value)
        if isinstance(value, sp.Add):
            return "(" + " + ".join(self.text(term) for term in value.args) + ")"
        if isinstance(value, sp.Mul):
            return "(" + " * ".join(self.text(factor) for factor in value.args) + ")"
        if isinstance(value, sp.Pow) and isinstance(value.exp, sp.Integer):
            exponent = int(value.exp)
            if exponent > 0:
                return f"({self.text(value.base)} ^ {exponent})"
            # `field` clears fractions inside a denominator; stated without them, both agree.
            top, bottom = sp.fraction(sp.together(value.base))
            self.denominators.setdefault(self.text(top))
            return f"(({self.text(bottom)} / {self.text(top)}) ^ {-exponent})"
        raise VerificationError(
            "Coq certificates cover rational expressions only", found=str(value)[:120]
        )
