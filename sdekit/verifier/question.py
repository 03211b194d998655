"""One dynamics to be verified, with what several rungs need computed once and on demand.

SymPy and the field engine are imported only by the rungs that need components: a model that the
index calculus decides never loads them. Not for verdicts.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sdekit.calculus.expansion.rewriting import INTERNAL, with_sizes
from sdekit.calculus.limits import BudgetExceeded, Unsupported
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.abbreviations import EachRow
from sdekit.declaration.tree.expression import Call, Expression, Negation, Sum
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import VerificationError
from sdekit.verifier.currents.periodicity import without_turns
from sdekit.verifier.integrals.elimination import Elimination, eliminate
from sdekit.verifier.pointwise.existence import missing_value
from sdekit.verifier.pointwise.parts_as_functions import (
    has_choice,
    with_joined_choices,
    with_parts_as_functions,
)
from sdekit.verifier.rung_table import RUNGS, Rung
from sdekit.verifier.verdict import Check, undecided

if TYPE_CHECKING:
    from sdekit.calculus.contraction import Tensor
    from sdekit.calculus.contraction.fokker_planck import Lowered
    from sdekit.declaration.model.components import Components

#: Sizes at which a claim about all n is tried for a counterexample, smallest first.
TRIAL_SIZES = (1, 2, 3)
_RUNG = {rung.name: rung for rung in RUNGS}


@dataclass(frozen=True, eq=False)
class Problem:
    """A dynamics in Ito form and the sizes it is verified at.

    Attributes:
        dynamics: In Ito form, with the whole D in its diffusion, whatever is given.
        sizes: The size of each symbolic dimension; None to verify for all sizes.
        is_ambient: Whether blocks on joint domains are read where they stand (`ambient`).
        declared: What is given, its gradient noise apart.
    """

    dynamics: Dynamics
    sizes: Mapping[str, int] | None = None
    is_ambient: bool = False
    declared: Dynamics = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Rules for kinks, signs and growth know the functions that abbreviations stand for.
        joined = self.dynamics
        if any(has_choice(e) for e in joined.expressions()):
            joined = joined.rewritten(with_joined_choices)
        declared = without_turns(joined.spelled_out())
        object.__setattr__(self, "declared", declared)
        object.__setattr__(self, "dynamics", declared.ito())

    def check(self, name: str) -> Check:
        """The answer of one rung, decided once: the only way in which rungs ask each other.

        Args:
            name: Name of the check, such as "diffusion_psd".

        Returns:
            Its answer. What no engine can express, and a fault inside the rung, are undecided
            with the reason, so that they take no other rung along.

        Raises:
            BudgetExceeded: If the time granted is over; that answer is not remembered, because
                the time may have been what was left of another rung's.

        Checked by: tests/verifier/test_question.py.
        """
        if name not in self._answers:
            self._answers[name] = self._decided(_RUNG[name])
        return self._answers[name]

    @cached_property
    def _answers(self) -> dict[str, Check]:
        return {}

    def _decided(self, rung: Rung) -> Check:
        if has_joint_domains(self.dynamics) and not self.is_ambient:
            # The rungs know lines, half-lines, intervals and circles.
            return undecided("blocks on joint domains are verified in free coordinates")
        try:
            found = rung.decide(self)
            if rung.needs_law and found.is_proved and self.missing_value is not None:
                return undecided(self.missing_value)
            return found
        except BudgetExceeded:
            raise
        except Unsupported as unsupported:
            return undecided(unsupported.reason)
        except RecursionError:
            return undecided("the expressions are nested too deeply")
        except Exception as error:  # noqa: BLE001 - a fault in one check takes no other along
            fault = f"the check ended in {type(error).__name__}: {error}"
        try:
            return undecided(self.missing_value or fault)
        except (BudgetExceeded, RecursionError):
            return undecided(fault)

    @cached_property
    def has_law(self) -> bool:
        """Whether a law is claimed: H is given and nothing depends on time."""
        return self.dynamics.hamiltonian is not None and not self.dynamics.depends_on_time

    @cached_property
    def open_dimensions(self) -> tuple[str, ...]:
        """Names of the dimensions without a fixed size."""
        return tuple(dim.name for dim in self.dynamics.dimensions if dim.size is None)

    @cached_property
    def is_for_all_sizes(self) -> bool:
        """Whether a size is left open."""
        return bool(self.open_dimensions) and self.sizes is None

    @cached_property
    def scope(self) -> str:
        """What the verdicts hold for: "all n", "components" or the sizes."""
        dims = self.dynamics.dimensions
        if not dims:
            return "components"
        fixed = {dim.name: dim.size for dim in dims if dim.size is not None}
        known = {**fixed, **(self.sizes or {})}
        if not self.is_for_all_sizes:
            return ", ".join(f"{dim.name}={known[dim.name]}" for dim in dims)
        return ", ".join(["all n", *(f"{name}={size}" for name, size in fixed.items())])

    def trial_sizes(self) -> Iterator[dict[str, int]]:
        """Sizes at which to look for a counterexample, small ones first."""
        if not self.is_for_all_sizes:
            yield dict(self.sizes or {})
            return
        names = self.open_dimensions
        ordered = sorted(
            itertools.product(TRIAL_SIZES, repeat=len(names)), key=lambda s: (max(s), s)
        )
        for chosen in ordered:
            yield dict(zip(names, chosen, strict=True))

    def all_sizes(self, chosen: Mapping[str, int]) -> dict[str, int]:
        """The size of every dimension, those that are fixed in the declaration included."""
        fixed = {d.name: d.size for d in self.dynamics.dimensions if d.size is not None}
        return {**fixed, **chosen}

    @cached_property
    def lowered(self) -> Lowered:
        """The coefficients in the index calculus.

        Raises:
            Unsupported: If one of them is outside of it.
        """
        from sdekit.calculus.contraction.fokker_planck import lower_dynamics

        return lower_dynamics(self.dynamics)

    @cached_property
    def _in_functions(self) -> Problem | None:
        """The problem with unknown functions for what is differentiated as it stands in H."""
        changed = with_parts_as_functions(self.dynamics)
        return None if changed is None else Problem(changed, self.sizes)

    def vanishes(self, quantity: Callable[[Lowered], Tensor]) -> bool:
        """Whether something is zero for every size, whatever functions stand in the energy.

        Args:
            quantity: What is asked about, of coefficients in the index calculus.

        Raises:
            Unsupported: If a coefficient is outside of it.
        """
        from sdekit.calculus.contraction.relations import is_zero

        general = self._in_functions
        try:
            if general is not None and is_zero(quantity(general.lowered)):
                return True
        except Unsupported:
            pass
        return is_zero(quantity(self.lowered))

    @cached_property
    def is_balanced(self) -> bool:
        """Whether the probability current vanishes identically.

        Raises:
            Unsupported: If a coefficient is outside the index calculus.
        """
        from sdekit.calculus.contraction.fokker_planck import current

        return all(
            self.vanishes(lambda model, x=x: current(model)[x]) for x in self.dynamics.variables
        )

    @cached_property
    def _components(self) -> dict[tuple[tuple[str, int], ...], Components]:
        return {}

    def components(self, sizes: Mapping[str, int] | None = None) -> Components:
        """The dynamics in coordinates, as SymPy expressions, at its own or at other sizes."""
        chosen = dict(self.sizes or {}) if sizes is None else dict(sizes)
        key = tuple(sorted(chosen.items()))
        if key not in self._components:
            self._components[key] = self.dynamics.at(**chosen)
        return self._components[key]

    @cached_property
    def missing_value(self) -> str | None:
        """Why a coefficient may have no real value somewhere; None if all have one."""
        return missing_value(self)

    @property
    def target(self) -> Expression:
        """The potential of the target: H itself where none is declared."""
        target = self.dynamics.target
        if target is not None:
            return target
        assert self.dynamics.hamiltonian is not None
        return self.dynamics.hamiltonian

    def sized(self, part: Any) -> Any:
        """An expression or variable with the given sizes written in."""
        return with_sizes(part, self.sizes or {})

    @cached_property
    def excess(self) -> Expression:
        """H - target, at the given sizes."""
        assert self.dynamics.hamiltonian is not None
        if self.target == self.dynamics.hamiltonian:
            return ZERO
        return self.sized(Sum((self.dynamics.hamiltonian, Negation(self.target))))

    @cached_property
    def target_variables(self) -> tuple[Variable, ...]:
        """The variables of the target, at the given sizes."""
        return tuple(self.sized(x) for x in self.dynamics.target_variables)

    @cached_property
    def auxiliary(self) -> tuple[Variable, ...]:
        """The variables that the marginal integrates over, at the given sizes."""
        return tuple(self.sized(x) for x in self.dynamics.auxiliary_variables)

    @cached_property
    def marginal(self) -> Elimination:
        """H - target with the auxiliary variables integrated out.

        Raises:
            TooLarge: If the energy is too long to expand.
        """
        return eliminate(self.excess, self.auxiliary, self.target_variables)

    @cached_property
    def target_has_unknown(self) -> bool:
        """Whether the target holds an unknown function."""
        return any(isinstance(node, (Call, EachRow)) for node in self.target.walk())


def has_joint_domains(dynamics: Dynamics) -> bool:
    """Whether a block lives on the simplex, in order, or among positive definite matrices."""
    return any(x.domain.is_joint for x in dynamics.variables)


def check_names(dynamics: Dynamics) -> None:
    """Refuse names that the verifier gives to symbols of its own.

    Raises:
        VerificationError: If a symbol has such a name.
    """
    symbols = (*dynamics.variables, *dynamics.parameters, *dynamics.functions)
    for symbol in symbols:
        if symbol.name.startswith(INTERNAL):
            raise VerificationError(
                f"the name {symbol.name} cannot be verified",
                fix=f"rename it: {INTERNAL} begins the names of the verifier's own symbols",
            )


def read_sizes(dynamics: Dynamics, n: int | Mapping[str, int] | None) -> dict[str, int] | None:
    """The sizes asked for, one for each open dimension.

    Args:
        dynamics: The model.
        n: One size where the model has one open dimension, sizes by name, or None for all.

    Raises:
        VerificationError: If a size is missing, unknown or no positive integer.
    """
    open_names = [dim.name for dim in dynamics.dimensions if dim.size is None]
    if n is None:
        return None
    if not isinstance(n, Mapping):
        if len(open_names) != 1:
            raise VerificationError(
                "one size is given, but the model has another number of dimensions",
                expected=f"sizes of {', '.join(open_names)}" if open_names else "none",
                found=n,
                fix="give sizes by name, as n={'n': 2, 'k': 3}"
                if open_names
                else "leave n out: all blocks are scalars",
            )
        n = {open_names[0]: n}
    for name, size in n.items():
        if name not in open_names:
            raise VerificationError(
                f"the model has no dimension {name}",
                expected=", ".join(open_names) or "no size: every block is a scalar",
            )
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise VerificationError(
                f"the size of {name} is no positive integer", expected="an integer >= 1",
                found=repr(size), fix=f"write {name}=2, or leave it out for all {name}",
            )  # fmt: skip
    missing = [name for name in open_names if name not in n]
    if missing:
        raise VerificationError(f"no size for {', '.join(missing)}", fix="give all of them")
    return dict(n) or None
