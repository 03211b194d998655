"""Refutations: a claim fails at a point with exact values. Standard library only.

A point gives numbers to every symbol and to every derivative of an unknown function that the claim
holds: smooth functions with any derivatives at one point exist, and their sign or definiteness is
kept where it is strict there.
"""

import itertools
from fractions import Fraction as Q

if __package__:
    from sdekit.certificates.checker.declared_model import FORMS, SIGNS, Model
    from sdekit.certificates.checker.index_ring import need
else:  # run as a program from its folder, without the package
    from declared_model import FORMS, SIGNS, Model
    from index_ring import need


def number_at(m, a, values, ix=()):
    """The exact value of an entry of a formula, for sizes that are numbers."""
    total = Q(0)
    for term, c in a.items():
        dims = {i: d for (h, jx), _ in term for i, (d, _) in zip(jx, m.slots(h)) if i < 0}
        for found in itertools.product(*(range(m.fixed[d]) for d in dims.values())):
            names, product = {**dict(enumerate(ix)), **dict(zip(dims, found))}, c
            for (head, jx), e in term:
                factor = _factor(m, head, tuple(names[i] for i in jx), values)
                need(e == int(e) and (factor or e > 0), "a root, or a pole")
                product *= factor**e
            total += product
    return total


def _factor(m, head, at, values):
    kind, name, jet = head
    if kind == "delta":
        return Q(at[0] == at[1])
    if kind == "power":
        return number_at(m, m.arguments[name][1], values, at)
    if kind == "inverse":
        dims, argument, _ = m.arguments[name]
        need(m.fixed[dims[0]] == 1, "an inverse of more than one entry")
        entry = number_at(m, argument, values, at)
        need(entry, "the inverse of zero")
        return 1 / entry
    need(kind == "symbol", f"the value of {kind}")
    sign, at = m.ordered(head, at)
    return sign * Q(values[name, jet, at]) if sign else Q(0)


def admissible(m, name, at, value):
    """Strictly inside what is declared of a symbol; definite matrices are diagonal."""
    symbol, domain = m.symbols[name], m.domain(name)
    words = {*symbol.get("assumptions", ())}
    known = {*SIGNS, *FORMS, "symmetric", "antisymmetric"}
    is_free = not words & {*SIGNS} and domain["kind"] != "positive"
    is_inside = domain["kind"] != "interval" or Q(domain["lower"]) < value < Q(domain["upper"])
    is_diagonal = not words & {*FORMS} or (value > 0 if at[0] == at[1] else value == 0)
    return words <= known and (is_free or value > 0) and is_inside and is_diagonal


def point_of(model, evidence, claimed):
    """The model at sizes that are numbers, and the admissible values of a point."""
    m = Model(model, evidence["sizes"])
    need({*m.fixed} == m.known, "a size is open")
    need(all(m.fixed[d] == n for d, n in claimed.items()), "another size")
    values = {(name, tuple(jet), tuple(at)): Q(v) for name, jet, at, v in evidence["values"]}
    for (name, jet, at), value in values.items():
        need(jet or admissible(m, name, at, value), f"the value of {name}")
    return m, values


def form_at(m, direction, values):
    """z . D z for a direction z, [[variable, index, value], ...]."""
    z, total = {(x, tuple(at)): Q(v) for x, at, v in direction}, Q(0)
    for (x, i), (y, j) in itertools.product(z, repeat=2):
        total += z[x, i] * z[y, j] * number_at(m, m.blocks.get((x, y), {}), values, i + j)
    return total


def slopes_at(m, a, values):
    """The derivatives of a formula by the entries of the target's variables."""
    for x in m.stay:
        slope = m.gradient(a, x)
        for at in itertools.product(*(range(m.fixed[d]) for d in m.dims(x))):
            yield number_at(m, slope, values, at)
