"""A commented model file to begin with.

Not for reading model files (`sdekit.declaration.model`).

Checked by: tests/cli/test_new_model.py.
"""

from __future__ import annotations

from pathlib import Path

from sdekit.errors import SdekitError

#: Langevin dynamics, with a comment on every table; `sdekit verify` proves it.
TEMPLATE = """\
# A stochastic dynamics, written down once. Next:
#   sdekit verify {name}        is exp(-H) stationary, for all n and every U?
#   sdekit simulate {name} --potential "theta**4/4" --set A=2
#   sdekit report {name} --out report.html
# Convention: Ito, dz = v dt + N(0, 2 D dt), density exp(-H); potentials are minus log densities.
format = 1
name = "{stem}"

[dimensions]                    # symbolic sizes; leave the table out for scalars
n = "any"

[variables]                     # the state; without a shape a variable is a scalar
theta = {{ shape = ["n"], role = "target" }}
p = {{ shape = ["n"] }}           # domain = "positive", "circle" or ["0", "1"] bounds a variable

[parameters]                    # "real", "positive", or {{ value = "1/2" }}
A = "positive"

[functions]                     # unknown functions: what is proved holds for every one of them
U = ["theta"]

[drift]                         # v
theta = "p"
p = "-grad(U(theta), theta) - A*p"

[diffusion]                     # D, with noise N(0, 2 D dt); omitted blocks are zero
p = "A*eye(n)"

[energy]                        # leave it out for an SDE that claims no stationary density
H = "U(theta) + dot(p, p)/2"
target = "U(theta)"
"""


def write_model(path: Path) -> None:
    """Write the template.

    Raises:
        SdekitError: If the name does not end in .toml, or the file exists.
    """
    if path.suffix != ".toml":
        raise SdekitError("a model file ends in .toml", found=str(path), fix=f"{path.stem}.toml")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE.format(name=path.name, stem=path.stem))
    except FileExistsError:
        raise SdekitError(
            "the file exists, and is left alone", found=str(path), fix="choose another name"
        ) from None
