r"""Refutations that hold along every path at once: harmonic energies, seen from their minimum.

Noise in a proposal has no single point that refutes: paths have to be summed. Where a path is as
likely backwards as forwards but for $\delta$, the excess of the stated log ratio over the true one,
what flows into a state along it is $e^{-\delta}$ times what flows out. With U = |x|^2/2, linear
letters and the state at the minimum, delta is a quadratic form in the noises of the path; where
that form has one sign and is not zero, all paths together flow in more, or less, than out; so they
do where the acceptance g(t) itself is out of balance, and log t has one sign. Where the paths have
no mirror images, both sums are Gaussian integrals. Not for energies that are not quadratic.

Checked by: tests/verifier/markov/test_harmonic_flux.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from flint import arb, arb_mat, fmpq
from sympy.core.function import AppliedUndef

from sdekit.calculus.contraction.values.evaluate import has_nonnegative_pivots
from sdekit.calculus.field.witnesses.balls import number_value
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.component_reader import ComponentReader, names_in
from sdekit.declaration.model.sympy_types import Expr
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.kernels.path import Occurrence, letters_of_word
from sdekit.kernels.steps import RATIO, Drawn, Flow, GaussianJump, Metropolis, Midpoint
from sdekit.schemes.split.flow_records import Joint, LinearMap, OrnsteinUhlenbeck, Shift
from sdekit.verifier.markov.kernel_problem import KernelProblem, require_balance
from sdekit.verifier.markov.volume import volumes
from sdekit.verifier.verdict import Check, Witness, refuted

_STEP = sp.Rational(1, 2)
#: What parameters are: a mistake may vanish at one of them.
VALUES = (sp.S.One, sp.Rational(1, 2))


@dataclass
class Path:
    """One proposal of a kernel at size 1 with harmonic energies, as SymPy polynomials of noises."""

    problem: KernelProblem
    step: Metropolis
    value: sp.Expr
    state: dict[sp.Symbol, sp.Expr] = field(default_factory=dict)
    noises: list[sp.Symbol] = field(default_factory=list)
    excess: sp.Expr = sp.S.Zero
    ratio: sp.Expr = sp.S.Zero
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

    def refuted(self, reason: str, value: str, starts: Sequence[sp.Symbol]) -> Check:
        """A refutation at the start of the path, summed over starts and noises."""
        problem = self.problem
        sizes = {dim.name: dim.size or 1 for dim in problem.dimensions}
        point = {str(x): "0" for x in self.state if x not in starts}
        point |= {str(symbol): str(number) for symbol, number in self.numbers.items()}
        harmonic = {repr(f): "|x|**2/2" for f in _calls(problem)}
        details: dict[str, Any] = {"state": {str(x): "0" for x in self.state if x not in starts}}
        if starts:
            details["redrawn, or all values under exp(-H)"] = ", ".join(map(str, starts))
        if self.noises:
            details["independent standard normals"] = ", ".join(map(str, self.noises))
        witness = Witness(sizes, point, value, functions=harmonic)
        return refuted(reason, witness, details=details)

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
    tried = (_refutation(problem, step, free, value) for value in VALUES)
    return next((found for found in tried if found is not None), None)


def _refutation(
    problem: KernelProblem, step: Metropolis, free: Sequence[Variable], value: sp.Expr
) -> Check | None:
    try:
        path = Path(problem, step, value)
        starts = [path.symbol(x) for x in free]
        path.state.update({x: x for x in starts})
        (_jump if isinstance(step.proposal[0], GaussianJump) else _flows)(path)
        gap = _unbalanced(step)
        given = path.excess if gap is None else path.ratio
        form = sp.Poly(given, *starts, *path.noises) if starts or path.noises else None
    except (Unsupported, sp.PolynomialError):
        return None
    if form is None or form.is_zero or any(sum(m) != 2 for m in form.monoms()):
        return None
    sign = next((s for s in (1, -1) if has_one_sign(form, s)), None)
    if sign is None or (gap is not None and path.excess != 0):
        return None
    why = f"as the log ratio of the acceptance is too large by {form.as_expr()}, which has one sign"
    if gap is not None:
        sign = _sign_beside_one(gap, sign)
        why = f"as t g(1/t) - g(t) is not zero, and log t = {form.as_expr()} has one sign"
    if sign == 0:
        return None
    more = "less" if sign > 0 else "more"
    reason = f"exp(-H) is not kept: along every path from there {more} flows in than out, {why}"
    return path.refuted(reason, str(form.as_expr()), starts)


def _unbalanced(step: Metropolis) -> sp.Expr | None:
    """g(t) - t g(1/t) as a rational function of t; None where it vanishes.

    Raises:
        Unsupported: If it is no rational function of t.
    """
    t = sp.Symbol(RATIO.name, positive=True)
    if step.accept in ("metropolis", "barker"):
        return None
    g: Any = sp.S.One
    if isinstance(step.accept, Expression):
        reader = ComponentReader({}, frozenset({RATIO.name}))
        g = sp.sympify(reader.scalar(step.accept)).subs(reader.coordinate(RATIO, ()), t)
    gap: Any = sp.together(g - t * g.subs(t, 1 / t))
    if gap.free_symbols - {t} or not all(part.is_polynomial(t) for part in sp.fraction(gap)):
        raise Unsupported("the acceptance is no rational function of the ratio alone")
    return None if sp.expand(sp.fraction(gap)[0]) == 0 else gap


def _sign_beside_one(gap: sp.Expr, side: int) -> int:
    """The sign of a rational function of t > 0 on one side of 1; 0 where it has none."""
    (t,) = gap.free_symbols
    u = sp.Symbol("u", positive=True)
    # t = 1 + u above, t = 1/(1 + u) below.
    moved = sp.together(gap.subs(t, 1 + u if side > 0 else 1 / (1 + u)))
    signs = [
        {bool(c > 0) for c in sp.Poly(sp.expand(part), u).all_coeffs() if c != 0}
        for part in sp.fraction(moved)
    ]
    if any(len(found) != 1 for found in signs):
        return 0
    return 1 if signs[0] == signs[1] else -1


def refute_by_sums(problem: KernelProblem, step: Metropolis) -> Check | None:
    r"""A refutation at the minimum where what flows in and out along all paths is summed.

    With D the change of H along the segments without noise, forth from the state and back to where
    a path into it begins, $E\,\min(1, e^{D})$ flows in and $E\,\min(1, e^{-D})$ out ($E\,e^D$ and 1
    where every proposal is accepted), Gaussian integrals where D is a form of one sign.

    Args:
        problem: The kernel.
        step: Words of letters that are linear flows, or in detailed balance.
    """
    is_plain = step.counted is None and step.log_volume is None and step.energy is None
    if step.accept not in ("metropolis", "always") or not is_plain:
        return None
    tried = (_sums(problem, step, value) for value in VALUES)
    return next((found for found in tried if found is not None), None)


def _sums(problem: KernelProblem, step: Metropolis, value: sp.Expr) -> Check | None:
    is_always = step.accept == "always"
    try:
        forth, back = Path(problem, step, value), Path(problem, step, value)
        _walk(forth)
        _walk(back, backwards=True)
        into, out = _mean_of_exp(back, 1, is_always), _mean_of_exp(forth, -1, is_always)
    except (Unsupported, sp.PolynomialError):
        return None
    out = arb(1) if is_always else out
    if into is None or out is None or (into - out).contains(0):
        return None
    reason = f"exp(-H) is not kept: {into.str(12)} of the density flows in, {out.str(12)} out"
    return forth.refuted(reason, (into - out).str(12), ())


def _walk(path: Path, *, backwards: bool = False) -> None:
    """The change of H along segments without noise, as `path.ratio`."""
    problem, step = path.problem, path.step
    if any(path.read(image, x).subs(dict.fromkeys(path.state, 0)) != 0 for x, image in step.flip):
        raise Unsupported("the flip moves the minimum")
    energy = path.read(problem.kernel.hamiltonian)
    for part in step.proposal[:: -1 if backwards else 1]:
        if not isinstance(part, Flow) or isinstance(part.steps, Drawn):
            raise Unsupported("paths follow words with a number of steps")
        size = path.read(part.step_size)
        for _ in range(part.steps if isinstance(part.steps, int) else 1):
            for letter in letters_of_word(part)[:: -1 if backwards else 1]:
                if letter.part.diffusion:
                    require_balance(problem, letter.part)
                    path.run(letter, size)
                    continue
                if not problem.volume_rate(letter.part).is_empty:
                    raise Unsupported("a letter changes the volume")
                before = path.at_state(energy)
                path.run(letter, -size if backwards else size)
                path.ratio += path.at_state(energy) - before
    path.ratio = sp.expand(-path.ratio if backwards else path.ratio)


def _mean_of_exp(path: Path, sign: int, is_always: bool) -> arb | None:
    """E min(1, exp(sign D)), or E exp(sign D), over standard normals; None where it is not seen."""
    if not path.noises:
        raise Unsupported("a path without noise")
    form = sp.Poly(path.ratio, *path.noises)
    if any(sum(m) != 2 for m in form.monoms() if not form.is_zero):
        raise Unsupported("the change of energy is no quadratic form")
    if form.is_zero or (has_one_sign(form, sign) and not is_always):
        return arb(1)
    if not is_always and not has_one_sign(form, -sign):
        return None
    rows = quadratic_rows(form, -2 * sign)
    spread = [[value + (i == j) for j, value in enumerate(row)] for i, row in enumerate(rows)]
    if not has_nonnegative_pivots(spread):
        return None
    determinant = arb_mat([[arb(value) for value in row] for row in spread]).det()
    return 1 / determinant.sqrt() if determinant > 0 else None


def _calls(problem: KernelProblem) -> list[Any]:
    from sdekit.declaration.tree.expression import Call

    return [node for node in problem.kernel.hamiltonian.walk() if isinstance(node, Call)]


def has_one_sign(form: sp.Poly, sign: int) -> bool:
    """Whether sign * form is positive semidefinite, by pivots of exact numbers or balls."""
    return has_nonnegative_pivots(quadratic_rows(form, sign))


def quadratic_rows(form: sp.Poly, factor: int) -> list[list[Any]]:
    """The symmetric matrix of factor * form."""
    size = len(form.gens)
    rows: list[list[Any]] = [[fmpq(0)] * size for _ in range(size)]
    for exponents, coefficient in form.terms():
        i, j = [k for k, power in enumerate(exponents) for _ in range(power)]
        value = number_value(sp.sympify(factor * coefficient))
        rows[i][j] = rows[j][i] = value if i == j else value / 2
    return rows


def _flows(path: Path) -> None:
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
                    change = path.at_state(energy) - before
                    path.excess += change
                    path.ratio -= change
    if step.log_volume is not None:
        raise Unsupported("paths with a stated volume")
    path.excess, path.ratio = sp.expand(path.excess), sp.expand(path.ratio)
    if any(not rate.is_empty for rate in volumes(problem, step.proposal).values()):
        path.ratio = sp.nan


def _jump(path: Path) -> None:
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
    densities = (forward - backward) / (2 * scale**2)
    left_out = -densities if step.is_symmetric else sp.S.Zero
    path.ratio = sp.expand(
        densities - path.at_state(energy) + energy.subs(dict.fromkeys(path.state, 0))
    )
    path.excess = sp.expand(left_out + path.at_state(energy - stated) - before)
