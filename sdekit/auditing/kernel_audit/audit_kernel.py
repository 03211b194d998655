r"""One step of a Markov kernel against the law that it is to keep, with error bars.

States z that stand for exp(-H) with weights w make one step z'. Then, up to chance,
$\mathbb E\,w\,(f(z') - f(z)) = 0$ for every f (invariance); where detailed balance is proved,
$\mathbb E\,w\,(f(z)\,g(z') - g(z)\,f(z')) = 0$ as well; and a step of somebody's own moves as often
and as far as the declared one (acceptance). Functions f are bounded: of entries, their squares, and
H. Not for steps of an SDE (`sdekit.auditing.audit`), nor for proofs (`sdekit.verifier.markov`).

Checked by: tests/auditing/test_audit_kernel.py.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from sdekit.auditing.audit_arguments import check_objects
from sdekit.auditing.audit_checks import Declared, declared_coefficients, step_map
from sdekit.auditing.audit_result import CONSISTENT, INCONSISTENT, OPEN, KernelAudit
from sdekit.auditing.kernel_audit.weighted_states import WeightedStates, weighted_states
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError
from sdekit.kernels.steps import Kernel
from sdekit.simulation.bind.jax_reader import shape_of
from sdekit.simulation.kernel_steps.running import as_run
from sdekit.simulation.steps.sampler import sampler
from sdekit.verifier.ladder import verify

#: Step sizes tried where none is given, and how many states have to move.
_STEP_SIZES, _MOVING = (1.6, 0.8, 0.4, 0.2, 0.1, 0.05), 0.4
#: Steps of an open number of words where none is given.
_LENGTH = 3
#: Agreement is evidence where so many states move, the weights are worth so much, and changes of
#: so many standard deviations would be seen.
_LEAST_MOVED, _LEAST_SHARE, _SEEN = 0.01, 0.05, 0.05
#: States moved at once, and seconds of the processor that all of them may take with one step.
CHUNK, BUDGET = 10_000, 60.0
#: Entries of which the products of pairs are compared as well.
_CROSSED = 12
#: Rounding of single precision in a mean of numbers of order one.
_ROUNDING = 2e-6

#: (states, h, seed) -> states.
Move = Callable[[np.ndarray, float, int], np.ndarray]


def audit_kernel(
    step: Callable[[Any, Any, Any], Any] | None,
    kernel: Kernel,
    *,
    sizes: Mapping[str, int],
    position: Any,
    potential: Callable[..., Any] | None,
    functions: Mapping[str, Callable[..., Any]],
    parameters: Mapping[str, Any],
    to_state: Callable[[dict[str, Any]], Any] | None,
    from_state: Callable[[Any], Mapping[str, Any]] | None,
    step_size: float | None,
    leapfrog_steps: int | None,
    level: float,
    draws: int,
    seed: int,
) -> KernelAudit:
    """Compare one step with the law of a kernel, and with the kernel's own step.

    Args:
        step: (key, state, h) -> state; None for the compiled step of the kernel.
        kernel: What is claimed.
        sizes: By name; 2 where nothing is said.
        position: Only its sizes are read.
        potential: The unknown potential.
        functions: Other unknown functions by name.
        parameters: Values of the parameters of law and steps.
        to_state: Blocks by name -> the step's own state.
        from_state: The step's state -> blocks by name.
        step_size: h; the largest of a few at which 40 % of the states move when left out.
        leapfrog_steps: The number of steps where the kernel leaves it open; 3 when left out.
        level: Probability that a right step is called inconsistent, all comparisons together.
        draws: States, at most; fewer where a step takes longer than `BUDGET` with them.
        seed: Of states and steps.

    Raises:
        SimulationError: If the law cannot be drawn from, or something is missing.
    """
    started = time.perf_counter()
    for x in kernel.variables:
        if x.domain.kind != "real" or x.symmetry is not None:
            raise SimulationError(
                f"{x.name} is not free to take all real values",
                expected="kernels of real blocks",
                fix="audit the kernel in coordinates that are free",
            )
    length = _LENGTH if leapfrog_steps is None else leapfrog_steps
    dynamics, given, _ = as_run(kernel, parameters, None, length)
    check_objects(step or verify, dynamics, potential=potential)
    declared = declared_coefficients(dynamics.ito(), sizes, position, potential, functions, given)
    own = _own_step(kernel, declared, potential, functions, parameters, length)
    energies = _energies(declared, kernel)
    states = weighted_states(energies, declared.dimension, draws, seed)
    if not states.share >= _LEAST_SHARE:
        raise SimulationError(
            "exp(-H) is not drawn with weights of use",
            expected=f"weights that are worth {_LEAST_SHARE:.0%} of the states",
            found=f"{states.share:.2%}",
            fix="take fewer dimensions, or a potential of one mode",
        )
    moves = {"declared": _mover(own)}
    chosen = _chosen_step_size(moves["declared"], states, declared) if step_size is None else None
    h = float(step_size or chosen or 1)
    if step is not None:
        mapped = step_map(step, declared, to_state, from_state, states.states[0])
        moves["own"] = _mover(mapped.flat)
    for move in moves.values():
        states = states.first(_affordable(move, states, h))
    sums = _Sums(kernel, declared, states, energies)
    return sums.judged(moves, level, seed, h, started)


def _own_step(
    kernel: Kernel,
    declared: Declared,
    potential: Any,
    functions: Mapping[str, Callable[..., Any]],
    parameters: Mapping[str, Any],
    length: int,
) -> Callable[[Any, Any, Any], Any]:
    """The compiled step of the kernel between flat states."""
    model = sampler(
        kernel,
        potential,
        parameters,
        functions=dict(functions) or None,
        sizes=dict(declared.sizes),
        leapfrog_steps=length,
    )
    target = kernel.target_variables or kernel.variables
    blank = {x.name: jnp.zeros(shape_of(x, declared.sizes)) for x in declared.variables}
    only = len(target) == 1

    def position(blocks: Mapping[str, Any]) -> Any:
        return blocks[target[0].name] if only else {x.name: blocks[x.name] for x in target}

    auxiliary = [x.name for x in declared.variables if x not in target]
    start = model.init(
        jax.random.key(0), position(blank), {name: blank[name] for name in auxiliary}
    )

    def flat(key: Any, z: Any, h: Any) -> Any:
        blocks = declared.blocks(z)
        state = start._replace(
            position=position(blocks), auxiliary={name: blocks[name] for name in auxiliary}
        )
        new = model.step(key, state, h)
        moved = {target[0].name: new.position} if only else dict(new.position)
        moved |= new.auxiliary
        return jnp.concatenate([moved[x.name].reshape(-1) for x in declared.variables])

    return flat


def _energies(declared: Declared, kernel: Kernel) -> Callable[[np.ndarray], np.ndarray]:
    energy = jax.jit(jax.vmap(lambda z: declared.value(kernel.hamiltonian, z)))
    return lambda states: _in_chunks(energy, states.astype(np.float32)).astype(float)


def _mover(flat: Callable[[Any, Any, Any], Any]) -> Move:
    """Many states by one step each, as an array."""
    moved = jax.jit(jax.vmap(flat, in_axes=(0, 0, None)))

    def run(states: np.ndarray, h: float, seed: int) -> np.ndarray:
        keys = jax.random.split(jax.random.key(seed), len(states))
        words = np.asarray(jax.random.key_data(keys))
        return _in_chunks(
            lambda k, z: moved(jax.random.wrap_key_data(k), z, jnp.float32(h)), words, states
        )

    return run


def _in_chunks(program: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
    """A program on many rows, so many at a time that it is compiled once for any number of them."""
    count = len(arrays[0])
    starts = range(0, count, CHUNK)
    padded = [np.resize(array, (len(starts) * CHUNK, *array.shape[1:])) for array in arrays]
    parts = [program(*(array[k : k + CHUNK] for array in padded)) for k in starts]
    return np.concatenate([np.asarray(part) for part in parts])[:count]


def _affordable(move: Move, states: WeightedStates, h: float) -> int:
    """How many states a step moves within its budget: a chunk at least, all where it is quick."""
    if len(states.states) <= CHUNK:
        return len(states.states)
    move(states.states[:CHUNK], h, 0)
    started = time.process_time()
    move(states.states[:CHUNK], h, 0)
    cost = max(time.process_time() - started, 1e-9)
    return CHUNK * max(1, int(BUDGET / cost))


def _chosen_step_size(own: Move, states: WeightedStates, declared: Declared) -> float:
    """The largest of a few step sizes at which enough states move."""
    some, weights = states.states[:CHUNK], states.weights[:CHUNK]
    for h in _STEP_SIZES:
        goes = _has_moved(some, own(some, h, 7), declared)
        if weights @ goes >= _MOVING * weights.sum():
            return h
    return _STEP_SIZES[-1]


def _has_moved(before: Any, after: Any, declared: Declared) -> np.ndarray:
    """Whether the target variables of each state moved."""
    places = [declared.places[x] for x in declared.dynamics.target_variables]
    columns = np.concatenate([np.arange(p.start, p.stop) for p in places])
    changed = np.asarray(before)[:, columns] != np.asarray(after)[:, columns]
    return np.any(changed, axis=1)


@dataclass(frozen=True, eq=False)
class _Sums:
    """What is compared, for one law."""

    kernel: Kernel
    declared: Declared
    states: WeightedStates
    energies: Callable[[np.ndarray], np.ndarray]

    def judged(
        self, moves: Mapping[str, Move], level: float, seed: int, h: float, started: float
    ) -> KernelAudit:
        states = self.states
        ends = {
            name: move(states.states, h, seed + k) for k, (name, move) in enumerate(moves.items())
        }
        end = ends.get("own", ends["declared"])
        finite = np.all(np.isfinite(end), axis=1) & ~np.isnan(self.energies(end))
        compared: dict[str, tuple[list[str], np.ndarray]] = {}
        compared["invariance"] = self._invariance(end)
        chain = self._reversible_blocks()
        if chain:
            compared["reversibility"] = self._balance(end, chain)
        if "own" in ends:
            compared["acceptance"] = self._difference(end, ends["declared"])
        count = sum(values.shape[1] for _, values in compared.values())
        threshold = float(stats.norm.isf(level / (2 * count)))
        checks, wrong, seen = {}, [], 0.0
        for name, (told, values) in compared.items():
            weighted = np.where(finite[:, None], states.weights[:, None] * values, 0.0)
            error = weighted.std(axis=0) / math.sqrt(len(weighted)) + _ROUNDING
            z = weighted.mean(axis=0) / error
            worst = int(np.abs(z).argmax())
            checks[name] = {"z": float(np.abs(z[worst])), "threshold": threshold}
            seen = max(seen, threshold * float(error.max()))
            if checks[name]["z"] > threshold:
                wrong.append(f"{name}: {told[worst]} is off by {np.abs(z[worst]):.1f} errors")
        if not finite[states.weights > 0].all():
            wrong.append(f"{np.mean(~finite):.2%} of the steps end at no finite state or no energy")
        moved = _has_moved(states.states, end, self.declared)
        share = float(states.weights @ moved / states.weights.sum())
        reason = "" if wrong else shortage(share, seen)
        return KernelAudit(
            verdict=INCONSISTENT if wrong else OPEN if reason else CONSISTENT,
            reason=reason,
            discrepancies=tuple(wrong),
            level=level,
            resolution=seen,
            draws=len(states.states),
            step_size=h,
            moved=share,
            checks=checks,
            seconds=time.perf_counter() - started,
        )

    def _reversible_blocks(self) -> tuple[Variable, ...]:
        """The blocks whose chain is proved to be in detailed balance; none where it is not."""
        check = verify(self.kernel).checks.get("reversibility")
        if check is None or not check.is_proved:
            return ()
        names = check.details.get("chain")
        return tuple(x for x in self.kernel.variables if names is None or x.name in names)

    def _functions(
        self, states: np.ndarray, blocks: Sequence[Variable]
    ) -> tuple[list[str], np.ndarray]:
        """Bounded functions of some blocks, of the whole state with H; names and shape (N, m)."""
        entries, names = self.states.standardized(states), self.declared.entry_names
        places = [self.declared.places[x] for x in blocks]
        chosen = [k for p in places for k in range(p.start, p.stop)]
        u = entries[:, chosen]
        told = [names[k] for k in chosen]
        columns = [np.tanh(u), u**2 / (1 + u**2)]
        words = [f"the mean of {name}" for name in told] + [
            f"the spread of {name}" for name in told
        ]
        if len(blocks) == len(self.kernel.variables):
            counts = self.states.weights > 0
            own, weights = self.states.energies[counts], self.states.weights[counts]
            centre = np.average(own, weights=weights)
            height = np.tanh((self.energies(states) - centre) / math.sqrt(len(chosen)))
            columns.append(height[:, None])
            words.append("the mean of H")
        return words, np.concatenate(columns, axis=1)

    def _invariance(self, end: np.ndarray) -> tuple[list[str], np.ndarray]:
        words, before = self._functions(self.states.states, self.kernel.variables)
        behind = self._functions(end, self.kernel.variables)[1]
        count = min(len(self.declared.entry_names), _CROSSED)
        i, j = np.triu_indices(count, 1)
        # A flip that is left out shows in what positions and momenta have to do with each other.
        names = self.declared.entry_names
        words = words + [
            f"the mean of {names[a]} times {names[b]}" for a, b in zip(i, j, strict=True)
        ]
        changes = [behind - before, behind[:, i] * behind[:, j] - before[:, i] * before[:, j]]
        return words, np.concatenate(changes, axis=1)

    def _balance(self, end: np.ndarray, blocks: Sequence[Variable]) -> tuple[list[str], np.ndarray]:
        words, f = self._functions(self.states.states, blocks)
        _, g = self._functions(end, blocks)
        pairs = list(itertools.combinations(range(f.shape[1]), 2))
        if not pairs:
            return words, g - f
        told = [f"{words[i]} before and {words[j]} behind" for i, j in pairs]
        i, j = (list(index) for index in zip(*pairs, strict=True))
        return told, f[:, i] * g[:, j] - f[:, j] * g[:, i]

    def _difference(self, end: np.ndarray, other: np.ndarray) -> tuple[list[str], np.ndarray]:
        """How often and how far the step moves, against the declared kernel."""
        words, f = self._functions(self.states.states, self.kernel.variables)
        columns, told = [], []
        for moved in (end, other):
            goes = _has_moved(self.states.states, moved, self.declared)[:, None]
            _, g = self._functions(moved, self.kernel.variables)
            columns.append(np.concatenate([goes, g, goes * f, f * g], axis=1))
        told = ["the share of moves", *words]
        told += [f"the share of moves against {word}" for word in words]
        told += [f"the correlation with the start of {word}" for word in words]
        return told, columns[0] - columns[1]


def shortage(moved: float, seen: float) -> str:
    """Why agreement is no evidence; empty if it is."""
    if moved < _LEAST_MOVED:
        return f"only {moved:.2%} of the states move: a smaller step size shows more"
    if seen > _SEEN:
        return f"only changes of {seen:.2g} standard deviations would be seen: more draws show more"
    return ""
