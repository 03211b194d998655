"""Stochastic gradients: the gradient of U estimated from a few rows of the data at each step.

The estimate is drawn inside the compiled loop; the random words come from the loop's generator, so
the batch of a step depends on (key, chain, step) only. Full-data values (potential, gradient, the
covariance of the estimate) stand in `gradient_noise.py`; not for dynamics or schemes.

Notation: N rows, M rows in a batch, U = -log p(theta) - sum_i log p(x_i | theta).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.errors import DataError, SimulationError
from sdekit.simulation.gradients import epochs, row_numbers, rows
from sdekit.simulation.gradients.branching import value_when
from sdekit.simulation.gradients.minibatch_checks import check_options


class Minibatch:
    r"""A target known through its data, whose gradient is estimated from M of the N rows.

    $$\nabla\tilde U(\theta) = -\nabla\log p(\theta)
      - \frac{N}{M}\sum_{i\in\text{batch}} \nabla\log p(x_i\mid\theta)$$

    With a control variate (or SVRG) at the point r the sum runs over
    grad log p(x_i | theta) - grad log p(x_i | r), and the full gradient at r is added.

    Args:
        log_prior: Function of the position, a scalar.
        log_likelihood: Function (position, row) of one row of the data, a scalar; with
            `vectorized=True` of a batch of rows, shape (batch,).
        data: PyTree of arrays with one row per datum. NumPy memory maps stay on the disk: only the
            rows that are drawn are read.
        batch_size: M.
        sampling: "with replacement" (independent rows), "without replacement" (different rows
            within a batch, independent batches), or "epochs" (every row once per pass, in a new
            random order for each chain and each pass; the N mod M rows left over differ from pass
            to pass). In epochs the errors of successive batches cancel over a pass. SGLD gains by
            it; a thermostat, which expects white noise, then cools the positions towards
            A / (A + B), B = h V / 2: use epochs with it only where B is small beside A.
        vectorized: Whether `log_likelihood` takes a whole batch; then a likelihood written as a
            matrix product runs as one.
        control_variate: A position near the mode at which the full gradient is computed once.
        svrg: Compute the full gradient anew at the current position after this many steps.
        contiguous: With "epochs", inside `sk.simulate`: a batch is a slice of neighbouring rows of
            a re-ordered copy of the data, which is made anew after `epochs.RESHUFFLE` passes. Each
            pass of each chain starts its slices at a random row and takes them with a random
            stride. Several times faster than gathering rows where the data are large; chains
            share the order of the rows.

    Raises:
        DataError: For data that is empty, of unequal lengths or not finite, and for a batch size
            outside 1..N.
        SimulationError: For options that exclude each other.

    Example:
        >>> import jax.numpy as jnp
        >>> target = Minibatch(lambda mu: 0.0, lambda mu, x: -0.5 * (x - mu) ** 2,
        ...                    jnp.arange(100.0), batch_size=10)
        >>> target.size, target.batch_size
        (100, 10)

    Source: Welling and Teh (2011); control variates: Baker et al. (2019),
        doi:10.1007/s11222-018-9826-2; SVRG: Dubey et al. (2016).
    Checked by: tests/simulation/gradients/test_minibatch.py.
    """

    def __init__(
        self,
        log_prior: Callable[..., Any],
        log_likelihood: Callable[..., Any],
        data: Any,
        batch_size: int,
        *,
        sampling: str = "with replacement",
        vectorized: bool = False,
        control_variate: Any = None,
        svrg: int | None = None,
        contiguous: bool = False,
    ) -> None:
        self.log_prior, self.log_likelihood, self.data = log_prior, log_likelihood, data
        self.size = rows.check_data(data)
        self.batch_size, self.sampling, self.vectorized = batch_size, sampling, vectorized
        self.svrg, self.contiguous = svrg, contiguous
        self.is_on_host = any(isinstance(leaf, np.memmap) for leaf in jax.tree.leaves(data))
        check_options(
            log_prior,
            log_likelihood,
            size=self.size,
            batch_size=batch_size,
            sampling=sampling,
            svrg=svrg,
            contiguous=contiguous,
            is_on_host=self.is_on_host,
        )
        if not self.is_on_host:
            rows.check_finite(data)
        self._rows: dict[Any, rows.Rows] = {}
        self.reference: tuple[Any, Any] | None = None
        if control_variate is not None:
            _check_target(self, control_variate)
            point = jax.tree.map(jnp.asarray, control_variate)
            self.reference = (point, self.full_likelihood_gradient(point))

    def __repr__(self) -> str:
        return f"<Minibatch of {self.batch_size} of {self.size} rows, {self.sampling}>"

    @property
    def rows(self) -> rows.Rows:
        """The packed data, in double precision where JAX's 64-bit mode is on."""
        mode = jnp.result_type(float)
        if mode not in self._rows:
            # The first use may be inside a trace, whose arrays must not be kept.
            with jax.ensure_compile_time_eval():
                pack = rows.on_host if self.is_on_host else rows.packed
                self._rows[mode] = pack(self.data)
        return self._rows[mode]

    def given(self, extra: Any) -> Minibatch:
        """The target of functions of (position, extra) and (position, extra, row)."""
        found = copy.copy(self)
        prior: Any = self.log_prior
        likelihood: Any = self.log_likelihood
        found.log_prior = lambda position: prior(position, extra)
        found.log_likelihood = lambda position, row: likelihood(position, extra, row)
        return found

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one pass over the data."""
        return self.size // self.batch_size

    @property
    def period(self) -> int | None:
        """Gradients for which one set of `tables` is good; None if no tables are needed."""
        return epochs.RESHUFFLE * self.steps_per_epoch if self.contiguous else None

    @property
    def words(self) -> int:
        """Random 32-bit words of one gradient."""
        if self.sampling == "with replacement":
            return row_numbers.words_with_replacement(self.size, self.batch_size)
        return row_numbers.ROUNDS if self.sampling == "without replacement" else 0

    @property
    def draw_bytes(self) -> int:
        """Bytes of one prepared draw, which bounds how many steps are prepared at once."""
        return self.batch_size * (self.rows.row_bytes if self.is_on_host else 4)

    def init(self, key: Array, position: Any) -> Any:
        """What the estimate carries along a chain: its place in the epoch, its SVRG reference.

        Args:
            key: JAX key of the chain.
            position: Position of one chain.

        Raises:
            DataError: If prior or likelihood do not give finite scalars of the right shape.
        """
        _check_target(self, position)
        state: dict[str, Any] = epochs.begin(key) if self.sampling == "epochs" else {}
        if self.svrg is not None:
            state["age"] = jnp.int32(0)
            state["reference"] = (position, jax.tree.map(jnp.zeros_like, position))
        return state

    def prepare(self, bits: Array) -> Any:
        """The batch of one step from its random words: row numbers, or the rows of a memory map.

        Args:
            bits: uint32, shape (words,).
        """
        if self.sampling == "epochs":
            return ()
        choose = (
            row_numbers.with_replacement
            if self.sampling == "with replacement"
            else row_numbers.without_replacement
        )
        numbers = choose(bits, self.size, self.batch_size)
        return rows.fetched(self.rows, numbers) if self.is_on_host else numbers

    def tables(self, key: Array, number: int) -> tuple[Array, ...]:
        """Re-ordered rows (contiguous epochs).

        Args:
            key: JAX key of the run, the same for all chains.
            number: How many sets of tables came before.

        Returns:
            Packed rows, each of shape ((steps_per_epoch + 1) * batch_size, columns): the used rows
            in a new random order, the first batch repeated at the end, so that every slice of
            neighbours on the circle of rows is a slice of the array.
        """
        order = jax.random.fold_in(key, number)
        return epochs.reordered(order, self.rows.matrices, self.steps_per_epoch, self.batch_size)

    def gradient(
        self, draw: Any, position: Any, state: Any, tables: tuple[Array, ...] | None = None
    ) -> tuple[Any, Any]:
        """The estimate of grad U for one chain, and what it carries on.

        Args:
            draw: From `prepare`.
            position: Position of one chain.
            state: From `init` or the step before.
            tables: From `tables`; without them contiguous batches are gathered row by row.

        Returns:
            Gradient shaped like the position, and the state of the next step.
        """
        batch, state = self._batch(draw, state, tables)
        scale = self.size / self.batch_size
        reference = self.reference
        if self.svrg is not None:
            state = self._renewed(position, state)
            reference = state["reference"]
        gradient = jax.tree.map(
            lambda prior, data: -(prior + scale * data),
            jax.grad(self._prior)(position),
            self._likelihood_gradient(position, batch),
        )
        if reference is not None:
            point, full = reference
            gradient = jax.tree.map(
                lambda g, at_point, whole: g + scale * at_point - whole,
                gradient,
                self._likelihood_gradient(point, batch),
                full,
            )
        return gradient, state

    def potential(self, position: Any) -> Array:
        """U over all data; for Metropolis steps, full gradients and checks.

        Raises:
            SimulationError: For memory-mapped data (`gradient_noise.full_gradient` reads those).
        """
        if self.is_on_host:
            raise SimulationError(
                "the full potential of memory-mapped data is not available in a compiled step",
                fix="use a scheme that needs gradients only, or give the data as arrays",
            )
        return -(self._prior(position) + rows.total(self.rows, self._likelihood, position))

    def _prior(self, position: Any) -> Array:
        return jnp.asarray(self.log_prior(position), dtype=_number_type(position))

    def _likelihood(self, position: Any, batch: Any) -> Array:
        """Sum of the log likelihood over the rows of a batch."""
        each = self.per_row(position, batch)
        return jnp.sum(each).astype(_number_type(position))

    def per_row(self, position: Any, batch: Any) -> Array:
        """Log likelihood of each row of a batch, shape (batch,)."""
        if self.vectorized:
            return self.log_likelihood(position, batch)
        return jax.vmap(self.log_likelihood, (None, 0))(position, batch)

    def _likelihood_gradient(self, position: Any, batch: Any) -> Any:
        return jax.grad(self._likelihood)(position, batch)

    def full_likelihood_gradient(self, position: Any) -> Any:
        """Gradient of the log likelihood of all rows, shaped like the position."""
        if not self.is_on_host:
            return jax.jit(lambda at: rows.total(self.rows, self._likelihood_gradient, at))(
                position
            )
        total = jax.tree.map(jnp.zeros_like, position)
        gradient = jax.jit(self._likelihood_gradient)
        for batch in self.slices():
            total = jax.tree.map(jnp.add, total, gradient(position, batch))
        return total

    def slices(self, count: int = 4096) -> Any:
        """All rows in order, `count` at a time, as the user's PyTree (reads a memory map)."""
        for first in range(0, self.size, count):
            parts = tuple(jnp.asarray(m[first : first + count]) for m in self.rows.matrices)
            yield rows.unpacked(self.rows, parts)

    def _batch(self, draw: Any, state: Any, tables: tuple[Array, ...] | None) -> tuple[Any, Any]:
        """The rows of this step as the user's PyTree, and the state moved on one place."""
        if self.sampling != "epochs":
            taken = draw if self.is_on_host else rows.take(self.rows.matrices, draw)
            return rows.unpacked(self.rows, taken), state
        batches, batch = self.steps_per_epoch, self.batch_size
        if self.contiguous and tables is not None:
            taken = rows.cut(tables, epochs.first_row(state, batches, batch), batch)
        else:
            numbers = epochs.batch_numbers(state, self.size, batch)
            taken = self._taken(numbers)
        return rows.unpacked(self.rows, taken), epochs.moved(state, batches)

    def _taken(self, numbers: Array) -> tuple[Array, ...]:
        """The rows of these numbers, from memory or from the disk."""
        if self.is_on_host:
            return rows.fetched(self.rows, numbers)
        return rows.take(self.rows.matrices, numbers)

    def _renewed(self, position: Any, state: Any) -> Any:
        """The SVRG reference moved to `position` when it is due."""
        due = state["age"] == 0
        reference = value_when(
            due, lambda at: (at, self.full_likelihood_gradient(at)), position, state["reference"]
        )
        return {**state, "reference": reference, "age": (state["age"] + 1) % self.svrg}


def _number_type(position: Any) -> Any:
    return jnp.result_type(*jax.tree.leaves(position))


def _check_target(target: Minibatch, position: Any) -> None:
    """Evaluate prior and likelihood abstractly, so that a mistake is found before a run.

    Raises:
        DataError: If they fail or do not have the documented shapes.
    """
    one = []
    for group, matrix in enumerate(target.rows.matrices):
        column = next(c for c in target.rows.columns if c.group == group)
        dtype = column.dtype if target.is_on_host else matrix.dtype
        one.append(jnp.zeros((1, *matrix.shape[1:]), dtype))
    batch = rows.unpacked(target.rows, tuple(one))
    try:
        prior = jax.eval_shape(target.log_prior, position)
        likelihood = jax.eval_shape(target.per_row, position, batch)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise DataError(
            "log_prior or log_likelihood fails at the given position",
            found=str(error).splitlines()[0],
            fix="call them yourself with the position and one row of the data",
        ) from error
    if getattr(prior, "shape", ()) != ():
        raise DataError(
            "log_prior is not a scalar",
            expected="shape ()",
            found=prior.shape,
            fix="sum over the components",
        )
    if getattr(likelihood, "shape", None) != (1,):
        shape = getattr(likelihood, "shape", type(likelihood).__name__)
        raise DataError(
            "log_likelihood does not give one value per row"
            if target.vectorized
            else "log_likelihood does not give a scalar for one row",
            expected="(batch,)" if target.vectorized else "()",
            found=shape if target.vectorized else shape[1:],
            fix="sum over the components of a row, not over the rows",
        )
