"""What a report says of the verdicts: each claim with its reason, and why one fails.

Not for the derivation of stationarity (`derivation_lines`) nor of the marginal
(`marginal_lines`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sdekit.catalog.literature import works_named
from sdekit.certificates.export import Checked
from sdekit.declaration.text.latex import dynamics_lines, symbol_latex
from sdekit.designer.repair import Repair
from sdekit.reports.chapters.claim_records import CLAIMS, title_of
from sdekit.reports.chapters.formulas import Scope, formula_in
from sdekit.reports.chapters.sentences import mathematics
from sdekit.reports.formats.document import (
    Block,
    Derivation,
    Formula,
    Items,
    Listing,
    Paragraph,
    Section,
    Step,
    Table,
    Verdict,
)
from sdekit.verifier.verdict import REQUIRED, Check, Verification, Witness

#: The status of a claim that the stand-alone checker confirmed.
CERTIFIED = "certified"


def _sentence(verification: Verification) -> str:
    """What the verdict of the whole says."""
    claimed = "stationarity" in verification.checks
    if verification.verdict.value == "proved":
        condition = f"if {' and '.join(verification.conditions)}, " * verification.is_conditional
        return f"{condition}{_claimed(verification)}, for {verification.scope}."
    if verification.verdict.value == "refuted":
        failed = [title_of(name) for name, _ in _refuted(verification, verification.required)]
        return f"the claim fails; it is not true that {', nor that '.join(failed)}."
    if not claimed and verification.required == REQUIRED:
        return "no law is claimed, so none is proved; what the dynamics has was checked."
    missing = [title_of(name) for name in verification.open_checks]
    return (
        "neither a proof nor a counterexample was found; all is proved but that "
        f"{', nor that '.join(missing)}."
    )


def _claimed(verification: Verification) -> str:
    if verification.required == REQUIRED:
        return r"$\mathrm{e}^{-H}$ is stationary and its marginal is the target"
    return r"the kernel keeps $\mathrm{e}^{-H}$"


def verdict_section(
    verification: Verification,
    scope: Scope,
    notes: tuple[str, ...] = (),
    *,
    certified: Checked | None = None,
) -> Section:
    """The verdict of the whole, every check with its reason, and what is taken for granted.

    Args:
        verification: The verdicts.
        scope: The symbols that the reasons speak of.
        notes: Sentences below them.
        certified: What the stand-alone checker says of the certificate; None without one.
    """
    rows = tuple(
        (_claim(_key(name, verification)), _status(name, check, certified), said)
        for name, check in verification.checks.items()
        for said in [mathematics(check.reason, scope)]
    )
    verdict = verification.verdict.value
    blocks: list[Block] = [
        Verdict(verdict, _sentence(verification)),
        Table(("claim", "verdict", "because"), rows, verdict_column=1),
    ]
    blocks += _certified(certified)
    theorems = _theorems(verification)
    if theorems:
        blocks += [Paragraph("Why such reasons are enough:"), Items(theorems)]
    blocks += _taken_for_granted(verification, scope)
    blocks += (Paragraph(mathematics(note, scope)) for note in notes)
    return Section("Verdict", tuple(blocks))


def _certified(found: Checked | None) -> list[Block]:
    """What of the verdicts somebody can check again who does not trust the verifier."""
    confirmed = [] if found is None else [name for name, (ok, _) in found.rungs.items() if ok]
    if found is None or not confirmed:
        return []
    named = "; ".join(map(title_of, confirmed))
    said = "every required claim" if found.verdict else f"of the required claims: {named}"
    return [
        Paragraph(
            "Certified: a program of four short files that shares no code with the verifier and "
            f"needs the standard library only was given the certificate and confirms {said}. "
            "Repeat it with `sdekit verify MODEL --certificate c.json` and `sdekit check c.json`."
        )
    ]


def _key(name: str, verification: Verification) -> str:
    """The claim that a check makes: reversibility is another one of kernels."""
    is_kernel = name == "reversibility" and "invariance" in verification.checks
    return "detailed_balance" if is_kernel else name


def _claim(name: str) -> str:
    formula = CLAIMS[name].formula if name in CLAIMS else ""
    return f"{title_of(name)}: ${formula}$" if formula else title_of(name)


def _status(name: str, check: Check, found: Checked | None) -> str:
    is_certified = found is not None and found.rungs.get(name, (False, ""))[0]
    return CERTIFIED if is_certified else check.verdict.value


def _theorems(verification: Verification) -> tuple[str, ...]:
    """Why the reasons given suffice, for claims that are proved."""
    proved = (name for name, check in verification.checks.items() if check.is_proved)
    return tuple(
        f"{_capital(title_of(name))}. {CLAIMS[name].theorem}"
        for name in (_key(name, verification) for name in proved)
        if name in CLAIMS and CLAIMS[name].theorem
    )


def _taken_for_granted(verification: Verification, scope: Scope) -> list[Block]:
    """What is assumed, each line marked as such; where the verdicts hold."""
    blocks: list[Block] = []
    if verification.assumptions:
        rows = tuple((mathematics(one, scope), "assumed") for one in verification.assumptions)
        blocks.append(Table(("taken for granted", "status"), rows, verdict_column=1))
    if verification.side_conditions:
        conditions = ", ".join(mathematics(one, scope) for one in verification.side_conditions)
        blocks.append(Paragraph(f"Valid where {conditions}."))
    return blocks


def references_section(texts: Iterable[str]) -> Section | None:
    """Full references of the works that the texts name; None if they name none."""
    found = works_named(" ".join(texts))
    return Section("References", (Items(tuple(work.text for work in found)),)) if found else None


def theorem_texts(verification: Verification) -> Iterable[str]:
    """The texts of a report that name works on the claims."""
    return _theorems(verification)


def _refuted(verification: Verification, names: Iterable[str]) -> list[tuple[str, Check]]:
    found = ((name, verification.checks.get(name)) for name in names)
    return [(name, check) for name, check in found if check is not None and check.is_refuted]


def refutation_section(
    verification: Verification,
    scope: Scope,
    repairs: Sequence[Repair] = (),
    *,
    declared: Sequence[tuple[str, str]] = (),
    worked: Sequence[Block] = (),
) -> Section | None:
    """What is left over, where each refuted claim fails, what would mend it; None if none fails.

    Args:
        verification: The verdicts.
        scope: The symbols that the reasons speak of.
        repairs: Changes that mend it.
        declared: The lines of the triple as declared, beside which changes are marked.
        worked: The witness of stationarity worked through.
    """
    deciding = _refuted(verification, verification.required)
    # Beside a refuted verdict the other claims say nothing new.
    shown = deciding or _refuted(verification, verification.checks)
    blocks: list[Block] = []
    for name, check in shown:
        said = mathematics(check.reason.rstrip("."), scope)
        blocks.append(Paragraph(f"Not true: {title_of(name)}. {_capital(said)}."))
        blocks += _evidence(check, scope)
        blocks += worked if name == "stationarity" else ()
    for number, repair in enumerate(repairs):
        blocks += _repair(repair, number, declared)
    heading = "Why it fails" if deciding else "What it does not have"
    return Section(heading, tuple(blocks)) if blocks else None


def _repair(repair: Repair, number: int, declared: Sequence[tuple[str, str]]) -> list[Block]:
    lead = "A small change mends it" if not number else "So does another"
    said = f"{lead} ({repair.kind}). The dynamics below is proved; what changed is marked:"
    known = frozenset(declared)
    lines = (
        Step(left, right, is_changed=bool(known) and (left, right) not in known)
        for left, right in dynamics_lines(repair.dynamics)
    )
    return [Paragraph(said), Derivation(tuple(lines))]


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _evidence(check: Check, scope: Scope) -> list[Block]:
    blocks: list[Block] = []
    if check.residual is not None:
        blocks.append(Paragraph("What should be zero is"))
        formula = formula_in(check.residual, scope)
        blocks.append(Formula(formula) if formula else Listing(check.residual))
    if check.witness is not None:
        blocks += [Paragraph("An exact counterexample:"), _witness(check.witness, scope)]
        blocks += _moves(check, scope)
    return blocks


def _moves(check: Check, scope: Scope) -> list[Block]:
    """A state and where a kernel takes it, with what flows there and away."""
    if "state" not in check.details:
        return []

    def shown(value: object) -> str:
        if not isinstance(value, Mapping):
            return _number(value, scope)
        return ", ".join(f"{_symbol(k, scope)} = {_number(v, scope)}" for k, v in value.items())

    rows = tuple((name, shown(value)) for name, value in check.details.items())
    blocks: list[Block] = [Table(("of the move", "value"), rows)]
    is_local = any(name.startswith("proposal") for name in check.details)
    if is_local and check.witness is not None and check.witness.functions:
        blocks.append(
            Paragraph(
                "What stands for an unknown function above agrees with it at these points only; "
                r"elsewhere it may be any smooth function that makes $\mathrm{e}^{-H}$ integrable."
            )
        )
    return blocks


def _witness(witness: Witness, scope: Scope) -> Table:
    given = [*witness.dimensions.items(), *witness.point.items(), *witness.functions.items()]
    rows = [(_symbol(str(name), scope), _number(value, scope)) for name, value in given]
    rows += [
        (f"direction, {_symbol(k, scope)}", _number(v, scope)) for k, v in witness.direction.items()
    ]
    rows.append(("value there", _number(witness.value, scope)))
    return Table(("at", "value"), tuple(rows))


def _symbol(name: str, scope: Scope) -> str:
    found = mathematics(name, scope)
    return found if "$" in found else f"${symbol_latex(name)}$" if name.isidentifier() else found


def _number(value: object, scope: Scope) -> str:
    text = str(value)
    return f"${text}$" if text.lstrip("-").isdigit() else mathematics(text, scope)
