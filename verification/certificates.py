"""Corrupted certificates, in process: does the stand-alone checker accept one that is wrong?

Every whole certificate of the catalogue is changed at random (a token for another one of the same
kind, a number by one, a part dropped, doubled or swapped with its neighbour) and handed to the
checker; then every token of three certificates is replaced, one at a time, by every other token of
its type that the certificate holds. What is accepted is judged by an oracle:

- the model and the claim are unchanged: harmless, since what is certified is the true statement,
  from evidence that the checker confirmed;
- the model is changed: the verifier decides the changed model. A rung of which the checker
  certifies one verdict and the verifier finds the other is *wrong*; a rung that the verifier leaves
  open is counted as open, a model that cannot be declared (two meanings of a name) as undeclarable.

It works in parts of 500 changes, each with its own seed, and saves after every part: the
same command goes on where the sources are still those of the last one.

    python -m verification.certificates [--count 100000] [--seconds 3600] [--quick] [--out DIR]
"""

from __future__ import annotations

import argparse
import collections
import copy
import gc
import json
import random
import time
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import sdekit as sk
from sdekit.certificates.checker.check import UNREADABLE, check
from sdekit.certificates.checker.index_ring import Refused
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.domains import Domain
from sdekit.declaration.tree.symbols import FunctionSymbol, Parameter, Variable
from sdekit.errors import SdekitError
from verification._results import Report, arguments

#: Parts that are said for readers only.
SAID = ("name", "reason", "open")
#: Certificates of which every token is changed.
SINGLE = ("overdamped-preconditioned", "vasicek", "sgnht")
WRONG = "WRONG"
#: Changes in one part.
PART = 500
#: Seconds of the oracle for one changed model.
BUDGET = 1.0

Honest = Mapping[str, dict[str, Any]]
Job = tuple[str, dict[str, Any], str]
Counts = collections.Counter[str]


def certified_entries(names: Iterable[str] | None = None) -> Honest:
    """The certificates of entries, of all that are proved or refuted when none is named."""
    every = [e.name for e in sk.catalog.entries() if e.claims_all or e.is_wrong]
    return {n: json.loads(json.dumps(sk.certify(sk.catalog.get(n)))) for n in names or every}


def declared(model: dict[str, Any]) -> sk.Dynamics:
    """The model of a certificate as a declaration."""
    dims = {name: Dim(name, size) for name, size in model["dimensions"].items()}
    nodes: dict[str, Any] = {}
    for name, s in model["symbols"].items():
        shape, words = tuple(dims[d] for d in s["shape"]), _words(s)
        if s["role"] == "variable":
            ends: dict[str, Any] = dict(s.get("domain", {"kind": "real"}))
            ends = {k: Fraction(v) if k in ("lower", "upper") else v for k, v in ends.items()}
            nodes[name] = Variable(name, shape, s.get("symmetry"), Domain(**ends))
        elif s["role"] == "parameter":
            nodes[name] = Parameter(name, shape, words)
    for name, s in model["symbols"].items():
        if s["role"] == "function":
            shape, words = tuple(dims[d] for d in s["shape"]), _words(s)
            arguments = tuple(nodes[x] for x in s["of"])
            nodes[name] = ex.Call(FunctionSymbol(name, arguments, shape, words), arguments)

    def build(tree: Any) -> Any:
        op, *args = tree
        if op == "number":
            return ex.Number(Fraction(args[0]))
        if op == "size":
            return ex.Size(dims[args[0]])
        if op == "symbol":
            return nodes[args[0]]
        if op in ("eye", "ones"):
            return (ex.Eye if op == "eye" else ex.Ones)(tuple(dims[d] for d in args[0]))
        if op in ("sum", "product"):
            out, *rest = map(build, args)
            for part in rest:
                out = out + part if op == "sum" else out * part
            return out
        if op == "power":
            return build(args[0]) ** Fraction(args[1])
        if op == "function":
            return getattr(sk, args[0])(build(args[1]))
        if op in ("grad", "div"):
            return getattr(sk, op)(build(args[0]), nodes[args[1]])
        if op == "contract":
            a, b = build(args[0]), build(args[1])
            if args[2] == 0:
                return sk.outer(a, b)
            return sk.dot(a, b) if args[2] == a.ndim == b.ndim else ex.MatMul(a, b)
        if op == "transpose":
            return ex.Transpose(build(args[0]), tuple(args[1]))
        named = {"inverse": sk.inv, "logdet": sk.logdet, "diag": sk.diag}
        return named[op](build(args[0]))

    return sk.Dynamics(
        {nodes[x]: build(tree) for x, tree in model["drift"].items()},
        {(nodes[x], nodes[y]): build(tree) for x, y, tree in model["diffusion"]},
        hamiltonian=build(model["hamiltonian"]),
        target=build(model["target"]),
        target_variables=[nodes[x] for x in model["target_variables"]],
    )


def _words(symbol: dict[str, Any]) -> frozenset[str]:
    return frozenset((*symbol.get("assumptions", ()), *filter(None, [symbol.get("symmetry")])))


def places(part: Any, way: tuple = ()) -> list[tuple]:
    """The way to every part of a certificate that is not said for readers only."""
    found = [way] if way else []
    if isinstance(part, dict):
        for key in part:
            found += [] if key in SAID else places(part[key], (*way, key))
    elif isinstance(part, list):
        for k, inner in enumerate(part):
            found += places(inner, (*way, k))
    return found


def at(content: Any, way: tuple) -> Any:
    for key in way:
        content = content[key]
    return content


def corrupted(content: dict[str, Any], random_: random.Random) -> tuple[dict[str, Any], str]:
    """One change at a random place, and what it is."""
    out = copy.deepcopy(content)
    ways = places(out)
    way = random_.choice(ways)
    parent, key, old = at(out, way[:-1]), way[-1], at(out, way)
    kinds = ["swap", "drop", "double", "graft"]
    if isinstance(old, (str, int)):
        kinds = ["token", "token", "token", "number", "drop"]
    kind = random_.choice(kinds)
    if kind == "token":
        same = [p for p in (at(out, w) for w in ways) if type(p) is type(old) and p != old]
        parent[key] = random_.choice(same or [None])
    elif kind == "number":
        parent[key] = shifted(old, random_)
    elif kind == "graft":
        parent[key] = copy.deepcopy(at(content, random_.choice(ways)))
    elif kind == "drop" or not isinstance(parent, list):
        del parent[key]
    elif kind == "double":
        parent.insert(key, copy.deepcopy(old))
    else:
        other = random_.randrange(len(parent))
        parent[key], parent[other] = parent[other], parent[key]
    return out, f"{kind} at {'/'.join(map(str, way))}"


def shifted(old: Any, random_: random.Random) -> Any:
    """Another number; text that is no number stays as it is."""
    if isinstance(old, bool):
        return not old
    if isinstance(old, int):
        return old + random_.choice((-2, -1, 1, 2))
    try:
        value = Fraction(old)
    except ValueError:
        return f"{old}_"
    return str(random_.choice((value + 1, value - 1, -value, 2 * value, value / 2)))


def said_of(
    content: dict[str, Any], original: dict[str, Any]
) -> tuple[str | None, dict[str, str]] | str:
    """The verdict and rungs that the checker certifies, or that it rejects or cannot read it.

    Where the statement is unchanged, only the rungs that are changed are looked at again.
    """
    parts = content
    is_same = is_statement_of(content, original)
    if is_same and isinstance(content.get("rungs"), dict):
        rungs, honest = dict(content["rungs"]), original["rungs"]
        for name in rungs:
            if name != "regularity" and rungs[name] == honest.get(name):
                rungs[name] = {"verdict": "undecided", "evidence": {}}
        parts = {**content, "rungs": rungs}
    try:
        verdict, found = check(parts)
    except Refused:
        return "rejected"
    except UNREADABLE:
        return "unreadable"
    if is_same:
        kept = {n for n, rung in content["rungs"].items() if rung == original["rungs"].get(n)}
        verdict = original["claim"]["verdict"]
        decisive = [n for n in found if original["rungs"][n]["verdict"] == verdict]
        is_certified = [n in kept or found[n][0] for n in decisive]
        is_whole = any(is_certified) if verdict == "refuted" else all(is_certified)
        verdict = verdict if is_whole else None
    return verdict, {name: said.split(";")[0] for name, (ok, said) in found.items() if ok}


def is_statement_of(content: dict[str, Any], original: dict[str, Any]) -> bool:
    return all(content.get(key) == original[key] for key in ("format", "model", "claim"))


def judged(content: dict[str, Any], original: dict[str, Any]) -> tuple[str, str]:
    """What becomes of one corrupted certificate, and what there is to say of it."""
    said = said_of(content, original)
    if isinstance(said, str):
        return said, ""
    verdict, confirmed = said
    whole = "accepted" if verdict else "not certified as a whole"
    if is_statement_of(content, original):
        return f"{whole}, the statement is unchanged", ""
    if not confirmed:
        return "no rung certified", ""
    try:
        dynamics, sizes = declared(content["model"]), content["claim"]["sizes"] or None
        found = sk.verify(dynamics, sizes, budget=BUDGET)
    except (SdekitError, *UNREADABLE) as error:
        return f"{whole}, undeclarable", f"{type(error).__name__}: {error}"[:150]
    verdicts = {
        name: found.checks[name].verdict.value for name in confirmed if name in found.checks
    }
    bad = [n for n, v in verdicts.items() if {v, confirmed[n]} == {"proved", "refuted"}]
    if bad:
        return f"{WRONG}, {whole}", "; ".join(f"{n}: {found.checks[n].reason}" for n in bad)
    unseen = [n for n, v in verdicts.items() if v != confirmed[n]]
    return f"{whole}, " + ("open" if unseen else "true"), ", ".join(unseen)


def substitutions(content: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Every token replaced by every other token of its type."""
    ways = [w for w in places(content) if isinstance(at(content, w), (str, int))]
    tokens = {type(at(content, w)): set() for w in ways}
    for w in ways:
        tokens[type(at(content, w))].add(at(content, w))
    found = []
    for w in ways:
        old = at(content, w)
        for new in sorted(tokens[type(old)] - {old}, key=str):
            out = copy.deepcopy(content)
            at(out, w[:-1])[w[-1]] = new
            found.append((out, f"{old} -> {new} at {'/'.join(map(str, w))}"))
    return found


def attacked(jobs: Iterable[Job], honest: Honest) -> tuple[Counts, list[str]]:
    """What became of corrupted certificates, and a line for each wrong one."""
    found: Counts = collections.Counter()
    lines = []
    for name, content, change in jobs:
        if content == honest[name]:
            found["unchanged"] += 1
            continue
        outcome, remark = judged(content, honest[name])
        found[outcome] += 1
        if WRONG in outcome:
            lines.append(f"{name}: {change}: {remark}")
    return found, lines


def random_jobs(honest: Honest, count: int, seed: int) -> Iterator[Job]:
    """Corrupted certificates of entries drawn at random."""
    numbers = random.Random(seed)
    for name in numbers.choices(list(honest), k=count):
        yield (name, *corrupted(honest[name], numbers))


def single_jobs(honest: Honest) -> list[Job]:
    """Every change of one token, in random order."""
    every = [(name, *change) for name in SINGLE for change in substitutions(honest[name])]
    random.Random(0).shuffle(every)
    return every


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=3600.0, help="for this call")
    options = arguments(str(__doc__).split("\n", maxsplit=1)[0], parser)
    report = Report("certificates", options, seed=0)
    honest = certified_entries()
    single = single_jobs(honest)
    size = 100 if options.quick else PART
    count = 200 if options.quick else options.count
    todo = [("single tokens", k) for k in range(-(-len(single) // size))]
    todo = todo[:1] if options.quick else todo
    todo += [("random changes", k) for k in range(count // size)]
    todo.sort(key=lambda part: part[1])
    state = _saved(options.out / "certificates.json", report.content["commit"])
    gc.freeze()
    for kind, k in todo[state["parts"] :]:
        if time.perf_counter() - report.started > options.seconds:
            break
        part = single[k * size : (k + 1) * size]
        jobs = random_jobs(honest, size, k) if kind == "random changes" else part
        found, wrong = attacked(jobs, honest)
        state["parts"] += 1
        state[kind] = dict(collections.Counter(state[kind]) + found)
        state["wrong"] += wrong
        _write(report, state, len(single))


def _saved(path: Path, commit: str | None) -> dict[str, Any]:
    """What earlier calls with the same sources found."""
    if path.is_file():
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["commit"] == commit:
            return content["results"]
    return {"parts": 0, "single tokens": {}, "random changes": {}, "wrong": []}


def _write(report: Report, state: dict[str, Any], singles: int) -> None:
    for key, value in state.items():
        report.add(key, value)
    wrong, report.content["claims"] = len(state["wrong"]), []
    tried = {key: sum(state[key].values()) for key in ("random changes", "single tokens")}
    report.claim(
        "No corrupted certificate of the catalogue is wrongly accepted, in any rung",
        f"{wrong} wrong ones, {tried['random changes']} random changes",
        not wrong,
    )
    report.claim(
        f"Nor any with one token changed, of {', '.join(SINGLE)}",
        f"{tried['single tokens']} of all {singles} changes",
        not wrong and tried["single tokens"] == singles,
    )
    report.write()


if __name__ == "__main__":
    main()
