"""Audit by stationary moments: right chains stay in the law, hidden mistakes leave it."""

import json

import jax
import jax.numpy as jnp
import pytest

import sdekit as sk
from sdekit.auditing import audit_moments
from sdekit.errors import SimulationError

FRICTION, MU = 3.0, 2.0
x, y = sk.scalar("x"), sk.scalar("y")
ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
plane = sk.Dynamics({x: -x, y: -y}, {x: 1, y: 1}, hamiltonian=(x**2 + y**2) / 2)
sgnht = sk.catalog.get("sgnht")


def normal(theta):
    return jnp.sum(theta**2) / 2


def euler(key, state, h):
    return {"x": state["x"] * (1 - h) + jnp.sqrt(2 * h) * jax.random.normal(key)}


def hidden(start):
    """A state of its own for a step on x and y, or x alone: the blocks and something more."""
    return {
        "to_state": lambda blocks: (blocks, start),
        "from_state": lambda state: state[0],
    }


def with_noise_twice(stiffness=1.0):
    """Every second step draws its noise from the key of the step before."""

    def step(key, state, h):
        blocks, (count, old) = state
        bits = jnp.where(count % 2 == 1, old, jax.random.key_data(key))
        noise = jax.random.normal(jax.random.wrap_key_data(bits))
        moved = blocks["x"] * (1 - stiffness * h) + jnp.sqrt(2 * h) * noise
        return {"x": moved}, (count + 1, bits)

    return step


NO_KEY = (jnp.int32(0), jnp.zeros(2, dtype=jnp.uint32))


def sgnht_step(key, state, h, *, norm=False):
    """Algorithm 1 of Ding et al. (2014)."""
    theta, p, xi = state["theta"], state["p"], state["xi"]
    noise = jnp.sqrt(2 * FRICTION * h) * jax.random.normal(key, p.shape)
    p = p - h * xi * p - h * jax.grad(normal)(theta) + noise
    kinetic = jnp.sqrt(p @ p) if norm else p @ p
    return {"theta": theta + h * p, "p": p, "xi": xi + h * (kinetic - p.size) / MU}


def audited_thermostat(step, **options):
    values = {"A": FRICTION, "mu": MU}
    return sk.audit(step, sgnht, potential=normal, parameters=values, states=6, **options)


def one_step_checks_agree(found):
    values = [v for name, v in found.checks.items() if not name.startswith("stationary")]
    return all(v["z"] <= v["threshold"] for v in values)


def test_a_right_thermostat_keeps_the_variances_of_its_law():
    found = audited_thermostat(sgnht_step)
    assert found.verdict == found.stationary.verdict == "consistent"
    assert found.stationary.law == "exp(-H)"
    assert found.stationary.resolution <= 0.25
    expected = {name: v["expected"] for name, v in found.stationary.variances.items()}
    assert expected == pytest.approx({"theta": 1, "p": 1, "xi": 1 / MU}, rel=1e-5)
    assert "8192 chains of 2048 steps of 0.005 and 512 steps of 0.02" in str(found)


def test_a_wrong_thermostat_is_named_by_its_mean():
    def step(key, state, h):
        return sgnht_step(key, state, h, norm=True)

    found = audited_thermostat(step, chains=1024, draws=40_000)
    assert any(text.startswith("stationary mean of xi") for text in found.discrepancies)


def test_noise_that_is_used_twice_shows_in_the_long_run():
    found = sk.audit(with_noise_twice(), ou, states=4, draws=40_000, chains=2048, **hidden(NO_KEY))
    assert found.verdict == found.stationary.verdict == "inconsistent"
    text = found.discrepancies[-1]
    assert text.startswith("stationary variance of x is")
    assert "where 1.0" in text
    # Pairs of equal noises have twice the variance of independent ones in the limit h -> 0.
    measured = found.stationary.variances["x"]
    assert abs(measured["found"] - 2) < 4.5 * measured["error"] + measured["bias"]
    assert found.checks["stationary moments of x"]["z"] > 7


def test_noise_that_is_used_twice_shows_in_the_second_step():
    """Equal normals in two steps: the second adds (2^2 - 1) times the variance of the first."""
    found = sk.audit(with_noise_twice(), ou, states=4, chains=0, **hidden(NO_KEY))
    (text,) = found.discrepancies
    assert text.startswith("noise scale of x is sqrt(")
    assert float(text.split("(variance ")[1].split()[0]) == pytest.approx(3, rel=0.05)
    assert found.stationary.verdict == "not applicable"
    assert found.stationary.reason == "no chains were asked for"


def test_a_thermostat_whose_own_state_is_not_what_it_returns_is_found():
    """The step works with v = 2 p and returns p for v, which `from_state` takes for what it is."""

    def step(key, state, h):
        blocks, v = state
        moved = sgnht_step(key, {**blocks, "p": v / 2}, h)
        return moved, moved["p"]

    found = audited_thermostat(
        step,
        to_state=lambda blocks: (blocks, 2 * blocks["p"]),
        from_state=lambda state: state[0],
        chains=1024,
    )
    assert "drift of theta: the term p is halved" in found.discrepancies
    assert found.stationary.verdict == "inconsistent"
    assert found.checks["stationary moments of p"]["z"] > 7


def test_noise_that_two_variables_share_is_told_as_a_covariance():
    """Every second step moves y with the noise of x; each variance alone is right."""

    def step(key, state, h):
        blocks, count = state
        first, second = jax.random.normal(key, (2,))
        noise = {"x": first, "y": jnp.where(count % 2 == 1, first, second)}
        moved = {k: z * (1 - h) + jnp.sqrt(2 * h) * noise[k] for k, z in blocks.items()}
        return moved, count + 1

    found = sk.audit(step, plane, states=4, chains=1024, **hidden(jnp.int32(0)))
    first, *_, text = found.discrepancies
    assert first.startswith("the noise of x and y has covariance")
    assert float(first.split("covariance ")[1].split("*h")[0]) == pytest.approx(2, rel=0.1)
    assert text.startswith("stationary covariance of x, y is")
    assert "where 0.0" in text


STIFFNESS = 0.005
slow = sk.Dynamics({x: -x / 200}, {x: 1}, hamiltonian=x**2 / 400)


def test_a_chain_that_hardly_forgets_its_start_is_no_evidence():
    def step(key, state, h):
        moved = state["x"] * (1 - STIFFNESS * h) + jnp.sqrt(2 * h) * jax.random.normal(key)
        return {"x": moved}

    found = sk.audit(step, slow, states=4, draws=40_000, chains=2048)
    assert found.discrepancies == ()
    assert found.verdict == found.stationary.verdict == "not enough evidence"
    assert found.stationary.reason.startswith("a variance is known to")


def test_a_slow_chain_that_leaves_the_law_is_evidence_all_the_same():
    """Twin: its variance has moved by 7 % of the law's on its way to twice the value."""
    wrong = with_noise_twice(STIFFNESS)
    found = sk.audit(wrong, slow, states=4, draws=40_000, chains=16_384, **hidden(NO_KEY))
    assert found.stationary.verdict == "inconsistent"
    assert found.checks["stationary moments of x"]["z"] > 7


def test_a_step_that_does_not_move_gives_no_evidence_about_its_law():
    found = sk.audit(lambda key, state, h: state, ou, states=4, draws=40_000)
    assert found.stationary.verdict == "not enough evidence"
    assert found.stationary.reason == "the chains have not forgotten their start"
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["stationary"]["chains"] == 8192


def test_a_target_without_a_gaussian_law_is_judged_by_one_step_alone():
    cubic = sk.Dynamics({x: -(x**3)}, {x: 1})

    def step(key, state, h):
        return {"x": state["x"] - h * state["x"] ** 3 + jnp.sqrt(2 * h) * jax.random.normal(key)}

    found = sk.audit(step, cubic)
    assert found.is_consistent
    assert found.stationary.verdict == "not applicable"
    assert "stationary moments: not applicable (no law is declared" in str(found)


def test_a_step_that_cannot_go_on_from_its_own_result_is_not_run():
    found = sk.audit(
        lambda key, state, h: (euler(key, state, h),),
        ou,
        from_state=lambda state: state[0],
        states=4,
    )
    assert found.stationary.verdict == "not applicable"
    assert "cannot go on from its own result" in found.stationary.reason


def test_chains_that_blow_up_are_no_evidence_against_the_limit_of_small_steps():
    def step(key, state, h):
        return {"x": jnp.where(h > 0.05, jnp.inf, euler(key, state, h)["x"])}

    found = sk.audit(step, ou, states=4, draws=40_000, chains=256)
    assert found.verdict == found.stationary.verdict == "not enough evidence"
    assert found.stationary.reason == "chains leave the finite numbers at a step size of 0.08"


def test_chains_of_a_fast_sde_take_smaller_steps():
    """Euler-Maruyama would be unstable at 8 h = 0.08 with a rate of 100."""
    stiff = sk.Dynamics({x: -100 * x}, {x: 100}, hamiltonian=x**2 / 2)

    def step(key, state, h):
        return {"x": state["x"] * (1 - 100 * h) + jnp.sqrt(200 * h) * jax.random.normal(key)}

    found = sk.audit(step, stiff, states=4, draws=40_000, step_size=0.005, chains=2048)
    assert found.stationary.verdict == "consistent"
    assert found.stationary.step_sizes[-1] == pytest.approx(0.01)


def test_all_checks_share_one_level():
    with_chains = sk.audit(euler, ou, states=4, draws=40_000, chains=256)
    without = sk.audit(euler, ou, states=4, draws=40_000, chains=0)
    (threshold,) = {v["threshold"] for v in with_chains.checks.values()}
    (lower,) = {v["threshold"] for v in without.checks.values()}
    assert threshold > lower


def test_large_states_get_fewer_chains(monkeypatch):
    monkeypatch.setattr(audit_moments, "_MEMORY", 1024)
    found = sk.audit(euler, ou, states=4, draws=40_000)
    assert found.stationary.chains == 1024


def test_too_few_chains_are_refused():
    with pytest.raises(SimulationError, match="chains makes no sense"):
        sk.audit(euler, ou, chains=100)


def test_an_exact_step_is_held_to_the_exact_moments():
    """No extrapolation: the step runs at the h at which it claims to be exact."""
    h = 1.0

    def exact(key, state, h):
        noise = jnp.sqrt(-jnp.expm1(-2 * h)) * jax.random.normal(key)
        return {"x": state["x"] * jnp.exp(-h) + noise}

    found = sk.audit(exact, ou, step_size=h, exact=True)
    assert found.is_consistent
    assert found.stationary.step_sizes == (1.0,)
    assert found.stationary.variances["x"]["bias"] == 0


def test_an_exact_step_with_stale_noise_is_found():
    """Twin: exact in one step from its start, but every second step repeats the noise."""

    def step(key, state, h):
        blocks, (count, old) = state
        bits = jnp.where(count % 2 == 1, old, jax.random.key_data(key))
        noise = jax.random.normal(jax.random.wrap_key_data(bits))
        moved = blocks["x"] * jnp.exp(-h) + jnp.sqrt(-jnp.expm1(-2 * h)) * noise
        return {"x": moved}, (count + 1, bits)

    found = sk.audit(step, ou, step_size=0.5, exact=True, **hidden(NO_KEY))
    assert one_step_checks_agree(found)
    assert found.stationary.verdict == "inconsistent"
