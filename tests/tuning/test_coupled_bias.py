"""Coupled chains see a planted bias, and do not invent one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdekit.diagnostics.draw_statistics import mean_estimate
from sdekit.tuning.coupled_bias import LangevinChains, bias_bounds, setting_of
from sdekit.tuning.ensembles import ChainEnsemble
from sdekit.tuning.sampled_target import target_of

D = 16
#: OBABO gives N(0, 1) the variance 1 / (1 - h^2 / 4): a deviation that is too large by a tenth.
STEP = 0.833


def variance(h):
    return 1 / (1 - h**2 / 4)


@pytest.fixture(scope="module")
def coupled():
    """Values of D independent normal coordinates on common noise, at a step and at half of it."""
    with jax.enable_x64(True):
        ensemble = ChainEnsemble(target_of(lambda x: jnp.sum(x**2) / 2, np.zeros(D), None), 4, 1)

        def run(scheme, draws):
            pairs = LangevinChains(ensemble, is_coupled=True, scheme=scheme)
            setting = setting_of(np.eye(D), STEP, 1.0)
            start = np.random.default_rng(0).normal(size=(4, D))
            states, _ = pairs.run(pairs.begin(start, setting), setting, 25)
            _, (coarse, fine) = pairs.run(states, setting, draws)
            return coarse.theta, fine.theta

        yield run


def test_a_planted_bias_of_a_tenth_of_a_deviation_is_noticed(coupled):
    assert variance(STEP) ** 0.5 == pytest.approx(1.1, abs=1e-3)
    coarse, fine = coupled("OBABO", 1000)
    # Both chains have their own law, so that the difference is that of the closed forms.
    for values, h in ((coarse, STEP), (fine, STEP / 2)):
        assert abs(mean_estimate((values**2).mean(2)).z(variance(h))) < 4.5
    assert abs(mean_estimate((coarse**2).mean(2)).z(1.0)) > 7  # twin
    assert (bias_bounds((coarse, fine))[1] > 0.1).all()


def test_a_scheme_without_bias_passes(coupled):
    """BAOAB is exact for normal targets: upper estimates are errors, which draws lower."""
    coarse, fine = coupled("BAOAB", 1000)
    assert (bias_bounds((coarse, fine)) < 0.1).all()
    few = bias_bounds((coarse[:, :60], fine[:, :60]))
    assert few.mean() > 2 * bias_bounds((coarse, fine)).mean()


def test_controls_take_away_what_they_explain():
    random = np.random.default_rng(0)
    noise = random.normal(size=(4, 500, 1))
    x = random.normal(size=(4, 500, 1))
    values, controls = (x + 0.3 * noise + 0.01, x), (noise, 0 * noise)
    plain, better = bias_bounds(values), bias_bounds(values, controls)
    assert 0.01 * 2 <= better[0, 0] < 0.025 < plain[0, 0]
    assert np.isinf(bias_bounds((x * np.nan, x))).all()
    assert (bias_bounds((0 * x, 0 * x)) == 0).all() and np.isinf(bias_bounds((x, 0 * x))).all()
