"""Second-order dynamics in a box keep exp(-H): momenta turn at walls, as the runner turns them."""

import numpy as np
import pytest

import sdekit as sk
from sdekit.verifier.currents.specular import turned_momentum

N = sk.dim("n")
Q, P, X = sk.scalar("q", domain="positive"), sk.scalar("p"), sk.scalar("x", domain="positive")
A, M, C = (sk.parameter(name, positive=True) for name in ("a", "m", "c"))
Y = sk.vector("y", N, domain=(0, 1))
R = sk.vector("r", N)
W = sk.parameter("W", N, N, positive_definite=True)
U, V = sk.potential("U", Q), sk.potential("V", Y)


def stationarity(drift, noise, energy, target):
    found = sk.verify(sk.Dynamics(drift, noise, hamiltonian=energy, target=target))
    return found.checks["stationarity"]


@pytest.mark.parametrize(
    ("drift", "noise", "energy", "target"),
    [
        ({Q: P / M, P: -sk.grad(U, Q) - A * P / M}, {P: A}, U + P**2 / (2 * M), U),
        ({Q: C * P, P: -C * sk.grad(U, Q)}, {}, U + P**2 / 2, U),
        ({Q: P / sk.sqrt(1 + P**2), P: -sk.grad(U, Q)}, {}, U + sk.sqrt(1 + P**2), U),
        ({Y: R, R: -sk.grad(V, Y) - A * R}, {R: A}, V + sk.dot(R, R) / 2, V),
        ({Y: W @ R, R: -sk.grad(V, Y) - A * W @ R}, {R: A}, V + sk.dot(R, W @ R) / 2, V),
    ],
)
def test_a_position_that_a_momentum_drives_keeps_the_law_in_its_domain(
    drift, noise, energy, target
):
    check = stationarity(drift, noise, energy, target)
    assert check.verdict.value == "proved"
    assert any("turns round" in sentence for sentence in check.assumptions)


@pytest.mark.parametrize(
    ("drift", "noise", "energy"),
    [
        # A mean velocity carries more to the wall than comes back.
        ({Q: P + 1, P: -Q - P}, {P: 1}, Q**2 / 2 + P**2 / 2),
        # Shear flow: the momentum drives q, but H is not even in it.
        ({Q: P, P: 0}, {}, (P - 1) ** 4 + Q - Q),
        # Nothing turns where the position drifts by itself.
        ({X: 1 + 0 * X}, {}, 0 * X),
    ],
)
def test_other_fluxes_through_a_wall_are_not_taken_back(drift, noise, energy):
    """Twins: the same kind of flux without a map that undoes it."""
    dynamics = sk.Dynamics(drift, noise, hamiltonian=energy)
    assert all(turned_momentum(dynamics, x) is None for x in dynamics.variables if x in (Q, X))
    assert sk.verify(dynamics).checks["stationarity"].verdict.value == "refuted"


def test_noise_on_the_position_leaves_the_rule_to_others():
    both = sk.Dynamics({Q: P - Q, P: -Q - P}, {Q: 1, P: 1}, hamiltonian=Q**2 / 2 + P**2 / 2)
    assert turned_momentum(both, Q) is None


def test_the_runner_keeps_what_is_proved():
    """Relativistic momenta between walls: q uniform on (0, 1), E sqrt(1 + p^2)-law even in p."""
    q = sk.scalar("q", domain=(0, 1))
    flow = sk.Dynamics(
        {q: P / sk.sqrt(1 + P**2), P: -P / sk.sqrt(1 + P**2)},
        {P: 1},
        hamiltonian=sk.sqrt(1 + P**2) + 0 * q,
    )
    assert sk.verify(flow).checks["stationarity"].verdict.value == "proved"
    run = sk.simulate(flow, {"q": 0.1, "p": 0.0}, step_size=0.05, steps=400, thin=400, chains=4000)
    ends = np.asarray(run.samples["q"], float)[:, -1]
    assert abs(ends.mean() - 0.5) < 4.5 * np.sqrt(1 / 12 / 4000)
    assert abs(ends.var() - 1 / 12) < 4.5 * np.sqrt(1 / 180 / 4000)
