r"""The extreme rays of a cone $\{d : a_k \cdot d \le 0\}$ with rational $a_k$.

Not for optimization; entries are exact, dimensions small.

Source: Motzkin, Raiffa, Thompson, Thrall (1953), the double description method [recalled].
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

Vector = tuple[Fraction, ...]

#: Rays beyond this are not followed.
_MOST_RAYS = 400


def rays_of_cone(constraints: Sequence[Vector], dimension: int) -> list[Vector] | None:
    """Vectors whose nonnegative combinations are the cone, its extreme rays among them.

    Args:
        constraints: The vectors a of a . d <= 0.
        dimension: Of the space.

    Returns:
        The rays; None where the cone holds a line, or has too many rays.

    Example:
        >>> one, zero = Fraction(1), Fraction(0)
        >>> sorted(rays_of_cone([(-one, zero), (zero, -one)], 2)) == [(0, 1), (1, 0)]
        True

    Checked by: tests/calculus/linear/test_cones.py.
    """
    lines = [_unit(i, dimension) for i in range(dimension)]
    rays: list[Vector] = []
    seen: list[Vector] = []
    for a in constraints:
        seen.append(a)
        pivot = next((line for line in lines if _dot(a, line)), None)
        if pivot is not None:
            down = pivot if _dot(a, pivot) < 0 else _scaled(pivot, Fraction(-1))
            lines = [_moved(line, a, down) for line in lines if line is not pivot]
            rays = [_moved(ray, a, down) for ray in rays] + [_reduced(down)]
            continue
        inside = [ray for ray in rays if _dot(a, ray) <= 0]
        below = [ray for ray in rays if _dot(a, ray) < 0]
        above = [ray for ray in rays if _dot(a, ray) > 0]
        made = [_crossing(a, up, down) for up in above for down in below]
        rays = _extreme(list(dict.fromkeys(inside + made)), seen, dimension - len(lines))
        if len(rays) > _MOST_RAYS:
            return None
    return None if lines else rays


def _extreme(rays: list[Vector], constraints: list[Vector], dimension: int) -> list[Vector]:
    """Without rays that lie on no more than what another ray lies on, and on more."""
    if len(rays) <= dimension:
        return rays
    tight = [frozenset(k for k, a in enumerate(constraints) if not _dot(a, ray)) for ray in rays]
    return [ray for ray, mine in zip(rays, tight, strict=True) if not any(mine < t for t in tight)]


def _crossing(a: Vector, up: Vector, down: Vector) -> Vector:
    """Where the segment between two rays meets a . d = 0."""
    s, t = -_dot(a, down), _dot(a, up)
    return _reduced(tuple(s * u + t * d for u, d in zip(up, down, strict=True)))


def _moved(ray: Vector, a: Vector, down: Vector) -> Vector:
    """The ray, shifted along a line of the old cone into the hyperplane of a."""
    t = -_dot(a, ray) / _dot(a, down)
    return _reduced(tuple(r + t * d for r, d in zip(ray, down, strict=True)))


def _reduced(ray: Vector) -> Vector:
    size = max(map(abs, ray), default=Fraction(0))
    return ray if not size else tuple(x / size for x in ray)


def _scaled(vector: Vector, by: Fraction) -> Vector:
    return tuple(by * x for x in vector)


def _unit(place: int, dimension: int) -> Vector:
    return tuple(Fraction(int(i == place)) for i in range(dimension))


def _dot(left: Vector, right: Vector) -> Fraction:
    return sum((x * y for x, y in zip(left, right, strict=True)), Fraction(0))
