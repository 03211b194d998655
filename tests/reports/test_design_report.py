"""The report of a design derives it: ansatz, equations, solution, verdict."""

import pytest

import sdekit as sk
from sdekit.designer.ansatz import equations_for
from sdekit.errors import SdekitError, UndecidedError
from sdekit.reports.design_report import design_report

n = sk.dim("n")
theta = sk.vector("theta", n)
U, D = sk.potential("U", theta), sk.function("D", theta, shape=(n, n), positive_definite=True)
F, c = sk.function("F", theta, shape=(n,)), sk.parameter("c")
sgld = sk.Dynamics(
    {theta: -D @ sk.grad(U, theta) + F}, {theta: D}, hamiltonian=U, target=U, name="SGLD"
)


@pytest.mark.parametrize("suffix", ["html", "md", "tex"])
def test_a_report_names_ansatz_equations_solution_and_verdict(tmp_path, suffix):
    path = design_report(sgld, [F], tmp_path / f"design.{suffix}")
    text = path.read_text(encoding="utf-8")
    for heading in ("Design of SGLD", "The equations", "The solution", "Model file"):
        assert heading in text


def test_the_equations_belong_to_the_products_of_the_residual():
    ansatz, equations = equations_for(
        sk.Dynamics({theta: -sk.grad(U, theta)}, {theta: c * sk.eye(n)}, hamiltonian=U), [c]
    )
    assert not ansatz
    assert {repr(value) for _, value in equations} == {"c - 1", "-c + 1"}


def test_a_proof_that_there_is_none_is_reported(tmp_path):
    x = sk.scalar("x")
    none = sk.Dynamics({x: 1 + 0 * x}, {x: c * 1}, hamiltonian=x**2)
    path = design_report(none, [c], tmp_path / "none.md")
    assert "No design" in path.read_text(encoding="utf-8")


def test_a_report_that_cannot_be_written_or_solved_is_an_error(tmp_path):
    with pytest.raises(SdekitError, match="unknown format"):
        design_report(sgld, [F], tmp_path / "design.pdf")
    x = sk.scalar("x")
    hidden = sk.Dynamics({x: -x}, {x: 1}, hamiltonian=sk.log(sk.exp(c * x**2) + 1))
    with pytest.raises(UndecidedError, match="no proof"):
        design_report(hidden, [c], tmp_path / "design.md")
