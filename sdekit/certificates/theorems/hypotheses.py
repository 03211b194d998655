"""What a file supposes: sizes, parameters, unknown functions with their partial derivatives.

Notation: `U_theta i x` is the derivative of U by entry i of theta at x. Not for the formulas.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sdekit.certificates.theorems.naming import Assumed, Symbols
from sdekit.certificates.theorems.row_formulas import Atom, Block


def hypotheses(symbols: Symbols, atoms: Sequence[Atom]) -> str:
    """Variables and hypotheses of the section, in the order in which they need each other."""
    lines: list[str] = []
    for size in symbols.sizes:
        if not size.isdigit():
            lines += [f"Variable {size} : nat.", f"Hypothesis {size}_positive : (0 < {size})%nat."]
    for name, sign in symbols.reals.items():
        lines.append(f"Variable {name} : R.")
        if sign:
            lines.append(f"Hypothesis {name}_{sign} : 0 {_RELATION[sign]} {name}.")
    for atom in atoms:
        assumed = symbols.atoms[atom.name][1]
        lines.append(f"Variable {atom.label} : {_type(atom)}.")
        if atom.derivatives:
            lines.append(f"Hypothesis {atom.label}_is : {_is_derivative(atom)}.")
        else:
            lines += _assumed(atom, assumed, symbols)
        lines += _symmetries(atom, assumed)
    return "\n".join(lines) + "\n"


_RELATION = {"positive": "<", "nonnegative": "<="}


def _type(atom: Atom) -> str:
    inner = ["nat"] * atom.arity + [block.type for block in atom.arguments]
    return " -> ".join([*inner, "R"])


def _indices(atom: Atom) -> tuple[str, ...]:
    return tuple(f"i{k}" for k in range(atom.arity))


def _arguments(atom: Atom) -> tuple[str, ...]:
    return tuple(f"x{k}" for k in range(len(atom.arguments)))


def _for_all(names: Sequence[str]) -> str:
    return f"forall {' '.join(names)}, " if names else ""


def _is_derivative(atom: Atom) -> str:
    *before, block = atom.derivatives
    lower = Atom(atom.name, atom.rank, atom.arguments, tuple(before))
    indices, arguments = _indices(atom), _arguments(atom)
    place = atom.arguments.index(block)
    at = arguments[place]
    if block.sizes:
        moved, value = f"(replace {at} {indices[-1]} t)", f"({at} {indices[-1]})"
    else:
        moved, value = "t", at
    changed = tuple(moved if k == place else x for k, x in enumerate(arguments))
    return (
        f"{_for_all((*indices, *arguments))}derivable_pt_lim "
        f"(fun t => {lower.text(indices[: lower.arity], changed)}) {value} "
        f"({atom.text(indices, arguments)})"
    )


def _assumed(atom: Atom, assumed: Assumed, symbols: Symbols) -> Iterator[str]:
    indices, arguments = _indices(atom), _arguments(atom)
    everywhere = _for_all((*indices, *arguments))
    value = atom.text(indices, arguments)
    if assumed.sign:
        yield (
            f"Hypothesis {atom.label}_{assumed.sign} : "
            f"{everywhere}0 {_RELATION[assumed.sign]} {value}."
        )
    if assumed.inverse_of is not None:
        yield from _inverse(atom, assumed.inverse_of, symbols)


def _inverse(atom: Atom, whole: Atom, symbols: Symbols) -> Iterator[str]:
    size = symbols.matrix_sizes[whole.name]
    arguments = _arguments(atom)
    everywhere = _for_all(("i0", "i1", *arguments))
    for name, (left, right) in {"right": (whole, atom), "left": (atom, whole)}.items():
        product = f"{left.text(('i0', 'i2'), arguments)} * {right.text(('i2', 'i1'), arguments)}"
        yield (
            f"Hypothesis {atom.label}_{name} : {everywhere}(i0 < {size})%nat -> "
            f"(i1 < {size})%nat ->\n  Sum {size} (fun i2 => {product}) = delta i0 i1."
        )


def _symmetries(atom: Atom, assumed: Assumed) -> Iterator[str]:
    indices, arguments = _indices(atom), _arguments(atom)
    value = atom.text(indices, arguments)
    if assumed.symmetry:
        sign = "- " if assumed.symmetry == "antisymmetric" else ""
        swapped = atom.text((indices[1], indices[0], *indices[2:]), arguments)
        claim = f"{_for_all((*indices, *arguments))}{value} = {sign}{swapped}"
        if not atom.derivatives:
            yield f"Hypothesis {atom.label}_{assumed.symmetry} : {claim}."
        else:
            lower = Atom(atom.name, atom.rank, atom.arguments, atom.derivatives[:-1])
            step = "derivable_pt_lim_opp, " if sign else ""
            yield f"Lemma {atom.label}_{assumed.symmetry} : {claim}."
            yield (
                f"Proof. intros; eapply uniqueness_limite; [apply {atom.label}_is|].\n"
                f"  eapply derivable_same; [apply {step}{atom.label}_is|].\n"
                f"  intros; symmetry; apply {lower.label}_{assumed.symmetry}. Qed."
            )
        if sign:
            same = atom.text((indices[0], indices[0], *indices[2:]), arguments)
            names = (indices[0], *indices[2:], *arguments)
            yield f"Lemma {atom.label}_diagonal : {_for_all(names)}{same} = 0."
            yield (
                f"Proof. intros {' '.join(names)}; pose proof ({atom.label}_antisymmetric "
                f"{' '.join((indices[0], *names))}); lra. Qed."
            )
    if _commutes(atom):
        swapped = atom.text((*indices[:-2], indices[-1], indices[-2]), arguments)
        yield (
            f"Hypothesis {atom.label}_commutes : "
            f"{_for_all((*indices, *arguments))}{value} = {swapped}."
        )


def _commutes(atom: Atom) -> bool:
    last: tuple[Block, ...] = atom.derivatives[-2:]
    return len(last) == 2 and last[0] == last[1] and len(last[0].sizes) == 1


def swap_tactics(symbols: Symbols, atoms: Sequence[Atom]) -> str:
    """Rewritings that put index i before index j wherever the order is free."""
    found = []
    for atom in atoms:
        symmetry = symbols.atoms[atom.name][1].symmetry
        if symmetry:
            found.append(f"{atom.label}_{symmetry} j i")
        if _commutes(atom):
            found.append(f"{atom.label}_commutes {'_ ' * (atom.arity - 2)}j i")
    return "".join(f"; try rewrite !({equation})" for equation in found)


def diagonals(symbols: Symbols, atoms: Sequence[Atom]) -> str:
    """Rewritings of the diagonal of antisymmetric matrices to zero."""
    return "".join(
        f"; try rewrite !({atom.label}_diagonal i)"
        for atom in atoms
        if symbols.atoms[atom.name][1].symmetry == "antisymmetric"
    )
