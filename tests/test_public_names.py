"""The public names: each loads from where the table says, is documented, typed and tested."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import sdekit as sk

ROOT = Path(__file__).resolve().parents[1]
NAMES = sorted(sk._MODULE_OF)


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_loads_and_is_documented(name):
    value = getattr(sk, name)
    assert not isinstance(value, ModuleType)
    assert name in sk.__all__ and name in dir(sk)
    assert name in ("pi", "E", "time") or value.__doc__


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_has_a_test(name):
    used = re.compile(rf"\bsk\.{name}\b|\bimport\b[^#]*\b{name}\b")
    here = Path(__file__)
    tests = [path for path in (ROOT / "tests").rglob("*.py") if path != here]
    assert any(used.search(path.read_text(encoding="utf-8")) for path in tests)


def test_the_stub_for_type_checkers_names_the_same():
    tree = ast.parse((ROOT / "sdekit" / "__init__.pyi").read_text(encoding="utf-8"))
    found = {
        alias.asname: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    modules = {name: module.rpartition(".")[0] for name, module in sk._NAMESPACES.items()}
    assert found == {**sk._MODULE_OF, **modules}


@pytest.mark.parametrize("name", sorted(sk._NAMESPACES))
def test_a_module_is_reached_by_its_public_name_and_help_names_it(name):
    module = getattr(sk, name)
    assert isinstance(module, ModuleType) and module.__name__ == sk._NAMESPACES[name]
    assert module.__doc__ and re.search(rf"\b{name}\b", sk.__doc__)
    assert name in sk.__all__ and name in dir(sk)


@pytest.mark.parametrize("name", sorted(sk.diagnostics.__all__))
def test_diagnostics_are_reached_without_knowing_their_modules(name):
    assert callable(getattr(sk.diagnostics, name))


def test_an_unknown_name_is_an_attribute_error():
    """Twin: the lazy table gives nothing that it does not list."""
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        sk.nonsense  # noqa: B018 - the access is the test


def test_a_missing_package_is_named_with_the_extra_that_brings_it():
    code = (
        "import sys; sys.modules['jax'] = None\n"
        "import sdekit as sk\n"
        "try:\n    sk.sampler\nexcept sk.SdekitError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("sdekit.sampler needs jax, which is not installed")
    assert "sdekit[run]" in done.stdout


def test_every_module_can_be_imported_under_another_name():
    """No public function takes the name of the package that holds it."""
    code = (
        "import pkgutil, sdekit\n"
        "for found in pkgutil.walk_packages(sdekit.__path__, 'sdekit.'):\n"
        "    if not found.name.endswith('__main__'):\n"
        "        names = {}\n"
        "        exec(f'import {found.name} as module', names)\n"
        "        assert names['module'].__name__ == found.name, found.name\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
