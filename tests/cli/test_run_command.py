"""Runs from the command line: the law that comes out, what is read, what is refused."""

import json

import numpy as np
import pytest

from sdekit.catalog.targets import DOUBLE_WELL
from sdekit.cli.app import run
from sdekit.reports.thermostat_experiment import FRICTIONS, NOISE, thermostat_experiment


def estimates(capsys):
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)["results"]}


def test_a_formula_with_entries_is_summed_over_them(capsys):
    arguments = ["simulate", "overdamped", "--n", "2", "--potential", "theta**2/2", "--json"]
    run_of = ["--steps", "4000", "--chains", "64", "--step-size", "0.1", "--seed", "5"]
    assert run([*arguments, *run_of]) == 0
    rows = estimates(capsys)
    assert set(rows) == {"theta[0]", "theta[1]"}
    for row in rows.values():
        assert abs(row["mean"]) < 4.5 * row["standard_error"]


def test_the_same_seed_gives_the_same_numbers(capsys):
    arguments = ["simulate", "overdamped", "--steps", "200", "--json", "--seed"]
    shown = []
    for seed in ("1", "1", "2"):
        assert run([*arguments, seed]) == 0
        shown.append(estimates(capsys))
    assert shown[0] == shown[1]
    assert shown[0] != shown[2]


def test_a_potential_comes_from_a_python_file(tmp_path, capsys):
    path = tmp_path / "well.py"
    path.write_text(
        "import numpy as np\n"
        "position = np.array([1.0, 2.0])\n"
        "def potential(theta):\n    return ((theta - position) ** 2).sum() * 50\n"
    )
    arguments = ["simulate", "langevin", "--steps", "400", "--json", "--potential"]
    assert run([*arguments, f"{path}:potential"]) == 0
    rows = estimates(capsys)
    assert abs(rows["theta[0]"]["mean"] - 1) < 0.5 < abs(rows["theta[1]"]["mean"] - 1)
    assert run([*arguments, f"{path}:potentail"]) == 2
    assert "did you mean potential" in capsys.readouterr().err
    assert run([*arguments, "nowhere.py:potential"]) == 2


def test_a_dynamics_that_is_not_proved_says_so(capsys):
    assert run(["simulate", "sgnht-centre", "--steps", "200"]) == 0
    assert "not proved" in capsys.readouterr().out


def test_several_target_variables_start_by_name(capsys):
    arguments = ["simulate", "mclmc-2d", "--steps", "200", "--json"]
    assert run([*arguments, "--potential", "x**2/2 + y**2/2"]) == 0
    assert {"x", "y", "phi"} <= set(estimates(capsys))


@pytest.mark.parametrize(
    ("potential", "named"),
    [("theta**", "syntax"), ("thta**2", "thta"), ("dot(theta)", "column 1"), ("norml", "normal")],
)
def test_a_mistaken_potential_is_named(potential, named, capsys):
    assert run(["simulate", "sgnht", "--steps", "10", "--potential", potential]) == 2
    error = capsys.readouterr().err
    assert named in error and error.count("\n") == 1


def test_samples_stream_to_a_store(tmp_path, capsys):
    store = tmp_path / "run.zarr"
    assert run(["simulate", "sgnht", "--steps", "200", "--store", str(store)]) == 0
    assert store.is_dir()
    capsys.readouterr()
    assert run(["simulate", "sgnht", "--steps", "200", "--store", str(store)]) == 2
    assert "store" in capsys.readouterr().err


@pytest.fixture(scope="module")
def experiment():
    return thermostat_experiment(steps=40_000, chains=64)


def algorithm_1_kinetic_energy(friction, h=0.01):
    """<p^2>/2 of Algorithm 1 with frozen friction; curvature adds below 3e-4."""
    return NOISE / (friction * (2 - friction * h))


def test_fixed_frictions_have_the_kinetic_energy_of_theory(experiment):
    for friction, panel in zip(FRICTIONS, experiment.panels, strict=False):
        exact = algorithm_1_kinetic_energy(friction)
        assert abs(panel.kinetic_energy - exact) < 4.5 * panel.kinetic_error + 3e-4 * exact


def test_the_thermostat_has_the_right_kinetic_energy(experiment):
    adaptive = experiment.panels[-1]
    assert abs(adaptive.kinetic_energy - 0.5) < 4.5 * adaptive.kinetic_error + 1e-3


def test_only_the_matched_panels_are_near_the_target(experiment):
    """Twin: the wrong frictions miss the kinetic energy by far more than their errors."""
    _, cold, hot, _ = experiment.panels
    for panel in (cold, hot):
        assert abs(panel.kinetic_energy - 0.5) > 7 * panel.kinetic_error


def test_the_exact_density_of_the_figure_is_normalized(experiment):
    area = np.trapezoid(experiment.exact_density, experiment.grid)
    assert area == pytest.approx(1, abs=1e-5)
    assert max(experiment.exact_density) == pytest.approx(
        np.exp(2.9377005) / DOUBLE_WELL.normalizer, rel=1e-3
    )
