r"""`solve`: one path in fixed steps as a pure, differentiable function of everything it is given.

Reverse mode keeps a state every sqrt(n) steps and computes what lies between again, so that 1e5
steps fit into little memory; `jax.jit`, `grad`, `vmap` (over keys, say) and `jax.lax.map` go
through parameters, start, step size and times.

Not for long runs of many chains (`simulate`), which are several times faster and look after
themselves.

Checked by: tests/simulation/runs/test_solve.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.core import Tracer

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.names import by_name
from sdekit.errors import SimulationError, check_word
from sdekit.simulation.bind.step_size import check_count, check_step_size
from sdekit.simulation.noise.streams import ACCEPT, GRADIENT, NORMALS, chain_keys, check_seed
from sdekit.simulation.runs.output_times import read_times
from sdekit.simulation.runs.run import sampler_of
from sdekit.simulation.steps.sampler import Bound, Sampler, SamplerState
from sdekit.simulation.steps.scheme import Cache, StepInput, prepared_draws
from sdekit.simulation.steps.small_steps import with_care

#: Share of a step by which an interval may be longer than a whole number of steps: rounding.
_SLACK = 1e-6


class SolvedPath(NamedTuple):
    """A path, or its end.

    Attributes:
        times: Of the states, (saved,) or ().
        position: Target variables in the structure of the user, with a leading axis of times.
        auxiliary: Other variables by name, with a leading axis of times.
    """

    times: Array
    position: Any
    auxiliary: dict[str, Array]


@dataclass(frozen=True)
class OutputGrid:
    """Output times and the equal number of steps between two of them.

    Attributes:
        times: Shape (intervals + 1,), the start first.
        step_size: (), or (intervals,) where they differ.
        each: Steps of an interval.
        intervals: Their number.
        from_start: Whether the start itself is an output.
    """

    times: Any
    step_size: Any
    each: int
    intervals: int
    from_start: bool = True


def solve(
    model: Sampler | Dynamics,
    position: Any,
    *,
    step_size: Any = None,
    steps: int | None = None,
    t0: Any = 0.0,
    t1: Any = None,
    times: Any = None,
    thin: int = 1,
    save: str = "path",
    key: Array | None = None,
    seed: int = 0,
    auxiliary: Mapping[str, Any] | None = None,
    potential: Any = None,
    parameters: Mapping[str, Any] | None = None,
    scheme: str | None = None,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    sizes: Mapping[str, int] | None = None,
    precision: str | None = None,
    noise: str | None = None,
) -> SolvedPath:
    """One path in fixed steps, which JAX may transform.

    How long: `step_size` and `steps`; or `t1` with one of both, where a `step_size` is shortened
    until a whole number of steps meets t1; or `times` with a `step_size`, where every interval
    between two times is cut into as many steps as the longest needs.

    Args:
        model: A sampler; or a dynamics, with the arguments of `sk.sampler` given by name. Inside
            a transformation of parameters give them here, or make the sampler inside.
        position: Start of the target variables.
        step_size: h.
        steps: Number of steps, a whole number.
        t0: Time of the start.
        t1: Time of the end.
        times: Output times, numbers that increase; the start is one if it is named.
        thin: Steps from one state of the path to the next.
        save: "path" for all states, the start first; "end" for the last.
        key: JAX key of the path.
        seed: Instead of a key: the path of the first chain of `sk.simulate` with this seed.
        auxiliary: Start of other variables, by name.
        potential: This and the rest are arguments of `sk.sampler`, for a dynamics only.
        parameters: Values of the parameters.
        scheme: A splitting word, "EM", or the name of an algorithm.
        functions: Other unknown functions.
        sizes: Sizes that neither position nor parameters show.
        precision: "float32" or "float64".
        noise: Source of normals.

    Raises:
        SimulationError: If an argument is wrong. Traced values that are (a step size that is not
            positive, a start outside its domain) give NaN.

    Example:
        >>> import sdekit as sk
        >>> x, r = sk.scalar("x"), sk.parameter("r")
        >>> decay = sk.Dynamics(drift={x: -r * x}, noise={x: 1})
        >>> end = lambda r: solve(decay, 1.0, step_size=0.1, steps=10, parameters={"r": r},
        ...                       scheme="EM", save="end").position
        >>> jax.grad(end)(0.5).shape
        ()

    Checked by: tests/simulation/runs/test_solve.py.
    """
    options = {
        "potential": potential,
        "parameters": parameters,
        "scheme": scheme,
        "functions": functions,
        "sizes": sizes,
        "precision": precision,
        "noise": noise,
    }
    position = by_name(position)
    model = sampler_of(model, options, {"a Dynamics": Dynamics}, "solved")
    check_word("save", save, ("path", "end"), SimulationError)
    check_seed(seed)
    _check_precision(model, (position, step_size, t0, t1, times))
    with model.precision():
        grid = _grid(step_size, steps, t0, t1, times, thin, save)
        return _solved(model, position, grid, save, key, seed, auxiliary)


def _check_precision(model: Sampler, given: Any) -> None:
    """Gradients go backwards outside our context, where double precision must be on as well."""
    is_single = model.dtype == np.float32
    if is_single and model.dynamics.depends_on_time:
        raise SimulationError(
            "single precision would lose the phase of what depends on the time",
            fix="give precision='float64', or use sk.simulate",
        )
    traced = any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(given))
    if not is_single and traced and not jax.config.read("jax_enable_x64"):
        raise SimulationError(
            "double precision of traced values, while JAX has it switched off",
            expected="jax_enable_x64",
            fix="jax.config.update('jax_enable_x64', True) before anything else",
        )


def _grid(
    step_size: Any, steps: Any, t0: Any, t1: Any, times: Any, thin: Any, save: str
) -> OutputGrid:
    """The steps that the arguments ask for."""
    named = {"steps": steps, "t1": t1, "times": times}
    ends = [name for name, value in named.items() if value is not None]
    if ends not in (["steps"], ["t1"], ["times"], ["steps", "t1"]):
        raise SimulationError(
            "how long to solve is not said once",
            expected="step_size with one of steps, t1 and times; or steps with t1",
            found=", ".join(ends) or "none of them",
        )
    if (step_size is None) != (ends == ["steps", "t1"]):
        raise SimulationError(
            "the step size is given twice" if step_size is not None else "no step size is given",
            expected="step_size with one of steps, t1 and times; or steps with t1",
        )
    thin = check_count("thin", thin, 1)
    if times is not None:
        return _of_times(step_size, t0, times, thin)
    if steps is not None:
        count = check_count("steps", steps, 1)
        h = _positive(step_size) if t1 is None else _positive((t1 - jnp.asarray(t0)) / count)
    else:
        h, length = _number("step_size", step_size), _number("t1 - t0", t1 - t0)
        count = max(1, math.ceil(length / h * (1 - _SLACK)))
        h = length / count
    if save == "end":
        thin = count
    if count % thin:
        raise SimulationError(
            "the last steps would be lost", expected=f"a multiple of thin = {thin}", found=count
        )
    intervals = count // thin
    return OutputGrid(t0 + h * thin * jnp.arange(intervals + 1), h, thin, intervals)


def _of_times(step_size: Any, t0: Any, times: Any, thin: int) -> OutputGrid:
    h, first = _number("step_size", step_size), _number("t0", t0, least=-math.inf)
    if isinstance(times, Tracer) or thin != 1:
        raise SimulationError(
            "output times are numbers, and every one is saved",
            expected="times=[...] without thin",
            found="a tracer" if isinstance(times, Tracer) else f"thin={thin}",
            fix="for traced times give steps and t1",
        )
    asked, whole = read_times(times, first)
    if len(whole) == 1:
        raise SimulationError("the path ends before it begins", found=f"times = [{first:g}]")
    gaps = np.diff(whole)
    each = max(1, math.ceil(gaps.max() / h * (1 - _SLACK)))
    return OutputGrid(
        jnp.asarray(whole), jnp.asarray(gaps / each), each, len(gaps), len(asked) == len(whole)
    )


def _number(name: str, value: Any, least: float = 0.0) -> float:
    """A number, from which the number of steps follows."""
    if isinstance(value, Tracer):
        raise SimulationError(
            f"{name} is traced, and the number of steps would follow from it",
            fix="give steps: with t1 or with step_size",
        )
    if least == 0.0:
        return check_step_size(value)
    return float(value)


def _positive(step_size: Any) -> Any:
    """A step size; NaN for a traced one that is not positive."""
    if not isinstance(step_size, Tracer):
        return check_step_size(step_size)
    return jnp.where(step_size > 0, step_size, jnp.nan)


def _solved(
    model: Sampler,
    position: Any,
    grid: OutputGrid,
    save: str,
    key: Array | None,
    seed: int,
    auxiliary: Mapping[str, Any] | None,
) -> SolvedPath:
    key = jax.random.key(seed) if key is None else key
    start = model.init(key, position, auxiliary)
    bound = model.bind(position)
    name = ("solve", bound, grid.each, grid.intervals, grid.from_start, save)
    if name not in model.programs:
        each, intervals, from_start = grid.each, grid.intervals, grid.from_start

        def program(key: Array, start: SamplerState, times: Array, h: Array) -> SolvedPath:
            given = OutputGrid(times, h, each, intervals, from_start)
            return _path(model, bound, key, start, given, save)

        model.programs[name] = jax.jit(program)
    arrays = (jnp.asarray(x, model.dtype) for x in (grid.times, grid.step_size))
    return model.programs[name](key, start, *arrays)


def _path(
    model: Sampler, bound: Bound, key: Array, start: SamplerState, grid: OutputGrid, save: str
) -> SolvedPath:
    problem, scheme = bound.problem, bound.scheme
    blocks = {**problem.layout.blocks(start.position, model.dtype), **start.auxiliary}
    cache = Cache(start.gradients, start.sources, acceptance=start.acceptance)
    step, (blocks, cache) = with_care(problem, scheme, (blocks, cache), grid.step_size)
    keys = {stream: chain_keys(key, np.uint32(0), stream) for stream in (NORMALS, GRADIENT, ACCEPT)}
    shared = scheme.prepare(problem.parameters, grid.step_size, model.dtype)

    def one(carried: Any, number: Array, h: Array, constants: Any, time: Array) -> Any:
        accept = model.noise.bits(keys[ACCEPT], number, 1, scheme.uniforms)[0]
        bits = model.noise.bits(keys[GRADIENT], number, 1, scheme.words)[0]
        given = StepInput(
            normals=model.noise.normals(keys[NORMALS], number, 1, scheme.elements)[0],
            draws=prepared_draws(scheme.evaluations, bits, 0),
            uniforms=((accept >> np.uint32(8)).astype(model.dtype) + 0.5) * 2.0**-24,
            h=h,
            constants=constants,
            parameters=problem.parameters,
            time=time if model.dynamics.depends_on_time else None,
        )
        blocks, cache = carried
        return step(blocks, cache, given)

    def interval(carried: Any, index: Array) -> tuple[Any, Any]:
        is_equal = jnp.ndim(grid.step_size) == 0
        h = grid.step_size if is_equal else grid.step_size[index]
        constants = shared if is_equal else scheme.prepare(problem.parameters, h, model.dtype)
        begin = grid.times[index]

        def inner(carried: Any, k: Array) -> tuple[Any, None]:
            number = jnp.asarray(index * grid.each + k, jnp.uint32)
            return one(carried, number, h, constants, begin + k * h), None

        after, _ = checkpointed(inner, carried, grid.each)
        return after, None if save == "end" else after[0]

    last, states = checkpointed(interval, (blocks, cache), grid.intervals)
    if save == "end":
        return _public(bound, last[0], grid.times[-1])
    if grid.from_start:
        states = jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), blocks, states)
    times = grid.times if grid.from_start else grid.times[1:]
    return jax.vmap(lambda own, time: _public(bound, own, time))(states, times)


def _public(bound: Bound, blocks: Mapping[str, Array], time: Array) -> SolvedPath:
    layout = bound.problem.layout
    targets = {x.name for x in layout.variables}
    auxiliary = {name: block for name, block in blocks.items() if name not in targets}
    return SolvedPath(time, layout.position(blocks), auxiliary)


def checkpointed(
    body: Callable[[Any, Array], tuple[Any, Any]], carried: Any, count: int
) -> tuple[Any, Any]:
    """`lax.scan` over the numbers 0, 1, ... of which reverse mode keeps one in sqrt(count) states.

    Args:
        body: (carried, number) -> (carried, output).
        carried: PyTree.
        count: At least 1.
    """
    if count == 1:
        carried, out = body(carried, jnp.int32(0))
        return carried, jax.tree.map(lambda x: x[None], out)
    most = math.isqrt(count)
    # A block that divides the count saves the compilation of a remainder.
    block = next((b for b in range(most, most // 2, -1) if count % b == 0), most)
    whole = count // block

    def many(carried: Any, first: Array) -> tuple[Any, Any]:
        return lax.scan(body, carried, first + jnp.arange(block, dtype=jnp.int32))

    firsts = jnp.arange(whole, dtype=jnp.int32) * block
    carried, found = lax.scan(jax.checkpoint(many, prevent_cse=False), carried, firsts)
    found = jax.tree.map(lambda x: x.reshape(whole * block, *x.shape[2:]), found)
    if whole * block < count:
        rest = jnp.arange(whole * block, count, dtype=jnp.int32)
        carried, more = lax.scan(body, carried, rest)
        found = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), found, more)
    return carried, found
