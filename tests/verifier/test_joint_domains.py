"""Blocks on the simplex, in order, or positive definite are verified in free coordinates."""

from __future__ import annotations

import pytest

import sdekit as sk
from sdekit.declaration.tree.expression import Size
from sdekit.errors import DeclarationError
from sdekit.verifier.ambient import proved_for_all_sizes
from sdekit.verifier.charts import chart_of
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.non_explosion import by_completeness

K = sk.dim("k")
W = sk.vector("w", K, domain="simplex")
X = sk.vector("x", K, domain="ordered")
S = sk.matrix("S", K, domain="positive_definite")
A = sk.parameter("a", K, positive=True)
M = sk.parameter("m", positive=True)
J = sk.parameter("J", K, K, antisymmetric=True)
EYE, ONE, k = sk.eye(K), sk.ones(K), Size(K)
#: tr(T D T) = tr(T S T) for symmetric T: the noise of Bru's process.
BRU = (
    sk.transpose(sk.outer(S, EYE), 0, 2, 1, 3) + sk.transpose(sk.outer(EYE, S), 0, 2, 1, 3)
) / 2  # fmt: skip


MUTATION = (A - sk.sum(A) * W) / 2
DRIFT_OF_GENES = sk.diag(W) - sk.outer(W, W)


def fleming(drift=MUTATION, noise=DRIFT_OF_GENES, extra=0):
    energy = -sk.dot(A - ONE, sk.log(W)) + extra
    return sk.Dynamics({W: drift}, {W: noise / 2}, hamiltonian=energy)


def bru(shape, drift=None):
    return sk.Dynamics(
        {S: (shape + (k + 1) / 2) * EYE - S if drift is None else drift},
        {S: BRU},
        hamiltonian=sk.trace(S) - shape * sk.logdet(S),
    )


def dyson(beta):
    """1/M has the gaps x_i - x_j off the diagonal, and 1 on it."""
    gaps = sk.outer(X, ONE) - sk.outer(ONE, X) + EYE
    energy = sk.dot(X, X) / 2 - beta * sk.sum(sk.log(sk.abs_(gaps))) / 2
    return sk.Dynamics({X: -X + beta * ((1 / gaps) @ ONE - ONE)}, {X: 1}, hamiltonian=energy)


@pytest.mark.parametrize("size", [2, 3])
def test_wright_fisher_diffusions_have_dirichlet_laws(size):
    found = sk.verify(fleming(), size)
    assert found.verdict == "proved"
    assert {c.verdict for c in found.checks.values()} == {"proved"}
    assert found.scope == f"k={size}"


def test_the_wishart_process_and_dyson_have_their_laws():
    assert sk.verify(bru(M), 2).verdict == "proved"
    two = sk.verify(dyson(2), 2)
    assert two.verdict == "proved"
    # In order there is one law, where the whole plane has one for each order.
    assert two.checks["uniqueness"].verdict != "refuted"


@pytest.mark.parametrize(
    ("model", "size", "check"),
    [
        (fleming(drift=A / 2), 3, "stationarity"),
        (fleming(noise=sk.diag(W)), 3, "stationarity"),
        (
            fleming(extra=sk.dot(W, W)),
            3,
            "stationarity",
        ),
        (fleming(noise=sk.outer(W, W) - sk.diag(W)), 3, "diffusion_psd"),
        # J x flows through x_1 = x_2 and is hidden from the residual.
        (sk.Dynamics({X: -X + J @ X}, {X: 1}, hamiltonian=sk.dot(X, X) / 2), 2, "stationarity"),
        (bru(M - 2), 2, "normalizable"),
        (bru(M, drift=M * EYE - S), 2, "stationarity"),
        (fleming(extra=2 * sk.dot(A, sk.log(W))), 2, "normalizable"),
    ],
)
def test_what_leaves_or_has_no_law_is_refuted(model, size, check):
    """Twin; also for every size, because one size refutes."""
    assert sk.verify(model, size).checks[check].verdict == "refuted"


#: tr(T D T) = tr(T S T S), the metric of Fisher and Rao, and a scale matrix.
FISHER = sk.transpose(sk.outer(S, S), 0, 2, 1, 3)
R = sk.parameter("R", K, K, positive_definite=True)


def fisher(power, drift, noise=FISHER, inverse=True):
    trace = sk.trace(R @ sk.inv(S)) if inverse else sk.trace(R @ S)
    return sk.Dynamics({S: drift}, {S: noise}, hamiltonian=trace + power * sk.logdet(S))


INVERSE_WISHART = fisher(k + M, (1 - M) * S + R)
BOWL = -sk.dot(X, X) / 2


@pytest.mark.parametrize(
    ("model", "law"),
    [
        (fleming(), "Dirichlet"),
        (fleming(MUTATION - DRIFT_OF_GENES @ W, extra=sk.dot(W, W)), "Dirichlet"),
        (bru(M), "Wishart"),
        (INVERSE_WISHART, "inverse Wishart"),
        (fisher(1 - M, (k + M) * S - S @ R @ S, inverse=False), "Wishart"),
        (sk.Dynamics({X: -X}, {X: 1}, hamiltonian=-BOWL), "Gaussian"),
        (sk.Dynamics({X: sk.grad(BOWL, X)}, {X: 1}, hamiltonian=-BOWL), "Gaussian"),
    ],
)
def test_laws_on_joint_domains_are_proved_for_every_size(model, law):
    found = sk.verify(model)
    assert {c.verdict for c in found.checks.values()} == {"proved"}
    assert found.scope == "all n" and law in found.checks["normalizable"].reason


@pytest.mark.parametrize(
    ("model", "check"),
    [
        (fleming(drift=A / 2), "stationarity"),
        (fleming(extra=sk.dot(W, W)), "stationarity"),
        (fleming(noise=sk.diag(W)), "stationarity"),
        (fleming(noise=-DRIFT_OF_GENES, drift=-MUTATION), "diffusion_psd"),
        (bru(M - 2), "normalizable"),
        (fisher(k - M, (1 + M) * S + R), "normalizable"),
        (fisher(k + M, (2 - M) * S + R), "stationarity"),
        (fisher(1 + M, (k - M) * S - S @ R @ S, inverse=False), "normalizable"),
        (fisher(k + M, (M - 1) * S - R, noise=-FISHER), "diffusion_psd"),
        (sk.Dynamics({X: X}, {X: 1}, hamiltonian=BOWL), "normalizable"),
        (sk.Dynamics({X: -X}, {X: 1}, hamiltonian=sk.dot(X, X)), "stationarity"),
        (sk.Dynamics({X: -X + J @ X}, {X: 1}, hamiltonian=-BOWL), "stationarity"),
    ],
)
def test_what_fails_at_some_size_is_not_proved_for_every_size(model, check):
    """Twin."""
    found = proved_for_all_sizes(Problem(model))
    assert check not in found and "non_explosion" not in found


def test_fast_noise_on_definite_matrices_is_not_shown_to_keep_solutions():
    """D grows like |S|^3 there; the law alone says nothing about how fast infinity is reached."""
    noise = sk.trace(S) * FISHER
    drift = sk.div(noise, S) - sk.trace(S) * (k + M) * S
    fast = sk.Dynamics({S: drift}, {S: noise}, hamiltonian=(k + M) * sk.logdet(S))
    slow = fisher(k + M, (1 - M) * S + R)
    finite = sk.verify(slow).checks["normalizable"]
    assert Problem(fast, is_ambient=True).is_balanced
    for model, is_kept in ((fast, False), (slow, True)):
        found = by_completeness(Problem(model, is_ambient=True), finite)
        assert (found is not None) is is_kept


def test_one_size_or_one_scale_matrix_refutes_a_claim_for_every_size():
    assert sk.verify(fleming(drift=A / 2)).verdict == "refuted"
    witness = sk.verify(fisher(k + M, (2 - M) * S + R)).checks["stationarity"].witness
    assert witness is not None and witness.point["R"] == "eye(k)"


def test_noise_that_is_not_symmetric_is_not_hidden_by_the_last_entry():
    """c_i (1 - 1/k) sums to zero along rows, and its first entry is a positive number."""
    c = sk.parameter("c", K, positive=True)
    noise = sk.diag(c) @ (EYE - sk.outer(ONE, ONE) / k)
    model = sk.Dynamics({W: 0 * W}, {W: noise}, hamiltonian=0 * sk.dot(W, W))
    assert sk.verify(model, 2).checks["stationarity"].verdict == "refuted"


Q = sk.parameter("q", positive=True)


@pytest.mark.parametrize(("assume", "verdict"), [([M >= Q], "undecided"), ([], "refuted")])
def test_drift_off_the_simplex_is_refuted_within_what_is_assumed(assume, verdict):
    base = fleming(drift=MUTATION + sk.relu(Q - M) * ONE)
    model = sk.Dynamics(
        dict(base.drift), dict(base.diffusion), hamiltonian=base.hamiltonian, assume=assume
    )
    assert sk.verify(model, 2).checks["stationarity"].verdict == verdict


def test_free_coordinates_carry_the_volume():
    """Stick breaking: shares of a Dirichlet law are independent Beta variables."""
    shares = chart_of(fleming(), {"k": 3}).dynamics
    a, b = (sk.scalar(f"w_share_{i}", domain=(0, 1)) for i in (1, 2))
    a1, a2, a3 = (sk.parameter(f"a_{i}", positive=True) for i in (1, 2, 3))
    beta = -(a1 - 1) * sk.log(a) - (a2 + a3 - 1) * sk.log(1 - a)
    beta += -(a2 - 1) * sk.log(b) - (a3 - 1) * sk.log(1 - b)
    twin = sk.Dynamics(dict(shares.drift), dict(shares.diffusion), hamiltonian=beta)
    assert sk.verify(twin).checks["stationarity"].verdict == "proved"


def test_what_has_no_free_coordinates_here_is_undecided():
    u = sk.potential("U", W)
    noisy = sk.Dynamics({W: 0 * W}, {W: 0 * EYE}, hamiltonian=u)
    assert sk.verify(noisy, 2).verdict == "undecided"


def test_nothing_runs_or_analyses_such_a_model_in_its_declared_entries():
    for use in (
        lambda d: sk.moments(d, 1),
        sk.sampler,
        sk.splitting,
        sk.certify,
        lambda d: sk.order(d, "EM"),
        sk.recipe,
    ):
        with pytest.raises(DeclarationError, match="domain of its own: w"):
            use(fleming())


def test_a_model_file_keeps_the_domain(tmp_path):
    for model in (fleming(), dyson(1), bru(M)):
        file = tmp_path / "model.toml"
        file.write_text(model.to_toml(), encoding="utf-8")
        assert sk.load(file) == model
        assert "domain" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "declare",
    [
        lambda: sk.scalar("s", domain="simplex"),
        lambda: sk.vector("s", 1, domain="ordered"),
        lambda: sk.matrix("s", K, domain="simplex"),
        lambda: sk.vector("s", K, domain="positive_definite"),
        lambda: sk.matrix("s", K, antisymmetric=True, domain="positive_definite"),
    ],
)
def test_shapes_that_have_no_such_domain_are_refused(declare):
    with pytest.raises(DeclarationError):
        declare()


def test_momenta_that_may_turn_are_not_refuted():
    """Elastic collisions of two particles in order keep exp(-H); a drift that reads x does not."""
    x, p = sk.vector("x", 2, domain="ordered"), sk.vector("p", 2)
    j = sk.parameter("j", 2, 2, antisymmetric=True)
    for velocity, force, verdict in ((p, -x - p, "undecided"), (j @ x, -p, "refuted")):
        h = sk.dot(x, x) / 2 + sk.dot(p, p) / 2
        model = sk.Dynamics({x: velocity, p: force}, {p: 1}, hamiltonian=h)
        assert sk.verify(model).checks["stationarity"].verdict == verdict
