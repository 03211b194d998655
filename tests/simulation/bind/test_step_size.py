"""Counts are whole numbers of Python or NumPy, wherever a run reads one."""

import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.simulation.bind.step_size import check_count


@pytest.mark.parametrize("count", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_count(count):
    assert type(check_count("steps", count, 1)) is int
    assert sk.update(lambda *state: state, every=count).every == 3


@pytest.mark.parametrize("count", [0, -1, 2.0, True, "3", None, np.float64(2), [1]])
def test_other_things_do_not_count(count):
    with pytest.raises(SimulationError, match="steps is wrong: expected an integer >= 1"):
        check_count("steps", count, 1)
    with pytest.raises(SimulationError, match="every is wrong"):
        sk.update(lambda *state: state, every=count)
