r"""Kernels with a name: HMC, generalized HMC, MALA.

Each is a composition that could be written by hand; what a method claims is decided by
`sdekit.verify`. Not for the parts (`building`).
Checked by: tests/kernels/test_methods.py.
"""

from __future__ import annotations

from typing import Any

from sdekit.declaration.functions.grammar import grad, sqrt
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import DeclarationError
from sdekit.kernels.building import compose, flip, flow, jump, metropolis, refresh
from sdekit.kernels.steps import STEP_SIZE, Kernel


def momenta_of_kernel(dynamics: Dynamics) -> tuple[Variable, ...]:
    """The auxiliary blocks of a dynamics, which the methods flip and redraw.

    Raises:
        DeclarationError: If there are none.
    """
    found = dynamics.auxiliary_variables
    if not found or dynamics.hamiltonian is None:
        raise DeclarationError(
            "the method needs momenta",
            expected="a dynamics with H and auxiliary variables",
            found=f"variables {', '.join(x.name for x in dynamics.variables)}",
            fix="give target=U, so that the other variables are momenta",
        )
    return found


def hmc(
    dynamics: Dynamics, scheme: str = "BAB", steps: Any = 1, *, step_size: Any = None
) -> Kernel:
    """Hamiltonian Monte Carlo: new momenta, `steps` words, accepted or not.

    Args:
        dynamics: theta' = M^-1 p, p' = -grad U, or any other with momenta.
        scheme: The word, a palindrome.
        steps: A number, `sk.dim("L")` for every number, or weights {1: "1/2", 2: "1/2"}.
        step_size: The time of one word.

    Source: Duane et al. (1987), doi:10.1016/0370-2693(87)91197-X.
    """
    momenta = momenta_of_kernel(dynamics)
    moves = flow(dynamics, scheme, steps, step_size=step_size)
    flips = {p: -p for p in momenta}
    return compose(refresh(*momenta), metropolis(moves, flip=flips), name="HMC")


def generalized_hmc(
    dynamics: Dynamics,
    scheme: str = "BAB",
    steps: Any = 1,
    *,
    keep: Any,
    step_size: Any = None,
) -> Kernel:
    """HMC with partial refreshment; momenta are flipped where a proposal is rejected.

    Args:
        dynamics: As for `hmc`.
        scheme: The word.
        steps: How often.
        keep: c of the refreshment, p' = c p + sqrt(1 - c^2) * normal.
        step_size: The time of one word.

    Source: Horowitz (1991) [recalled].
    """
    momenta = momenta_of_kernel(dynamics)
    moves = flow(dynamics, scheme, steps, step_size=step_size)
    flips = {p: -p for p in momenta}
    return compose(
        refresh(*momenta, keep=keep), metropolis(moves, flip=flips), flip(flips), name="gHMC"
    )


def mala(potential: Any, x: Variable, *, step_size: Any = None) -> Kernel:
    """Metropolis-adjusted Langevin: x' = x - h grad U + sqrt(2 h) normal, accepted or not.

    Args:
        potential: U of the law exp(-U).
        x: The block that moves.
        step_size: h.

    Source: Roberts, Tweedie (1996) [recalled].
    """
    h = STEP_SIZE if step_size is None else step_size
    proposal = jump(x, x - h * grad(potential, x), sqrt(2 * h))
    return compose(metropolis(proposal), hamiltonian=potential, name="MALA")
