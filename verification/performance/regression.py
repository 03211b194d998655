"""The data of the logistic regression, and how it is stepped; for JAX and torch alike."""

from __future__ import annotations

import numpy as np

COLUMNS, BATCH = 50, 100
H = 1e-6


def regression(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Design (rows, COLUMNS) and labels (rows,), single precision."""
    rng = np.random.default_rng(0)
    design = rng.standard_normal((rows, COLUMNS)).astype(np.float32)
    weights = rng.standard_normal(COLUMNS) / np.sqrt(COLUMNS)
    labels = rng.uniform(size=rows) < 1 / (1 + np.exp(-design @ weights))
    return design, labels.astype(np.float32)
