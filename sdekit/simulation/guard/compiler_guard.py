"""The compiler guard of one run: what is compared when, and what could not be.

Not for one comparison (`compiled_values`, which states what is covered).

Checked by: tests/simulation/guard/test_compiler_guard.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from sdekit.simulation.gradients.sources import FunctionSource
from sdekit.simulation.guard.compiled_values import (
    Probed,
    Reference,
    compare,
    gradient_of,
    value_of,
)
from sdekit.simulation.loop.program import LoopState
from sdekit.simulation.steps.scheme import Scheme


@dataclass(eq=False)
class CompilerGuard:
    """What is compared during a run.

    Attributes:
        scheme: What runs.
        parameters: Arrays by name.
        chains: Chains of this process.
        is_single: Whether arrays have no axis of chains.
        evaluations: Gradients that a chain of the run takes, about.
        traces: Where traces are kept, for all runs of a sampler.
        own: Parameters that differ between chains, by name, chains last.
        skipped: Names of what could not be compared.
    """

    scheme: Scheme
    parameters: Mapping[str, Any]
    chains: int
    is_single: bool
    evaluations: int
    traces: dict[Any, Any]
    own: Mapping[str, Any] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)

    def started(self, state: LoopState, seen: Mapping[str, Probed], tables: Any) -> None:
        """Compare what the starting program gave.

        Raises:
            SimulationError: If it differs from its operations by more than rounding.
        """
        # Schemes in other variables change no position.
        for lane in self._lanes():
            for oracle in self.scheme.oracles:
                own = oracle.read(state.blocks)
                found = lane(seen[oracle.name])
                table = jax.tree.map(np.asarray, (tables or {}).get(oracle.name))
                given = (lane(own), found.draw, found.state, table)
                self._compare(gradient_of(oracle), given, found.gradient)
                if found.value is not None:
                    self._compare(value_of(oracle), (given[0],), found.value)
        self.handed_on(state)

    def handed_on(self, state: LoopState) -> None:
        """Compare what the loop, or the starting program, hands on with the state.

        Raises:
            SimulationError: If it differs from its operations by more than rounding.
        """
        cache = state.cache
        energy = self.scheme.potential_energy
        resting = Reference(
            "the potential energy",
            lambda b, own: energy(b, {**self.parameters, **own}) if energy else None,
        )
        for lane in self._lanes():
            if cache.watch is not None and lane(cache.watch.stopped):
                continue  # It stays where an event stopped it, between two steps.
            blocks = lane(state.blocks)
            for oracle in self.scheme.carried:
                if not isinstance(oracle.source, FunctionSource):
                    continue
                own = oracle.read(blocks)
                nothing = ((), (), None)
                self._compare(
                    gradient_of(oracle), (own, *nothing), lane(cache.gradients[oracle.name])
                )
            if cache.acceptance is not None:
                given = (blocks, lane(self.own))
                self._compare(resting, given, lane(cache.acceptance.energy))

    def _compare(self, reference: Reference, given: Any, found: Any) -> None:
        if not compare(reference, self.traces, given, found, self.evaluations):
            self.skipped.add(reference.name)

    def _lanes(self) -> list[Callable[[Any], Any]]:
        """For the first and the last chain, what takes its part of arrays with chains last."""

        def lane(k: int) -> Callable[[Any], Any]:
            def part(x: Any) -> np.ndarray:
                return np.asarray(x) if self.is_single else np.asarray(x[..., k])

            return lambda tree: jax.tree.map(part, tree)

        return [lane(k) for k in sorted({0, self.chains - 1})]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know."""
        if not self.skipped:
            return ()
        names = ", ".join(sorted(self.skipped))
        return (f"compiled numbers were not all compared with their operations: {names}",)
