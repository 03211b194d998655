"""Each method with a name is proved for every size, every potential and every number of steps."""

import pytest

import sdekit as sk

K, L = sk.kernels, sk.dim("L")
HAMILTONIAN = sk.catalog.get("hamiltonian")
THETA, P = HAMILTONIAN.variables
C = sk.parameter("c", positive=True)

METHODS = {
    "hmc": lambda: K.hmc(HAMILTONIAN, "BAB", L),
    "hmc with a mass": lambda: K.hmc(sk.catalog.get("hamiltonian-mass"), "ABA", L),
    "hmc of fourth order": lambda: K.hmc(HAMILTONIAN, "A[1/6] B[1/2] A[2/3] B[1/2] A[1/6]", L),
    "randomized hmc": lambda: K.hmc(HAMILTONIAN, "BAB", {1: "1/4", 3: "3/4"}),
    "generalized hmc": lambda: K.generalized_hmc(HAMILTONIAN, "BAB", L, keep=C),
    "mala": lambda: K.mala(sk.potential("U", THETA), THETA),
}


@pytest.mark.parametrize("name", METHODS)
def test_the_method_keeps_its_law(name):
    found = sk.verify(METHODS[name]())
    assert (found.verdict, found.scope) == (sk.Verdict.PROVED, "all n"), str(found)
    assert "exp(-(U(theta))) is integrable over theta" in found.assumptions


def test_hmc_is_in_balance_and_generalized_hmc_only_invariant():
    assert sk.verify(METHODS["hmc"]()).checks["reversibility"].is_proved
    assert not sk.verify(METHODS["generalized hmc"]()).checks["reversibility"].is_proved
