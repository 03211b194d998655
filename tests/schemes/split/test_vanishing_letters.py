"""Letters for noise that vanishes at an end: which dynamics have one, and what it takes along."""

import pytest

import sdekit as sk
from sdekit.schemes.split.flow_records import IntervalNoise, PowerNoise

V, U, Y = sk.scalar("v", domain="positive"), sk.scalar("u", domain=(0, 1)), sk.scalar("y")
K, M, S = (sk.parameter(name, positive=True) for name in "kms")
R = sk.parameter("r")


@pytest.mark.parametrize(
    ("drift", "noise", "word"),
    [
        ({V: K * (M - V)}, {V: S * sk.sqrt(V)}, "C"),
        ({V: 0}, {V: sk.sqrt(V)}, "C"),
        ({V: K * V * (M - V)}, {V: S * V * sk.sqrt(V)}, "C"),
        ({V: R * V}, {V: S * sk.sqrt(V) * sk.sqrt(sk.sqrt(V))}, "C"),
        ({V: K * (M - V)}, {V: S * sk.sqrt(V) * sk.sqrt(sk.sqrt(V))}, "DCD"),
        ({V: K - V**2}, {V: sk.sqrt(V)}, "SCS"),
    ],
)
def test_the_default_word_steps_exactly_where_that_is_known(drift, noise, word):
    parts = sk.splitting(sk.Dynamics(drift=drift, noise=noise))
    assert parts.default_word == word and parts.proof.holds
    assert isinstance(parts.part("C").flow, PowerNoise)


def test_noise_between_two_ends_has_a_letter_of_order_two():
    parts = sk.splitting(sk.Dynamics(drift={U: K - S * U}, noise={U: S * sk.sqrt(U * (1 - U))}))
    assert parts.default_word == "C" and not parts.part("C").exact
    assert isinstance(parts.part("C").flow, IntervalNoise)
    assert "weak order 2" in str(parts)


def test_a_pull_of_unknown_sign_is_no_part_of_the_letter():
    """What another variable pulls may point outwards; a positive one cannot."""
    for other, taken in ((Y, False), (sk.scalar("z", domain="positive"), True)):
        dynamics = sk.Dynamics(drift={V: other - V, other: 1 - other}, diffusion={V: V, other: S})
        (part,) = [p for p in sk.splitting(dynamics).parts if isinstance(p.flow, PowerNoise)]
        assert (part.flow.pull is not None) == taken


def test_matrix_drift_and_shared_noise_are_left_to_others():
    """Twin: no letter where the noise is shared, nor where D is another function."""
    shared = sk.Dynamics(drift={V: 1 - V, Y: 0}, noise={V: [sk.sqrt(V), 0], Y: [1, 1]})
    other = sk.Dynamics(drift={V: 1 - V}, diffusion={V: V + V**2})
    for dynamics in (shared, other):
        flows = [part.flow for part in sk.splitting(dynamics).parts]
        assert not any(isinstance(flow, PowerNoise) for flow in flows)


def test_weak_noise_has_too_few_bits_for_these_letters():
    v = sk.scalar("v")
    both = sk.Dynamics(drift={v: 1 - v, Y: v - Y}, diffusion={v: v, Y: 1})
    with pytest.raises(sk.SdekitError, match="too few bits"):
        sk.simulate(both, {"v": 0.5, "y": 0.0}, step_size=0.1, steps=1, noise="weak")
