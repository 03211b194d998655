r"""Stages of noise that vanishes at an end: exact square-root diffusions, moments in an interval.

A square-root diffusion $dy = (a - b y)\,dt + N(0, 2 q y\,dt)$ is c times a noncentral chi-square
variable of $\delta = 2a/q$ degrees and noncentrality $\lambda = y e^{-bh}/c$, with
$c = q(1 - e^{-bh})/(2b)$:

* $\delta \ge 1$: $(\sqrt\lambda + \zeta)^2 + \chi^2_{\delta-1}$;
* $0 < \delta < 1$: $\chi^2_{\delta + 2N}$, N a Poisson variable of mean $\lambda/2$;
* $\delta \le 0$: 0 where $G \ge \lambda/2$ for a Gamma variable G of shape $1 - \delta/2$, else
  $\chi^2_{2 + 2N}$, N of mean $\lambda/2 - G$: the process stays at 0 once it is there;
* $\delta < 1$ and a large $\lambda$: $\alpha(\zeta+\beta)^2$ plus a constant with the same first
  three cumulants (the fourth one of the standardized variable is off by less than 1e-3).

In an interval the mean and the variance are exact: $\sin^2$ of a normal variable where the standard
deviation is small beside the distance of the mean from the ends, a Beta law elsewhere.

Not for which letter a dynamics gets (`sdekit.schemes.split.parts`).

Notation: lambda, delta, alpha, beta as above; h the share of the step.
Source: Glasserman 2003, section 3.4 (first two cases); Makarov, Glew 2010 (absorption) [recalled];
    Andersen 2008 for the idea of the last rule.
Checked by: tests/simulation/ends/test_vanishing_noise_stages.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError
from sdekit.schemes.split.flow_records import IntervalNoise, LinearMap, PowerNoise
from sdekit.simulation.bind.jax_reader import Environment, evaluate, shape_of
from sdekit.simulation.noise.fast_normal import normal_single, threefry
from sdekit.simulation.steps.stage import Moved, Stage, at_block

Sizes = Mapping[str, int]

#: Attempts at a gamma variable (the share of failures is below 0.05).
MOST_ATTEMPTS = 60
#: Uses of random words in one step.
_USES = 3
#: Normals whose bits are the key of the variables that are no normals.
KEY_NORMALS = 2
#: Noncentrality from which on three cumulants do, and its least multiple of |delta|.
LARGE, LARGE_MULTIPLE = 120.0, 4.0
#: Variance over the squared m (1 - m), up to which sin^2 of a normal variable serves.
WIDEST = 1.5


def power_noise_stage(flow: PowerNoise, sizes: Sizes) -> Stage:
    """Noise that is a power of x, by the square-root diffusion of y = x^(2-k)."""
    x, p = flow.variable, float(2 - flow.power)

    def apply(
        environment: Environment, z: Array, h: ArrayLike, constants: Any, changes: bool = False
    ) -> Moved:
        block = environment.values[x.name]
        noise, rate = _value(flow.noise, environment, x), _rate(flow.rate, environment, x)
        pull = jnp.zeros_like(block) if flow.pull is None else _value(flow.pull, environment, x)
        if flow.power == 1:
            end = _square_root_step(block, pull, rate, noise, h, z)
        else:
            inflow = p * pull + p * (p - 1) * noise
            end = _square_root_step(block**p, inflow, p * rate, p * p * noise, h, z) ** (1 / p)
        # Only what is not pulled away stays at the end itself, where other terms may have poles.
        end = jnp.where(pull > 0, jnp.maximum(end, jnp.finfo(end.dtype).tiny), end)
        moved = {x.name: end - block if changes else end}
        for other in flow.along:
            y = environment.values[other.variable.name]
            way = evaluate(other.ratio, environment) * (end - block)
            change = y * jnp.expm1(way) if other.power else way
            moved[other.variable.name] = change if changes else y + change
        return moved

    others = tuple(other.variable for other in flow.along)
    read = (flow.noise, *flow.rate.pieces, flow.pull, *(other.ratio for other in flow.along))
    return _stage((x, *others), read, apply, sizes)


def interval_noise_stage(flow: IntervalNoise, sizes: Sizes) -> Stage:
    """Noise that vanishes at both ends, with the exact mean and variance."""
    x = flow.variable
    assert x.domain.lower is not None and x.domain.upper is not None
    low, width = float(x.domain.lower), float(x.domain.upper) - float(x.domain.lower)

    def apply(
        environment: Environment, z: Array, h: ArrayLike, constants: Any, changes: bool = False
    ) -> Moved:
        block = environment.values[x.name]
        noise, rate = _value(flow.noise, environment, x), _rate(flow.rate, environment, x)
        pull = jnp.zeros_like(block) if flow.pull is None else _value(flow.pull, environment, x)
        inflow = (pull + rate * low) / width
        part = _interval_step((block - low) / width, inflow, -rate, noise, h, z)
        lower, upper = jnp.asarray(low, block.dtype), jnp.asarray(low + width, block.dtype)
        # Only what is not pulled away stays at an end itself, where other terms may have poles.
        lower = jnp.where(inflow > 0, jnp.nextafter(lower, upper), lower)
        upper = jnp.where(inflow + rate < 0, jnp.nextafter(upper, lower), upper)
        end = jnp.clip(low + width * part, lower, upper)
        return {x.name: end - block if changes else end}

    return _stage((x,), (flow.noise, *flow.rate.pieces, flow.pull), apply, sizes)


def _stage(
    moves: tuple[Variable, ...], read: tuple[Expression | None, ...], apply: Any, sizes: Sizes
) -> Stage:
    elements = math.prod(shape_of(moves[0], sizes)) + KEY_NORMALS
    given = tuple(expression for expression in read if expression is not None)
    return Stage(moves, elements, given, None, apply, keeps_domain=True)


def _value(expression: Expression, environment: Environment, x: Variable) -> Array:
    """A coefficient, of the shape of the block."""
    block = environment.values[x.name]
    value = jnp.asarray(evaluate(expression, environment), block.dtype)
    return jnp.broadcast_to(at_block(value, expression, x, block), block.shape)


def _rate(rate: LinearMap, environment: Environment, x: Variable) -> Array:
    pieces = [_value(piece, environment, x) for piece in rate.pieces]
    return sum(pieces, jnp.zeros_like(environment.values[x.name]))


def _relaxed(rate: Array, h: ArrayLike) -> Array:
    """(1 - exp(-rate h)) / rate, which is h at rate 0."""
    turn = rate * h
    is_small = jnp.abs(turn) < 1e-3
    series = h * (1 - turn / 2 * (1 - turn / 3))
    return jnp.where(is_small, series, -jnp.expm1(-turn) / jnp.where(is_small, 1.0, rate))


# -- square-root diffusions ----------------------------------------------------------------------


def _square_root_step(
    y: Array, pull: Array, rate: Array, noise: Array, h: ArrayLike, z: Array
) -> Array:
    """Where dy = (pull + rate y) dt + N(0, 2 noise y dt) leads in time h."""
    span = _relaxed(-rate, h)
    still = noise == 0
    c = jnp.where(still, 1.0, noise * span / 2)
    noncentrality = y * jnp.exp(rate * h) / c
    degrees = jnp.where(still, 1.0, 2 * pull / jnp.where(still, 1.0, noise))
    deviation, value = _drawn(noncentrality, degrees, z, _deviation)
    growth = y * jnp.expm1(rate * h)
    change = jnp.where(still, pull * span, c * deviation) + growth
    # Small numbers are drawn for themselves: a difference would lose them.
    end = jnp.where(still | jnp.isnan(value), jnp.maximum(y + change, 0.0), c * value)
    return jnp.where((noise < 0) | (y < 0), jnp.nan, end)


def _deviation(words: _Words, normal: Array, lam: Array, degrees: Array) -> tuple[Array, Array]:
    """The noncentral chi-square variable minus lambda; and itself, where that is drawn, or NaN."""
    is_squared = degrees >= 1
    is_large = ~is_squared & (lam > jnp.maximum(LARGE, LARGE_MULTIPLE * jnp.abs(degrees)))
    is_mixed = ~is_squared & ~is_large
    is_absorbed = is_mixed & (degrees <= 0)
    half = jnp.where(is_mixed, lam / 2, 1.0)
    # The shape is at least 1: no second factor.
    before_end = _gamma(words, 0, jnp.where(is_absorbed, 1 - degrees / 2, 1.0))[0]
    left = jnp.where(is_absorbed, half - before_end, half)
    has_ended = is_absorbed & (left <= 0)
    counts = _poisson(words, 1, jnp.where(is_mixed, jnp.maximum(left, 0.0), 0.0))
    shape = jnp.where(is_absorbed, 1 + counts, degrees / 2 + counts)
    shape = jnp.where(is_squared, (degrees - 1) / 2, jnp.where(is_large, 1.0, shape))
    factor, power = _gamma(words, 2, jnp.where(shape > 0, shape, 1.0))
    chi_square = jnp.where(has_ended | (shape <= 0), 0.0, 2 * factor * jnp.exp(power))
    squared = normal * normal + 2 * jnp.sqrt(jnp.maximum(lam, 0.0)) * normal + chi_square
    cumulants = _three_cumulants(normal, jnp.where(is_large, lam, LARGE), degrees)
    deviation = jnp.where(is_squared, squared, cumulants)
    return deviation, jnp.where(is_mixed, chi_square, jnp.nan)


def _three_cumulants(normal: Array, lam: Array, degrees: Array) -> Array:
    """alpha (normal + beta)^2 plus a constant, with cumulants degrees, 2 degrees + 4 lam, ..."""
    second, third = degrees + 2 * lam, degrees + 3 * lam
    root = jnp.sqrt(second)
    # The root near 1 of alpha^3 - 3 second alpha + 2 third = 0.
    alpha = 2 * root * jnp.sin(jnp.arcsin(jnp.minimum(third / root**3, 1.0)) / 3)
    beta = jnp.sqrt(jnp.maximum((second / alpha**2 - 1) / 2, 0.0))
    return alpha * (normal * normal - 1 + 2 * beta * normal) + degrees


# -- intervals -----------------------------------------------------------------------------------


def _interval_step(
    x: Array, inflow: Array, rate: Array, noise: Array, h: ArrayLike, z: Array
) -> Array:
    """Where dx = (inflow - rate x) dt + N(0, 2 noise x(1 - x) dt) leads on [0, 1]."""
    slope, faster = inflow - rate * x, 2 * (rate + noise)
    shift = slope * _relaxed(rate, h)
    # d E(X - x)^2 / dt = 2 noise x(1-x) + (2 slope + 2 noise (1-2x)) E(X - x) - faster E(X - x)^2.
    turn = faster * h
    short = h * h / 2 * (1 - (turn + rate * h) / 3)
    both = (_relaxed(rate, h) - _relaxed(faster, h)) / jnp.where(noise > 0, rate + 2 * noise, 1.0)
    both = jnp.where(turn < 1e-2, short, both)
    square = 2 * noise * x * (1 - x) * _relaxed(faster, h)
    square += slope * (2 * slope + 2 * noise * (1 - 2 * x)) * both
    mean, variance = x + shift, square - shift * shift
    wrong = (noise < 0) | (x < 0) | (x > 1) | (mean < -1e-6) | (mean > 1 + 1e-6)
    deviation, value = _drawn(jnp.clip(mean, 0.0, 1.0), variance, z, _interval_deviation)
    end = jnp.where(jnp.isnan(value), x + (shift + deviation), value)
    return jnp.where(wrong, jnp.nan, jnp.clip(end, 0.0, 1.0))


def _interval_deviation(
    words: _Words, normal: Array, mean: Array, variance: Array
) -> tuple[Array, Array]:
    """A variable of this mean and variance on [0, 1], minus the mean; and itself, or NaN."""
    room = mean * (1 - mean)
    moves = (room > 0) & (variance > 0)
    room, variance = jnp.where(moves, room, 0.25), jnp.where(moves, variance, 0.01)
    spread = variance / room**2
    is_narrow = spread <= WIDEST
    root = jnp.sqrt(1 - jnp.minimum(spread, WIDEST) / 2)
    less = jnp.where(is_narrow, 2 * variance / (room * (1 + root)), 0.0)
    # The angle has the variance -log(1 - less) and the cosine (1 - 2 mean) / sqrt(1 - less).
    angle = jnp.sqrt(-jnp.log1p(-less)) * normal
    cosine = (1 - 2 * mean) / jnp.sqrt(1 - less)
    sine = 2 * jnp.sqrt(room * root / (1 - less))
    turned = cosine * (2 * jnp.sin(angle / 2) ** 2 + jnp.expm1(jnp.log1p(-less) / 2))
    narrow = (turned + sine * jnp.sin(angle)) / 2
    total = jnp.maximum(room / variance - 1, 1e-6)
    up, upper = _gamma(words, 0, jnp.where(is_narrow, 1.0, mean * total))
    down, lower = _gamma(words, 1, jnp.where(is_narrow, 1.0, (1 - mean) * total))
    # Both may be too small for the precision; their ratio is not.
    wide = jax.nn.sigmoid(jnp.log(up / down) + upper - lower)
    value = jnp.where(is_narrow, jnp.nan, wide)
    return jnp.where(moves, narrow, 0.0), jnp.where(moves, value, mean)


# -- random numbers ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Words:
    """Random words of entries of a block, told apart by use and by attempt.

    Attributes:
        key: Two words for each chain.
        shape: Of the block, chains last where several run.
    """

    key: Array
    shape: tuple[int, ...]

    def pair(self, use: int, attempt: ArrayLike) -> tuple[Array, Array]:
        """Two words for each entry."""
        entry = jnp.zeros(self.shape, jnp.uint32)
        sizes = self.shape[: len(self.shape) + 1 - self.key.ndim]
        if sizes:
            number = jnp.arange(math.prod(sizes), dtype=jnp.uint32).reshape(sizes)
            entry += number.reshape(sizes + (1,) * (len(self.shape) - len(sizes)))
        second = jnp.asarray(attempt, jnp.uint32) * np.uint32(_USES) + np.uint32(use)
        return threefry(entry, second, self.key)


def _uniform(word: Array, dtype: Any) -> Array:
    return ((word >> np.uint32(8)).astype(dtype) + 0.5) * 2.0**-24


def _poisson(words: _Words, use: int, mean: Array) -> Array:
    """Poisson variables by inversion, with logarithms: exp(-mean) may be below all numbers.

    Sums of probabilities may stay below a uniform number near 1: where the rest rounds to nothing
    the count is that of the last one.
    """
    u = _uniform(words.pair(use, 0)[0], mean.dtype)
    least = jnp.finfo(mean.dtype).eps / 4

    def is_short(carried: tuple[Array, Array, Array]) -> Array:
        count, log_probability, below = carried
        return (below < u) & ((count < mean) | (jnp.exp(log_probability) > least))

    def turn(carried: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        count, log_probability, below = carried
        more = is_short(carried)
        count = jnp.where(more, count + 1, count)
        step = jnp.log(mean / jnp.maximum(count, 1.0))
        log_probability = jnp.where(more, log_probability + step, log_probability)
        return count, log_probability, jnp.where(more, below + jnp.exp(log_probability), below)

    begin = (jnp.zeros_like(mean), -mean, jnp.exp(-mean))
    return jax.lax.while_loop(lambda carried: jnp.any(is_short(carried)), turn, begin)[0]


def _gamma(words: _Words, use: int, shape: Array) -> tuple[Array, Array]:
    """Gamma variables as a factor that is never tiny, and the logarithm of the other.

    Source: Marsaglia, Tsang 2000; below shape 1 a power of a uniform variable more.
    """
    is_low = shape < 1
    d = jnp.where(is_low, shape + 1, shape) - 1 / 3
    c = 1 / jnp.sqrt(9 * d)

    def go_on(carried: tuple[Array, Array, Array]) -> Array:
        attempt, accepted, _ = carried
        return ~jnp.all(accepted) & (attempt < MOST_ATTEMPTS)

    def turn(carried: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        attempt, accepted, found = carried
        first, second = words.pair(use, attempt)
        z = normal_single(first).astype(shape.dtype)
        cube = (1 + c * z) ** 3
        bound = z * z / 2 + d * (1 - cube + jnp.log(jnp.maximum(cube, 1e-30)))
        good = (cube > 0) & (jnp.log(_uniform(second, shape.dtype)) < bound)
        return attempt + 1, accepted | good, jnp.where(good & ~accepted, d * cube, found)

    none = jnp.zeros(shape.shape, bool)
    start = (jnp.ones((), jnp.uint32), none, jnp.full_like(shape, jnp.nan))
    found = jax.lax.while_loop(go_on, turn, start)[2]
    uniform = _uniform(words.pair(use, 0)[1], shape.dtype)
    return found, jnp.where(is_low, jnp.log(uniform) / jnp.where(is_low, shape, 1.0), 0.0)


def _drawn(first: Array, second: Array, z: Array, rule: Any) -> tuple[Array, Array]:
    """The rule; normals of the slot serve as normals, the last two as a key."""
    key = jax.lax.bitcast_convert_type(z[-KEY_NORMALS:].astype(jnp.float32), jnp.uint32)
    normals = z[:-KEY_NORMALS].reshape(first.shape)
    return _compiled(rule, key, normals, first, second)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _drawn_by(rule: Any, key: Array, *arguments: Array) -> Any:
    return rule(_Words(key, arguments[0].shape), *arguments)


@_drawn_by.defjvp
def _refused(function: Any, primals: Any, tangents: Any) -> Any:
    raise SimulationError(
        "a step of noise that vanishes at an end of the domain has no derivative",
        found="a derivative by the state, a parameter or the step size",
        fix='use scheme="EM" where derivatives are needed',
    )


#: Steps that are taken one by one share what is compiled.
_compiled = jax.jit(_drawn_by, static_argnums=0)
