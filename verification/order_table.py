"""Orders, leading terms and harmonic closed forms of the usual schemes, each within its time.

    python verification/order_table.py

Every scheme is asked for once per round with SymPy's cache cleared; the time is the median. Results
are compared with the formulas that the literature gives (Leimkuhler and Matthews 2015, chapter 7;
for Euler-Maruyama, Talay and Tubaro 1990), which are typed in here and derived nowhere else.
"""

from __future__ import annotations

import statistics
import time

import matplotlib.pyplot as plt
import sympy as sp
from _results import Report, arguments, table

import sdekit as sk
from sdekit.schemes.bias.harmonic import harmonic_law

LONGEST = 2.0
q, p, A = sp.Symbol("theta_1"), sp.Symbol("p_1"), sp.Symbol("A")
U = sp.Function("U")(q)
U1, U2, U3, U4 = (sp.diff(U, q, k) for k in (1, 2, 3, 4))
_first = (p**2 * U2 - U1**2) / 2
_drag = A * p**2 * U2 / 4 - A * U2 / 4
#: Dynamics, word, weak and invariant order, A_{r+1}^dagger 1 at n = 1 (None where none is printed).
ORDERS = (
    ("langevin", "BAO", 1, 1, _first),
    ("langevin", "ABO", 1, 1, -_first),
    ("langevin", "OBA", 1, 1, _first),
    ("langevin", "BAOAB", 2, 2, -(p**3) * U3 / 12 + p * U1 * U2 / 4 - _drag),
    ("langevin", "ABOBA", 2, 2, p**3 * U3 / 24 - p * U1 * U2 / 4 + _drag),
    ("langevin", "OBABO", 2, 2, -(p**3) * U3 / 12 + p * U1 * U2 / 4),
    ("langevin", "OABAO", 2, 2, p**3 * U3 / 24 - p * U1 * U2 / 4),
    ("overdamped", "EM", 1, 1, U1**2 * U2 / 2 - U1 * U3 - U2**2 / 2 + U4 / 2),
    ("sgnht", "BADODAB", 2, 2, None),
    ("sgnht", "Algorithm1", 1, 1, None),
)
h, K, c = sp.symbols("h K c")
_stiff = K * h**2
_denominator = 2 + 2 * c - _stiff
#: <theta^2> and <p^2> on U = K theta^2 / 2, with c = exp(-A h).
HARMONIC = {
    "BAOAB": (1 / K, 1 - _stiff / 4),
    "ABOBA": (1 / K, 1 / (1 - _stiff / 4)),
    "OBABO": (1 / (K * (1 - _stiff / 4)), 1),
    "OABAO": ((1 - _stiff / 4) / K, 1),
    "BAO": ((1 + c) ** 2 / (K * _denominator), (1 + c) * (2 - _stiff * (1 - c)) / _denominator),
    "OBA": ((1 + c) ** 2 / (K * _denominator), 2 * (1 + c) / _denominator),
}


def renamed(expression: sp.Expr) -> sp.Expr:
    """The expression in symbols of this file: the same names without assumptions."""
    plain = {symbol: sp.Symbol(symbol.name) for symbol in expression.free_symbols}
    found = expression.xreplace(plain)
    of_theta = {
        call: sp.Function("U")(*call.args) for call in found.atoms(sp.core.function.AppliedUndef)
    }
    return found.subs(of_theta).doit()


def median_seconds(work, rounds):
    """Median time of one result asked for anew, and the result."""
    spent = []
    for _ in range(rounds):
        sp.core.cache.clear_cache()
        begin = time.perf_counter()
        found = work()
        spent.append(time.perf_counter() - begin)
    return statistics.median(spent), found


def main() -> None:
    options = arguments(__doc__ or "")
    rounds = 1 if options.quick else 5
    report = Report("order_table", options, 0)
    rows, right, times = [], [], {}
    for name, word, weak, invariant, leading in ORDERS:
        dynamics = sk.catalog.get(name)
        seconds, found = median_seconds(lambda d=dynamics, w=word: sk.order(d, w), rounds)
        agrees = (found.weak_order, found.invariant_order) == (weak, invariant)
        if leading is not None:
            agrees = agrees and sp.expand(renamed(found.leading_term) - leading) == 0
        times[f"{word} of {name}"] = seconds
        right.append(agrees)
        rows.append([name, word, found.weak_order, found.invariant_order,
                     leading is not None, agrees, seconds])  # fmt: skip
    closed = []
    for word, expected in HARMONIC.items():
        seconds, law = median_seconds(
            lambda w=word: harmonic_law(sk.catalog.get("langevin"), w), rounds
        )
        times[f"{word}, harmonic"] = seconds
        gaps = [
            sp.cancel(renamed(law.moment(x, x)) - value)
            for x, value in zip(("theta", "p"), expected, strict=True)
        ]
        closed.append(gaps == [0, 0])
        rows.append(["harmonic", word, None, None, True, closed[-1], seconds])
    slowest = max(times, key=times.__getitem__)
    report.claim(
        "Weak and invariant order and leading term of ten schemes for generic U are the published",
        f"{sum(right)} of {len(right)}", all(right),
    )  # fmt: skip
    report.claim(
        "Harmonic closed forms of six words are reproduced symbolically",
        f"{sum(closed)} of {len(closed)}", all(closed),
    )  # fmt: skip
    report.claim(
        f"Each takes at most {LONGEST:g} s",
        f"longest {times[slowest]:.2f} s, {slowest}", times[slowest] <= LONGEST,
    )  # fmt: skip
    report.add("seconds", times)
    figure, axis = plt.subplots(figsize=(6, 4))
    axis.barh(list(times), list(times.values()))
    axis.axvline(LONGEST, color="k", linestyle="--")
    axis.set(xlabel="seconds, median", title="Orders and closed forms")
    header = ["dynamics", "word", "weak", "invariant", "formula compared", "agrees", "seconds"]
    report.write(figure, table("Orders and harmonic closed forms", header, rows))


if __name__ == "__main__":
    main()
