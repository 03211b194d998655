r"""Building kernels: flows, flips, refreshments, acceptance, and their composition, checked.

    K = sk.kernels
    K.compose(K.refresh(p), K.metropolis(K.flow(dynamics, "BAB", L), flip={p: -p}))

Not for methods with a name (`methods`) nor for proving what is built (`sdekit.verifier.markov`).
Checked by: tests/kernels/test_building.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import ZERO, as_expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import DeclarationError
from sdekit.kernels.path import letters_of_word
from sdekit.kernels.steps import (
    STEP_SIZE,
    Choice,
    Count,
    Delayed,
    Drawn,
    Flow,
    GaussianJump,
    Images,
    Kernel,
    Map,
    Metropolis,
    Midpoint,
    Refresh,
    Step,
    dynamics_in,
    parts_of,
)
from sdekit.schemes.split.splitting import Splitting

ACCEPTANCES = ("metropolis", "barker", "always")


def flow(
    dynamics: Dynamics | Splitting, word: str, steps: Any = 1, *, step_size: Any = None
) -> Flow:
    """A word over the letters of a splitting, run `steps` times.

    Args:
        dynamics: What the letters are parts of, or its splitting.
        word: Such as "BAB"; letters may be left out here, their part then stands still.
        steps: A number, `sk.dim("L")` for every number, or `random_steps({1: "1/2", 2: "1/2"})`.
        step_size: The time of one word; the positive parameter h when left out.

    Raises:
        SchemeError: If the word does not fit.
        DeclarationError: If the number of steps or the step size is none.
    """
    dynamics = dynamics.dynamics if isinstance(dynamics, Splitting) else _dynamics(dynamics)
    made = Flow(dynamics, "".join(word.split()), _count(steps), _step_size(dynamics, step_size))
    letters_of_word(made)
    return made


def implicit_midpoint(dynamics: Dynamics, steps: Any = 1, *, step_size: Any = None) -> Midpoint:
    """Steps of the implicit midpoint rule, for energies that do not separate.

    Args:
        dynamics: A Hamiltonian flow.
        steps: A number, `sk.dim("L")` for every number.
        step_size: The time of one step.
    """
    dynamics = _dynamics(dynamics)
    return Midpoint(dynamics, _count(steps), _step_size(dynamics, step_size))


def random_steps(weights: Mapping[int, Any]) -> Drawn:
    """A random number of steps: each number with its probability."""
    if not weights or any(isinstance(k, bool) or not isinstance(k, int) or k < 0 for k in weights):
        raise DeclarationError(
            "numbers of steps are wrong", expected="integers >= 0", found=list(weights)
        )
    return Drawn(tuple((k, _scalar(w, "weight")) for k, w in weights.items()))


def map_to(images: Mapping[Variable, Any]) -> Map:
    """A closed form: each variable named goes to its expression, all at once."""
    return Map(_images(images))


def flip(images: Mapping[Variable, Any]) -> Map:
    """A flip or permutation as a step of its own, such as `{p: -p}` or `{x: y, y: x}`."""
    return Map(_images(images))


def jump(x: Variable, mean: Any, scale: Any) -> GaussianJump:
    """A Gaussian proposal x' = mean + scale * normal; mean and scale may read the state.

    Args:
        x: The variable that jumps.
        mean: Where from, an expression of the state.
        scale: Standard deviation, an expression of the state.
    """
    found = as_expression(mean)
    if found.shape != x.shape and not (found == ZERO):
        raise DeclarationError("the mean has another shape", expected=x.shape, found=found.shape)
    return GaussianJump(_variable(x), found, _scalar(scale, "scale"))


def random_walk(x: Variable, scale: Any) -> GaussianJump:
    """A Gaussian proposal around the present state.

    Args:
        x: The variable that jumps.
        scale: Standard deviation.
    """
    return jump(x, x, scale)


def refresh(*variables: Variable, keep: Any = 0, law: Any = None, noise: Any = None) -> Refresh:
    r"""New values of blocks from their conditional law under exp(-H).

    Args:
        variables: What is redrawn, jointly.
        keep: c of $p' = m + c(p - m) + \sqrt{1-c^2}\,V^{1/2}\zeta$; 0 for a full refreshment.
        law: Drawn from exp(-law) instead.
        noise: Instead of sqrt(1 - c^2).
    """
    if not variables:
        raise DeclarationError("nothing is refreshed", expected="at least one variable")
    found = tuple(_variable(x) for x in variables)
    given = None if law is None else _scalar(law, "law")
    factor = None if noise is None else _scalar(noise, "noise")
    return Refresh(found, _scalar(keep, "keep"), given, factor)


def metropolis(
    *proposal: Any,
    flip: Mapping[Variable, Any] | None = None,
    accept: Any = "metropolis",
    energy: Any = None,
    count: str | Sequence[Any] | None = None,
    log_volume: Any = None,
    is_symmetric: bool = False,
) -> Metropolis:
    """A proposal that is accepted with a probability, or the old state stays.

    Args:
        proposal: Flows, maps, jumps, one after the other.
        flip: Applied after the proposal; the accepted state is flipped.
        accept: "metropolis", "barker", "always", or an expression in `sk.kernels.RATIO`.
        energy: What enters the ratio instead of H.
        count: Letters whose change of energy enters it ("BA"), or places in the word from 1; all
            letters without noise when left out.
        log_volume: 0 to leave it out; {"C": rate} states the rate of a letter and {"map": value}
            that of a map; the true one when left out.
        is_symmetric: Leave the densities of a jump out of the ratio.
    """
    steps = tuple(proposal)
    if not steps or any(not isinstance(s, (Flow, Midpoint, Map, GaussianJump)) for s in steps):
        raise DeclarationError(
            "a proposal is made of flows, maps, midpoint steps and jumps",
            found=", ".join(type(s).__name__ for s in steps) or "nothing",
        )
    if isinstance(accept, str):
        if accept not in ACCEPTANCES:
            raise DeclarationError(
                "unknown acceptance", expected=", ".join(ACCEPTANCES), found=repr(accept)
            )
    else:
        accept = _scalar(accept, "acceptance")
    counted = None if count is None else _counted(count)
    volume: tuple[tuple[str, Expression], ...] | None = None
    if log_volume is not None:
        is_zero = not isinstance(log_volume, Mapping) and as_expression(log_volume) == ZERO
        if not is_zero and not isinstance(log_volume, Mapping):
            log_volume = {"map": log_volume}
        given = {} if is_zero else log_volume
        volume = tuple((name, _scalar(rate, "log_volume")) for name, rate in given.items())
    return Metropolis(
        steps,
        _images(flip or {}),
        accept,
        None if energy is None else _scalar(energy, "energy"),
        counted,
        volume,
        is_symmetric,
    )


def slice_step(
    *proposal: Any, flip: Mapping[Variable, Any] | None = None, level: str = "before"
) -> Metropolis:
    """A proposal that is kept where its density lies above a uniform level.

    A level drawn below the density of the old state accepts with min(1, t); one that is redrawn
    below that of the proposal accepts always.

    Args:
        *proposal: Flows and jumps.
        flip: Signs that turn after the proposal, as of momenta.
        level: "before", drawn below the old density; or "after", below that of the proposal.
    """
    if level not in ("before", "after"):
        raise DeclarationError("unknown level", expected="before or after", found=repr(level))
    accept = "metropolis" if level == "before" else "always"
    return metropolis(*proposal, flip=flip, accept=accept)


def delayed(first: Metropolis, second: Metropolis, *, remembers: bool = True) -> Delayed:
    """Delayed rejection of two attempts, the second one knowing of the first rejection.

    Args:
        first: The first attempt.
        second: What is tried after its rejection.
        remembers: Whether the second acceptance knows of the first rejection, as it must.

    Source: Mira (2001); Green and Mira (2001).
    """
    return Delayed(first, second, remembers)


def choose(options: Mapping[Any, Any] | Sequence[tuple[Any, Step]]) -> Choice:
    """One of several steps at random: pairs (weight, step); weights may read the state."""
    pairs = options.items() if isinstance(options, Mapping) else options
    found = tuple((_scalar(weight, "weight"), step) for weight, step in pairs)
    if not found:
        raise DeclarationError("nothing to choose from", expected="pairs (weight, step)")
    return Choice(found)


def palindrome(*steps: Step) -> tuple[Step, ...]:
    """The steps there and back: a, b, c, b, a."""
    return (*steps, *steps[-2::-1])


def compose(
    *steps: Any,
    hamiltonian: Any = None,
    target: Any = None,
    name: str = "",
    source: str = "",
) -> Kernel:
    """Steps one after the other as a kernel with a law.

    Args:
        steps: Steps, kernels, or tuples of them such as `palindrome(...)`.
        hamiltonian: H; that of the dynamics whose flows occur when left out.
        target: Minus the log density of the wanted marginal.
        name: For reports.
        source: Where it was published.

    Raises:
        DeclarationError: If no step is given, or there is no law or more than one.
    """
    flat = tuple(_flat(steps))
    if not flat:
        raise DeclarationError("a kernel has no step", expected="at least one step")
    inner = [step for step in steps if isinstance(step, Kernel)]
    found = dynamics_in(flat)
    energy, goal = _law(hamiltonian, target, found, inner)
    variables = _variables(flat, energy, found)
    wanted = tuple(x for x in variables if goal is None or goal.depends_on(x))
    return Kernel(flat, variables, energy, goal, wanted, name, source)


def _flat(steps: Sequence[Any]) -> list[Step]:
    found: list[Step] = []
    for step in steps:
        if isinstance(step, Kernel):
            found += step.steps
        elif isinstance(step, tuple):
            found += _flat(step)
        elif isinstance(
            step, (Flow, Midpoint, Map, GaussianJump, Refresh, Metropolis, Delayed, Choice)
        ):
            found.append(step)
        else:
            raise DeclarationError("this is no step of a kernel", found=repr(step)[:80])
    return found


def _law(
    hamiltonian: Any, target: Any, found: Sequence[Dynamics], inner: Sequence[Kernel]
) -> tuple[Expression, Expression | None]:
    if hamiltonian is not None:
        energy = _scalar(hamiltonian, "hamiltonian")
        return energy, None if target is None else _scalar(target, "target")
    laws = {(k.hamiltonian, k.target) for k in inner}
    laws |= {(d.hamiltonian, d.target) for d in found if d.hamiltonian is not None}
    if len(laws) != 1:
        raise DeclarationError(
            "the law of the kernel is not clear",
            expected="one H of the dynamics whose flows occur",
            found=f"{len(laws)} of them",
            fix="give hamiltonian=H",
        )
    ((energy, goal),) = laws
    return energy, goal if target is None else _scalar(target, "target")


def _variables(
    steps: Sequence[Step], energy: Expression, found: Sequence[Dynamics]
) -> tuple[Variable, ...]:
    known = dict.fromkeys(x for d in found for x in d.variables)
    known |= dict.fromkeys(node for node in energy.walk() if isinstance(node, Variable))
    for step in steps:
        for part in parts_of(step):
            if isinstance(part, Refresh):
                known |= dict.fromkeys(part.variables)
            images = part.images if isinstance(part, Map) else getattr(part, "flip", ())
            known |= dict.fromkeys(x for x, _ in images)
            if isinstance(part, GaussianJump):
                known[part.variable] = None
    return tuple(known)


def _dynamics(dynamics: Any) -> Dynamics:
    if not isinstance(dynamics, Dynamics):
        raise DeclarationError(
            "a flow needs a dynamics", expected="a Dynamics", found=type(dynamics).__name__
        )
    if dynamics.depends_on_time:
        raise DeclarationError(
            "a flow of a kernel is the same at every step",
            expected="a dynamics that does not depend on time",
        )
    return dynamics.ito()


def _step_size(dynamics: Dynamics, given: Any) -> Expression:
    if given is not None:
        return _scalar(given, "step_size")
    if STEP_SIZE.name in dynamics.names:
        raise DeclarationError(
            f"the dynamics has a symbol {STEP_SIZE.name} of its own",
            fix='give step_size=sk.parameter("eps", positive=True)',
        )
    return STEP_SIZE


def _count(steps: Any) -> Count:
    is_number = isinstance(steps, int) and not isinstance(steps, bool) and steps >= 1
    if is_number or isinstance(steps, (Dim, Drawn)):
        return steps
    if isinstance(steps, Mapping):
        return random_steps(steps)
    raise DeclarationError(
        "the number of steps is wrong",
        expected='an integer >= 1, sk.dim("L") or weights {1: "1/2", 2: "1/2"}',
        found=repr(steps),
        fix="a number that depends on the state is written as weights that read it",
    )


def _images(images: Mapping[Variable, Any]) -> Images:
    found = []
    for x, value in images.items():
        image = as_expression(value)
        if image.shape != _variable(x).shape:
            raise DeclarationError(
                f"the image of {x.name} has another shape", expected=x.shape, found=image.shape
            )
        found.append((x, image))
    return tuple(found)


def _counted(count: str | Sequence[Any]) -> tuple[str, ...]:
    """Letters such as "BA", or places in the word such as "1 2" or [1, 2]."""
    if isinstance(count, str):
        count = count.split() if any(c.isdigit() for c in count) else list("".join(count.split()))
    return tuple(str(item) for item in count)


def _variable(x: Any) -> Variable:
    if not isinstance(x, Variable):
        raise DeclarationError("this is no variable", found=repr(x)[:60])
    return x


def _scalar(value: Any, what: str) -> Expression:
    if isinstance(value, str):
        from sdekit.declaration.tree.operators import parse_number

        value = parse_number(value)
    found = as_expression(value)
    if found.shape:
        raise DeclarationError(f"{what} is no scalar", found=f"shape {found.shape}")
    return found
