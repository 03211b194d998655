"""Imports only point down the layers, and the numerical stack is imported only where it may be."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import sdekit

PACKAGE = Path(__file__).resolve().parents[1] / "sdekit"

#: Height of each layer; a module imports from its own layer and from lower ones, never sideways.
HEIGHT = {
    name: height
    for height, name in enumerate(
        """errors calls loading notebook declaration calculus catalog schemes kernels verifier
        designer certificates diagnostics simulation bridges auditing tuning theory reports cli
        __main__""".split()
    )
}
# The lazy table of public names stands above everything and imports nothing by itself.
HEIGHT["__init__"] = HEIGHT["__main__"]

#: Packages that bring JAX with them.
JAX_STACK = frozenset(
    [
        "jax",
        "jaxlib",
        "jaxtyping",
        "equinox",
        "lineax",
        "diffrax",
        "optax",
        "blackjax",
        "numpyro",
        "optimistix",
    ]
)
#: Layers whose modules may import the JAX stack at module level.
JAX_AT_HOME = frozenset({"diagnostics", "simulation", "auditing", "bridges", "tuning"})
#: Modules outside, loaded on use, that may import it at module level.
JAX_ON_USE = frozenset(
    {
        "theory/least_squares/jax_paths.py",
        "theory/lipschitz/optax_rates.py",
    }
)
#: Layers that may import it inside a function.
JAX_IN_FUNCTIONS = JAX_AT_HOME | {"theory", "reports", "cli", "designer"}


def layer_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports_of(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Every imported module name, those under `if TYPE_CHECKING:` included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are written in full"
            assert node.module is not None
            if node.module == "sdekit":
                # A public name counts as the module that it is loaded from.
                for alias in node.names:
                    yield node, sdekit._MODULE_OF.get(alias.name, f"sdekit.{alias.name}")
            else:
                yield node, node.module


def upward_imports(tree: ast.AST, layer: str) -> list[str]:
    found = []
    for node, name in imports_of(tree):
        parts = name.split(".")
        if parts[0] != "sdekit" or parts[1] == "__version__":
            continue
        target = parts[1]
        if target != layer and HEIGHT[target] >= HEIGHT[layer]:
            found.append(f"line {node.lineno}: {layer} imports {name}")
    return found


def module_level(tree: ast.Module) -> ast.Module:
    """The tree without function bodies and without what only a type checker reads."""

    class Strip(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            return None

        def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
            return None

        def visit_If(self, node: ast.If) -> ast.AST | None:
            if "TYPE_CHECKING" in ast.unparse(node.test):
                return None
            return self.generic_visit(node)

    return Strip().visit(ast.parse(ast.unparse(tree)))


def jax_imports(tree: ast.AST) -> list[str]:
    return [name for _, name in imports_of(tree) if name.split(".")[0] in JAX_STACK]


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_only_from_its_own_layer_and_lower_ones(path):
    assert upward_imports(ast.parse(path.read_text()), layer_of(path)) == []


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_jax_only_where_it_is_at_home(path):
    layer = layer_of(path)
    relative = str(path.relative_to(PACKAGE))
    tree = ast.parse(path.read_text())
    if layer not in JAX_AT_HOME and relative not in JAX_ON_USE:
        assert jax_imports(module_level(tree)) == []
    if layer not in JAX_IN_FUNCTIONS:
        assert jax_imports(tree) == []


def test_every_layer_is_named_in_the_table():
    assert {layer_of(path) for path in sources()} <= HEIGHT.keys()


def test_an_upward_import_is_found():
    """Twin: the check sees each way of writing an import that points up."""
    for line in (
        "import sdekit.verifier",
        "from sdekit.verifier.ladder import verify",
        "from sdekit import verify",
        "def f():\n    from sdekit.cli import main",
    ):
        assert upward_imports(ast.parse(line), "calculus") != []


def test_a_jax_import_is_found():
    """Twin: at module level, in a class body, and inside functions."""
    assert jax_imports(module_level(ast.parse("import jax.numpy as jnp"))) == ["jax.numpy"]
    assert jax_imports(module_level(ast.parse("class A:\n    from diffrax import Euler"))) != []
    inside = ast.parse("def f():\n    import jax")
    assert jax_imports(module_level(inside)) == []
    assert jax_imports(inside) == ["jax"]
