"""A run says in words what its scheme does at ends where the noise vanishes."""

import sdekit as sk
from sdekit.schemes.guards.end_notes import end_notes

V, U = sk.scalar("v", domain="positive"), sk.scalar("u", domain=(0, 1))
ROOT = sk.Dynamics(drift={V: 1 - V}, diffusion={V: V})


def test_an_exact_step_has_nothing_to_say():
    assert end_notes(ROOT, "C") == ()


def test_approximate_steps_are_named():
    assert "mean and variance of Euler-Maruyama" in end_notes(ROOT, "EM")[0]
    assert "mirrored" in end_notes(ROOT, "milstein")[0]
    jacobi = sk.Dynamics(drift={U: 1 - 2 * U}, diffusion={U: U * (1 - U)})
    assert "weak order 2" in end_notes(jacobi, "C")[0]


def test_a_plain_reflecting_wall_is_no_such_end():
    assert end_notes(sk.Dynamics(drift={V: -V}, diffusion={V: 1}), "EM") == ()


def test_only_what_leaves_its_domain_is_said_to_be_mirrored():
    stock = sk.Dynamics(drift={V: V}, noise={V: V})
    growing = sk.Dynamics(drift={V: V * (1 - V)}, noise={V: V})
    assert end_notes(stock, "G") == () and sk.splitting(stock).default_word == "G"
    # Twins: Euler-Maruyama may leave it, and so may a scheme that is no word.
    assert "mirrored" in end_notes(stock, "milstein")[0]
    assert end_notes(growing, "milstein", folded=False) == ()


def test_a_pole_of_the_drift_at_an_end_is_named():
    gamma = sk.Dynamics(drift={V: 2 / V - 1}, diffusion={V: 1}, hamiltonian=V - 2 * sk.log(V))
    assert "pole" in end_notes(gamma, "EM")[0]
    # Twins: nobody came there; steps that may be rejected; a drift that is finite there.
    assert end_notes(gamma, "EM", folded=False) == () == end_notes(gamma, "MALA")
    assert end_notes(sk.Dynamics(drift={V: 2 - V}, diffusion={V: 1}), "EM") == ()


def test_a_pole_is_seen_in_vectors_angles_and_the_rates_of_momenta():
    n = sk.dim("n")
    angle, p = sk.scalar("a", domain=("0", "pi")), sk.scalar("p")
    many = sk.vector("y", n, domain="positive")
    polar = sk.Dynamics(drift={angle: sk.cos(angle) / sk.sin(angle)}, diffusion={angle: 1})
    block = sk.Dynamics(drift={many: 2 / many - sk.ones(n)}, diffusion={many: sk.eye(n)})
    driven = sk.Dynamics(drift={V: p, p: 1 / V - p}, diffusion={p: 1})
    assert [len(end_notes(d, "EM")) for d in (polar, block, driven)] == [1, 1, 1]
