"""Checks a certificate: `python check.py FILE.json [MODEL.json]`. Standard library only.

Each rung gets the model and its evidence, raises `Refused` unless its claim follows, and returns
what is taken for granted of unknown functions. Nothing in the file but the model is believed; the
model of a second certificate has to be the same. Theorems used by name: Khasminskii (2012), 3.5
(L V <= c (1 + V), V proper: no explosion); Fukushima, Oshima, Takeda (2011), 1.6.3 (a _reversible
diffusion with definite D of at most quadratic growth and finite exp(-H) does not explode).
Exit status: 0 certified as a whole, 1 rejected, 2 no certificate, 3 some rung is not certified.
"""

import json
import sys
from fractions import Fraction as Q

if __package__:
    from sdekit.certificates.checker.declared_model import POSITIVE, Model
    from sdekit.certificates.checker.index_ring import Refused, need, plus
    from sdekit.certificates.checker.refutations import form_at, number_at, point_of, slopes_at
else:  # run as a program from its folder, without the package
    from declared_model import POSITIVE, Model
    from index_ring import Refused, need, plus
    from refutations import form_at, number_at, point_of, slopes_at

NO_EXPLOSION = "solutions do not explode"
#: What reading something ends in that is no certificate.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def _symmetric(m, _):
    for x, y in {*m.blocks, *(pair[::-1] for pair in m.blocks)}:
        a, b = len(m.dims(x)), len(m.dims(y))
        turned = m.moved(m.blocks.get((x, y), {}), {k: (k + b) % (a + b) for k in range(a + b)})
        need(m.is_zero(plus(turned, m.blocks.get((y, x), {}), -1)), f"D is not symmetric in {x}")
    return []


def _semidefinite(m, _):
    """Block by block; a scalar as it is written, others term by term."""
    for x, y, tree in m.model["diffusion"]:
        block = m.blocks[x, y]
        need(x == y or not block, f"D couples {x} and {y}")
        sign = m.form_sign(block, x) if m.dims(x) else m.tree_sign(tree)
        need(sign or not block, f"D is not seen to be _semidefinite in {x}")
    return []


def _stationary(m, _):
    """The residual vanishes, and so does the current across every end of the domain."""
    need(m.is_zero(m.residual()), "the residual is not seen to vanish")
    for x in m.variables:
        kind = m.domain(x)["kind"]
        need(kind in ("real", "positive", "interval", "circle"), f"the domain of {x}")
        if kind == "circle":
            parts = (*m.drift.values(), *m.blocks.values(), m.energy)
            need(all(m.is_periodic(a, x) for a in parts), f"{x} is not seen to be an angle")
        elif kind != "real":
            need(m.is_zero(m.current(x)), f"the current in {x} is not seen to vanish")
    return []


# Integrals of exp(-energy) over a block; `mine` are the terms of the energy that hold the block.


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


def _less(tree):
    return ["sum", ["number", "1"], ["product", ["number", "-1"], tree]]


def _log(tree):
    return ["function", "log", tree]


#: Finite integrals over a scalar z with energy sum c_k b_k: kind: (domain, the b, [(s, r)] such
#: that s c_k + r has to be positive). Of `student`, b = log q with q a quadratic above zero.
NAMED = {
    "gamma": ("positive", lambda z, _: [z, _log(z)], [(1, 0), (-1, 1)]),
    "beta": ("interval", lambda z, _: [_log(z), _log(_less(z))], [(-1, 1), (-1, 1)]),
    "lognormal": (
        "positive",
        lambda z, _: [["product", _log(z), _log(z)], _log(z)],
        [(1, 0), (0, 1)],
    ),
    "student": ("real", lambda _, data: [_log(data["q"])], [(2, -1)]),
}


def _named(m, mine, x, data):
    (kind, bases, conditions), domain, z = NAMED[data["kind"]], m.domain(x), ["symbol", x]
    need(domain["kind"] == kind and not m.dims(x), f"the domain of {x}")
    need(kind != "interval" or (domain["lower"], domain["upper"]) == ("0", "1"), f"the ends of {x}")
    bases, trees = [m.formula(tree) for tree in bases(z, data)], data["coefficients"]
    need(len(bases) == len(trees), "the coefficients")
    for tree, base, (scale, shift) in zip(trees, bases, conditions):
        c = m.formula(tree)
        need(not m.depends(c, *m.variables), "a coefficient varies")
        need(m.sign(plus({(): Q(shift)} if shift else {}, c, scale)) == POSITIVE, "a coefficient")
        mine = plus(mine, m.times(c, base), -1)
    need(m.is_zero(mine), "another energy")
    if kind == "real":
        q = m.formula(data["q"])
        form = m.gradient(q, x, x)
        need(
            m.has_floor(q) and m.sign(form) == POSITIVE and not m.depends(form, x), "the quadratic"
        )


def _above(m, mine, x, data):
    """At least slope |z|^power - shift: by squares, or as mine >= 0 and mine^2 >= that^2."""
    z, slope = m.formula(["symbol", x], x), m.formula(data["slope"])
    need(m.domain(x)["kind"] == "real" and m.sign(slope) == POSITIVE, "the line or the slope")
    need(not m.depends(slope, *m.variables), "the slope")
    square, power, squares = m.pair(z, z, x), data["power"], data.get("squares")
    need(power in ((1, 2, 4) if squares is None else (2, 4)), "the power")
    if squares is None:
        bound = m.times(m.raised((), slope, 2), m.raised((), square, power))
        need(m.sign(mine) and m.sign(plus(m.times(mine, mine), bound, -1)), "the bound")
        return
    shift = m.formula(data["shift"])
    need(not m.depends(shift, *m.variables), "the shift")
    left = plus(plus(mine, shift), m.times(slope, m.raised((), square, power // 2)), -1)
    for c, tree in squares:
        need(m.sign(m.formula(c)), "the coefficient of a square")
        left = plus(left, m.times(m.formula(c), m.raised((), m.formula(tree), 2)), -1)
    need(m.is_zero(left), "the sum of squares")


def _uniform(m, mine, x, data):
    need(m.domain(x)["kind"] == "circle", f"{x} is on no circle")


INTEGRALS = {"above": _above, "uniform": _uniform, **dict.fromkeys(NAMED, _named)}


def _integrated(m, energy, blocks, left):
    """-log of the integral of exp(-energy) over the variables `left`, and what is assumed."""
    said = []
    for data in blocks:
        xs = data["blocks"]
        need({*xs} <= {*left}, "the blocks")
        left = [x for x in left if x not in xs]
        mine = {t: c for t, c in energy.items() if m.depends({t: c}, *xs)}
        energy = {t: c for t, c in energy.items() if t not in mine}
        if data["kind"] == "gaussian":
            energy = plus(energy, _gaussian(m, mine, *xs, data))
            continue
        need(not m.depends(mine, *({*m.variables} - {*xs})), f"{xs} is coupled to others")
        if data["kind"] == "assumed":
            said.append(
                f"exp(-H) is integrable over {', '.join(xs)}, by choice of {_unknown(m, mine, xs)}"
            )
        else:
            INTEGRALS[data["kind"]](m, mine, *xs, data)
    need(not left, f"{left} are left")
    return energy, said


def _unknown(m, a, xs):
    """Names of the functions in a, which may be chosen: c f(xs), c > 0, f without properties."""
    names = {}
    for term, c in a.items():
        found = [(key, e) for key, e in term if m.depends({((key, e),): 1}, *m.functions)]
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


def _marginal(m, evidence):
    """H - target is integrated over the auxiliary blocks; no other variable may be left in it."""
    excess = plus(m.energy, m.target, -1)
    left, said = _integrated(m, excess, evidence["blocks"], m.auxiliary)
    need(all(m.is_zero(m.gradient(left, x)) for x in m.stay), "the marginal is not the target")
    return said


def _normalizable(m, evidence):
    said = _marginal(m, evidence)
    if evidence["target"] == "assumed":
        return [*said, f"exp(-target) is integrable, by choice of {_unknown(m, m.target, m.stay)}"]
    return [*said, *_integrated(m, m.target, evidence["target"], m.stay)[1]]


def _regular(m, _):
    """Every division, root and logarithm is of something that is positive inside the domain."""

    def walk(tree):
        op, *args = tree
        inner = [] if op in ("eye", "ones") else [t for t in args if isinstance(t, list)]
        for part in (t for t in inner if t and isinstance(t[0], str)):
            walk(part)
        e = Q(args[1]) if op == "power" else Q(1)
        if e < 0 or e != int(e) or (op == "function" and args[0] == "log"):
            need(m.tree_sign(inner[0]) == POSITIVE, f"{json.dumps(inner[0])} may vanish")
        if op in ("inverse", "logdet"):
            need(m.pairs_sign(m.value(args[0])[1], {0: 1}) == POSITIVE, "a singular matrix")

    trees = (*m.model["drift"].values(), *(block[2] for block in m.model["diffusion"]))
    for tree in (*trees, m.model["hamiltonian"], m.model["target"], *m.choice.values()):
        walk(tree)
    return ["the unknown functions are smooth"] if m.functions else []


# No explosion


def _growth(m, _):
    """v at most linear and D at most quadratic in the unbounded variables."""
    for x in m.variables:
        kind = m.domain(x)["kind"]
        need(kind in ("real", "circle", "interval"), f"the domain of {x}")
        blocks = [block for pair, block in m.blocks.items() if x in pair]
        is_fast = not m.is_slow(m.drift[x], 1) or not all(m.is_slow(b, 2) for b in blocks)
        need(kind == "circle" or not is_fast, f"{x} is driven too fast")
    return []


def _bounded(m, a, xs):
    """Whether every term is at most quadratic in xs alone, or is never positive."""
    for term, c in a.items():
        is_own = not m.depends({term: c}, *({*m.variables} - {*xs}))
        need((is_own and m.is_slow([term], 2)) or (c < 0 and m.term_sign(term, -c)), "L V <= c V")


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
        said.append(
            f"the target is bounded below and proper, by choice of {_unknown(m, m.target, rest)}"
        )
        need(
            not m.depends(plus(m.energy, m.target, -1), *rest),
            "H - target depends on the target's variables",
        )
        rest = []
    for x in rest:  # a polynomial of one scalar with an even leading power
        mine = {t: c for t, c in m.energy.items() if m.depends({t: c}, x)}
        need(not m.depends(mine, *({*m.variables} - {x})) and not m.dims(x), f"H in {x}")
        top = max([m.degree(t) or 0 for t in mine])
        lead = {t: c for t, c in mine.items() if m.degree(t) == top}
        slope = m.gradient(lead, *[x] * int(top))
        need(m.is_slow(mine, top) and top % 2 == 0 < top and m.sign(slope) == POSITIVE, f"H in {x}")
    change = m.generator(m.energy)
    _bounded(m, {} if m.is_zero(change) else change, own)
    return said


def _square(m, _):
    """L |z|^2 <= c (1 + |z|^2), with coefficients that have no pole."""
    total = {}
    for x in m.variables:
        need(m.domain(x)["kind"] in ("real", "positive"), f"the domain of {x}")
        z = m.formula(["symbol", x], x)
        total = plus(total, m.pair(z, z, x))
    for a in (*m.drift.values(), *m.blocks.values()):
        need(None not in [m.degree(term) for term in a], "a coefficient may have a pole")
    _bounded(m, m.generator(total), m.variables)
    return []


def _reversible(m, evidence):
    """No current anywhere, definite D of at most quadratic growth, finite exp(-H)."""
    for x in m.variables:
        block = m.blocks.get((x, x), {})
        need(m.is_zero(m.current(x)), f"the current in {x} is not seen to vanish")
        need(m.form_sign(block, x) == POSITIVE and m.is_slow(block, 2), f"D in {x}")
    need(all(x == y or not block for (x, y), block in m.blocks.items()), "D couples variables")
    return _normalizable(m, evidence["normalizable"])


def _instance(m, evidence):
    """Outright for one choice of the unknown functions; assumed for the others."""
    need(m.functions, "there is no unknown function")
    chosen = m.chosen(evidence["choice"])
    said = _regular(chosen, {}) + _normalizable(chosen, evidence["normalizable"])
    need(not said + _non_explosion(chosen, evidence["evidence"]), "the choice is open itself")
    return [NO_EXPLOSION]


def _non_explosion(m, evidence):
    rules = {
        "growth": _growth,
        "energy": _energy,
        "square": _square,
        "reversible": _reversible,
        "instance": _instance,
    }
    return rules[evidence["kind"]](m, evidence)


RUNGS = {
    "diffusion_symmetric": _symmetric,
    "diffusion_psd": _semidefinite,
    "stationarity": _stationary,
    "marginalization": _marginal,
    "normalizable": _normalizable,
    "regularity": _regular,
    "non_explosion": _non_explosion,
}


def _refuted(model, rung, evidence, claimed):
    """Whether the claim of a rung fails at a point."""
    m, values = point_of(model, evidence, claimed)
    if rung == "stationarity":
        return number_at(m, m.residual(), values) != 0
    if rung == "diffusion_psd":
        return form_at(m, evidence["direction"], values) < 0
    need(rung == "marginalization", "no refutation of this rung is known")
    excess = plus(m.energy, m.target, -1)
    left, said = _integrated(m, excess, evidence["blocks"], m.auxiliary)
    return not said and any(slopes_at(m, left, values))


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
    claim, said = certificate["claim"], {}
    need(certificate["format"] == 2, "another format")
    need(model is None or model == certificate["model"], "the certificate is about another model")
    try:
        m = Model(certificate["model"], claim["sizes"])
    except Refused as reason:
        return None, dict.fromkeys(RUNGS, (False, str(reason)))
    for name in RUNGS:
        try:
            said[name] = True, _rung(m, name, certificate["rungs"][name], claim["sizes"])
        except Refused as reason:
            said[name] = False, str(reason)
    whole = "proved" if all(is_certified for is_certified, _ in said.values()) else None
    if (True, "refuted") in said.values():
        whole = "refuted"
    is_conditional = whole == "proved" and NO_EXPLOSION in str(said)
    is_as_claimed = whole is None or [whole, is_conditional] == [
        claim["verdict"],
        claim["conditional"],
    ]
    need(is_as_claimed, f"{whole}, conditional: {is_conditional}, is not what is claimed")
    return whole, said


def _main(path, *other):
    try:
        files = [json.loads(open(p, encoding="utf-8").read()) for p in (path, *other)]
        verdict, said = check(files[0], *(file["model"] for file in files[1:]))
    except Refused as reason:
        print("REJECTED:", reason)
        return 1
    except (*UNREADABLE, OSError) as error:
        print("NO CERTIFICATE:", type(error).__name__, error)
        return 2
    for name, (is_certified, sentence) in said.items():
        print("certified    " if is_certified else "not certified", name, sentence)
    print(f"CERTIFIED: {verdict}" if verdict else "NOT CERTIFIED as a whole")
    return 0 if verdict else 3


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
