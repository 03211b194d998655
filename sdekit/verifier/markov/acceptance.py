r"""Acceptance: a proposal that is an involution, and a ratio that balances it.

A map $\Phi = F S$ with $\Phi\Phi = 1$, accepted with $g(t)$, $g(t) = t\,g(1/t)$ and
$$\log t = -(H\circ\Phi - H) + \log|\det D\Phi|,$$ keeps exp(-H) in detailed balance. A word that is
the same backwards, every letter of which is reversed by F, is one for every number of steps;
letters with noise that keep their own balance up to F count nothing. Not for points (`imbalance`).

Source: Tierney (1998), theorem 2; Fang, Sanz-Serna, Skeel (2014) [recalled].
Checked by: tests/verifier/markov/test_kernel_ladder.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import sympy as sp

from sdekit.calculus.contraction import Tensor, is_zero, lower, substitute, text
from sdekit.calculus.contraction.fokker_planck import dot
from sdekit.calculus.contraction.rules.powers import reciprocal
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Parameter
from sdekit.kernels.path import letters_of_word, moved_by
from sdekit.kernels.steps import (
    RATIO,
    Drawn,
    Flow,
    GaussianJump,
    Map,
    Metropolis,
    Midpoint,
)
from sdekit.verifier.involutions.flips import Flip
from sdekit.verifier.markov.kernel_problem import (
    KernelProblem,
    constant_along_state,
    keeps_energy,
    read_flip,
    require_free,
    reverses,
)
from sdekit.verifier.markov.volume import require_hamiltonian
from sdekit.verifier.verdict import Check, proved, undecided


def is_jump(step: Metropolis) -> bool:
    """Whether the proposal is drawn from a density instead of made by maps."""
    return any(isinstance(part, GaussianJump) for part in step.proposal)


def has_noise(step: Metropolis) -> bool:
    """Whether a proposal draws anything on its way, so that its acceptance is random."""
    return is_jump(step) or bool(_noisy(step)) or any(map(drawn_weights, step.proposal))


def check_involution(problem: KernelProblem, step: Metropolis) -> Check:
    """Whether the flipped proposal, made twice, is the identity: for every number of steps.

    Raises:
        Unsupported: If a letter has no exact flow, or the flip is no flip.
    """
    flips = read_flip(problem, step.flip)
    random = any(drawn_weights(part) for part in step.proposal)
    if random and len(step.proposal) > 1:
        return undecided("a random number of steps stands beside other moves")
    for here, there in zip(step.proposal, reversed(step.proposal), strict=True):
        reason = _not_reversed(problem, here, there, flips)
        if reason is not None:
            return undecided(reason)
    named = ", ".join(f.text for f in flips) or "nothing"
    noisy = sorted(_noisy(step))
    words = ", ".join(
        f"each letter of {part.word}{' without noise' * bool(noisy)} is run backwards by the flip"
        for part in step.proposal
        if isinstance(part, Flow)
    )
    reason = f"with {named} flipped, the proposal made twice is the identity"
    if noisy:
        reason = f"with {named} flipped, each path of the proposal is run back along the same path"
        words += f", {' and '.join(noisy)} is as likely backwards as forwards under exp(-H)"
    assumptions = ()
    if any(isinstance(part, Midpoint) for part in step.proposal):
        assumptions = ("the implicit equation of each step has one solution, which is found",)
    return proved(
        f"{reason}: {words}, and it is a palindrome; so for every number of steps"
        if words
        else reason,
        assumptions=assumptions,
        assumed=assumptions[0] if assumptions else None,
    )


def _not_reversed(
    problem: KernelProblem, here: object, there: object, flips: Sequence[Flip]
) -> str | None:
    """Why one part of a proposal is not undone by its mirror image; None if it is."""
    if isinstance(here, Map) and isinstance(there, Map):
        return _map_reason(here, there, flips)
    if type(here) is not type(there):
        return "the proposal is no palindrome"
    if isinstance(here, (Flow, Midpoint)):
        for read in (here.step_size, *drawn_weights(here)):
            # What is flipped is another number on the way back.
            for x in moved_by(here) | {f.variable for f in flips}:
                if read.depends_on(x):
                    return f"the time or the number of steps of a word reads {x.name}, which moves"
    if isinstance(here, Midpoint) and isinstance(there, Midpoint):
        require_hamiltonian(here)
        if here != there:
            return "the proposal is no palindrome"
        return None if _field_is_reversed(problem, here, flips) else "the flip does not reverse v"
    if not (isinstance(here, Flow) and isinstance(there, Flow)):
        return "a jump beside maps"
    same = (here.dynamics, here.steps, here.step_size)
    if same != (there.dynamics, there.steps, there.step_size):
        return "the proposal is no palindrome"
    letters = letters_of_word(here)
    for part in dict.fromkeys(letter.part for letter in letters):
        if not reverses(problem, part, flips):
            what = "keep in balance" if part.diffusion else "run backwards"
            return f"the flip does not {what} letter {part.letter}"
    if tuple(letters) != tuple(reversed(letters_of_word(there))):
        return f"the word {here.word} is no palindrome"
    return None


def drawn_weights(part: object) -> tuple[Expression, ...]:
    """The probabilities of a random number of steps; none for a fixed one."""
    steps = getattr(part, "steps", None)
    return tuple(w for _, w in steps.weights) if isinstance(steps, Drawn) else ()


def _field_is_reversed(problem: KernelProblem, step: Midpoint, flips: Sequence[Flip]) -> bool:
    from sdekit.calculus.contraction.fokker_planck import lower_dynamics

    drift = lower_dynamics(step.dynamics).drift
    images = {f.variable: f.image for f in flips}
    chosen = {f.variable: f for f in flips}
    for x in drift:
        source, sign = (chosen[x].source, chosen[x].sign) if x in chosen else (x, 1)
        if source not in drift:
            return False
        if not is_zero(substitute(drift[source], images).scaled(sign) + drift[x]):
            return False
    return True


def _map_reason(here: Map, there: Map, flips: Sequence[Flip]) -> str | None:
    """F there F here = 1, by putting the images into each other."""
    flipped = {f.variable: f.image for f in flips}
    first = {x: lower(image, x.shape) for x, image in here.images}
    second = {x: lower(image, x.shape) for x, image in there.images}
    for x in (*first, *second):
        require_free(x)
    for x in dict.fromkeys((*first, *second, *flipped)):
        image = flipped.get(x, lower(x))
        for inner in (second, flipped, first):
            image = substitute(image, inner)
        if not is_zero(image - lower(x)):
            return f"the map is not its own inverse in {x.name}"
    return None


def check_acceptance(problem: KernelProblem, step: Metropolis) -> Check:
    """Whether the ratio is -(H after - H before) + log-volume and the acceptance balances it.

    Returns:
        Proved, or undecided with what is not seen.

    Raises:
        Unsupported: If a formula is outside the calculus.
    """
    reason = _function_reason(step)
    if reason is None and is_jump(step):
        reason = _jump_reason(problem, step)
    elif reason is None:
        reason = _energy_reason(problem, step) or _count_reason(problem, step)
    if reason is not None:
        return undecided(reason)
    if is_jump(step):
        return proved("the ratio is that of H and of the densities of the proposal")
    return proved(
        "the log ratio is -(H after - H before) + log-volume"
        + (", over the letters without noise" if _noisy(step) else "")
    )


def _noisy(step: Metropolis) -> set[str]:
    flows = [part for part in step.proposal if isinstance(part, Flow)]
    return {x.part.letter for f in flows for x in letters_of_word(f) if x.part.diffusion}


def _function_reason(step: Metropolis) -> str | None:
    """Why the acceptance function is not one of balance; None if it is."""
    if step.accept in ("metropolis", "barker"):
        return None
    if step.accept == "always":
        return "every proposal is accepted, whatever its ratio"
    assert isinstance(step.accept, Expression)
    given = lower(step.accept)
    ratio = Parameter(RATIO.name, (), frozenset({"positive"}))
    at = substitute(given, {RATIO: lower(ratio)})
    turned = substitute(given, {RATIO: lower(1 / ratio)})
    left = at - lower(ratio) * turned
    if not is_zero(left):
        return f"g(t) - t g(1/t) = {text(left)} is not zero"
    if not _is_probability(step.accept):
        return "that g(t) lies between 0 and 1 is not seen"
    return None


def _is_probability(accept: Expression) -> bool:
    """Whether g = P/Q with P, Q and Q - P all of one sign, for t below 1 and for t above 1."""
    from sdekit.declaration.model.component_reader import ComponentReader

    reader = ComponentReader({}, frozenset({RATIO.name}))
    t, u = reader.coordinate(RATIO, ()), sp.Symbol("u")
    given = sp.sympify(reader.scalar(accept))
    # t = 1/(1 + u) below 1 and 1 + u above, with min(1, t) = (1 + t - |t - 1|)/2.
    for image, distance in ((1 / (1 + u), 1 - t), (1 + u, t - 1)):
        found = sp.together(given.subs(sp.Abs(t - 1), distance).subs(t, image))
        over, under = sp.fraction(found)
        if found.free_symbols - {u} or not (over.is_polynomial(u) and under.is_polynomial(u)):
            return False
        parts = [sp.Poly(sp.expand(part), u).all_coeffs() for part in (over, under, under - over)]
        if not any(all(s * c >= 0 for cs in parts for c in cs) for s in (1, -1)):
            return False
    return True


def _energy_reason(problem: KernelProblem, step: Metropolis) -> str | None:
    if step.energy is None:
        return None
    difference = lower(step.energy) - problem.energy
    if constant_along_state(problem, difference):
        return None
    return f"the energy of the ratio is not H, but differs from it by {text(difference)}"


def _count_reason(problem: KernelProblem, step: Metropolis) -> str | None:
    """Which letters count although they must not, or do not although they must."""
    by_letters = bool(_noisy(step)) or step.counted is not None
    if by_letters and not keeps_energy(problem, read_flip(problem, step.flip)):
        return "the flip does not keep H"
    if step.counted is None:
        return None
    for part in step.proposal:
        if not isinstance(part, Flow):
            return "changes of energy are counted letter by letter, but there are other moves"
        for number, letter in enumerate(letters_of_word(part), start=1):
            is_counted = {letter.part.letter, str(number)} & set(step.counted)
            if is_counted and letter.part.diffusion:
                return f"the change of energy along {letter.part.letter} counts, which has noise"
            if is_counted or letter.part.diffusion:
                continue
            if not is_zero(problem.energy_rate(letter.part)):
                return (
                    f"the change of energy along letter {number}, {letter.part.letter}, is left out"
                )
    unknown = set(step.counted) - _countable(step)
    return f"no letter {', '.join(sorted(unknown))} occurs" if unknown else None


def _countable(step: Metropolis) -> set[str]:
    names: set[str] = set()
    for part in step.proposal:
        if isinstance(part, Flow):
            for number, letter in enumerate(letters_of_word(part), start=1):
                names |= {letter.part.letter, str(number)}
    return names


# ------------------------------------------------------------------ proposals with a density


def _jump_reason(problem: KernelProblem, step: Metropolis) -> str | None:
    if len(step.proposal) > 1 or step.flip:
        return "a jump beside other moves"
    if step.counted is not None or step.log_volume is not None:
        return "letters or volumes are counted, and a jump has neither"
    jump = next(iter(step.proposal))
    assert isinstance(jump, GaussianJump)
    require_free(jump.variable)
    if jump.variable.symmetry is not None:
        return f"{jump.variable.name} is {jump.variable.symmetry}, and a jump moves every entry"
    if not step.is_symmetric:
        return _energy_reason(problem, step)
    left = log_density_ratio(problem, jump)
    told = "the proposal is not symmetric: log q(x|y) - log q(y|x) ="
    if step.energy is not None:
        # The density of the proposal may be what the energy of the ratio leaves out of H.
        difference = lower(step.energy) - problem.energy
        left = left + substitute(difference, {jump.variable: lower(_other(jump))}) - difference
        told = "the energy of the ratio is not H, and with the density of the proposal"
    return None if is_zero(left) else f"{told} {text(left)} is left out"


def _other(jump: GaussianJump) -> Parameter:
    """The point that a jump proposes."""
    return Parameter(f"{jump.variable.name}_new", jump.variable.shape)


def log_density_ratio(problem: KernelProblem, jump: GaussianJump) -> Tensor:
    r"""log q(x|y) - log q(y|x) of a Gaussian proposal, the other point y a parameter.

    Raises:
        Unsupported: If the scale reads the block that jumps.
    """
    x = jump.variable
    scale = lower(jump.scale)
    if scale.depends & lower(x).depends:
        raise Unsupported(f"the scale of the proposal reads {x.name}")
    mean = lower(jump.mean, x.shape)
    there = lower(_other(jump))
    forward = _square(there - mean)
    backward = _square(lower(x) - substitute(mean, {x: there}))
    if is_zero(scale):
        raise Unsupported("the scale of the proposal is zero")
    return (forward - backward) * reciprocal((scale * scale).scaled(Fraction(2)))


def _square(tensor: Tensor) -> Tensor:
    return dot(tensor, tensor)
