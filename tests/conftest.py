"""Programs of most tests are compiled in the quickest way: what they state is about numbers.

XLA optimizes for programs that run long, which takes two thirds of the time of compiling.
Where machine code or rounding is what a test is about, the compiler works as for users: see
`AS_FOR_USERS`. So it does in processes that tests start and in the second run of `.ci/run`, which
sets SDEKIT_TESTS_COMPILE_AS_USERS.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest

try:
    from jax._src import compiler
except ImportError:  # JAX is an extra, and no interface of its own reaches every compilation.
    compiler = None

HERE = Path(__file__).parent
#: Tests of compiled programs, by file or folder, and long runs. Pages are not among them: examples
#: run as for users, in processes of their own.
AS_FOR_USERS = (
    "simulation/guard", "simulation/loop/test_compiled_code.py",
    "simulation/loop/test_machine_loop.py", "simulation/noise",
    "auditing/test_audit_stationary.py",
)  # fmt: skip
#: Options of XLA, of which a release takes those that it knows.
QUICK = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}


@functools.cache
def _quick_options() -> dict[str, object]:
    import jax

    known = {}
    for name, value in QUICK.items():
        try:
            jax.jit(lambda x: x, compiler_options={name: value}).lower(0.0).compile()
        except (jax.errors.JaxRuntimeError, ValueError):
            continue
        known[name] = value
    return known


def _compiles_as_for_users(path: Path) -> bool:
    parts = path.relative_to(HERE).as_posix()
    asked = "SDEKIT_TESTS_COMPILE_AS_USERS" in os.environ
    return asked or any(parts == one or parts.startswith(one + "/") for one in AS_FOR_USERS)


@pytest.fixture(scope="module", autouse=True)
def quick_compilation(request: pytest.FixtureRequest):
    """Compile quickly while the tests of one file run, but for the files named above."""
    if not hasattr(compiler, "get_compile_options") or _compiles_as_for_users(request.path):
        yield
        return
    plain, quick = compiler.get_compile_options, _quick_options()

    @functools.wraps(plain)
    def options(*args, env_options_overrides=None, **kwargs):
        chosen = {**quick, **(env_options_overrides or {})}
        return plain(*args, env_options_overrides=chosen, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiler, "get_compile_options", options)
        yield
