"""The stationarity of a model as a theorem of Coq: about functions, or the algebra at given sizes.

For every n the theorem says that exp(-H) solves the Fokker-Planck equation, with U and its partial
derivatives as functions (`theorems`). At concrete sizes derivatives of unknown functions are
universally quantified reals, taken by SymPy: Coq confirms the algebra of the residual, not the
calculus before it, and not with kernels such as exp or sqrt, which `field` does not decide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.calculus.contraction.fokker_planck import residual
from sdekit.calculus.contraction.relations import is_zero
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
#: The library of every theorem about functions.
LIBRARY = Path(__file__).parent / "theorems" / "Sdekit.v"
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
    theorem = _identifier(name)
    return (
        f"{_HEADER}Theorem {theorem} : forall {quantified} : R, {denominators}\n   {body} = 0.\n"
        f"{_PROOF}Print Assumptions {theorem}.\n"
    )


def coq_theorem_all_sizes(dynamics: Dynamics, name: str) -> str:
    r"""A Coq file that proves $\nabla\cdot(v\rho)=\nabla\nabla:(D\rho)$ for every n, rho = exp(-H).

    The unknown functions, with their partial derivatives, are hypotheses; the derivatives of v, D
    and H as declared are taken and the sums over indices carried out inside Coq. It needs the
    library that `write_library` writes, compiled once.

    Args:
        dynamics: With a Hamiltonian.
        name: Of the theorem, to which `_fokker_planck` is added.

    Raises:
        VerificationError: If the calculus does not find the residual zero, or no such theorem can
            be written about the model.

    Checked by: tests/certificates/theorems/test_theorem_file.py.
    """
    from sdekit.certificates.theorems.theorem_file import TheoremFile

    try:
        file = TheoremFile(dynamics, _identifier(name))
        left = residual(dynamics)
        is_solved = is_zero(left)
        if is_solved and not left.is_empty and {"sin", "cos"} == file.kernels - {"exp"}:
            raise Unsupported("an identity that needs sin^2 + cos^2 = 1")
    except Unsupported as unsupported:
        raise VerificationError(
            "no theorem for every size about this model",
            found=unsupported.reason,
            fix="give sizes for the identity of its components, --n 2",
        ) from None
    if not is_solved:
        raise VerificationError(
            "no theorem: exp(-H) is not seen to solve the Fokker-Planck equation",
            found="a residual that is not zero for every size",
            fix="see what sdekit verify says of stationarity",
        )
    return file.text


def write_library(folder: Path) -> Path:
    """Write the library that every file needs, Sdekit.v, into a folder.

    Raises:
        OSError: If it cannot be written.
    """
    path = folder / "Sdekit.v"
    path.write_text(LIBRARY.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def write_theorem(path: str | Path, dynamics: Dynamics, sizes: Mapping[str, int] | None) -> None:
    """Write the theorem for every size, and its library beside it; at the sizes where given.

    Raises:
        VerificationError: If there is no such theorem, or the file cannot be written.
    """
    path = Path(path)
    name = dynamics.name or "stationarity"
    if path.name == LIBRARY.name:
        raise VerificationError(
            "the theorem cannot have the name of its library", found=path.name, fix="name.v"
        )
    try:
        if sizes:
            path.write_text(coq_theorem(dynamics.at(**sizes), name), encoding="utf-8")
        else:
            path.write_text(coq_theorem_all_sizes(dynamics, name), encoding="utf-8")
            write_library(path.parent)
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


def _identifier(name: str) -> str:
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    return plain if plain[:1].isalpha() else f"model_{plain}"


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
