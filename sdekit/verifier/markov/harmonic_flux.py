r"""Refutations that hold along every path at once: harmonic energies, seen from their minimum.

Noise in a proposal has no single point that refutes: paths have to be summed. Where a path is as
likely backwards as forwards but for $\delta$, the excess of the stated log ratio over the true one,
what flows into a state along it is $e^{-\delta}$ times what flows out. With U = |x|^2/2, linear
letters and the state at the minimum, delta is a quadratic form in the noises of the path; where
that form has one sign and is not zero, all paths together flow in more, or less, than out. Not for
energies that are not quadratic.

Checked by: tests/verifier/markov/test_harmonic_flux.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from flint import fmpq
from sympy.core.function import AppliedUndef

from sdekit.calculus.contraction.values.evaluate import has_nonnegative_pivots
from sdekit.calculus.field.witnesses.balls import number_value
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.component_reader import ComponentReader, names_in
from sdekit.declaration.model.sympy_types import Expr
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.kernels.path import Occurrence, letters_of_word
from sdekit.kernels.steps import Drawn, Flow, GaussianJump, Metropolis, Midpoint
from sdekit.schemes.split.flow_records import Joint, LinearMap, OrnsteinUhlenbeck, Shift
from sdekit.verifier.markov.kernel_problem import KernelProblem
from sdekit.verifier.verdict import Check, Witness, refuted

_STEP = sp.Rational(1, 2)
#: What parameters are: a mistake may vanish at one of them.
_VALUES = (sp.S.One, sp.Rational(1, 2))


@dataclass
class _Path:
    """One proposal of a kernel at size 1 with harmonic energies, as SymPy polynomials of noises."""

    problem: KernelProblem
    step: Metropolis
    value: sp.Expr
    state: dict[sp.Symbol, sp.Expr] = field(default_factory=dict)
    noises: list[sp.Symbol] = field(default_factory=list)
    excess: sp.Expr = sp.S.Zero
    numbers: dict[sp.Symbol, sp.Expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kernel = self.problem.kernel
        self.reader = ComponentReader(
            {dim.name: dim.size or 1 for dim in self.problem.dimensions},
            names_in(kernel.hamiltonian, *kernel.variables),
        )
        for x in kernel.variables:
            if any(dim.size not in (None, 1) for dim in x.shape):
                raise Unsupported("a block of fixed size above 1")
            self.state[self.symbol(x)] = sp.S.Zero
        self.sizes = [
            self.reader.scalar(part.step_size)
            for part in self.step.proposal
            if isinstance(part, (Flow, Midpoint))
        ]

    def symbol(self, x: Variable) -> sp.Symbol:
        """The coordinate of a block of size 1."""
        return self.reader.coordinate(x, (0,) * len(x.shape))

    def read(self, expression: Expression, x: Variable | None = None) -> Expr:
        """An expression in coordinates, U = |x|^2/2, one number for every parameter (h = 1/2)."""
        entries = self.reader.array(expression) if x is None else self.reader.block(expression, x)
        found = sp.sympify(entries.flat[0] if hasattr(entries, "flat") else entries)
        chosen: Any = {f: _harmonic(f) for f in found.atoms(AppliedUndef)}
        found = sp.expand(found.subs(chosen).doit())
        for symbol in found.free_symbols - set(self.state):
            self.numbers[symbol] = _STEP if symbol in self.sizes else self.value
        return found.subs(self.numbers)

    def at_state(self, expression: sp.Expr) -> sp.Expr:
        """The value at the present state of the path."""
        return sp.expand(expression.xreplace(self.state))

    def noise(self) -> sp.Symbol:
        """A new standard normal."""
        self.noises.append(sp.Symbol(f"z_{len(self.noises) + 1}", real=True))
        return self.noises[-1]

    def run(self, letter: Occurrence, size: sp.Expr) -> None:
        """The exact flow of a letter, with its noise."""
        time = size * sp.Rational(letter.share.numerator, letter.share.denominator)
        flow = letter.part.flow
        for each in flow.flows if isinstance(flow, Joint) else (flow,):
            if isinstance(each, Shift):
                moved = {
                    self.symbol(x): self.at_state(self.symbol(x) + time * self.read(rate, x))
                    for x, rate in each.updates
                }
                self.state.update(moved)
            elif isinstance(each, OrnsteinUhlenbeck) and each.force is None:
                self._relax(each, time)
            else:
                raise Unsupported(f"paths do not follow a {letter.part.kind}")

    def _relax(self, flow: OrnsteinUhlenbeck, time: sp.Expr) -> None:
        x = self.symbol(flow.variable)
        rate, spread = self._number(flow.friction), self._number(flow.diffusion)
        if rate == 0:
            decay, variance = sp.S.One, 2 * spread * time
        else:
            decay = sp.exp(-rate * time)
            variance = spread / rate * (1 - decay**2)
        random = sp.sqrt(variance) * self.noise() if spread != 0 else sp.S.Zero
        self.state[x] = self.at_state(decay * x + random)

    def _number(self, linear: LinearMap) -> sp.Expr:
        total = sum((self.read(piece) for piece in linear.pieces), sp.S.Zero)
        if total.free_symbols:
            raise Unsupported("a friction or noise that reads the state")
        return total


def _harmonic(call: Any) -> sp.Expr:
    if call.is_positive or any(argument.has(AppliedUndef) for argument in call.args):
        raise Unsupported(f"{call} is no harmonic potential")
    return sum((argument**2 for argument in call.args), sp.S.Zero) / 2


def refute_by_paths(
    problem: KernelProblem, step: Metropolis, free: Sequence[Variable] = ()
) -> Check | None:
    """A refutation of invariance along all paths that start at the minimum.

    Args:
        problem: The kernel.
        step: A step whose paths are shown to be reversed by its flip, or a jump.
        free: Blocks that are redrawn in full right behind, so that only the law of the others,
            summed over these, is claimed.
    """
    if step.accept not in ("metropolis", "barker"):
        return None
    tried = (_refutation(problem, step, free, value) for value in _VALUES)
    return next((found for found in tried if found is not None), None)


def _refutation(
    problem: KernelProblem, step: Metropolis, free: Sequence[Variable], value: sp.Expr
) -> Check | None:
    try:
        path = _Path(problem, step, value)
        starts = [path.symbol(x) for x in free]
        path.state.update({x: x for x in starts})
        (_jump if isinstance(step.proposal[0], GaussianJump) else _flows)(path)
        form = sp.Poly(path.excess, *starts, *path.noises) if starts or path.noises else None
    except (Unsupported, sp.PolynomialError):
        return None
    if form is None or form.is_zero or any(sum(m) != 2 for m in form.monoms()):
        return None
    sign = next((s for s in (1, -1) if _has_one_sign(form, s)), None)
    if sign is None:
        return None
    more = "less" if sign > 0 else "more"
    names = {str(x): "0" for x in path.state if x not in starts}
    reason = (
        f"exp(-H) is not kept: along every path from there {more} flows in than out, as the log "
        f"ratio of the acceptance is too large by {form.as_expr()}, which has one sign"
    )
    sizes = {dim.name: dim.size or 1 for dim in problem.dimensions}
    harmonic = {repr(f): "|x|**2/2" for f in _calls(problem)}
    point = {**names, **{str(symbol): str(value) for symbol, value in path.numbers.items()}}
    return refuted(
        reason,
        Witness(sizes, point, str(form.as_expr()), functions=harmonic),
        details={"noises of the path": [str(z) for z in (*starts, *path.noises)]},
    )


def _calls(problem: KernelProblem) -> list[Any]:
    from sdekit.declaration.tree.expression import Call

    return [node for node in problem.kernel.hamiltonian.walk() if isinstance(node, Call)]


def _has_one_sign(form: sp.Poly, sign: int) -> bool:
    """Whether sign * form is positive semidefinite, by pivots of exact numbers or balls."""
    size = len(form.gens)
    rows: list[list[Any]] = [[fmpq(0)] * size for _ in range(size)]
    for exponents, coefficient in form.terms():
        i, j = [k for k, power in enumerate(exponents) for _ in range(power)]
        value = number_value(sp.sympify(sign * coefficient))
        rows[i][j] = rows[j][i] = value if i == j else value / 2
    return has_nonnegative_pivots(rows)


def _flows(path: _Path) -> None:
    """The excess of the stated log ratio over the true one along a path of flows."""
    problem, step = path.problem, path.step
    energy = path.read(problem.kernel.hamiltonian)
    stated = energy if step.energy is None else path.read(step.energy)
    for part in step.proposal:
        if not isinstance(part, Flow) or isinstance(part.steps, Drawn):
            raise Unsupported("paths follow words with a number of steps")
        size = path.read(part.step_size)
        for _ in range(part.steps if isinstance(part.steps, int) else 1):
            for number, letter in enumerate(letters_of_word(part), start=1):
                before, claimed = path.at_state(energy), path.at_state(stated)
                path.run(letter, size)
                chosen = {letter.part.letter, str(number)} & set(step.counted or ())
                counts = chosen if step.counted is not None else not letter.part.diffusion
                if counts:
                    path.excess -= path.at_state(stated) - claimed
                if not letter.part.diffusion:
                    path.excess += path.at_state(energy) - before
    if step.log_volume is not None:
        raise Unsupported("paths with a stated volume")
    path.excess = sp.expand(path.excess)


def _jump(path: _Path) -> None:
    """The excess of the stated log ratio over the true one of a jump from the minimum."""
    step, jump = path.step, path.step.proposal[0]
    assert isinstance(jump, GaussianJump)
    energy = path.read(path.problem.kernel.hamiltonian)
    stated = energy if step.energy is None else path.read(step.energy)
    before = path.at_state(energy - stated)
    x, there = path.symbol(jump.variable), path.noise()
    mean, scale = path.read(jump.mean, jump.variable), path.read(jump.scale)
    forward = (there - mean.xreplace({**path.state})) ** 2
    path.state[x] = there
    backward = mean.xreplace(path.state) ** 2
    if scale.free_symbols:
        raise Unsupported("a scale that reads the state")
    left_out = (backward - forward) / (2 * scale**2) if step.is_symmetric else sp.S.Zero
    path.excess = sp.expand(left_out + path.at_state(energy - stated) - before)
