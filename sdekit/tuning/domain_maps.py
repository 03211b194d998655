r"""From numbers without limits to positive, bounded, ordered and simplex parameters, and back.

$$\int f(x)\,e^{-U(x)}\,dx = \int f(x(y))\,e^{-U(x(y)) + \log|dx/dy|}\,dy$$

Not for domains of a declared dynamics, which its own schemes keep (`sdekit.simulation.steps`).

Notation: y is a leaf without limits, x the same leaf as the user's potential takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.errors import SimulationError


@dataclass(frozen=True, eq=False)
class DomainMap:
    """One leaf of a position, without limits and with them.

    Attributes:
        name: Of the domain, for messages.
        to_domain: y -> x.
        from_domain: x -> y, for starts.
        log_volume: y -> log |dx/dy|; for a simplex of its first k - 1 entries.
        holds: Whether x lies in the domain.
        free_shape: Shape of x -> shape of y.
    """

    name: str
    to_domain: Callable[[Any], Any]
    from_domain: Callable[[Any], Any]
    log_volume: Callable[[Any], Any]
    holds: Callable[[np.ndarray], bool]
    free_shape: Callable[[tuple[int, ...]], tuple[int, ...]] = lambda shape: shape


def _one_shorter(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-1], shape[-1] - 1)


def _simplex(y: Any) -> Any:
    return jax.nn.softmax(jnp.concatenate([y, jnp.zeros_like(y[..., :1])], -1), -1)


def _simplex_log_volume(y: Any) -> Any:
    last = jnp.zeros_like(y[..., :1])
    return jnp.sum(jax.nn.log_softmax(jnp.concatenate([y, last], -1), -1))


def _ordered(y: Any) -> Any:
    return jnp.cumsum(jnp.concatenate([y[..., :1], jnp.exp(y[..., 1:])], -1), -1)


REAL = DomainMap(
    "real", lambda y: y, lambda x: x, lambda y: jnp.zeros(()), lambda x: bool(np.isfinite(x).all())
)
#: The domains that have a name.
NAMED = {
    "real": REAL,
    "positive": DomainMap("positive", jnp.exp, np.log, jnp.sum, lambda x: bool((x > 0).all())),
    "simplex": DomainMap(
        "simplex",
        _simplex,
        lambda x: np.log(x[..., :-1]) - np.log(x[..., -1:]),
        _simplex_log_volume,
        lambda x: bool((x > 0).all() and np.allclose(x.sum(-1), 1, atol=1e-6)),
        _one_shorter,
    ),
    "ordered": DomainMap(
        "ordered",
        _ordered,
        lambda x: np.concatenate([x[..., :1], np.log(np.diff(x, axis=-1))], -1),
        lambda y: jnp.sum(y[..., 1:]),
        lambda x: bool((np.diff(x, axis=-1) > 0).all()),
    ),
}


def interval(lower: float, upper: float) -> DomainMap:
    """Numbers between two ends, by the logistic function."""
    width = upper - lower

    def log_volume(y: Any) -> Any:
        return jnp.sum(jax.nn.log_sigmoid(y) + jax.nn.log_sigmoid(-y) + np.log(width))

    return DomainMap(
        f"({lower:g}, {upper:g})",
        lambda y: lower + width * jax.nn.sigmoid(y),
        lambda x: np.log((x - lower) / (upper - x)),
        log_volume,
        lambda x: bool(((x > lower) & (x < upper)).all()),
    )


def domain_map(leaf: str, domain: Any) -> DomainMap:
    """The map of a domain as users write it.

    Args:
        leaf: Name of the leaf, for messages.
        domain: "real", "positive", "simplex" (over the last axis), "ordered" (over the last axis),
            or the two ends of an interval: numbers, or exact ones as text.

    Raises:
        SimulationError: If it is none of these.

    Example:
        >>> float(domain_map("w", ["0", "1"]).to_domain(0.0))
        0.5

    Checked by: tests/tuning/test_domain_maps.py.
    """
    if isinstance(domain, str) and domain in NAMED:
        return NAMED[domain]
    if isinstance(domain, (list, tuple)) and len(domain) == 2:
        try:
            lower, upper = (float(Fraction(e) if isinstance(e, str) else e) for e in domain)
        except (ValueError, TypeError, ZeroDivisionError):
            lower = upper = np.nan
        if np.isfinite([lower, upper]).all() and lower < upper:
            return interval(lower, upper)
    raise SimulationError(
        f"the domain of {leaf} is not known",
        expected=f"{', '.join(NAMED)}, or two finite ends (lower, upper)",
        found=repr(domain)[:60],
        fix="change variables in U by hand, with the log of the Jacobian",
    )


def maps_of(domains: Any, names: list[str], leaves: list[Any]) -> list[DomainMap]:
    """The map of each leaf, with the start checked to lie in its domain.

    Args:
        domains: By name of the leaf; one domain alone where the position is one array; or None.
        names: Of the leaves.
        leaves: The start.

    Raises:
        SimulationError: If a name is none of a leaf, or the start lies outside.
    """
    given = domains or {}
    if not isinstance(given, Mapping):
        if len(names) != 1:
            raise SimulationError(
                "domains do not say which parameter they are of",
                expected=f"a mapping of {', '.join(names)}", found=repr(domains)[:60],
            )  # fmt: skip
        given = {names[0]: domains}
    unknown = [name for name in given if name not in names]
    if unknown:
        raise SimulationError(
            f"domains name {unknown[0]}, which is no parameter",
            expected=f"some of {', '.join(names)}", found=", ".join(map(str, unknown)),
            fix="name leaves of the position, as scales.tau in {'scales': {'tau': ...}}",
        )  # fmt: skip
    found = [domain_map(name, given.get(name, "real")) for name in names]
    for name, leaf, one in zip(names, leaves, found, strict=True):
        if one.name in ("simplex", "ordered") and (leaf.ndim == 0 or leaf.shape[-1] < 2):
            raise SimulationError(
                f"{name} is {one.name} and has no two entries along its last axis",
                expected="two entries at least", found=f"shape {leaf.shape}",
            )  # fmt: skip
        if not one.holds(leaf):
            raise SimulationError(
                f"the start of {name} lies outside of its domain", expected=one.name,
                found=" ".join(str(leaf).split())[:60], fix="start inside",
            )  # fmt: skip
    return found
