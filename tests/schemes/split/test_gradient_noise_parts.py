"""Declared gradient noise goes with the part that has the gradient, and with no other."""

import pytest
import sympy as sp

import sdekit as sk
from sdekit.errors import SchemeError
from sdekit.schemes.split.factors import plan
from sdekit.schemes.split.unroll import unroll

n = sk.dim("n")
theta, p, xi = sk.vector("theta", n), sk.vector("p", n), sk.scalar("xi")
A, B = sk.parameter("A", positive=True), sk.parameter("B", positive=True)
U = sk.potential("U", theta)
declared = sk.Dynamics(
    {theta: p, p: -sk.grad(U, theta) - A * p},
    {p: A - B},
    gradient_noise={p: B},
    hamiltonian=U + sk.dot(p, p) / 2,
    target=U,
)


def test_the_kick_carries_the_gradient_noise_and_the_friction_the_rest():
    parts = sk.splitting(declared)
    assert dict(parts.part("B").gradient_noise) == {(p, p): B}
    assert not parts.part("O").gradient_noise and not parts.part("A").gradient_noise
    assert dict(parts.part("O").diffusion) == {(p, p): A - B}
    assert "not injected" in str(parts) and parts.to_dict()["parts"][1]["gradient_noise"]


def test_what_runs_is_the_splitting_of_what_is_injected():
    """The runner reads flows only, and those know nothing of the gradient noise."""
    plain = sk.splitting(declared.injected())
    for word in ("BAOAB", "Algorithm1", "EM"):
        moves = unroll(sk.splitting(declared), word)
        assert [m.flow for m in moves] == [m.flow for m in unroll(plain, word)]
        assert any(m.gradient_noise for m in moves)


@pytest.mark.parametrize("word", ["BAOAB", "ABOBA", "Algorithm1", "EM"])
def test_the_factors_of_a_step_add_up_to_the_whole_noise(word):
    total = sp.Integer(0)
    for factor in plan(sk.splitting(declared), word):
        for noise in dict(factor.diffusion).values():
            alone = sk.Dynamics({p: -p}, {p: noise}).at(n=1).diffusion[0, 0]
            total += sp.Rational(str(factor.share)) * alone
    assert (
        total.expand() == declared.at(n=1).diffusion[1, 1].expand() == sp.Symbol("A", positive=True)
    )


def test_with_several_forces_the_target_carries_it():
    W = sk.potential("W", theta)
    drift = {theta: p, p: -sk.grad(W, theta) - sk.grad(U, theta) - A * p}
    model = sk.Dynamics(
        drift, {p: A}, gradient_noise={p: B}, hamiltonian=U + W + sk.dot(p, p) / 2, target=U
    )
    parts = sk.splitting(model, separate_forces=True).parts
    carriers = [part for part in parts if part.gradient_noise]
    assert [part.functions for part in carriers] == [("U",)]


def test_noise_on_a_variable_that_nothing_moves_is_refused():
    x, y = sk.scalar("x"), sk.scalar("y")
    with pytest.raises(SchemeError, match="no part of the drift moves"):
        sk.splitting(sk.Dynamics({x: -x, y: 0}, {x: 1}, gradient_noise={y: 1}))


def test_noise_that_reads_what_its_kick_moves_has_no_flow():
    model = sk.Dynamics(
        {theta: p, p: -sk.grad(U, theta) - A * p}, {p: A}, gradient_noise={p: sk.dot(p, p)}
    )
    with pytest.raises(SchemeError, match="reads what it moves"):
        sk.order(model, "BAOAB")
    assert sk.order(model, "EM").weak_order == 1
