"""The names in Coq of what a model declares, and what is assumed of each.

Not for formulas (`entrywise`) nor for the file (`theorem_file`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sdekit.calculus.limits import Unsupported
from sdekit.certificates.theorems.row_formulas import Atom, Block
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.expression import Call, Expression
from sdekit.declaration.tree.symbols import Parameter, Variable

#: Words of Coq, of its library of the reals and of ours that no symbol may hide.
_RESERVED = frozenset(
    """O S R I Z N nat bool list state coordinate Sum delta update replace partial total over within
    inside exp ln sqrt sin cos PI INR IZR Atom X Add Mul Opp Inv Pow Fn Sm Num Nul Size Delta Exp Ln
    Sqrt Sin Cos size atom slope arity rank shapes blocks domain energy drift diffusion z t a b c
    forall exists fun match with end let in if then else as at return fix cofix where Type Set Prop
    SProp using by for pow eval der flat ren set push lift kernel ex mono leaf power e0 each names
    named lookup remove rename contract occurs drop orders weighted group assign defined smooth
    positions flux curvature residual sms plus mult minus le lt Rplus Rmult fst snd map app nil cons
    length nth true false None Some True False and or not eq pair option prod sum unit tt id
    """.split()
)


#: What hypotheses bind.
_BOUND = re.compile(r"[ix]\d+")


@dataclass(frozen=True)
class Assumed:
    """What the file supposes of the entries of an undifferentiated atom.

    Attributes:
        symmetry: "symmetric", "antisymmetric" or "".
        sign: "positive", "nonnegative" or "".
        inverse_of: The matrix whose inverse it is.
    """

    symmetry: str = ""
    sign: str = ""
    inverse_of: Atom | None = None


@dataclass
class Symbols:
    """The names given so far; read expressions first, then write the file."""

    dynamics: Dynamics
    sizes: dict[str, int] = field(default_factory=dict)
    reals: dict[str, str] = field(default_factory=dict)
    atoms: dict[str, tuple[Atom, Assumed]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._given: dict[str, str] = {}
        self.matrix_sizes: dict[str, str] = {}
        self._blocks = {
            variable: self._block_of(variable, number)
            for number, variable in enumerate(self.dynamics.variables)
        }
        for parameter in self.dynamics.parameters:
            self._name(parameter.name)
        for function in self.dynamics.functions:
            self._name(function.name)
        self._indices = self._free_names()

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The variables of the state, in order."""
        return tuple(self._blocks.values())

    def block(self, variable: Variable) -> Block:
        """The block of a variable."""
        return self._blocks[variable]

    def size(self, dim: Dim) -> str:
        """How Coq writes the size of a dimension."""
        text = self._name(dim.name) if dim.size is None else str(dim.size)
        self.sizes.setdefault(text, len(self.sizes))
        return text

    def fresh_index(self) -> str:
        """A name for an index that nothing else has."""
        return next(self._indices)

    def real(self, parameter: Parameter) -> str:
        """The name of a scalar parameter."""
        name = self._name(parameter.name)
        self.reals[name] = _sign(parameter.assumptions)
        return name

    def parameter(self, parameter: Parameter) -> Atom:
        """A parameter with indices."""
        for dim in parameter.shape:
            self.size(dim)
        return self._atom(self._name(parameter.name), parameter.shape, (), parameter.assumptions)

    def call(self, call: Call) -> Atom:
        """An unknown function of blocks of the state."""
        function = call.function
        arguments = self._arguments(call)
        return self._atom(
            self._name(function.name), function.shape, arguments, function.assumptions
        )

    def inverse(self, operand: Expression) -> Atom:
        """The inverse of a matrix that is a symbol."""
        whole = self._matrix(operand)
        _, assumed = self.atoms[whole.name]
        inverse = Atom(self._name(f"inv_{whole.name}"), 2, whole.arguments)
        self.atoms[inverse.name] = (inverse, Assumed(assumed.symmetry, inverse_of=whole))
        return inverse

    def log_determinant(self, operand: Expression) -> Atom:
        """The log determinant of a matrix that is a symbol, as a function of what it depends on."""
        whole = self._matrix(operand)
        found = Atom(self._name(f"logdet_{whole.name}"), 0, whole.arguments)
        if whole.arguments:
            self.atoms[found.name] = (found, Assumed())
        else:
            self.reals[found.name] = ""
        return found

    def _matrix(self, operand: Expression) -> Atom:
        if isinstance(operand, Parameter) and operand.shape:
            return self.parameter(operand)
        if isinstance(operand, Call):
            return self.call(operand)
        raise Unsupported("the inverse or determinant of a formula")

    def _arguments(self, call: Call) -> tuple[Block, ...]:
        arguments = tuple(self._blocks.get(a) for a in call.arguments if isinstance(a, Variable))
        found = tuple(block for block in arguments if block is not None)
        if len(found) < len(call.arguments) or len(set(found)) < len(found):
            raise Unsupported(
                f"{call.function.name} at something other than variables of the state"
            )
        if any(len(block.sizes) > 1 for block in found):
            raise Unsupported(f"{call.function.name}, an unknown function of a matrix")
        return found

    def _atom(
        self,
        name: str,
        shape: tuple[Dim, ...],
        arguments: tuple[Block, ...],
        declared: frozenset[str],
    ) -> Atom:
        atom = Atom(name, len(shape), arguments)
        if name in self.atoms and self.atoms[name][0] != atom:
            raise Unsupported(f"{name} at two different arguments")
        if len(shape) == 2:
            self.matrix_sizes[name] = self.size(shape[1])
        symmetry = next((s for s in ("symmetric", "antisymmetric") if s in declared), "")
        self.atoms[name] = (atom, Assumed(symmetry, _sign(declared)))
        return atom

    def _block_of(self, variable: Variable, number: int) -> Block:
        if variable.symmetry is not None or variable.domain.is_joint:
            raise Unsupported(f"{variable.name}, whose entries are tied to each other")
        return Block(self._name(variable.name), number, tuple(map(self.size, variable.shape)))

    def _name(self, wanted: str) -> str:
        if wanted not in self._given:
            name = wanted.strip("_") or "x"
            while name in _RESERVED or _BOUND.fullmatch(name) or name in self._given.values():
                name += "_"
            self._given[wanted] = name
        return self._given[wanted]

    def _free_names(self) -> Iterator[str]:
        taken = set(self._given.values())
        letters = [letter for letter in "ijklmqr" if letter not in taken]
        yield from letters
        yield from (name for k in itertools.count(1) if (name := f"i{k}") not in taken)


def _sign(assumptions: frozenset[str]) -> str:
    return next((sign for sign in ("positive", "nonnegative") if sign in assumptions), "")
