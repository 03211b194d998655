"""What a kernel needs to be run: a dynamics to bind, values of its own symbols, its pieces.

Not for the pieces themselves (`refreshing`, `proposals`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.errors import SimulationError
from sdekit.kernels.steps import Flow, Images, Kernel, dynamics_in, expressions_in, parts_of
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import Environment, evaluate
from sdekit.simulation.bind.step_size import check_count
from sdekit.simulation.steps.scheme import Blocks, StepInput

#: The name under which a sampler of a kernel stands in results.
KERNEL = "kernel"


@dataclass(frozen=True)
class Running:
    """A kernel with the values of what it alone declares."""

    kernel: Kernel
    values: Mapping[str, float]
    clocks: frozenset[str]
    steps: int | None


Found = TypeVar("Found")


@dataclass(frozen=True)
class KernelPart(Generic[Found]):
    """A part of a kernel's step, with the random numbers it takes.

    Attributes:
        elements: Normals.
        uniforms: Uniform numbers.
        prepare: (parameters, h, dtype) -> constants.
        run: (blocks, input of its own) -> (blocks, what else is known of each chain).
    """

    elements: int
    uniforms: int
    prepare: Callable[..., Any]
    run: Callable[[Blocks, StepInput], tuple[dict[str, Array], Found]]

    def own(self, given: StepInput, constants: Any, normals: int, uniforms: int) -> StepInput:
        """Its own input: its constants, and its random numbers from these places on."""
        words = given.uniforms
        return replace(
            given,
            normals=given.normals[normals : normals + self.elements],
            uniforms=None if words is None else words[uniforms : uniforms + self.uniforms],
            constants=constants,
        )


#: A whole step of a kernel, and whether it was accepted; None where nothing is rejected.
StepPiece = KernelPart[Array | None]


def prepared(pieces: Sequence[KernelPart[Any]]) -> Callable[..., Any]:
    """The constants of several pieces, as one function."""

    def prepare(parameters: Mapping[str, Any], h: Any, dtype: np.dtype) -> Any:
        return tuple(piece.prepare(parameters, h, dtype) for piece in pieces)

    return prepare


def in_turn(
    pieces: Sequence[KernelPart[Found]], given: StepInput
) -> Iterator[tuple[KernelPart[Found], StepInput]]:
    """Each piece with its own input; none reads a random number of another."""
    normals = uniforms = 0
    for piece, constants in zip(pieces, given.constants, strict=True):
        yield piece, piece.own(given, constants, normals, uniforms)
        normals, uniforms = normals + piece.elements, uniforms + piece.uniforms


def as_run(
    kernel: Kernel, parameters: Mapping[str, Any], scheme: str | None, steps: int | None
) -> tuple[Dynamics, dict[str, Any], dict[str, Any]]:
    """What a kernel needs to be bound: its law with the drift of its flows, values, options.

    Args:
        kernel: The kernel.
        parameters: Values of the parameters of law, flows and steps, by name.
        scheme: Has to be None: a kernel is its own scheme.
        steps: The number of steps where the kernel leaves it open.

    Raises:
        SimulationError: If flows of several dynamics occur, or a value is missing.
    """
    flows = dynamics_in(kernel.steps)
    if scheme is not None:
        raise SimulationError("a kernel is its own scheme", found=scheme, fix="leave scheme out")
    if steps is not None:
        steps = check_count("leapfrog_steps", steps, 1)
    if len(flows) > 1:
        raise SimulationError(
            "flows of several dynamics in one kernel are not run", found=f"{len(flows)} of them"
        )
    drift: Mapping[Variable, Expression] = flows[0].drift if flows else {}
    dynamics = Dynamics(
        drift={x: drift.get(x, x - x) for x in kernel.variables},
        diffusion=dict(flows[0].blocks()) if flows else None,
        hamiltonian=kernel.hamiltonian,
        target=kernel.target,
        target_variables=kernel.target_variables if kernel.target is not None else None,
        name=kernel.name or None,
    )
    declared = {parameter.name for parameter in dynamics.parameters}
    clocks = _step_sizes(kernel)
    own = _symbols(kernel) - declared - clocks
    missing = sorted(own - parameters.keys())
    if missing:
        raise SimulationError(
            f"parameter {missing[0]} has no value", fix=f'give parameters={{"{missing[0]}": ...}}'
        )
    values = {name: float(parameters[name]) for name in sorted(own)}
    given = {name: value for name, value in parameters.items() if name not in own}
    return dynamics, given, {KERNEL: Running(kernel, values, frozenset(clocks), steps)}


def check_noise(noise: str) -> None:
    """Refuse noise of a few bits: a kernel keeps its law for normals only.

    Raises:
        SimulationError: If it is asked for.
    """
    if noise == "weak":
        raise SimulationError(
            "a kernel needs normals: other variables would change the law that it keeps",
            expected='noise "threefry-fast" or "jax"',
            found=noise,
        )


def _symbols(kernel: Kernel) -> set[str]:
    nodes = (node for step in kernel.steps for e in expressions_in(step) for node in e.walk())
    return {n.name for n in nodes if isinstance(n, Parameter) and n.value is None}


def _step_sizes(kernel: Kernel) -> set[str]:
    """The names that stand for the step size of the run."""
    sizes = [
        part.step_size for step in kernel.steps for part in parts_of(step) if isinstance(part, Flow)
    ]
    return {"h"} | {size.name for size in sizes if isinstance(size, Parameter)}


def unprepared(parameters: Any, h: Any, dtype: Any) -> None:
    """For pieces without constants."""
    del parameters, h, dtype


@dataclass(frozen=True, eq=False)
class KernelRun:
    """A kernel bound to a problem, where its expressions have values."""

    problem: Problem
    running: Running

    def environment(self, blocks: Blocks, given: StepInput) -> Environment:
        """Blocks, parameters, the step size and the values of the kernel's own symbols."""
        running, dtype = self.running, self.problem.dtype
        own = {name: jnp.asarray(value, dtype) for name, value in running.values.items()}
        clocks = dict.fromkeys(running.clocks, given.h)
        return self.problem.environment({**given.parameters, **clocks, **own, **blocks})

    def value(self, expression: Expression, blocks: Blocks, given: StepInput) -> Array:
        """The value of an expression, for each chain."""
        found = evaluate(expression, self.environment(blocks, given))
        return jnp.asarray(found, self.problem.dtype)

    def check_weights(self, weights: Sequence[Expression], what: str) -> None:
        """Refuse numbers that are no probabilities; weights that read the state are not looked at.

        Raises:
            SimulationError: If one is negative or they do not sum to 1.
        """
        read = self.running.kernel.variables
        is_traced = any(isinstance(v, Tracer) for v in self.problem.parameters.values())
        if is_traced or any(weight.depends_on(x) for weight in weights for x in read):
            return
        blank = StepInput(jnp.zeros(0), (), None, jnp.ones(()), None, self.problem.parameters)
        found = [float(self.value(weight, {}, blank)) for weight in weights]
        if min(found) < 0 or abs(sum(found) - 1) > 1e-5:
            raise SimulationError(
                f"the weights of {what} are no probabilities",
                expected="numbers of at least 0 that sum to 1",
                found=", ".join(f"{number:g}" for number in found),
            )

    def chosen(
        self, weights: Sequence[Expression], drawn: Array, blocks: Blocks, given: StepInput
    ) -> Iterator[Array]:
        """For each weight, the chains whose uniform number falls on it."""
        total = jnp.zeros(())
        for weight in weights:
            before, total = total, total + self.value(weight, blocks, given)
            yield (before <= drawn) & (drawn < total)

    def for_each(
        self, function: Callable[[dict[str, Array], Any], Array], blocks: Blocks, given: StepInput
    ) -> Array:
        """A function of the blocks of one chain and the parameters, for each chain."""
        first = self.running.kernel.variables[0]
        if blocks[first.name].ndim == first.ndim:
            return function(dict(blocks), given.parameters)
        return jax.vmap(lambda one: function(one, given.parameters), in_axes=-1)(dict(blocks))

    def mapped(self, images: Images, blocks: Blocks, given: StepInput) -> dict[str, Array]:
        """The blocks behind a closed form, all moved at once."""
        new = {x.name: self.value(image, blocks, given) for x, image in images}
        # An image that reads nothing is the same for all chains.
        return {
            **blocks,
            **{name: jnp.broadcast_to(v, blocks[name].shape) for name, v in new.items()},
        }
