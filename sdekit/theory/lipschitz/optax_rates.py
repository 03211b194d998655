r"""Optax transformations with a Lipschitz-adaptive rate for networks.

The rate is 1/L with $L = c\,K_z + \lambda\max\|w\|$ read from the penultimate activations of the
minibatch, which the training loop passes to `update` as `activations=` (shape (batch, width)). With
`mode="bound"` L is the constant of the *last* layer proved in `lipschitz`; with `mode="paper"` it
is the printed one (no bound). Neither bounds the gradient of the other layers, and 1/L of a loss
is no guarantee of descent: see `lipschitz`.

Needs JAX and Optax; loaded on use.

Source: slides on LALR, AdaMo and Auto-Adam; what is valid is derived and tested here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from sdekit.errors import DataError, check_word
from sdekit.theory.arrays import Array
from sdekit.theory.lipschitz.lipschitz_table import smooth_quantile_slope

#: Supremum of the norm of the slope in the logits of one row, by loss.
SLOPES: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {
        "softmax": lambda _tau: 2.0**0.5,
        "logistic": lambda _tau: 1.0,
        "mae": lambda _tau: 1.0,
        "quantile": lambda tau: max(tau, 1 - tau),
        "log-cosh": lambda _tau: 1.0,
        "binary-quantile": lambda tau: max(tau, 1 - tau),
        "smooth-binary-quantile": smooth_quantile_slope,
    }
)
#: Smallest constant that is inverted, so that dead activations give a long step, not NaN.
FLOOR = 1e-12


def _bound(activations: Array, slope: float, bias: bool) -> Array:
    """slope * mean ||(a_i, 1)||: valid for weights and bias of the last layer together."""
    squares = (activations**2).sum(1) + (1.0 if bias else 0.0)
    return slope * jnp.sqrt(squares).mean()


def _printed(activations: Array, classes: int) -> Array:
    """(k-1)/(k m) K_z."""
    batch = activations.shape[0]
    return (classes - 1) / (classes * batch) * jnp.linalg.norm(activations)


def _weight_norm(params: Any) -> Array:
    """Largest Frobenius norm of a weight tensor."""
    return jnp.stack([jnp.linalg.norm(leaf) for leaf in jax.tree.leaves(params)]).max()


class _Constant(NamedTuple):
    """How L is read, common to all transformations of this module."""

    loss: str
    classes: int
    mode: str
    l2: float
    quantile: float
    bias: bool
    outputs: int = 1

    def read(self, activations: Array, params: Any) -> Array:
        if activations is None:
            raise DataError(
                "the Lipschitz rate needs the penultimate activations of the minibatch",
                fix="call update(grads, state, params, activations=a), a of shape (batch, width)",
            )
        if self.mode == "paper":
            value = _printed(activations, self.classes)
        else:
            slope = SLOPES[self.loss](self.quantile) / self.outputs**0.5
            value = _bound(activations, slope, self.bias)
        return jnp.maximum(value + (self.l2 * _weight_norm(params) if self.l2 else 0.0), FLOOR)


def _constant(
    loss: str, classes: int, mode: str, l2: float, quantile: float, bias: bool
) -> _Constant:
    check_word("loss", loss, SLOPES, DataError)
    check_word("mode", mode, ("bound", "paper"), DataError)
    if not 0 < quantile < 1:
        raise DataError("the quantile must lie strictly between 0 and 1", found=quantile)
    if classes < 2:
        raise DataError("softmax needs at least 2 classes", found=classes)
    return _Constant(loss, classes, mode, l2, quantile, bias)


def _transformation(init: Callable[[Any], Any], move: Callable[..., Any]) -> Any:
    """The transformation whose update is move(updates, state, params, activations)."""

    # Optax passes the extra arguments of every member of a chain to each of them.
    def update(
        updates: Any, state: Any, params: Any = None, *, activations: Array = None, **_others: Any
    ) -> tuple[Any, Any]:
        return move(updates, state, params, activations)

    # Optax types updates and states as PyTrees without structure.
    return optax.GradientTransformationExtraArgs(init, update)  # type: ignore[arg-type]


class RateState(NamedTuple):
    """State of `lipschitz_rate`: L of this step, and the K_z bookkeeping of the epochs."""

    constant: Array
    running: Array
    count: Array


def lipschitz_rate(
    loss: str = "softmax",
    *,
    classes: int = 2,
    mode: str = "bound",
    l2: float = 0.0,
    quantile: float = 0.5,
    bias: bool = True,
    outputs: int = 1,
    epoch_length: int | None = None,
) -> optax.GradientTransformationExtraArgs:
    """Scale updates by -1/L; last in a chain, as a learning rate.

    Args:
        loss: A key of `SLOPES`.
        classes: k, for mode "paper".
        mode: "bound" or "paper".
        l2: lambda of a penalty lambda/2 ||w||^2 whose gradient the caller adds.
        quantile: tau of the quantile losses.
        bias: Whether the last layer has one (mode "bound").
        outputs: Over how many scalar outputs the loss is averaged (mode "bound"): each has its
            own column of the last layer and 1/outputs of the weight, hence L / sqrt(outputs).
        epoch_length: Steps per epoch: L is then the largest of the last epoch, as printed;
            None takes each minibatch's own.

    Example:
        >>> rate = lipschitz_rate("mae", bias=False)
        >>> state = rate.init({"w": jnp.zeros(2)})
        >>> updates, _ = rate.update({"w": jnp.ones(2)}, state, activations=jnp.array([[3., 4.]]))
        >>> updates["w"].tolist()
        [-0.20000000298023224, -0.20000000298023224]

    Checked by: tests/theory/lipschitz/test_optax_rates.py.
    """
    reader = _constant(loss, classes, mode, l2, quantile, bias)._replace(outputs=outputs)

    def init(params: Any) -> RateState:
        del params
        return RateState(jnp.zeros(()), jnp.zeros(()), jnp.zeros((), jnp.int32))

    def move(
        updates: Any, state: RateState, params: Any, activations: Array
    ) -> tuple[Any, RateState]:
        seen = reader.read(activations, params)
        if epoch_length is None:
            state = RateState(seen, seen, state.count + 1)
        else:
            running = jnp.maximum(state.running, seen)
            ends = (state.count + 1) % epoch_length == 0
            first = state.count < epoch_length
            state = RateState(
                jnp.where(first | ends, running, state.constant),
                jnp.where(ends, 0.0, running),
                state.count + 1,
            )
        return jax.tree.map(lambda u: -u / state.constant, updates), state

    return _transformation(init, move)


class MomentumState(NamedTuple):
    """State of `adamo`: smoothed K and the momentum."""

    constant: Array
    momentum: Any
    count: Array


def adamo(
    loss: str = "softmax",
    *,
    classes: int = 2,
    mode: str = "bound",
    smoothing: float = 0.9,
    momentum: float = 0.9,
    l2: float = 0.0,
    bias: bool = True,
) -> optax.GradientTransformationExtraArgs:
    r"""Momentum with the rate 1/K, $K \leftarrow \beta K + (1-\beta)L$ (first step: K = L).

    Args:
        loss: A key of `SLOPES`.
        classes: k, for mode "paper".
        mode: "bound" or "paper".
        smoothing: beta.
        momentum: Factor of the velocity, $v \leftarrow \mu v + (1-\mu)g$.
        l2: See `lipschitz_rate`.
        bias: See `lipschitz_rate`.
    """
    reader = _constant(loss, classes, mode, l2, 0.5, bias)

    def init(params: Any) -> MomentumState:
        return MomentumState(
            jnp.zeros(()), jax.tree.map(jnp.zeros_like, params), jnp.zeros((), jnp.int32)
        )

    def move(
        updates: Any, state: MomentumState, params: Any, activations: Array
    ) -> tuple[Any, MomentumState]:
        seen = reader.read(activations, params)
        mixed = smoothing * state.constant + (1 - smoothing) * seen
        smoothed = jnp.where(state.count == 0, seen, mixed)
        velocity = jax.tree.map(
            lambda v, g: momentum * v + (1 - momentum) * g, state.momentum, updates
        )
        moved = jax.tree.map(lambda v: -v / smoothed, velocity)
        return moved, MomentumState(smoothed, velocity, state.count + 1)

    return _transformation(init, move)


def auto_adam(
    loss: str = "softmax",
    *,
    classes: int = 2,
    mode: str = "bound",
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    bias: bool = True,
) -> optax.GradientTransformationExtraArgs:
    r"""Adam with the rate $(\sqrt{K_2} + \epsilon)/K_1$: K_1 = L, K_2 bounds the squared entries.

    In mode "paper" $K_2 = ((k-1)/(km))^2\max_i\|a_i\|^2$, in mode "bound" the valid
    $\max_j(\mathrm{mean}_i|a_{ij}|)^2$ for entries of the last layer's gradient.

    Args:
        loss: A key of `SLOPES`.
        classes: k, for mode "paper".
        mode: "bound" or "paper".
        b1: Of Adam.
        b2: Of Adam.
        eps: Of Adam, and of the rate.
        bias: See `lipschitz_rate`.
    """
    reader = _constant(loss, classes, mode, 0.0, 0.5, bias)
    adam = optax.scale_by_adam(b1=b1, b2=b2, eps=eps)

    def largest_square(activations: Array) -> Array:
        if mode == "paper":
            factor = (classes - 1) / (classes * activations.shape[0])
            return factor**2 * (activations**2).sum(1).max()
        mean = jnp.abs(activations).mean(0).max()
        return jnp.maximum(mean, 1.0 if bias else 0.0) ** 2

    def move(updates: Any, state: Any, params: Any, activations: Array) -> tuple[Any, Any]:
        direction, state = adam.update(updates, state, params)
        first = reader.read(activations, params)
        rate = (jnp.sqrt(largest_square(activations)) + eps) / first
        return jax.tree.map(lambda d: -rate * d, direction), state

    return _transformation(adam.init, move)
