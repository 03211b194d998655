"""A dynamics with everything it needs to run: sizes, parameter values, functions, a layout.

All mistakes of the user that can be seen before anything is compiled are found here.

Not for schemes (`scheme`) nor for the state of a run (`start`).

Checked by: tests/simulation/steps/test_sampler.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import FunctionSymbol, Variable
from sdekit.errors import SimulationError
from sdekit.simulation.bind.jax_reader import Environment, shape_of
from sdekit.simulation.bind.parameter_values import check_assumed, parameter_arrays
from sdekit.simulation.bind.position import PositionLayout, layout_of
from sdekit.simulation.bind.step_size import check_count
from sdekit.simulation.bind.user_functions import USER_ERRORS, checked_functions, told
from sdekit.simulation.gradients.sources import (
    FunctionSource,
    GradientSource,
    Oracle,
    function_oracle,
    gradient_nodes,
    position_oracle,
)
from sdekit.simulation.updates.extra import EXTRA, ExtraLayout, ReadsExtra


@dataclass(frozen=True, eq=False)
class Problem:
    """What one run is about.

    Attributes:
        dynamics: In Ito form, gradient noise left out: what a run draws noise for.
        layout: How the user's position maps to blocks.
        sizes: Sizes of the dimensions, by name.
        parameters: Arrays of the parameters, by name; tracers where the user's are.
        functions: Functions of the blocks of one chain, by name; the potential among them.
        potential: The symbol that `source` stands behind, if there is one.
        source: Where the gradient of the potential comes from.
        dtype: Of all blocks.
        gradient_noise: The blocks B that the declaration says come with the gradient.
        extra: Extra arrays that the run carries; None without updates.
        reads_extra: Whether the potential takes them.
    """

    dynamics: Dynamics
    layout: PositionLayout
    sizes: Mapping[str, int]
    parameters: Mapping[str, Any]
    functions: Mapping[str, Callable[..., Any]]
    potential: FunctionSymbol | None
    source: GradientSource | None
    dtype: np.dtype
    gradient_noise: Mapping[tuple[Variable, Variable], Expression] = field(default_factory=dict)
    extra: ExtraLayout | None = None
    reads_extra: bool = False

    @property
    def block_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the blocks of one chain: of variables, and of extra arrays."""
        found = {x.name: shape_of(x, self.sizes) for x in self.dynamics.variables}
        if self.extra is not None:
            found |= dict(zip(self.extra.names, self.extra.shapes, strict=True))
        return found

    def as_given(self, blocks: Mapping[str, Any]) -> dict[str, Any]:
        """Blocks of one chain with the position and the extra arrays as the user gave them."""
        found = dict(blocks)
        if not self.layout.by_variable:
            found[self.layout.variables[0].name] = self.layout.position(blocks)
        if self.extra is not None:
            found = {name: block for name, block in found.items() if name not in self.extra.names}
            found[EXTRA] = self.extra.gathered(blocks)
        return found

    def environment(self, values: Mapping[str, Any], **more: Any) -> Environment:
        """The environment of expressions for blocks (and parameters) by name."""
        return Environment(values, self.sizes, self.functions, dtype=self.dtype, **more)

    def oracles(self, expressions: Iterable[Expression]) -> tuple[Oracle, ...]:
        """One oracle for each unknown scalar function whose gradient the expressions read."""
        found = []
        for (call, arguments), nodes in gradient_nodes(expressions).items():
            function = self.functions[call.function.name]
            if call.function == self.potential and self._takes_position(arguments):
                assert self.source is not None
                oracle = position_oracle(call, nodes, self.source, self.layout, self.dtype)
            elif isinstance(function, ReadsExtra):
                oracle = function_oracle(call, arguments, nodes, function.function)
            else:
                oracle = function_oracle(call, arguments, nodes, function)
            is_reader = isinstance(function, ReadsExtra)
            found.append(replace(oracle, extra=self.extra) if is_reader else oracle)
        return tuple(found)

    def _takes_position(self, arguments: tuple[Variable, ...]) -> bool:
        return set(arguments) == set(self.layout.variables)


def bind(
    dynamics: Dynamics,
    position: Any,
    *,
    potential: Any,
    parameters: Mapping[str, Any],
    functions: Mapping[str, Callable[..., Any]],
    sizes: Mapping[str, int],
    dtype: np.dtype,
    extra: ExtraLayout | None = None,
) -> Problem:
    """Put values behind all symbols of a declaration, or say which is missing.

    Raises:
        SimulationError: If anything is missing, unknown, of the wrong shape or not finite.
    """
    layout = layout_of(position, dynamics.target_variables)
    arrays = parameter_arrays(dynamics, parameters)
    found = _sizes(dynamics, layout, arrays, sizes)
    check_assumed(dynamics, arrays, found)
    example = layout.example(position, dtype) if functions else None
    given = checked_functions(dynamics, functions, example, found, dtype)
    symbol = _potential_symbol(dynamics, given, potential)
    source = None if symbol is None else _source(potential, symbol, layout, arrays)
    reads_extra = source is not None and not _is_formula(potential)
    if symbol is not None and source is not None:
        of_blocks = _of_blocks(source, symbol, layout)
        given[symbol.name] = of_blocks
        if extra is not None and reads_extra:
            _check_reader(source)
            given[symbol.name] = ReadsExtra(_with_extra(source, symbol, layout), extra)
    values = {
        name: array if isinstance(array, Tracer) else array.astype(dtype)
        for name, array in arrays.items()
    }
    injected, carried = dynamics.injected().ito(), dynamics.gradient_noise
    problem = Problem(
        injected, layout, found, values, given, symbol, source, dtype, carried, extra, reads_extra
    )
    if source is not None:
        _try(source, layout, dtype, extra if reads_extra else None)
    return problem


def _is_formula(potential: Any) -> bool:
    return type(potential).__module__.partition(".")[0] == "sympy"


def _check_reader(source: Any) -> None:
    corrected = [name for name in ("svrg", "reference") if getattr(source, name, None) is not None]
    if not hasattr(source, "given") or corrected:
        raise SimulationError(
            "this source of gradients does not read extra arrays",
            expected="a function of (position, extra), or a Minibatch without control variate",
            found="a Minibatch whose reference gradient would be one of other extra arrays"
            if corrected
            else type(source).__name__,
            fix="leave updates out, or write the target in one of these ways",
        )


def _with_extra(source: Any, symbol: FunctionSymbol, layout: PositionLayout) -> Callable[..., Any]:
    """`_of_blocks` with the extra arrays behind the blocks."""
    return lambda *given: _of_blocks(source.given(given[-1]), symbol, layout)(*given[:-1])


def _sizes(
    dynamics: Dynamics,
    layout: PositionLayout,
    arrays: Mapping[str, np.ndarray],
    given: Mapping[str, int],
) -> dict[str, int]:
    names = {dim.name for dim in dynamics.dimensions}
    for name in given:
        if name not in names:
            raise SimulationError(
                f"unknown dimension {name}", expected=", ".join(sorted(names)), found=name
            )
    found: dict[str, tuple[int, str]] = {
        name: (check_count(f"the size of dimension {name}", size, 1), "sizes")
        for name, size in given.items()
    }
    shapes = [(x.name, x.shape, s) for x, s in zip(layout.variables, layout.shapes, strict=True)]
    for parameter in dynamics.parameters:
        if parameter.name in arrays:
            shapes.append((parameter.name, parameter.shape, arrays[parameter.name].shape))
    for name, dims, shape in shapes:
        for dim, size in zip(dims, shape, strict=True):
            known, where = (
                (dim.size, "the declaration") if dim.size else found.get(dim.name, (size, name))
            )
            if known != size:
                raise SimulationError(
                    f"dimension {dim.name} has two sizes",
                    expected=f"{known}, from {where}",
                    found=f"{size}, from {name}",
                )
            found[dim.name] = (size, where)
    sizes = {name: size for name, (size, _) in found.items()}
    for dim in dynamics.dimensions:
        if dim.size is None and dim.name not in sizes:
            raise SimulationError(
                f"the size of dimension {dim.name} is not known from position or parameters",
                fix=f'give sizes={{"{dim.name}": ...}}',
            )
    return sizes


def _potential_symbol(
    dynamics: Dynamics, functions: Mapping[str, Any], potential: Any
) -> FunctionSymbol | None:
    """The unknown function that `potential` stands for."""
    left = [symbol for symbol in dynamics.functions if symbol.name not in functions]
    scalars = [symbol for symbol in left if not symbol.shape]
    tensors = [symbol.name for symbol in left if symbol.shape]
    if tensors:
        raise SimulationError(
            f"function {tensors[0]} is not given", fix=f'give functions={{"{tensors[0]}": ...}}'
        )
    if potential is None:
        if scalars:
            name = scalars[0].name
            raise SimulationError(
                f"the potential {name} is not given",
                expected="a JAX function of the position, a SymPy expression or a Minibatch",
                fix="give potential=..."
                if len(scalars) == 1
                else f'give functions={{"{name}": ...}}',
            )
        return None
    if not scalars:
        raise SimulationError(
            "a potential is given to a dynamics without an unknown potential",
            fix="leave potential out; the declaration says it all",
        )
    if len(scalars) > 1:
        names = ", ".join(symbol.name for symbol in scalars)
        raise SimulationError(
            "several unknown functions and one potential",
            found=names,
            fix="give the others through functions={...}",
        )
    return scalars[0]


def _source(
    potential: Any, symbol: FunctionSymbol, layout: PositionLayout, arrays: Mapping[str, np.ndarray]
) -> GradientSource:
    if isinstance(potential, GradientSource):
        return potential
    if _is_formula(potential):
        from sdekit.simulation.bind.sympy_potential import sympy_source

        return sympy_source(potential, layout, arrays)
    if callable(potential):
        return FunctionSource(potential)
    raise SimulationError(
        f"the potential {symbol.name} is of no known kind",
        expected="a JAX function of the position, a SymPy expression or a Minibatch",
        found=type(potential).__name__,
        fix="write a function of the position, or a SymPy expression; text is for model files"
        if isinstance(potential, str)
        else "write a function of the position that returns minus the log density",
    )


def _of_blocks(
    source: GradientSource, symbol: FunctionSymbol, layout: PositionLayout
) -> Callable[..., Any]:
    """The potential as a function of its blocks, for terms that need more than its gradient."""

    def of_blocks(*blocks: Any) -> Any:
        by_name = {x.name: b for x, b in zip(layout.variables, blocks, strict=False)}
        return source.potential(layout.position(by_name))

    def of_arguments(*blocks: Any) -> Any:
        (first, *others) = blocks
        return source.potential(blocks if others else first)

    names = {x.name for x in layout.variables}
    # Argument names are formal, so that the count decides when the names are others.
    fits = {x.name for x in symbol.arguments} == names or len(symbol.arguments) == len(names)
    return of_blocks if fits else of_arguments


#: What to write instead, by the name of the class of JAX's error.
_HABITS = {
    "TracerArrayConversionError": "use jax.numpy in place of numpy inside the potential",
    "ConcretizationTypeError": "leave float(), int() and .item() out: the position is traced",
    "TracerBoolConversionError": "write jnp.where(condition, a, b) in place of if",
    "TracerIntegerConversionError": "use indices that do not depend on the position",
}


def _habit_behind(error: Exception, position: Any) -> str | None:
    """What to write instead of a habit from Python or NumPy, where error and position tell."""
    is_list = isinstance(position, list | tuple)
    if is_list and all(getattr(entry, "shape", None) == () for entry in position):
        return "a list is a tree of numbers; give the position as an array: np.array([...])"
    if getattr(position, "shape", None) == ():
        return "the position is one number; give an array: np.zeros(n)"
    return _HABITS.get(type(error).__name__)


def _given(position: Any) -> str:
    """What a potential gets, in words."""
    shape = getattr(position, "shape", None)
    return "the position, a tree" if shape is None else f"the position, an array of shape {shape}"


def _try(
    source: GradientSource, layout: PositionLayout, dtype: np.dtype, extra: ExtraLayout | None
) -> None:
    """Evaluate the potential's shape once, before anything is compiled."""
    if not isinstance(source, FunctionSource):
        return
    example = layout.position(
        {x.name: jnp.zeros(s, dtype) for x, s in zip(layout.variables, layout.shapes, strict=True)}
    )

    def of_leaves(position: Any, leaves: Any) -> Any:
        if extra is None:
            return source.potential(position)
        return source.given(jax.tree.unflatten(extra.tree, leaves)).potential(position)

    shapes = () if extra is None else zip(extra.shapes, extra.dtypes, strict=True)
    try:
        value = jax.eval_shape(of_leaves, example, [jax.ShapeDtypeStruct(*s) for s in shapes])
    except USER_ERRORS as error:
        raise SimulationError(
            "the potential fails at the position given",
            expected=f"a JAX function of {_given(example)}{'' if extra is None else ' and extra'}",
            found=told(error),
            fix=_habit_behind(error, example) or "call it by hand at the position to see it fail",
        ) from error
    if value.shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
        raise SimulationError(
            "the potential does not return a scalar",
            expected="a floating point number, shape ()",
            found=f"{value.dtype} of shape {value.shape}",
            fix="sum over data and coordinates inside the potential",
        )
