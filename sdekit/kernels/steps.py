r"""Markov kernels as data and as text: flows, maps, flips, refreshments, acceptance, composition.

A kernel moves a state z and claims that exp(-H) is invariant. Every record says what a step does;
whether the claim holds is for `sdekit.verifier.markov`, and running it for `sdekit.simulation`.
Not for checking what a user builds (`building`) or types (`kernel_text`).

Notation: F a flip, an involution of the state; S a proposal; h the step size; L a number of steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.model_file_writer import to_toml
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.errors import DeclarationError

#: The step size of flows where none is given.
STEP_SIZE = Parameter("h", (), frozenset({"positive"}))
#: t, the ratio that acceptance functions are written in.
RATIO = Variable("t")
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

    def to_toml(self) -> str:
        """The kernel as the text of a model file; `sdekit.loads` gives an equal object back.

        Raises:
            DeclarationError: If model files have no form for it: flows of several dynamics or of
                one with another law, a choice inside of a choice, a parameter called t.

        Checked by: tests/kernels/test_kernel_file.py.
        """
        steps = ",\n".join(f'  "{step_text(step)}"' for step in self.steps)
        formulas = (e for step in self.steps for e in expressions_in(step))
        model = to_toml(_file_dynamics(self), formulas, known=(STEP_SIZE, RATIO))
        return f"{model}\n[kernel]\nsteps = [\n{steps},\n]\n"


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


# ------------------------------------------------------------------ as text


def _file_dynamics(kernel: Kernel) -> Dynamics:
    """The dynamics that stands in the model file of a kernel."""
    flows = dynamics_in(kernel.steps)
    target = None if kernel.target is None else kernel.target_variables
    given = {"name": kernel.name or None, "source": kernel.source or None}
    still = Dynamics(
        dict.fromkeys(kernel.variables, ZERO),
        hamiltonian=kernel.hamiltonian,
        target=kernel.target,
        target_variables=target,
    )
    found = flows[0] if flows else still
    law = (found.hamiltonian, found.target, found.variables)
    parts = [part for step in kernel.steps for part in parts_of(step)]
    inner = [o for part in parts if isinstance(part, Choice) for _, o in part.options]
    hidden = [
        symbol
        for part in parts
        if isinstance(part, Metropolis) and isinstance(part.accept, Expression)
        for symbol in part.accept.walk()
        if isinstance(symbol, Parameter) and symbol.name == RATIO.name
    ]
    wrong = {
        "flows of several dynamics": len(flows) > 1,
        "flows of a dynamics with another law": law
        != (kernel.hamiltonian, kernel.target, kernel.variables),
        "a choice of steps with attempts of their own": any(
            isinstance(option, (Choice, Delayed)) for option in inner
        ),
        "a number of steps with a name and a size": any(
            getattr(getattr(part, "steps", None), "size", None) is not None for part in parts
        ),
        "a parameter that is called like the ratio of an acceptance": bool(hidden),
    }
    for what, is_so in wrong.items():
        if is_so:
            raise DeclarationError(
                "no model file holds this kernel",
                expected="steps over one dynamics with the law of the kernel",
                found=what,
            )
    return found.changed(given)


def written_steps(kernel: Kernel) -> tuple[str, ...]:
    """The steps of a kernel as they are written in a model file."""
    return tuple(step_text(step) for step in kernel.steps)


def step_text(step: Step) -> str:
    """A step as it is written in a model file."""
    if isinstance(step, Refresh):
        return _with_clauses(
            f"refresh {' '.join(x.name for x in step.variables)}",
            ("keep", None if step.keep == ZERO else step.keep),
            ("noise", step.noise),
            ("law", step.law),
        )
    if isinstance(step, Metropolis):
        return _metropolis_text(step)
    if isinstance(step, Delayed):
        attempts = [_metropolis_text(s).partition(" ")[2] for s in (step.first, step.second)]
        tail = "" if step.remembers else " | forgetful"
        return f"delayed {' | '.join(attempts)}{tail}"
    if isinstance(step, Choice):
        return "choose " + " | ".join(f"{w!r}: {step_text(s)}" for w, s in step.options)
    if isinstance(step, Map):
        return f"map {_images_text(step.images)}"
    return _proposal_text(step)


def _with_clauses(head: str, *clauses: tuple[str, object]) -> str:
    told = [f"{name} {value!r}" for name, value in clauses if value is not None]
    return " ".join([head, *told])


def _metropolis_text(step: Metropolis) -> str:
    parts = [f"metropolis {' then '.join(map(_proposal_text, step.proposal))}"]
    if step.flip:
        parts.append(f"flip {_images_text(step.flip)}")
    if step.accept != "metropolis":
        parts.append(f"accept {step.accept if isinstance(step.accept, str) else repr(step.accept)}")
    if step.energy is not None:
        parts.append(f"energy {step.energy!r}")
    if step.counted is not None:
        parts.append(f"count {' '.join(step.counted)}")
    if step.log_volume is not None:
        rates = ", ".join(f"{name}: {rate!r}" for name, rate in step.log_volume)
        parts.append(f"volume {rates or 0}")
    if step.is_symmetric:
        parts.append("symmetric")
    return " ".join(parts)


def _images_text(images: Images) -> str:
    return ", ".join(f"{x.name} -> {image!r}" for x, image in images)


def _proposal_text(step: Flow | Midpoint | Map | GaussianJump) -> str:
    if isinstance(step, Map):
        return f"map {_images_text(step.images)}"
    if isinstance(step, GaussianJump):
        return f"jump {step.variable.name} to {step.mean!r} scale {step.scale!r}"
    word = step.word if isinstance(step, Flow) else "midpoint"
    text = f"({word})^{_count_text(step.steps)}" if step.steps != 1 else word
    return text if step.step_size == STEP_SIZE else f"{text} step {step.step_size!r}"


def _count_text(steps: int | Dim | Drawn) -> str:
    if isinstance(steps, Drawn):
        return "{" + ", ".join(f"{k}: {w!r}" for k, w in steps.weights) + "}"
    return str(steps) if isinstance(steps, int) else steps.name
