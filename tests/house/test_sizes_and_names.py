"""Folders, files and signatures stay small, and a name means one thing in the whole package.

What is over a limit today is listed with its size; it may shrink, and then leaves the list. Nothing
may grow, and nothing may be added.
"""

import ast
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.house.sources import PACKAGE, ROOT, public_definitions, trees

MOST_FILES, MOST_LINES, MOST_POSITIONAL, MOST_KEYWORDS = 13, 400, 4, 12
MODULES = trees()
#: Calls whose options are all keyword-only, grouped in their docstrings.
MANY_OPTIONS = {"simulate", "sampler", "solve", "to_diffrax", "audit", "sample"}

FOLDERS_OVER = {"sdekit/verifier/integrals": 14}
FILES_OVER: dict[str, int] = {}
MODULES_TWICE = {"components", "record", "formulas"}
#: Public names that several modules define.
SHARED = set(
    """
    Comparison Constant Derivation Generator Jet Kernel LinearMap Model Moments NoiseSource
    Outcome Polynomial Problem Reader Rows Scheme Stage Step Sums Term Transition Verdict
    adjoint_of_one as_expression call canonical compare comparisons configurational_temperature
    constant constant_covariance content coordinates diag diagonal_of divide divided dot
    entrywise exponential extremum eye functions_of inverse is_diagonal is_locally_bounded
    is_real is_semidefinite is_surely_nonzero is_symmetric is_zero joined kinetic_temperature
    langevin leading linear_sde logarithm logdet matmul moved named names number ones outer
    pairs parameter plain power recipe scaled sign simulate size solve swapped tangent total
    trace transpose variable
    """.split()
)
#: Public functions with more parameters than the limits: positional ones, keyword-only ones.
SIGNATURES_OVER = {
    "auditing.audit_chains.run_chains": (5, 0),
    "auditing.audit_checks.declared_coefficients": (6, 0),
    "auditing.audit_checks.step_map": (5, 0),
    "auditing.audit_coefficients.compared": (5, 0),
    "auditing.audit_moments.stationary_moments": (9, 0),
    "auditing.suspects.noise_text": (6, 0),
    "calculus.contraction.tensor.accumulate_sum": (5, 0),
    "calculus.contraction.tensor.contract": (5, 0),
    "calculus.contraction.values.function_polynomials.realisation": (5, 0),
    "calculus.linear.exact_flow.exact_flow": (7, 0),
    "diagnostics.discrepancy.density_rmse": (5, 0),
    "diagnostics.discrepancy.wasserstein_1_to_density": (5, 0),
    "schemes.bias.linear_letters.letters_of": (5, 0),
    "schemes.bias.linear_step.covariances_along": (5, 0),
    "schemes.order.ring_stages.step_of": (5, 0),
    "simulation.bind.start.start_blocks": (5, 0),
    "simulation.bind.user_functions.checked_functions": (5, 0),
    "simulation.gradients.sources.position_oracle": (5, 0),
    "simulation.guard.compiled_values.compare": (5, 0),
    "simulation.guard.compiled_values.probed": (5, 0),
    "simulation.loop.compiled_loop.advance": (8, 0),
    "simulation.runs.fingerprint.fingerprint": (5, 0),
    "simulation.steps.linear_stages.dense_stage": (5, 0),
    "simulation.steps.scheme.composed": (5, 0),
    "simulation.steps.scheme.first_cache": (6, 0),
    "simulation.store.sinks.open_sink": (6, 0),
    "theory.least_squares.bounds.excess_risks": (5, 0),
    "theory.least_squares.bounds.trace_bound": (5, 0),
    "theory.least_squares.convolution.solve": (7, 0),
    "theory.least_squares.convolution.step_weights": (5, 0),
    "theory.lipschitz.losses.mean_gradient": (5, 0),
    "theory.lipschitz.losses.mean_loss": (5, 0),
    "theory.sgld.hmc_log_acceptance": (5, 0),
    "theory.sgld.leapfrog": (5, 0),
    "theory.sgld.mala_log_acceptance": (5, 0),
    "verifier.integrals.infinite.infinite_integral": (5, 0),
}


def folder_sizes(files: list[Path]) -> dict[str, int]:
    counts = Counter(path.parent for path in files)
    return {
        str(folder.relative_to(ROOT)): count
        for folder, count in counts.items()
        if count > MOST_FILES
    }


def file_sizes(files: list[Path]) -> dict[str, int]:
    lines = {path: path.read_text(encoding="utf-8").count("\n") for path in files}
    return {
        str(path.relative_to(ROOT)): count for path, count in lines.items() if count > MOST_LINES
    }


def module_names_twice(modules: Mapping[str, ast.Module]) -> set[str]:
    counts = Counter(module.rpartition(".")[2] for module in modules if module in _FILES)
    return {name for name, count in counts.items() if count > 1}


#: Modules that are files, not packages.
_FILES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
}


def shared_names(modules: Mapping[str, ast.Module]) -> set[str]:
    # A command of the command line has the name of the function that it calls.
    own = {name: tree for name, tree in modules.items() if not name.startswith("sdekit.cli.")}
    return {name for name, homes in public_definitions(own).items() if len(homes) > 1}


def wide_signatures(module: str, tree: ast.Module) -> dict[str, tuple[int, int]]:
    """Public functions and their numbers of positional and keyword-only parameters."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            given = node.args
            positional = len(given.posonlyargs) + len(given.args)
            keywords = len(given.kwonlyargs)
            has_leave = node.name in MANY_OPTIONS
            if positional > MOST_POSITIONAL or (keywords > MOST_KEYWORDS and not has_leave):
                found[f"{module.removeprefix('sdekit.')}.{node.name}"] = (positional, keywords)
    return found


def test_a_folder_has_at_most_13_files():
    files = [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    assert over(folder_sizes(files), FOLDERS_OVER) == []


def test_a_file_has_at_most_400_lines():
    assert over(file_sizes([*PACKAGE.rglob("*.py")]), FILES_OVER) == []


def over(found: Mapping[str, int], known: Mapping[str, int]) -> list[str]:
    """What is larger than allowed, and what is listed and has shrunk below the limit."""
    grown = [f"{name} has {size}" for name, size in found.items() if size > known.get(name, 0)]
    return grown + [f"{name} is small enough: strike it" for name in known.keys() - found.keys()]


def test_no_module_name_occurs_twice():
    assert module_names_twice(MODULES) == MODULES_TWICE


def test_a_public_name_is_defined_once():
    assert shared_names(MODULES) == SHARED


def test_a_public_function_has_at_most_4_positional_and_12_keyword_parameters():
    found: dict[str, tuple[int, int]] = {}
    for module, tree in MODULES.items():
        # What stands there for the command line is read from it, not called.
        if not module.startswith("sdekit.cli."):
            found |= wide_signatures(module, tree)
    assert found == SIGNATURES_OVER


def test_what_is_too_large_is_found(tmp_path, monkeypatch):
    """Twin: a folder of 14 files, one of them with 401 lines."""
    monkeypatch.setattr("tests.house.test_sizes_and_names.ROOT", tmp_path)
    files = [tmp_path / "rooms" / f"m{number}.py" for number in range(MOST_FILES + 1)]
    files[0].parent.mkdir()
    for path in files:
        path.write_text("\n", encoding="utf-8")
    files[3].write_text("\n" * (MOST_LINES + 1), encoding="utf-8")
    assert folder_sizes(files) == {"rooms": 14}
    assert file_sizes(files) == {"rooms/m3.py": 401}
    assert over(file_sizes(files), {"rooms/m3.py": 400}) != []
    assert over({}, {"rooms/m3.py": 405}) != []
    assert folder_sizes(files[1:]) == {} and file_sizes(files[:3]) == {}


def test_what_is_named_twice_is_found():
    """Twin: one module name in two folders, one class in two modules."""
    tree = ast.parse("class Sign: ...\ndef order(): ...\ndef _own(): ...")
    other = ast.parse("def order(): ...\nclass Sign: ...\ndef _own(): ...")
    planted = {"sdekit.theory.sgld": tree, "sdekit.schemes.order.density": other}
    assert shared_names(planted) == {"Sign", "order"}
    assert module_names_twice({**MODULES, **planted}) == MODULES_TWICE
    real = {module: tree for module, tree in MODULES.items() if not module.endswith(".record")}
    assert module_names_twice(real) == MODULES_TWICE - {"record"}


def test_a_wide_signature_is_found():
    """Twin: five positional parameters, thirteen keywords; four and twelve are fine."""
    keywords = ", ".join(f"k{number}" for number in range(MOST_KEYWORDS + 1))
    planted = f"def f(a, b, c, d, e): ...\ndef g(*, {keywords}): ...\ndef h(a, b, c, d): ..."
    assert wide_signatures("sdekit.x", ast.parse(planted)) == {"x.f": (5, 0), "x.g": (0, 13)}
    assert wide_signatures("sdekit.x", ast.parse(f"def audit(*, {keywords}): ...")) == {}
