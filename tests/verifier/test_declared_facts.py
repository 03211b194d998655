"""What a model declares beyond its symbols is kept, and no counterexample breaks it."""

import pytest
import sympy as sp

import sdekit as sk
from sdekit.errors import DeclarationError, ModelFileError

x, y = sk.scalar("x"), sk.scalar("y")
a, b = sk.parameter("a"), sk.parameter("b", positive=True)


def _model(assume):
    """D = a b: positive semidefinite exactly where a >= 0."""
    return sk.Dynamics(
        drift={x: -a * b * x}, diffusion={x: a * b}, hamiltonian=x**2 / 2, assume=assume
    )


def test_assumptions_are_kept_printed_and_round_tripped():
    model = _model([a >= 1, 2 * a * b > b**2])
    assert 'assume = ["a >= 1", "2*a*b > b**2"]' in model.to_toml()
    again = sk.loads(model.to_toml())
    assert again == model and again.assume == model.assume
    assert model != _model([]) and hash(model) != hash(_model([]))
    assert "assumed: a ≥ 1" in str(model) and r"a \ge 1" in model.latex()
    assert model.ito() is model and model.spelled_out() is model


def test_a_counterexample_that_breaks_an_assumption_refutes_nothing():
    psd = sk.verify(_model([a**3 >= 0])).checks["diffusion_psd"]
    assert psd.verdict.value == "undecided" and "assumption a**3 >= 0" in psd.reason
    assert sk.verify(_model([a >= 0])).checks["diffusion_psd"].is_proved


@pytest.mark.parametrize("assume", [[], [a < 1], [b > 0]])
def test_a_counterexample_within_the_assumptions_refutes(assume):
    """Twin: the witness has a < 0, which these allow; one about b alone is judged at its value."""
    psd = sk.verify(_model(assume)).checks["diffusion_psd"]
    assert psd.verdict.value == ("refuted" if psd.witness else "undecided")
    if not assume or assume[0].left == a:
        assert psd.verdict.value == "refuted"


@pytest.mark.parametrize("declared", [False, True])
def test_a_choice_of_a_convex_function_refutes_only_where_nothing_is_declared(declared):
    U = sk.potential("U", x, convex=declared)
    model = sk.Dynamics(drift={x: 0}, diffusion={x: sk.diff(U, x, x)}, hamiltonian=U)
    found = sk.verify(model).checks["diffusion_psd"].verdict.value
    assert found == "undecided" if declared else found in ("refuted", "undecided")
    assert sk.verify(model).verdict.value != "proved"


@pytest.mark.parametrize(
    ("fact", "message"),
    [(x > 0, "parameters alone"), (sk.parameter("c") > 0, "does not use"), (a, "no inequality"),
     (sk.parameter("v", sk.dim("n")) > a, "wrong shape"), ("a > 0", "no inequality")],
)  # fmt: skip
def test_an_assumption_that_makes_no_sense_is_refused(fact, message):
    with pytest.raises(DeclarationError, match=message):
        _model([fact])


@pytest.mark.parametrize(
    ("text", "message"),
    [('"a > 0"', "no list"), ("[1]", "no inequality"), ('["a"]', "comparison"),
     ('["a > q"]', "unknown name"), ('["a > 0 > b"]', "syntax"), ('["x > 0"]', "parameters alone")],
)  # fmt: skip
def test_a_mistake_in_a_file_is_named(text, message):
    written = _model([]).to_toml().replace("format = 1", f"format = 1\nassume = {text}")
    with pytest.raises(ModelFileError, match=message):
        sk.loads(written)


def test_sympy_declares_inequalities_as_well():
    s, k = sp.Symbol("s"), sp.Symbol("k")
    model = sk.Dynamics(drift={s: -k * s}, diffusion={s: k}, hamiltonian=s**2 / 2, assume=[k >= 2])
    assert repr(model.assume[0]) == "k >= 2" and sk.loads(model.to_toml()) == model


def _checked(energy, *properties, momentum=False):
    """Checks of overdamped or Langevin dynamics in an energy that holds U(x)."""
    x, p = sk.scalar("x"), sk.scalar("p")
    u = sk.potential("U", x, **dict.fromkeys(properties, True))
    h = energy(u, x)
    if not momentum:
        model = sk.Dynamics({x: -sk.grad(h, x)}, {x: 1}, hamiltonian=h)
    else:
        force = -sk.grad(h, x) - p
        model = sk.Dynamics({x: p, p: force}, {p: 1}, hamiltonian=h + p**2 / 2, target=h)
    return sk.verify(model)


@pytest.mark.parametrize(
    ("energy", "declared", "is_outright"),
    [
        (lambda u, x: u + x**2, "convex", True),
        (lambda u, x: x**2 - 3 * u, "lipschitz", True),
        (lambda u, x: u + x**2, "bounded", True),
        # A plane is no law, -U is concave, and a Lipschitz U may outgrow |x|.
        (lambda u, x: u, "convex", False),
        (lambda u, x: x**2 - u, "convex", False),
        (lambda u, x: u + sk.sqrt(1 + x**2), "lipschitz", False),
        (lambda u, x: u + x**2, "even", False),
        (lambda u, x: u * x**2 + x**2, "lipschitz", False),
    ],
)
def test_convex_and_lipschitz_functions_beside_a_quadratic_have_a_law(
    energy, declared, is_outright
):
    """A plane below U; else the law is a stated assumption."""
    stated = " ".join(_checked(energy, declared).assumptions)
    assert ("integrable" not in stated) == is_outright


@pytest.mark.parametrize(
    ("energy", "declared", "is_outright"),
    [
        (lambda u, x: u, "coercive", True),
        (lambda u, x: 2 * u + x**2 + sk.cos(x), "coercive", True),
        (lambda u, x: u + x**2, "convex", True),
        (lambda u, x: u - x**2, "coercive", False),
        (lambda u, x: -u, "coercive", False),
        (lambda u, x: u, "convex", False),
    ],
)
def test_what_tends_to_infinity_by_declaration_is_not_assumed_to(energy, declared, is_outright):
    found = _checked(energy, declared, momentum=True)
    assert ("tends to infinity" not in " ".join(found.assumptions)) == is_outright


@pytest.mark.parametrize(("declared", "is_reversed"), [("even", True), ("convex", False)])
def test_an_even_kinetic_energy_is_reversed_with_its_momentum(declared, is_reversed):
    x, p = sk.vector("x", 2), sk.vector("p", 2)
    u, kinetic = sk.potential("U", x), sk.potential("K", p, **{declared: True})
    speed = sk.grad(kinetic, p)
    model = sk.Dynamics(
        {x: speed, p: -sk.grad(u, x) - speed}, {p: 1}, hamiltonian=u + kinetic, target=u
    )
    found = sk.verify(model).checks["reversibility"]
    assert found.is_proved == is_reversed


@pytest.mark.parametrize(
    ("energy", "declared", "verdict"),
    [
        # No convex, coercive or Lipschitz U has a finite law in these.
        (lambda u, x: -u, "coercive", "undecided"),
        (lambda u, x: -u, "convex", "undecided"),
        (lambda u, x: u - x**2, "lipschitz", "undecided"),
        (lambda u, x: -u, "lipschitz", "proved"),
        (lambda u, x: u, "convex", "proved"),
        (lambda u, x: u, "coercive", "proved"),
    ],
)
def test_a_law_is_assumed_only_where_the_declaration_leaves_room(energy, declared, verdict):
    assert _checked(energy, declared, momentum=True).checks["normalizable"].verdict == verdict


def test_explosion_of_every_lipschitz_function_is_not_assumed_away():
    """D = exp(x^2/4) explodes where H grows linearly; not for U = x^2/2, which is not Lipschitz."""
    x = sk.scalar("x")
    for declared, verdict in (("lipschitz", "undecided"), ("convex", "proved")):
        h = sk.potential("U", x, **{declared: True}) + sk.sqrt(1 + x**2)
        d = sk.exp(x**2 / 4)
        model = sk.Dynamics({x: sk.grad(d, x) - d * sk.grad(h, x)}, {x: d}, hamiltonian=h)
        assert sk.verify(model).verdict == verdict


@pytest.mark.parametrize(("sign", "verdict"), [(1, "proved"), (-1, "undecided")])
def test_the_law_of_an_auxiliary_is_assumed_only_where_there_is_room(sign, verdict):
    x, p = sk.scalar("x"), sk.scalar("p")
    kinetic = sign * sk.potential("K", p, convex=True)
    model = sk.Dynamics(
        {x: -x, p: -sk.grad(kinetic, p)}, {x: 1, p: 1}, hamiltonian=x**2 / 2 + kinetic
    )
    assert sk.verify(model).verdict == verdict


def test_a_convex_function_of_a_half_line_may_have_a_law():
    r = sk.scalar("r", domain="positive")
    u = sk.potential("U", r, convex=True)
    half = sk.Dynamics({r: -sk.grad(u, r)}, {r: 1}, hamiltonian=u)
    assert sk.verify(half).checks["normalizable"].verdict == "proved"


RHO, LOW = sk.parameter("rho"), sk.parameter("low")


@pytest.mark.parametrize(
    ("assume", "under", "verdict"),
    [
        ([RHO**2 <= 1], 1 - RHO**2, "proved"),
        ([2 * RHO**2 <= 1], 1 - RHO**2, "proved"),
        ([], 1 - RHO**2, "refuted"),
        ([RHO**2 <= 2], 1 - RHO**2, "refuted"),
        ([RHO**2 >= 1], 1 - RHO**2, "refuted"),
        ([RHO**2 <= 1], 1 - RHO**2 + sk.sqrt(LOW), "undecided"),
    ],
)
def test_a_root_in_a_noise_factor_is_real_where_the_assumptions_say_so(assume, under, verdict):
    x, y = sk.scalar("x"), sk.scalar("y")
    model = sk.Dynamics({x: -x, y: -y}, noise={x: (1, 0), y: (RHO, sk.sqrt(under))}, assume=assume)
    assert sk.verify(model).checks["diffusion_psd"].verdict == verdict
