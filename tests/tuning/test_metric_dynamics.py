"""What `tune` runs is declared, and proved."""

import pytest

import sdekit as sk
from sdekit.tuning.metric_dynamics import metric_dynamics


@pytest.mark.parametrize("is_dense", [True, False])
@pytest.mark.parametrize("is_thermal", [True, False])
def test_the_dynamics_in_a_metric_keeps_the_target_for_every_metric(is_dense, is_thermal):
    dynamics = metric_dynamics(is_dense=is_dense, is_thermal=is_thermal)
    assert sk.verify(dynamics).checks["stationarity"].verdict == "proved"
    assert sk.splitting(dynamics).default_word == ("BAOAB" if is_thermal else "BAB")


def test_a_wrong_transpose_would_be_refuted():
    """Twin: with L in place of L^T the law is lost."""
    n = sk.dim("n")
    theta, p, L = sk.vector("theta", n), sk.vector("p", n), sk.parameter("L", n, n)
    U = sk.potential("U", theta)
    wrong = sk.Dynamics(
        drift={theta: L @ p, p: -L @ sk.grad(U, theta)}, hamiltonian=U + sk.dot(p, p) / 2, target=U
    )
    assert sk.verify(wrong).verdict == "refuted"
