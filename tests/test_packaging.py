"""What is shipped and asked for: `pyproject.toml` and `constraints.txt` agree."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
#: Versions of JAX that compute wrong numbers, or fail, on CPUs (reasons in `pyproject.toml`).
FAULTY_JAX = ("0.10.2", "0.11.0", "0.11.1")
PYTHONS = ("3.11", "3.12", "3.13")


def requirements():
    listed = [*PROJECT["dependencies"]]
    for extra in PROJECT["optional-dependencies"].values():
        listed += extra
    return {canonicalize_name(r.name): r for r in map(Requirement, listed) if r.name != "sdekit"}


def pinned(lines, python):
    """Versions by name that constraints give one Python."""
    found = {}
    for line in lines:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or marker.evaluate({"python_version": python}):
            name = canonicalize_name(requirement.name)
            assert name not in found, f"{name} is pinned twice on Python {python}"
            (pin,) = requirement.specifier
            assert pin.operator == "=="
            found[name] = pin.version
    return found


def constraint_lines():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("version", FAULTY_JAX)
def test_faulty_versions_of_jax_are_excluded(version):
    assert version not in requirements()["jax"].specifier


@pytest.mark.parametrize("python", PYTHONS)
def test_constraints_pin_every_requirement_once_to_an_allowed_version(python):
    pins = pinned(constraint_lines(), python)
    for name, requirement in requirements().items():
        assert pins[name] in requirement.specifier, f"{requirement} on Python {python}"
    assert pins["jax"] == pins["jaxlib"]


def test_a_name_pinned_twice_is_found():
    with pytest.raises(AssertionError, match="pinned twice"):
        pinned(["jax==0.10.1", 'jax==0.12.0.1; python_version >= "3.12"'], "3.13")


def test_every_python_that_is_claimed_is_tested_here():
    claimed = [c.rsplit(" ", 1)[1] for c in PROJECT["classifiers"] if ":: Python :: 3." in c]
    assert tuple(claimed) == PYTHONS


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "sdekit" / "py.typed").is_file()


def test_the_citation_names_the_version_of_the_package():
    lines = (ROOT / "CITATION.cff").read_text().splitlines()
    assert f"version: {PROJECT['version']}" in lines
