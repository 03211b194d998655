"""The library of posteriors is what the data say, and the default path agrees with one of them."""

import numpy as np
import pytest

from verification.posteriors import __main__ as comparison
from verification.posteriors.models import data_folder, load, names

pytestmark = pytest.mark.skipif(
    data_folder() is None, reason="SDEKIT_DATA does not lead to posteriordb/"
)
CHECKED = ("arma-arma11", "bball_drive_event_1-hmm_drive_1", "mesquite-logmesquite", "nes1980-nes")


@pytest.mark.parametrize("name", CHECKED)
def test_a_model_has_the_log_density_that_its_file_states(name):
    assert load(name).worst_check() < 1e-6


def test_every_file_is_a_model():
    assert len(names()) == 27
    assert all(load(name).parameters for name in names())


def test_the_default_path_agrees_with_reference_draws_and_the_comparison_has_power():
    model = load("mesquite-logmesquite_logvolume")
    found = comparison.sampled(model, seed=1)
    assert found["verdict"] == "converged" and found["holds"]
    values = np.random.default_rng(0).normal(size=(4, 1000, 3))
    assert not comparison.against_reference(model, values, 0.02)["holds"]  # twin
