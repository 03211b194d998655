"""The whole verification: scopes, verdicts, JSON, text, budgets and errors."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import sdekit as sk
from sdekit.catalog import entries
from sdekit.errors import VerificationError
from sdekit.verifier.ladder import verify
from sdekit.verifier.rung_table import RUNGS
from sdekit.verifier.verdict import REQUIRED
from tests.verifier.models import KINETIC, MU, THETA, XI, N, P, Q, U, sgnht

CATALOGUE = entries(plain=False)


@pytest.mark.parametrize("entry", CATALOGUE, ids=[entry.name for entry in CATALOGUE])
def test_no_verdict_of_the_catalogue_is_open_on_the_first_five_rungs(entry):
    found = verify(entry.dynamics())
    for name in REQUIRED[:5]:
        if name in entry.claims:
            assert found.checks[name].verdict.value == entry.claims[name], name


@pytest.mark.parametrize("name", ["sgnht", "sgnht-mass", "sgnht-matrix", "rhmc-no-logdet", "gle"])
@pytest.mark.parametrize("n", [1, 2])
def test_given_sizes_get_the_claims_of_that_size(name, n):
    entry = next(e for e in CATALOGUE if e.name == name)
    found = verify(entry.dynamics(), n)
    assert found.scope == f"n={n}"
    for rung in REQUIRED[:5]:
        assert found.checks[rung].verdict.value == entry.claims_for(n)[rung], rung


def test_the_first_seven_rungs_are_the_required_ones_in_order():
    assert tuple(rung.name for rung in RUNGS[:7]) == REQUIRED


def test_a_condition_on_functions_comes_first_in_line_text_and_json():
    found = verify(sk.catalog.get("sgrld"))
    assert found.verdict.value == "proved"
    assert found.headline == "PROVED, if solutions do not explode"
    assert found.assumptions[0] == "solutions do not explode"
    data = found.to_dict()
    assert data["conditional"] is True
    assert data["checks"]["non_explosion"]["assumed"] == "solutions do not explode"
    assert "for D(theta) = eye(n), U(theta) = " in data["checks"]["non_explosion"]["reason"]


def test_an_assumption_that_suffices_by_proof_is_no_condition():
    """Twin: SGNHT is bounded by H for every U that tends to infinity."""
    found = verify(sgnht())
    assert (found.headline, found.to_dict()["conditional"]) == ("PROVED", False)
    assert "U(theta) is bounded below and tends to infinity" in found.assumptions


def test_what_is_concrete_has_nothing_to_assume():
    """The twin of sgrld with its functions given explodes at n = 1; no condition saves it."""
    metric = sk.exp(sk.dot(THETA, THETA))
    explosive = sk.Dynamics(
        {THETA: metric * THETA}, {THETA: metric * sk.eye(N)}, hamiltonian=sk.dot(THETA, THETA) / 2
    )
    found = verify(explosive)
    assert found.verdict.value == "refuted"
    assert found.checks["non_explosion"].witness.dimensions == {"n": 1}


def test_a_line_that_is_undecided_says_what_is_proved():
    found = verify(sk.catalog.get("mclmc-3d"))
    assert found.headline.startswith("UNDECIDED, all but ")
    assert found.headline.endswith(" is proved")


def test_the_scope_says_what_the_verdicts_hold_for():
    k = sk.dim("k")
    s = sk.matrix("s", k, N)
    two = sk.Dynamics(drift={P: -P, s: -s}, hamiltonian=KINETIC + sk.dot(s, s) / 2)
    fixed = sk.vector("z", 3)
    three = sk.Dynamics(drift={fixed: -fixed}, diffusion={fixed: 1},
                        hamiltonian=sk.dot(fixed, fixed) / 2)  # fmt: skip
    assert verify(sgnht()).scope == "all n"
    assert verify(sgnht(), 2).scope == "n=2"
    assert verify(two).scope == "all n"
    assert verify(two, {"n": 2, "k": 3}).scope == "n=2, k=3"
    assert verify(three).scope == "size_3=3"
    assert verify(three).verdict.value == "proved"
    ou = sk.Dynamics(drift={Q: -Q}, diffusion={Q: 1}, hamiltonian=Q**2 / 2)
    assert verify(ou).scope == "components"


def test_json_holds_what_the_design_promises():
    wrong = sgnht(drift={THETA: P, P: -sk.grad(U, THETA) - XI * P, XI: (sk.dot(P, P) - N) / 2})
    data = json.loads(json.dumps(verify(wrong).to_dict()))
    assert data["format"] == 1
    assert data["scope"] == "all n"
    assert data["verdict"] == "refuted"
    assert data["seconds"] > 0
    found = data["checks"]["stationarity"]
    assert found["verdict"] == "refuted"
    assert found["residual"]
    assert set(found["witness"]) >= {"dimensions", "point", "value"}
    assert found["witness"]["dimensions"] == {"n": 1}
    assert data["checks"]["marginalization"]["verdict"] == "proved"
    assert isinstance(data["assumptions"], list)
    assert isinstance(data["side_conditions"], list)


def test_the_text_names_verdict_scope_leftover_and_witness():
    wrong = sgnht(hamiltonian=U + KINETIC + MU * XI**2 / 2)
    text = str(verify(wrong))
    for part in ("all n", "REFUTED", "left over", "witness", "n = 1", "assuming"):
        assert part in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_without_h_only_the_diffusion_is_judged():
    plain = sk.Dynamics(drift={Q: -Q}, noise={Q: 1})
    found = verify(plain)
    assert {"diffusion_symmetric", "diffusion_psd"} <= set(found.checks)
    assert not set(found.checks) & {"stationarity", "marginalization", "normalizable"}
    assert found.verdict.value == "undecided"
    assert "no law is claimed" in str(found)
    bad = sk.Dynamics(drift={Q: -Q}, diffusion={Q: -1})
    assert verify(bad).verdict.value == "refuted"


@pytest.mark.parametrize(
    ("n", "message"),
    [
        (0, "no positive integer"),
        (True, "no positive integer"),
        ({"m": 2}, "no dimension m"),
        ({}, "no size for n"),
        (2.0, "no positive integer"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(n, message):
    with pytest.raises(VerificationError, match=message):
        verify(sgnht(), n)


def test_a_size_for_a_model_of_scalars_is_refused():
    ou = sk.Dynamics(drift={Q: -Q}, diffusion={Q: 1}, hamiltonian=Q**2 / 2)
    with pytest.raises(VerificationError, match="another number of dimensions"):
        verify(ou, 2)


@pytest.mark.parametrize("budget", [0, -1, float("nan"), float("inf"), "1", True])
def test_a_budget_is_a_positive_number_of_seconds(budget):
    with pytest.raises(VerificationError, match="budget"):
        verify(sgnht(), budget=budget)


def test_something_else_than_a_dynamics_is_refused():
    with pytest.raises(VerificationError, match="only a Dynamics"):
        verify(U)  # type: ignore[arg-type]


def test_a_budget_that_runs_out_leaves_checks_undecided():
    variables = [sk.scalar(f"x{i}") for i in range(12)]
    energy = sum((x * y for x in variables for y in variables), start=variables[0] ** 2) ** 4
    heavy = sk.Dynamics(
        drift={x: -sk.grad(energy, x) for x in variables},
        diffusion=dict.fromkeys(variables, 2),
        hamiltonian=energy,
    )
    found = verify(heavy, budget=0.2)
    assert found.verdict.value != "proved"


def test_a_proof_needs_neither_sympy_nor_jax():
    code = (
        "import sys, sdekit as sk\n"
        "from sdekit.catalog import entry\n"
        "result = sk.verify(entry('sgnht').dynamics())\n"
        "checks = [result.checks[n].verdict.value for n in "
        f"{REQUIRED!r}]\n"
        "assert checks == ['proved'] * 7, checks\n"
        "sys.exit('jax' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_names_of_the_verifiers_own_symbols_are_refused():
    x = sk.scalar("sdekit_z", domain="positive")
    with pytest.raises(VerificationError, match="sdekit_z"):
        verify(sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2))


def test_a_verification_is_neither_true_nor_false():
    """Even a proved one: `if verify(wrong)` would be taken for a proof."""
    result = sk.verify(sgnht())
    with pytest.raises(sk.SdekitError, match=r"neither true nor false.*ask \.verdict"):
        bool(result)
    assert f"{result.verdict}" == "proved" == result.verdict


def test_a_fault_in_one_check_takes_no_other_along(monkeypatch):
    from sdekit.verifier.rungs import reversibility

    def broken(problem):
        raise KeyError("planted")

    monkeypatch.setattr(reversibility, "check_reversibility", broken)
    result = sk.verify(sgnht())
    assert result.verdict is sk.Verdict.PROVED
    check = result.checks["reversibility"]
    assert check.verdict is sk.Verdict.UNDECIDED
    assert check.reason == "the check ended in KeyError: 'planted'"


def test_the_budget_is_that_of_the_whole_call(monkeypatch):
    """Each check may take half of what is left: none gets more than 5 of 10 seconds."""
    from sdekit.verifier import ladder

    granted = []
    real = ladder.spending
    monkeypatch.setattr(
        ladder, "spending", lambda seconds: (granted.append(seconds), real(seconds))[1]
    )
    sk.verify(sgnht())
    assert len(granted) == 9
    assert all(0 < seconds <= 5.0 for seconds in granted)


def test_running_out_of_time_is_not_taken_for_something_that_cannot_be_expressed():
    from sdekit.calculus.limits import BudgetExceeded, Unsupported

    assert not issubclass(BudgetExceeded, Unsupported)
