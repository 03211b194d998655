"""Kernels are built from flows, flips, refreshments and acceptance, and mistakes are named."""

import pytest

import sdekit as sk
from sdekit.errors import DeclarationError, SchemeError

K, L = sk.kernels, sk.dim("L")
HAMILTONIAN = sk.catalog.get("hamiltonian")
THETA, P = HAMILTONIAN.variables


def test_hmc_is_the_composition_that_it_abbreviates():
    by_hand = K.compose(K.refresh(P), K.metropolis(K.flow(HAMILTONIAN, "BAB", L), flip={P: -P}))
    assert K.hmc(HAMILTONIAN, scheme="BAB", steps=L) == by_hand


def test_a_flow_can_be_made_from_a_splitting():
    assert K.flow(sk.splitting(HAMILTONIAN), "B A B") == K.flow(HAMILTONIAN, "BAB")


def test_a_palindrome_goes_there_and_back():
    a, b = K.refresh(P), K.flip({P: -P})
    assert K.palindrome(a, b) == (a, b, a)


@pytest.mark.parametrize(
    ("build", "error", "said"),
    [
        (lambda: K.flow(HAMILTONIAN, "BOB"), SchemeError, "letters that this dynamics"),
        (lambda: K.flow(sk.catalog.get("langevin"), "O[-1] A"), SchemeError, "not shares"),
        (lambda: K.flow(HAMILTONIAN, "BAB", 0), DeclarationError, "number of steps"),
        (lambda: K.flow(HAMILTONIAN, "BAB", 1.5), DeclarationError, "number of steps"),
        (lambda: K.flow("hamiltonian", "BAB"), DeclarationError, "needs a dynamics"),
        (lambda: K.refresh(), DeclarationError, "nothing is refreshed"),
        (lambda: K.refresh(P, keep=P), DeclarationError, "keep is no scalar"),
        (lambda: K.metropolis(), DeclarationError, "a proposal is made of"),
        (lambda: K.metropolis(K.refresh(P)), DeclarationError, "a proposal is made of"),
        (lambda: K.flip({P: sk.dot(P, P)}), DeclarationError, "another shape"),
        (lambda: K.compose(), DeclarationError, "at least one step"),
        (lambda: K.compose(K.refresh(P)), DeclarationError, "law of the kernel is not clear"),
        (lambda: K.compose(3), DeclarationError, "no step of a kernel"),
        (
            lambda: K.metropolis(K.flow(HAMILTONIAN, "BAB"), accept="metropolitan"),
            DeclarationError,
            "unknown acceptance",
        ),
        (lambda: K.hmc(sk.catalog.get("overdamped")), DeclarationError, "needs momenta"),
    ],
)
def test_mistakes_are_named(build, error, said):
    with pytest.raises(error, match=said):
        build()


def test_a_step_size_never_takes_the_name_of_a_symbol_of_the_model():
    h, x, p = sk.parameter("h", positive=True), sk.scalar("x"), sk.scalar("p")
    model = sk.Dynamics({x: p, p: -h * x}, hamiltonian=h * x**2 / 2 + p**2 / 2, target=h * x**2 / 2)
    with pytest.raises(DeclarationError, match="symbol h of its own"):
        K.flow(model, "BAB")
    assert K.flow(model, "BAB", step_size=sk.parameter("eps", positive=True)).steps == 1
