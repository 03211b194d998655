r"""Milstein's method for noise that does not commute, with Levy areas drawn for each step.

With W the increment, $H = \frac1h\int_0^h (W_t - \frac th W)\,dt$ the space-time area and
$A_{jk} = \frac12\int (W_j\,dW_k - W_k\,dW_j)$ the Levy areas,
$$A \approx H W^T - W H^T + b,\qquad H_j \sim N(0, h/12),\quad b_{jk} = -b_{kj} \sim N(0, h^2/12),$$
which has the mean and covariance of A given W and H; higher cumulants of A given both differ. Areas
of a long step are put together from those of short ones exactly (Chen's relation), so that the law
of an area over a time T built of n steps differs from the true one by O(T/n) in fourth cumulants.
Paths converge with order 1 to the solution that the drawn areas drive; to a given Brownian path no
method that draws areas beside it can converge faster than order 1/2 (Clark and Cameron 1980).

Source: Davie (2014), arXiv:1409.1500; Foster and Habermann (2023), arXiv:2102.10119, section 3;
Kloeden and Platen (1992), equation 10.3.7.
Checked by: tests/simulation/solvers/test_levy_areas.py.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.errors import SimulationError
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.solvers.diffrax_terms import (
    is_diagonal,
    join_blocks,
    noise_operator,
    noise_terms_of,
    split_blocks,
    vector_field,
)

#: Standard deviation of H over that of W, and of b over h.
_SPREAD = 12.0**-0.5


def area_milstein(problem: Problem) -> tuple[int, Any]:
    """The number m of Brownian motions, and (blocks, normals, time, h, epoch) -> blocks.

    Normals are those of W (m), of H (m) and of b (m (m - 1) / 2).

    Raises:
        SimulationError: If there is no noise.
    """
    terms = noise_terms_of(problem)
    if not terms:
        raise SimulationError(
            "the solver area-milstein is for noise, and there is none",
            fix="use a splitting word or 'EM'",
        )
    motions, operator = noise_operator(problem, terms)
    field, only_diagonal = vector_field(problem, problem.dynamics.drift), is_diagonal(problem)

    def advance(blocks: Any, normals: Array, time: Any, h: Any, epoch: Any = None) -> Any:
        y = join_blocks(problem, blocks)

        def noise(at: Array) -> Array:
            found = operator(time, at, epoch)
            return jnp.diag(found.diagonal) if only_diagonal else found.as_matrix()

        h = jnp.asarray(h, y.dtype)
        increment, _, area = unit_path(normals, motions)
        increment, area = jnp.sqrt(h) * increment, h * area
        columns = noise(y)
        # Entry [j, d, k] is the derivative of g_k's entry d along g_j.
        along = jax.vmap(lambda g: jax.jvp(noise, (y,), (g,))[1], in_axes=1)(columns)
        twice = jnp.outer(increment, increment) - h * jnp.eye(motions, dtype=y.dtype)
        twice = twice / 2 + area
        moved = field(time, y, epoch) * h + columns @ increment
        return split_blocks(problem, y + moved + jnp.einsum("jdk,jk->d", along, twice))

    return motions, advance


def unit_path(normals: Array, motions: int) -> tuple[Array, Array, Array]:
    """W, H and A over a step of length 1, from the normals of W, H and b, as far as they go."""
    increment, rest = normals[:motions], _SPREAD * normals[motions:]
    h, b = rest[:motions], rest[motions:]
    area = jnp.outer(h, increment) - jnp.outer(increment, h)
    if b.size:
        places = np.triu_indices(motions, 1)
        area = area.at[places].add(b).at[places[::-1]].add(-b)
    return increment, h, area


def merged_steps(first: Array, second: Array, motions: int) -> Array:
    """The normals of one step that stands for two, one after the other, on the same path.

    Args:
        first: Normals of W, of H, and of b where the solver draws them.
        second: Of the step behind it.
        motions: Number of Brownian motions.
    """
    (w1, h1, a1), (w2, h2, a2) = (unit_path(own, motions) for own in (first, second))
    w, h = w1 + w2, (h1 + h2) / 2 + (w1 - w2) / 4
    normals = [w / 2**0.5, h / (2**0.5 * _SPREAD)]
    if first.size > 2 * motions:
        area = a1 + a2 + (jnp.outer(w1, w2) - jnp.outer(w2, w1)) / 2
        rest = area - (jnp.outer(h, w) - jnp.outer(w, h))
        normals.append(rest[np.triu_indices(motions, 1)] / (2 * _SPREAD))
    return jnp.concatenate(normals)
