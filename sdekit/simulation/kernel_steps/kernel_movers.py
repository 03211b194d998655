"""How a proposal of a kernel moves: along words, by closed forms, midpoint rules and jumps.

Not for whether it is accepted (`kernel_proposals`), nor for what it keeps
(`sdekit.verifier.markov`): what is declared is what runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.calculus.limits import Unsupported
from sdekit.declaration.functions.grammar import div
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.expression import Expression
from sdekit.errors import SimulationError
from sdekit.kernels.path import Occurrence, letters_of_word
from sdekit.kernels.steps import Drawn, Flow, GaussianJump, Map, Metropolis, Midpoint
from sdekit.schemes.split.unroll import Move
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import evaluate, shape_of
from sdekit.simulation.gradients.sources import FunctionSource
from sdekit.simulation.kernel_steps.running import KernelPart, KernelRun, Running, unprepared
from sdekit.simulation.steps.scheme import (
    Blocks,
    Cache,
    Scheme,
    StepInput,
    composed,
    prepared_draws,
)
from sdekit.simulation.steps.stages import staged
from sdekit.verifier.markov.volume import require_hamiltonian

#: Where a proposal ends, and what the log ratio gains on the way beside the change of energy.
Moved = tuple[dict[str, Array], Array]
#: Rounds in which the implicit midpoint has to be found: enough where each brings it nearer by a
#: fifth. All chains run as long as the slowest.
MOST_ROUNDS = 60


#: One move of a proposal.
Mover = KernelPart[Array]


@dataclass(frozen=True)
class Account:
    """What the acceptance of a step counts: energies, log-volumes."""

    here: KernelRun
    step: Metropolis

    def energy(self, blocks: Blocks, given: StepInput) -> Array:
        stated = self.step.energy
        chosen = self.here.running.kernel.hamiltonian if stated is None else stated
        return self.here.value(chosen, blocks, given)

    def zero(self, blocks: Blocks) -> Array:
        """0 for each chain."""
        first = self.here.running.kernel.variables[0]
        return jnp.zeros(blocks[first.name].shape[first.ndim :], self.here.problem.dtype)

    @property
    def counts_whole(self) -> bool:
        """Whether the whole change of energy counts, from the first move to the last."""
        flows = [part for part in self.step.proposal if isinstance(part, Flow)]
        letters = [letter for flow in flows for letter in letters_of_word(flow)]
        return self.step.counted is None and not any(x.part.diffusion for x in letters)

    def counts(self, letter: Occurrence, number: int) -> bool:
        if self.step.counted is None:
            return not letter.part.diffusion
        return bool({letter.part.letter, str(number)} & set(self.step.counted))

    @property
    def counts_maps(self) -> bool:
        """Whether the change of energy along closed forms counts by itself."""
        counted = self.step.counted
        return not self.counts_whole and (counted is None or "map" in counted)

    def volume(self, letter: Occurrence) -> Expression | None:
        """The rate of log-volume that counts along a letter; None for zero."""
        if letter.part.diffusion:
            return None
        if self.step.log_volume is not None:
            return dict(self.step.log_volume).get(letter.part.letter)
        moved = {x for x, _ in letter.part.updates}
        rates = [(x, r) for x, r in letter.part.updates if any(r.depends_on(y) for y in moved)]
        if not rates:
            return None
        parts = [div(rate, x) for x, rate in rates]
        return sum(parts[1:], parts[0])


def mover(account: Account, part: Flow | Midpoint | Map | GaussianJump) -> Mover:
    """The move of one part of a proposal.

    Raises:
        SimulationError: If it cannot be run.
    """
    if isinstance(part, Flow):
        return _word_mover(account, part)
    if isinstance(part, Map):
        return _map_mover(account, part)
    if isinstance(part, Midpoint):
        return _midpoint_mover(account, part)
    return _jump_mover(account, part)


def _step_size(here: KernelRun, size: Expression, parameters: Any, h: Any) -> Any:
    blank = StepInput(jnp.zeros(0), (), None, h, None, parameters)
    return evaluate(size, here.environment({}, blank))


def _length(running: Running, flow: Flow | Midpoint) -> int:
    if isinstance(flow.steps, Drawn):
        return max(number for number, _ in flow.steps.weights)
    if isinstance(flow.steps, Dim):
        if running.steps is None:
            raise SimulationError(
                f"the number of steps {flow.steps.name} is open", fix="give leapfrog_steps=10"
            )
        return running.steps
    return flow.steps


def _words(problem: Problem, flow: Flow) -> list[tuple[Occurrence, Scheme]]:
    """Each letter of a word as a scheme of its own."""
    found = []
    for letter in letters_of_word(flow):
        part = letter.part
        move = Move(part.flow, letter.share, part.updates, part.diffusion, part.letter)
        scheme = composed(problem, part.letter, staged((move,), problem.sizes))
        if any(not isinstance(oracle.source, FunctionSource) for oracle in scheme.oracles):
            raise SimulationError(
                "a kernel cannot accept or reject with a stochastic gradient",
                fix="give the full potential as a function",
            )
        found.append((letter, scheme))
    return found


def _word_mover(account: Account, flow: Flow) -> Mover:
    """Along words, each letter its exact flow."""
    here, words = account.here, _words(account.here.problem, flow)
    length = _length(here.running, flow)
    if isinstance(flow.steps, Drawn):
        here.check_weights([weight for _, weight in flow.steps.weights], "a number of steps")
    each = sum(scheme.elements for _, scheme in words)

    def prepare(parameters: Mapping[str, Any], h: Any, dtype: np.dtype) -> Any:
        own = _step_size(here, flow.step_size, parameters, h)
        return tuple(scheme.prepare(parameters, own, dtype) for _, scheme in words)

    def moves(blocks: Blocks, given: StepInput) -> Moved:
        h = _step_size(here, flow.step_size, given.parameters, given.h)
        last = _lengths(account, flow, blocks, given)

        def one_word(number: Any, carried: Any) -> Any:
            state, ratio = carried
            normals = jax.lax.dynamic_slice_in_dim(given.normals, number * each, each, 0)
            new, gained = _one_word(
                account, words, state, replace(given, normals=normals, h=h), given
            )
            if last is None:
                return new, ratio + gained
            on = number < last
            kept = {name: jnp.where(on, new[name], state[name]) for name in state}
            return kept, ratio + jnp.where(on, gained, 0.0)

        return jax.lax.fori_loop(0, length, one_word, (dict(blocks), account.zero(blocks)))

    return Mover(each * length, int(isinstance(flow.steps, Drawn)), prepare, moves)


def _one_word(
    account: Account, words: Any, blocks: Blocks, inner: StepInput, given: StepInput
) -> Moved:
    """The state behind one word, and what the log ratio gains along it."""
    values, offset = dict(blocks), 0
    gained = jnp.zeros_like(account.zero(values))
    before: Array | None = None
    for number, (letter, scheme) in enumerate(words, start=1):
        counts = account.counts(letter, number) and not account.counts_whole
        # The energy is evaluated where a stretch of letters that count begins and where it ends.
        if counts and before is None:
            before = account.energy(values, given)
        if not counts and before is not None:
            gained, before = gained + before - account.energy(values, given), None
        rate = account.volume(letter)
        if rate is not None:
            speed = account.here.value(rate, values, given)
            gained = gained + inner.h * float(letter.share) * speed
        own = replace(
            inner,
            normals=inner.normals[offset : offset + scheme.elements],
            constants=given.constants[number - 1],
            draws=prepared_draws(scheme.oracles, jnp.zeros((0,), jnp.uint32), 0),
        )
        offset += scheme.elements
        sources = {oracle.name: () for oracle in scheme.oracles}
        values, _ = scheme.step(values, Cache({}, sources), own)
    if before is not None:
        gained = gained + before - account.energy(values, given)
    return values, gained


def _lengths(account: Account, flow: Flow, blocks: Blocks, given: StepInput) -> Array | None:
    """The number of steps of each chain, where it is drawn."""
    if not isinstance(flow.steps, Drawn):
        return None
    assert given.uniforms is not None
    numbers, weights = zip(*flow.steps.weights, strict=True)
    found = jnp.zeros((), jnp.int32)
    chosen = account.here.chosen(weights, given.uniforms[0], blocks, given)
    for number, is_chosen in zip(numbers, chosen, strict=True):
        found = jnp.where(is_chosen, number, found)
    return found


def _map_mover(account: Account, step: Map) -> Mover:
    """A closed form, with the log-volume that is stated or its true one."""
    here, names = account.here, [x.name for x, _ in step.images]
    stated = None if account.step.log_volume is None else dict(account.step.log_volume)

    def log_volume(blocks: Blocks, given: StepInput) -> Array:
        if stated is not None:
            rate = stated.get("map")
            return account.zero(blocks) if rate is None else here.value(rate, blocks, given)

        def of_one(one: dict[str, Array], parameters: Any) -> Array:
            own = replace(given, parameters=parameters)
            shapes = [one[name].shape for name in names]
            cuts = np.cumsum([math.prod(shape) for shape in shapes])[:-1]

            def image(flat: Array) -> Array:
                pieces = zip(names, jnp.split(flat, cuts), shapes, strict=True)
                moved = {name: piece.reshape(shape) for name, piece, shape in pieces}
                found = here.mapped(step.images, {**one, **moved}, own)
                return jnp.concatenate([found[name].ravel() for name in names])

            flat = jnp.concatenate([one[name].ravel() for name in names])
            return jnp.linalg.slogdet(jax.jacfwd(image)(flat))[1]

        return here.for_each(of_one, blocks, given)

    def moves(blocks: Blocks, given: StepInput) -> Moved:
        end, gained = here.mapped(step.images, blocks, given), log_volume(blocks, given)
        if account.counts_maps:
            gained = gained + account.energy(blocks, given) - account.energy(end, given)
        return end, gained

    return Mover(0, 0, unprepared, moves)


def _midpoint_mover(account: Account, step: Midpoint) -> Mover:
    r"""Steps z' = z + h v((z + z')/2), found by iteration, forth and back.

    A step counts where the iteration ends and the one from its end leads back to its start:
    otherwise two states could lead to one, and no acceptance would keep the law.

    Source: Zappa, Holmes-Cerfon, Goodman (2018), for the check of the way back.
    """
    here, length = account.here, _length(account.here.running, step)
    try:
        require_hamiltonian(step)
    except Unsupported as error:
        raise SimulationError(
            "the volume change of this midpoint rule is not known", found=str(error)
        ) from None
    drift, eps = dict(step.dynamics.drift), float(jnp.finfo(here.problem.dtype).eps)

    def distance(a: Blocks, b: Blocks) -> Array:
        """Largest difference, relative to the size of its block, for each chain."""

        def of(x: str, y: Array) -> Array:
            axes = tuple(range(len(shape_of(variables[x], here.problem.sizes))))
            return jnp.max(jnp.abs(y - b[x]), axes) / (1 + jnp.max(jnp.abs(y), axes))

        return jnp.max(jnp.stack([of(x, y) for x, y in a.items()]), axis=0)

    variables = {x.name: x for x in drift}

    def solved(blocks: Blocks, h: Any, given: StepInput) -> tuple[dict[str, Array], Array]:
        start = {name: blocks[name] for name in variables}

        def once(z: Blocks) -> dict[str, Array]:
            middle = {**blocks, **{name: (start[name] + z[name]) / 2 for name in z}}
            rates = {x.name: here.value(rate, middle, given) for x, rate in drift.items()}
            return {name: start[name] + h * rates[name] for name in start}

        def goes_on(carried: Any) -> Array:
            number, _, gap = carried
            return (number < MOST_ROUNDS) & jnp.any(gap > 4 * eps)

        def body(carried: Any) -> Any:
            number, z, before = carried
            new = once(z)
            gap = distance(new, z)
            # Rounding keeps the last digits of an iteration moving.
            is_stuck = (gap <= 64 * eps) & (gap >= before)
            return number + 1, new, jnp.where(jnp.isfinite(gap) & ~is_stuck, gap, 0.0)

        far = jnp.full(account.zero(blocks).shape, jnp.inf, here.problem.dtype)
        _, end, _ = jax.lax.while_loop(goes_on, body, (0, start, far))
        return end, distance(once(end), end) <= 64 * eps

    def moves(blocks: Blocks, given: StepInput) -> Moved:
        h = _step_size(here, step.step_size, given.parameters, given.h)

        def one_step(_: Any, carried: Any) -> Any:
            state, good = carried
            end, is_found = solved(state, h, given)
            back, is_back = solved({**state, **end}, -h, given)
            is_same = distance(back, {name: state[name] for name in end}) <= eps**0.5
            return {**state, **end}, good & is_found & is_back & is_same

        good = jnp.ones(account.zero(blocks).shape, bool)
        end, good = jax.lax.fori_loop(0, length, one_step, (dict(blocks), good))
        return end, jnp.where(good, account.zero(blocks), jnp.nan)

    return Mover(0, 0, unprepared, moves)


def _jump_mover(account: Account, jump: GaussianJump) -> Mover:
    """A Gaussian proposal, with its densities in the ratio."""
    here, x = account.here, jump.variable
    shape = shape_of(x, here.problem.sizes)

    def moves(blocks: Blocks, given: StepInput) -> Moved:
        read = here.value
        z = given.normals.reshape((*shape, *given.normals.shape[1:]))
        scale = read(jump.scale, blocks, given)
        new = {**blocks, x.name: read(jump.mean, blocks, given) + scale * z}
        ratio = account.zero(blocks)
        if not account.step.is_symmetric:
            there = read(jump.scale, new, given)
            back = (blocks[x.name] - read(jump.mean, new, given)) / there
            axes = tuple(range(len(shape)))
            ratio = ratio - (jnp.sum(back**2, axes) - jnp.sum(z**2, axes)) / 2
            # A scale that reads the state is another one on the way back.
            ratio = ratio + math.prod(shape) * jnp.log(jnp.abs(scale / there))
        return new, ratio

    return Mover(math.prod(shape), 0, unprepared, moves)
