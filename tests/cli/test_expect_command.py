"""`sdekit expect`, and `sdekit simulate --t1`: the law of an SDE at one time."""

import json
import math
from types import SimpleNamespace

import pytest

import sdekit as sk
from sdekit.cli.app import run
from sdekit.cli.show import show_run


@pytest.fixture(scope="module")
def answer():
    """The mean of an Ornstein-Uhlenbeck process at t = 1, as JSON."""
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = run(
            "expect vasicek --of r*a/a --position r=1 --set a=1,b=0,sigma=1/5 --scheme EM "
            "--t1 1 --tolerance 0.01 --json".split()
        )
    assert status == 0
    return json.loads(out.getvalue())


def test_a_mean_is_within_its_tolerance_of_the_exact_one(answer):
    assert abs(answer["value"] - math.exp(-1)) < 4.5 * 0.01
    assert answer["tolerance"] == 0.01 and answer["cost"] > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--of", "Q"], "unknown name"),
        (["--of", "r**"], "--of"),
        (["--of", "r", "--set", "c=1"], "no parameter c"),
        (["--of", "r", "--potential", "normal"], "leaves no potential open"),
        (["--of", "r", "--tolerance", "-1"], "a number > 0"),
    ],
)
def test_what_cannot_be_estimated_is_told_in_one_line(arguments, said, capsys):
    """Twin: nothing is printed, and the status is that of bad input."""
    given = ["expect", "cir", "--t1", "1", *arguments]
    assert run(given if "--tolerance" in given else [*given, "--tolerance", "0.1"]) == 2
    told = capsys.readouterr()
    assert said in told.err and told.out == "" and told.err.count("\n") == 1


def test_the_law_at_a_time_has_a_mean_and_quantiles_over_paths(capsys):
    options = ["--t1", "1", "--step-size", "0.5", "--chains", "1000", "--scheme", "EM", "--json"]
    values = ["--set", "mu=0.04,sigma=0.2", "--position", "S=100"]
    assert run(["simulate", "black-scholes", *values, *options]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["results"]}
    price = rows["S"]
    assert price["quantile_5"] < price["median"] < price["quantile_95"]
    exact = 100 * (1 + 0.04 / 2) ** 2  # of the scheme
    assert abs(price["mean"] - exact) < 4.5 * price["standard_error"]
    assert abs(price["standard_error"] - price["standard_deviation"] / 1000**0.5) < 1e-9


def test_steps_and_a_time_contradict_each_other(capsys):
    assert run(["simulate", "cir", "--t1", "1", "--steps", "10"]) == 2
    assert "leave --steps out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "draws", "is_told"), [("heston", 9, True), ("heston", 1, False), ("cir", 9, False)]
)
def test_averages_over_time_where_no_law_is_claimed_point_to_the_law_at_a_time(
    name, draws, is_told, capsys
):
    """Twin: not for the law at a time itself, nor where a stationary law is claimed."""
    run_shown = SimpleNamespace(scheme="EM", notes=("give resume=True",), draws=draws)
    show_run(sk.catalog.get(name), run_shown, {}, [{"name": "x", "mean": 4e10, "r_hat": None}])
    told = capsys.readouterr().out
    assert ("--t1 1" in told) == is_told
    assert "4e+10" in told and "R-hat" in told and "--resume" in told
