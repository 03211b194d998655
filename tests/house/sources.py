"""The sources of the package as the gates read them: syntax trees, imports, circles."""

import ast
import functools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import sdekit

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "sdekit"


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def trees() -> Mapping[str, ast.Module]:
    """The syntax tree of every module of the package, by full name; parsed once."""
    paths = sorted(PACKAGE.rglob("*.py"))
    parsed = {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in paths}
    return MappingProxyType(parsed)


def import_graph(modules: Mapping[str, ast.AST]) -> dict[str, set[str]]:
    """Which module imports which, lazily and for type checkers included."""
    graph = {}
    for module, tree in modules.items():
        graph[module] = set(_imported(tree, modules)) - {module}
    return graph


def _imported(tree: ast.AST, modules: Mapping[str, ast.AST]) -> Iterator[str]:
    for node in ast.walk(tree):
        named = []
        if isinstance(node, ast.Import):
            named = [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            named = [(f"{node.module}.{alias.name}", node.module) for alias in node.names]
        for name, package in named:
            # A public name counts as the module that it is loaded from.
            home = sdekit._MODULE_OF.get(name.removeprefix("sdekit."), name)
            target = home if home in modules else package
            if target in modules:
                yield target


def circles(graph: Mapping[str, set[str]]) -> list[frozenset[str]]:
    """Sets of at least two modules that all reach each other."""
    reached = {module: _reachable(graph, module) for module in graph}
    found = {
        frozenset(other for other in reached[module] if module in reached[other])
        for module in graph
        if module in reached[module]
    }
    return sorted(found, key=sorted)


def _reachable(graph: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    left = list(graph[start])
    while left:
        module = left.pop()
        if module not in found:
            found.add(module)
            left += graph[module]
    return found


def public_definitions(modules: Mapping[str, ast.Module]) -> dict[str, list[str]]:
    """Public functions and classes at the level of a module, by name, with their modules."""
    found = defaultdict(list)
    for module, tree in modules.items():
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                found[node.name].append(module)
    return found
