"""What starts must start without the numerical stack: checked in fresh interpreters."""

import subprocess
import sys

import pytest


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after running the code."""
    script = f"{code}\nimport sys\nprint(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def command(*arguments: str) -> str:
    return (
        "from sdekit.cli import main\n"
        "try:\n"
        f"    main({list(arguments)!r})\n"
        "except SystemExit as stop:\n"
        "    assert stop.code == 0, stop.code\n"
    )


STARTS = {
    "import sdekit": "import sdekit",
    "sdekit --help": command("--help"),
    "sdekit list": command("list"),
    "sdekit verify sgnht": command("verify", "sgnht"),
}


@pytest.mark.parametrize("start", STARTS)
def test_starting_imports_no_jax(start):
    assert modules_after(STARTS[start]).isdisjoint({"jax", "jaxlib", "diffrax", "equinox", "optax"})


@pytest.mark.parametrize("start", ["import sdekit", "sdekit --help", "sdekit list"])
def test_starting_imports_no_sympy_and_no_numpy(start):
    assert modules_after(STARTS[start]).isdisjoint({"sympy", "numpy", "scipy", "matplotlib"})


def test_an_import_is_seen():
    """Twin: the check sees a module that is loaded."""
    assert "sympy" in modules_after("import sympy")
