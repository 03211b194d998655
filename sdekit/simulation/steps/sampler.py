"""`sampler`: a dynamics, a potential and a scheme as pure functions `init` and `step`.

Both can be jitted, vmapped, scanned and sharded by the user; `run.simulate` runs the same step in
compiled blocks.

Not for long runs (`run`) nor for what a scheme does (`words`, `scheme`).

Checked by: tests/simulation/steps/test_sampler.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer, eval_context
from jax.typing import ArrayLike

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.names import by_name
from sdekit.errors import SimulationError
from sdekit.kernels.steps import Kernel
from sdekit.schemes.order.scheme_order import weak_noise
from sdekit.simulation.bind.bound import Problem, bind
from sdekit.simulation.bind.parameter_values import settled
from sdekit.simulation.bind.position import layout_of
from sdekit.simulation.bind.start import (
    StartLaw,
    check_auxiliary,
    normals_of,
    start_blocks,
    start_laws,
)
from sdekit.simulation.bind.step_size import check_step_size, from_published_units
from sdekit.simulation.inside.many_steps import check_step_count, is_many, many_steps
from sdekit.simulation.inside.sampler_state import (
    SamplerState,
    loop_cache,
    public_state,
    renewed,
)
from sdekit.simulation.kernel_steps.running import KERNEL, as_run, check_noise
from sdekit.simulation.loop.program import Keys, LoopState
from sdekit.simulation.noise.streams import (
    ACCEPT,
    GRADIENT,
    NORMALS,
    START,
    UPDATES,
    NoiseSource,
    chain_keys,
)
from sdekit.simulation.steps.boundaries import check_start_inside, lost_outside
from sdekit.simulation.steps.scheme import (
    Cache,
    Scheme,
    StepInput,
    first_cache,
    prepared_draws,
)
from sdekit.simulation.steps.words import build_scheme, scheme_that_fits
from sdekit.simulation.updates.extra import ExtraLayout

PRECISIONS = {"float32": np.dtype(np.float32), "float64": np.dtype(np.float64)}


@dataclass(frozen=True, eq=False)
class Bound:
    """A sampler for positions (and extra arrays) of one structure."""

    problem: Problem
    scheme: Scheme
    laws: tuple[StartLaw, ...]


class Sampler:
    """A dynamics that can run; make one with `sampler`.

    Attributes:
        dynamics: As declared.
        scheme: Name or word of the scheme.
        dtype: float32 or float64.
        noise: Source of normals and bits.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        potential: Any,
        parameters: Mapping[str, Any],
        scheme: str,
        functions: Mapping[str, Callable[..., Any]],
        sizes: Mapping[str, int],
        dtype: np.dtype,
        noise: NoiseSource,
        options: Mapping[str, Any],
    ) -> None:
        self.dynamics, self.scheme, self.dtype = dynamics, scheme, dtype
        self.potential, self.parameters = potential, parameters
        self.functions, self.sizes = dict(functions), dict(sizes)
        self.noise = noise
        self.options = dict(options)
        self._bound: dict[Any, Bound] = {}
        #: Compiled programs of `simulate`, which must not be compiled again for the next run.
        self.programs: dict[Any, Any] = {}

    def __repr__(self) -> str:
        return f"<Sampler {self.dynamics.name or '(unnamed)'} by {self.scheme}, {self.dtype}>"

    def precision(self) -> AbstractContextManager[Any]:
        """The context in which arrays of this sampler's dtype exist."""
        return jax.enable_x64(True) if self.dtype == np.float64 else nullcontext()

    def bind(self, position: Any, extra: ExtraLayout | None = None) -> Bound:
        """Problem and scheme for positions structured like this one.

        Raises:
            SimulationError: If position, parameters, functions or potential do not fit.
        """
        key = layout_of(position, self.dynamics.target_variables), extra
        if key not in self._bound:
            # What is found here outlives the user's trace, so that nothing of it may be traced.
            with eval_context():
                self._bound[key] = self._bind(position, extra)
        return self._bound[key]

    def _bind(self, position: Any, extra: ExtraLayout | None) -> Bound:
        problem = bind(
            self.dynamics,
            position,
            potential=self.potential,
            parameters=self.parameters,
            functions=self.functions,
            sizes=self.sizes,
            dtype=self.dtype,
            extra=extra,
        )
        scheme = build_scheme(problem, self.scheme, self.options)
        return Bound(problem, scheme, start_laws(problem))

    def init(
        self, key: Array, position: Any, auxiliary: Mapping[str, Any] | None = None
    ) -> SamplerState:
        """The state of one chain at its start.

        Args:
            key: JAX key, for the momenta.
            position: Start of the target variables.
            auxiliary: Start of other variables, by name; those left out are drawn (momenta) or put
                at their mean.

        Raises:
            SimulationError: If the position does not fit the dynamics.
        """
        position = by_name(position)
        with self.precision():
            bound = self.bind(position)
            given = check_auxiliary(bound.problem, by_name(auxiliary or {}))
            check_start_inside(bound.problem, position, given)
            return self._compiled("init", bound, self._init)(key, position, given)

    def _compiled(self, what: str, bound: Bound, of: Callable[..., Any]) -> Callable[..., Any]:
        """A method for one structure of positions, compiled once."""
        key = (what, bound)
        if key not in self.programs:
            self.programs[key] = jax.jit(partial(of, bound))
        return self.programs[key]

    def _init(
        self, bound: Bound, key: Array, position: Any, given: Mapping[str, Array]
    ) -> SamplerState:
        keys = chain_keys(key, np.uint32(0), START)
        target = bound.problem.layout.blocks(position, self.dtype)
        target, given = (lost_outside(b, self.dynamics) for b in (target, given))
        blocks = self.start(bound, target, given, keys)
        cache = self.first_cache(bound, blocks, keys, position)
        return public_state(bound.problem.layout, blocks, cache)

    def start(
        self,
        bound: Bound,
        target: Mapping[str, Array],
        given: Mapping[str, Array],
        keys: Array,
    ) -> dict[str, Array]:
        """Blocks of one chain's start; `keys` are its words of the stream START."""
        count = normals_of(bound.laws, bound.problem)
        normals = self.noise.normal.normals(keys, 0, 1, count)[0]
        return start_blocks(bound.problem, bound.laws, target, given, normals)

    def first_cache(
        self,
        bound: Bound,
        blocks: Mapping[str, Array],
        keys: Array,
        position: Any,
        tables: Any = None,
    ) -> Cache:
        """Shared gradients and source states of one chain's start."""
        scheme = bound.scheme
        sources = {}
        for number, oracle in enumerate(scheme.oracles):
            key = jax.random.wrap_key_data(keys, impl="threefry2x32")
            begin = oracle.source_at(blocks).init
            sources[oracle.name] = begin(jax.random.fold_in(key, number), oracle.position(blocks))
        bits = self.noise.bits(keys, 1, 1, scheme.carried_words)[0]
        draws = prepared_draws(scheme.carried, bits, 0)
        return first_cache(scheme, blocks, draws, sources, tables, bound.problem.parameters)

    def step(self, key: Array, state: SamplerState, step_size: ArrayLike) -> SamplerState:
        """One step; a pure function.

        Args:
            key: JAX key of this step.
            state: From `init` or the step before.
            step_size: h > 0; with a splitting word or "EM" in the time unit of the dynamics.

        Raises:
            SimulationError: If the step size is a number that is not positive, or the dynamics
                depends on the time, which a lone step does not know.
        """
        _check_lone_step(self.dynamics, step_size)
        with self.precision():
            bound = self.bind(state.position)
            h = jnp.asarray(step_size, self.dtype)
            return self._compiled("step", bound, self._step)(key, state, h)

    def _step(self, bound: Bound, key: Array, state: SamplerState, h: Array) -> SamplerState:
        scheme, problem = bound.scheme, bound.problem
        blocks, cache = self._entered(bound, key, state)
        # Changes keep their digits where 1 - friction h would not: h is any number here.
        step = (scheme.compensated or scheme).step
        blocks, cache = step(blocks, cache, self._input(scheme, problem, key, h))
        return public_state(problem.layout, blocks, cache)

    def steps(
        self, key: Array, state: SamplerState, step_size: ArrayLike, count: int
    ) -> SamplerState:
        """`count` steps, with noise in blocks as in `sk.simulate`; a pure function.

        Many chains go as fast as in `sk.simulate` where they are given together, with an array of
        keys and a state with a leading axis of chains; under `jax.vmap` each draws its noise by
        itself, which takes twice as long. One chain goes as fast as there, too.

        Args:
            key: JAX key of these steps, or keys of shape (chains,).
            state: From `init`, `step` or `steps`.
            step_size: h > 0, for all chains.
            count: Number of steps, which is compiled in.

        Returns:
            The state afterwards. `count = 1` is `step`; chain 0 of a run with this seed moves the
            same way, to rounding.

        Raises:
            SimulationError: As for `step`, or if the count is no whole number.
        """
        _check_lone_step(self.dynamics, step_size)
        check_step_count(count)
        many = is_many(key)
        with self.precision():
            bound = self.bind(jax.tree.map(lambda x: x[0] if many else x, state.position))
            h = jnp.asarray(step_size, self.dtype)
            run = partial(self._steps, many, int(count))
            return self._compiled(f"{count} steps {many}", bound, run)(key, state, h)

    def _steps(
        self, many: bool, count: int, bound: Bound, key: Array, state: SamplerState, h: Array
    ) -> SamplerState:
        def enter(key: Array, state: SamplerState) -> Any:
            of = partial(chain_keys, key, np.uint32(0))
            begun = LoopState(*self._entered(bound, key, state))
            return begun, Keys(of(NORMALS), of(GRADIENT), of(ACCEPT), of(UPDATES))

        public = partial(public_state, bound.problem.layout)
        begun, keys = (jax.vmap(enter, out_axes=-1) if many else enter)(key, state)
        scheme = bound.scheme.compensated or bound.scheme
        end = many_steps(bound.problem, scheme, self.noise, begun, keys=keys, h=h, count=count)
        return (jax.vmap(public, in_axes=-1) if many else public)(*end)

    def _entered(
        self, bound: Bound, key: Array, state: SamplerState
    ) -> tuple[dict[str, Array], Cache]:
        """Blocks and cache of one chain at its state."""
        target = bound.problem.layout.blocks(state.position, self.dtype)
        blocks, cache = {**target, **state.auxiliary}, loop_cache(state)
        if state.origin is not None:
            bits = partial(self.noise.bits, chain_keys(key, np.uint32(0), GRADIENT), 1, 1)
            cache = renewed(
                bound.scheme, bound.problem, cache, blocks, origin=state.origin, bits=bits
            )
        return blocks, cache

    def _input(self, scheme: Scheme, problem: Problem, key: Array, h: Array) -> StepInput:
        def keys(stream: int) -> Array:
            return chain_keys(key, np.uint32(0), stream)

        normals = self.noise.normals(keys(NORMALS), 0, 1, scheme.elements)[0]
        bits = self.noise.bits(keys(GRADIENT), 0, 1, scheme.words)[0]
        accept = self.noise.bits(keys(ACCEPT), 0, 1, scheme.uniforms)[0]
        return StepInput(
            normals=normals,
            draws=prepared_draws(scheme.evaluations, bits, 0),
            uniforms=((accept >> np.uint32(8)).astype(self.dtype) + 0.5) * 2.0**-24,
            h=h,
            constants=scheme.prepare(problem.parameters, h, self.dtype),
            parameters=problem.parameters,
        )


def _check_lone_step(dynamics: Dynamics, step_size: ArrayLike) -> None:
    if dynamics.depends_on_time:
        raise SimulationError(
            "the dynamics depends on the time, which a single step does not know",
            fix="use sk.simulate",
        )
    if not isinstance(step_size, Tracer):
        check_step_size(step_size)


def sampler(
    dynamics: Dynamics | Kernel,
    potential: Any = None,
    parameters: Mapping[str, Any] | None = None,
    scheme: str | None = None,
    *,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    sizes: Mapping[str, int] | None = None,
    precision: str = "float32",
    noise: str = "threefry-fast",
    leapfrog_steps: int | None = None,
) -> Sampler:
    """Make a dynamics run.

    Args:
        dynamics: A declaration or kernel, verified or not; gradient noise is not injected.
        potential: The unknown potential of the declaration: a JAX function of the position, a
            SymPy expression of the coordinates, or a `Minibatch`. None if there is none.
        parameters: Values by name; "Algorithm2" takes its eta and a in place of A. A tracer (under
            `jax.grad`, `vmap`, `jit`) that contradicts its declaration becomes NaN.
        scheme: A word over the letters of `sk.splitting(dynamics)` such as "BAOAB"; "EM";
            "Algorithm1", "Algorithm2"; "SGLD", "SGHMC" (other names of EM and Algorithm 1);
            "HMC"; "MALA", "Metropolis". The default word of the splitting when left out.
        functions: Other unknown functions as JAX functions of their blocks, by name.
        sizes: Sizes of dimensions that neither position nor parameters show.
        precision: "float32", or "float64", which switches JAX's 64-bit mode on for the sampler's
            own computations (inside your own jit you switch it on yourself).
        noise: "threefry-fast"; "jax" for `jax.random.normal`; or "weak" for variables of a few
            bits with the moments of a normal that the order of the scheme needs: weak and
            invariant-measure order are kept, the laws of single increments and paths are not.
        leapfrog_steps: Length of the trajectories of "HMC", and of words with an open number.

    Raises:
        SimulationError: If an option is unknown.
        SchemeError: If the word does not fit the dynamics.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x")
        >>> ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
        >>> run = sampler(ou, scheme="EM")
        >>> state = run.step(jax.random.key(1), run.init(jax.random.key(0), 0.5), 0.01)
        >>> state.position.shape
        ()

    Checked by: tests/simulation/steps/test_sampler.py.
    """
    options: dict[str, Any] = {} if leapfrog_steps is None else {"leapfrog_steps": leapfrog_steps}
    if isinstance(dynamics, Kernel):
        check_noise(noise)
        dynamics, parameters, options = as_run(dynamics, parameters or {}, scheme, leapfrog_steps)
    if not isinstance(dynamics, Dynamics):
        raise SimulationError(
            "this is no dynamics", expected="sk.Dynamics(...)", found=type(dynamics).__name__
        )
    if precision not in PRECISIONS:
        raise SimulationError(
            "unknown precision", found=repr(precision), fix='write "float32" or "float64"'
        )
    if scheme is not None and not isinstance(scheme, str):
        raise SimulationError(
            "a scheme is named by text", found=repr(scheme)[:80], fix='write scheme="BAOAB"'
        )
    chosen = KERNEL if KERNEL in options else scheme_that_fits(dynamics, scheme)
    dtype = PRECISIONS[precision]
    parameters, implied = from_published_units(chosen, by_name(parameters))
    return Sampler(
        dynamics, potential, settled(dynamics, parameters, dtype, sizes), chosen,
        by_name(functions or {}), sizes or {}, dtype,
        NoiseSource(noise, dtype, weak_noise(dynamics, chosen) if noise == "weak" else None),
        {**options, "step_size": implied},
    )  # fmt: skip
