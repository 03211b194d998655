"""What a run asks of JAX around it: no transformation, and settings under which it compiles.

A run is a driver: it looks at numbers between compiled calls, which have none inside `jit`, `grad`
or `vmap`. Not for single steps, which may be transformed (`sampler`).

Checked by: tests/simulation/runs/test_compiled_run.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import jax
from jax.core import Tracer, eval_context
from jax.extend.core import get_opaque_trace_state

from sdekit.errors import SimulationError


def check_untransformed(caller: str, *given: Any) -> None:
    """Nothing is being transformed by JAX, and no number that is given is traced.

    What functions of the user hold cannot be looked at, so that any transformation around the call
    is refused: a traced number in a program of several chains ends the process.

    Args:
        caller: Name of the driver.
        *given: PyTrees of the user.

    Raises:
        SimulationError: If not.
    """
    around = get_opaque_trace_state()
    with eval_context():
        is_traced = around != get_opaque_trace_state()
    if is_traced or any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(given)):
        raise SimulationError(
            f"{caller} cannot be transformed by JAX (jit, grad, vmap, scan)",
            expected="a call with numbers, outside of every transformation",
            fix="transform sampler.step, or the problem of sk.to_diffrax; for many starts give "
            "each chain its own",
        )


@contextmanager
def compiled_as_usual() -> Iterator[None]:
    """Settings that users switch on to find faults in code of their own, switched off.

    Without compiling a run would take hours; it looks for NaN itself, and names chain and step.
    """
    with ExitStack() as stack:
        stack.enter_context(jax.disable_jit(False))
        stack.enter_context(jax.debug_nans(False))
        stack.enter_context(jax.debug_infs(False))
        stack.enter_context(jax.numpy_rank_promotion("allow"))
        stack.enter_context(jax.numpy_dtype_promotion("standard"))
        stack.enter_context(jax.transfer_guard("allow"))
        yield
