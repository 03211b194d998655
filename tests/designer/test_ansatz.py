"""Design: unknown coefficients of a thermostat are found for every n."""

import pytest

import sdekit as sk
from sdekit.errors import VerificationError

n = sk.dim("n")
theta, p, xi = sk.vector("theta", n), sk.vector("p", n), sk.scalar("xi")
A = sk.parameter("A", positive=True)
U = sk.potential("U", theta)
c0, c2, s1, s2 = (sk.parameter(name) for name in ("c0", "c2", "s1", "s2"))


def thermostat(force):
    return sk.Dynamics(
        drift={theta: p, p: -sk.grad(U, theta) - xi * p, xi: force},
        diffusion={p: A * sk.eye(n)},
        hamiltonian=U + sk.dot(p, p) / 2 + s2 * xi**2 + s1 * xi,
        target=U,
    )


def test_the_thermostat_of_the_paper_is_rediscovered():
    """xi' = c2 p.p + c0 with H = ... + s2 xi^2 + s1 xi: c0 = -n c2, s2 = 1/(2 c2), s1 = -A/c2."""
    (found,) = sk.design(thermostat(c2 * sk.dot(p, p) + c0), [c0, c2, s1, s2], nonzero=[c2])
    assert sk.verify(found.dynamics).checks["stationarity"].is_proved
    assert len(found.free) == 1


def test_an_ansatz_without_a_design_has_no_solution():
    """Twin: without the momentum in the force no coefficients work."""
    assert sk.design(thermostat(c0 + c2 * xi), [c0, c2, s1, s2], nonzero=[c2]) == ()


@pytest.mark.parametrize("name", ["c0", "c", "a", "s", "U_1"])
def test_noise_at_a_temperature_that_is_a_sum_is_found_under_any_name(name):
    unknown, h = sk.parameter(name), sk.parameter("h", positive=True)
    warm = sk.Dynamics(
        {theta: -sk.grad(U, theta)}, {theta: unknown * sk.eye(n)}, hamiltonian=U / (1 + h)
    )
    assert [str(found) for found in sk.design(warm, [unknown])] == [f"{name} = h + 1"]


def test_what_cannot_be_solved_is_an_error_and_no_empty_answer():
    x = sk.scalar("x")
    hidden = sk.Dynamics({x: -x}, {x: 1}, hamiltonian=sk.log(sk.exp(c0 * x**2) + 1))
    with pytest.raises(VerificationError, match="no proof"):
        sk.design(hidden, [c0])


@pytest.mark.parametrize("unknowns", [[], [sk.parameter("z")], [theta], [c0] * 21])
def test_bad_unknowns_are_errors(unknowns):
    with pytest.raises(VerificationError, match=r"a few unknowns|no scalar parameter"):
        sk.design(thermostat(c2 * sk.dot(p, p) + c0), unknowns)
