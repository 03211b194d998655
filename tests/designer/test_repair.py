"""Repairs: the change of fewest terms that makes a refuted dynamics stationary."""

import pytest

import sdekit as sk
from sdekit.designer.repair import repair


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("langevin-heating", "sign", "drift of p: -grad(U(theta), theta) - A*p"),
        ("sghmc-unmatched", "noise level", "diffusion of (p, p): A*eye(n)"),
        ("sgnht-sign", "sign", "drift of xi: dot(p, p)/mu - n/mu"),
        ("sgnht-mass", "coefficient", "drift of xi: dot(p, p) - n"),
        ("sgrld-no-divergence", "missing divergence", "+ div(D(theta), theta)"),
        ("sgnht-centre", "centre", "- A*mu*xi"),
        ("rhmc-no-logdet", "missing log det", "+ logdet(G(theta))/2"),
        ("sgld-tempered-target", "temperature of the claimed law", "target: 2*U(theta)/(V*h + 2)"),
        ("langevin-negative", "sign of D and of the friction", "diffusion of (p, p): A*eye(n)"),
        ("overdamped-temperature", "coefficient", "H: U(theta)"),
        ("ccadl-undamped", "other term", "- h*(Sigma(theta)@p)/2"),
        ("gle-sign", "sign", "drift of s: -(lam*p) - alpha*s"),
        ("sgrhmc-sign", "sign", "+ div(C(theta), theta)"),
        ("recipe-no-gamma", "missing divergence", "+ div(Q(z), z) + div(D(z), z)"),
        ("mclmc-dimension", "coefficient", "drift of phi: "),
        ("sgnht-matrix-unbalanced", "other term", "drift of xi: outer(p, p)/mu - eye(n)/mu"),
    ],
)
def test_the_change_is_named_and_proved(name, kind, text):
    found = repair(sk.catalog.get(name))
    assert any(change.kind == kind and text in change.text for change in found), found
    assert len(found) <= 3
    assert all(sk.verify(change.dynamics).verdict is sk.Verdict.PROVED for change in found)
    assert set(found[0].to_dict()) == {"text", "kind", "changes", "model"}


def test_the_smallest_change_comes_first_and_few_are_given():
    every = sk.repair(sk.catalog.get("sghmc-unmatched"))
    assert [change.changes for change in every] == sorted(change.changes for change in every)
    assert sk.repair(sk.catalog.get("sghmc-unmatched"), most=1) == every[:1] != ()


def test_what_is_right_needs_no_repair():
    assert repair(sk.catalog.get("sgnht")) == ()


def test_what_claims_nothing_has_no_repair():
    x = sk.scalar("x")
    assert repair(sk.Dynamics({x: -x}, {x: 1})) == ()


def test_mistakes_at_two_places_get_no_repair():
    """Twin: the unknown force F of theta and the heating of p cannot go by one change."""
    n = sk.dim("n")
    theta, p = sk.vector("theta", n), sk.vector("p", n)
    U, F = sk.potential("U", theta), sk.function("F", theta, shape=(n,))
    twice = sk.Dynamics(
        {theta: p + F, p: -sk.grad(U, theta) + p},
        {p: sk.eye(n)},
        hamiltonian=U + sk.dot(p, p) / 2,
    )
    assert repair(twice) == ()


def test_gradient_noise_stays_apart_in_a_repair():
    """A run of the repaired declaration must not inject what the gradient brings."""
    given = sk.catalog.get("sghmc-unmatched")
    found = sk.repair(given)
    assert all(change.dynamics.gradient_noise == given.gradient_noise != {} for change in found)
    assert found[0].text == "diffusion of (p, p): A*eye(n) - B*eye(n)"
    matched = sk.catalog.get("langevin").at(n=1).diffusion[1, 1]
    totals = [change.dynamics.at(n=1).diffusion[1, 1] for change in found]
    assert any((total - matched).simplify() == 0 for total in totals)


def test_gradient_noise_of_the_wrong_sign_is_turned():
    right = sk.catalog.get("sghmc")
    ((pair, block),) = right.gradient_noise.items()
    wrong = right.changed({"gradient_noise": {pair: -block}})
    assert [r.text for r in sk.repair(wrong) if r.kind == "sign"] == [
        f"gradient noise of (p, p): {block!r}"
    ]
