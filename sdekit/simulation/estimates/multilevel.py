r"""`expect`: a mean at the end of a path to a tolerance, by multilevel Monte Carlo.

$$E f(X_{h_L}) = E f(X_{h_0}) + \sum_{l=1}^L E\,[f(X_{h_l}) - f(X_{h_{l-1}})],\quad
h_l = 2^{-l} h_0,$$
where the paths of each difference share their noise, so that it has a small variance and needs few
of the costly paths. Numbers of paths minimize the cost for a variance of half the squared
tolerance; levels are added until the estimated bias is below the tolerance over sqrt(2).

Source: Giles (2008), Operations Research 56, 607; the checks: Giles (2015), Acta Numerica 24, 259,
section 3.
Checked by: tests/simulation/estimates/test_multilevel.py.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.names import by_name
from sdekit.errors import SimulationError
from sdekit.simulation.bind.step_size import check_step_size
from sdekit.simulation.bind.user_functions import USER_ERRORS, told
from sdekit.simulation.estimates.coupled_paths import halved, path_end
from sdekit.simulation.estimates.expectation import Expectation, Level
from sdekit.simulation.noise.streams import check_seed
from sdekit.simulation.runs.output_times import read_time
from sdekit.simulation.runs.run import sampler_of
from sdekit.simulation.steps.boundaries import check_start_inside
from sdekit.simulation.steps.sampler import Bound, Sampler

#: Paths of one compiled call, at most.
BATCH = 4096
#: Normals of one compiled call, at most.
MOST_NORMALS = 2**23
#: Levels at first; the rates are estimated from those above the coarsest.
LEAST_LEVELS, MOST_LEVELS = 3, 14
#: Standard errors by which the mean of coarse paths may differ from that of the level below.
APART = 5.0


def expect(
    model: Sampler | Dynamics,
    function: Callable[[Mapping[str, Any]], Any],
    position: Any,
    *,
    t1: float,
    tolerance: float,
    step_size: float | None = None,
    t0: float = 0.0,
    antithetic: bool = False,
    seed: int = 0,
    potential: Any = None,
    parameters: Mapping[str, Any] | None = None,
    scheme: str | None = None,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    sizes: Mapping[str, int] | None = None,
    precision: str | None = None,
) -> Expectation:
    """The mean of a function of the state at t1, with a root mean square error of the tolerance.

    Args:
        model: A sampler, or a dynamics with the arguments of `sk.sampler` by name.
        function: Blocks of one path by name -> a number.
        position: Start of the target variables; other variables are drawn.
        t1: Time of the end.
        tolerance: Root mean square error that is asked for.
        step_size: Of the coarsest level; a quarter of the time when left out.
        t0: Time of the start.
        antithetic: Whether each sample is the mean over a path and its mirror image, of negated
            noise: fewer samples at twice the cost, better where the function is nearly odd in it.
        seed: Of the noise.
        potential: This and the rest are arguments of `sk.sampler`.
        parameters: Values of the parameters.
        scheme: A splitting word, "EM", or the name of a solver.
        functions: Other unknown functions.
        sizes: Sizes that neither position nor parameters show.
        precision: "float32" or "float64".

    Raises:
        SimulationError: If an argument is wrong, the scheme proposes and rejects or takes
            minibatches, a value is not finite, coarse paths have another law than those of the
            level below, or the bias is too large on the finest level.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x")
        >>> ou = sk.Dynamics(drift={x: -x}, noise={x: 1})
        >>> found = expect(ou, lambda b: b["x"], 1.0, t1=1.0, tolerance=0.02, scheme="EM")
        >>> abs(found.value - 0.3679) < 0.1
        True

    Checked by: tests/simulation/estimates/test_multilevel.py.
    """
    options = {
        "potential": potential, "parameters": parameters, "scheme": scheme,
        "functions": functions, "sizes": sizes, "precision": precision,
    }  # fmt: skip
    model = sampler_of(model, options, {"a Dynamics": Dynamics}, "averaged")
    check_seed(seed)
    position, begin, end = by_name(position), read_time("t0", t0), read_time("t1", t1)
    span, wanted = check_step_size(end - begin), _tolerance(tolerance)
    h = span / 4 if step_size is None else check_step_size(step_size)
    first = max(1, math.ceil(span / h * (1 - 1e-9)))
    with model.precision():
        bound = model.bind(position)
        _check(model, bound)
        check_start_inside(bound.problem, position, {})
        levels = _Levels(model, bound, function, position, (begin, span, first), antithetic, seed)
        return _estimated(levels, wanted)


def _tolerance(tolerance: Any) -> float:
    if not isinstance(tolerance, (int, float)) or not 0 < tolerance < math.inf:
        raise SimulationError(
            "the tolerance is none", expected="a number > 0", found=repr(tolerance)[:60],
            fix="give the root mean square error that is wanted, in units of the mean",
        )  # fmt: skip
    return float(tolerance)


def _check(model: Sampler, bound: Bound) -> None:
    refused = {
        "proposals, which coarse and fine paths accept differently": bound.scheme.uniforms,
        "a minibatch": bound.scheme.words,
        "noise='weak', of which two steps do not make one": model.noise.law is not None,
        "single precision beside the time": model.dynamics.depends_on_time
        and model.dtype == np.float32,
    }
    for found, is_there in refused.items():
        if is_there:
            raise SimulationError(
                "levels need paths on the same noise",
                found=found,
                fix="use a splitting word, 'EM' or a solver; float64 where the time is read",
            )


class _Levels:
    """Samples of each level, drawn when they are wanted."""

    def __init__(
        self, model: Sampler, bound: Bound, function: Any, position: Any,
        grid: tuple[float, float, int], antithetic: bool, seed: int,
    ) -> None:  # fmt: skip
        self.model, self.bound, self.function, self.position = model, bound, function, position
        self.grid, self.antithetic = grid, antithetic
        self.key = jax.random.key(seed)
        self.programs: list[Any] = []
        self.sums: list[np.ndarray] = []
        self.calls: list[int] = []

    def steps(self, number: int) -> int:
        return self.grid[2] * 2**number

    def batch(self, number: int) -> int:
        each = self.steps(number) * max(1, self.bound.scheme.elements)
        return max(16, min(BATCH, MOST_NORMALS // each))

    def draw(self, number: int, paths: int) -> None:
        """Draw at least so many more paths of a level."""
        if number == len(self.programs):
            self.programs.append(jax.jit(self._program(number)))
            self.sums.append(np.zeros(7))
            self.calls.append(0)
        key = jax.random.fold_in(self.key, number)
        for _ in range(-(-paths // self.batch(number))):
            found = np.asarray(
                self.programs[number](jax.random.fold_in(key, self.calls[number])), np.float64
            )
            if not np.all(np.isfinite(found)):
                raise SimulationError(
                    "a path or the value of the function is not finite",
                    found=f"{self.steps(number)} steps",
                    fix="give a smaller step_size for the coarsest level",
                )
            fine, coarse = found[0], found[1]
            moments = [fine - coarse, fine, coarse]
            self.sums[number] += [fine.size, *(m.sum() for m in moments),
                                  *((m**2).sum() for m in moments)]  # fmt: skip
            self.calls[number] += 1

    def _program(self, number: int) -> Any:
        t0, span, _ = self.grid
        model, bound, steps = self.model, self.bound, self.steps(number)

        def value(start: Any, normals: Any) -> Any:
            h = jnp.asarray(span / len(normals), model.dtype)
            end = path_end(model, bound, self.position, (start, normals), h=h, t0=t0)
            try:
                found = jnp.asarray(self.function(end))
            except USER_ERRORS as error:
                raise SimulationError(
                    "the function fails",
                    expected=f"a JAX function of a dictionary with {', '.join(end)}",
                    found=told(error),
                    fix=f"write lambda blocks: blocks[{next(iter(end))!r}], with jax.numpy",
                ) from error
            if found.shape:
                raise SimulationError(
                    "the function gives no number", expected="shape ()", found=found.shape,
                    fix="take one entry, or a sum, inside the function",
                )  # fmt: skip
            return found

        def one(key: Any) -> Any:
            start, noise = jax.random.split(key)
            normals = jax.random.normal(noise, (steps, bound.scheme.elements), model.dtype)
            signs = (1.0, -1.0) if self.antithetic else (1.0,)
            fine = sum(value(start, sign * normals) for sign in signs) / len(signs)
            if not number:
                return jnp.stack([fine, 0 * fine])
            coarse = [value(start, halved(bound.scheme, sign * normals)) for sign in signs]
            return jnp.stack([fine, sum(coarse) / len(signs)])

        def program(key: Any) -> Any:
            return jax.vmap(one, out_axes=1)(jax.random.split(key, self.batch(number)))

        return program

    def level(self, number: int) -> Level:
        """What is known of a level."""
        count, *sums = self.sums[number]
        means = [total / count for total in sums[:3]]
        spreads = [
            max(square / count - mean**2, 0.0) for square, mean in zip(sums[3:], means, strict=True)
        ]
        errors = [math.sqrt(spread / count) for spread in spreads]
        return Level(
            self.steps(number), int(count), means[0], spreads[0], (means[1], errors[1]),
            (means[2], errors[2]) if number else (0.0, 0.0),
        )  # fmt: skip


def _estimated(levels: _Levels, tolerance: float) -> Expectation:
    count = LEAST_LEVELS
    for number in range(count):
        levels.draw(number, levels.batch(number))
    while True:
        found = [levels.level(number) for number in range(count)]
        missing = _missing(found, tolerance)
        if any(missing):
            for number, paths in enumerate(missing):
                if paths:
                    levels.draw(number, paths)
            continue
        check_laws(found, float(np.finfo(levels.model.dtype).eps))
        rates = _rates(found)
        bias = _bias(found, rates[0])
        if bias < tolerance / math.sqrt(2):
            return expectation(found, tolerance, rates, bias)
        if count == MOST_LEVELS:
            raise SimulationError(
                "the bias does not fall below the tolerance",
                expected=f"below {tolerance / math.sqrt(2):.2g}",
                found=f"about {bias:.2g} at {found[-1].steps} steps",
                fix="a larger tolerance, or a scheme of higher weak order",
            )
        levels.draw(count, levels.batch(count))
        count += 1


def _missing(found: list[Level], tolerance: float) -> list[int]:
    """Paths that each level lacks; none where fewer than one in a hundred are missing."""
    total = sum(math.sqrt(level.variance * level.each) for level in found)
    wanted = [2 * math.sqrt(level.variance / level.each) * total / tolerance**2 for level in found]
    return [
        math.ceil(want - level.paths) if want > 1.01 * level.paths else 0
        for want, level in zip(wanted, found, strict=True)
    ]


def _rates(found: list[Level]) -> tuple[float, float]:
    """Powers of h of the means and the variances of differences, by least squares in logarithms."""
    numbers = np.arange(1, len(found))
    means = [max(abs(level.mean), 1e-300) for level in found[1:]]
    spreads = [max(level.variance, 1e-300) for level in found[1:]]
    slopes = [-np.polyfit(numbers, np.log2(values), 1)[0] for values in (means, spreads)]
    return float(slopes[0]), float(slopes[1])


def _bias(found: list[Level], rate: float) -> float:
    """What is left beyond the finest level, from the last two and their standard errors.

    A rate that is estimated from noise is none: it counts up to 1, the least of common schemes, or
    up to 2 where the last mean stands out of its error.
    """
    sizes = [(abs(level.mean), math.sqrt(level.variance / level.paths)) for level in found[-2:]]
    before, last = (mean + error for mean, error in sizes)
    most = 2.0 if sizes[1][0] > 3 * sizes[1][1] else 1.0
    rate = min(max(rate, 0.5), most)
    return max(last, before / 2**rate) / (2**rate - 1)


def check_laws(found: list[Level], rounding: float) -> None:
    """Refuse levels whose coarse paths are no paths of the level below.

    Args:
        found: Levels, coarse to fine.
        rounding: Of numbers of their precision, relative.

    Raises:
        SimulationError: If two means of one quantity differ.
    """
    for below, level in itertools.pairwise(found):
        apart = abs(level.coarse[0] - below.fine[0])
        error = math.hypot(level.coarse[1], below.fine[1])
        if apart > APART * (error + rounding * abs(below.fine[0])):
            raise SimulationError(
                "coarse paths on the noise of fine ones have another law than those of their own",
                expected=f"a mean of {below.fine[0]:.4g} within {error:.1g}",
                found=f"{level.coarse[0]:.4g} at {below.steps} steps",
                fix="use a scheme whose noise adds up, such as 'EM'",
            )


def expectation(
    found: list[Level], tolerance: float, rates: tuple[float, float], bias: float
) -> Expectation:
    """The estimate of levels with a small bias, and what contradicts its assumptions."""
    weak, spread = rates
    last, notes = found[-1], []
    if weak < 0.5 and abs(last.mean) > 3 * math.sqrt(last.variance / last.paths):
        notes.append(
            f"means of differences fall like h^{weak:.2f} only: the bias is estimated for h^0.5"
        )
    # Levels of a smaller variance have few paths, which cost nothing beside the others.
    if spread < 0.8 and last.variance > tolerance**2:
        notes.append(
            f"variances of differences fall like h^{spread:.2f}, slower than costs grow: most of "
            "the cost is at the finest level"
        )
    error = math.sqrt(sum(level.variance / level.paths for level in found))
    value = sum(level.mean for level in found)
    return Expectation(value, error, bias, tolerance, tuple(found), weak, spread, tuple(notes))
