"""`sdekit compare`: mistakes in one line, before anything runs."""

import pytest

from sdekit.cli.app import run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["langevin", "--out", "c.html"], "nothing to compare"),
        (["langevin", "sgnht", "--set", "B=1", "--out", "c.html"], "none of the dynamics has this"),
        (["langevin", "sgnht", "--out", "c.pdf"], "unknown format"),
        (["langevin", "hmc", "--out", "c.html"], "this is a kernel"),
        (["langevin", "sgnth", "--out", "c.html"], "did you mean"),
    ],
)
def test_a_mistake_is_told_in_one_line(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["compare", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_two_dynamics_are_written_on_one_page(tmp_path, capsys, monkeypatch):
    page = tmp_path / "c.md"
    arguments = ["overdamped", "overdamped", "--potential", "theta**2/2", "--steps", "400",
                 "--burn-in", "0", "--chains", "2", "--out", str(page)]  # fmt: skip
    monkeypatch.setattr("sys.argv", ["sdekit", "compare", *arguments])
    assert run(["compare", *arguments]) == 0
    assert "sdekit compare overdamped" in page.read_text("utf-8")
    assert capsys.readouterr().out.strip() == str(page)
