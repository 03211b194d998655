"""Every fact that the catalogue states of a plain SDE is checked, exactly."""

import pytest
import sympy as sp

import sdekit as sk
from sdekit.catalog.record import Fact
from sdekit.declaration.model.component_reader import TIME, ComponentReader

ENTRIES = sk.catalog.entries(plain=True)
#: Whose moments are those of martingales though growth does not imply it: proved by their sources.
MARTINGALES = {"heston", "sabr", "ckls"}
T = 0.7


def facts():
    return [
        pytest.param(entry, fact, id=f"{entry.name}: {fact.kind} of {fact.of}")
        for entry in ENTRIES
        for fact in entry.triple().facts
    ]


class Read:
    """The components of an entry, and its facts as SymPy expressions."""

    def __init__(self, entry):
        self.example, self.dynamics = entry.example, entry.dynamics()
        self.components = self.dynamics.at(**entry.example.sizes)
        self.reader = ComponentReader(self.components.sizes, self.dynamics.names)

    def numbers(self):
        """The parameters and starts of the example by name, as exact numbers."""
        given = {**self.example.parameters}
        given |= {f"{name}_start": x for name, x in self.example.start.items()
                  if not isinstance(x, tuple)}  # fmt: skip
        return {name: sp.Rational(str(round(x, 6))) for name, x in given.items()}

    def __call__(self, expression):
        return self.reader.scalar(expression)

    def generator(self, f):
        """L f by SymPy alone."""
        x, noise = self.components.coordinates, self.components.diffusion
        first = [v * sp.diff(f, y) for v, y in zip(self.components.drift, x, strict=True)]
        return sp.Add(*first, *(d * sp.diff(f, x[i], x[j]) for (i, j), d in noise.items()))


def put(expression, numbers):
    return expression.subs({s: numbers[str(s)] for s in expression.free_symbols
                            if str(s) in numbers})  # fmt: skip


def is_zero(expression):
    """At three points, to 30 digits: an expression that vanishes on none of them is no zero."""
    symbols = sorted(expression.free_symbols, key=str)
    for k in range(3):
        point = {s: sp.Rational(17 + 13 * i + 7 * k, 41 + 5 * i * k) for i, s in enumerate(symbols)}
        scale = max([abs(t.subs(point).evalf(40)) for t in sp.Add.make_args(expression)], default=1)
        if abs(expression.subs(point).evalf(40)) > sp.Float("1e-30") * max(scale, 1):
            return False
    return True


def holds(entry, fact):
    """Whether a fact is right: by sk.moments, or by the generator."""
    read = Read(entry)
    f, value = read(fact.of), read(fact.value)
    if fact.kind == "rate":
        return is_zero(sp.Add(read.generator(f), -value))
    numbers = read.numbers()
    if fact.kind == "limit":
        limit = sk.moments(read.dynamics, 1, of=[f], sizes=read.example.sizes).stationary()
        return not limit.conditions and is_zero(limit.mean(f) - value)
    f = f.subs({s: numbers[str(s)] for s in f.free_symbols if str(s).endswith("_start")})
    equations = sk.moments(read.dynamics, 1, of=[f], sizes=read.example.sizes)
    assert bool(equations.conditions) <= (entry.name in MARTINGALES), equations.conditions
    solution = equations.solve(T, read.example.start, read.example.parameters)
    exact = float(put(value, numbers).subs(TIME, T))
    # Rounding of some hundred operations on numbers of the size of the moments.
    size = max(1.0, abs(exact), *(abs(float(m)) for m in solution.values.values()))
    return abs(float(solution.mean(f)) - exact) <= 1e-12 * size


@pytest.mark.parametrize(("entry", "fact"), facts())
def test_every_fact_holds(entry, fact):
    assert holds(entry, fact)


def test_every_plain_sde_states_a_fact():
    assert all(entry.triple().facts for entry in ENTRIES)


@pytest.mark.parametrize("name", ["cir", "active-brownian", "duffing", "black-scholes"])
def test_a_wrong_fact_is_told(name):
    """Twin: every kind of fact, off by a thousandth."""
    entry = sk.catalog.entry(name)
    for fact in entry.triple().facts:
        assert not holds(entry, Fact(fact.kind, fact.of, fact.value * 1001 / 1000))
