r"""One step of a scheme on a quadratic target as a map x -> M x + N(0, N), symbolically.

Not for what follows from the map (`sdekit.schemes.bias.harmonic`).

Notation: J the Jacobian and D the diffusion of a part, h the step size, c = exp(-a h s) the decay
over the smallest share s of a part with friction a.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import partial
from math import factorial, gcd, lcm

import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.declaration.model.components import Components
from sdekit.declaration.model.sympy_types import Expr, Matrix
from sdekit.errors import SchemeError
from sdekit.schemes.bias.concrete import Particle
from sdekit.schemes.order.ring_stages import part_components, small_sizes
from sdekit.schemes.split.flow_records import Inexact, Shift
from sdekit.schemes.split.splitting import Splitting
from sdekit.schemes.split.unroll import Move, unroll

STEP_SIZE = sp.Symbol("h", positive=True)
STIFFNESS = sp.Symbol("K", positive=True)
_FORCE_ERROR = sp.Dummy("eta")

Maps = tuple[Matrix, Matrix]


class ClosedStep:
    """The affine map of one step, built letter by letter.

    Args:
        parts: The splitting.
        scheme: A word or a name.
        particle_of: Potential and parameter values; symbols K and the parameters when left out.
        gradient_covariance: Variance of the noise of a stochastic gradient, which then is the last
            coordinate of the maps; no such noise when left out.

    Raises:
        SchemeError: If a part is not linear at this potential.
    """

    def __init__(
        self,
        parts: Splitting,
        scheme: str,
        particle_of: Particle | None,
        gradient_covariance: Expr | None = None,
    ) -> None:
        self.parts = parts
        self.scheme = scheme
        self.gradient_covariance = gradient_covariance
        if gradient_covariance is not None and gradient_covariance.free_symbols & {
            *parts.dynamics.at(**small_sizes(parts.dynamics, {})).coordinates
        }:
            raise SchemeError(
                "a closed form needs gradient noise that does not depend on the state",
                found=str(gradient_covariance),
            )
        self.sizes = small_sizes(parts.dynamics, {})
        whole = parts.dynamics.at(**self.sizes)
        self.coordinates = whole.coordinates
        self.positions = [whole.coordinates.index(x) for x in whole.target_coordinates]
        self.state = [*whole.coordinates] + ([] if gradient_covariance is None else [_FORCE_ERROR])
        self._put = _Replacement(whole, particle_of, tilted=gradient_covariance is not None)
        self.decay: list[tuple[sp.Symbol, Expr]] = []
        self._rates: dict[tuple[Expr, Fraction], sp.Symbol] = {}

    @property
    def factors(self) -> tuple[sp.Symbol, ...]:
        """The decay factors, which lie between 0 and 1."""
        return tuple(symbol for symbol, _ in self.decay)

    def maps(self) -> tuple[Matrix, Matrix]:
        """M and N of one step, shape (d, d), or (d + 1, d + 1) with gradient noise."""
        M, N = sp.eye(len(self.state)), sp.zeros(len(self.state))
        for m, noise in self._with_draws(self._stages()):
            M = m * M
            N = m * N * m.T + noise
        together = [matrix.applyfunc(sp.cancel) for matrix in (M, N)]
        return sp.ImmutableMatrix(together[0]), sp.ImmutableMatrix(together[1])

    def _with_draws(self, stages: list[Maps]) -> Iterator[Maps]:
        """The stages, with a new gradient wherever the positions have moved since the last one."""
        if self.gradient_covariance is None:
            yield from stages
            return
        size = len(self.coordinates)
        redraw = sp.diag(*[1] * size, 0)
        drawn = sp.diag(*[0] * size, self.gradient_covariance)
        kicks = [any(m[i, size] != 0 for i in range(size)) for m, _ in stages]
        moves = [self._moves_positions(stage) for stage in stages]
        last = max((k for k, is_kick in enumerate(kicks) if is_kick), default=-1)
        is_fresh = last >= 0 and not any(moves[last:])
        for stage, is_kick, has_moved in zip(stages, kicks, moves, strict=True):
            if is_kick and not is_fresh:
                yield redraw, drawn
                is_fresh = True
            yield stage
            is_fresh = is_fresh and not has_moved

    def _moves_positions(self, stage: Maps) -> bool:
        m, noise = stage
        still = sp.eye(m.rows)
        return any(m.row(i) != still.row(i) or any(noise.row(i)) for i in self.positions)

    def _stages(self) -> list[Maps]:
        moves = unroll(self.parts, self.scheme)
        found = []
        for move in moves:
            shares = [other.share for other in moves if other.name == move.name]
            found += self._maps(move, move.share, _unit(shares))
        return found

    def _maps(self, move: Move, share: Fraction, unit: Fraction) -> list[Maps]:
        J, D = self._linear(move)
        time = STEP_SIZE * sp.Rational(share.numerator, share.denominator)
        if isinstance(move.flow, Shift):
            return [_euler(J, D, time)]
        if isinstance(move.flow, Inexact):
            return _inexact(move.method, J, D, time)
        if not J.is_diagonal():
            raise SchemeError(
                f"the exact flow of {move.name} has no closed form here",
                expected="friction that acts on each coordinate for itself",
                found=str(J),
                fix="use sdekit.schemes.bias.linear_step with numbers",
            )
        return [self._ornstein_uhlenbeck(J, D, share, unit)]

    def _ornstein_uhlenbeck(self, J: Matrix, D: Matrix, share: Fraction, unit: Fraction) -> Maps:
        power = int(share / unit)
        decay = [self._decay_factor(-J[i, i], unit) ** power for i in range(J.rows)]
        time = STEP_SIZE * sp.Rational(share.numerator, share.denominator)

        def noise(i: int, j: int) -> Expr:
            rate = -J[i, i] - J[j, j]
            if rate == 0:
                return 2 * D[i, j] * time
            return 2 * D[i, j] * (1 - decay[i] * decay[j]) / rate

        return sp.diag(*decay), sp.Matrix(J.rows, J.rows, noise)

    def _decay_factor(self, rate: Expr, unit: Fraction) -> Expr:
        """The symbol for exp(-rate h unit)."""
        if rate == 0:
            return sp.Integer(1)
        key = (rate, unit)
        if key not in self._rates:
            name = "c" if not self._rates else f"c_{len(self._rates) + 1}"
            symbol = sp.Symbol(name, positive=True)
            self._rates[key] = symbol
            share = sp.Rational(unit.numerator, unit.denominator)
            self.decay.append((symbol, sp.exp(-rate * STEP_SIZE * share)))
        return self._rates[key]

    def _linear(self, move: Move) -> Maps:
        """Jacobian and diffusion of a move."""
        size = len(self.state)
        D = sp.zeros(size)
        components = part_components(self.parts.dynamics, move, self.sizes)
        rates = [self._put(rate) for rate in components.drift]
        drift = sp.Matrix(rates + [0] * (size - len(rates)))
        J = drift.jacobian(self.state).applyfunc(partial(self._constant_entry, move))
        for (i, j), entry in components.diffusion.items():
            D[i, j] = self._constant_entry(move, self._put(entry))
        return J, D

    def _constant_entry(self, move: Move, entry: Expr) -> Expr:
        entry = sp.cancel(entry)
        if entry.free_symbols & set(self.coordinates) or entry.atoms(AppliedUndef):
            raise SchemeError(
                f"part {move.name} is not linear at this potential",
                expected="a quadratic potential, and no thermostat",
                found=str(entry),
                fix="see sdekit.bias for the leading bias, or mean_field for thermostats",
            )
        return entry


class _Replacement:
    """Puts a quadratic potential, and parameter values if given, into expressions."""

    def __init__(self, components: Components, particle_of: Particle | None, tilted: bool) -> None:
        energy = components.target if components.target is not None else components.hamiltonian
        found = set() if energy is None else energy.atoms(AppliedUndef)
        self.function: Expr = next((f for f in found if len(f.args) == 1), None)
        self.values: Expr = {} if particle_of is None else particle_of.values
        self.potential: Expr = None
        if self.function is not None:
            position: Expr = self.function.args[0]
            self.potential = STIFFNESS * position**2 / 2
            if particle_of is not None:
                self.potential = particle_of.potential
            # A force that is off by eta is the force of a potential tilted by eta.
            self.potential += _FORCE_ERROR * position if tilted else 0
        elif tilted:
            raise SchemeError(
                "gradient noise needs a potential that is left open in the declaration",
                expected="an unknown function U in the target",
            )

    def __call__(self, expression: Expr) -> Expr:
        if self.function is not None:
            expression = expression.subs(self.function, self.potential).doit()
        return sp.sympify(expression).subs(self.values)


def _unit(shares: Sequence[Fraction]) -> Fraction:
    """The largest number of which all shares are multiples."""
    bottom = lcm(*(share.denominator for share in shares))
    return Fraction(gcd(*(int(share * bottom) for share in shares)), bottom)


def _euler(J: Matrix, D: Matrix, time: Expr) -> Maps:
    return sp.eye(J.rows) + time * J, 2 * time * D


def _inexact(method: str, J: Matrix, D: Matrix, time: Expr) -> list[Maps]:
    if method == "euler_maruyama":
        return [_euler(J, D, time)]
    if method == "rk4":
        return [(_runge_kutta(J, time), 0 * D)]
    half = (_runge_kutta(J, time / 2), 0 * D)
    return [half, (sp.eye(J.rows), 2 * time * D), half]


def _runge_kutta(J: Matrix, time: Expr) -> Matrix:
    terms = [(time * J) ** k / factorial(k) for k in range(5)]
    return sum(terms[1:], terms[0])
