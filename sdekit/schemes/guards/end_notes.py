"""What a scheme does, in words, where noise vanishes or a drift has a pole at an end of a domain.

Not for counting what happens there, which a run does.

Checked by: tests/schemes/guards/test_end_notes.py.
"""

from __future__ import annotations

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SchemeError
from sdekit.schemes.ends.vanishing_noise import has_pole_at_end, vanishing_ends
from sdekit.schemes.split.flow_records import GeometricBrownian, IntervalNoise, PowerNoise
from sdekit.schemes.split.scheme_names import named
from sdekit.schemes.split.splitting import splitting
from sdekit.schemes.split.unroll import unroll


def end_notes(dynamics: Dynamics, scheme: str, *, folded: bool = True) -> tuple[str, ...]:
    """One sentence for each way in which the law near such ends is not exact.

    Args:
        dynamics: What ran.
        scheme: Its scheme.
        folded: Whether a path was led back inside, or may have been.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x", domain=(0, 1))
        >>> d = sk.Dynamics(drift={x: 1 - 2 * x}, diffusion={x: x * (1 - x)})
        >>> end_notes(d, "C")
        ('x keeps its domain by steps with the exact mean and variance, of weak order 2',)
    """
    ito = dynamics.ito()
    return (
        *_where_noise_vanishes(ito, scheme, folded),
        *(_at_poles(ito, scheme) if folded else ()),
    )


def _at_poles(ito: Dynamics, scheme: str) -> tuple[str, ...]:
    """Steps from near a pole of the drift go anywhere, unless they may be rejected."""
    known = named(scheme)
    if known is not None and known.runner in ("trajectory", "proposal"):
        return ()
    xs = {x for x in ito.variables for y, rate in ito.drift.items() if has_pole_at_end(x, y, rate)}
    text = (
        "met an end of its domain at which the drift has a pole: a step from near it is thrown far "
        "off, so that the law holds for small steps only; compare with half the step size"
    )
    return (f"{_names(xs, list(ito.variables))} {text}",) if xs else ()


def _where_noise_vanishes(ito: Dynamics, scheme: str, folded: bool) -> tuple[str, ...]:
    own = {x: block for (x, y), block in ito.blocks() if x == y}
    ending = [x for x, block in own.items() if any(vanishing_ends(x, block))]
    if not ending:
        return ()
    try:
        moves = unroll(splitting(ito), scheme)
    except SchemeError:
        moves = ()
    kept = {x for m in moves if m.method == "euler_maruyama" for x in m.moves} & set(ending)
    exact = {m.flow.variable for m in moves if isinstance(m.flow, PowerNoise)}
    matched = {m.flow.variable for m in moves if isinstance(m.flow, IntervalNoise)}
    leaving = {x for m in moves if not isinstance(m.flow, GeometricBrownian) for x in m.moves}
    signed = set(ending) - leaving if moves else set()
    rest = set(ending) - kept - exact - matched - signed if folded else set()
    sentences = {
        "keeps its domain by steps with the exact mean and variance, of weak order 2": matched,
        "keeps its domain, where the noise vanishes, by steps with the mean and variance of "
        "Euler-Maruyama": kept,
        "is mirrored at an end at which its noise vanishes: the law near it is not that of the "
        "SDE": rest,
    }
    return tuple(f"{_names(xs, ending)} {text}" for text, xs in sentences.items() if xs)


def _names(chosen: set[Variable], ordered: list[Variable]) -> str:
    return ", ".join(x.name for x in ordered if x in chosen)
