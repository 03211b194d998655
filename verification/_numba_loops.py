"""Euler-Maruyama loops written by hand for Numba, one chain, the end kept.

Not needed by sdekit: without Numba their column is empty, and it is said why.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

#: Entries of the catalogue with a loop below.
LOOPS = ("black-scholes", "heston", "lotka-volterra", "fitzhugh-nagumo", "lorenz")


def _compiled() -> dict[str, Callable[..., Any]] | None:
    try:
        from numba import njit
    except ImportError:
        return None

    @njit
    def black_scholes(s, mu, sigma, h, steps, rng):
        root = sigma * np.sqrt(h)
        for _ in range(steps):
            s += mu * s * h + root * s * rng.standard_normal()
        return s

    @njit
    def heston(s, v, mu, a, b, sigma, rho, h, steps, rng):
        root, other = np.sqrt(h), np.sqrt(1 - rho * rho)
        for _ in range(steps):
            first, second = rng.standard_normal(), rng.standard_normal()
            noise = np.sqrt(max(v, 0.0)) * root
            s += mu * s * h + noise * s * first
            v += a * (b - max(v, 0.0)) * h + sigma * noise * (rho * first + other * second)
        return s + v

    @njit
    def lotka_volterra(x, y, a, b, c, d, sigma, h, steps, rng):
        root = sigma * np.sqrt(h)
        for _ in range(steps):
            dx = x * (a - b * y) * h + root * x * rng.standard_normal()
            y += y * (c * x - d) * h + root * y * rng.standard_normal()
            x += dx
        return x + y

    @njit
    def fitzhugh_nagumo(v, w, a, b, c, current, sigma, h, steps, rng):
        root = sigma * np.sqrt(h)
        for _ in range(steps):
            dv = (v - v**3 / 3 - w + current) * h + root * rng.standard_normal()
            w += c * (v + a - b * w) * h
            v += dv
        return v + w

    @njit
    def lorenz(x, y, z, a, b, c, sigma, h, steps, rng):
        root = sigma * np.sqrt(h)
        for _ in range(steps):
            dx = a * (y - x) * h + root * rng.standard_normal()
            dy = (x * (b - z) - y) * h + root * rng.standard_normal()
            z += (x * y - c * z) * h + root * rng.standard_normal()
            x += dx
            y += dy
        return x + y + z

    return dict(zip(LOOPS, (black_scholes, heston, lotka_volterra, fitzhugh_nagumo, lorenz),
                    strict=True))  # fmt: skip


def numba_seconds(name: str, example: Any, h: float, steps: int) -> float | None:
    """Seconds of one run; None, with a message, where Numba is not installed."""
    loops = _compiled()
    if loops is None:
        print("Numba is not installed: its column of the table of costs stays empty")
        return None
    loop, rng = loops[name], np.random.Generator(np.random.SFC64(1))
    values = [*map(float, example.start.values()), *map(float, example.parameters.values())]
    loop(*values, h, 10, rng)
    found = []
    for _ in range(3):
        began = time.perf_counter()
        end = loop(*values, h, steps, rng)
        found.append(time.perf_counter() - began)
        assert np.isfinite(end)
    return min(found)
