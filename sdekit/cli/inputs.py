"""What users type, read: a name or a model file, sizes, values of parameters.

Not for the commands themselves (`app`).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from sdekit.errors import ModelFileError, SdekitError, VerificationError, similar

if TYPE_CHECKING:
    from sdekit.declaration.model.dynamics import Dynamics
    from sdekit.kernels.steps import Kernel
    from sdekit.simulation.events.barrier import Barrier

#: Largest size that can be asked for; beyond it a component form is of no use to anybody.
LARGEST_SIZE = 10_000


def dynamics_of(name_or_file: str) -> Dynamics:
    """The dynamics that a name of the catalogue or a path of a model file stands for.

    Raises:
        ModelFileError: If it is a path and cannot be read, or the file of a kernel.
        DeclarationError: If it is a name that the catalogue lacks.
    """
    from sdekit.declaration.model.dynamics import Dynamics

    found = model_of(name_or_file)
    if not isinstance(found, Dynamics):
        raise ModelFileError(
            "this is a kernel, and a dynamics is asked for",
            found=name_or_file,
            fix="sdekit verify decides kernels",
        )
    return found


def model_of(name_or_file: str) -> Dynamics | Kernel:
    """The dynamics or kernel that a name of the catalogue or a path stands for.

    Raises:
        ModelFileError: If it is a path and cannot be read.
        DeclarationError: If it is a name that the catalogue lacks.
    """
    from sdekit import catalog

    if name_or_file in catalog.names():
        return catalog.get(name_or_file)
    path = Path(name_or_file)
    is_path = path.suffix or path.exists() or len(path.parts) > 1
    from sdekit.kernels import kernel_file

    if not is_path and name_or_file in kernel_file.published_kernels():
        return kernel_file.published_kernel(name_or_file)
    if is_path:
        if not path.exists():
            raise ModelFileError(
                "no such model file",
                found=name_or_file,
                fix=similar(name_or_file, _neighbours(path)),
            )
        return kernel_file.load(path)
    return catalog.get(name_or_file)


def _neighbours(path: Path) -> list[str]:
    if not path.parent.is_dir():
        return []
    return [str(near) for near in path.parent.iterdir() if near.suffix == ".toml"]


def sizes_of(texts: Sequence[str], dynamics: Dynamics) -> dict[str, int] | None:
    """The sizes named by `--n 2` or `--n n=2,k=3`; None when none is given.

    Raises:
        VerificationError: If a size is no positive integer, or the model has no such dimension.
    """
    if not texts:
        return None
    known = [dim.name for dim in dynamics.dimensions if dim.size is None]
    sizes: dict[str, int] = {}
    for part in (part.strip() for text in texts for part in text.split(",")):
        name, equals, value = part.rpartition("=")
        name = name.strip() if equals else _only_dimension(known, part)
        if name not in known:
            raise VerificationError(
                f"the model has no dimension {name}",
                expected=", ".join(known) or "no size: every block is a scalar",
                fix=similar(name, known),
            )
        sizes[name] = _size(name, value.strip())
    missing = [name for name in known if name not in sizes]
    if missing:
        raise VerificationError(
            f"no size for {', '.join(missing)}",
            fix="give all of them: --n " + ",".join(f"{name}=2" for name in known),
        )
    return sizes


def _only_dimension(known: Sequence[str], part: str) -> str:
    if len(known) == 1:
        return known[0]
    if not known:
        raise VerificationError(
            "a size is given, but every block of the model is a scalar", fix="leave --n out"
        )
    raise VerificationError(
        "the model has several dimensions",
        found=f"--n {part}",
        fix="name them: --n " + ",".join(f"{name}=2" for name in known),
    )


def _size(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= LARGEST_SIZE:
        raise VerificationError(
            f"size {name} is no usable number",
            expected=f"an integer from 1 to {LARGEST_SIZE}",
            found=text[:40],
        )
    return int(text)


def example_of(
    name_or_file: str,
    position: Sequence[str],
    sizes: Mapping[str, int],
    values: Mapping[str, float],
) -> tuple[list[str], dict[str, int], dict[str, float], str | None]:
    """Position, sizes and values completed by the example of a plain SDE of the catalogue.

    Returns:
        The three, and in words what the example gave; None where there is no example, or nothing
        of it was needed.
    """
    from sdekit import catalog

    example = catalog.entry(name_or_file).example if name_or_file in catalog.names() else None
    if example is None:
        return [*position], {**sizes}, {**values}, None
    known = {text.rpartition("=")[0].strip() for text in position}
    given = []
    for name, start in example.start.items():
        entries = start if isinstance(start, tuple) else (start,)
        # At another size one number stands for all entries.
        entries = entries[:1] if sizes else entries
        if name not in known and "" not in known:
            given.append(f"{name}={','.join(map(str, entries))}")
    new_sizes = {name: size for name, size in example.sizes.items() if name not in sizes}
    new_values = {name: x for name, x in example.parameters.items() if name not in values}
    told = [*given, *(f"{name}={x}" for name, x in (new_sizes | new_values).items())]
    words = f"from the example of the catalogue: {', '.join(told)}" if told else None
    return [*position, *given], {**new_sizes, **sizes}, {**new_values, **values}, words


def values_of(texts: Sequence[str]) -> dict[str, float]:
    """Values of parameters named by `--set A=1 --set mu=10`, or `--set A=1,mu=10`.

    Raises:
        SdekitError: If a part is no assignment of a number.
    """
    values: dict[str, float] = {}
    for part in (part.strip() for text in texts for part in text.split(",")):
        name, equals, value = part.partition("=")
        try:
            values[name.strip()] = float(Fraction(value.strip()))
        except (ValueError, ZeroDivisionError, OverflowError):
            equals = ""
        if not equals or not name.strip():
            raise SdekitError(
                "a value cannot be read", expected="NAME=NUMBER", found=part, fix="--set A=1,mu=10"
            )
    return values


def part_of(text: str | None) -> tuple[int, int] | None:
    """The pair of "I/N".

    Raises:
        SdekitError: If it is no such text.
    """
    if text is None:
        return None
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal()):
        raise SdekitError("--part is no part", expected="I/N, such as 0/8", found=repr(text)[:60])
    if int(number) >= int(count):
        raise SdekitError(
            "there is no such part", expected=f"0/{count} to {max(int(count) - 1, 0)}/{count}",
            found=text[:60], fix="count parts from 0",
        )  # fmt: skip
    return int(number), int(count)


def sweep_of(texts: Sequence[str]) -> dict[str, list[float]]:
    """The values of `--sweep NAME=v1,v2,...`, several parameters one after the other.

    Raises:
        SdekitError: If a name or a number is none.
    """
    found: dict[str, list[float]] = {}
    for text in texts:
        name, equals, numbers = text.partition("=")
        try:
            found[name.strip()] = [float(number) for number in numbers.split(",")]
        except ValueError:
            equals = ""
        if not equals or not name.strip():
            raise SdekitError(
                "a sweep cannot be read", expected="NAME=v1,v2,...", found=f"--sweep {text}",
                fix="--sweep A=0.5,1,2",
            )  # fmt: skip
    return found


def barriers_of(texts: Sequence[str], dynamics: Dynamics) -> dict[str, Barrier]:
    """The barriers of `--until "FORMULA >= FORMULA"`, by their text.

    Raises:
        SdekitError: If a text is no inequality, or a side of it no formula of the model.
    """
    from sdekit.declaration.text.parser import parse_expression
    from sdekit.simulation.events.barrier import barrier

    scope = {x.name: x for x in (*dynamics.variables, *dynamics.parameters)}
    found = {}
    for text in texts:
        sides = text.replace("<=", ">=").split(">=")
        if len(sides) != 2:
            raise SdekitError(
                "an event cannot be read", expected="FORMULA >= LEVEL or FORMULA <= LEVEL",
                found=f"--until {text}", fix=f'--until "{dynamics.variables[0].name} >= 1"',
            )  # fmt: skip
        function, level = (parse_expression(side, scope, where="--until") for side in sides)
        is_above = "<=" in text
        found[text] = barrier(function, lower=level) if is_above else barrier(function, upper=level)
    return found


def module_of(path: Path, name: str) -> ModuleType:
    """A Python file of the user, run, that defines NAME.

    Raises:
        SdekitError: If there is no such file, or it defines no such name.
    """
    if not path.is_file():
        raise SdekitError("no such Python file", found=str(path))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, name):
        known = [key for key in vars(module) if not key.startswith("_")]
        raise SdekitError(f"{path} defines no {name}", fix=similar(name, known))
    return module
