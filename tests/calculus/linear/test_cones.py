"""Rays of cones: they lie in the cone, and their hull is the cone."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

import numpy as np
from scipy.optimize import nnls

from sdekit.calculus.linear.cones import rays_of_cone


def _vector(*entries):
    return tuple(map(Fraction, entries))


def test_a_cone_with_a_line_has_no_rays_and_a_point_has_none():
    assert rays_of_cone([_vector(1, 0)], 2) is None
    walls = [_vector(1, 0), _vector(-1, 0), _vector(0, 1), _vector(0, -1)]
    assert rays_of_cone(walls, 2) == []


def test_rays_lie_in_the_cone_and_generate_what_lies_in_it():
    rng = random.Random(4)
    pointed = 0
    for _ in range(60):
        size = rng.choice((2, 3, 4))
        walls = [_vector(*(rng.randint(-2, 2) for _ in range(size))) for _ in range(size + 2)]
        rays = rays_of_cone(walls, size)
        if rays is None:
            continue
        pointed += 1
        for ray, wall in itertools.product(rays, walls):
            assert sum(a * b for a, b in zip(ray, wall, strict=True)) <= 0
        for point in itertools.product((-2, -1, 0, 1, 2), repeat=size):
            if any(point) and all(np.dot(np.array(w, float), point) <= 0 for w in walls):
                columns = np.array(rays, float).T
                assert len(rays) and nnls(columns, np.array(point, float))[1] < 1e-9
    assert pointed > 10
