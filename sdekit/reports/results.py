"""`report`: everything that a document about one dynamics says, computed and then written.

Not for how it is written (`sdekit.reports.write`).
"""

from __future__ import annotations

import platform
from pathlib import Path

from sdekit import __version__, catalog
from sdekit.calculus.expansion.monomial_sums import TooLarge
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.stationarity_terms import Derivation, derive
from sdekit.certificates.export import Checked, certificate, recheck
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.designer.recipe import Recipe, recipe
from sdekit.designer.repair import repair
from sdekit.errors import (
    SchemeError,
    SdekitError,
    SimulationError,
    UndecidedError,
    VerificationError,
)
from sdekit.kernels.kernel_file import published_kernel, published_kernels
from sdekit.kernels.steps import Kernel
from sdekit.reports.chapters.derivation_lines import HANDLE
from sdekit.reports.chapters.scheme_sections import StepAdvice
from sdekit.reports.experiment import Experiment
from sdekit.reports.kernel_report import kernel_document
from sdekit.reports.write import WRITERS, Results, check_path, write_report
from sdekit.schemes.bias.scheme_bias import bias
from sdekit.schemes.order.scheme_order import Order, order
from sdekit.schemes.split.splitting import Splitting, splitting
from sdekit.verifier.integrals.elimination import Elimination
from sdekit.verifier.ladder import verify
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Verdict, Verification

_FOOTER = f"sdekit {__version__}, Python {platform.python_version()}."
#: Relative bias of a variance for which a report recommends a step size.
ACCEPTED_BIAS = 0.01
#: Dynamics whose report has the double-well experiment without being asked.
WITH_EXPERIMENT = ("sgnht", "sgnht-paper")


def report(
    dynamics: Dynamics | Kernel | str,
    path: str | Path,
    *,
    experiment: bool | None = None,
    steps: int = 1_000_000,
) -> Path:
    """Verify a dynamics, derive its condition and its splitting, and write it all down.

    Args:
        dynamics: The declaration, a kernel, or a name of the catalogue.
        path: FILE.html (one file that needs nothing else), FILE.tex or FILE.md.
        experiment: Whether to run the double-well experiment of the thermostat's paper; None for
            the dynamics it belongs to.
        steps: Steps of each chain of the experiment.

    Returns:
        The path of what was written.

    Raises:
        SdekitError: If the format is unknown, the folder is not there, the catalogue lacks the
            name, or an experiment is asked for that the dynamics cannot have.

    Checked by: tests/reports/test_report.py.
    """
    path = Path(path)
    check_path(path)
    given = _named(dynamics) if isinstance(dynamics, str) else dynamics
    if isinstance(given, Kernel):
        if experiment:
            raise SimulationError("a kernel has no experiment", fix="leave experiment out")
        WRITERS[path.suffix](kernel_document(given, verify(given), _FOOTER), path)
        return path
    return write_report(results_of(given, experiment=experiment, steps=steps), path)


def _named(name: str) -> Dynamics | Kernel:
    """A dynamics of the catalogue, or a kernel."""
    is_kernel = name in published_kernels() and name not in catalog.names()
    return published_kernel(name) if is_kernel else catalog.get(name)


def results_of(dynamics: Dynamics, *, experiment: bool | None, steps: int) -> Results:
    """Verify, derive, split and, where asked, run.

    Args:
        dynamics: The declaration.
        experiment: Whether to run the double-well experiment; None for the dynamics it belongs to.
        steps: Steps of each of its chains.

    Raises:
        SdekitError: If an experiment is asked for that the dynamics cannot have.
    """
    record = next((e for e in catalog.entries() if e.name == dynamics.name), None)
    belongs = any(dynamics == catalog.get(name) for name in WITH_EXPERIMENT)
    notes = () if record is None else tuple(filter(None, (record.notes, record.errata)))
    verification = verify(dynamics)
    return Results(
        dynamics=dynamics,
        verification=verification,
        certified=_certified(dynamics, verification),
        repairs=repair(dynamics) if verification.verdict is Verdict.REFUTED else (),
        derivation=_derivation(dynamics),
        recipe=_recipe(dynamics, verification),
        marginal=marginal_of(dynamics),
        splitting=_splitting(dynamics),
        order=_order(dynamics),
        biases=_biases(dynamics, verification),
        experiment=_experiment(dynamics, belongs, experiment, steps),
        title="" if record is None else record.title,
        notes=notes,
        footer=_FOOTER,
        handle=HANDLE if record is None else record.name,
    )


def _derivation(dynamics: Dynamics) -> Derivation | None:
    try:
        return derive(dynamics)
    except Unsupported:
        # What the index calculus cannot express has its verdict from components, without lines.
        return None


def _certified(dynamics: Dynamics, verification: Verification) -> Checked | None:
    """What the stand-alone checker says of a certificate of the verdict."""
    try:
        return recheck(certificate(dynamics, verification), dynamics)
    except VerificationError:
        # The model is outside what certificates cover; the verdict stands without one.
        return None


def _recipe(dynamics: Dynamics, verification: Verification) -> Recipe | None:
    check = verification.checks.get("stationarity")
    if check is None or not check.is_proved:
        return None
    try:
        return recipe(dynamics)
    except UndecidedError:
        # None was found and none excluded: the report has the direct derivation alone.
        return None


def marginal_of(dynamics: Dynamics) -> Elimination | None:
    """The integrals over the auxiliary variables; None where there are none to be done."""
    if dynamics.hamiltonian is None or not dynamics.auxiliary_variables:
        return None
    try:
        return Problem(dynamics).marginal
    except (TooLarge, Unsupported):
        # The verdict then comes from components, without integrals in closed form.
        return None


def _splitting(dynamics: Dynamics) -> Splitting | None:
    try:
        return splitting(dynamics)
    except SchemeError:
        # Coefficients that depend on time have no splitting; the report says nothing of it.
        return None


def _order(dynamics: Dynamics) -> Order | None:
    try:
        return order(dynamics)
    except SchemeError:
        # Order theory knows polynomials in jets; other coefficients have no order here.
        return None


def _biases(dynamics: Dynamics, verification: Verification) -> tuple[StepAdvice, ...]:
    """What the default word does to a quadratic and a stiffening potential, all parameters 1."""
    names = [x.name for x in dynamics.target_variables]
    if verification.verdict.value != "proved" or len(names) != 1 or len(dynamics.functions) != 1:
        return ()
    (x,) = names
    found = []
    for potential in (f"{x}**2/2", f"{x}**2/2 + {x}**4/20"):
        try:
            leading = bias(
                dynamics,
                potential=potential,
                parameters=dict.fromkeys((p.name for p in dynamics.parameters), 1),
                observable=f"{x}**2",
            )
            step = leading.recommended_step_size(ACCEPTED_BIAS * leading.mean)
        except SdekitError:
            # Words with letters that have no exact flow, or tensors, have no series at n = 1.
            return ()
        found.append(StepAdvice(potential, leading, ACCEPTED_BIAS, step))
    return tuple(found)


def _experiment(
    dynamics: Dynamics, belongs: bool, asked: bool | None, steps: int
) -> Experiment | None:
    if asked is False or (asked is None and not belongs):
        return None
    if not belongs:
        raise SimulationError(
            "the double-well experiment is that of the scalar thermostat",
            expected=" or ".join(WITH_EXPERIMENT),
            found=dynamics.name or "an unnamed dynamics",
            fix="leave --experiment out",
        )
    # JAX is loaded here and nowhere before.
    from sdekit.reports.thermostat_experiment import thermostat_experiment

    return thermostat_experiment(steps=steps)
