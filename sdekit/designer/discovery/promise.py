r"""What a dynamics promises on harmonic targets: effective draws per gradient within a bias.

On $U = \tfrac12\sum_i k_i q_i^2$ a step is $x \mapsto M x + \zeta$, scalars held at the number at
which they settle for the middle k, and S its covariance. The autocorrelation times of q and of q^2,
$$\tau_q = \frac{[(1+M)(1-M)^{-1}S]_{qq}}{S_{qq}},\qquad
  \tau_{q^2} = 1 + 2\sum_{j\ge1}\frac{[M^jS]_{qq}^2}{S_{qq}^2},$$
are taken at the worst k; the bias is the largest $|k\langle q^2\rangle - 1|$. Not for which
dynamics there are (`ansatz_members`).

Checked by: tests/designer/discovery/test_discover.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import SchemeError
from sdekit.schemes.bias.linear_letters import Letter, letters_of
from sdekit.schemes.bias.linear_step import solve_lyapunov, stage_maps, step_maps
from sdekit.schemes.bias.mean_field import thermostat_prediction
from sdekit.schemes.bias.noise_bias import gradient_shares
from sdekit.schemes.guards.stability import spectral_radius
from sdekit.schemes.split.splitting import splitting

#: A step times the stiffest frequency: harmonic targets alone would allow 2, others do not.
LONGEST = 1.0
#: Stiffnesses that are looked at.
_TARGETS = 5
#: Steps that are tried until the bias is accepted, each by such a share shorter.
_TRIES, _LEAST, _MOST = 8, 0.1, 0.8
#: Letters that are tried in every order.
_MOST_LETTERS = 3
#: Starts of the search for values, and its evaluations from each.
_STARTS, _EVALUATIONS = 4, 200
#: The time of what does not relax.
_NEVER = 1e12
#: Of an eigenvalue.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Goal:
    """Which targets, and what is accepted.

    Attributes:
        stiffness: Smallest and largest k.
        variance: Of the gradient noise, in every coordinate.
        bias: Of a variance, relative.
        gradients: At most so many in a step.
    """

    stiffness: tuple[float, float]
    variance: float
    bias: float
    gradients: int

    @property
    def longest(self) -> float:
        """The largest step."""
        return LONGEST / self.stiffness[1] ** 0.5

    def targets(self, count: int) -> np.ndarray:
        """Stiffnesses from the smallest to the largest."""
        return np.geomspace(*self.stiffness, count)


@dataclass(frozen=True)
class Promise:
    """The best word of a dynamics.

    Attributes:
        scheme: The word.
        step_size: h.
        parameters: A value for every parameter.
        efficiency: Effective draws per gradient, of the worst of q and q^2.
        gap: -log of the spectral radius of M per gradient, at the worst k.
        bias: The largest relative bias of a variance.
    """

    scheme: str
    step_size: float
    parameters: Mapping[str, float]
    efficiency: float
    gap: float
    bias: float


class Harmonic:
    """A dynamics on harmonic targets: what the best values and words promise."""

    def __init__(self, dynamics: Dynamics, goal: Goal) -> None:
        self.dynamics, self.goal = dynamics, goal
        self.parts = splitting(dynamics)
        self.names = sorted(x.name for x in dynamics.parameters)
        self.positive = [x.name for x in dynamics.parameters if x.assumptions]
        self.scalars = [x.name for x in dynamics.variables if not x.shape]
        names = [x.name for x in dynamics.at(n=1).coordinates]
        self.moving = [i for i, name in enumerate(names) if name not in self.scalars]

    def best_values(self) -> dict[str, float]:
        """Values with the shortest time of the default word, without gradient noise.

        Parameters that a frozen scalar hides keep the unit of frequency.
        """
        from scipy.optimize import minimize

        unit = self.goal.stiffness[0] ** 0.5
        rng = np.random.default_rng(0)
        options = {"maxfev": _EVALUATIONS, "xatol": 1e-3 * unit, "fatol": 1e-6}
        sought = [
            i
            for i in range(len(self.names))
            if any(np.any(J[i]) or np.any(D[i]) for J, D in self._affine[1])
        ]
        values = np.full(len(self.names), unit)

        def time(x: np.ndarray) -> float:
            values[sought] = x
            return self._time_at(values)

        starts = [unit * np.exp(rng.normal(size=len(sought))) for _ in range(_STARTS)]
        if sought:
            ends = [minimize(time, x, method="Nelder-Mead", options=options) for x in starts]
            values[sought] = min(ends, key=lambda end: end.fun).x
        return dict(zip(self.names, values.tolist(), strict=True))

    def promise(self, values: Mapping[str, float]) -> Promise | None:
        """The best word for these values; None where no step keeps the bias."""
        found = [p for word in self._words() if (p := self._within_bias(word, values)) is not None]
        return max(found, key=lambda promise: promise.efficiency, default=None)

    def _words(self) -> list[str]:
        """Palindromes of few letters, and the default word, with as many gradients as allowed."""
        letters = self.parts.letters
        orders = itertools.permutations(letters) if len(letters) <= _MOST_LETTERS else ()
        palindromes = ("".join((*order, *order[-2::-1])) for order in orders)
        words = dict.fromkeys([self.parts.default_word, *palindromes])
        return [w for w in words if len(gradient_shares(self.parts, w)) <= self.goal.gradients]

    def _within_bias(self, word: str, values: Mapping[str, float]) -> Promise | None:
        step_size = self.goal.longest
        for _ in range(_TRIES):
            try:
                promise = self._judged(word, values, step_size)
            except SchemeError:
                step_size *= _MOST / 2
                continue
            if promise.bias <= self.goal.bias:
                return promise
            # A bias that is linear in the step would be met by this share of it.
            step_size *= min(max(0.95 * self.goal.bias / promise.bias, _LEAST), _MOST)
        return None

    def _judged(self, word: str, values: Mapping[str, float], step_size: float) -> Promise:
        """What one word promises at one step size."""
        V = self.goal.variance
        held = dict.fromkeys(self.scalars, 0.0)
        if V and any(part.kind == "thermostat drift" for part in self.parts.parts):
            middle = float(np.prod(self.goal.stiffness)) ** 0.5
            settled = thermostat_prediction(
                self.dynamics, word, stiffness=middle, step_size=step_size, parameters=values,
                gradient_covariance=V,
            )  # fmt: skip
            if settled.thermostat is not None:
                held = {self.scalars[0]: settled.thermostat}
        base, other = (self._letters(word, k, values, held) for k in (1.0, 2.0))
        times, gaps, biases = [], [], []
        for k in self.goal.targets(_TARGETS):
            letters = [
                replace(a, J=a.J + (k - 1) * (b.J - a.J)) for a, b in zip(base, other, strict=True)
            ]
            M, N = step_maps(letters, [0], np.array([[V]]), step_size)
            # The last row is the gradient noise, which is carried where a force is shared.
            moving = np.ix_(*[[*self.moving, len(M) - 1]] * 2)
            M, N = M[moving], N[moving]
            S = solve_lyapunov(M, N)
            if not S[0, 0] > 0:
                raise SchemeError("nothing moves the positions at random", found=word)
            times.append(longest_time(M, S))
            gaps.append(-float(np.log(spectral_radius(M))))
            biases.append(abs(k * float(S[0, 0]) - 1))
        cost = len(gradient_shares(self.parts, word))
        efficiency = 1 / (cost * max(times))
        return Promise(word, step_size, dict(values), efficiency, min(gaps) / cost, max(biases))

    def _letters(
        self, word: str, k: float, values: Mapping[str, float], held: Mapping[str, float]
    ) -> list[Letter]:
        return letters_of(self.parts, word, np.array([[k]]), values, held).letters

    # ------------------------------------------------------------------ values

    def _time_at(self, x: np.ndarray) -> float:
        """The worst autocorrelation time of the default word; endless where there is no law."""
        if any(x[self.names.index(name)] <= 0 for name in self.positive):
            return _NEVER
        start, slopes = self._affine
        shift = np.array([*(x - self._base), 0.0])
        known: dict[tuple[bytes, float], tuple[np.ndarray, np.ndarray]] = {}
        times = []
        for k in self.goal.targets(_TARGETS):
            shift[-1] = k - 1
            M, N = np.eye(len(start[0].J)), np.zeros_like(start[0].J)
            for letter, (J, D) in zip(start, slopes, strict=True):
                J, D = (a + np.tensordot(shift, b, 1) for a, b in ((letter.J, J), (letter.D, D)))
                key = J.tobytes(), letter.share
                if key not in known:
                    if np.linalg.eigvalsh(D)[0] < -_ROUNDING:
                        return _NEVER
                    known[key] = stage_maps(letter.method, J, D, letter.share * self.goal.longest)
                E, Q = known[key]
                M, N = E @ M, E @ N @ E.T + Q
            moving = np.ix_(self.moving, self.moving)
            if not spectral_radius(M[moving]) < 1 - _ROUNDING:
                return _NEVER
            times.append(longest_time(M[moving], solve_lyapunov(M[moving], N[moving])))
        return max(times)

    @cached_property
    def _base(self) -> np.ndarray:
        """Values at which every declared sign and determinant is right."""
        return np.array([2.0 if name in self.positive else 0.5 for name in self.names])

    @cached_property
    def _affine(self) -> tuple[list[Letter], list[tuple[np.ndarray, np.ndarray]]]:
        """Stages at the base, and their slopes: J and D are affine in every value and in k."""

        def stages(k: float, values: np.ndarray) -> Sequence[Letter]:
            given = dict(zip(self.names, values.tolist(), strict=True))
            return self._letters(
                self.parts.default_word, k, given, dict.fromkeys(self.scalars, 0.0)
            )

        base = stages(1.0, self._base)
        ends = [stages(1.0, self._base + row / 2) for row in np.eye(len(self.names))]
        ends.append(stages(1.5, self._base))
        slopes = []
        for place, letter in enumerate(base):
            J = np.array([2 * (end[place].J - letter.J) for end in ends])
            D = np.array([2 * (end[place].D - letter.D) for end in ends])
            slopes.append((J, D))
        return list(base), slopes


def longest_time(M: np.ndarray, S: np.ndarray) -> float:
    """The larger one of q and q^2, q the first coordinate, of x' = M x + noise with covariance S.

    Args:
        M: Shape (d, d), spectral radius below 1.
        S: Shape (d, d).

    Returns:
        In steps; 1 for independent draws.
    """
    one = np.eye(len(M))
    linear = ((one + M) @ np.linalg.solve(one - M, S))[0, 0]
    pairs = np.kron(M, M)
    start = np.kron(S[:, 0], S[:, 0])
    later = np.linalg.solve(np.eye(len(pairs)) - pairs, pairs @ start)[0]
    return float(max(linear / S[0, 0], 1 + 2 * later / S[0, 0] ** 2))
