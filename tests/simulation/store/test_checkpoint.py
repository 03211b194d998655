"""A checkpoint is whole or not there."""

import numpy as np
import pytest

from sdekit.errors import DataError, SimulationError
from sdekit.simulation.store.checkpoint import load_checkpoint, save_checkpoint

ARRAYS = [np.arange(6.0).reshape(2, 3), np.uint32(7), np.array([], np.float32)]


def test_what_was_saved_is_loaded_bit_for_bit(tmp_path):
    path = tmp_path / "run.checkpoint"
    save_checkpoint(path, ARRAYS, {"next_step": 12, "header": {"seed": 1}})
    arrays, facts = load_checkpoint(path)
    assert facts["next_step"] == 12
    assert facts["header"] == {"seed": 1}
    for found, given in zip(arrays, ARRAYS, strict=True):
        assert found.dtype == np.asarray(given).dtype
        assert np.array_equal(found, given)


def test_a_write_that_dies_half_way_leaves_the_old_checkpoint(tmp_path):
    path = tmp_path / "run.checkpoint"
    save_checkpoint(path, ARRAYS, {"next_step": 12})
    (tmp_path / "run.checkpoint.new").write_bytes(b"half")
    assert load_checkpoint(path)[1]["next_step"] == 12


def test_a_damaged_or_missing_checkpoint_is_named(tmp_path):
    path = tmp_path / "run.checkpoint"
    with pytest.raises(DataError, match="no checkpoint to resume from"):
        load_checkpoint(path)
    save_checkpoint(path, ARRAYS, {})
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="cannot be read"):
        load_checkpoint(path)


def test_facts_that_are_no_json_are_refused(tmp_path):
    with pytest.raises(SimulationError, match="JSON cannot hold"):
        save_checkpoint(tmp_path / "run.checkpoint", [], {"f": {1, 2}})
