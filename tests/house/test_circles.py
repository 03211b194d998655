"""No circle of imports, lazy and type-only ones counted, but for those still to be opened."""

import ast

from tests.house.sources import circles, import_graph, trees

#: Circles that are left, by the modules below `sdekit.`. An entry goes when its circle is opened,
#: and none is added.
LEFT = {
    "declaration.functions.entries declaration.functions.grammar declaration.text.expression_text "
    "declaration.text.formulas declaration.text.parser declaration.text.sympy_reader "
    "declaration.tree.abbreviations declaration.tree.dimension declaration.tree.domains "
    "declaration.tree.expression declaration.tree.formal_function declaration.tree.operators "
    "declaration.tree.symbols",
    "declaration.model.components declaration.model.dynamics declaration.model.model_file "
    "declaration.model.model_file_writer declaration.text.latex declaration.text.unicode_text",
    "calculus.contraction.canonical calculus.contraction.graph calculus.contraction.heads "
    "calculus.contraction.printing calculus.contraction.tensor",
    "calculus.signs.forms calculus.signs.implied_signs",
}


def shown(circle: frozenset[str]) -> str:
    return " ".join(sorted(module.removeprefix("sdekit.") for module in circle))


def test_no_modules_import_each_other_in_a_circle_but_those_left():
    assert {shown(circle) for circle in circles(import_graph(trees()))} == LEFT


def test_a_circle_is_found():
    """Twin: through a lazy import and one for type checkers, over three modules."""
    planted = {
        "sdekit.a": "from sdekit.b import f",
        "sdekit.b": "def f():\n    import sdekit.c",
        "sdekit.c": "if TYPE_CHECKING:\n    from sdekit import a",
        "sdekit.d": "from sdekit.a import g",
    }
    graph = import_graph({name: ast.parse(source) for name, source in planted.items()})
    assert circles(graph) == [frozenset({"sdekit.a", "sdekit.b", "sdekit.c"})]
    assert circles({**graph, "sdekit.c": set()}) == []
