r"""A step with a memory, from states that it has made itself: is what it carries on still right?

Chains run for a while; from each one's own state, whatever it carries, many independent steps go
on. With $X_k$ the state after k of them,
$$E\Big[\tfrac{X_4-X_2}{2h} - \tfrac{v(X_2)+v(X_3)}2\Big] \to 0,\qquad
\frac{\mathrm{Cov}\,X_4-\mathrm{Cov}\,X_2}{4h} \to D,$$
also for a step that uses the normals of its last step again (Leimkuhler-Matthews), because the two
steps before the first look take what was carried out of the difference. A gradient of long ago
moves the state by a force that is not v, a noise that is used twice or cancels has another
covariance over two steps. What a right scheme of order p leaves is proportional to $h^p$, so that
at h it is at most half of what it is at 4h: only what does not shrink like that is told. Not for
small errors, which one step and the stationary moments show (`audit_coefficients`,
`audit_moments`).

Checked by: tests/auditing/test_own_states.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.auditing.audit_checks import Declared, StepMap, of_type, own_arrays
from sdekit.auditing.audit_coefficients import fit_of
from sdekit.auditing.audit_result import Comparison

#: Chains, and steps that they take one after the other where the rate says nothing else; chain i
#: takes i more, so that what repeats every few steps is seen at each of its turns.
OWN_CHAINS, _PHASES = 32, 8
_FEWEST, _MOST = 32, 512
#: The length of the chains in times of the fastest rate.
_TIMES = 6.0
#: The step sizes in units of the smallest.
_SIZES = (1.0, 4.0)
#: Continuations of each chain in one batch, and batches at most.
_BATCH, _BATCHES = 2000, 40
#: Relative differences below this are left to the other checks.
_FLOOR = 0.05
#: A factor of the drift, or a variance, that is off by this must be seen.
_ASKED = 1.0


@dataclass(frozen=True, eq=False)
class _Seen:
    """What continuations show at one step size.

    Attributes:
        states: The chains' own states, flat, shape (C, d).
        drift: Mean of the drift's residual, shape (C, d); with its standard error.
        noise: Growth of the covariance over 4h, mean over chains, shape (d, d); with its error.
        steps: The least number of steps that a chain had taken.
    """

    states: np.ndarray
    drift: np.ndarray
    drift_error: np.ndarray
    noise: np.ndarray
    noise_error: np.ndarray
    steps: int


@dataclass(frozen=True)
class _Off:
    """A relative difference at both step sizes, and what it is called if it does not shrink."""

    small: float
    large: float
    small_error: float
    large_error: float
    text: Callable[[float], str]
    is_asked: bool = False

    @property
    def error(self) -> float:
        """Of the excess of the small step over half of the large one."""
        return float(np.hypot(self.small_error, self.large_error / 2))

    def z(self) -> float:
        """Standard errors by which the difference fails to shrink, beyond the floor."""
        side = 1.0 if self.small >= 0 else -1.0
        excess = abs(self.small) - max(side * self.large, 0.0) / 2 - _FLOOR
        return max(excess, 0.0) / max(self.error, 1e-6)

    def resolution(self, threshold: float) -> float:
        """The constant relative difference that would have been seen."""
        return 2 * (threshold * self.error + _FLOOR)


def own_comparisons(declared: Declared, terms: Any) -> int:
    """How many numbers are compared."""
    d = declared.dimension
    return sum(len(parts) + 1 for parts in terms.values()) + d * (d + 1) // 2


def own_state_check(
    declared: Declared,
    step: StepMap,
    starts: np.ndarray,
    *,
    step_size: float,
    rate: float,
    threshold: float,
    seed: int,
) -> tuple[Comparison, str]:
    """Compare what a step does from its own states with the declared coefficients there.

    Args:
        declared: The SDE.
        step: The step, with a memory.
        starts: Where chains start, shape (C, d).
        step_size: The smaller of the two step sizes.
        rate: The fastest rate of the SDE.
        threshold: The |z| beyond which something is wrong.
        seed: Of chains and continuations.

    Returns:
        The comparison, and why there is no evidence; empty where there is.
    """
    if any(x.domain.kind != "real" for x in declared.variables):
        return Comparison([], 0.0, {}), ""
    times = _TIMES / max(rate, 1e-30)
    count = int(np.clip(np.ceil(times / (_SIZES[-1] * step_size)), _FEWEST, _MOST))
    runs = []
    for k, ratio in enumerate(_SIZES):
        number = round(count * _SIZES[-1] / ratio)
        runs.append(_Continued(declared, step, starts, ratio * step_size, number, seed + 7 * k))
    if not all(run.is_finite for run in runs):
        reason = f"chains of its own leave the finite numbers at {_SIZES[-1] * step_size:g}"
        return Comparison([], np.inf, {}), reason
    while True:
        for run in runs:
            run.go_on()
        found = _differences(declared, *(run.seen() for run in runs))
        asked = [off.resolution(threshold) for off in found if off.is_asked]
        seen = max(asked, default=0.0)
        if seen <= _ASKED or runs[0].batches >= _BATCHES:
            break
    worst = max((off.z() for off in found), default=0.0)
    wrong = [off for off in found if off.z() > threshold]
    checks = {"steps from own states": {"z": worst, "threshold": threshold}}
    texts = [off.text(off.small) for off in _named(wrong)]
    if seen <= _ASKED or texts:
        return Comparison(texts, 0.0, checks), ""
    few = f"a change of drift or noise from the step's own states is seen from {seen:.0%} on only"
    return Comparison(texts, np.inf, checks), few


def _named(wrong: list[_Off]) -> list[_Off]:
    """The whole drift of a variable only where no term of it is told."""
    terms = [off for off in wrong if not off.is_asked]
    return terms or wrong


class _Continued:
    """Chains of the step and their continuations at one step size.

    Attributes:
        is_finite: Whether no chain has left the finite numbers.
        batches: How many batches of continuations have been drawn.
    """

    def __init__(
        self,
        declared: Declared,
        step: StepMap,
        starts: np.ndarray,
        step_size: float,
        count: int,
        seed: int,
    ) -> None:
        self._declared, self._step = declared, step
        self._h, self._count, self._seed = jnp.float32(step_size), count, seed
        self._own = jax.jit(self._run)(jax.random.key(seed), jnp.asarray(starts))
        self._states = np.asarray(jax.vmap(step.leave)(self._own), dtype=float)
        self.is_finite = bool(np.isfinite(self._states).all())
        self.batches = 0
        self._draw = jax.jit(self._batch)
        self._sums: list[np.ndarray] = []

    def _run(self, key: Any, starts: Any) -> Any:
        numbers = self._count + jnp.arange(len(starts)) % _PHASES

        def once(index: Any, state: Any) -> Any:
            keys = jax.random.split(jax.random.fold_in(key, index), len(starts))
            moved = jax.vmap(lambda k, s: self._step.move(k, s, self._h))(keys, state)

            def chosen(new: Any, old: Any) -> Any:
                goes_on = (index < numbers).reshape((-1,) + (1,) * (old.ndim - 1))
                return jnp.where(goes_on, of_type(new, old), old)

            return jax.tree.map(chosen, moved, state)

        state = jax.vmap(lambda z: own_arrays(self._step.enter(z)))(starts)
        return jax.lax.fori_loop(0, self._count + _PHASES, once, state)

    def _batch(self, key: Any, own: Any) -> Any:
        """Sums over continuations of the drift's residual and of the covariance's growth."""
        h = self._h

        def path(key: Any, state: Any) -> Any:
            flat = []
            for k in jax.random.split(key, 4):
                moved = self._step.move(k, state, h)
                state = jax.tree.map(of_type, moved, state)
                flat.append(self._step.leave(state))
            rate = (self._declared.drift(flat[1]) + self._declared.drift(flat[2])) / 2
            return (flat[3] - flat[1]) / (2 * h) - rate, flat[1], flat[3]

        def of_chain(given: tuple[Any, Any]) -> Any:
            key, state = given
            residual, early, late = jax.vmap(lambda k: path(k, state))(
                jax.random.split(key, _BATCH)
            )
            early, late = early - early.mean(axis=0), late - late.mean(axis=0)
            growth = late[:, :, None] * late[:, None, :] - early[:, :, None] * early[:, None, :]
            growth /= 4 * h
            centre = growth.mean(axis=0)
            return (
                residual.mean(axis=0),
                residual.var(axis=0),
                centre,
                ((growth - centre) ** 2).mean(axis=0),
            )

        keys = jax.random.split(key, OWN_CHAINS)
        return jax.lax.map(of_chain, (keys, own))

    def go_on(self) -> None:
        """Draw one more batch."""
        key = jax.random.fold_in(jax.random.key(self._seed + 1), self.batches)
        parts = [np.asarray(part, dtype=float) for part in self._draw(key, self._own)]
        old = self._sums
        self._sums = [a + b for a, b in zip(old, parts, strict=True)] if old else parts
        self.batches += 1

    def seen(self) -> _Seen:
        """Means and standard errors of all batches so far."""
        residual, spread, growth, growth_spread = (part / self.batches for part in self._sums)
        draws = self.batches * _BATCH
        return _Seen(
            self._states,
            residual,
            np.sqrt(spread / draws),
            # Covariances about a batch's own mean are short by one draw.
            growth.mean(axis=0) * _BATCH / (_BATCH - 1),
            np.sqrt(growth_spread.mean(axis=0) / (draws * len(growth))),
            self._count,
        )


def _differences(declared: Declared, small: _Seen, large: _Seen) -> list[_Off]:
    """All relative differences, at both step sizes."""
    expected = [declared.at(seen.states.astype(np.float32)) for seen in (small, large)]
    found: list[_Off] = []
    for x in declared.variables:
        terms = list(expected[0].terms[x])
        if not terms:
            continue
        sides = []
        for seen, at in zip((small, large), expected, strict=True):
            part = declared.places[x]
            values = [at.terms[x][term] for term in terms]
            error = np.maximum(seen.drift_error[:, part], 1e-6).ravel()
            fits = np.concatenate(
                [fit_of([np.sum(values, axis=0)], 1 / error)[0], fit_of(values, 1 / error)[0]]
            )
            observed = seen.drift[:, part].ravel()
            sides.append((fits @ observed, np.sqrt(fits**2 @ error**2)))
        (a, a_error), (b, b_error) = sides
        for k, term in enumerate([None, *terms]):
            text = _drift_text(x.name, term, small.steps)
            found.append(_Off(a[k], b[k], a_error[k], b_error[k], text, is_asked=term is None))
    return found + _noise_differences(declared, small, large, expected)


def _drift_text(name: str, term: Any, steps: int) -> Callable[[float], str]:
    what = "the drift" if term is None else f"the term {term!r}"

    def text(excess: float) -> str:
        return (
            f"drift of {name}: {steps} steps on, the step moves by {1 + excess:.2f} times {what}, "
            "so that something it carries on is stale"
        )

    return text


def _noise_differences(
    declared: Declared, small: _Seen, large: _Seen, expected: list[Any]
) -> list[_Off]:
    means = [at.diffusion.mean(axis=0) for at in expected]
    sizes = np.sqrt(np.maximum(np.diag(means[0]), 0.0))
    scale = np.where(sizes > 0, sizes, sizes.max())
    names, found = declared.entry_names, []
    if not sizes.any():
        return []
    for i, j in zip(*np.triu_indices(len(sizes)), strict=True):
        unit = scale[i] * scale[j]
        offs = tuple(
            (seen.noise[i, j] - mean[i, j]) / unit
            for seen, mean in zip((small, large), means, strict=True)
        )
        errors = tuple(seen.noise_error[i, j] / unit for seen in (small, large))
        text = _noise_text(names, int(i), int(j), small.noise[i, j], means[0][i, j])
        is_asked = bool(i == j and sizes[i] > 0)
        found.append(_Off(offs[0], offs[1], errors[0], errors[1], text, is_asked=is_asked))
    return found


def _noise_text(
    names: list[str], i: int, j: int, value: float, wanted: float
) -> Callable[[float], str]:
    what = f"variance of {names[i]}" if i == j else f"covariance of {names[i]} and {names[j]}"

    def text(_: float) -> str:
        return (
            f"noise: from its own states, two steps add {4 * value:.3g}*h to the {what} where "
            f"{4 * wanted:.3g}*h is expected, so that the noise of one step is not that of the next"
        )

    return text
