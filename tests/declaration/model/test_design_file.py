"""Model files with unknowns: what is read, and what is refused with its place."""

import pytest

from sdekit.declaration.model.design_file import load_posed
from sdekit.errors import ModelFileError

POSED = """
name = "thermostat"
[dimensions]
n = "any"
[variables]
theta = { shape = ["n"], role = "target" }
p = { shape = ["n"] }
xi = { }
[parameters]
A = "positive"
[functions]
U = ["theta"]
[unknowns]
c0 = "real"
c2 = "nonzero"
S = ["xi"]
[drift]
theta = "p"
p = "-grad(U(theta), theta) - xi*p"
xi = "c2*dot(p, p) + c0"
[diffusion]
p = "A*eye(n)"
[energy]
H = "U(theta) + dot(p, p)/2 + S(xi)"
target = "U(theta)"
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "model.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_parameters_and_functions_are_read_as_unknowns(written):
    posed = load_posed(written(POSED))
    assert [repr(unknown) for unknown in posed.unknowns] == ["c0", "c2", "S(xi)"]
    assert [repr(unknown) for unknown in posed.nonzero] == ["c2"]
    assert {p.name for p in posed.dynamics.parameters} == {"A", "c0", "c2"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[unknowns]", "[unknown]", "nothing to solve for"),
        ('c0 = "real"', 'A = "real"', "declared twice"),
        ('c0 = "real"', 'c0 = "real"\nz = "real"', "z does not occur"),
        ('c0 = "real"', 'c0 = "unreal"', "unreal"),
        ('S = ["xi"]', 'S = ["zeta"]', "does not occur"),
    ],
)
def test_what_is_no_unknown_is_refused(written, old, new, message):
    with pytest.raises(ModelFileError, match=message):
        load_posed(written(POSED.replace(old, new)))
