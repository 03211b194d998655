"""Design: published dynamics are found again from what is left open in them, for every n."""

import pytest

import sdekit as sk
from sdekit.calculus.contraction import is_zero, lower
from sdekit.errors import UndecidedError, VerificationError

n = sk.dim("n")
theta, p, xi = sk.vector("theta", n), sk.vector("p", n), sk.scalar("xi")
A, mu = sk.parameter("A", positive=True), sk.parameter("mu", positive=True)
U = sk.potential("U", theta)
c0, c2, s1, s2 = (sk.parameter(name) for name in ("c0", "c2", "s1", "s2"))
kinetic = sk.dot(p, p) / 2
heating = (sk.dot(p, p) - n) / mu


def thermostat(force, S=s2 * xi**2 + s1 * xi, friction=xi, extra=0 * p, D=None, K=kinetic):
    return sk.Dynamics(
        drift={
            theta: sk.grad(K, p),
            p: -sk.grad(U, theta) - friction * sk.grad(K, p) + extra,
            xi: force,
        },
        diffusion={p: A * sk.eye(n) if D is None else D},
        hamiltonian=U + K + S,
        target=U,
    )


def only(dynamics, *unknowns, nonzero=()):
    """The one family, whose dynamics is verified anew."""
    (found,) = sk.design(dynamics, unknowns, nonzero=nonzero)
    assert found.verification.verdict is sk.Verdict.PROVED
    assert sk.verify(found.dynamics).verdict is sk.Verdict.PROVED
    return found


def test_the_thermostat_of_the_paper_is_rediscovered():
    """xi' = c2 p.p + c0 with H = ... + s2 xi^2 + s1 xi: c0 = -n c2, s2 = 1/(2 c2), s1 = -A/c2."""
    found = only(thermostat(c2 * sk.dot(p, p) + c0), c0, c2, s1, s2, nonzero=[c2])
    assert (found.free, found.conditions) == (("s2",), ("s2 > 0",))
    lines = ["c0 = -(n/(2*s2))", "c2 = 1/(2*s2)", "s1 = -(2*A*s2)"]
    assert str(found).splitlines()[:3] == lines


def test_an_unknown_law_of_the_thermostat_is_found():
    S = sk.function("S", xi)
    assert str(only(thermostat(heating, S), S)) == "S = -(A*mu*xi) + mu*xi**2/2"
    phi = sk.function("phi", xi)
    found = sk.design(thermostat(heating, S, friction=phi), [S, phi])
    assert [str(family) for family in found] == ["phi = (A*mu + grad(S(xi), xi))/mu"]


def test_a_law_with_second_derivatives_is_found_with_its_noise():
    S = sk.function("S", xi)
    langevin = sk.Dynamics(
        {theta: p, p: -sk.grad(U, theta) - xi * p, xi: heating - A * xi},
        {xi: c0},
        hamiltonian=U + kinetic + S,
        target=U,
    )
    assert str(only(langevin, S, c0)) == "S = mu*xi**2/2\nc0 = A/mu"


def test_a_chain_of_thermostats_is_found():
    zeta, mu_2, g = sk.scalar("zeta"), sk.parameter("mu_2", positive=True), sk.function("g", xi)
    chain = sk.Dynamics(
        {theta: p, p: -sk.grad(U, theta) - xi * p, xi: heating - xi * zeta, zeta: g},
        {},
        hamiltonian=U + kinetic + mu * xi**2 / 2 + mu_2 * zeta**2 / 2,
        target=U,
    )
    assert str(only(chain, g)) == "g = (mu*xi**2 - 1)/mu_2"


def test_the_thermostat_of_any_kinetic_energy_is_found():
    K, f = sk.potential("K", p), sk.function("f", p)
    law = mu * (xi - A) ** 2 / 2
    found = str(only(thermostat(f, law, K=K), f))
    laplacian, slope = "trace(grad(grad(K(p), p), p))", "grad(K(p), p)"
    assert found == f"f = -({laplacian}/mu) + dot({slope}, {slope})/mu"


def test_the_relativistic_thermostat_is_found():
    c, f = sk.parameter("c", positive=True), sk.function("f", p)
    K = c**2 * sk.sqrt(sk.dot(p, p) / c**2 + 1)
    (found,) = sk.design(thermostat(f, mu * (xi - A) ** 2 / 2, K=K), [f])
    assert found.verification.checks["stationarity"].is_proved
    slope = sk.grad(K, p)
    right = (sk.dot(slope, slope) - sk.div(slope, p)) / mu
    assert is_zero(lower(found.dynamics.drift[xi] - right))


def test_a_matrix_of_thermostats_is_found_and_should_be_symmetric():
    F = sk.function("F", p, shape=(n, n))
    D = sk.parameter("D", n, n, positive_definite=True)

    def posed(Xi):
        return sk.Dynamics(
            {theta: p, p: -sk.grad(U, theta) - Xi @ p, Xi: F},
            {p: D},
            hamiltonian=U + kinetic + mu * sk.dot(Xi - D, Xi - D) / 2,
            target=U,
        )

    found = only(posed(sk.matrix("Xi", n, n)), F)
    assert str(found) == "F = -(eye(n)/mu) + outer(p, p)/mu"
    assert "Xi - transpose(Xi) is conserved" in found.verification.checks["uniqueness"].reason
    symmetric = only(posed(sk.matrix("Xi", n, n, symmetric=True)), F)
    assert not symmetric.verification.checks["uniqueness"].is_refuted


def test_the_force_along_a_noise_that_is_known_is_found():
    """Noise A(theta): mu (xi - A) grad A; noise A I + h Sigma(theta)/2: -h Sigma p / 2."""
    level = sk.function("A", theta, positive=True)
    F = sk.function("F", theta, xi, shape=(n,))
    found = only(thermostat(heating, mu * (xi - level) ** 2 / 2, extra=F, D=level * sk.eye(n)), F)
    slope = "grad(A(theta), theta)"
    assert str(found) == f"F = mu*(xi*{slope}) - mu*(A(theta)*{slope})"
    h, Sigma = (
        sk.parameter("h", positive=True),
        sk.function("Sigma", theta, shape=(n, n), positive_semidefinite=True),
    )
    damping = sk.function("F", theta, p, shape=(n,))
    noise = A * sk.eye(n) + h / 2 * Sigma
    found = only(thermostat(heating, mu * (xi - A) ** 2 / 2, extra=damping, D=noise), damping)
    assert str(found) == "F = -(h*(Sigma(theta)@p)/2)"


def test_divergences_of_metrics_are_found():
    D = sk.function("D", theta, shape=(n, n), positive_definite=True)
    F = sk.function("F", theta, shape=(n,))
    sgld = sk.Dynamics({theta: -D @ sk.grad(U, theta) + F}, {theta: D}, hamiltonian=U, target=U)
    assert str(only(sgld, F)) == "F = div(D(theta), theta)"
    sgrhmc = sk.Dynamics(
        {theta: D @ p, p: -D @ sk.grad(U, theta) - D @ D @ p + F},
        {p: D @ D},
        hamiltonian=U + kinetic,
        target=U,
    )
    assert str(only(sgrhmc, F)) == "F = div(D(theta), theta)"


def test_the_marginal_gives_the_log_det():
    G, W = sk.function("G", theta, shape=(n, n), positive_definite=True), sk.function("W", theta)
    H = U + W + sk.dot(p, sk.inv(G) @ p) / 2
    flow = sk.Dynamics({theta: sk.grad(H, p), p: -sk.grad(H, theta)}, {}, hamiltonian=H, target=U)
    assert str(only(flow, W)) == "W = logdet(G(theta))/2"


def test_the_correction_of_an_ensemble_is_found():
    """J walkers of dimension n with their covariance as noise: (n + 1)/J (X - mean)."""
    J, c = sk.dim("J"), sk.parameter("c")
    X = sk.matrix("X", J, n)
    V = sk.potential("V", X)
    mean = sk.outer(sk.ones(J), X.T @ sk.ones(J) / J)
    covariance = (X - mean).T @ (X - mean) / J
    ensemble = sk.Dynamics(
        {X: -sk.grad(V, X) @ covariance + c * (X - mean)},
        {X: sk.transpose(sk.outer(sk.eye(J), covariance), 0, 2, 1, 3)},
        hamiltonian=V,
    )
    (found,) = sk.design(ensemble, [c])
    assert str(found) == "c = (n + 1)/J"


def test_a_momentum_that_turns_round_at_a_wall_needs_an_even_energy():
    """Inside, every mean momentum c is a law; at a specular wall only c = 0 is."""
    q, v, c = sk.scalar("q", domain="positive"), sk.scalar("v"), sk.parameter("c")
    W = sk.potential("W", q)
    drift = {q: v + c, v: -sk.grad(W, q) - A * (v + c)}
    law = {"hamiltonian": W + v**2 / 2 + c * v, "target": W}
    assert str(only(sk.Dynamics(drift, {v: A}, **law), c)) == "c = 0"
    # Twin: without the wall c is free.
    x = sk.scalar("x")
    free = sk.Dynamics(
        {x: v + c, v: -x - A * (v + c)}, {v: A}, hamiltonian=x**2 / 2 + v**2 / 2 + c * v
    )
    assert only(free, c).free == ("c",)


def test_gradient_noise_stays_apart_from_what_is_injected():
    """SGHMC: what is injected is the friction less what the gradient carries."""
    B = sk.parameter("B", positive=True)
    sghmc = sk.Dynamics(
        {theta: p, p: -sk.grad(U, theta) - A * p},
        {p: c0 * sk.eye(n)},
        gradient_noise={p: B * sk.eye(n)},
        hamiltonian=U + kinetic,
    )
    (found,) = sk.design(sghmc, [c0])
    assert str(found) == "c0 = A - B"
    assert found.dynamics.gradient_noise == sghmc.gradient_noise


def test_a_function_that_is_no_integral_is_sought_among_polynomials():
    x = sk.scalar("x")
    S = sk.function("S", x)
    drift = sk.Dynamics({x: -S}, {x: 1}, hamiltonian=x**4)
    assert [str(found) for found in sk.design(drift, [S])] == ["S = 4*x**3"]
    with pytest.raises(UndecidedError, match="not integrated"):
        sk.design(sk.Dynamics({x: -sk.sin(x) - S}, {x: 1}, hamiltonian=x**4), [S])


def test_a_block_of_noise_is_symmetric():
    D = sk.function("D", theta, shape=(n, n))
    found = only(thermostat(sk.dot(p, p) - n, (xi - A) ** 2 / 2, D=D), D)
    assert (str(found), found.free) == ("D = A*eye(n)", ())


def test_a_trace_of_a_parameter_is_a_constant():
    """A thermostat with friction xi M p compares p.M p with tr M."""
    M = sk.parameter("M", n, n, positive_definite=True)
    posed = sk.Dynamics(
        {theta: p, p: -sk.grad(U, theta) - xi * (M @ p), xi: (sk.dot(p, M @ p) - c0) / mu},
        {p: A * M},
        hamiltonian=U + kinetic + mu * (xi - A) ** 2 / 2,
        target=U,
    )
    assert str(only(posed, c0)) == "c0 = trace(M)"


def test_a_root_is_no_empty_answer():
    x = sk.scalar("x")
    with pytest.raises(UndecidedError, match="no rational function"):
        sk.design(sk.Dynamics({x: -2 * x}, noise={x: c0}, hamiltonian=x**2), [c0])


def test_a_value_has_the_sign_that_is_declared_of_the_unknown():
    x, k, b = sk.scalar("x"), sk.parameter("k", positive=True), sk.parameter("b")
    assert sk.design(sk.Dynamics({x: k * x}, {x: 1}, hamiltonian=x**2 / 2), [k]) == ()
    shifted = sk.Dynamics({x: -k * x + b * x}, {x: 1}, hamiltonian=x**2 / 2)
    (found,) = sk.design(shifted, [k])
    assert str(found) == "k = b + 1\nwhere b + 1 > 0"


def test_a_function_or_block_is_what_is_declared_of_it():
    """S = 0 keeps the law as every constant does, and is not positive; C = 0 is antisymmetric."""
    x = sk.scalar("x")
    S = sk.function("S", x, positive=True)
    with pytest.raises(UndecidedError, match="no proof of none"):
        sk.design(sk.Dynamics({x: -S * x}, {x: S}, hamiltonian=x**2 / 2), [S])
    for declared in ({"antisymmetric": True}, {"positive_definite": True}):
        C = sk.parameter("C", n, n, **declared)
        drift = {theta: -(sk.eye(n) + C) @ sk.grad(U, theta)}
        posed = sk.Dynamics(drift, {theta: sk.eye(n)}, hamiltonian=U)
        if "antisymmetric" in declared:
            assert str(sk.design(posed, [C])[0]) == "C = 0"
        else:
            with pytest.raises(UndecidedError, match="declared positive_definite"):
                sk.design(posed, [C])


def test_what_depends_on_time_has_no_design_and_no_repair():
    x = sk.scalar("x")
    moving = sk.Dynamics({x: -c0 * x * sk.time}, {x: sk.time}, hamiltonian=x**2 / 2)
    with pytest.raises(VerificationError, match="depends on time"):
        sk.design(moving, [c0])
    assert sk.repair(moving) == ()


def test_what_is_assumed_of_other_parameters_holds_for_a_design():
    x = sk.scalar("x")
    posed = sk.Dynamics({x: -c0 * x}, {x: A - mu}, hamiltonian=x**2 / 2, assume=[mu < A])
    assert str(only(posed, c0)) == "c0 = A - mu"
    about = sk.Dynamics({x: -x}, {x: 1}, hamiltonian=c0 * x**2, assume=[c0 > 1])
    with pytest.raises(VerificationError, match="assumed of an unknown"):
        sk.design(about, [c0])


def test_an_ansatz_without_a_design_has_no_solution():
    """Twin: without the momentum in the force no coefficients work."""
    assert sk.design(thermostat(c0 + c2 * xi), [c0, c2, s1, s2], nonzero=[c2]) == ()


def test_a_design_with_a_negative_noise_is_none():
    """Twin: heating the momenta needs D = -A."""
    hot = sk.Dynamics(
        {theta: p, p: -sk.grad(U, theta) + A * p}, {p: c0 * sk.eye(n)}, hamiltonian=U + kinetic
    )
    assert sk.design(hot, [c0]) == ()


@pytest.mark.parametrize("name", ["c0", "c", "a", "s", "U_1"])
def test_noise_at_a_temperature_that_is_a_sum_is_found_under_any_name(name):
    unknown, h = sk.parameter(name), sk.parameter("h", positive=True)
    warm = sk.Dynamics(
        {theta: -sk.grad(U, theta)}, {theta: unknown * sk.eye(n)}, hamiltonian=U / (1 + h)
    )
    assert [str(found) for found in sk.design(warm, [unknown])] == [f"{name} = h + 1"]


def test_what_cannot_be_solved_is_an_error_and_no_empty_answer():
    x = sk.scalar("x")
    hidden = sk.Dynamics({x: -x}, {x: 1}, hamiltonian=sk.log(sk.exp(c0 * x**2) + 1))
    with pytest.raises(VerificationError, match="no proof"):
        sk.design(hidden, [c0])


@pytest.mark.parametrize(
    ("unknowns", "message"),
    [
        ([], "a few unknowns"),
        ([sk.parameter("z")], "no unknown of the dynamics"),
        ([theta], "no unknown of the dynamics"),
        ([c0, c0], "given twice"),
    ],
)
def test_bad_unknowns_are_errors(unknowns, message):
    with pytest.raises(VerificationError, match=message):
        sk.design(thermostat(c2 * sk.dot(p, p) + c0), unknowns)


def test_what_must_not_vanish_is_an_unknown():
    with pytest.raises(VerificationError, match="kept from zero"):
        sk.design(thermostat(c2 * sk.dot(p, p) + c0), [c0], nonzero=[c2])


def test_functions_of_the_same_variable_are_no_proof_against_a_function_of_it():
    """A drift f with known V(x), a weight W with known mass m(q): both read the given function."""
    x, q, v = sk.scalar("x"), sk.scalar("q"), sk.scalar("v")
    V, W = sk.potential("V", x), sk.function("W", q)
    f, m = sk.function("f", x), sk.function("m", q, positive=True)
    (found,) = sk.design(sk.Dynamics({x: f}, {x: 1 + x**2}, hamiltonian=V), [f])
    assert str(found) == "f = 2*x - grad(V(x), x) - x**2*grad(V(x), x)"
    H = sk.potential("V", q) + W + v**2 / m / 2
    law = {"hamiltonian": H, "target": sk.potential("V", q)}
    flow = sk.Dynamics({q: sk.grad(H, v), v: -sk.grad(H, q)}, {}, **law)
    assert str(only(flow, W)) == "W = log(m(q))/2"
    # Twin: what no term of the basis is, is not excluded.
    with pytest.raises(UndecidedError, match="not integrated"):
        sk.design(sk.Dynamics({x: -sk.grad(V, x)}, {x: f}, hamiltonian=V + x**4), [f])


def test_a_mass_that_is_a_number_at_each_point_has_its_logarithm():
    m, W = sk.function("m", theta, positive=True), sk.function("W", theta)
    H = U + W + sk.dot(p, p) / m / 2
    flow = sk.Dynamics({theta: sk.grad(H, p), p: -sk.grad(H, theta)}, {}, hamiltonian=H, target=U)
    assert str(only(flow, W)) == "W = n*log(m(theta))/2"


def test_a_friction_that_is_a_product_of_matrices_is_found():
    C, G = (sk.parameter(name, n, n, positive_definite=True) for name in "CG")
    M = sk.parameter("M", n, n)
    posed = sk.Dynamics(
        {theta: sk.inv(G) @ p, p: -sk.grad(U, theta) - M @ p},
        {p: C},
        hamiltonian=U + sk.dot(p, sk.inv(G) @ p) / 2,
        target=U,
    )
    assert str(only(posed, M)) == "M = C@inv(G)"
