"""Three routes to the stationary residual: index calculus for all n, differential field, SymPy.

Over the catalogue, its mutants and random designs, at n = 1, 2, 3: the verdicts of the index
calculus (put to that size) and of the field at that size are compared, and the value of the
residual at an exact random point with SymPy's own `diff` on the components, to 30 digits. SymPy
simplifies nothing here. Not for truth: `mutation.py` and `random_truth.py` hold the verdicts
against an oracle that differentiates nothing.
"""

from __future__ import annotations

import collections
import random
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from _results import Report, arguments
from flint import ctx
from mutation import mutants
from random_truth import perturbed, scalar_design, tensor_design

import sdekit as sk
from sdekit import catalog
from sdekit.calculus.contraction import Tensor, counterexample, is_zero, residual
from sdekit.calculus.contraction.values.concrete_model import Model, OutsideDomain
from sdekit.calculus.field.field_residual import FieldResidual
from sdekit.calculus.limits import Unsupported, spending
from tests.calculus.contraction.oracle import Oracle, agree, as_number

SIZES = (1, 2, 3)
#: Seconds for one engine on one dynamics.
BUDGET = 10.0
#: SymPy differentiates entry by entry; more coordinates than this take minutes.
MOST_COORDINATES = 13
#: Every so many mutants of an entry are compared; all of them are in `mutation.py`.
STRIDE = 6


def cases(quick: bool) -> Iterator[tuple[str, sk.Dynamics]]:
    """Every dynamics that is compared, by name."""
    for entry in catalog.entries(plain=False):
        dynamics = catalog.get(entry.name)
        if dynamics.hamiltonian is None:
            continue
        yield f"catalogue: {entry.name}", dynamics
        for k, (change, mutant) in enumerate(mutants(dynamics)):
            if k % (STRIDE * (10 if quick else 1)) == 0:
                yield f"mutant: {entry.name}, {change}", mutant
    for k in range(8 if quick else 300):
        rng = random.Random(k)
        design = scalar_design(rng) if k % 2 else tensor_design(rng)
        yield f"random: design {k}", design
        yield f"random: design {k}, perturbed", perturbed(rng, design)


def sizes_of(dynamics: sk.Dynamics) -> Iterator[dict[str, int]]:
    """n = 1, 2, 3 for every open dimension at once; nothing for scalar models."""
    open_dims = [dim.name for dim in dynamics.dimensions if dim.size is None]
    for size in SIZES if open_dims else (1,):
        yield dict.fromkeys(open_dims, size)


def field_verdict(dynamics: sk.Dynamics, sizes: dict[str, int]) -> bool | None:
    """Whether the field proves or refutes R = 0 at these sizes; None where it does neither."""
    try:
        return FieldResidual(dynamics.at(**sizes), BUDGET).is_zero
    except Unsupported:
        return None


def index_verdict(left: Tensor, proved: bool, sizes: dict[str, int]) -> bool | None:
    """Whether the index calculus proves R = 0 for all n, or has a point at these sizes."""
    if proved:
        return True
    with spending(BUDGET):
        return None if counterexample(left, sizes=sizes) is None else False


def values_agree(dynamics: sk.Dynamics, left: Tensor, sizes: dict[str, int]) -> bool | None:
    """Whether the residual has SymPy's value at a point; None if no point was in its domain."""
    if len(dynamics.at(**sizes).coordinates) > MOST_COORDINATES:
        return None
    by_dim = {dim: dim.size or sizes[dim.name] for dim in dynamics.dimensions}
    for seed in range(6):
        model = Model(by_dim, seed)
        try:
            oracle = Oracle(dynamics, model)
            with ctx.workprec(200):
                ours = as_number(model.value(left))
            return agree(ours, oracle.residual(), 30)
        except (OutsideDomain, TypeError, ValueError, ZeroDivisionError):
            continue  # the point lies outside of the domain of a logarithm, root or quotient
    return None


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("engine_agreement", options, seed=0)
    count: collections.Counter[str] = collections.Counter()
    wrong: list[str] = []
    for name, dynamics in cases(options.quick):
        kind = name.partition(":")[0]
        try:
            with spending(BUDGET):
                left = residual(dynamics)
                proved = is_zero(left)
        except Unsupported:
            count[f"{kind}: outside the index calculus"] += 1
            continue
        for sizes in sizes_of(dynamics):
            index, field = index_verdict(left, proved, sizes), field_verdict(dynamics, sizes)
            same = values_agree(dynamics, left, sizes)
            count[f"{kind}: comparisons"] += 1
            count[f"{kind}: undecided by the field"] += field is None
            # Without a point at this size the residual may vanish there, as it does at n = 1 for
            # some wrong thermostats; the field then has to agree.
            if field is not None and field is not (index is not False):
                wrong.append(f"{name} at {sizes}: index {index}, field {field}")
            count[f"{kind}: values compared with SymPy"] += same is not None
            if same is False:
                wrong.append(f"{name} at {sizes}: another value in SymPy")
    report.add("counts", dict(sorted(count.items())))
    report.add("disagreements", wrong)
    report.content["claims"] = [
        {
            "claim": "Index calculus, differential field and SymPy agree on verdict and residual at"
            " n = 1, 2, 3, on the catalogue, mutants and random designs",
            "result": f"{len(wrong)} disagreements in"
            f" {sum(v for k, v in count.items() if k.endswith('comparisons'))} comparisons",
            "passed": not wrong,
        }
    ]
    report.write()
    for line in wrong[:20]:
        print(line)


if __name__ == "__main__":
    main()
