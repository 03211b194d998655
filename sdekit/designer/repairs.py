"""The change that mends a refuted design, if a small one does and the verifier proves it.

Not for finding it (`sdekit.designer.repair`).
"""

from __future__ import annotations

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.designer.repair import Repair, repair
from sdekit.verifier.ladder import verify
from sdekit.verifier.verdict import Verdict, Verification


def proved_repair(dynamics: Dynamics, verification: Verification) -> Repair | None:
    """A change that removes what is left over and leaves nothing else refuted.

    Args:
        dynamics: The declaration.
        verification: Its verdicts; a repair is looked for only where stationarity is refuted.

    Returns:
        The repair, itself proved, or None.
    """
    check = verification.checks.get("stationarity")
    if check is None or not check.is_refuted:
        return None
    found = repair(dynamics)
    if found is None or verify(found.dynamics).verdict is not Verdict.PROVED:
        return None
    return found


def show_repair(dynamics: Dynamics, verification: Verification) -> None:
    """One line with the change, where there is one."""
    found = proved_repair(dynamics, verification)
    if found is not None:
        print(f"  proved instead with {found.text}")
