"""Functions that contradict their declaration are refused before anything runs."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.declaration.model.assumptions import holds
from sdekit.errors import SimulationError

IDENTITY, TURN = np.eye(2), np.array([[0.0, 1.0], [-1.0, 0.0]])
SHEAR, SADDLE = np.array([[1.0, 1.0], [0.0, 1.0]]), np.diag([1.0, -1.0])
RANK_ONE = np.ones((2, 2))


@pytest.mark.parametrize(
    ("assumption", "kept", "broken"),
    [
        ("positive", np.array(1.0), np.array(0.0)),
        ("nonnegative", np.array([0.0, 2.0]), np.array([-1e-3, 2.0])),
        ("symmetric", SADDLE, SHEAR),
        ("antisymmetric", TURN, IDENTITY),
        ("positive_definite", IDENTITY, SADDLE),
        ("positive_definite", IDENTITY, SHEAR),
        ("positive_semidefinite", RANK_ONE, SADDLE),
        ("symmetric", IDENTITY, np.ones((2, 3))),
    ],
)
def test_what_holds_and_what_does_not(assumption: str, kept: np.ndarray, broken: np.ndarray):
    for slack in (0.0, 1e-4):
        assert holds(assumption, kept, slack=slack)
    assert not holds(assumption, broken)


def test_rounding_is_forgiven_where_there_may_be_some():
    nearly = SADDLE + np.array([[0.0, 3e-5], [0.0, 0.0]])
    assert holds("symmetric", nearly, slack=1e-4)
    assert not holds("symmetric", nearly)
    assert holds("positive_definite", np.diag([1.0, -1e-6]), slack=1e-4)


def _riemannian(metric):
    return sk.sampler(
        sk.catalog.get("rhmc"), potential=lambda q: (q**2).sum() / 2, functions={"G": metric}
    )


def _run(metric, **options):
    return sk.simulate(_riemannian(metric), np.ones(2), step_size=0.05, steps=20, **options)


@pytest.mark.parametrize("wrong", [SHEAR, SADDLE])
def test_a_metric_that_is_none_is_refused(wrong: np.ndarray):
    with pytest.raises(SimulationError, match=r"G contradicts its declaration.*positive definite"):
        _run(lambda q: jnp.asarray(wrong, q.dtype) * (1 + q @ q))


def test_inverse_and_determinant_of_a_metric_are_those_of_any_matrix(monkeypatch):
    """Cholesky's method against the general one, which rounds otherwise."""
    import importlib

    lower = importlib.import_module("sdekit.simulation.bind.jax_reader")

    def metric(q):
        root = jnp.array([[2.0, 0.0], [0.5, 1.0]], q.dtype) * (1 + 0.3 * jnp.sin(q[0]))
        return root @ root.T

    quick = _run(metric, seed=3).samples["theta"]
    monkeypatch.setattr(lower, "INVERSES", {True: lower.INVERSES[False]})
    monkeypatch.setattr(lower, "LOG_DETERMINANTS", {True: lower.LOG_DETERMINANTS[False]})
    general = _run(metric, seed=3).samples["theta"]
    np.testing.assert_allclose(quick, general, rtol=2e-4, atol=2e-5)
    assert np.ptp(quick) > 0.1
