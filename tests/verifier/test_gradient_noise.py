"""Gradient noise told apart: the sum is what is proved, each part must be a covariance."""

import pytest

import sdekit as sk
from sdekit.verifier.verdict import Verdict

n = sk.dim("n")
theta, p = sk.vector("theta", n), sk.vector("p", n)
A, B = sk.parameter("A", positive=True), sk.parameter("B", positive=True)
U = sk.potential("U", theta)


def langevin(injected, carried, **more):
    """Langevin dynamics with friction A; D is what is injected and what the gradient carries."""
    return sk.Dynamics(
        drift={theta: p, p: -sk.grad(U, theta) - A * p},
        diffusion=injected,
        gradient_noise=carried,
        hamiltonian=U + sk.dot(p, p) / 2,
        target=U,
        **more,
    )


def test_the_sum_of_injected_and_gradient_noise_is_proved():
    found = sk.verify(langevin({p: A - B}, {p: B}))
    assert found.verdict is Verdict.PROVED
    assert any("injected diffusion" in told for told in found.side_conditions)
    assert any("gradient noise" in told for told in found.side_conditions)


def test_an_unknown_covariance_of_the_gradient_may_be_taken_off_the_injected_noise():
    Bhat = sk.function("Bhat", theta, shape=(n, n), positive_semidefinite=True)
    assert sk.verify(langevin({p: A * sk.eye(n) - Bhat}, {p: Bhat})).verdict is Verdict.PROVED


def test_noise_of_the_gradient_beside_the_full_injected_noise_is_refuted():
    """Twin: the same parts one by one are fine; their sum is not what the friction takes out."""
    found = sk.verify(langevin({p: A}, {p: B}))
    assert found.checks["stationarity"].verdict is Verdict.REFUTED
    assert found.checks["diffusion_psd"].verdict is Verdict.PROVED


@pytest.mark.parametrize(
    ("injected", "carried", "name"),
    [
        ({p: -A}, {p: 2 * A}, "injected"),
        ({p: 2 * A}, {p: -A}, "gradient noise"),
        ({p: A - 1 - sk.dot(theta, theta)}, {p: 1 + sk.dot(theta, theta)}, "injected"),
        ({theta: -1, p: A - B}, {theta: 1, p: B}, "injected"),
    ],
    ids=["never", "gradient", "state", "one-block"],
)
def test_a_part_that_is_no_covariance_is_refuted_though_the_sum_is_one(injected, carried, name):
    check = sk.verify(langevin(injected, carried)).checks["diffusion_psd"]
    assert check.verdict is Verdict.REFUTED
    assert name in check.reason
    assert check.witness is not None


def test_a_part_that_is_not_symmetric_is_refuted_though_the_sum_is():
    G = sk.parameter("G", n, n)
    carried = {p: sk.eye(n) * A + G - G.T}
    check = sk.verify(langevin({p: G.T - G}, carried)).checks["diffusion_psd"]
    assert check.verdict is Verdict.REFUTED


def test_an_assumption_takes_part_in_the_side_condition():
    found = sk.verify(langevin({p: A - B}, {p: B}, assume=[A >= B]))
    assert found.verdict is Verdict.PROVED


def test_every_reading_that_proves_takes_the_sum():
    declared, plain = langevin({p: A - B}, {p: B}), langevin({p: A}, None)
    assert str(sk.recipe(declared)) == str(sk.recipe(plain))
    assert sk.certify(declared)["claim"]["verdict"] == "proved"
    for here, there in zip(
        declared.at(n=2).diffusion.values(), plain.at(n=2).diffusion.values(), strict=True
    ):
        assert (here - there).expand() == 0
