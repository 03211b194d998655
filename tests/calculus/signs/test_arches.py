"""Signs of sines and cosines of angles that stay within one arch."""

from __future__ import annotations

from fractions import Fraction

import pytest

import sdekit as sk
from sdekit.calculus.signs.arches import Arc, arc_of, in_units_of_pi
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.declaration.tree.expression import Constant

PI = Constant("pi")
POLAR = sk.scalar("th", domain=("0", "pi"))
SHORT = sk.scalar("s", domain=(0, 3))
LONG = sk.scalar("l", domain=(0, 4))
HALF = sk.scalar("a", domain=("-pi/2", "pi/2"))


@pytest.mark.parametrize(
    ("wave", "signs"),
    [
        (sk.sin(POLAR), {1}),
        (sk.sin(POLAR / 2), {1}),
        (sk.cos(POLAR / 2), {1}),
        (sk.sin(-POLAR), {-1}),
        (sk.sin(POLAR + PI), {-1}),
        (sk.cos(POLAR), {-1, 0, 1}),
        (sk.sin(2 * POLAR), {-1, 0, 1}),
        (sk.sin(SHORT), {1}),
        (sk.sin(LONG), {-1, 0, 1}),
        (sk.cos(HALF), {1}),
        (sk.tan(HALF / 2 + PI / 4), {1}),
        (sk.tan(HALF), {-1, 0, 1}),
        (sk.sin(PI), {0}),
        (sk.cos(PI), {-1}),
        (sk.sin(POLAR * POLAR), {-1, 0, 1}),
    ],
)
def test_a_wave_has_the_sign_of_its_arch(wave, signs):
    assert entry_signs(wave) == signs


def test_an_angle_is_measured_exactly_in_units_of_pi():
    assert in_units_of_pi(3 * PI / 4 - PI) == Fraction(-1, 4)
    assert in_units_of_pi(PI * PI) is None
    assert arc_of(2 * POLAR - PI) == Arc(Fraction(-1), Fraction(1), True)
    assert arc_of(sk.scalar("x")) is None
