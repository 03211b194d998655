"""The marginal integral line by line: squares as they are, constants as they come."""

import pytest

import sdekit as sk
from sdekit.reports.chapters.marginal_lines import marginal_section
from sdekit.reports.formats.document import Derivation, Formula
from sdekit.reports.results import marginal_of


def lines(dynamics):
    section = marginal_section(sk.verify(dynamics), dynamics.ito(), marginal_of(dynamics))
    steps = [s for b in section.blocks if isinstance(b, Derivation) for s in b.steps]
    return section, [(step.value, step.status) for step in steps]


def test_the_square_is_completed_and_the_integral_done():
    section, found = lines(sk.catalog.get("sgnht"))
    formulas = [block.latex for block in section.blocks if isinstance(block, Formula)]
    assert r"\mu \, \left(\xi - A\right)^{2}" in formulas[1]
    assert found == [
        (r"\frac{\left\|p\right\|^{2}}{2}", ""),
        (r"\left(2 \pi\right)^{n/2}", "proved"),
        (r"\frac{\mu \, \xi^{2}}{2} - A \, \mu \, \xi", ""),
        (r"\frac{\mu \, \left(\xi - A\right)^{2}}{2} - \frac{A^{2} \, \mu}{2}", "proved"),
        (r"\left(2 \pi / \mu\right)^{1/2} \, \mathrm{e}^{\frac{A^{2} \, \mu}{2}}", "proved"),
    ]


def test_a_form_with_a_matrix_has_its_determinant():
    _, found = lines(sk.catalog.get("rhmc"))
    assert found[-1][0].startswith(r"(2 \pi)^{n/2} \, \left(\det")


def test_an_assumption_is_marked_as_one():
    _, found = lines(sk.catalog.get("langevin-kinetic"))
    assert found[-1] == (r"\text{const}", "assumed")


@pytest.mark.parametrize("coupling", ["1", "-2"])
def test_a_coupling_moves_the_middle_and_leaves_the_right_rest(coupling):
    """H = x^2 + c x y + y^2 + x: over y the rest is -(c x)^2 / 4."""
    x, y, c = sk.scalar("x"), sk.scalar("y"), int(coupling)
    energy = x**2 + c * x * y + y**2
    rest = x**2 - c**2 * x**2 / 4
    dynamics = sk.Dynamics(
        {x: -sk.grad(energy, x), y: -sk.grad(energy, y)},
        diffusion={x: 1, y: 1}, hamiltonian=energy, target=rest,
    )  # fmt: skip
    _, found = lines(dynamics)
    square = {1: r"\left(y + \frac{x}{2}\right)^{2}", -2: r"\left(y - x\right)^{2}"}
    assert square[c] in found[1][0]
    assert {1: r"- \frac{x^{2}}{4}", -2: "- x^{2}"}[c] in found[1][0]
