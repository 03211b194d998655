"""Exponentials, logarithms, angles and roots of elements, brought to few independent generators.

exp(a + b) = exp(a) exp(b), log|f g| = log|f| + log|g|, angle addition and |f g|^k = |f|^k |g|^k are
used up here, so that equal functions become equal elements. exp(log|f|) is |f| and a parameter
power x^a is exp(a log x).

Not for reading SymPy (`reading.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import lcm

import sympy as sp
from flint import fmpq, fmpz

from sdekit.calculus.field.ring import element_factors as factors
from sdekit.calculus.field.ring.generators import Constant, Generator, Named, Root, Sign
from sdekit.calculus.field.ring.monomials import UNIT, Monomial
from sdekit.calculus.field.ring.polynomial import ONE, ZERO, Polynomial, power_of_number, total
from sdekit.calculus.field.ring.tower import Tower
from sdekit.calculus.field.ring.transcendentals import (
    Cosine,
    Exponential,
    HalfTangent,
    Logarithm,
    Sine,
)

#: The generators that stand for a multiple of their argument.
_Scaled = Exponential | HalfTangent | Cosine | Root

#: Of integers above this only small prime factors are looked for.
_LARGEST_FACTORED = 2**64
#: cos(k x) is written in cos(x) and sin(x) up to this k; beyond, k x is an angle of its own.
_MOST_ROTATIONS = 48


def _scaled_generator(
    tower: Tower, kind: type[_Scaled], atom: Polynomial, factor: fmpq
) -> tuple[int, int, int]:
    """The generator of this kind for `atom / scale`, the scale, and the integer `factor * scale`.

    When the factor does not fit the scale so far, a finer generator replaces the old one.
    """
    name = kind.__name__
    number, scale = tower.atoms.get((name, atom), (-1, 1))
    if number >= 0 and scale % int(factor.q) == 0:
        return number, scale, int(factor * scale)
    printed = (name, tower.expression(atom))
    finer_scale = lcm(scale, int(factor.q), tower.scales.get(printed, 1))
    finer = tower.number_of(kind(atom, finer_scale))
    tower.atoms[name, atom] = (finer, finer_scale)
    tower.scales[printed] = finer_scale
    if number >= 0:
        times = finer_scale // scale
        if kind is Exponential or kind is Root:
            tower.replace(number, Polynomial.generator(finer, times))
        else:
            _replace_angle(tower, atom, scale, times)
    return finer, finer_scale, int(factor * finer_scale)


# Exponentials


def exponential(tower: Tower, argument: Polynomial) -> Polynomial:
    """exp(argument)."""
    result = ONE
    rest: dict[Monomial, fmpq] = {}
    for monomial, c in tower.divided(argument):
        kinds = [(tower.generators[number], exponent) for number, exponent in monomial]
        logarithms = [kind for kind, _ in kinds if isinstance(kind, Logarithm)]
        if len(kinds) == 1 and kinds[0][1] == 1 and logarithms:
            result = result * absolute_power(tower, logarithms[0].argument, c)
        elif tower.is_fine or logarithms or monomial == UNIT:
            result = result * _exponential_of_atom(tower, Polynomial({monomial: fmpq(1)}), c)
        else:
            rest[monomial] = c
    if rest:
        polynomial = Polynomial(rest)
        content = polynomial.content()
        atom = polynomial.scaled(1 / content)
        result = result * _exponential_of_atom(tower, atom, content)
    return tower.reduced(result)


def _exponential_of_atom(tower: Tower, atom: Polynomial, factor: fmpq) -> Polynomial:
    number, _, exponent = _scaled_generator(tower, Exponential, atom, factor)
    return Polynomial.generator(number, exponent)


# Logarithms


def logarithm(tower: Tower, argument: Polynomial) -> Polynomial:
    """log|argument|."""
    content, monomial, found = factors.split(tower, argument)
    terms = [_logarithm_of_number(tower, abs(content))]
    terms += [_logarithm_of_generator(tower, number).scaled(e) for number, e in monomial]
    terms += [tower.element(Logarithm(factor)).scaled(e) for factor, e in found]
    return total(terms)


def _logarithm_of_number(tower: Tower, number: fmpq) -> Polynomial:
    return total(
        tower.element(Logarithm(Polynomial.number(prime))).scaled(exponent)
        for prime, exponent in _primes(number)
    )


def _primes(number: fmpq) -> Iterator[tuple[int, int]]:
    """The positive number as a product of powers, of primes where it is not too large."""
    for integer, direction in ((fmpz(number.p), 1), (fmpz(number.q), -1)):
        if integer == 1:
            continue
        factored = integer.factor() if integer <= _LARGEST_FACTORED else integer.factor_smooth()
        for prime, exponent in factored:
            yield int(prime), int(exponent) * direction


def _logarithm_of_generator(tower: Tower, number: int) -> Polynomial:
    generator = tower.generators[number]
    if isinstance(generator, Exponential):
        return generator.argument.scaled(fmpq(1, generator.scale))
    if isinstance(generator, Root):
        return logarithm(tower, generator.argument).scaled(fmpq(1, generator.degree))
    if isinstance(generator, Named):
        return logarithm(tower, generator.definition)
    if isinstance(generator, Sign):
        return ZERO
    return tower.element(Logarithm(Polynomial.generator(number)))


# Powers


def absolute_power(tower: Tower, base: Polynomial, exponent: fmpq) -> Polynomial:
    """|base| ** exponent for a rational exponent."""
    content, monomial, found = factors.split(tower, base)
    result = _power_of_number(tower, abs(content), exponent)
    for number, multiplicity in monomial:
        result = result * _power_of_generator(tower, number, exponent * multiplicity)
    for factor, multiplicity in found:
        result = result * _power_of_atom(tower, factor, exponent * multiplicity)
    return tower.reduced(result)


def _power_of_number(tower: Tower, number: fmpq, exponent: fmpq) -> Polynomial:
    if exponent.q == 1:
        return Polynomial.number(power_of_number(number, int(exponent.p)))
    result = ONE
    for prime, multiplicity in _primes(number):
        power = exponent * multiplicity
        whole = int(power.p // power.q)
        result = result.scaled(power_of_number(fmpq(prime), whole))
        if power != whole:
            result = result * _root(tower, Polynomial.number(prime), power - whole)
    return result


def _power_of_generator(tower: Tower, number: int, exponent: fmpq) -> Polynomial:
    generator = tower.generators[number]
    if isinstance(generator, Exponential):
        return exponential(tower, generator.argument.scaled(exponent / generator.scale))
    if isinstance(generator, Root):
        return absolute_power(tower, generator.argument, exponent / generator.degree)
    if isinstance(generator, Named):
        return absolute_power(tower, generator.definition, exponent)
    if isinstance(generator, Sign):
        return ONE
    return _power_of_atom(tower, Polynomial.generator(number), exponent)


def _power_of_atom(tower: Tower, atom: Polynomial, exponent: fmpq) -> Polynomial:
    """|atom| ** exponent for a generator or a factor."""
    if exponent.q != 1:
        return _root(tower, atom, exponent)
    whole = int(exponent.p)
    sign = tower.sign_of_atom(atom) if whole % 2 else ONE
    if len(atom) > 1 and whole < 0:
        return sign * factors.named(tower, atom) ** whole
    return sign * factors.power(tower, atom, whole)


def _root(tower: Tower, atom: Polynomial, exponent: fmpq) -> Polynomial:
    number, _, times = _scaled_generator(tower, Root, atom, exponent)
    return Polynomial.generator(number, times)


# Angles


def rotation(tower: Tower, angle: Polynomial) -> tuple[Polynomial, Polynomial]:
    """(cos, sin) of an angle."""
    result = (ONE, ZERO)
    rest: dict[Monomial, fmpq] = {}
    for monomial, c in tower.divided(angle):
        if tower.is_fine or _is_pi(tower, monomial):
            part = _rotation_of_atom(tower, Polynomial({monomial: fmpq(1)}), c)
            result = _composed(tower, result, part)
        else:
            rest[monomial] = c
    if rest:
        polynomial = Polynomial(rest)
        content = polynomial.content()
        part = _rotation_of_atom(tower, polynomial.scaled(1 / content), content)
        result = _composed(tower, result, part)
    return result


def _is_pi(tower: Tower, monomial: Monomial) -> bool:
    if len(monomial) != 1 or monomial[0][1] != 1:
        return False
    generator: Generator = tower.generators[monomial[0][0]]
    return isinstance(generator, Constant) and generator.symbol == sp.pi


def _composed(
    tower: Tower, a: tuple[Polynomial, Polynomial], b: tuple[Polynomial, Polynomial]
) -> tuple[Polynomial, Polynomial]:
    """cos and sin of the sum of two angles."""
    return (
        tower.reduced(a[0] * b[0] - a[1] * b[1]),
        tower.reduced(a[0] * b[1] + a[1] * b[0]),
    )


def _rotation_of_atom(
    tower: Tower, atom: Polynomial, factor: fmpq
) -> tuple[Polynomial, Polynomial]:
    if _is_pi(tower, next(iter(atom))[0]) and 12 % int(factor.q) == 0:
        return _repeated(tower, _twelfth_of_pi(tower), int(factor * 12) % 24)
    _, scale, times = _scaled_generator(
        tower, HalfTangent if tower.is_fine else Cosine, atom, factor
    )
    if abs(times) > _MOST_ROTATIONS:
        return _single_rotation(tower, atom.scaled(times), scale)
    return _repeated(tower, _single_rotation(tower, atom, scale), times)


def _single_rotation(tower: Tower, atom: Polynomial, scale: int) -> tuple[Polynomial, Polynomial]:
    """(cos, sin) of atom / scale in one generator, or in two with a relation."""
    if not tower.is_fine:
        return tower.element(Cosine(atom, scale)), tower.element(Sine(atom, scale))
    tangent_of_half = tower.element(HalfTangent(atom, scale))
    divisor = tower.inverse(ONE + tangent_of_half**2)
    return (ONE - tangent_of_half**2) * divisor, tangent_of_half.scaled(2) * divisor


def _repeated(
    tower: Tower, single: tuple[Polynomial, Polynomial], times: int
) -> tuple[Polynomial, Polynomial]:
    """cos and sin of a multiple of an angle."""
    if times < 0:
        single, times = (single[0], -single[1]), -times
    result = (ONE, ZERO)
    for _ in range(times):
        result = _composed(tower, result, single)
    return result


def _twelfth_of_pi(tower: Tower) -> tuple[Polynomial, Polynomial]:
    """cos and sin of pi / 3 - pi / 4."""
    half = fmpq(1, 2)
    root_of_two = _power_of_number(tower, fmpq(2), half).scaled(half)
    root_of_three = _power_of_number(tower, fmpq(3), half).scaled(half)
    return _composed(tower, (Polynomial.number(half), root_of_three), (root_of_two, -root_of_two))


def _replace_angle(tower: Tower, atom: Polynomial, scale: int, times: int) -> None:
    """Write the generators of the angle atom / scale in those of (atom / scale) / times."""
    if tower.is_fine:
        old = tower.number_of(HalfTangent(atom, scale))
        finer = tower.element(HalfTangent(atom, scale * times))
        # (1 + i t)^times is a multiple of (cos, sin) of times the half angle.
        cosine, sine = ONE, ZERO
        for _ in range(times):
            cosine, sine = cosine - sine * finer, sine + cosine * finer
        tower.replace(old, sine * tower.inverse(cosine))
        return
    finer_rotation = _single_rotation(tower, atom, scale * times)
    cosine, sine = _repeated(tower, finer_rotation, times)
    tower.replace(tower.number_of(Cosine(atom, scale)), cosine)
    tower.replace(tower.number_of(Sine(atom, scale)), sine)


def tangent(tower: Tower, angle: Polynomial) -> Polynomial:
    """tan of an angle."""
    cosine, sine = rotation(tower, angle)
    return sine * tower.inverse(cosine)
