"""Nothing stands in the package that nothing in it uses and no public name reaches."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping

import sdekit as sk
from tests.house.sources import trees

#: Read from outside the package: by hand, by users, by the packaging.
OUTSIDE = {"main", "__all__", "__getattr__", "__dir__", "__version__"}
#: Modules whose functions are reached as attributes of a public name, each with its own docs.
OPEN = {*sk._NAMESPACES.values(), *sk.theory._NAMESPACES.values()}


def defined(tree: ast.Module) -> Iterator[str]:
    """Functions, classes and constants at the level of a module; what is decorated is used."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if isinstance(node, ast.ClassDef) or not node.decorator_list:
                yield node.name
        elif isinstance(node, ast.Assign):
            yield from (x.id for x in node.targets if isinstance(x, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def used(tree: ast.Module) -> Iterator[str]:
    """Names that are read, imported, or written in the strings of a table of names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from node.value.split() if len(node.value) < 60 else ()


def unused(modules: Mapping[str, ast.Module]) -> set[str]:
    counts = Counter(name for tree in modules.values() for name in set(used(tree)))
    return {
        f"{module.removeprefix('sdekit.')}.{name}"
        for module, tree in modules.items()
        if module not in OPEN
        for name in defined(tree)
        if counts[name] == 0 and name not in OUTSIDE
    }


def test_everything_in_the_package_is_used_in_it_or_is_public():
    assert unused(trees()) == set()


def test_what_nothing_uses_is_found():
    """Twin: one function nobody calls, a constant nobody reads; a call and an export are uses."""
    planted = {
        "sdekit.a": ast.parse("LIMIT = 3\ndef lonely(): ...\ndef called(): ...\ndef named(): ..."),
        "sdekit.b": ast.parse("from sdekit.a import called\nHOMES = {'named': 'sdekit.a'}\nHOMES"),
    }
    assert unused(planted) == {"a.LIMIT", "a.lonely"}
