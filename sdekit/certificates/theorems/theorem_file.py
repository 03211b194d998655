"""The file of Coq that states and proves that exp(-H) solves the Fokker-Planck equation.

The statement is about functions of the state, for every n: partial derivatives of the unknown
functions are hypotheses, those of the formulas are proved by the library. Not for normalizability,
boundaries or explosion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sdekit.calculus.limits import Unsupported
from sdekit.certificates.theorems.entrywise import Entrywise
from sdekit.certificates.theorems.hypotheses import diagonals, hypotheses, swap_tactics
from sdekit.certificates.theorems.naming import Symbols
from sdekit.certificates.theorems.printing_coq import as_formula, data
from sdekit.certificates.theorems.row_formulas import (
    ZERO,
    Applied,
    Atom,
    AtomEntry,
    Block,
    Indices,
    Node,
    Real,
    Reciprocal,
    StateEntry,
    Summed,
    atoms_of,
    children,
    kernels_of,
)
from sdekit.certificates.theorems.where_defined import domain_conditions
from sdekit.declaration.model.dynamics import Dynamics

_AND = " /\\ "
_HEADER = """Require Import Reals Lra List.
Require Import Sdekit.
Import ListNotations.
Open Scope R_scope.
"""


class TheoremFile:
    """The formulas of a model entry by entry, and the file about them."""

    def __init__(self, dynamics: Dynamics, name: str) -> None:
        self.name = name
        ito = dynamics.ito()
        if ito.hamiltonian is None:
            raise Unsupported("a dynamics without a Hamiltonian claims nothing")
        if ito.depends_on_time:
            raise Unsupported("a dynamics that depends on the time")
        self.symbols = Symbols(ito)
        read = Entrywise(self.symbols).read
        blocks = self.symbols.blocks
        rank = max(len(block.sizes) for block in blocks)
        letters = tuple(self.symbols.fresh_index() for _ in range(2 * rank))
        self.at = {block: letters[: len(block.sizes)] for block in blocks}
        self.also = {block: letters[rank : rank + len(block.sizes)] for block in blocks}
        by_variable = {x: self.symbols.block(x) for x in ito.variables}
        self.energy = read(ito.hamiltonian, ())
        self.drift = {b: read(ito.drift[x], self.at[b]) for x, b in by_variable.items()}
        self.diffusion = {}
        for (x, y), entry in ito.blocks():
            a, b = by_variable[x], by_variable[y]
            found = read(entry, (*self.at[a], *self.also[b]))
            if found != ZERO:
                self.diffusion[a, b] = found
        self._refuse_inverse_pairs()
        if any(map(_has_quotient_by_sum, self.diffusion.values())):
            raise Unsupported("a diffusion that is divided by a sum over indices")
        self.atoms = self._atoms()
        self.numbers = {atom: number for number, atom in enumerate(self.atoms)}

    @property
    def kernels(self) -> set[str]:
        """The functions of one number in the formulas."""
        return set().union(*map(kernels_of, self._written))

    @property
    def _written(self) -> tuple[Node, ...]:
        return (self.energy, *self.drift.values(), *self.diffusion.values())

    def _refuse_inverse_pairs(self) -> None:
        """The library does not carry out products of a matrix with its inverse."""
        names = {atom.name for entry in self._written for atom in atoms_of(entry)}
        for name in names:
            whole = self.symbols.atoms[name][1].inverse_of
            if whole is not None and whole.name in names:
                raise Unsupported(f"both {whole.name} and its inverse in the formulas")

    def _atoms(self) -> tuple[Atom, ...]:
        """Every atom and derivative that the residual holds, lower derivatives first."""
        found: set[Atom] = set()
        blocks = self.symbols.blocks
        for block, entry in self.drift.items():
            found |= _with_slopes(atoms_of(entry), (block,))
        found |= _with_slopes(atoms_of(self.energy), blocks)
        for (a, b), entry in self.diffusion.items():
            for part in (entry, self.energy):
                found |= _with_slopes(_with_slopes(atoms_of(part), (b,)), (a,))
            found |= _with_slopes(atoms_of(entry), (a,))
        for atom in tuple(found):
            found |= {
                Atom(atom.name, atom.rank, atom.arguments, atom.derivatives[:order])
                for order in range(len(atom.derivatives))
            }
        for _, assumed in tuple(self.symbols.atoms.values()):
            if assumed.inverse_of is not None:
                found.add(assumed.inverse_of)
        order = list(self.symbols.atoms)
        return tuple(
            sorted(found, key=lambda a: (order.index(a.name), len(a.derivatives), a.label))
        )

    @property
    def text(self) -> str:
        """The whole file."""
        parts = (
            _HEADER,
            f"Section Model_{self.name}.\n",
            hypotheses(self.symbols, self.atoms),
            self._model(),
            self._data(),
            self._proof(),
            f"End Model_{self.name}.\n",
        )
        return "\n".join(parts)

    def _model(self) -> str:
        blocks = self.symbols.blocks
        lines = [
            f"Notation {_pattern(b, at)} := ({b.number}%nat, [{'; '.join(at)}])."
            for b, at in self.at.items()
        ]
        sizes = "; ".join(f"[{'; '.join(b.sizes)}]" for b in blocks)
        lines += [
            f"Definition blocks : list (list nat) := [{sizes}]%nat.",
            f"Definition domain (z : state) : Prop :=\n  {self._domain()}.",
            f"Definition energy (z : state) : R :=\n  {as_formula(self.energy)}.",
            "Definition drift (c : coordinate) (z : state) : R :=\n  match c with",
            *(f"  | {_pattern(b, self.at[b])} => {as_formula(e)}" for b, e in self.drift.items()),
            "  | _ => 0\n  end.",
            "Definition diffusion (a b : coordinate) (z : state) : R :=\n  match a, b with",
            *(
                f"  | {_pattern(a, self.at[a])}, {_pattern(b, self.also[b])} => {as_formula(entry)}"
                for (a, b), entry in self.diffusion.items()
            ),
            "  | _, _ => 0\n  end.",
        ]
        return "\n".join(lines) + "\n"

    def _domain(self) -> str:
        found: list[str] = []
        for variable in self.symbols.dynamics.variables:
            block, domain = self.symbols.block(variable), variable.domain
            entry = f"z ({_pattern(block, self.at[block])})"
            ends = {"positive": (0, None), "interval": (domain.lower, domain.upper)}
            low, high = ends.get(domain.kind, (None, None))
            sides = [f"{low} < {entry}"] if low is not None else []
            sides += [f"{entry} < {high}"] if high is not None else []
            bound = "".join(
                f"forall {i}, ({i} < {n})%nat -> "
                for i, n in zip(self.at[block], block.sizes, strict=True)
            )
            if sides:
                found.append(f"({bound}{_AND.join(sides)})")
        for node, sizes in self._with_sizes():
            found += (f"({c})" for c in domain_conditions(node, sizes, self._sign_of))
        return _AND.join(dict.fromkeys(found)) or "True"

    def _with_sizes(self) -> Iterator[tuple[Node, dict[str, str]]]:
        """Every formula with the sizes of its free indices."""
        yield self.energy, {}
        for block, entry in self.drift.items():
            yield entry, dict(zip(self.at[block], block.sizes, strict=True))
        for (a, b), entry in self.diffusion.items():
            first = dict(zip(self.at[a], a.sizes, strict=True))
            yield entry, {**first, **dict(zip(self.also[b], b.sizes, strict=True))}

    def _sign_of(self, node: Node) -> str:
        if isinstance(node, Real):
            return "positive" if node.name == "PI" else self.symbols.reals[node.name]
        if isinstance(node, AtomEntry) and not node.atom.derivatives:
            return self.symbols.atoms[node.atom.name][1].sign
        if isinstance(node, StateEntry):
            domain = self.symbols.dynamics.variables[node.block.number].domain
            low = 0 if domain.kind == "positive" else domain.lower
            return "positive" if domain.kind != "real" and low is not None and low >= 0 else ""
        return ""

    def _data(self) -> str:
        tags = self.symbols.sizes
        blocks = self.symbols.blocks
        shapes = "; ".join(f"[{'; '.join(str(tags[s]) for s in b.sizes)}]" for b in blocks)
        slopes = [
            f"  | {k}, {b.number} => {self._slope(atom, b)}"
            for atom, k in self.numbers.items()
            for b in blocks
        ]
        lines = [
            _function("size (d : nat) : nat", "d", {str(t): s for s, t in tags.items()}, "0"),
            "Definition atom (k : nat) (ix : list nat) (z : state) : R :=\n  (match k, ix with",
            *(f"  | {k}, {self._at_letters(atom)}" for atom, k in self.numbers.items()),
            "  | _, _ => 0%R\n  end)%nat.",
            "Definition slope (k b : nat) : option (option nat) :=\n  (match k, b with",
            *slopes,
            "  | _, _ => None\n  end)%nat.",
            _function(
                "arity (k : nat) : nat",
                "k",
                {str(k): str(a.arity) for a, k in self.numbers.items()},
                "0",
            ),
            _function(
                "rank (b : nat) : nat", "b", {str(b.number): str(len(b.sizes)) for b in blocks}, "0"
            ),
            f"Definition shapes : list (list nat) := [{shapes}]%nat.",
            f"Definition energy_data : ex := {self._datum(self.energy, ())}.",
            "Definition drift_data (b : nat) : ex :=\n  match b with",
            *(
                f"  | {b.number}%nat => {self._datum(entry, self.at[b][::-1])}"
                for b, entry in self.drift.items()
            ),
            "  | _ => Nul\n  end.",
            "Definition diffusion_data (a b : nat) : ex :=\n  match a, b with",
            *(
                f"  | {a.number}%nat, {b.number}%nat => "
                + self._datum(entry, (*self.at[a], *self.also[b])[::-1])
                for (a, b), entry in self.diffusion.items()
            ),
            "  | _, _ => Nul\n  end.",
        ]
        return "\n".join(lines) + "\n"

    def _datum(self, entry: Node, stack: Indices) -> str:
        return data(entry, stack, self.numbers, self.symbols.sizes)

    def _slope(self, atom: Atom, block: Block) -> str:
        by = atom.by(block)
        if by is None:
            return "Some None"
        return f"Some (Some {self.numbers[by]})" if by in self.numbers else "None"

    def _at_letters(self, atom: Atom) -> str:
        letters = tuple(f"i{k}" for k in range(atom.arity))
        return f"[{'; '.join(letters)}] => {atom.text(letters)}"

    def _proof(self) -> str:
        count, blocks = len(self.atoms), len(self.symbols.blocks)
        return _PROOF.format(
            name=self.name,
            k=_cases("k'", count),
            b=_cases("b'", blocks),
            jets=" ".join(_jet_case(atom) for atom in self.atoms if atom.derivatives),
            swap_tactics=swap_tactics(self.symbols, self.atoms),
            diagonals=diagonals(self.symbols, self.atoms),
        )


def _with_slopes(atoms: set[Atom], blocks: Iterable[Block]) -> set[Atom]:
    slopes = {atom.by(block) for atom in atoms for block in blocks}
    return atoms | {slope for slope in slopes if slope is not None}


def _has_quotient_by_sum(node: Node) -> bool:
    """Whether its derivatives need |p|^2 / |p|^2 = 1, which the library does not see."""
    is_quotient = isinstance(node, Reciprocal) and _has_sum(node.operand)
    return is_quotient or any(map(_has_quotient_by_sum, children(node)))


def _has_sum(node: Node) -> bool:
    inner = () if isinstance(node, Applied) else children(node)
    return isinstance(node, Summed) or any(map(_has_sum, inner))


def _pattern(block: Block, indices: Indices) -> str:
    return " ".join((block.name, *indices))


def _function(head: str, argument: str, values: dict[str, str], other: str) -> str:
    cases = "".join(f" | {key} => {value}" for key, value in values.items())
    return f"Definition {head} :=\n  (match {argument} with{cases} | _ => {other} end)%nat."


def _cases(name: str, count: int) -> str:
    count = max(count, 1)
    return "[|" * count + name + "]" * count


def _jet_case(atom: Atom) -> str:
    holes = " ".join(
        [f"?i{k}" for k in range(atom.arity)] + [f"?x{k}" for k in range(len(atom.arguments))]
    )
    return (
        f"| |- derivable_pt_lim _ _ ({atom.label} {holes}) => "
        f"apply (derivable_same _ _ _ _ ({atom.label}_is {holes.replace('?', '')})); same_update"
    )


_PROOF = """Lemma atoms_differentiable : forall k b ix jx z s,
  slope k b = Some s -> length ix = arity k -> length jx = rank b ->
  partial (atom k ix) (b, jx) z (match s with Some m => atom m (ix ++ jx) z | None => 0 end).
Proof.
  intros k' b' ix' jx' z' s' E' Hi' Hj'. destruct k' as {k}; destruct b' as {b}; cbn in E';
  try discriminate E'; injection E' as <-; cbn in Hi', Hj'; by_length; cbn [app atom];
  first [apply partial_constant; intros t'; cbn [atom]; same_update
        | unfold partial; cbn [atom];
          lazymatch goal with {jets} | _ => fail end].
Qed.

Ltac symmetries j i := idtac{swap_tactics}.
Ltac diagonals i := idtac{diagonals}.

Theorem {name}_fokker_planck :
  fokker_planck blocks domain drift diffusion (fun z => exp (- energy z)).
Proof.
  change blocks with (map (map size) shapes).
  apply (fokker_planck_by_computation size atom slope arity rank shapes drift_data diffusion_data
    energy_data domain drift diffusion energy).
  - exact atoms_differentiable.
  - intros b' tags' E'; destruct b' as {b}; cbn in E';
    try (destruct b'; discriminate E'); injection E' as <-; reflexivity.
  - intros; reflexivity.
  - intros [a' ix'] z' I'; inside_cases I'; reflexivity.
  - intros [a' ix'] [b' jx'] z' I' J'; inside_cases I'; inside_cases J'; reflexivity.
  - reflexivity.
  - intros z' env' Hz'; unfold domain in Hz'; side_conditions.
  - intros [a' ix'] z' I' Hz'; unfold domain in Hz'; inside_cases I'; side_conditions.
  - intros [a' ix'] [b' jx'] z' I' J' Hz'; unfold domain in Hz'; inside_cases I'; inside_cases J';
    side_conditions.
  - intros z' Hz'; unfold domain in Hz'.
    first [exists false; by_groups symmetries diagonals
          | exists true; by_groups symmetries diagonals].
Qed.
"""
