r"""The moves of a kernel at exact points: rationals where possible, else balls.

A point is a whole model: sizes, rational values of all symbols, a polynomial for every unknown
function (`calculus.contraction.values`); a move changes the values of the state. Not for noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from flint import arb, ctx, fmpq

from sdekit.calculus.contraction import Tensor, lower
from sdekit.calculus.contraction.fokker_planck import lower_dynamics
from sdekit.calculus.contraction.values.concrete_model import Model, OutsideDomain
from sdekit.calculus.contraction.values.evaluate import models_of, symbol_texts
from sdekit.calculus.contraction.values.function_polynomials import Index, Value
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.symbols import Variable
from sdekit.kernels.path import Occurrence, letters_of_word
from sdekit.kernels.steps import (
    RATIO,
    Flow,
    Map,
    Metropolis,
    Midpoint,
    parts_of,
)
from sdekit.schemes.split.flow_records import Joint, LinearMap, OrnsteinUhlenbeck, Shift
from sdekit.verifier.markov.kernel_problem import KernelProblem

State = dict[Variable, dict[Index, Value]]
#: Bits of the balls.
PRECISION = 192
#: Points of each choice of sizes.
SEEDS = 6
ZERO = fmpq(0)
#: Of an implicit step: rounds, and the size of the ball that has to be mapped into itself.
ITERATIONS, RADIUS = 48, arb(fmpq(1, 2**40))


@dataclass
class Place:
    """A model whose state moves.

    Attributes:
        problem: The kernel.
        model: Values of every symbol.
        log_volume: log |det| of all moves made so far.
        counted: What the acceptance counts of them, -(change of E) and log-volume.
    """

    problem: KernelProblem
    model: Model
    log_volume: Value = ZERO
    counted: Value = ZERO

    def value(self, tensor: Tensor, index: Index = ()) -> Value:
        """One entry of a tensor at the present state."""
        return self.model.value(tensor, index)

    def energy(self) -> Value:
        """H at the present state."""
        return self.value(self.problem.energy)

    def block(self, tensor: Tensor) -> dict[Index, Value]:
        """All entries of a tensor at the present state."""
        sizes = (range(self.model.sizes[dim]) for dim in tensor.shape)
        return {index: self.value(tensor, index) for index in product(*sizes)}

    def state(self) -> State:
        """The present values of all blocks."""
        return {x: self.block(lower(x)) for x in self.problem.kernel.variables}

    def put(self, blocks: State) -> None:
        """Give blocks new values."""
        for x, entries in blocks.items():
            if x.symmetry is not None:
                raise Unsupported(f"{x.name} is a {x.symmetry} block, which points do not move")
            self.model.symbols[x] = dict(entries)  # type: ignore[assignment]
        self.model.forget_values()

    def apply_images(self, images: Sequence[tuple[Variable, Tensor]]) -> None:
        """A closed form, all blocks at once."""
        self.put({x: self.block(image) for x, image in images})

    def run_letter(self, letter: Occurrence, step: Value) -> None:
        """The exact flow of a letter without noise for its share of the step."""
        time = step * fmpq(letter.share.numerator, letter.share.denominator)
        self.log_volume += time * self.value(self.problem.volume_rate(letter.part))
        flow = letter.part.flow
        if letter.part.diffusion:
            raise Unsupported("points do not follow noise")
        for each in flow.flows if isinstance(flow, Joint) else (flow,):
            if isinstance(each, Shift):
                rates = [(x, self.block(lower(r, x.shape))) for x, r in each.updates]
                here = self.state()
                self.put(
                    {x: {i: here[x][i] + time * v for i, v in rate.items()} for x, rate in rates}
                )
            elif isinstance(each, OrnsteinUhlenbeck):
                self._relax(each, time)
            else:
                raise Unsupported(f"points do not follow a {letter.part.kind}")

    def run_midpoint(self, step: Midpoint, size: Value) -> None:
        """One step z' = z + h v((z + z')/2): a ball that the equation maps into itself holds it.

        Raises:
            OutsideDomain: If no such ball is found.
        """
        drift = lower_dynamics(step.dynamics).drift
        start = {x: entries for x, entries in self.state().items() if x in drift}

        def image(guess: State) -> State:
            self.put({x: {i: (start[x][i] + guess[x][i]) / 2 for i in start[x]} for x in start})
            rates = {x: self.block(rate) for x, rate in drift.items()}
            return {x: {i: start[x][i] + size * rates[x][i] for i in start[x]} for x in start}

        found: State = start
        for _ in range(ITERATIONS):
            found = _around(image(found), arb(0))
        ball = _around(found, RADIUS)
        inner = image(ball)
        if not all(arb(v).contains(inner[x][i]) for x, b in ball.items() for i, v in b.items()):
            raise OutsideDomain("an implicit step that is not found")
        for _ in range(ITERATIONS):
            inner = image(inner)
        self.put(inner)

    def _relax(self, flow: OrnsteinUhlenbeck, time: Value) -> None:
        x = flow.variable
        here = self.block(lower(x))
        pull = {} if flow.force is None else self.block(lower(flow.force, x.shape))
        new: dict[Index, Value] = {}
        for index, value in here.items():
            c = self.friction(flow.friction, index)
            decay = (-arb(c) * time).exp()
            force = pull.get(index, fmpq(0))
            drift = force * time if c == 0 else force * (1 - decay) / c
            new[index] = value if c == 0 and force == 0 else value * decay + drift
        self.put({x: new})

    def friction(self, friction: LinearMap, index: Index) -> Value:
        """The rate of one entry of a block that relaxes entry by entry."""
        total: Value = fmpq(0)
        if friction.matrix is not None:
            tensor = lower(friction.matrix)
            if any(self.model.sizes[dim] != 1 for dim in tensor.shape):
                raise Unsupported("points follow matrix frictions at size 1 only")
            total += self.value(tensor, index + index)
        if friction.elementwise is not None:
            total += self.value(lower(friction.elementwise), index)
        if friction.scalar is not None:
            total += self.value(lower(friction.scalar))
        return total


def _around(state: State, radius: arb) -> State:
    return {x: {i: arb(arb(v).mid(), radius) for i, v in b.items()} for x, b in state.items()}


def places(problem: KernelProblem, tensors: Sequence[Tensor] = ()) -> Iterator[Place]:
    """Points at which a kernel may fail, small sizes first, the same in every run."""
    variables = [lower(x) for x in problem.kernel.variables]
    # The implicit midpoint rule keeps quadratic energies.
    steps = (part for step in problem.kernel.steps for part in parts_of(step))
    order = 4 if any(isinstance(part, Midpoint) for part in steps) else 2
    for model in models_of((problem.energy, *variables, *tensors), order, SEEDS):
        place = Place(problem, model)
        try:
            with ctx.workprec(PRECISION):
                place.state()
        except OutsideDomain:
            continue
        yield place


def propose(place: Place, step: Metropolis, count: int) -> None:
    """Move a place to the proposal of a Metropolis step, with what its acceptance counts.

    Args:
        place: Where; it is moved.
        step: The step.
        count: How often words with an open number of steps are run.

    Raises:
        Unsupported: If a move has no exact point.
    """
    energy = place.problem.energy if step.energy is None else lower(step.energy)
    counted: Value = fmpq(0)
    before = place.value(energy)
    volume = place.log_volume
    picks = _Picks(step)
    for part in step.proposal:
        if isinstance(part, Flow):
            size = place.value(lower(part.step_size))
            letters = letters_of_word(part)
            for _ in range(part.steps if isinstance(part.steps, int) else count):
                for number, letter in enumerate(letters, start=1):
                    start = place.value(energy)
                    rate = picks.rate(letter.part.letter)
                    if rate is not None:
                        share = fmpq(letter.share.numerator, letter.share.denominator)
                        counted += place.value(rate) * size * share
                    place.run_letter(letter, size)
                    if picks.counts(letter, number):
                        counted -= place.value(energy) - start
        elif isinstance(part, Map):
            from sdekit.verifier.markov.volume import log_determinant

            images = [(x, lower(image, x.shape)) for x, image in part.images]
            place.log_volume += place.value(log_determinant(place.problem, part))
            rate = picks.rate("map")
            counted += fmpq(0) if rate is None else place.value(rate)
            place.apply_images(images)
        elif isinstance(part, Midpoint):
            for _ in range(part.steps if isinstance(part.steps, int) else count):
                place.run_midpoint(part, place.value(lower(part.step_size)))
        else:
            raise Unsupported(f"points do not follow a {type(part).__name__}")
    place.apply_images([(x, lower(image, x.shape)) for x, image in step.flip])
    if picks.counts_whole:
        counted -= place.value(energy) - before
    if step.log_volume is None:
        counted += place.log_volume - volume
    place.counted = counted


def withdraw(place: Place, step: Metropolis, count: int) -> None:
    """Move a place to where a step proposes it from: its moves backwards, maps being involutions.

    Raises:
        Unsupported: If a move has no exact point.
    """
    place.apply_images([(x, lower(image, x.shape)) for x, image in step.flip])
    for part in reversed(step.proposal):
        if isinstance(part, Flow):
            size = place.value(lower(part.step_size))
            for _ in range(part.steps if isinstance(part.steps, int) else count):
                for letter in reversed(letters_of_word(part)):
                    place.run_letter(letter, -size)
        elif isinstance(part, Map):
            place.apply_images([(x, lower(image, x.shape)) for x, image in part.images])
        else:
            raise Unsupported(f"points do not follow a {type(part).__name__}")


@dataclass(frozen=True)
class _Picks:
    """Which letters an acceptance counts."""

    step: Metropolis

    @property
    def counts_whole(self) -> bool:
        return self.step.counted is None

    def counts(self, letter: Occurrence, number: int) -> bool:
        chosen = self.step.counted or ()
        return letter.part.letter in chosen or str(number) in chosen

    def rate(self, name: str) -> Tensor | None:
        """The stated rate of log-volume; None where none is, or the true one is meant."""
        rates = dict(self.step.log_volume or ())
        return lower(rates[name]) if name in rates else None


def log_acceptance(place: Place, step: Metropolis, ratio: Value) -> Value:
    """log g(t) at log t = ratio."""
    if step.accept == "metropolis":
        return min(ratio, fmpq(0)) if isinstance(ratio, fmpq) else _smaller(ratio)
    if step.accept == "always":
        return fmpq(0)
    t = arb(ratio).exp()
    if step.accept == "barker":
        return (t / (1 + t)).log()
    place.model.symbols[RATIO] = {(): t}  # type: ignore[dict-item]
    place.model.forget_values()
    accepted = arb(place.value(lower(step.accept)))  # type: ignore[arg-type]
    del place.model.symbols[RATIO]
    return accepted.log()


def chance_of_moving(place: Place, step: Metropolis, count: int) -> arb:
    """The probability with which a step that is proposed at the present state is accepted."""
    start = place.state()
    propose(place, step, count)
    accepted = log_acceptance(place, step, place.counted)
    place.put(start)
    return arb(accepted).exp()


def _smaller(ratio: arb) -> Value:
    if ratio > 0:
        return fmpq(0)
    if ratio < 0:
        return ratio
    raise OutsideDomain("a ratio that may be one")


def shown(value: Value) -> str:
    """A number as text: exact, or a ball."""
    return str(value) if isinstance(value, fmpq) else arb(value).str(12)


def state_texts(place: Place, state: State) -> dict[str, str]:
    """A state as text, by the names of its entries."""
    return symbol_texts(place.model, state)
