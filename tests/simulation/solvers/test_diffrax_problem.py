"""`to_diffrax` against exact solutions: laws, strong orders, refusals."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.calculus.linear.linear_law import LinearSDE
from sdekit.errors import SchemeError, SimulationError

X = sk.scalar("x")
N = sk.dim("n")
THETA, P = sk.vector("theta", N), sk.vector("p", N)
#: Geometric Brownian motion dx = x dt + x dW, solved by exp(t / 2 + W).
GEOMETRIC = sk.Dynamics(drift={X: X}, diffusion={X: X**2 / 2})
U = sk.potential("U", THETA)
LANGEVIN = sk.Dynamics(
    drift={THETA: P, P: -sk.grad(U, THETA) - P},
    diffusion={P: sk.eye(N)},
    hamiltonian=U + sk.dot(P, P) / 2,
    target=U,
)


def strong_errors(solver, steps_list, paths=400):
    """Root mean square error at time 1 on common noise, for each number of steps."""
    problem = sk.to_diffrax(GEOMETRIC, 1.0, t1=1.0, solver=solver)
    finest = max(steps_list)
    dw = jax.random.normal(jax.random.key(0), (paths, finest)) / np.sqrt(finest)
    motion = jnp.concatenate([jnp.zeros((paths, 1)), jnp.cumsum(dw, axis=1)], axis=1)

    @jax.jit
    def ends(steps):
        h, every = 1.0 / steps, finest // steps

        def path(w):
            def step(i, y):
                z = (w[(i + 1) * every] - w[i * every]) / jnp.sqrt(h)
                return problem.step(y, z[None], 0.0, h)

            return jax.lax.fori_loop(0, steps, step, problem.y0)[0]

        return jax.vmap(path)(motion)

    exact = jnp.exp(0.5 + motion[:, -1])
    return np.array([float(jnp.sqrt(jnp.mean((ends(n) - exact) ** 2))) for n in steps_list])


def slope_and_error(steps_list, errors):
    x, y = -np.log(steps_list), np.log(errors)
    slope, _ = np.polyfit(x, y, 1)
    residual = y - np.polyval(np.polyfit(x, y, 1), x)
    spread = np.sqrt((residual**2).sum() / (len(x) - 2) / ((x - x.mean()) ** 2).sum())
    return slope, spread


#: Range of the fit: h from 1/8 to 1/128, common noise; 400 paths leave 4 % in each error.
STEPS = [8, 16, 32, 64, 128]


@pytest.mark.parametrize(("solver", "order"), [("euler", 0.5), ("milstein", 1.0), ("heun", 1.0)])
def test_solvers_have_their_strong_order_on_geometric_brownian_motion(solver, order):
    slope, spread = slope_and_error(STEPS, strong_errors(solver, STEPS))
    assert 4 * spread < 0.3
    assert abs(slope - order) < max(4 * spread, 0.1)


def test_the_conversion_to_stratonovich_matters():
    """Twin: Heun with the Ito drift converges to another process, its error stays."""
    from sdekit.simulation.solvers import diffrax_terms

    problem = sk.to_diffrax(GEOMETRIC, 1.0, t1=1.0, solver="heun")
    wrong = diffrax_terms.vector_field(problem.problem, GEOMETRIC.drift)
    y = jnp.array([1.3])
    np.testing.assert_allclose(wrong(0.0, y, None) - problem.drift(0.0, y, None), 0.65, rtol=1e-5)


def test_underdamped_langevin_has_the_exact_law_at_time_one():
    """diffeqsolve with the default solver for additive noise, h = 0.05: its bias is below 1e-3."""
    problem = sk.to_diffrax(
        LANGEVIN, jnp.array([1.0]), potential=lambda q: 2 * jnp.sum(q**2), t1=1.0,
        auxiliary={"p": jnp.zeros(1)},
    )  # fmt: skip
    assert problem.entry.name == "shark"
    paths = 2_000

    @jax.jit
    @jax.vmap
    def end(key):
        bm = diffrax.UnsafeBrownianPath(
            shape=jax.ShapeDtypeStruct((2,), jnp.float32), key=key,
            levy_area=diffrax.SpaceTimeLevyArea,
        )  # fmt: skip
        terms = diffrax.MultiTerm(
            diffrax.ODETerm(problem.drift), diffrax.ControlTerm(problem.diffusion, bm)
        )
        return diffrax.diffeqsolve(
            terms, problem.solver, 0.0, 1.0, 0.05, problem.y0, adjoint=problem.adjoint
        ).ys[0]

    ends = np.asarray(end(jax.random.split(jax.random.key(1), paths)), float)
    exact = LinearSDE([[0, 1], [-4, -1]], [[0, 0], [0, 1]]).transition(1.0)
    scores = (ends - exact.matrix @ [1.0, 0.0]) @ np.linalg.inv(
        np.linalg.cholesky(exact.covariance)
    ).T
    assert np.max(np.abs(scores.mean(0))) * np.sqrt(paths) < 4.5
    z = ((scores**2).mean(0) - 1) * np.sqrt(paths / 2)
    assert np.max(np.abs(z)) < 4.5


def test_the_slope_of_a_solved_path_by_a_parameter_is_its_central_difference():
    """Reverse mode through `diffeqsolve`; a path drawn on the spot would be another path."""
    a = sk.parameter("a")
    model = sk.Dynamics({X: a * X - X**3}, noise={X: a * (1 + X**2 / 4)})
    paths = []

    def end(value):
        problem = sk.to_diffrax(
            model,
            0.5,
            t1=1.0,
            parameters={"a": value},
            seed=2,
            solver="euler",
            precision="float64",
        )
        paths.append(problem.path)
        return problem.solve(t1=1.0, dt0=0.25).ys[-1, 0]

    with jax.enable_x64(True):
        both, width = jax.jit(jax.value_and_grad(end)), 1e-5
        high, low = (float(both(jnp.asarray(0.8 + side * width))[0]) for side in (1, -1))
        slope = float(both(jnp.asarray(0.8))[1])
        # The difference is off by width^2 and by 1e-16 / width, below 1e-9 of such numbers.
        assert abs(slope - (high - low) / (2 * width)) < 1e-6 * abs(slope)
        alone = float(end(0.8))
    assert paths == ["tree", "increments"]
    assert abs(alone - high) > 1e-3


def test_solve_calls_diffeqsolve_and_blocks_name_the_variables():
    problem = sk.to_diffrax(
        LANGEVIN, jnp.zeros(3), potential=lambda q: jnp.sum(q**2), t1=1.0, seed=3
    )
    solution = problem.solve(t1=1.0, dt0=0.1, saveat=diffrax.SaveAt(ts=[0.5, 1.0]))
    blocks = problem.blocks(solution.ys)
    assert {name: block.shape for name, block in blocks.items()} == {
        "theta": (2, 3),
        "p": (2, 3),
    }


def test_adaptive_steps_take_a_tree_and_meet_the_solution():
    problem = sk.to_diffrax(GEOMETRIC, 1.0, t1=1.0, adaptive=True, rtol=1e-3, atol=1e-3)
    assert problem.entry.name == "spark"
    tree = problem.terms.terms[1].control
    assert isinstance(tree, diffrax.VirtualBrownianTree)
    found = problem.solve(t1=1.0, dt0=0.05).ys[0, 0]
    exact = jnp.exp(0.5 + tree.evaluate(0.0, 1.0)[0])
    np.testing.assert_allclose(found, exact, rtol=0.05)


def test_shared_noise_becomes_a_matrix():
    y = sk.scalar("y")
    shared = sk.Dynamics(drift={X: -X, y: -y}, noise={X: [2, 0], y: [1, 3]})
    problem = sk.to_diffrax(shared, {"x": 0.0, "y": 0.0}, t1=1.0)
    assert problem.motions == 2
    matrix = problem.diffusion(0.0, problem.y0, None).as_matrix()
    np.testing.assert_allclose(matrix, [[2, 0], [1, 3]], rtol=1e-6)


def test_a_dynamics_without_noise_is_an_ode():
    rotation = sk.Dynamics(drift={X: sk.scalar("y"), sk.scalar("y"): -X})
    problem = sk.to_diffrax(rotation, {"x": 1.0, "y": 0.0}, t1=1.0, adaptive=True, rtol=1e-6)
    found = problem.blocks(problem.solve(t1=1.0, dt0=0.1).ys[-1])
    np.testing.assert_allclose(found["x"], np.cos(1.0), rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"t1": 0.0}, SimulationError, "time interval is empty"),
        ({"solver": "shark"}, SchemeError, "does not converge for diagonal noise"),
        ({"path": "fractal"}, SimulationError, "unknown kind of Brownian path"),
        ({"path": "increments", "adaptive": True}, SimulationError, "path that can be refined"),
        ({"precision": "float16"}, SimulationError, "unknown precision"),
        ({"precision": "float64"}, SimulationError, "float64 switched off"),
    ],
)
def test_what_does_not_fit_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        sk.to_diffrax(GEOMETRIC, 1.0, **{"t1": 1.0, **options})


def test_the_kind_of_path_is_checked_without_noise_too():
    with pytest.raises(SimulationError, match="unknown kind of Brownian path"):
        sk.to_diffrax(sk.Dynamics(drift={X: -X}), 1.0, t1=1.0, path="fractal")


Z, Q = sk.variable("z", domain=("0", "1")), sk.scalar("q", domain="positive")


@pytest.mark.parametrize(
    ("drift", "noise"), [({Z: -Z}, {Z: 1}), ({Q: -Q}, {Q: 1}), ({Q: X, X: -X}, {X: 1})]
)
def test_ends_that_a_path_may_meet_are_refused(drift, noise):
    x = next(iter(drift))
    with pytest.raises(SimulationError, match=f"no boundary for {x.name}"):
        sk.to_diffrax(
            sk.Dynamics(drift, noise=noise), dict.fromkeys((y.name for y in drift), 0.5), t1=1.0
        )


def test_an_end_where_the_noise_vanishes_is_none_to_refuse():
    """Twin: prices stay positive."""
    assert sk.to_diffrax(sk.Dynamics({Q: Q}, noise={Q: Q}), 1.0, t1=1.0).motions == 1
