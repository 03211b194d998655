"""Small least-squares problems shared by the tests of the theory layer."""

import numpy as np

from sdekit.theory import LeastSquaresFlow

#: Column scales: eigenvalues of the Gram matrix spread over three orders of magnitude.
SCALES = np.array([2.0, 1.0, 1.0, 0.5, 0.05])


def data(n=40, scales=SCALES, seed=0):
    """X, y and the signal of a Gaussian design with unit noise."""
    rng = np.random.default_rng(seed)
    design = rng.normal(size=(n, len(scales))) * scales
    signal = rng.normal(size=len(scales))
    return design, design @ signal + rng.normal(size=n), signal


def small_flow(batch_size=5, step_size=0.1, replace=True, **options):
    """The flow of `data`."""
    design, y, _ = data(**options)
    return LeastSquaresFlow(design, y, batch_size=batch_size, step_size=step_size, replace=replace)


def relative(found, exact):
    """Largest error relative to the largest entry."""
    return np.abs(np.asarray(found) - exact).max() / np.abs(exact).max()


def dense_generator(flow, discrete=False):
    """The k^2 x k^2 generator of E e e^T in the original coordinates, written out."""
    design, n = flow.problem.design, flow.problem.shape[0]
    gram, unit = design.T @ design / n, np.eye(design.shape[1])
    pairs = np.einsum("ij,ik->ijk", design, design).reshape(n, -1)
    generator = -np.kron(gram, unit) - np.kron(unit, gram)
    generator = generator + flow.noise_scale * (pairs.T @ pairs / n - np.kron(gram, gram))
    return generator + (flow.step_size * np.kron(gram, gram) if discrete else 0)


def euler_covariance(flow, step_size, steps):
    """Exact covariance of Euler-Maruyama for the flow, by its own linear recursion."""
    contraction = 1 - step_size * flow.problem.rates
    covariance, decay = np.zeros((flow.problem.rank,) * 2), np.ones(flow.problem.rank)
    for _ in range(steps):
        noise = flow.equation.feedback(covariance) + flow.equation.source_at(decay)
        covariance = np.outer(contraction, contraction) * covariance + step_size * noise
        decay = decay * contraction
    return flow.problem.matrix_from_basis(covariance)
