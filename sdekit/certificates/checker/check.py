"""Checks a certificate: `python check.py FILE.json [MODEL.json]`. Standard library only.

Each rung gets the model and its evidence, raises `Refused` unless its claim follows, and returns
what is taken for granted of unknown functions. Nothing in the file but the model is believed; the
model of a second certificate has to be the same. Theorems used by name: Khasminskii (2012), 3.5
(L V <= c (1 + V), V proper: no explosion); Fukushima, Oshima, Takeda (2011), 1.6.3 (a reversible
diffusion with definite D of at most quadratic growth and finite exp(-H) does not explode).
Exit status: 0 certified as a whole, 1 rejected, 2 no certificate, 3 some rung is not certified.
"""

import itertools
import json
import sys
from fractions import Fraction as Q
from pathlib import Path

if __package__:
    from sdekit.certificates.checker.declared_model import POSITIVE, Model, listed, number
    from sdekit.certificates.checker.index_ring import ONE, Refused, need, plus
else:  # run as a program from its folder, without the package
    from declared_model import POSITIVE, Model, listed, number
    from index_ring import ONE, Refused, need, plus

NO_EXPLOSION = "solutions do not explode"
#: What reading something ends in that is no certificate.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def _diffusion_symmetric(m, _):
    for (x, y), block in m.blocks.items():
        a, b = len(m.dims(x)), len(m.dims(y))
        turned = m.moved(block, {k: (k + b) % (a + b) for k in range(a + b)})
        need(m.is_zero(plus(turned, m.blocks[y, x], -1)), f"D is not symmetric in {x}, {y}")
    return []


def _diffusion_psd(m, _):
    """Block by block; a scalar as it is written, others term by term."""
    for (x, y), block in m.blocks.items():
        need(x == y or not block, f"D couples {x} and {y}")
        if block:
            sign = m.form_sign(block, x) if m.dims(x) else m.tree_sign(m.trees[x, x])
            need(sign, f"D is not seen to be semidefinite in {x}")
    return []


def _stationarity(m, _):
    """The residual vanishes, and so does the current across every end of the domain."""
    need(m.is_zero(m.residual()), "the residual is not seen to vanish")
    for x in m.variables:
        kind = m.domain(x)["kind"]
        if kind == "circle":
            parts = (*m.drift.values(), *m.blocks.values(), m.energy)
            need(all(m.is_periodic(a, x) for a in parts), f"{x} is not seen to be an angle")
        elif kind != "real":
            need(m.is_zero(m.current(x)), f"the current in {x} is not seen to vanish")
    return []


# Integrals of exp(-energy) over a block x; `mine` are the terms of the energy that hold it.


def _gaussian(m, mine, x, data):
    """(z - mean) Q (z - mean) / 2 with definite Q: what is left, with log det Q / 2 if Q varies."""
    mean, form, dims = m.formula(data["mean"], x), m.gradient(mine, x, x), m.dims(x)
    need(m.domain(x)["kind"] == "real", f"{x} is not on a line")
    need(not m.depends(mean, x) and not m.depends(form, x), f"the energy of {x} is not quadratic")
    need(m.form_sign(form, x) == POSITIVE, f"the form of {x} is not seen to be definite")
    offset = plus(m.formula(["symbol", x], x), mean, -1)
    half = m.contracted(dims * 2, form, dims, offset, len(dims))[1]
    left = plus(mine, m.pair(offset, half, x), Q(-1, 2))
    need(not m.depends(left, x), f"the mean of {x}")
    if m.depends(form, *m.variables):
        need(len(dims) < 2, f"the determinant of {x}")
        det = m.matrix("logdet", dims * 2, form) if dims else m.function("log", (), form)
        left = plus(left, det, Q(1, 2))
    return left


def _log(m, a):
    return m.function("log", (), a)


#: Finite integrals over a scalar z with energy sum c_k b_k: kind: (domain, the b, [(s, r)] such
#: that s c_k + r has to be positive). Of `student`, b = log q with q a quadratic above zero.
NAMED = {
    "gamma": ("positive", lambda m, z, _: [z, _log(m, z)], [(1, 0), (-1, 1)]),
    "beta": ("interval", lambda m, z, _: [_log(m, z), _log(m, plus(ONE, z, -1))], [(-1, 1)] * 2),
    "lognormal": (
        "positive",
        lambda m, z, _: [m.raised((), _log(m, z), Q(2)), _log(m, z)],
        [(1, 0), (0, 1)],
    ),
    "student": ("real", lambda m, _, data: [_log(m, m.formula(data["q"]))], [(2, -1)]),
}


def _named(m, mine, x, data):
    (kind, bases, conditions), domain = NAMED[data["kind"]], m.domain(x)
    ends = domain.get("lower", "0"), domain.get("upper", "1")
    need((domain["kind"], ends, m.dims(x)) == (kind, ("0", "1"), ()), f"the domain of {x}")
    bases, trees = bases(m, m.formula(["symbol", x]), data), data["coefficients"]
    for tree, base, (scale, shift) in zip(trees, bases, conditions, strict=True):
        c = m.formula(tree)
        need(not m.depends(c, *m.variables), "a coefficient varies")
        bound = plus(plus({}, {(): Q(shift)}), c, scale)
        need(m.sign(bound) == POSITIVE, "a coefficient is not seen to be in its range")
        mine = plus(mine, m.times(c, base), -1)
    need(m.is_zero(mine), f"another energy of {x}")
    if kind == "real":
        q, form = m.formula(data["q"]), m.gradient(m.formula(data["q"]), x, x)
        is_quadratic = m.sign(form) == POSITIVE and not m.depends(form, x)
        need(m.has_floor(q) and is_quadratic, "no quadratic above zero is seen")


def _root(m, mine, x, data):
    """At least slope |z|: mine >= 0 and mine^2 >= slope^2 |z|^2."""
    z, slope = m.formula(["symbol", x], x), m.formula(data["slope"])
    need(m.domain(x)["kind"] == "real" and m.sign(slope) == POSITIVE, "the line or the slope")
    need(not m.depends(slope, *m.variables), "the slope varies")
    bound = m.times(m.times(slope, slope), m.pair(z, z, x))
    need(m.sign(mine) and m.sign(plus(m.times(mine, mine), bound, -1)), "the bound is not seen")


def _polynomial(m, mine, x, _):
    """Of one scalar, with an even leading power: proper, and exp(-it) is integrable."""
    others = {*m.variables} - {x}
    need(m.domain(x)["kind"] == "real" and not m.dims(x) and not m.depends(mine, *others), x)
    top = max([m.degree(t) or 0 for t in mine], default=0)
    slope = m.gradient({t: c for t, c in mine.items() if m.degree(t) == top}, *[x] * int(top))
    is_even = m.is_slow(mine, top) and top % 2 == 0 < top
    need(is_even and m.sign(slope) == POSITIVE, f"the leading power of {x}")


def _uniform(m, mine, x, data):
    """What is smooth and periodic is bounded."""
    need(m.domain(x)["kind"] == "circle" and m.is_periodic(mine, x), f"{x} is on no circle")


INTEGRALS = {"root": _root, "polynomial": _polynomial, "uniform": _uniform}
INTEGRALS |= dict.fromkeys(NAMED, _named)


def _integrated(m, energy, blocks, left):
    """-log of the integral of exp(-energy) over the variables `left`, and what is assumed."""
    said = []
    for data in blocks:
        xs = listed(data["blocks"], left)
        left = [x for x in left if x not in xs]
        mine = {t: c for t, c in energy.items() if m.depends({t: c}, *xs)}
        energy = {t: c for t, c in energy.items() if t not in mine}
        if data["kind"] == "gaussian":
            energy = plus(energy, _gaussian(m, mine, *xs, data))
            continue
        need(not m.depends(mine, *({*m.variables} - {*xs})), f"{xs} is coupled to others")
        if data["kind"] == "assumed":
            chosen = _unknown(m, mine, xs)
            said.append(f"exp(-H) is integrable over {', '.join(xs)}, by choice of {chosen}")
        else:
            INTEGRALS[data["kind"]](m, mine, *xs, data)
    need(not left, f"{left} are left")
    return energy, said


def _unknown(m, a, xs):
    """Names of the functions in a, which may be chosen: c f(xs), c > 0, f without properties."""
    names = {}
    for term, c in a.items():
        found = [f for f in term if m.depends({(f,): 1}, *m.functions)]
        if found:
            (((kind, name, jet), _), e), *more = found
            is_plain = kind == "symbol" and not jet and e == 1 and not more
            rest = tuple(f for f in term if f not in found)
            need(is_plain and m.term_sign(rest, c) == POSITIVE, "functions that are not alone")
            need(not m.symbols[name].get("assumptions"), f"more is declared of {name}")
            names[name] = True
    reached = {x for name in names for x in m.symbols[name]["of"]}
    need(names and {*xs} <= reached, "what no unknown function reaches may not be assumed")
    return " and ".join(names)


def _marginalization(m, evidence):
    """H - target is integrated over the auxiliary blocks; no other variable may be left in it."""
    left, said = _integrated(m, plus(m.energy, m.target, -1), evidence["blocks"], m.auxiliary)
    need(all(m.is_zero(m.gradient(left, x)) for x in m.stay), "the marginal is not the target")
    return said


def _normalizable(m, evidence):
    said = _marginalization(m, evidence)
    if evidence["target"] == "assumed":
        return [*said, f"exp(-target) is integrable, by choice of {_unknown(m, m.target, m.stay)}"]
    return [*said, *_integrated(m, m.target, evidence["target"], m.stay)[1]]


def _regularity(m, _):
    """Every division, root and logarithm is of something that is positive inside the domain."""

    def walk(tree):
        sign = POSITIVE
        match tree:
            case ["power", inner, e] if Q(e) < 0 or Q(e).denominator > 1:
                sign = m.tree_sign(inner)
            case ["function", "log", inner]:
                sign = m.tree_sign(inner)
            case ["inverse" | "logdet", inner]:
                sign = m.pairs_sign(m.value(inner)[1], {0: 1})
        need(sign == POSITIVE, f"{json.dumps(tree):.200} may be undefined")
        for part in tree[1:] if tree[0] not in ("eye", "ones") else ():
            if isinstance(part, list) and isinstance(part[0], str):
                walk(part)

    for tree in (*m.model["drift"].values(), *m.trees.values(), *m.choice.values()):
        walk(tree)
    walk(m.model["hamiltonian"])
    walk(m.model["target"])
    return ["the unknown functions are smooth"] if m.functions else []


def _bounded(m, a, xs):
    """Whether every term is at most quadratic in xs alone, or is never positive."""
    for term, c in a.items():
        is_own = not m.depends({term: c}, *({*m.variables} - {*xs})) and m.is_slow([term], 2)
        need(is_own or (c < 0 and m.term_sign(term, -c)), "L V <= c (1 + V) is not seen")


def _energy(m, _):
    """L H <= c (1 + H): H is a definite quadratic in some blocks plus a target that is proper."""
    said, own, rest = [], [], []
    for x in m.variables:
        need(m.domain(x)["kind"] == "real", f"the domain of {x}")
        form = m.gradient(m.energy, x, x)
        alone = all(m.is_zero(m.gradient(m.energy, x, y)) for y in m.variables if y != x)
        is_own = alone and not m.depends(form, *m.variables) and m.form_sign(form, x) == POSITIVE
        (own if is_own else rest).append(x)
    need({*rest} <= {*m.stay}, "H is not seen to be quadratic in an auxiliary variable")
    if rest and m.depends(m.target, *m.functions):
        need(not m.depends(plus(m.energy, m.target, -1), *rest), f"H - target depends on {rest}")
        names, rest = _unknown(m, m.target, rest), []
        said = [f"the target is bounded below and proper, by choice of {names}"]
    for x in rest:
        _polynomial(m, {t: c for t, c in m.energy.items() if m.depends({t: c}, x)}, x, {})
    change = m.generator(m.energy)
    _bounded(m, {} if m.is_zero(change) else change, own)
    return said


def _square(m, _):
    """L |z|^2 <= c (1 + |z|^2) for the unbounded variables z; coefficients without poles."""
    total = {}
    for x in m.variables:
        kind, z = m.domain(x)["kind"], m.formula(["symbol", x], x)
        if kind != "circle":
            parts = (m.drift[x], *(block for pair, block in m.blocks.items() if x in pair))
            need(all(m.degree(t) is not None for a in parts for t in a), f"a pole, driving {x}")
        if kind in ("real", "positive"):
            total = plus(total, m.pair(z, z, x))
    _bounded(m, m.generator(total), m.variables)
    return []


def _reversible(m, evidence):
    """No current anywhere, definite D of at most quadratic growth, finite exp(-H)."""
    for (x, y), block in m.blocks.items():
        need(x == y or not block, "D couples variables")
        if x == y:
            need(m.is_zero(m.current(x)), f"the current in {x} is not seen to vanish")
            need(m.form_sign(block, x) == POSITIVE and m.is_slow(block, 2), f"D in {x}")
    return _normalizable(m, evidence["normalizable"])


def _instance(m, evidence):
    """Outright for one choice of the unknown functions; assumed for the others."""
    need(m.functions, "there is no unknown function")
    chosen = m.chosen(evidence["choice"])
    said = _regularity(chosen, {}) + _normalizable(chosen, evidence["normalizable"])
    need(not said + _non_explosion(chosen, evidence["evidence"]), "the choice is open itself")
    return [NO_EXPLOSION]


def _non_explosion(m, evidence):
    return EXPLOSION[evidence["kind"]](m, evidence)


EXPLOSION = {f.__name__[1:]: f for f in (_square, _energy, _reversible, _instance)}
EXPLOSION["growth"] = _square
CLAIMS = (_diffusion_symmetric, _diffusion_psd, _stationarity, _regularity)
CLAIMS += (_marginalization, _normalizable, _non_explosion)
RUNGS = {f.__name__[1:]: f for f in CLAIMS}
#: Of these, no evidence is enough for coefficients that are not regular.
AFTER_REGULARITY = ("marginalization", "normalizable", "non_explosion")


# Refutations: at a point with exact values for every symbol and every derivative of an unknown
# function that the claim holds. Smooth functions with any derivatives at one point exist.


def _refuted(model, rung, evidence, claimed):
    """Whether the claim of a rung fails at a point with admissible values."""
    m = Model(model, evidence["sizes"])
    need({*m.fixed} == {*model["dimensions"]}, "a size is open")
    need(max(m.fixed.values(), default=1) <= 50, "a size is too large")
    need(all(m.fixed[d] == n for d, n in claimed.items()), "another size")
    values = {(x, tuple(jet), tuple(at)): number(v) for x, jet, at, v in evidence["values"]}
    for key, value in values.items():
        need(m.is_admissible(*key, value), f"the value of {key[0]}")
    _regularity(m, {})
    if rung == "stationarity":
        return m.number_at(m.residual(), values) != 0
    if rung == "diffusion_psd":  # z . D z < 0 for a direction z
        z = {(x, tuple(at)): number(v) for x, at, v in evidence["direction"]}
        for (x, at), v in z.items():
            turned = {"symmetric": v, "antisymmetric": -v}.get(m.symbols[x].get("symmetry"))
            is_like_x = turned is None or z.get((x, at[::-1])) == turned
            need(is_like_x and at in m.entries(m.dims(x)), f"the direction in {x}")
        pairs = itertools.product(z, repeat=2)
        entries = [(m.blocks[x, y], i + j, z[x, i] * z[y, j]) for (x, i), (y, j) in pairs]
        return sum(v * m.number_at(block, values, at) for block, at, v in entries) < 0
    need(rung == "marginalization", "no refutation of this rung is known")
    left, said = _integrated(m, plus(m.energy, m.target, -1), evidence["blocks"], m.auxiliary)
    need(not said, "an integral is assumed")
    slopes = [(m.gradient(left, x), m.entries(m.dims(x))) for x in m.stay]
    return any(m.number_at(slope, values, at) for slope, entries in slopes for at in entries)


def _rung(m, name, rung, claimed):
    """What is certified of one rung, as a sentence that begins with the verdict."""
    need("evidence" in rung, rung.get("open", "no evidence"))
    if rung["verdict"] == "refuted":
        need(_refuted(m.model, name, rung["evidence"], claimed), "the claim holds at the point")
        return "refuted"
    need(rung["verdict"] == "proved", "undecided")
    taken = list(dict.fromkeys(RUNGS[name](m, rung["evidence"])))
    assumed = NO_EXPLOSION if NO_EXPLOSION in taken else None
    need(rung.get("assumed") == assumed, "something else is assumed")
    return "; assuming: ".join(["proved", *taken])


def check(certificate, model=None):
    """(the verdict that is certified or None, {rung: (whether it is certified, a sentence)})."""
    claim, rungs, said = certificate["claim"], certificate["rungs"], {}
    need(certificate["format"] == 2, "another format")
    need(model is None or model == certificate["model"], "the certificate is about another model")
    try:
        m = Model(certificate["model"], claim["sizes"])
    except Refused as reason:
        return None, dict.fromkeys(RUNGS, (False, str(reason)))
    for name in RUNGS:
        try:
            is_late = name in AFTER_REGULARITY and rungs[name]["verdict"] == "proved"
            need(not is_late or said["regularity"][0], "regularity is not certified")
            said[name] = True, _rung(m, name, rungs[name], claim["sizes"])
        except Refused as reason:
            said[name] = False, str(reason)
    whole = "proved" if all(is_certified for is_certified, _ in said.values()) else None
    whole = "refuted" if (True, "refuted") in said.values() else whole
    is_conditional = whole == "proved" and NO_EXPLOSION in said["non_explosion"][1]
    is_claimed = (claim["verdict"], claim["conditional"]) == (whole, is_conditional)
    need(whole is None or is_claimed, f"{whole}, conditional: {is_conditional}, is not the claim")
    return whole, said


def parsed(text):
    """JSON in which nothing is said twice and every number is one."""

    def once(pairs):
        need(len(dict(pairs)) == len(pairs), "a key is there twice")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=once, parse_constant=number, parse_float=number)


def _said(text):  # in one line, without characters that look like others
    return ascii(str(text))[1:-1]


def _main(path, *other):
    try:
        files = [parsed(Path(p).read_text(encoding="utf-8")) for p in (path, *other)]
        verdict, said = check(files[0], *(file["model"] for file in files[1:]))
    except Refused as reason:
        print("REJECTED:", _said(reason))
        return 1
    except (*UNREADABLE, OSError) as error:
        print("NO CERTIFICATE:", type(error).__name__, _said(error))
        return 2
    for name, symbol in files[0]["model"]["symbols"].items():
        print("declared     ", _said(name), _said(symbol))
    for name, (is_certified, sentence) in said.items():
        print("certified    " if is_certified else "not certified", name, _said(sentence))
    claim = files[0]["claim"]
    condition = f", if {NO_EXPLOSION}" if claim["conditional"] else ""
    scope = "".join(f", at {d} = {n}" for d, n in claim["sizes"].items())
    print(f"CERTIFIED: {verdict}{condition}{scope}" if verdict else "NOT CERTIFIED as a whole")
    return 0 if verdict else 3


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
