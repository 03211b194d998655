"""The same object for other people's tools: diffrax, BlackJAX, NumPyro.

Each bridge is tested against the real package. Not for running (`run.py`) nor for results in ArviZ
(`inference_data.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.core import Tracer

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.dynamics_checks import require_free_entries
from sdekit.declaration.tree.names import by_name
from sdekit.errors import MissingDependencyError, SimulationError, check_word
from sdekit.simulation.bind.bound import bind
from sdekit.simulation.bind.parameter_values import settled
from sdekit.simulation.bind.start import check_auxiliary, normals_of, start_blocks, start_laws
from sdekit.simulation.bind.step_size import check_step_size
from sdekit.simulation.bind.user_functions import USER_ERRORS, told
from sdekit.simulation.noise.streams import check_seed
from sdekit.simulation.solvers.brownian import PathSettings
from sdekit.simulation.solvers.diffrax_problem import DiffraxProblem, diffrax_problem
from sdekit.simulation.steps.sampler import Sampler

PRECISIONS = ("float32", "float64")
#: What NumPyro raises for a model that it cannot take.
NUMPYRO_ERRORS = (*USER_ERRORS, RuntimeError, ImportError, NotImplementedError, AssertionError)


def to_diffrax(
    dynamics: Dynamics,
    position: Any,
    *,
    t1: float,
    t0: float = 0.0,
    potential: Any = None,
    parameters: Mapping[str, Any] | None = None,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    sizes: Mapping[str, int] | None = None,
    auxiliary: Mapping[str, Any] | None = None,
    solver: str | None = None,
    adaptive: bool = False,
    rtol: float = 1e-3,
    atol: float = 1e-3,
    path: str = "auto",
    tolerance: float | None = None,
    seed: int = 0,
    precision: str = "float32",
) -> DiffraxProblem:
    """Terms, solver and Brownian path for `diffrax.diffeqsolve`.

    Args:
        dynamics: Any dynamics, Ito or Stratonovich, with or without H.
        position: Where the target variables start: an array, or any PyTree for a vector.
        t1: End of the Brownian path.
        t0: Its start.
        potential: The unknown potential: a JAX function of the position, a SymPy expression, or
            a Minibatch (of which diffrax gets the full gradient).
        parameters: Values of the parameters; inside `jax.grad`, `vmap` or `jit` they, the start,
            `t0` and `t1` may be tracers.
        functions: The other unknown functions.
        sizes: Sizes of dimensions that position and parameters do not show.
        auxiliary: Where auxiliary variables start; drawn from exp(-H) or at their mean if absent.
        solver: A name of `solvers.SOLVERS`; None chooses by the kind of the noise.
        adaptive: Whether the solver chooses its steps, to `rtol` and `atol`.
        rtol: Relative tolerance.
        atol: Absolute tolerance.
        path: "increments" draws them on the spot (fixed steps, no reverse mode), "tree" is a
            virtual Brownian tree (chosen steps, the same path at several step sizes, gradients);
            "auto" takes what is needed, the tree where parameters or start are tracers: the same
            seed then gives another path than without `jax.jit` or `grad`, which `.path` names.
        tolerance: Of the tree; default (t1 - t0) / 2^14. Steps must not be shorter.
        seed: Seed of path and start.
        precision: "float32" or "float64" (which JAX must have switched on).

    Returns:
        Problem with `.terms`, `.solver`, `.y0` and the rest for `diffeqsolve`; `.solve(...)` calls
        it, `.blocks(ys)` gives the variables by name, `.step` is one step for a loop of one's own.

    Raises:
        SimulationError: If values are missing or do not fit.
        SchemeError: If the solver does not fit the noise, with the reason.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x")
        >>> cir = sk.Dynamics(drift={x: 1 - x}, diffusion={x: x**2 / 8})
        >>> given = sk.to_diffrax(cir, 1.0, t1=1.0, solver="milstein")
        >>> str(given.noise)
        'diagonal noise: each entry has noise of its own that reads no other noisy entry'

    Checked by: tests/simulation/solvers/test_diffrax_problem.py.
    """
    if not isinstance(dynamics, Dynamics):
        raise SimulationError(
            "to_diffrax takes a Dynamics", found=type(dynamics).__name__,
            fix="give the dynamics, not its name or its sampler",
        )  # fmt: skip
    require_free_entries(dynamics.variables, "no solver here keeps")
    check_seed(seed)
    if not any(isinstance(t, Tracer) for t in (t0, t1)) and not t1 > t0:
        raise SimulationError("the time interval is empty", found=f"{t0} to {t1}", fix="swap them")
    dtype, position = _dtype(precision), by_name(position)
    problem = bind(
        dynamics,
        position,
        potential=potential,
        parameters=settled(dynamics, parameters, dtype, sizes),
        functions=by_name(functions or {}),
        sizes=sizes or {},
        dtype=dtype,
    )
    path_key, start_key = jax.random.split(jax.random.key(seed))
    laws = start_laws(problem)
    start = start_blocks(
        problem,
        laws,
        problem.layout.blocks(position, problem.dtype),
        check_auxiliary(problem, auxiliary or {}),
        jax.random.normal(start_key, (normals_of(laws, problem),), problem.dtype),
    )
    tolerance = (t1 - t0) / 2**14 if tolerance is None else tolerance
    asked = PathSettings(path_key, t0, t1, adaptive, rtol, atol, path, tolerance)
    return diffrax_problem(problem, start, solver, asked)


def _dtype(precision: str) -> np.dtype:
    check_word("precision", precision, PRECISIONS, SimulationError)
    dtype = np.dtype(precision)
    if precision == "float64" and not jax.config.read("jax_enable_x64"):
        raise SimulationError(
            "JAX has float64 switched off", expected="jax_enable_x64",
            fix="jax.config.update('jax_enable_x64', True) before anything else",
        )  # fmt: skip
    return dtype


class StepInfo(NamedTuple):
    """What a BlackJAX step tells beside the state.

    Args:
        step_size: The step size taken.
    """

    step_size: Any


def to_blackjax(sampler: Sampler, step_size: float) -> Any:
    """A sampler as `blackjax.SamplingAlgorithm`, for BlackJAX's own loops.

    Args:
        sampler: From `sk.sampler`.
        step_size: h.

    Returns:
        Pair `init(position, rng_key)`, `step(rng_key, state) -> (state, info)`; the state has
        `position`.

    Raises:
        SimulationError: If the step size is not positive.
        MissingDependencyError: Without BlackJAX.

    Checked by: tests/bridges/test_other_libraries.py.
    """
    blackjax = _module("blackjax", "bridges")
    size = check_step_size(step_size)

    def init(position: Any, rng_key: Any = None) -> Any:
        return sampler.init(jax.random.key(0) if rng_key is None else rng_key, position)

    def step(rng_key: Any, state: Any) -> tuple[Any, StepInfo]:
        return sampler.step(rng_key, state, size), StepInfo(jax.numpy.asarray(size))

    return blackjax.base.SamplingAlgorithm(init, step)


@dataclass(frozen=True, eq=False)
class NumpyroTarget:
    """The posterior of a NumPyro model on the unconstrained scale.

    Args:
        potential: U of the unconstrained position, log Jacobians included; for
            `sk.sampler(dynamics, potential=...)`.
        position: A start, as a dictionary by site.
        to_model: Unconstrained position of one draw -> values of the sites of the model.
    """

    potential: Callable[[Any], Any]
    position: dict[str, Any]
    to_model: Callable[[Any], Any]

    def __repr__(self) -> str:
        return f"<NumpyroTarget of {', '.join(self.position)}>"

    def constrained(self, position: Any) -> dict[str, np.ndarray]:
        """Draws on the scale of the model, deterministic sites included.

        Args:
            position: Draws with leaves (chain, draw, ...), such as `run.position`.

        Returns:
            By site, shape (chain, draw, ...).
        """
        found = jax.jit(jax.vmap(jax.vmap(self.to_model)))(position)
        return {name: np.asarray(values) for name, values in found.items()}


def from_numpyro(
    model: Callable[..., Any], *arguments: Any, seed: int = 0, **options: Any
) -> NumpyroTarget:
    """The posterior of a NumPyro model as a target.

    Constrained sites (positive scales, simplices, ...) are sampled on NumPyro's unconstrained
    scale with the log Jacobian added, and mapped back by `constrained`.

    Args:
        model: NumPyro model.
        *arguments: Its arguments, the data among them.
        seed: Of the start.
        **options: Its keyword arguments.

    Returns:
        Potential, start and the way back.

    Raises:
        SimulationError: If NumPyro cannot initialize the model, or it has discrete latent variables
            or plates that draw rows anew.
        MissingDependencyError: Without NumPyro.

    Checked by: tests/bridges/test_other_libraries.py.
    """
    check_seed(seed)
    util, handlers = (_module(f"numpyro.{name}", "bridges") for name in ("infer.util", "handlers"))
    key = jax.random.key(seed)
    # JAX remembers a NumPy array as it was first read, in single or double precision.
    arguments, options = jax.tree.map(
        lambda leaf: leaf.copy() if isinstance(leaf, np.ndarray) else leaf, (arguments, options)
    )
    try:
        sites = handlers.trace(handlers.seed(model, key)).get_trace(*arguments, **options)
        _check_sites(sites.values())
        found = util.initialize_model(key, model, model_args=arguments, model_kwargs=options)
        jax.eval_shape(found.potential_fn, found.param_info.z)
    except NUMPYRO_ERRORS as error:
        raise SimulationError(
            "NumPyro cannot initialize the model", found=told(error),
            fix="call the model under numpyro.handlers.seed to see where it fails",
        ) from error  # fmt: skip
    if not found.param_info.z:
        raise SimulationError(
            "the NumPyro model has no latent continuous site", fix="sample a parameter in it"
        )
    return NumpyroTarget(found.potential_fn, dict(found.param_info.z), found.postprocess_fn)


def _check_sites(sites: Iterable[Mapping[str, Any]]) -> None:
    """Refuse what makes the potential no smooth function of the position."""
    for site in sites:
        name = site["name"]
        is_latent = site["type"] == "sample" and not site["is_observed"]
        if is_latent and site["fn"].support.is_discrete:
            raise SimulationError(
                f"the NumPyro model has a discrete latent variable, {name}",
                expected="continuous latent variables",
                found=type(site["fn"]).__name__,
                fix="sum it out in the model, as numpyro.distributions.MixtureSameFamily does",
            )
        if site["type"] == "plate" and site["args"][1] not in (None, site["args"][0]):
            size, taken = site["args"]
            raise SimulationError(
                f"the plate {name} of the NumPyro model draws rows anew at each call",
                expected="all rows",
                found=f"{taken} of {size}",
                fix="leave subsample_size out; sk.Minibatch estimates gradients from rows",
            )


def _module(name: str, extra: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDependencyError(
            f"this bridge needs {name.partition('.')[0]}", fix=f"pip install 'sdekit[{extra}]'"
        ) from error
