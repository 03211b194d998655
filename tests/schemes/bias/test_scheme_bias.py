"""Leading bias at given potentials: closed forms, a grid solution, a simulation, and refinement."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sympy as sp

import sdekit as sk
import sdekit.catalog as catalog
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import ModelFileError, SchemeError
from sdekit.schemes.bias.harmonic import harmonic_law
from sdekit.schemes.bias.scheme_bias import Bias, bias
from tests.schemes.models import langevin, overdamped, sgnht, two_particles

QUARTIC = "theta**2/2 + theta**4/20"
DOUBLE_WELL = "(theta**4 + theta**3 - 13*theta**2 - theta + 12)/14 + 1/2"


SPLITTINGS = ["BAOAB", "ABOBA", "OBABO", "OABAO", "BAO", "ABO", "OBA", "EM"]


@pytest.mark.parametrize(
    ("word", "first", "second"),
    [(word, "theta", "theta") for word in SPLITTINGS]
    + [("BAOAB", "p", "p"), ("ABOBA", "p", "p"), ("BAO", "theta", "p"), ("EM", "theta", "p")],
)
def test_the_leading_bias_of_harmonic_targets_is_that_of_the_closed_form(
    word: str, first: str, second: str
) -> None:
    """Series of the exact covariance at K = 3, A = 2 against Galerkin: two independent routes."""
    law = harmonic_law(langevin(), word)
    exact = law.written_out(law.moment(first, second))
    h = next(iter(s for s in law.step_map.free_symbols if s.name == "h"))
    numbers = {s: {"K": 3, "A": 2}[s.name] for s in exact.free_symbols if s != h}
    found = bias(
        langevin(), word, potential="3*theta**2/2", parameters={"A": 2},
        observable=f"{first}*{second}",
    )  # fmt: skip
    assert found.power == (2 if word in ("BAOAB", "ABOBA", "OBABO", "OABAO") else 1)
    series = sp.series(exact.subs(numbers), h, 0, found.power + 1).removeO()
    expected = float(series.coeff(h, found.power))
    assert found.coefficient == pytest.approx(expected, abs=max(found.error_bound, 1e-9))


def _grid_mean(step: float) -> float:
    """<q^2> of Euler-Maruyama on the quartic, from the transition matrix on a grid of 401."""
    x = np.linspace(-5, 5, 401)
    mean = x - step * (x + x**3 / 5)
    kernel = np.exp(-((x[None, :] - mean[:, None]) ** 2) / (4 * step))
    kernel /= kernel.sum(axis=1, keepdims=True)
    system = kernel.T - np.eye(len(x))
    # One of the equations follows from the others; the sum of the law takes its place.
    system[0] = 1.0
    law = np.linalg.solve(system, np.eye(len(x))[0])
    return float(law @ x**2)


def test_the_bias_of_a_quartic_is_that_of_the_transition_matrix() -> None:
    """(<q^2>_h - <q^2>) / h at three steps, extrapolated twice to h = 0."""
    found = bias(overdamped(), "EM", potential=QUARTIC)
    slopes = [(_grid_mean(h) - found.mean) / h for h in (0.08, 0.04, 0.02)]
    once = [2 * b - a for a, b in itertools.pairwise(slopes)]
    twice = (4 * once[1] - once[0]) / 3
    # What is left is of third order in h; the last extrapolation shows its size.
    left = abs(twice - once[1])
    assert left < 0.02 * found.coefficient
    assert abs(twice - found.coefficient) < left
    # Twin: the harmonic part alone would have another bias.
    assert abs(bias(overdamped(), "EM", potential="theta**2/2").coefficient - twice) > 7 * left


def _simulated_obabo(step: float, chains: int, steps: int) -> tuple[float, float]:
    """<q^2> and its standard error on the quartic, friction 2, from independent chains."""
    source = np.random.default_rng(11)
    c = np.exp(-2 * step / 2)
    q, p = source.normal(size=chains) * 0.85, source.normal(size=chains)
    total = np.zeros(chains)
    burn = int(12 / step)
    for k in range(burn + steps):
        p = c * p + np.sqrt(1 - c**2) * source.normal(size=chains)
        p = p - step / 2 * (q + q**3 / 5)
        q = q + step * p
        p = p - step / 2 * (q + q**3 / 5)
        p = c * p + np.sqrt(1 - c**2) * source.normal(size=chains)
        if k >= burn:
            total += q**2
    means = total / steps
    return float(means.mean()), float(means.std() / np.sqrt(chains))


def test_the_predicted_bias_of_obabo_on_a_quartic_is_simulated() -> None:
    """At h = 0.4, with the next-order term bounded by the square of the relative bias."""
    found = bias(langevin(), "OBABO", potential=QUARTIC, parameters={"A": 2})
    mean, error = _simulated_obabo(0.4, chains=8000, steps=250)
    shift = found.coefficient * 0.4**2
    next_order = 2 * shift**2 / found.mean
    assert abs(mean - found.predicted_mean(0.4)) < 4.5 * error + next_order
    assert abs(mean - found.mean) > 7 * error + next_order  # twin: the exact mean is not sampled


def test_the_double_well_has_its_known_moments() -> None:
    found = bias(
        langevin(), "BAOAB", potential=DOUBLE_WELL, parameters={"A": 1}, observable="theta"
    )
    assert found.mean == pytest.approx(-2.14795530, abs=1e-8)
    assert found.error_bound < 1e-4 * max(abs(found.coefficient), 0.1)


def test_refinement_agrees_with_the_error_it_states() -> None:
    """A third route: the same coefficient from the modified density of Euler-Maruyama."""
    found = bias(overdamped(), "EM", potential=DOUBLE_WELL)
    x = np.linspace(-12, 12, 200_001)
    U = (x**4 + x**3 - 13 * x**2 - x + 12) / 14
    first = (4 * x**3 + 3 * x**2 - 26 * x - 1) / 14
    second = (12 * x**2 + 6 * x - 26) / 14
    weight = np.exp(-U)
    weight /= weight.sum()
    g = first**2 / 4 - second / 2
    expected = float(np.sum(weight * x**2 * g) - np.sum(weight * x**2) * np.sum(weight * g))
    assert abs(found.coefficient - expected) <= max(found.error_bound, 1e-8 * abs(expected))


def test_a_thermostat_has_a_second_order_bias() -> None:
    found = bias(sgnht(), "BADODAB", potential=QUARTIC, parameters={"A": 2, "mu": 1})
    assert (found.weak_order, found.invariant_order, found.power) == (2, 2, 2)
    assert found.error_bound < 1e-4
    assert abs(found.coefficient) > 1e-3


def test_algorithm_1_biases_the_thermostat_to_first_order() -> None:
    """Twin of the one above. Mean field: K <q^2> = 1 - xi h / 2, so about -A / 2 per h."""
    found = bias(sgnht(), "Algorithm1", potential="theta**2/2", parameters={"A": 2, "mu": 40})
    assert found.power == 1
    # The thermostat's variance 1 / mu is the mean field's error.
    assert found.coefficient == pytest.approx(-1.0, abs=2 / 40)


def test_kinetic_energies_other_than_quadratic_are_known() -> None:
    relativistic = catalog.get("langevin-relativistic")
    found = bias(relativistic, potential="theta**2/2", parameters={"A": 1, "m": 1, "c": 3})
    assert found.mean == pytest.approx(1, rel=1e-9)
    assert found.power == 2
    assert found.error_bound < 1e-2


def test_other_unknown_functions_are_given_by_name() -> None:
    """With K = p^2 / 2 the generalized kinetic energy is that of Langevin dynamics."""
    kinetic = catalog.get("langevin-kinetic")
    found = bias(
        kinetic, "BAOAB", potential=QUARTIC, parameters={"A": 2}, functions={"K": "p**2/2"}
    )
    known = bias(langevin(), "BAOAB", potential=QUARTIC, parameters={"A": 2})
    # Friction without exact flow is split once more, so that only the means must agree.
    assert found.mean == pytest.approx(known.mean, rel=1e-9)
    assert found.power == 2
    with pytest.raises(SchemeError, match="function K is not given"):
        bias(kinetic, "BAOAB", potential=QUARTIC, parameters={"A": 2})


def test_a_flow_without_noise_has_no_single_law() -> None:
    with pytest.raises(SchemeError, match="without noise"):
        bias(catalog.get("hamiltonian"), potential=QUARTIC)


# -- gradient noise ------------------------------------------------------------------------------


def test_gradient_noise_gives_baoab_a_first_order_bias() -> None:
    """<q^2> = 1/K + V h / (2 K gamma) + ..., from the closed form in coth(gamma h / 2)."""
    found = bias(
        langevin(), "BAOAB", potential="2*theta**2", parameters={"A": 3}, gradient_covariance=5
    )
    assert found.power == 1
    assert found.coefficient == pytest.approx(5 / (2 * 4 * 3), rel=1e-7)
    assert found.harmonic is not None
    assert found.harmonic.moment("theta", "theta") != sp.Rational(1, 4)


def test_two_fresh_gradients_per_step_halve_the_noise() -> None:
    """Twin: with the force drawn twice a step, each acts half a step: V (1/4 + 1/4) = V / 2."""
    found = bias(
        langevin(), "A[1/4] B[1/2] A[1/2] B[1/2] A[1/4] O", potential="2*theta**2",
        parameters={"A": 3}, gradient_covariance=5,
    )  # fmt: skip
    plain = bias(
        langevin(), "A[1/4] B[1/2] A[1/2] B[1/2] A[1/4] O", potential="2*theta**2",
        parameters={"A": 3},
    )  # fmt: skip
    own = plain.coefficient if plain.power == 1 else 0.0
    assert found.coefficient - own == pytest.approx(5 / (2 * 4 * 3) / 2, rel=1e-6)


@pytest.mark.parametrize(("variance", "expected"), [("3", 3 / 8), ("3*theta**2", 3 / 32)])
def test_gradient_noise_in_euler_maruyama_is_that_of_the_recursion(
    variance: str, expected: float
) -> None:
    """m = (1 - h K)^2 m + 2 h + h^2 E V at K = 4: V adds V / (2 K), a q^2 adds a / (2 K^2)."""
    found = bias(overdamped(), "EM", potential="2*theta**2", gradient_covariance=variance)
    assert found.coefficient == pytest.approx(0.5 + expected, rel=1e-7)


def test_a_thermostat_absorbs_constant_gradient_noise_to_first_order() -> None:
    found = bias(
        sgnht(), "BADODAB", potential=QUARTIC, parameters={"A": 2, "mu": 1}, gradient_covariance=3
    )
    assert found.power == 1
    assert abs(found.coefficient) <= found.error_bound + 1e-7
    xi = bias(
        sgnht(), "BADODAB", potential=QUARTIC, parameters={"A": 2, "mu": 1}, gradient_covariance=3,
        observable="xi",
    )  # fmt: skip
    assert xi.coefficient == pytest.approx(1.5, rel=1e-6)  # xi settles at A + h V / 2


def test_gradient_noise_needs_an_open_potential() -> None:
    x = sk.scalar("x")
    given = Dynamics({x: -(x**3)}, {x: 1}, hamiltonian=x**4 / 4)
    with pytest.raises(SchemeError, match="left open in the declaration"):
        bias(given, "EM", observable="x**2", gradient_covariance=1)


# -- what a user does with it --------------------------------------------------------------------


def test_a_recommended_step_keeps_the_leading_bias_within_the_tolerance() -> None:
    found = bias(langevin(), "OBABO", potential=QUARTIC, parameters={"A": 2})
    step = found.recommended_step_size(0.01)
    assert abs(found.coefficient) * step**2 == pytest.approx(0.01, rel=1e-6)
    with pytest.raises(SchemeError, match="not positive"):
        found.recommended_step_size(0.0)


def test_a_recommended_step_stays_away_from_instability() -> None:
    """BAOAB has no bias in <q^2> on a quadratic target: only stability limits the step."""
    found = bias(langevin(), "BAOAB", potential="theta**2/2", parameters={"A": 2})
    assert found.stability_limit == pytest.approx(2.0, rel=1e-6)
    assert found.recommended_step_size(1.0) == pytest.approx(1.0, rel=1e-6)
    assert "unstable from h = 2" in str(found)


def test_the_stability_limit_of_a_double_well_is_that_of_its_stiffest_reach() -> None:
    """U'' = (12 x^2 + 6 x - 26) / 14 grows outwards: the limit lies below that at the minima."""
    found = bias(langevin(), "BAOAB", potential=DOUBLE_WELL, parameters={"A": 1})
    at_minimum = 2 / np.sqrt(4.2702905)
    assert found.stability_limit is not None
    assert at_minimum / 2 < found.stability_limit < at_minimum
    assert "a quadratic one would be" in str(found) and "no limit is known" in str(found)
    # A thermostat is not linear: no limit is claimed.
    assert (
        bias(sgnht(), potential="theta**2/2", parameters={"A": 1, "mu": 1}).stability_limit is None
    )


def test_the_result_is_the_data_that_the_command_line_prints() -> None:
    data = bias(langevin(), "BAOAB", potential=QUARTIC, parameters={"A": 2}).to_dict()
    assert (data["weak_order"], data["invariant_order"]) == (2, 2)
    assert set(data["leading_bias"]) == {"power", "coefficient", "error_bound"}
    assert data["leading_bias"]["power"] == 2
    assert data["harmonic"] is None


def test_a_quadratic_potential_comes_with_its_closed_form() -> None:
    found: Bias = bias(langevin(), "OBABO", potential="theta**2", parameters={"A": 2})
    assert found.harmonic is not None
    h = next(iter(found.harmonic.covariance.free_symbols - {c for c, _ in found.harmonic.decay}))
    assert sp.cancel(found.harmonic.moment("theta", "theta") - 1 / (2 - h**2)) == 0
    assert "stable where" in str(found)


@pytest.mark.parametrize("potential", [sp.Symbol("theta") ** 2 / 2, "theta**2/2", "0.5*theta**2"])
def test_a_potential_may_be_text_or_sympy(potential: object) -> None:
    found = bias(overdamped(), "EM", potential=potential)
    assert found.coefficient == pytest.approx(0.5, rel=1e-8)


def test_a_potential_may_have_parameters_of_its_own() -> None:
    found = bias(overdamped(), "EM", potential="K*theta**2/2", parameters={"K": 4})
    assert found.mean == pytest.approx(0.25, rel=1e-9)
    # <q^2> = 1 / (K (1 - h K / 2)): the coefficient is 1/2 for every K.
    assert found.coefficient == pytest.approx(0.5, rel=1e-8)


def test_a_concrete_energy_needs_no_potential() -> None:
    x, v = sk.scalar("x"), sk.scalar("v")
    given = Dynamics(
        {x: v, v: -(x**3) - 2 * v}, {v: 2}, hamiltonian=x**4 / 4 + v**2 / 2, target=x**4 / 4
    )
    assert bias(given, "BAOAB", observable="x**2").power == 2


def test_an_exact_flow_has_no_bias() -> None:
    x = sk.scalar("x")
    linear = Dynamics({x: -2 * x}, {x: 1}, hamiltonian=x**2)
    found = bias(linear, observable="x**2")
    assert (found.coefficient, found.mean) == (0.0, pytest.approx(0.5))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"potential": None, "parameters": {"A": 1}}, SchemeError, "no potential is given"),
        ({"potential": QUARTIC}, SchemeError, "no value is given for A"),
        ({"potential": "theta**2/", "parameters": {"A": 1}}, ModelFileError, "potential"),
        ({"potential": "-theta**2", "parameters": {"A": 1}}, SchemeError, "does not decay"),
        ({"potential": "x**2", "parameters": {"A": 1}}, ModelFileError, "x"),
        ({"potential": QUARTIC, "parameters": {"A": "two"}}, SchemeError, "is no number"),
        ({"potential": 3.5, "parameters": {"A": 1}}, SchemeError, "potential is no formula"),
        (
            {"potential": QUARTIC, "parameters": {"A": 1}, "observable": "exp(theta*p)"},
            SchemeError,
            "no sum of products",
        ),
    ],
)
def test_bad_input_is_named(options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        bias(langevin(), "BAOAB", **options)


def test_a_wrong_dynamics_has_no_bias_to_state() -> None:
    with pytest.raises(SchemeError, match="not stationary"):
        bias(catalog.get("sghmc-unmatched"), potential="theta**2/2", parameters={"A": 1, "B": 1})


def test_targets_of_several_coordinates_are_refused() -> None:
    with pytest.raises(SchemeError, match="one coordinate"):
        bias(two_particles(), potential="x**2", parameters={"A": 1})


def test_the_sub_steps_of_an_inexact_friction_do_not_show_beside_the_word() -> None:
    """K = p^2/2 given as an unknown function: without exact flow, but the same SDE as langevin."""
    options = {"potential": "theta**4/4", "parameters": {"A": 1}, "observable": "theta**2"}
    kinetic, exact = catalog.get("langevin-kinetic"), catalog.get("langevin")
    own = bias(exact, "BAOAB", **options).coefficient
    excess = bias(kinetic, "BAOAB", functions={"K": "p**2/2"}, **options).coefficient - own
    assert abs(excess) < abs(own) / 20
    # Twin: one step of it, whose error is 8^2 times as large, does show.
    assert abs(64 * excess) > abs(own)


# -- vectors, names, and what does not converge --------------------------------------------------


@pytest.mark.parametrize("potential", ["dot(theta, theta)/2 + sum(theta**4)/20", QUARTIC])
def test_a_potential_of_a_vector_may_be_written_as_one(potential: str) -> None:
    found = bias(overdamped(), "EM", potential=potential)
    assert found.coefficient == pytest.approx(
        bias(overdamped(), "EM", potential=QUARTIC, observable="theta_1**2").coefficient, rel=1e-9
    )


def test_two_coordinates_that_do_not_see_each_other_have_the_product_of_means() -> None:
    """<a b>_h = <a>_h <b>_h, so the leading term is <a> c_b + <b> c_a."""
    options = {"parameters": {"A": 1}}
    both = bias(
        langevin(), "BAOAB", potential="theta_1**4/4 + theta_2**2 + theta_2**4",
        observable="theta_1**2*theta_2**2", sizes={"n": 2}, **options,
    )  # fmt: skip
    first = bias(langevin(), "BAOAB", potential="theta**4/4", **options)
    second = bias(langevin(), "BAOAB", potential="theta**2 + theta**4", **options)
    assert both.mean == pytest.approx(first.mean * second.mean, rel=1e-9)
    expected = first.mean * second.coefficient + second.mean * first.coefficient
    assert abs(both.coefficient - expected) < both.error_bound
    # Twin: one of the two terms alone is far outside.
    assert abs(both.coefficient - first.mean * second.coefficient) > 100 * both.error_bound


def test_the_observable_is_the_squared_norm_when_left_out() -> None:
    found = bias(overdamped(), "EM", potential="sum(theta**4)/4", sizes={"n": 2})
    single = bias(overdamped(), "EM", potential="theta**4/4")
    assert (single.observable, found.observable) == ("theta**2", "theta_1**2 + theta_2**2")
    assert found.coefficient == pytest.approx(2 * single.coefficient, rel=1e-7)


def test_tails_that_polynomials_see_slowly_are_not_converged() -> None:
    """c = 1 has the momenta's tails exp(-|p|), c = 3 hides them: a number with its error."""
    options = {"observable": "theta**2", "potential": "theta**2/2"}
    relativistic = catalog.get("langevin-relativistic")
    with pytest.raises(SchemeError, match="not converged"):
        bias(relativistic, "BAOAB", parameters={"A": 1, "m": 1, "c": 1}, **options)
    found = bias(relativistic, "BAOAB", parameters={"A": 1, "m": 1, "c": 3}, **options)
    assert found.error_bound < abs(found.coefficient) / 100


def test_an_exponential_tail_on_one_side_is_within_its_error() -> None:
    """U = exp(x) - x; the reference is the modified density of Euler-Maruyama, by quadrature."""
    found = bias(overdamped(), "EM", potential="exp(theta) - theta")
    x = np.linspace(-60, 6, 200_001)
    weight = np.exp(x - np.exp(x))
    weight /= weight.sum()
    g = (np.exp(x) - 1) ** 2 / 4 - np.exp(x) / 2
    expected = float(np.sum(weight * x**2 * g) - np.sum(weight * x**2) * np.sum(weight * g))
    assert abs(found.coefficient - expected) < found.error_bound


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"potential": "abs(theta) + theta**2"}, "not smooth"),
        ({"potential": "relu(theta) + theta**2"}, "not smooth"),
        ({"observable": "abs(theta)"}, "observable is not smooth"),
        ({"observable": "exp(theta**2/3)"}, "no finite variance"),
        ({"potential": "sqrt(sqrt(1 + theta**2))"}, "tails"),
        ({"potential": "theta**2/2 + cos(20*theta)"}, "not converged"),
        ({"potential": "dot(theta, theta)/2 + theta_1*theta_2/2", "sizes": {"n": 2}}, "together"),
        ({"parameters": {"mu": 2}}, "unknown parameter mu"),
        ({"functions": {"K": "theta"}}, "no unknown function K"),
        ({"observable": sp.Symbol("q") ** 2}, "name that nothing stands for"),
        ({"observable": "theta", "sizes": {"n": 2}}, "no scalar formula"),
        ({"sizes": {"n": 5}, "potential": "dot(theta, theta)/2"}, "at most 4 coordinates"),
    ],
)
def test_what_bias_cannot_answer_is_refused_in_words(options: dict, message: str) -> None:
    with pytest.raises(SchemeError, match=message):
        bias(overdamped(), "EM", **{"potential": "theta**2/2", **options})


def test_a_parameter_that_contradicts_its_declaration_is_refused() -> None:
    with pytest.raises(SchemeError, match="expected positive, found -1"):
        bias(langevin(), "BAOAB", potential="theta**4/4", parameters={"A": -1})


def test_a_bounded_variable_is_refused() -> None:
    x = sk.scalar("x", domain="positive")
    half = Dynamics({x: -x}, {x: 1}, hamiltonian=x**2 / 2)
    with pytest.raises(SchemeError, match="whole real line"):
        bias(half, "EM", observable="x**2")
