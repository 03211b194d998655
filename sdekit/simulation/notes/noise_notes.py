"""What a run says about the noise of its gradient: brought but not declared, declared but other.

A run here is a `Run` (`result`). Not for measuring it (`measured_noise`).

Checked by: tests/simulation/notes/test_noise_notes.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SchemeError
from sdekit.schemes.bias.noise_bias import gradient_shares
from sdekit.schemes.guards.heating import heated
from sdekit.schemes.split.splitting import splitting
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.gradients.declared_noise import MOST_COORDINATES, chain_of, noise_matrix
from sdekit.simulation.gradients.measured_noise import MeasuredNoise, measured_noise
from sdekit.simulation.gradients.minibatch import Minibatch

#: Chains whose last states are looked at.
STATES = 4
#: What declared and measured noise may differ beyond the error of the rows: V varies with theta.
SLACK = 0.05
#: Standard errors.
SIGMAS = 4.5


def noise_notes(run: Any) -> list[str]:
    """Sentences about gradient noise, none where all is as declared.

    Args:
        run: With its problem and its last state.
    """
    problem = run.problem
    if problem is None or run.state is None:
        return []
    target = problem.source
    if target is None or not (isinstance(target, Minibatch) or target.words):
        declared = ", ".join(dict.fromkeys(x.name for x, _ in problem.gradient_noise))
        lacking = f"gradient noise is declared on {declared}, but the gradient is exact"
        return [f"{lacking}: D lacks it, and the law is not the declared one"] if declared else []
    if not isinstance(target, Minibatch) or target.svrg is not None:
        return ["the noise of this stochastic gradient depends on the path, and is not measured"]
    is_single = all(run.state.blocks[x.name].ndim == x.ndim for x in run.dynamics.variables)
    count = 1 if is_single else min(run.chains, STATES)
    states = [chain_of(run.state.blocks, chain, is_single) for chain in range(count)]
    try:
        shares = gradient_shares(splitting(run.dynamics), run.scheme)
    except SchemeError:
        shares = (1,)
    size = run.step_size if run.step_sizes is None else float(run.step_sizes[-1])
    assert size is not None
    found = measured_noise(problem, states, size, shares)
    if problem.gradient_noise:
        return _compared(problem, states, found)
    return _undeclared(run, found)


def _undeclared(run: Any, found: tuple[MeasuredNoise, ...]) -> list[str]:
    found = tuple(each for each in found if each.largest > 0)
    if not found:
        return []
    told = ", ".join(f"{_level(each)} to {each.variable.name}" for each in found)
    names = ", ".join(f"{each.variable.name}: B" for each in found)
    source = run.problem and run.problem.source
    epochs = isinstance(source, Minibatch) and source.sampling == "epochs"
    said = [
        f"gradient noise is not declared: the minibatch brings B = h V / 2 of {told} at the end of "
        "the run",
        "in epochs part of it cancels over a pass" if epochs else "",
        _effect(run, found),
        f"declare gradient_noise={{{names}}} to have it counted",
    ]
    return ["; ".join(filter(None, said))]


def _level(each: MeasuredNoise) -> str:
    spread = each.largest - each.least > SLACK * each.mean
    return f"{each.mean:.3g}" + (f" ({each.least:.3g} to {each.largest:.3g})" if spread else "")


def _effect(run: Any, found: tuple[MeasuredNoise, ...]) -> str:
    """What B, of its mean size in every direction, does to the law."""
    if run.dynamics.hamiltonian is None:
        return "the noise of the run is that much larger than declared"
    heating = heated(run.dynamics, [each.variable for each in found])
    names = ", ".join(x.name for x in run.dynamics.target_variables)
    if heating.absorbed is not None:
        what = f"a thermostat takes it out, {heating.absorbed} becoming {heating.absorbed} + B"
        kept = f"the law of {names} is kept as far as it is the same in every direction"
        return f"{what}: {kept}"
    if heating.temperature is None:
        return f"no temperature describes what that does: the law of {names} is another one"
    mean = float(np.mean([each.mean for each in found]))
    values = {heating.symbol: mean}
    values |= {n: float(v) for n, v in run.parameters.items() if np.ndim(v) == 0}
    temperature: Any = heating.temperature
    number = temperature.subs(
        {s: values[s.name] for s in temperature.free_symbols if s.name in values}
    )
    shown = f" = {float(number):.4g}" if number.is_number else ""
    return (
        f"the temperature is T = {heating.temperature}{shown} where it is the same in every "
        f"direction: {names} has the density of its target to the power 1/T"
    )


def _compared(
    problem: Problem, states: list[dict[str, np.ndarray]], found: tuple[MeasuredNoise, ...]
) -> list[str]:
    notes = []
    for each in found:
        declared = float(np.mean([_declared(problem, each.variable, s) for s in states]))
        if abs(each.mean - declared) > SIGMAS * each.error + SLACK * abs(declared):
            notes.append(
                f"the declared gradient noise of {each.variable.name} is {declared:.3g}, but the "
                f"minibatch brings B = h V / 2 of {_level(each)} at the end of the run: the law is "
                "not the declared one"
            )
    return notes


def _declared(problem: Problem, x: Variable, state: dict[str, np.ndarray]) -> float:
    """The mean of the diagonal of the declared B on a variable."""
    own = {pair: b for pair, b in problem.gradient_noise.items() if pair == (x, x)}
    if not own:
        return 0.0
    matrix = noise_matrix(problem, own, state)
    return float(matrix.mean() if len(matrix) > MOST_COORDINATES else np.diagonal(matrix).mean())
