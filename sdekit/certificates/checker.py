"""Stand-alone checker of certificates: `python checker.py FILE.json`; standard library only.

A certificate holds a model and the claim that div(rho v) = grad grad^T : (rho D), rho = exp(-H), is
an identity ("proved") or is none ("refuted"). The model is expanded at concrete sizes into
polynomials over the rationals and differentiated here; no code is shared with sdekit.

Why finitely many sizes prove all: the residual is a sum of contraction graphs with at most M summed
indices, times powers of n from L consecutive exponents. For n >= M distinct graphs are linearly
independent (an injective assignment of the indices of a largest graph gives a monomial that no
other graph has), so a zero residual makes each coefficient zero at that n, and a Laurent polynomial
of L consecutive powers with L zeros is zero. M and L are derived here; no bound is believed.
"""

import itertools
import json
import sys
from fractions import Fraction as Q

ONE = {(): Q(1)}  # polynomial: {((generator, exponent), ...): coefficient}


def plus(a, b, scale=1):  # changes a
    for key, value in b.items():
        a[key] = a.get(key, 0) + scale * value
        if not a[key]:
            del a[key]
    return a


def times(a, b):
    out = {}
    for (k1, c1), (k2, c2) in itertools.product(a.items(), b.items()):
        powers = dict(k1)
        for generator, exponent in k2:
            powers[generator] = powers.get(generator, 0) + exponent
        key = tuple(sorted((g, e) for g, e in powers.items() if e))
        out[key] = out.get(key, 0) + c1 * c2
    return {key: c for key, c in out.items() if c}


def power(a, exponent):
    if exponent < 0:
        ((key, value),) = a.items()  # `bound` lets monomials only through
        a, exponent = {tuple((g, -e) for g, e in key): 1 / value}, -exponent
    return times(a, power(a, exponent - 1)) if exponent else ONE


def accumulate(pairs):
    out = {}
    for index, poly in pairs:
        plus(out.setdefault(index, {}), poly)
    return {index: poly for index, poly in out.items() if poly}


class Model:
    """The model at concrete sizes; a tensor is {index tuple: polynomial}."""

    def __init__(self, model, sizes):
        self.model, self.sizes, self.symbols, self.memo = model, sizes, model["symbols"], {}

    def indices(self, shape):
        return list(itertools.product(*(range(self.sizes[d]) for d in shape)))

    def entries(self, name):
        return self.indices(self.symbols[name]["shape"])

    def canonical(self, name, index):
        kind = self.symbols[name].get("symmetry")
        if kind is None or index[0] < index[1]:
            return 1, index
        return 1 if kind == "symmetric" else -int(index[0] != index[1]), index[::-1]

    def derivative(self, poly, name, index):
        """By one entry of a variable; projected where the variable is symmetric."""
        sign, key = self.canonical(name, index)
        weight = Q(sign, 2 if self.symbols[name].get("symmetry") and index[0] != index[1] else 1)
        out = {}
        for mono, c in poly.items() if sign else ():
            for g, e in mono:
                symbol, entry, jet = g
                if g == (name, key, ()):
                    inner = ONE
                elif name in self.symbols[symbol].get("of", ()):
                    inner = {(((symbol, entry, tuple(sorted((*jet, (name, key))))), 1),): Q(1)}
                else:
                    continue
                rest = tuple((h, f - (h == g)) for h, f in mono if f - (h == g))
                plus(out, times({rest: c * e * weight}, inner))
        return out

    def value(self, tree):
        key = json.dumps(tree)
        if key not in self.memo:
            self.memo[key] = accumulate(self.compute(*tree))
        return self.memo[key]

    def compute(self, op, *args):
        if op in ("number", "size"):
            return [((), {(): Q(args[0] if op == "number" else self.sizes[args[0]])})]
        if op == "symbol":
            signed = [(i, *self.canonical(args[0], i)) for i in self.entries(args[0])]
            return [(i, {(((args[0], key, ()), 1),): Q(s)}) for i, s, key in signed if s]
        if op in ("eye", "ones"):
            return [(i + i if op == "eye" else i, ONE) for i in self.indices(args[0])]
        if op == "sum":
            return [pair for part in args for pair in self.value(part).items()]
        if op == "product":
            out = [((), ONE)]
            for part in args:
                pairs = itertools.product(out, self.value(part).items())
                out = [(i or j, times(p, q)) for (i, p), (j, q) in pairs if i == j or not (i and j)]
            return out
        a = self.value(args[0])
        if op == "power":
            return [(i, power(p, args[1])) for i, p in a.items()] or [((), power({}, args[1]))]
        if op == "transpose":
            return [(tuple(i[k] for k in args[1]), p) for i, p in a.items()]
        if op == "trace":
            return [((), p) for (i, j), p in a.items() if i == j]
        if op == "diag":
            return [((i[0],) * (3 - len(i)), p) for i, p in a.items() if i[0] == i[-1]]
        if op == "grad":
            pairs = itertools.product(a.items(), self.entries(args[1]))
            return [(i + k, self.derivative(p, args[1], k)) for (i, p), k in pairs]
        if op == "div":
            cuts = [(i, len(i) - len(self.symbols[args[1]]["shape"]), p) for i, p in a.items()]
            return [(i[:cut], self.derivative(p, args[1], i[cut:])) for i, cut, p in cuts]
        pairs, axes = itertools.product(a.items(), self.value(args[1]).items()), args[2]
        met = ((i, p, j, q) for (i, p), (j, q) in pairs if i[len(i) - axes :] == j[:axes])
        return [(i[: len(i) - axes] + j[axes:], times(p, q)) for i, p, j, q in met]

    def residual(self):
        """div v - v.H' - sum [d_ij D_ij - H_j d_i D_ij - H_i d_j D_ij + D_ij (H_i H_j - H_ij)]."""
        drift, total = self.model["drift"], {}
        energy = self.value(self.model["hamiltonian"]).get((), {})
        slope = {(x, i): self.derivative(energy, x, i) for x in drift for i in self.entries(x)}
        for x, i in slope:
            v = self.value(drift[x]).get(i, {})
            plus(plus(total, self.derivative(v, x, i)), times(v, slope[x, i]), -1)
        for x, y, tree in self.model["diffusion"]:
            rank = len(self.symbols[x]["shape"])
            for index, p in self.value(tree).items():
                a, b = (x, index[:rank]), (y, index[rank:])
                d_a, d_b = self.derivative(p, *a), self.derivative(p, *b)
                plus(plus(total, times(slope[b], d_a)), times(slope[a], d_b))
                plus(total, self.derivative(d_a, *b), -1)
                hessian = plus(times(slope[a], slope[b]), self.derivative(slope[a], *b), -1)
                plus(total, times(p, hessian), -1)
        return total


def bound(tree, dim, ranks):
    """Summed indices, least and largest power of the size of `dim` in any term of a tree."""
    op, *args = tree
    inner = [t for t in args if isinstance(t, list) and t and isinstance(t[0], str)]
    columns = list(zip(*(bound(t, dim, ranks) for t in inner))) if op not in ("eye", "ones") else []
    columns = columns or [(0,)] * 3
    if op == "size":
        return 0, *[int(args[0] == dim)] * 2
    if op == "power":
        if args[1] < 0 and {"sum", "contract", "trace", "div"} & set(json.dumps(tree).split('"')):
            raise ValueError("division by a sum is outside the polynomial fragment")
        (m,), (low,), (high,) = columns
        return m * abs(args[1]), *sorted((low * args[1], high * args[1]))
    if op in ("product", "contract"):
        m, low, high = map(sum, columns)
        return m + (args[2] if op == "contract" else 0), low, high
    own = {"trace": 1, "div": ranks.get(str(args[-1]))}.get(op, 0)
    return max(columns[0]) + own, min(columns[1]), max(columns[2])


def sizes_that_prove(model, dim):
    """The sizes of one dimension at which the residual must vanish (M, ..., M + L - 1)."""
    ranks = {name: symbol["shape"].count(dim) for name, symbol in model["symbols"].items()}
    h_m, h_low, h_high = bound(model["hamiltonian"], dim, ranks)
    h_low, h_high = min(h_low, 0), max(h_high, 0)
    terms = [(ranks[x], 1, bound(t, dim, ranks)) for x, t in model["drift"].items()]
    terms += [(ranks[x] + ranks[y], 2, bound(t, dim, ranks)) for x, y, t in model["diffusion"]]
    m = max(rank + b[0] + k * h_m for rank, k, b in terms)
    low = min(b[1] + k * h_low for _, k, b in terms)
    # A summed index that a delta leaves unused becomes a factor n: powers grow by at most m.
    high = max(b[2] + k * h_high for _, k, b in terms) + m
    return range(max(m, 1), max(m, 1) + high - low + 1)


def check(certificate):
    """Whether the claim holds, and why."""
    model, claim = certificate["model"], certificate["claim"]
    given = {**model["dimensions"], **claim["sizes"]}
    grid = {d: [size] if size else list(sizes_that_prove(model, d)) for d, size in given.items()}
    for sizes in itertools.product(*grid.values()):
        at = dict(zip(grid, sizes))
        if left := Model(model, at).residual():
            return claim["verdict"] == "refuted", f"{len(left)} terms are left over at sizes {at}"
    return claim["verdict"] == "proved", f"the residual vanishes at all of the sizes {grid}"


if __name__ == "__main__":
    accepted, reason = check(json.loads(open(sys.argv[1], encoding="utf-8").read()))
    sys.exit(print("ACCEPTED:" if accepted else "REJECTED:", reason) or not accepted)
