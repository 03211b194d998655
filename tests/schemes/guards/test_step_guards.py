"""The limits are where the recursions really turn unstable."""

import numpy as np
import pytest

from sdekit.errors import SimulationError
from sdekit.schemes.guards.step_guards import (
    GUARDS,
    check_step,
    kind_of_scheme,
    max_stable_step,
    require_stable_step,
)

K, XI = 3.0, 0.8


def euler(h):
    return np.array([[1 - h * K]])


def leapfrog(h):
    kick = np.array([[1, 0], [-h * K / 2, 1]])
    return kick @ np.array([[1, h], [0, 1]]) @ kick


def ding(h):
    """p+ = p - xi p h - K q h; q+ = q + p+ h."""
    return np.array([[1 - h * h * K, h * (1 - XI * h)], [-h * K, 1 - XI * h]])


def explicit(h, friction=XI):
    return np.array([[1, h], [-h * K, 1 - friction * h]])


def radius(matrix):
    return np.abs(np.linalg.eigvals(matrix)).max()


@pytest.mark.parametrize(
    ("kind", "recursion", "friction"),
    [
        ("euler-maruyama", euler, 0.0),
        ("sgld", euler, 0.0),
        ("gradient-descent", euler, 0.0),
        ("splitting", leapfrog, 0.0),
        ("leapfrog", leapfrog, 0.0),
        ("sghmc", ding, XI),
        ("sgnht-algorithm-1", ding, XI),
        ("explicit-langevin", explicit, XI),
        ("explicit-langevin", lambda h: explicit(h, 9.0), 9.0),
    ],
)
def test_the_recursion_is_stable_below_the_limit_and_unstable_above(kind, recursion, friction):
    limit = max_stable_step(kind, K, friction)
    assert radius(recursion(0.999 * limit)) < 1 + 1e-12
    assert radius(recursion(1.001 * limit)) > 1 + 1e-6


def test_solvers_without_a_limit_say_so():
    assert max_stable_step("implicit-midpoint", K) == float("inf")
    assert check_step("exact-drift", K, 1e9).is_stable
    assert all(guard.condition for guard in GUARDS.values())


def test_the_check_tells_the_runner_what_to_say():
    good, bad = check_step("splitting", 4.0, 0.9), check_step("splitting", 4.0, 1.0)
    assert good.is_stable and good.message == ""
    assert not bad.is_stable
    assert "needs h sqrt(lambda_max) < 2, that is a step below 1" in bad.message
    require_stable_step("splitting", 4.0, 0.9)
    with pytest.raises(SimulationError, match="splitting must diverge with this step size"):
        require_stable_step("splitting", 4.0, 1.1)


def test_the_lipschitz_constant_of_the_loss_is_no_guard():
    """A loss with a small gradient in a ball and a large curvature: 1/L is beyond the limit."""
    from sdekit.theory.lipschitz import rates as lipschitz

    design, y = [[10.0]], [0.0]
    rate = lipschitz.constant("least-squares", design, y, radius=0.1).rate
    assert not check_step(
        "gradient-descent", lipschitz.smoothness("least-squares", design), rate
    ).is_stable


def test_impossible_guards_are_refused():
    with pytest.raises(SimulationError, match="no stability limit is known"):
        max_stable_step("milstein", 1.0)
    with pytest.raises(SimulationError, match="positive smoothness constant"):
        max_stable_step("sgld", 0.0)
    with pytest.raises(SimulationError, match="step size must be positive"):
        check_step("sgld", 1.0, 0.0)


def test_schemes_of_the_runner_have_their_guards():
    for word in ("BAOAB", "B A O A B", "ABOBA", "BADODAB"):
        assert kind_of_scheme(word, True) == "splitting"
    assert kind_of_scheme("EM", True) == "explicit-langevin"
    assert kind_of_scheme("Algorithm1", True) == "sgnht-algorithm-1"
    assert kind_of_scheme("SGLD", False) == "euler-maruyama"
    # Twin: without a momentum a word promises nothing.
    assert kind_of_scheme("AO", False) is None
