"""Wrong kernels are refuted at exact points; the checks of a kernel are those that occur."""

import pytest

import sdekit as sk
from sdekit.errors import VerificationError

K, L = sk.kernels, sk.dim("L")
HAMILTONIAN = sk.catalog.get("hamiltonian")
THETA, P = HAMILTONIAN.variables
U = sk.potential("U", THETA)
C, T = sk.parameter("c", positive=True), sk.parameter("T", positive=True)
LEAPFROG, FLIP = K.flow(HAMILTONIAN, "BAB", L), {P: -P}
WEIGHT = 1 / (1 + sk.exp(U))
X = sk.scalar("x")
QUARTIC = X**4 / 4
MOVE = K.metropolis(LEAPFROG, flip=FLIP)


def second(**given):
    """Delayed rejection whose second attempt is a shorter word."""
    shorter = K.flow(HAMILTONIAN, "BAB", L, step_size=sk.parameter("h", positive=True) / 4)
    return K.delayed(MOVE, K.metropolis(shorter, flip=FLIP, **given))


def mixed(first, other, *, weighted=True):
    """One of two involutions with weights that read x, which the energies contain or not."""
    weights = 1 / (1 + sk.exp(X)), sk.exp(X) / (1 + sk.exp(X))
    steps = [
        (w, K.metropolis(K.map_to({X: y}), energy=QUARTIC - sk.log(w) if weighted else None))
        for w, y in zip(weights, (first, other), strict=True)
    ]
    return K.compose(K.choose(steps), hamiltonian=QUARTIC)


def after_refresh(*steps):
    return K.compose(K.refresh(P), *steps)


#: Kernel, and the check beside invariance that names the mistake.
WRONG = {
    "no palindrome": (lambda: K.hmc(HAMILTONIAN, "AB", L), "involution"),
    "flip forgotten, partial refreshment": (
        lambda: K.compose(K.refresh(P, keep=C), K.metropolis(LEAPFROG)),
        "involution",
    ),
    "accepted by U only": (
        lambda: after_refresh(K.metropolis(LEAPFROG, flip=FLIP, energy=U)),
        "acceptance",
    ),
    "a half step left out": (
        lambda: after_refresh(K.metropolis(LEAPFROG, flip=FLIP, count="1 2")),
        "acceptance",
    ),
    "wrong temperature before": (
        lambda: K.compose(
            K.refresh(P, law=sk.dot(P, P) / (2 * T)), K.metropolis(LEAPFROG, flip=FLIP)
        ),
        "refreshment",
    ),
    "wrong temperature behind": (
        lambda: K.compose(
            K.metropolis(LEAPFROG, flip=FLIP), K.refresh(P, law=sk.dot(P, P) / (2 * T))
        ),
        "refreshment",
    ),
    "too much noise in a partial refreshment": (
        lambda: K.compose(K.refresh(P, keep=C, noise=1), K.metropolis(LEAPFROG, flip=FLIP)),
        "refreshment",
    ),
    "Barker's ratio not normalized": (
        lambda: after_refresh(K.metropolis(LEAPFROG, flip=FLIP, accept=K.RATIO)),
        "acceptance",
    ),
    "slice level redrawn after the move": (
        lambda: after_refresh(K.slice_step(LEAPFROG, flip=FLIP, level="after")),
        "acceptance",
    ),
    "number of steps drawn from the state": (
        lambda: K.hmc(HAMILTONIAN, "BAB", {1: WEIGHT, 2: 1 - WEIGHT}),
        "acceptance",
    ),
    "a second attempt that accepts by U": (
        lambda: after_refresh(second(energy=U)),
        "acceptance",
    ),
    "a second attempt that is always made": (
        lambda: after_refresh(second(accept="always")),
        "acceptance",
    ),
    "a first attempt that is no palindrome": (
        lambda: after_refresh(
            K.delayed(K.metropolis(K.flow(HAMILTONIAN, "AB", L), flip=FLIP), MOVE)
        ),
        "involution",
    ),
    "one wrong option": (
        lambda: K.compose(
            K.choose([("1/2", K.refresh(P)), ("1/2", K.metropolis(LEAPFROG, flip=FLIP, energy=U))])
        ),
        "acceptance",
    ),
    "weights of the state left out of the ratio": (
        lambda: mixed(-X, 1 - X, weighted=False),
        "acceptance",
    ),
    "words drawn by the state": (
        lambda: after_refresh(
            K.choose(
                [(WEIGHT, MOVE), (1 - WEIGHT, K.metropolis(K.flow(HAMILTONIAN, "A"), flip=FLIP))]
            )
        ),
        "acceptance",
    ),
    "a wrong conditional law before a refreshment": (
        lambda: K.compose(K.refresh(P, law=sk.dot(P, P), keep=C), MOVE, K.flip(FLIP)),
        "refreshment",
    ),
    "implicit midpoint steps, never rejected": (
        lambda: after_refresh(K.implicit_midpoint(HAMILTONIAN, L)),
        None,
    ),
    "implicit midpoint steps without the flip": (
        lambda: K.compose(K.refresh(P, keep=C), K.metropolis(K.implicit_midpoint(HAMILTONIAN, L))),
        "involution",
    ),
    "implicit midpoint steps accepted by U": (
        lambda: after_refresh(
            K.metropolis(K.implicit_midpoint(HAMILTONIAN, L), flip=FLIP, energy=U)
        ),
        "acceptance",
    ),
    "a map that stretches": (
        lambda: K.compose(K.map_to({X: 2 * X}), hamiltonian=QUARTIC),
        None,
    ),
    "never rejected": (lambda: after_refresh(K.flow(HAMILTONIAN, "BAB", 2)), None),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_twin_is_refuted_at_an_exact_point(name):
    build, named = WRONG[name]
    found = sk.verify(build())
    invariance = found.checks["invariance"]
    assert found.verdict is sk.Verdict.REFUTED, str(found)
    assert invariance.witness is not None and invariance.witness.value != "0"
    assert named is None or found.checks[named].is_refuted


def test_a_forgotten_flip_is_harmless_before_a_full_refreshment():
    found = sk.verify(K.compose(K.metropolis(LEAPFROG), K.refresh(P)))
    assert found.verdict is sk.Verdict.PROVED
    # Twin: a partial one keeps some of the momentum.
    partial = sk.verify(K.compose(K.metropolis(LEAPFROG), K.refresh(P, keep=C)))
    assert partial.verdict is sk.Verdict.REFUTED


RIGHT = {
    "weights of the state in the ratio": lambda: mixed(-X, 1 - X),
    "a second attempt by Barker's rule": lambda: after_refresh(second(accept="barker")),
    "weights that read what stands still": lambda: K.compose(
        K.choose([(WEIGHT, K.refresh(P)), (1 - WEIGHT, K.flip(FLIP))]),
        hamiltonian=HAMILTONIAN.hamiltonian,
        target=U,
    ),
    "a quarter turn": lambda: K.compose(
        K.map_to({X: sk.scalar("y"), sk.scalar("y"): -X}), hamiltonian=X**2 + sk.scalar("y") ** 2
    ),
}


def test_a_flip_that_a_refreshment_makes_good_keeps_the_assumption_of_its_proposal():
    """An implicit equation has one solution with the flip, and without it before a full draw."""
    step = K.metropolis(K.implicit_midpoint(HAMILTONIAN, L))
    right = K.metropolis(K.implicit_midpoint(HAMILTONIAN, L), flip=FLIP)
    chosen = K.choose([("1/2", K.refresh(P)), ("1/2", right)])
    for kernel in (
        K.compose(step, K.refresh(P)),
        K.compose(chosen),
        after_refresh(K.delayed(MOVE, right)),
    ):
        found = sk.verify(kernel)
        assert found.is_conditional and "one solution" in found.conditions[0]


@pytest.mark.parametrize("name", RIGHT)
def test_the_kernel_is_proved(name):
    found = sk.verify(RIGHT[name]())
    assert found.verdict is sk.Verdict.PROVED, str(found)


def test_a_flip_that_stretches_is_not_followed_as_if_it_did_not():
    """exp(-H) of Cauchy is kept by x -> 1/x, whose Jacobian no flow knows."""
    q, v = sk.scalar("q"), sk.scalar("v")
    V = sk.potential("V", q)
    cauchy = sk.log(1 + X**2) + V + v**2 / 2
    still = sk.Dynamics({X: 0, q: v, v: -sk.grad(V, q)}, hamiltonian=cauchy)
    turned = K.metropolis(K.flow(still, "A", step_size=0), flip={X: 1 / X}, accept="always")
    assert sk.verify(K.compose(turned)).verdict is sk.Verdict.UNDECIDED


@pytest.mark.parametrize(
    "accept", ["metropolis", "barker", K.RATIO / (1 + K.RATIO), sk.min(1, K.RATIO)]
)
def test_acceptances_of_balance_are_proved(accept):
    kernel = after_refresh(K.metropolis(LEAPFROG, flip=FLIP, accept=accept))
    assert sk.verify(kernel).verdict is sk.Verdict.PROVED


def test_an_acceptance_above_one_is_no_proof():
    """2 t/(1 + t) is in balance, and no probability for t > 1."""
    twice = K.metropolis(LEAPFROG, flip=FLIP, accept=2 * K.RATIO / (1 + K.RATIO))
    assert sk.verify(after_refresh(twice)).verdict is sk.Verdict.REFUTED


def test_a_refutation_shows_a_state_a_proposal_and_both_sides():
    found = sk.verify(K.hmc(HAMILTONIAN, "AB", L)).checks["invariance"]
    assert set(found.details) == {
        "state",
        "proposal",
        "log density flowing to the proposal",
        "log density flowing from it",
    }
    assert found.witness.dimensions == {"n": 1, "L": 1}


def test_checks_are_those_that_occur_and_json_has_them():
    data = sk.verify(K.hmc(HAMILTONIAN, "BAB", L)).to_dict()
    assert list(data["checks"]) == [
        "volume",
        "involution",
        "acceptance",
        "refreshment",
        "invariance",
        "reversibility",
    ]
    assert (data["verdict"], data["scope"], data["conditional"]) == ("proved", "all n", False)


def test_a_letter_without_exact_flow_is_undecided_with_the_reason():
    x, p = sk.scalar("x"), sk.scalar("p")
    drift = {x: (1 + x**2) * p, p: -x - x * p**2}
    H = x**2 / 2 + (1 + x**2) * p**2 / 2
    found = sk.verify(K.hmc(sk.Dynamics(drift, hamiltonian=H, target=x**2 / 2), "BAESEAB", L))
    assert found.verdict is sk.Verdict.UNDECIDED
    assert "letter E has no exact flow" in found.checks["invariance"].reason


def test_a_law_that_is_none_is_refuted():
    x, p = sk.scalar("x"), sk.scalar("p")
    model = sk.Dynamics({x: p, p: x}, hamiltonian=p**2 / 2 - x**2 / 2, target=-(x**2) / 2)
    found = sk.verify(K.hmc(model, "BAB", L))
    assert found.verdict is sk.Verdict.REFUTED
    assert "normalizable" in found.checks["invariance"].reason


def test_sizes_are_refused():
    with pytest.raises(VerificationError, match="every size at once"):
        sk.verify(K.hmc(HAMILTONIAN), n=2)


def test_a_time_that_the_flip_changes_is_no_involution():
    """exp(p) is another time at -p; exp of |p|^2 is the same, which is not claimed either."""
    size = sk.exp(sk.dot(P, sk.ones(THETA.shape[0])))
    step = K.metropolis(K.flow(HAMILTONIAN, "A", 2, step_size=size), flip=FLIP)
    found = sk.verify(K.compose(step))
    assert found.verdict is sk.Verdict.REFUTED
    # Twin: a time that reads nothing that moves or flips.
    fixed = K.metropolis(K.flow(HAMILTONIAN, "A", 2, step_size=1), flip=FLIP)
    assert sk.verify(K.compose(fixed)).verdict is sk.Verdict.PROVED


def test_a_log_volume_of_a_letter_that_does_not_occur_is_no_proof():
    step = K.metropolis(LEAPFROG, flip=FLIP, log_volume={"Z": 1})
    assert sk.verify(after_refresh(step)).checks["volume"].verdict == "undecided"
