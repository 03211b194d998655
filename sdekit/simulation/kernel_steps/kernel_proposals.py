"""Proposals of a kernel and their acceptance, as pieces of its step.

Not for what they keep (`sdekit.verifier.markov`): what is declared is what runs.
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

from sdekit.declaration.functions.grammar import div
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.expression import Expression
from sdekit.errors import SimulationError
from sdekit.kernels.building import RATIO
from sdekit.kernels.kernel_text import step_text
from sdekit.kernels.path import Occurrence, letters_of_word
from sdekit.kernels.steps import Drawn, Flow, GaussianJump, Metropolis
from sdekit.schemes.split.unroll import Move
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import evaluate, shape_of
from sdekit.simulation.gradients.pathwise import undifferentiable
from sdekit.simulation.gradients.sources import FunctionSource
from sdekit.simulation.kernel_steps.running import KernelRun, Running, StepPiece, unprepared
from sdekit.simulation.steps.scheme import (
    Blocks,
    Cache,
    Scheme,
    StepInput,
    composed,
    prepared_draws,
)
from sdekit.simulation.steps.stages import staged


def _length(running: Running, flow: Flow) -> int:
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


def flow_piece(here: KernelRun, step: Flow) -> StepPiece:
    """A word by itself, which is never rejected."""
    return metropolis_piece(here, Metropolis((step,), accept="always"))


@dataclass(frozen=True)
class _Account:
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
        """Whether the whole change of energy counts, from the first letter to the last."""
        flows = [part for part in self.step.proposal if isinstance(part, Flow)]
        letters = [letter for flow in flows for letter in letters_of_word(flow)]
        return self.step.counted is None and not any(x.part.diffusion for x in letters)

    def counts(self, letter: Occurrence, number: int) -> bool:
        if self.step.counted is None:
            return not letter.part.diffusion
        return bool({letter.part.letter, str(number)} & set(self.step.counted))

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


def metropolis_piece(here: KernelRun, step: Metropolis) -> StepPiece:
    """A proposal that is accepted or not.

    Raises:
        SimulationError: If the proposal cannot be run.
    """
    if len(step.proposal) != 1 or not isinstance(step.proposal[0], (Flow, GaussianJump)):
        raise SimulationError(
            "this proposal is not run", expected="one word or one jump", found=step_text(step)
        )
    account = _Account(here, step)
    part = step.proposal[0]
    propose = _jumped(account, part) if isinstance(part, GaussianJump) else _flowed(account, part)
    moves, elements, prepare, random = propose

    def run(blocks: Blocks, given: StepInput) -> tuple[dict[str, Array], Array]:
        end, ratio = moves(blocks, given)
        end = here.mapped(step.flip, end, given)
        assert given.uniforms is not None
        # Comparisons with NaN are false: a trajectory that diverged is rejected.
        ratio = undifferentiable(ratio, "a proposal is accepted or rejected")
        accept = jnp.log(given.uniforms[0]) < _log_acceptance(account, ratio)
        chosen = {name: jnp.where(accept, end[name], block) for name, block in blocks.items()}
        return chosen, accept

    return StepPiece(elements, 1 + random, prepare, run)


def _log_acceptance(account: _Account, ratio: Array) -> Array:
    accept = account.step.accept
    if accept == "metropolis":
        return ratio
    if accept == "always":
        return jnp.where(jnp.isfinite(ratio), 0.0, ratio)
    if accept == "barker":
        return -jax.nn.softplus(-ratio)
    environment = account.here.problem.environment({RATIO.name: jnp.exp(ratio)})
    return jnp.log(jnp.asarray(evaluate(accept, environment)))  # type: ignore[arg-type]


def _flowed(account: _Account, flow: Flow) -> tuple[Any, int, Any, int]:
    """Proposals along words: (moves, normals, prepare, uniforms)."""
    here, problem, running = account.here, account.here.problem, account.here.running
    words, length = _words(problem, flow), _length(running, flow)
    each = sum(scheme.elements for _, scheme in words)

    def size(parameters: Any, h: Any) -> Any:
        blank = StepInput(jnp.zeros(0), (), None, h, None, parameters)
        return evaluate(flow.step_size, here.environment({}, blank))

    def prepare(parameters: Mapping[str, Any], h: Any, dtype: np.dtype) -> Any:
        own = size(parameters, h)
        return tuple(scheme.prepare(parameters, own, dtype) for _, scheme in words)

    def moves(blocks: Blocks, given: StepInput) -> tuple[dict[str, Array], Array]:
        h = size(given.parameters, given.h)
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

        start = (dict(blocks), account.zero(blocks))
        end, ratio = jax.lax.fori_loop(0, length, one_word, start)
        if account.counts_whole:
            ratio = ratio + account.energy(blocks, given) - account.energy(end, given)
        return end, ratio

    return moves, each * length, prepare, int(isinstance(flow.steps, Drawn))


def _one_word(
    account: _Account, words: Any, blocks: Blocks, inner: StepInput, given: StepInput
) -> tuple[dict[str, Array], Array]:
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


def _lengths(account: _Account, flow: Flow, blocks: Blocks, given: StepInput) -> Array | None:
    """The number of steps of each chain, where it is drawn."""
    if not isinstance(flow.steps, Drawn):
        return None
    assert given.uniforms is not None
    total, found = jnp.zeros(()), jnp.zeros((), jnp.int32)
    for number, weight in flow.steps.weights:
        before = total
        total = total + account.here.value(weight, blocks, given)
        drawn = given.uniforms[1]
        found = jnp.where((before <= drawn) & (drawn < total), number, found)
    return found


def _jumped(account: _Account, jump: GaussianJump) -> tuple[Any, int, Any, int]:
    """Gaussian proposals, with their densities in the ratio."""
    here, x = account.here, jump.variable
    shape = shape_of(x, here.problem.sizes)

    def moves(blocks: Blocks, given: StepInput) -> tuple[dict[str, Array], Array]:
        read = here.value
        z = given.normals.reshape((*shape, *given.normals.shape[1:]))
        scale = read(jump.scale, blocks, given)
        new = {**blocks, x.name: read(jump.mean, blocks, given) + scale * z}
        ratio = account.energy(blocks, given) - account.energy(new, given)
        if not account.step.is_symmetric:
            there = read(jump.scale, new, given)
            back = (blocks[x.name] - read(jump.mean, new, given)) / there
            axes = tuple(range(len(shape)))
            ratio = ratio - (jnp.sum(back**2, axes) - jnp.sum(z**2, axes)) / 2
            # A scale that reads the state is another one on the way back.
            ratio = ratio + math.prod(shape) * jnp.log(jnp.abs(scale / there))
        return new, ratio

    return moves, math.prod(shape), unprepared, 0
