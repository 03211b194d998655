r"""Exact stationary covariance of a scheme on a quadratic target, for every step size.

One step is a random affine map $x \mapsto M x + \zeta$, $\zeta \sim N(0, N)$; the covariance S
solves $S = M S M^T + N$. The entries are rational in h, the parameters and the decay factors
$c = e^{-\gamma h s}$ of the Ornstein-Uhlenbeck parts, and are computed as such.

Not for several dimensions or gradient noise with numbers (`sdekit.schemes.bias.linear_step`).

Notation: M, N of one step; S the covariance; K the stiffness, U = K theta^2 / 2; h the step size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.polys.matrices import DomainMatrix
from sympy.polys.matrices.exceptions import DMNonInvertibleMatrixError

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.sympy_types import Expr, Matrix
from sdekit.errors import SchemeError
from sdekit.schemes.bias.closed_step import STEP_SIZE, ClosedStep
from sdekit.schemes.bias.concrete import Particle
from sdekit.schemes.bias.noise_bias import check_one_noise, declared_covariance
from sdekit.schemes.split.scheme_names import canonical
from sdekit.schemes.split.splitting import splitting


@dataclass(frozen=True)
class HarmonicLaw:
    """The stationary Gaussian law of a scheme on a quadratic target.

    Attributes:
        word: The scheme.
        coordinates: The state.
        covariance: S, shape (d, d), in h, the parameters and the decay factors.
        decay: What each decay factor stands for, such as c = exp(-A h / 2).
        step_map: M, shape (d, d).
        conditions: Expressions that are positive exactly where the scheme is stable; empty for
            more than two coordinates, where only numbers decide.
    """

    word: str
    coordinates: tuple[sp.Symbol, ...]
    covariance: Matrix
    decay: tuple[tuple[sp.Symbol, Expr], ...]
    step_map: Matrix
    conditions: tuple[Expr, ...]

    def moment(self, first: str, second: str) -> Expr:
        """The entry of the covariance for two coordinates by name; theta stands for theta_1."""
        i, j = (self._index(name) for name in (first, second))
        return self.covariance[i, j]

    def _index(self, name: str) -> int:
        for i, x in enumerate(self.coordinates):
            if x.name == name or x.name.startswith(f"{name}_1"):
                return i
        raise SchemeError(
            f"there is no coordinate {name}", expected=", ".join(x.name for x in self.coordinates)
        )

    def written_out(self, expression: Expr) -> Expr:
        """The expression with the decay factors written as exponentials."""
        return expression.subs(dict(self.decay))

    def stability_limit(self, **parameters: float) -> float | None:
        """The smallest step size at which the spectral radius of M reaches 1.

        Args:
            **parameters: A number for each symbol that is left, by name.

        Returns:
            The limit; None if there is none below 10^5.

        Raises:
            SchemeError: If a symbol has no value.
        """
        from sdekit.schemes.guards.stability import first_instability

        step_map = self.written_out(self.step_map)
        values = {s: parameters[s.name] for s in step_map.free_symbols if s.name in parameters}
        return first_instability(step_map.subs(values), STEP_SIZE)

    def to_dict(self) -> dict[str, Any]:
        """The law as plain data."""
        size = len(self.coordinates)
        return {
            "covariance": {
                f"{self.coordinates[i]}, {self.coordinates[j]}": _text(self.covariance[i, j])
                for i in range(size)
                for j in range(i, size)
            },
            "where": {str(symbol): _text(value) for symbol, value in self.decay},
            "stable_where_positive": [_text(condition) for condition in self.conditions],
        }

    def __str__(self) -> str:
        data = self.to_dict()
        lines = [f"  <{pair}> = {value}" for pair, value in data["covariance"].items()]
        lines += [f"  with {symbol} = {value}" for symbol, value in data["where"].items()]
        lines += [f"  stable where {c} > 0" for c in data["stable_where_positive"]]
        return "\n".join(lines)


def _text(expression: Expr) -> str:
    return sp.sstr(expression, order="rev-lex")


def harmonic_law(
    dynamics: Dynamics,
    scheme: str | None = None,
    *,
    particle_of: Particle | None = None,
    gradient_covariance: Expr | None = None,
) -> HarmonicLaw:
    """The stationary law of a scheme on U = K theta^2 / 2 at n = 1, in closed form.

    Args:
        dynamics: A declaration that is linear once U is quadratic.
        scheme: A word or a name; the default word when left out.
        particle_of: Potential and parameter values to use instead of the symbols.
        gradient_covariance: Variance V of the noise of a stochastic gradient, as a symbol or
            number; for several dimensions in which K and V commute, this is the law of each
            eigenvector. When left out that of the declared gradient noise.

    Raises:
        SchemeError: If the scheme is not linear at this potential, is unstable for every step, or
            a part mixes several variables without a closed form.

    Example:
        >>> import sdekit.catalog as catalog
        >>> law = harmonic_law(catalog.get("langevin"), "BAOAB")
        >>> law.moment("theta", "theta"), law.moment("p", "p")
        (1/K, -K*h**2/4 + 1)

    Source: derived, by the discrete Lyapunov equation.
    Checked by: tests/schemes/bias/test_harmonic.py.
    """
    parts = splitting(dynamics)
    scheme = parts.default_word if scheme is None else scheme
    if check_one_noise(parts, gradient_covariance):
        found: Any = declared_covariance(parts, scheme, STEP_SIZE)
        gradient_covariance = found if particle_of is None else found.subs(particle_of.values)
    step = ClosedStep(parts, scheme, particle_of, gradient_covariance)
    M, N = step.maps()
    size = len(step.coordinates)
    covariance = stationary_covariance(M, N)[:size, :size]
    return HarmonicLaw(
        canonical(scheme),
        step.coordinates,
        covariance,
        tuple((symbol, value) for symbol, value in step.decay if M.has(symbol) or N.has(symbol)),
        M[:size, :size],
        stability_conditions(M[:size, :size], step.factors),
    )


def stationary_covariance(M: Matrix, N: Matrix) -> Matrix:
    """The solution of S = M S M^T + N, entries factored.

    Args:
        M: Shape (d, d), rational in its symbols.
        N: Shape (d, d), symmetric.

    Raises:
        SchemeError: If there is no unique solution for generic values of the symbols.
    """
    size = M.rows
    pairs = [(i, j) for i in range(size) for j in range(i, size)]
    place = {pair: k for k, pair in enumerate(pairs)}
    matrix = sp.zeros(len(pairs), len(pairs))
    right = sp.zeros(len(pairs), 1)
    for row, (i, j) in enumerate(pairs):
        right[row] = N[i, j]
        matrix[row, row] += 1
        for a in range(size):
            for b in range(size):
                matrix[row, place[min(a, b), max(a, b)]] -= M[i, a] * M[j, b]
    domain = sp.QQ.frac_field(*sorted(matrix.free_symbols | right.free_symbols, key=str))
    left = DomainMatrix.from_Matrix(matrix).convert_to(domain)
    try:
        solution = left.lu_solve(DomainMatrix.from_Matrix(right).convert_to(domain)).to_Matrix()
    except DMNonInvertibleMatrixError:
        raise SchemeError(
            "the scheme has no stationary law on a quadratic target, whatever the step size",
            expected="friction or noise that acts on every coordinate",
        ) from None
    entries = {pair: _factored(solution[k]) for pair, k in place.items()}
    return sp.ImmutableMatrix(size, size, lambda i, j: entries[min(i, j), max(i, j)])


def _factored(entry: Expr) -> Expr:
    """The entry in factors with positive constant terms, such as 4 - K h^2."""
    constant, product = sp.Integer(1), sp.Integer(1)
    for part, side in zip(sp.fraction(sp.cancel(entry)), (1, -1), strict=True):
        factored: Expr = sp.factor_list(part)
        number, found = factored
        constant *= number**side
        for factor, power in found:
            # The lowest term comes last in a polynomial's own order.
            symbols = sorted(factor.free_symbols, key=str)
            sign = sp.sign(sp.Poly(factor, *symbols).coeffs()[-1])
            constant *= sign**power
            product *= sp.expand(sign * factor) ** (side * power)
    # SymPy multiplies a number into a sum: kept apart until the end, signs come out right.
    return constant * product


def stability_conditions(M: Matrix, factors: Sequence[sp.Symbol]) -> tuple[Expr, ...]:
    """Jury's conditions for a spectral radius below 1, without factors that are always positive.

    Args:
        M: Shape (d, d), d at most 2; all symbols positive.
        factors: Symbols that lie between 0 and 1.
    """
    if M.rows == 1:
        found = [1 - M[0, 0], 1 + M[0, 0]]
    elif M.rows == 2:
        trace, determinant = M.trace(), M.det()
        found = [1 - trace + determinant, 1 + trace + determinant, 1 - determinant]
    else:
        return ()
    reduced = [_without_positive_factors(sp.together(condition), factors) for condition in found]
    return tuple(dict.fromkeys(condition for condition in reduced if condition != 1))


def _without_positive_factors(condition: Expr, factors: Sequence[sp.Symbol]) -> Expr:
    result = sp.Integer(1)
    for part in sp.fraction(condition):
        factored: Expr = sp.factor_list(sp.expand(part))
        constant, found = factored
        result *= sp.sign(constant)
        for factor, power in found:
            terms = sp.Add.make_args(sp.expand(factor))
            if power % 2 == 0 or all(term.as_coeff_Mul()[0] > 0 for term in terms):
                continue
            if any(sp.expand(factor - sign * (1 - c)) == 0 for c in factors for sign in (1, -1)):
                result *= 1 if factor.subs(dict.fromkeys(factors, 0)) > 0 else -1
                continue
            result *= factor
    return sp.expand(result)
