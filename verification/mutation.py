"""Mutation: every verdict about thousands of changed samplers against an independent oracle.

Each term of v, D and H of each catalogue entry is dropped, negated, doubled, multiplied by sqrt 2,
transposed, and has variables of one shape swapped. `sk.verify` judges every mutant for all n;
the oracle (`numeric_oracle`) evaluates the Fokker-Planck equation, the marginal and the
eigenvalues of D numerically. `mutation_kinds` adds jumps, walls, noise factors and, with --pairs,
two changes at once. Claim: no unsound verdict, at most 2 % undecided.

    python verification/mutation.py [--quick] [--pairs N] [--minutes M] [--state FILE] [--out DIR]

What is judged is written to the state file line by line: a run that ends after M minutes, or is
ended, goes on there, and its report counts what has been judged so far.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import time
from collections.abc import Iterator
from dataclasses import fields
from itertools import islice
from pathlib import Path

import matplotlib.pyplot as plt
import mutation_kinds as kinds
import numeric_oracle as oracle
from _results import Report, arguments

import sdekit as sk
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable

ROOT_TWO = sk.sqrt(2)
#: A relative spread of the marginal beyond this is no rounding of a sum over 1401 points.
FLAT = 1e-6
ROUNDING = 1e-12


def terms_of(expression: ex.Expression) -> tuple[ex.Expression, ...]:
    return expression.terms if isinstance(expression, ex.Sum) else (expression,)


def rebuilt(terms: list[ex.Expression]) -> ex.Expression:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def replaced(node: ex.Expression, old: ex.Expression, new: ex.Expression) -> ex.Expression:
    """The tree with every occurrence of a node replaced; gradients keep their variable."""
    if node == old:
        return new
    values = []
    for field in fields(node):
        value = getattr(node, field.name)
        if field.name == "variable" or isinstance(node, (ex.Call, Variable)):
            values.append(value)
        elif isinstance(value, ex.Expression):
            values.append(replaced(value, old, new))
        elif isinstance(value, tuple) and value and isinstance(value[0], ex.Expression):
            values.append(tuple(replaced(part, old, new) for part in value))
        else:
            values.append(value)
    return type(node)(*values)


def transposed_parts(term: ex.Expression) -> Iterator[ex.Expression]:
    for node in term.walk():
        if (
            isinstance(node, ex.MatMul)
            and node.left.ndim == 2
            and node.left.shape[0] == node.left.shape[1]
        ):
            yield replaced(term, node, ex.MatMul(node.left.T, node.right))


def swapped_variables(
    term: ex.Expression, variables: tuple[Variable, ...]
) -> Iterator[ex.Expression]:
    for x in variables:
        for y in variables:
            if x != y and x.shape == y.shape and x.symmetry == y.symmetry and term.depends_on(x):
                yield replaced(term, x, y)


def mutants_of(
    expression: ex.Expression, variables: tuple[Variable, ...]
) -> Iterator[tuple[str, ex.Expression]]:
    terms = list(terms_of(expression))
    for k, term in enumerate(terms):
        rest = terms[:k] + terms[k + 1 :]
        yield "drop", rebuilt(rest) if rest else ZERO
        changes = [("negate", -term), ("double", 2 * term), ("sqrt2", ROOT_TWO * term)]
        changes += [("transpose", new) for new in transposed_parts(term)]
        changes += [("swap", new) for new in swapped_variables(term, variables)]
        for name, new in changes:
            yield name, rebuilt([*terms[:k], new, *terms[k + 1 :]])


def mutants(dynamics: sk.Dynamics) -> Iterator[tuple[str, sk.Dynamics]]:
    given = {
        "drift": dict(dynamics.drift), "diffusion": dict(dynamics.diffusion),
        "gradient_noise": dict(dynamics.gradient_noise),
        "hamiltonian": dynamics.hamiltonian, "target": dynamics.target,
    }  # fmt: skip
    places = [("drift", x, v) for x, v in dynamics.drift.items()]
    for part in ("diffusion", "gradient_noise"):
        places += [(part, pair, block) for pair, block in getattr(dynamics, part).items()]
    places += [("hamiltonian", None, dynamics.hamiltonian)]
    for part, key, expression in places:
        for operation, new in mutants_of(expression, dynamics.variables):
            changed = dict(given)
            if key is None:
                changed[part] = new
            else:
                changed[part] = {**given[part], key: new}
            where = part if key is None else f"{part}[{key}]"
            try:
                yield (
                    f"{where}: {operation}",
                    sk.Dynamics(
                        **changed, name=dynamics.name, target_variables=dynamics.target_variables
                    ),
                )
            except sk.SdekitError:
                continue  # no mutant of this kind: shapes no longer fit


def judged(
    dynamics: sk.Dynamics, forbidden: kinds.Forbidden | None = None
) -> tuple[dict[str, str], list[str]]:
    """The verdicts, and in what they contradict the oracle or the kind of the mutant."""
    verification = sk.verify(dynamics, budget=10)
    verdicts = {name: check.verdict.value for name, check in verification.checks.items()}
    if forbidden is not None:
        text = forbidden(verdicts, verification.verdict.value)
        return verdicts, [text] if text else []
    wrong = []
    stationary, worst, where = oracle.is_stationary(dynamics)
    if verdicts["stationarity"] == "proved" and stationary is False:
        wrong.append(f"stationarity proved, residual {worst:.2g} at n = {where}")
    if verdicts["stationarity"] == "refuted" and stationary is True:
        wrong.append("stationarity refuted, residual zero at every point tried")
    least = oracle.smallest_eigenvalue(dynamics)
    if verdicts["diffusion_psd"] == "proved" and least < -1e-9:
        wrong.append(f"D semidefinite, but an eigenvalue is {least:.2g}")
    if dynamics.target is not None:
        spread = oracle.marginal_spread(dynamics)
        if spread is not None:
            if verdicts["marginalization"] == "proved" and spread > FLAT:
                wrong.append(f"marginal proved, but it varies by {spread:.2g}")
            refuted = verification.checks["marginalization"].witness
            at_one = refuted is not None and set(refuted.dimensions.values()) <= {1}
            if verdicts["marginalization"] == "refuted" and at_one and spread < ROUNDING:
                wrong.append(f"marginal refuted at n = 1, but it varies by {spread:.2g} only")
            if verdicts["normalizable"] == "refuted" and "auxiliary" in str(
                verification.checks["normalizable"].reason
            ):
                wrong.append("auxiliary integral called infinite, but the quadrature converges")
    return verdicts, wrong


def cases_of(pairs: int) -> Iterator[tuple[str, str, sk.Dynamics, kinds.Forbidden | None]]:
    """Entry, change, mutant, and what it must not be called beside the oracle's judgement."""
    entries = [
        dynamics
        for name in sk.catalog.names(plain=False)
        if (dynamics := sk.catalog.get(name)).hamiltonian is not None
    ]
    for dynamics in entries:
        for kind in (kinds.jumps, kinds.walls, kinds.noise_factors):
            for change, mutant, forbidden in kind(dynamics):
                yield dynamics.name, change, mutant, forbidden
    for dynamics in entries:
        for change, mutant in mutants(dynamics):
            yield dynamics.name, change, mutant, None
    for name, change, mutant in kinds.pairs(entries, mutants, pairs, seed=0):
        yield name, change, mutant, None


def judge(cases: Iterator, state: Path, minutes: float) -> list[dict]:
    """One record per case: those in the state file are taken from there, new ones added to it."""
    records = (
        [json.loads(line) for line in state.read_text().splitlines()] if state.exists() else []
    )
    deadline = time.monotonic() + 60 * minutes
    with state.open("a", encoding="utf-8") as file:
        for name, change, mutant, forbidden in islice(cases, len(records), None):
            if time.monotonic() > deadline:
                break
            record = {"entry": name, "change": change, "verdicts": {}, "wrong": []}
            try:
                record["verdicts"], record["wrong"] = judged(mutant, forbidden)
            except Exception as error:  # noqa: BLE001 - any exception at all is a finding here
                record["wrong"] = [f"{type(error).__name__}: {error}"]
            records.append(record)
            print(json.dumps(record), file=file, flush=True)
    return records


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=0, help="mutants with two changes")
    parser.add_argument("--minutes", type=float, default=1e6, help="end after so many")
    parser.add_argument("--state", type=Path, help="file of what has been judged, to go on from")
    options = arguments(__doc__, parser)
    report = Report("mutation", options, seed=0)
    cases = cases_of(options.pairs)
    if options.quick:
        cases = iter(random.Random(0).sample(list(cases), 150))
    started = time.perf_counter()
    records = judge(cases, options.state or options.out / "mutation.jsonl", options.minutes)
    count: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    for record in records:
        for check, verdict in record["verdicts"].items():
            count[check][verdict] += 1
    unsound = [f"{r['entry']} {r['change']}: {text}" for r in records for text in r["wrong"]]
    undecided = [
        f"{r['entry']} {r['change']}"
        for r in records
        if r["verdicts"].get("stationarity") == "undecided"
    ]
    share = len(undecided) / len(records)
    report.add("mutants", len(records))
    report.add("two changes at once", sum(" and " in r["change"] for r in records))
    report.add("verdicts", {check: dict(values) for check, values in count.items()})
    report.add("unsound", unsound)
    report.add("undecided stationarity", undecided)
    report.add("seconds", time.perf_counter() - started)
    report.claim(
        "No verdict about at least 2,000 mutants contradicts the numerical oracle",
        f"{len(unsound)} contradictions among {len(records)} mutants",
        not unsound and (options.quick or len(records) >= 2000),
    )
    report.claim(
        "At most 2 % of the mutants have an undecided stationarity",
        f"{100 * share:.2f} % undecided",
        share <= 0.02,
    )
    report.write(_figure(count))
    for line in unsound + undecided[:20]:
        print(line)


def _figure(count: dict[str, collections.Counter]) -> plt.Figure:
    figure, axes = plt.subplots(figsize=(8, 3.6))
    left = [0] * len(count)
    colours = {"proved": "#3b7d4f", "refuted": "#b2432f", "undecided": "#c9c4b8"}
    for verdict, colour in colours.items():
        values = [count[check][verdict] for check in count]
        axes.barh(list(count), values, left=left, color=colour, label=verdict)
        left = [a + b for a, b in zip(left, values, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("mutants")
    axes.legend(loc="lower right")
    axes.set_title("Verdicts about mutants of the catalogue")
    return figure


if __name__ == "__main__":
    main()
