"""What the pilot and the landscape say against a target, in words."""

from types import SimpleNamespace

import numpy as np
import pytest

from sdekit.tuning.landscape import Landscape, Mode
from sdekit.tuning.tuned import Tuning, _refusal

MODE = Mode(np.zeros(1), 0.0, np.eye(1), 0.0)
#: modes, heavy, stiffness, R-hat of the pilot, what is said.
CASES = {
    "sound": (1, "", [1.0, 2.0], 1.0, ""),
    "two modes between which chains pass": (2, "", [1.0, 2.0], 1.0, ""),
    "two modes": (2, "", [1.0, 2.0], 3.0, "separate modes: 2"),
    "a funnel": (1, "", [1.0, 1.0, 99.0], 3.0, "funnel: the curvature varies 99-fold"),
    "a heavy tail": (1, "the density falls like r^-2", [1.0], 1.0, "heavy tail"),
    "a rounded potential": (0, "", [0.0, 0.0], 1.0, "the gradient of U does not vary"),
    "no number": (0, "", [np.nan], 1.0, "the gradient of U does not vary"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_target_that_cannot_be_sampled_is_refused_in_words_and_a_sound_one_is_not(name):
    modes, heavy, stiffness, r_hat, said = CASES[name]
    landscape = Landscape((MODE,) * modes, np.eye(1), np.zeros((2, 1)), (), heavy)
    pilot = SimpleNamespace(stiffness=np.array(stiffness), r_hat=r_hat, acceptance=0.8)
    refusal = _refusal(Tuning(None, landscape, pilot, 0.02, 1e4))
    assert refusal.startswith(said) and bool(refusal) is bool(said)
