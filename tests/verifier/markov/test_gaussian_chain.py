"""Linear kernels with harmonic energies leave a covariance, which is or is not that of exp(-H)."""

import pytest

import sdekit as sk
from sdekit.verifier.markov.gaussian_chain import refute_by_covariance
from sdekit.verifier.markov.kernel_problem import KernelProblem

K = sk.kernels
X, Y = sk.scalar("x"), sk.scalar("y")
LAW = X**2 / 2 + Y**2 / 2 - X * Y / 2
LANGEVIN = sk.catalog.get("langevin")
P = LANGEVIN.variables[1]


def refutation(*steps, hamiltonian=LAW):
    kernel = K.compose(*steps, hamiltonian=hamiltonian)
    return refute_by_covariance(KernelProblem(kernel), kernel.steps)


def test_a_wrong_conditional_law_changes_the_covariance_by_what_is_told():
    """E x^2 is 4/3 under exp(-H), and 1/2 behind a draw from exp(-x^2)."""
    found = refutation(K.refresh(Y), K.refresh(X, law=X**2))
    assert found.witness.value == "-5/6" and found.is_refuted
    assert sk.verify(K.compose(K.refresh(X, law=X**2), K.refresh(Y), hamiltonian=LAW)).verdict == (
        sk.Verdict.REFUTED
    )


def test_right_draws_and_reflections_are_not_refuted():
    """Twins: Gibbs, overrelaxation, and the flow of a block."""
    assert refutation(K.refresh(X), K.refresh(Y, keep="1/3")) is None
    assert refutation(K.map_to({X: Y - X}), K.refresh(Y)) is None
    assert refutation(K.flow(LANGEVIN, "O"), hamiltonian=LANGEVIN.hamiltonian) is None


@pytest.mark.parametrize(
    "steps",
    [
        (K.map_to({X: 2 * Y - X}), K.refresh(Y)),
        (K.refresh(X, keep="1/2", noise=1), K.refresh(Y)),
    ],
)
def test_what_a_later_draw_does_not_repair_is_refuted(steps):
    assert refutation(*steps).is_refuted


def test_a_splitting_without_acceptance_leaves_another_law():
    for steps in (
        (K.flow(LANGEVIN, "BAOAB"), K.refresh(P)),
        (K.refresh(P), K.flow(LANGEVIN, "BAB")),
    ):
        found = refutation(*steps, hamiltonian=LANGEVIN.hamiltonian)
        assert found.is_refuted and found.witness.functions == {"U(theta)": "|x|**2/2"}


def test_laws_and_steps_that_are_not_gaussian_are_left_alone():
    assert refutation(K.refresh(X, law=X**2), hamiltonian=X**4) is None
    walk = K.metropolis(K.random_walk(X, 1))
    assert refutation(walk, K.refresh(X, law=X**2)) is None
