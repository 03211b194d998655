"""Formulas of tensors with indices, for every size, in a normal form. Standard library only.

A formula is {monomial: coefficient}, a monomial the sorted tuple of ((head, indices), exponent).
Indices 0, 1, ... are free; negative ones are summed, however often they occur. Every rewriting here
is an equality wherever the formula is defined; what it fails to see makes the checker refuse and
never accept. Heads are (kind, name, derivatives): a `symbol` or unknown function with the variables
that it was differentiated by, `delta`, `one` (1 for each index), `size`, and `inverse`, `logdet`,
`power` and elementary functions of an argument that is kept in `IndexRing.arguments`.
"""

import functools
import itertools
import math
from fractions import Fraction as Q

ONE = {(): Q(1)}
#: u' for u(a), as [(coefficient, function, exponent)]; "" stands for a itself.
DERIVATIVES = {
    "exp": [(1, "exp", 1)],
    "log": [(1, "", -1)],
    "sin": [(1, "cos", 1)],
    "cos": [(-1, "sin", 1)],
    "tanh": [(1, "", 0), (-1, "tanh", 2)],
}
#: Kinds of heads with an argument.
OPAQUE = {"inverse", "logdet", "power", *DERIVATIVES}


class Refused(Exception):
    """What this checker does not understand or cannot confirm."""


def need(condition, what):
    if not condition:
        raise Refused(what)


def plus(a, b, scale=1):
    out = dict(a)
    for key, value in b.items():
        out[key] = out.get(key, 0) + scale * value
        if not out[key]:
            del out[key]
    return out


def renamed(formula, places, base=-1000):
    """Raw terms: free indices renamed by a mapping, summed ones moved below `base`."""
    for term, c in formula.items():
        move = [tuple(places.get(i, i) if i >= 0 else base + i for i in ix) for (_, ix), _ in term]
        yield [((head, ix), e) for ((head, _), e), ix in zip(term, move)], c


def ones(dims, ix):
    """Factors that are 1: a sum over indices that are in no other factor counts them."""
    return [((("one", d, ()), (i,)), 1) for d, i in zip(dims, ix)]


class IndexRing:
    """Arithmetic of formulas over the symbols of a model; `fixed` holds sizes that are numbers."""

    def __init__(self, symbols, fixed):
        self.symbols, self.fixed = symbols, fixed
        self.arguments = {}  # name of an opaque head: (dimensions, formula); of inverse: symmetric
        self.slots = functools.cache(self.labelled)

    def labelled(self, head):
        """Dimension and label of each slot; slots with equal labels may be exchanged."""
        kind, name, jet = head
        if kind in ("size", "logdet", "delta", "one"):
            return [(name, 0)] * {"delta": 2, "one": 1}.get(kind, 0)
        if kind != "symbol":
            dims, _ = self.arguments[name]
            return [(d, 0 if kind == "inverse" else k) for k, d in enumerate(dims)]
        alike = self.symbols[name].get("symmetry")
        out = [(d, 0 if alike else k) for k, d in enumerate(self.symbols[name]["shape"])]
        for k, x in enumerate(jet):
            shape = self.slots(("symbol", x, ()))
            group = jet.index(x) if len(shape) == 1 else k
            out += [(d, (x, group, label)) for d, label in shape]
        return out

    def ordered(self, head, indices):
        """(sign, indices) with exchangeable slots sorted; the sign is 0 where it vanishes."""
        labels, out, sign = [label for _, label in self.slots(head)], list(indices), 1
        if head[0] == "symbol" and self.symbols[head[1]].get("symmetry") == "antisymmetric":
            sign = (out[0] < out[1]) - (out[0] > out[1])
        for label in {*labels}:
            at = [k for k, other in enumerate(labels) if other == label]
            for k, i in zip(at, sorted(out[k] for k in at)):
                out[k] = i
        return sign, tuple(out)

    def ones(self, head, ix):
        return ones([d for d, _ in self.slots(head)], ix)

    # The normal form

    def total(self, terms):
        """The normal form of a sum of raw terms (factors, coefficient)."""
        out, todo = {}, list(terms)
        while todo:
            factors, c = self.merged(*todo.pop())
            parts = self.rewritten(factors) if c else []
            if parts is None:
                term, sign = self.canonical(factors)
                out = plus(out, {term: c * sign})
            else:
                todo += [(part, c * k) for part, k in parts]
            need(len(out) + len(todo) < 20_000, "a formula of too many terms")
        return out

    def merged(self, factors, c):
        """Equal factors as one; what cancels leaves its indices behind."""
        merged = {}
        for (head, ix), e in factors:
            sign, ix = self.ordered(head, ix)
            need(sign == 1 or e == int(e), "a root of what may be negative")
            c *= sign if e % 2 else sign * sign
            merged[head, ix] = merged.get((head, ix), 0) + e
        out = [(key, int(e) if e == int(e) else e) for key, e in merged.items() if e]
        return out + [one for key, e in merged.items() if not e for one in self.ones(*key)], c

    def rewritten(self, factors):
        """A product as raw terms in a simpler form; None if it is simple."""
        for key, e in factors:
            found = self.simpler(*key, e, [f for f in factors if f[0] != key])
            if found is not None:
                return found
        return None

    def simpler(self, head, ix, e, others):
        """head_ix^e * others as raw terms; None if the factor is simple."""
        kind, name, _ = head
        used = [i for (_, jx), _ in others for i in jx]
        left = [*others, *self.ones(head, ix)]
        if kind == "delta" and (ix[0] < 0 or ix[0] == ix[1] or ix[1] in used or e != 1):
            is_kept = 0 <= ix[0] < ix[1]
            old, new = ix[::-1] if is_kept else ix
            out = [((h, tuple(new if i == old else i for i in jx)), f) for (h, jx), f in others]
            return [([*out, *([((head, ix), 1)] if is_kept else self.ones(head, ix)[1:])], 1)]
        if kind == "one":
            if ix[0] >= 0 or ix[0] in used:
                return [(others, 1)]
            if name in self.fixed:
                return [(others, self.fixed[name])]
            return [([*others, ((("size", name, ()), ()), 1)], 1)]
        if kind == "power" and e >= 1:  # a power of a sum is multiplied out, one factor at a time
            inner = renamed(self.arguments[name][1], dict(enumerate(ix)), min([0, *ix, *used]))
            return [([*left, ((head, ix), e - 1), *part], k) for part, k in inner]
        if kind == "sin" and e >= 2:
            left = [*left, ((head, ix), e - 2)]
            return [(left, 1), ([*left, ((("cos", name, ()), ix), 2)], -1)]
        if kind == "inverse" and e == 1:  # inv(P)_ij P_jk
            for (other, jx), f in others:
                met = [i for i in {*ix} & {*jx} if i < 0 and [*ix, *used].count(i) == 2]
                if met and f == 1 and self.arguments[name][1] == {(((other, (0, 1)), 1),): 1}:
                    ends = tuple(i for i in (*ix, *jx) if i != met[0])
                    delta = (("delta", self.slots(head)[0][0], ()), ends), 1
                    return [([*(g for g in others if g[0] != (other, jx)), delta], 1)]
        return None

    def canonical(self, factors):
        """(monomial, sign): summed indices get names by the place that they have in the product."""
        seen = {i: [] for (_, ix), _ in factors for i in ix if i < 0}
        for (head, ix), e in factors:
            for i, (_, label) in zip(ix, self.slots(head)):
                if i < 0:
                    seen[i].append(repr((head, e, label, [j for j in ix if j >= 0])))
        looks = {i: sorted(views) for i, views in seen.items()}
        classes = [[i for i in looks if looks[i] == look] for look in sorted(looks.values())]
        classes = [group for k, group in enumerate(classes) if group not in classes[:k]]
        ways = math.prod(math.factorial(len(group)) for group in classes)
        need(ways <= 5040, "a sum over too many indices that look alike")
        forms = {}
        for orders in itertools.product(*map(itertools.permutations, classes)):
            names = {i: -1 - k for k, i in enumerate(itertools.chain(*orders))}
            moved = [((head, tuple(names.get(i, i) for i in ix)), e) for (head, ix), e in factors]
            out, sign = self.merged(moved, 1)
            forms.setdefault(tuple(sorted(out)), set()).add(sign)
        best = min(forms)
        # A renaming that turns a term into minus itself shows that it is zero.
        return best, sum(forms[best])

    # Arithmetic

    def times(self, a, b, left=None, right=None, more=()):
        """The product; free indices are renamed first, and equal names then mean one index."""
        first, second = list(renamed(a, left or {})), list(renamed(b, right or {}, -2000))
        need(len(first) * len(second) < 20_000, "a formula of too many terms")
        return self.total(([*fa, *fb, *more], ca * cb) for fa, ca in first for fb, cb in second)

    def moved(self, a, places, more=()):
        return self.total(([*factors, *more], c) for factors, c in renamed(a, places))

    def single(self, kind, dims, argument, e=1):
        """A function of an argument to a power, entry by entry (an inverse: as a matrix)."""
        name = repr((dims, sorted(argument.items())))
        self.arguments[name] = dims, argument
        places = () if kind == "logdet" else tuple(range(len(dims)))
        return self.total([([(((kind, name, ()), places), e)], Q(1))])

    def raised(self, dims, a, e):
        """a^e, entry by entry."""
        need(abs(e) <= 12 and e.denominator <= 12, "an exponent that is too large")
        if e == int(e) and e >= 0:
            out = ONE
            for _ in range(int(e)):
                out = self.times(out, a)
            return out
        need(a, "a power of zero")
        (term, c), *more = a.items()
        is_plain = not any(h[0] == "delta" or min(ix, default=0) < 0 for (h, ix), _ in term)
        is_symbol = c == 1 and [f for _, f in term] == [1]
        if not more and is_plain and (e == int(e) or is_symbol):
            return self.total([([(key, f * e) for key, f in term], c ** (1 if is_symbol else e))])
        return self.single("power", dims, a, e)

    def function(self, name, dims, a):
        """An elementary function, entry by entry; exp of a sum is a product of powers of exp."""
        need(name in DERIVATIVES, f"the function {name}")
        if name != "exp":
            return {} if name == "log" and a == ONE else self.single(name, dims, a)
        out = ONE
        for term, c in a.items():
            out = self.times(out, self.single("exp", dims, {term: Q(1)}, c))
        return out

    # Differentiation

    def derivative(self, a, x, rank):
        """By the variable x; its indices are appended to the `rank` free ones of a."""
        places = tuple(range(rank, rank + len(self.symbols[x]["shape"])))
        terms = []
        for factors, c in renamed(a, {}):
            for k, ((head, ix), e) in enumerate(factors):
                rest = factors[:k] + factors[k + 1 :] + [((head, ix), e - 1), *self.ones(head, ix)]
                inner = self.slope(head, ix, x, places)
                terms += [(rest + part, c * e * value) for part, value in inner]
        return self.total(terms)

    def slope(self, head, ix, x, places):
        """The derivative of one factor as raw terms."""
        kind, name, jet = head
        if kind == "symbol":
            return self.symbol_slope(name, jet, ix, x, places)
        if kind not in OPAQUE:
            return []
        dims, argument = self.arguments[name]
        inner = self.derivative(argument, x, len(dims))
        ends = {len(dims) + k: i for k, i in enumerate(places)}
        if kind in ("inverse", "logdet"):  # d inv(M) = -inv(M) dM inv(M), d logdet M = tr inv(M) dM
            left = self.single("inverse", dims, argument)
            if kind == "logdet":
                out = self.times(left, inner, {0: -501, 1: -500}, {0: -500, 1: -501, **ends})
                return renamed(out, {}, -3000)
            out = self.times(left, inner, {1: -500}, {0: -500})
            inner = plus({}, self.times(out, left, {1: -500}, {0: -500}), -1)
        elif kind != "power":  # the exponent of a power is dealt with as that of any factor
            outer = {}
            for c, u, e in DERIVATIVES[kind]:
                own = self.single(u, dims, argument, e) if u else None
                outer = plus(outer, own or self.raised(dims, argument, Q(e)), c)
            inner = self.times(outer, inner)
        return renamed(inner, {**dict(enumerate(ix)), **ends}, -3000)

    def symbol_slope(self, name, jet, ix, x, places):
        alike, shape = self.symbols[x].get("symmetry"), self.symbols[x]["shape"]
        if name == x:  # by an entry of a symmetric matrix: projected onto the symmetric ones
            half = Q(1, 2) if alike == "symmetric" else Q(-1, 2)
            ways = [(places, Q(1, 2)), (places[::-1], half)] if alike else [(places, Q(1))]
            deltas = [("delta", d, ()) for d in shape]
            return [([(key, 1) for key in zip(deltas, zip(ix, ends))], c) for ends, c in ways]
        if x not in self.symbols[name].get("of", ()):
            return []
        need(alike != "antisymmetric", "an unknown function of an antisymmetric matrix")
        groups, at = [(x, places)], len(self.symbols[name]["shape"])
        own = ix[:at]
        for y in jet:
            groups.append((y, ix[at : at + len(self.symbols[y]["shape"])]))
            at += len(groups[-1][1])
        groups.sort()  # derivatives commute
        head = ("symbol", name, tuple(y for y, _ in groups))
        return [([((head, own + tuple(i for _, g in groups for i in g)), 1)], Q(1))]

    def depends(self, a, *names):
        """Whether a formula may depend on symbols; unknown functions do on their arguments."""
        for kind, name, _ in (head for term in a for (head, _), _ in term):
            if kind == "symbol" and {name, *self.symbols[name].get("of", ())} & {*names}:
                return True
            if kind in OPAQUE and self.depends(self.arguments[name][1], *names):
                return True
        return False

    def is_zero(self, a):
        """Whether a formula is seen to vanish, after multiplication with its denominators."""
        for _ in range(20):
            powers = [f for term in a for f in term if f[0][0][0] == "power" and f[1] < 0]
            lows = {}
            for key, e in powers:
                if min(key[1], default=0) >= 0:
                    lows[key] = max(lows.get(key, 0), math.ceil(-e))
            if not lows:
                break
            a = self.times(a, {tuple(sorted(lows.items())): Q(1)})
        return not a

    # Values, for sizes that are numbers

    def entries(self, dims):
        return itertools.product(*(range(self.fixed[d]) for d in dims))

    def number_at(self, a, values, ix=()):
        """The exact value of an entry of a formula."""
        total = Q(0)
        for term, c in a.items():
            dims = {i: d for (h, jx), _ in term for i, (d, _) in zip(jx, self.slots(h)) if i < 0}
            for found in self.entries(dims.values()):
                at = {**dict(enumerate(ix)), **dict(zip(dims, found))}
                factors = [(self.factor(h, [at[i] for i in jx], values), e) for (h, jx), e in term]
                need(all(e == int(e) and (u or e > 0) for u, e in factors), "a root, or a pole")
                total += c * math.prod(u**e for u, e in factors)
        return total

    def factor(self, head, at, values):
        kind, name, jet = head
        if kind == "delta":
            return Q(at[0] == at[1])
        if kind == "symbol":
            sign, at = self.ordered(head, at)
            return sign * values[name, jet, at] if sign else Q(0)
        is_entry = kind == "inverse" and self.fixed[self.arguments[name][0][0]] == 1
        need(kind == "power" or is_entry, f"the value of {kind}")
        inner = self.number_at(self.arguments[name][1], values, at)
        return inner if kind == "power" else 1 / inner
