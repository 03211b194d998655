"""Refutations along every path at once, for proposals that draw noise."""

import sdekit as sk
from sdekit.verifier.markov.harmonic_flux import refute_by_paths, refute_by_sums
from sdekit.verifier.markov.kernel_problem import KernelProblem

K, L = sk.kernels, sk.dim("L")
LANGEVIN, HAMILTONIAN = sk.catalog.get("langevin"), sk.catalog.get("hamiltonian")
THETA, P = LANGEVIN.variables
U = sk.potential("U", THETA)
FLIP = {P: -P}


def refutation(step, free=(), dynamics=LANGEVIN):
    kernel = K.compose(step, hamiltonian=dynamics.hamiltonian, target=U)
    return refute_by_paths(KernelProblem(kernel), step, free)


def test_energy_gained_from_noise_must_not_count():
    step = K.metropolis(K.flow(LANGEVIN, "BAOAB", L), flip=FLIP, count="BAO")
    found = refutation(step)
    assert found is not None and found.is_refuted and found.witness is not None
    assert found.witness.value == "z_1**2*(1 - E)*exp(-1)/2"
    # Twin: counted as it should be, nothing is left over.
    assert refutation(K.metropolis(K.flow(LANGEVIN, "BAOAB", L), flip=FLIP)) is None


def test_what_a_full_refreshment_hides_is_summed_over():
    step = K.metropolis(K.flow(HAMILTONIAN, "BAB", L), flip=FLIP, energy=U)
    found = refutation(step, (P,), HAMILTONIAN)
    assert found is not None and found.is_refuted
    whole = sk.verify(K.compose(step, K.refresh(P)))
    assert whole.verdict is sk.Verdict.REFUTED


def test_a_jump_that_leaves_its_density_out_is_refuted():
    h = sk.parameter("h", positive=True)
    jump = K.jump(THETA, THETA - h * sk.grad(U, THETA), sk.sqrt(2 * h))
    found = refutation(K.metropolis(jump, is_symmetric=True))
    assert found is not None and found.is_refuted
    # Twin: around the present state the densities cancel.
    walk = K.metropolis(K.random_walk(THETA, h), is_symmetric=True)
    assert refutation(walk) is None


def test_a_jump_whose_density_is_what_the_energy_leaves_out_is_balanced():
    """Preconditioned Crank-Nicolson: accepted by U alone, with the density of a normal kept."""
    b = sk.parameter("b", positive=True)
    law = U + sk.dot(THETA, THETA) / 2

    def kernel(keep, energy):
        jump = K.jump(THETA, keep * THETA, b)
        return K.compose(K.metropolis(jump, energy=energy, is_symmetric=True), hamiltonian=law)

    assert sk.verify(kernel(sk.sqrt(1 - b**2), U)).verdict is sk.Verdict.PROVED
    # Twins: another factor, right at b = 1 alone; and all of H beside the same densities.
    assert sk.verify(kernel(sk.sqrt(1 - b), U)).verdict is sk.Verdict.REFUTED
    for energy in (law, law + 5):
        assert sk.verify(kernel(sk.sqrt(1 - b**2), energy)).verdict is sk.Verdict.REFUTED


def test_a_jump_with_its_density_and_another_energy_is_refuted():
    step = K.metropolis(K.random_walk(THETA, sk.parameter("s", positive=True)), energy=2 * U)
    assert sk.verify(K.compose(step, hamiltonian=U)).verdict is sk.Verdict.REFUTED


def test_an_acceptance_out_of_balance_is_refuted_by_the_sign_of_the_ratio():
    """From the minimum of U a walk only climbs: t < 1, where g(t) is not t g(1/t)."""
    scale, t = sk.parameter("s", positive=True), K.RATIO
    walk, malt = K.random_walk(THETA, scale), K.flow(LANGEVIN, "OBABO", L)
    for accept in ("always", t / (2 + t), t**2 / (1 + t**2)):
        for step in (
            K.metropolis(walk, accept=accept),
            K.metropolis(malt, flip=FLIP, accept=accept),
        ):
            found = refutation(step)
            assert found is not None and found.is_refuted, accept
    # Twins: in balance.
    for accept in ("barker", t / (1 + t), t * (1 + t) / (1 + t + t**2)):
        assert refutation(K.metropolis(walk, accept=accept)) is None


def test_a_word_that_is_no_palindrome_is_refuted_by_what_flows_in_and_out():
    def sums(word, flip, **given):
        step = K.metropolis(K.flow(LANGEVIN, word, L), flip=flip, **given)
        kernel = K.compose(step, hamiltonian=LANGEVIN.hamiltonian, target=U)
        return refute_by_sums(KernelProblem(kernel), step)

    assert sums("OBAB", FLIP).is_refuted and sums("BAOAB", {}, accept="always").is_refuted
    # Twins: the same backwards.
    assert sums("OBABO", FLIP) is None and sums("BAOAB", FLIP) is None
    assert sk.verify(K.compose(K.flow(LANGEVIN, "BAOAB", L))).verdict is sk.Verdict.REFUTED
