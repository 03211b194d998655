"""`sdekit new` writes a model that is proved, and never writes over one."""

import json

from sdekit.cli.app import run


def test_a_new_model_is_proved_as_it_stands(tmp_path, capsys):
    path = tmp_path / "mine.toml"
    assert run(["new", str(path)]) == 0
    assert f"sdekit verify {path}" in capsys.readouterr().out
    assert run(["verify", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["name"]) == ("proved", "mine")


def test_a_file_that_is_there_is_left_alone(tmp_path, capsys):
    path = tmp_path / "mine.toml"
    path.write_text("mine")
    assert run(["new", str(path)]) == 2
    assert "left alone" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert run(["new", str(tmp_path / "mine.txt")]) == 2
    assert run(["new", str(tmp_path / "nowhere" / "mine.toml")]) == 2
