r"""Markov kernels as data: flows, maps, flips, refreshments, acceptance, and their composition.

A kernel moves a state z and claims that exp(-H) is invariant. Every record says what a step does;
whether the claim holds is for `sdekit.verifier.markov`, and running it for `sdekit.simulation`.
Not for checking what a user types (`building`, `kernel_text`).

Notation: F a flip, an involution of the state; S a proposal; h the step size; L a number of steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable

Images = tuple[tuple[Variable, Expression], ...]


@dataclass(frozen=True)
class Drawn:
    """A number of steps drawn anew each time: values with their probabilities."""

    weights: tuple[tuple[int, Expression], ...]


#: How often a word is run: a number, a symbol that stands for every number, or a random number.
Count = int | Dim | Drawn


@dataclass(frozen=True)
class Flow:
    """A splitting word, repeated: (BAB)^L, each letter its exact flow.

    Attributes:
        dynamics: What the letters are parts of.
        word: Letters and shares; letters of the dynamics may be left out.
        steps: L.
        step_size: h, the time of one word.
    """

    dynamics: Dynamics
    word: str
    steps: Count
    step_size: Expression


@dataclass(frozen=True)
class Midpoint:
    """Steps of the implicit midpoint rule, z' = z + h v((z + z')/2), repeated."""

    dynamics: Dynamics
    steps: Count
    step_size: Expression


@dataclass(frozen=True)
class Map:
    """A closed form z -> z'; variables that are not named stay where they are."""

    images: Images


@dataclass(frozen=True)
class GaussianJump:
    """A Gaussian proposal x' = mean(x) + scale * normal of one block, every entry by itself."""

    variable: Variable
    mean: Expression
    scale: Expression


@dataclass(frozen=True)
class Refresh:
    r"""New values of some blocks, the rest standing still.

    $$p' = m + c\,(p - m) + s\,V^{1/2}\zeta,$$ m and V mean and covariance of the law that is
    drawn from; for c = 0 the law need not be Gaussian.

    Attributes:
        variables: What is redrawn, jointly.
        keep: c; 0 for a full refreshment.
        law: The blocks are drawn from exp(-law); None for their conditional law under exp(-H).
        noise: s; None for sqrt(1 - c^2).
    """

    variables: tuple[Variable, ...]
    keep: Expression
    law: Expression | None = None
    noise: Expression | None = None


@dataclass(frozen=True)
class Metropolis:
    r"""A proposal, flipped, and accepted with a probability g(t), or the old state.

    $$t = \exp(-(E(z') - E(z)) + \text{log-volume}),\quad z' = F S z$$

    Attributes:
        proposal: S, one after the other.
        flip: F; empty for none.
        accept: "metropolis" for g = min(1, t), "barker" for t/(1 + t), "always" for 1, or g as an
            expression in the scalar `RATIO`.
        energy: E; None for H.
        counted: Letters, or places in the word from 1, whose energy change counts; None for all
            without noise.
        log_volume: Rate of the log-volume that is counted for each letter (for a map its whole
            log-volume, under the name "map"); None for the true one of each, () for none at all.
        is_symmetric: Whether proposal densities are left out of t.
    """

    proposal: tuple[Flow | Midpoint | Map | GaussianJump, ...]
    flip: Images = ()
    accept: str | Expression = "metropolis"
    energy: Expression | None = None
    counted: tuple[str, ...] | None = None
    log_volume: tuple[tuple[str, Expression], ...] | None = None
    is_symmetric: bool = False


@dataclass(frozen=True)
class Delayed:
    """Delayed rejection: where the first proposal is rejected, a second one has its chance.

    Attributes:
        first: The first attempt.
        second: The second one.
        remembers: Whether the second ratio has the factor (1 - a(F S z)) / (1 - a(z)) of the
            first rejection, seen from both ends.
    """

    first: Metropolis
    second: Metropolis
    remembers: bool = True


@dataclass(frozen=True)
class Choice:
    """One of several steps, drawn with weights that may read the state."""

    options: tuple[tuple[Expression, Step], ...]


Step = Flow | Midpoint | Map | GaussianJump | Refresh | Metropolis | Delayed | Choice


@dataclass(frozen=True)
class Kernel:
    """Steps one after the other, with the law exp(-H) that they are to keep.

    Attributes:
        steps: In the order of application.
        variables: The blocks of the state.
        hamiltonian: H.
        target: Minus the log density of the marginal that is wanted; H itself when None.
        target_variables: The variables of the target.
        name: For reports; two kernels may be equal under two names.
        source: Where it was published.
    """

    steps: tuple[Step, ...]
    variables: tuple[Variable, ...]
    hamiltonian: Expression
    target: Expression | None = None
    target_variables: tuple[Variable, ...] = ()
    name: str = field(default="", compare=False)
    source: str = field(default="", compare=False)


def parts_of(step: Step) -> Iterator[Step]:
    """A step and all that it is made of."""
    yield step
    inner: tuple[Step, ...] = ()
    if isinstance(step, Metropolis):
        inner = step.proposal
    elif isinstance(step, Delayed):
        inner = (step.first, step.second)
    elif isinstance(step, Choice):
        inner = tuple(option for _, option in step.options)
    for part in inner:
        yield from parts_of(part)


def expressions_in(step: Step) -> Iterator[Expression]:
    """The formulas that stand in a step, those of the dynamics of its flows left out."""
    for part in parts_of(step):
        for value in vars(part).values():
            for item in value if isinstance(value, tuple) else (value,):
                inner = item if isinstance(item, tuple) else (item,)
                yield from (e for e in inner if isinstance(e, Expression))
        steps = getattr(part, "steps", None)
        if isinstance(steps, Drawn):
            yield from (weight for _, weight in steps.weights)


def dynamics_in(steps: tuple[Step, ...]) -> tuple[Dynamics, ...]:
    """The dynamics whose flows occur, each once."""
    found = (part for step in steps for part in parts_of(step))
    flows = (part.dynamics for part in found if isinstance(part, (Flow, Midpoint)))
    return tuple(dict.fromkeys(flows))
