"""Positions of several variables are read by name."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import sdekit as sk

PAIR = namedtuple("PAIR", ["prey", "hunter"])


@pytest.mark.parametrize("kind", [dict, OrderedDict, lambda given: PAIR(**dict(given))])
@pytest.mark.parametrize("reverse", [False, True])
def test_mappings_and_named_tuples_are_read_by_name(kind, reverse):
    prey, hunter = sk.scalar("prey"), sk.scalar("hunter")
    names = (hunter, prey) if reverse else (prey, hunter)
    pair = sk.Dynamics(drift={x: -x for x in names}, diffusion={})
    start = kind([("prey", 3.0), ("hunter", 0.25)])
    run = sk.simulate(pair, start, step_size=1e-5, steps=1)
    found = [float(run.samples[name][0, -1]) for name in ("prey", "hunter")]
    assert np.allclose(found, [3.0, 0.25], atol=1e-3)
