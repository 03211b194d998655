"""One step of a kernel is audited against its law; twins that break it are seen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.auditing.kernel_audit.audit_kernel import CHUNK, shortage
from sdekit.auditing.kernel_audit.weighted_states import weighted_states
from sdekit.errors import SimulationError

K = sk.kernels
X = sk.scalar("x")
W = sk.potential("W", X)
SCALE = sk.parameter("s", positive=True)
WALK = K.compose(K.metropolis(K.random_walk(X, SCALE)), hamiltonian=W)
GIVEN = {"potential": lambda x: x**4 / 4, "draws": 40_000}


def by_hand(scale):
    """Random-walk Metropolis as a user writes it."""

    def step(key, state, h):
        first, second = jax.random.split(key)
        x = state["x"]
        y = x + scale * jax.random.normal(first)
        gain = GIVEN["potential"](x) - GIVEN["potential"](y)
        return {"x": jnp.where(jnp.log(jax.random.uniform(second)) < gain, y, x)}

    return step


def test_a_step_of_ones_own_is_compared_with_law_and_kernel():
    found = sk.audit(by_hand(1.0), WALK, parameters={"s": 1.0}, step_size=1.0, **GIVEN)
    assert found.is_consistent
    assert set(found.checks) == {"invariance", "reversibility", "acceptance"}
    # Twin: a longer walk keeps the law, and is another kernel.
    found = sk.audit(by_hand(1.5), WALK, parameters={"s": 1.0}, step_size=1.0, **GIVEN)
    assert found.verdict == "inconsistent"
    assert {text.split(":")[0] for text in found.discrepancies} == {"acceptance"}


def test_a_kernel_that_leaves_its_densities_out_is_seen():
    jump = K.jump(X, X - sk.parameter("h", positive=True) * sk.grad(W, X), SCALE)
    wrong = K.compose(K.metropolis(jump, is_symmetric=True), hamiltonian=W)
    found = sk.audit(wrong, parameters={"s": 1.0}, step_size=0.4, **GIVEN)
    assert found.verdict == "inconsistent" and "invariance" in found.discrepancies[0]
    assert found.to_dict()["verdict"] == "inconsistent" and "INCONSISTENT" in str(found)


def test_agreement_is_evidence_where_states_move_and_changes_would_be_seen():
    assert shortage(0.5, 0.01) == ""
    assert "move" in shortage(0.001, 0.01) and "draws" in shortage(0.5, 0.2)


def test_a_slow_step_is_audited_with_the_states_that_its_budget_allows(monkeypatch):
    monkeypatch.setattr("sdekit.auditing.kernel_audit.audit_kernel.BUDGET", 0.0)
    found = sk.audit(WALK, parameters={"s": 1.0}, step_size=1.0, **GIVEN)
    assert found.draws == CHUNK and f"from {CHUNK} states" in str(found)


def test_a_law_that_is_not_drawn_is_refused():
    with pytest.raises(SimulationError, match="weights"):
        sk.audit(WALK, parameters={"s": 1.0}, potential=lambda x: 0 * x, draws=2000)


def test_a_kernel_is_no_step_of_another():
    with pytest.raises(SimulationError, match="by itself"):
        sk.audit(WALK, WALK, parameters={"s": 1.0}, **GIVEN)


def test_states_without_density_have_no_weight():
    """exp(-x^2) on the positive half of the line, infinite H on the other."""
    found = weighted_states(lambda z: np.where(z[:, 0] > 0, z[:, 0] ** 2, np.inf), 1, 20_000, 0)
    assert found.weights[found.states[:, 0] < 0].max() == 0
    moments = found.weights * (found.states[:, 0] ** 2 - 0.5)
    assert abs(moments.mean()) < 4.5 * moments.std() / np.sqrt(20_000)


def test_a_flip_that_is_left_out_shows_between_positions_and_momenta():
    """A rejected momentum that is not turned leaves the marginals, and correlates x and p."""
    kernel = K.published_kernel("generalized-hmc-no-flip")
    given = {"potential": lambda x: (x**2 / 2 + x**4 / 4).sum(), "parameters": {"c": 0.5}}
    found = sk.audit(kernel, step_size=0.8, draws=40_000, **given)
    assert found.verdict == "inconsistent" and "] times p[" in found.discrepancies[0]
    # Twin: with the flip.
    right = K.published_kernel("generalized-hmc")
    assert sk.audit(right, step_size=0.8, draws=40_000, **given).is_consistent
