"""Packed rows give back the user's data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdekit.errors import DataError
from sdekit.simulation.gradients import rows

DATA = {
    "x": np.arange(24.0).reshape(6, 2, 2),
    "y": np.array([0, 1, 0, 1, 1, 0]),
    "big": np.array([2**24, 2**24 + 1, 5, -(2**30), 7, 8]),
    "flag": np.array([True, False, True, True, False, False]),
}


def test_taken_rows_are_the_rows_of_the_data():
    packed = rows.packed(DATA)
    numbers = jnp.array([4, 0, 4, 1, 3])
    batch = rows.unpacked(packed, rows.take(packed.matrices, numbers))
    assert jax.tree.structure(batch) == jax.tree.structure(DATA)
    for name, leaf in DATA.items():
        assert np.array_equal(batch[name], leaf[np.asarray(numbers)])
        assert batch[name].dtype == jnp.asarray(leaf).dtype


def test_every_leaf_is_a_matrix_of_its_own():
    assert [m.shape for m in rows.packed(DATA).matrices] == [(6, 1), (6, 1), (6, 4), (6, 1)]


def test_cut_rows_are_neighbours():
    packed = rows.packed(DATA)
    batch = rows.unpacked(packed, rows.cut(packed.matrices, 2, 3))
    assert np.array_equal(batch["big"], DATA["big"][2:5])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "is empty"),
        ({"x": 3.0}, "one row per datum"),
        ({"x": np.zeros(3), "y": np.zeros(4)}, "differ in length"),
        ({"x": np.zeros((0, 2))}, "has no rows"),
    ],
)
def test_unusable_data_is_refused(data, message):
    with pytest.raises(DataError, match=message):
        rows.check_data(data)


def test_the_first_row_that_is_not_finite_is_named():
    with pytest.raises(DataError, match="2 rows, the first is row 3"):
        rows.check_finite({"x": np.array([0, 1, 2, np.nan, 4, np.inf])})
