"""A kernel is proved only where its steps are defined and its law has the wanted marginal."""

import pytest

import sdekit as sk

K = sk.kernels
X, A = sk.scalar("x"), sk.scalar("a")
S, H_SIZE = sk.parameter("s"), sk.parameter("h", positive=True)
W = sk.potential("W", X)
LAW = {"hamiltonian": W + A**2 / 2, "target": W}
LANGEVIN, HAMILTONIAN = sk.catalog.get("langevin"), sk.catalog.get("hamiltonian")
THETA, P = LANGEVIN.variables


def verdict(*steps, **law):
    return sk.verify(K.compose(*steps, **law)).verdict


#: Undecided, with what is said: the scale is 0, or not real, at states that have volume.
UNDEFINED = {
    "a scale of zero": (K.jump(X, X / 2, sk.relu(A)), "may vanish"),
    "a scale of zero by cases": (K.jump(X, 2 * X, sk.where(A > 0, 1, 0)), "may vanish"),
    "a root of a negative number": (K.jump(X, X / 2, sk.sqrt(A)), "not shown to be real"),
    "a division by zero": (K.random_walk(X, 1 / sk.relu(A)), "by which is divided"),
}


@pytest.mark.parametrize("name", UNDEFINED)
def test_a_step_that_is_not_defined_everywhere_is_no_proof(name):
    jump, said = UNDEFINED[name]
    check = sk.verify(K.compose(K.metropolis(jump), **LAW)).checks["invariance"]
    assert check.verdict == "undecided" and said in check.reason
    # Twin: the same proposal with a scale that vanishes nowhere.
    safe = K.jump(X, jump.mean, sk.exp(A))
    assert verdict(K.metropolis(safe), **LAW) == "proved"


def test_a_scale_that_may_be_zero_is_a_side_condition():
    found = sk.verify(K.compose(K.metropolis(K.jump(X, X / 2, S)), **LAW))
    assert found.verdict == "proved" and "s is not 0" in found.side_conditions


def test_noise_is_not_run_backwards_in_time():
    def malt(size):
        moves = K.flow(LANGEVIN, "OBABO", 2, step_size=size)
        return sk.verify(K.compose(K.refresh(P), K.metropolis(moves, flip={P: -P})))

    assert malt(H_SIZE).verdict == "proved"
    assert malt(-H_SIZE).verdict == "undecided"
    assert "s >= 0" in malt(S).side_conditions


@pytest.mark.parametrize("stated", [{"count": "1"}, {"log_volume": {"map": 3}}])
def test_a_jump_has_no_letters_and_no_volume(stated):
    assert verdict(K.metropolis(K.random_walk(X, 1), **stated), **LAW) == "undecided"
    assert verdict(K.metropolis(K.random_walk(X, 1)), **LAW) == "proved"


def test_a_law_whose_marginal_is_open_is_no_proof():
    """The marginal of exp(-W - (a x)^2/2) is exp(-W)/|x|."""
    steps = K.refresh(A), K.metropolis(K.random_walk(X, 1))
    found = sk.verify(K.compose(*steps, hamiltonian=W + (A * X) ** 2 / 2, target=W))
    assert found.verdict != "proved" and "marginalization" in found.checks["invariance"].reason
    assert verdict(*steps, **LAW) == "proved"


def test_numbers_of_steps_that_do_not_occur_refute_nothing():
    """No step at all and a flip is a kernel of exp(-H), by whatever word."""

    def by(word, numbers):
        moves = K.flow(HAMILTONIAN, word, numbers)
        return verdict(K.refresh(P), K.metropolis(moves, flip={P: -P}))

    assert by("AB", {0: 1}) != "refuted"
    assert by("AB", {0: "1/2", 1: "1/2"}) == "refuted"


def test_weights_that_read_the_state_are_refuted_where_no_step_is_one_of_the_numbers():
    weight = 1 / (1 + sk.exp(sk.potential("U", THETA)))
    found = sk.verify(K.hmc(HAMILTONIAN, "BAB", {0: weight, 2: 1 - weight}))
    assert found.verdict == "refuted"
    assert sk.verify(K.hmc(HAMILTONIAN, "BAB", {0: "1/3", 2: "2/3"})).verdict == "proved"
