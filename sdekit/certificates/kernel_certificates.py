"""A verified kernel as a certificate: its law, its steps as trees, and the evidence of the law.

Everything that the stand-alone checker (`checker.kernel_steps`) needs of a step is what is declared
of it: fields of letters, the word, the flip. Not covered: choices, the midpoint rule, closed forms
with a log-volume that is stated, letters counted by name; such steps are not certified.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdekit.certificates.checker.check import FORMAT, UNREADABLE
from sdekit.certificates.checker.index_ring import Refused
from sdekit.certificates.checker.kernel_steps import KERNEL_FORMAT, check_kernel
from sdekit.certificates.export import (
    Checked,
    certificate,
    read_certificate,
    recheck,
    write_certificate,
)
from sdekit.certificates.model_trees import Tree, expression_tree, model_tree, symbol_entry
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.dynamics_checks import require_free_entries
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Parameter
from sdekit.errors import VerificationError
from sdekit.kernels.path import letters_of_word
from sdekit.kernels.steps import (
    Delayed,
    Drawn,
    Flow,
    GaussianJump,
    Images,
    Kernel,
    Map,
    Metropolis,
    Refresh,
    Step,
    dynamics_in,
    expressions_in,
)
from sdekit.verifier.ladder import verify
from sdekit.verifier.markov.kernel_ladder import law_of, require_no_sizes
from sdekit.verifier.question import read_sizes


def certify(
    dynamics: Dynamics | Kernel,
    n: int | Mapping[str, int] | None = None,
    *,
    path: str | Path | None = None,
) -> dict[str, Any]:
    """Verify a dynamics or a kernel and give the certificate of its verdict.

    Args:
        dynamics: The declaration.
        n: Sizes of a dynamics, as for `sdekit.verify`; all sizes when left out, and for kernels.
        path: Where to write it as JSON, for `sdekit check`; None to write nothing.

    Returns:
        An object for JSON: format, name, model, claim, and for every required rung its verdict
        with the evidence; for a kernel the evidence of its law.

    Raises:
        VerificationError: If the model cannot be written as trees, or the file cannot be written.

    Checked by: tests/certificates/test_checker.py.
    """
    require_free_entries(dynamics.variables, "no certificate knows")
    if isinstance(dynamics, Kernel):
        require_no_sizes(n)
        content = kernel_certificate(dynamics)
    else:
        content = certificate(dynamics, verify(dynamics, n), read_sizes(dynamics, n))
    if path is not None:
        write_certificate(path, content)
    return content


def kernel_certificate(kernel: Kernel) -> dict[str, Any]:
    """The certificate of a kernel; steps that it does not cover say so in it.

    Raises:
        VerificationError: If the law cannot be written as trees.

    Checked by: tests/certificates/test_kernel_certificates.py.
    """
    law = law_of(kernel)
    found = certificate(law, verify(law))
    model = model_tree(law.ito())
    nodes = [e for step in kernel.steps for e in expressions_in(step)]
    nodes += [e for d in dynamics_in(kernel.steps) for e in d.expressions()]
    for node in (n for e in nodes for n in e.walk()):
        if isinstance(node, Parameter) and node.value is None:
            model["symbols"].setdefault(node.name, symbol_entry("parameter", node))
        elif isinstance(node, ex.Call):
            entry = symbol_entry("function", node.function)
            arguments = [x.name for x in node.function.arguments]
            model["symbols"].setdefault(node.function.name, {**entry, "of": arguments})
    model["diffusion"] = []
    model["drift"] = {x: ["product", ["number", "0"], ["symbol", x]] for x in model["drift"]}
    model["steps"] = [_step_tree(step) for step in kernel.steps]
    evidence: dict[str, Any] = {"regularity": {}}
    for name in ("marginalization", "normalizable"):
        rung = found["rungs"][name]
        is_proved = rung["verdict"] == "proved" and "evidence" in rung
        is_open = {"open": rung.get("open", "not proved")}
        evidence[name] = rung["evidence"] if is_proved else is_open
    content = {"format": KERNEL_FORMAT, "name": kernel.name or "kernel", "model": model}
    return {**content, "shown": [], "claim": {"verdict": "proved"}, "law": evidence}


def recheck_kernel(content: Mapping[str, Any], kernel: Kernel | None = None) -> Checked:
    """Hand the certificate of a kernel to the stand-alone checker.

    Args:
        content: The certificate.
        kernel: The kernel that it has to be about; None to believe the one in it.

    Raises:
        VerificationError: If the checker cannot read it.
    """
    if kernel is not None and kernel_certificate(kernel)["model"] != content.get("model"):
        return Checked(None, {}, "the certificate is about another kernel")
    try:
        is_certified, rungs = check_kernel(content)
    except Refused as reason:
        return Checked(None, {}, str(reason))
    except UNREADABLE as error:
        raise VerificationError(
            "no usable certificate",
            found=f"{type(error).__name__}: {error}"[:200],
            fix="write it again with sdekit verify KERNEL --certificate FILE.json",
        ) from None
    return Checked("proved" if is_certified else None, rungs)


def check_file(path: str | Path, model: Dynamics | Kernel | None = None) -> Checked:
    """Hand a certificate of a dynamics or a kernel to its checker.

    Raises:
        VerificationError: If the file is no certificate, or the checker cannot read its model.

    Checked by: tests/certificates/test_kernel_certificates.py.
    """
    content = read_certificate(path, (FORMAT, KERNEL_FORMAT))
    if content["format"] == KERNEL_FORMAT and not isinstance(model, Dynamics):
        return recheck_kernel(content, model)
    if content["format"] == FORMAT and not isinstance(model, Kernel):
        return recheck(content, model)
    return Checked(None, {}, "the certificate is about another model")


def _step_tree(step: Step) -> dict[str, Any]:
    try:
        match step:
            case Refresh():
                return {
                    "kind": "refresh",
                    "variables": [x.name for x in step.variables],
                    "keep": expression_tree(step.keep),
                    "noise": _optional(step.noise),
                    "law": _optional(step.law),
                }
            case Map():
                return {"kind": "flip", "flip": _flip(step.images)}
            case Metropolis():
                return {"kind": "metropolis", **_metropolis(step)}
            case Delayed():
                attempts = {"first": _metropolis(step.first), "second": _metropolis(step.second)}
                return {"kind": "delayed", "remembers": step.remembers, **attempts}
    except VerificationError as error:
        return {"kind": type(step).__name__.lower(), "open": str(error)}
    return {"kind": type(step).__name__.lower(), "open": "a step that certificates do not cover"}


def _optional(node: ex.Expression | None) -> Tree | None:
    return None if node is None else expression_tree(node)


def _flip(images: Images) -> list[str]:
    for x, image in images:
        if not isinstance(image, ex.Negation) or image.operand != x:
            raise VerificationError(
                "certificates cover no map but flips", found=f"{x.name} -> {image!r}"
            )
    return [x.name for x, _ in images]


def _metropolis(step: Metropolis) -> dict[str, Any]:
    (part, *more) = step.proposal
    if more or step.counted is not None or not isinstance(step.accept, str):
        what = f"{step.accept}, {step.proposal}"[:200]
        raise VerificationError("certificates do not cover this acceptance", found=what)
    found: dict[str, Any] = {
        "accept": step.accept,
        "flip": _flip(step.flip),
        "energy": _optional(step.energy),
    }
    match part:
        case Map() if step.log_volume is None:
            return {**found, "map": {x.name: expression_tree(image) for x, image in part.images}}
        case GaussianJump():
            jump = {"variable": part.variable.name, "symmetric": step.is_symmetric}
            jump |= {"mean": expression_tree(part.mean), "scale": expression_tree(part.scale)}
            return {**found, "jump": jump}
        case Flow():
            return {**found, **_word(part, step)}
    raise VerificationError("certificates do not cover this proposal", found=repr(part)[:200])


def _word(flow: Flow, step: Metropolis) -> dict[str, Any]:
    stated = None if step.log_volume is None else dict(step.log_volume)
    letters: dict[str, Any] = {}
    word: list[list[str]] = []
    for part, share in letters_of_word(flow):
        word.append([part.letter, str(share)])
        if not part.exact:
            raise VerificationError("certificates cover exact flows", found=f"letter {part.letter}")
        volume = None if stated is None else expression_tree(stated.get(part.letter, ZERO))
        letters[part.letter] = {
            "drift": {x.name: expression_tree(v) for x, v in part.updates},
            "diffusion": [[x.name, y.name, expression_tree(d)] for (x, y), d in part.diffusion],
            "log_volume": volume,
        }
    steps: Any = flow.steps if isinstance(flow.steps, int) else getattr(flow.steps, "name", None)
    if isinstance(flow.steps, Drawn):
        steps = [[number, expression_tree(weight)] for number, weight in flow.steps.weights]
    found = {"letters": letters, "word": word, "steps": steps}
    return {**found, "step_size": expression_tree(flow.step_size)}
