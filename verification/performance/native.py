"""What Langevin on many chains costs outside JAX: Numba on two threads, and C++ as the limit.

Numba's loop is what a user writes: NumPy's generator (ziggurat), a generator and half of the chains
for each thread, double precision. The C++ step takes float32 normals from 16 generators side by
side (xoshiro128+) through the polynomials of the inverse error function, without branches, so that
the compiler makes vectors of all of it. It is built with g++ where there is one.

Checked on each run: the variance of the end is finite and not 0.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from verification.performance.timing import Case

THREADS = 2
NUMBA, LIMIT = "Numba, SFC64, float64, two threads", "limit: C++, xoshiro128+, two threads"

SOURCE = r"""
#include <cmath>
#include <cstdint>
#include <thread>
#include <vector>
constexpr int LANES = 16;
static const float CENTRE[] = {2.81022636e-08f, 3.43273939e-07f, -3.5233877e-06f, -4.39150654e-06f,
  0.00021858087f, -0.00125372503f, -0.00417768164f, 0.246640727f, 1.50140941f};
static const float TAIL[] = {-2.98365136e-06f, -0.000177168004f, 0.000567334033f, -0.000758005722f,
  0.00100245282f, -0.00202547547f, 0.00329818815f, 1.00736422f, 3.3354849f};
static inline float normal(uint32_t word) {
  float t = ((int32_t)(word >> 1) + 0.5f) * 0x1p-31f;
  float w = -std::log(t * (2.0f - t)), a = w - 2.5f, b = std::sqrt(w) - 3.5f;
  float centre = CENTRE[0], tail = TAIL[0];
  for (int i = 1; i < 9; i++) { centre = centre * a + CENTRE[i]; tail = tail * b + TAIL[i]; }
  float size = (w < 5.0f ? centre : tail) * ((1.0f - t) * 1.41421356f);
  return word & 1 ? -size : size;
}
static void part(float* q, float* p, const float* k, long first, long last, long size, long steps,
                 float h, float friction) {
  uint32_t s[4][LANES];
  for (int i = 0; i < 4; i++) for (int j = 0; j < LANES; j++)
    s[i][j] = 0x9E3779B9u * (uint32_t)(1 + j + LANES * i + 64 * first);
  float spread = std::sqrt(2 * friction * h), decay = 1 - friction * h;
  for (long block = first; block < last; block += LANES)
    for (long step = 0; step < steps; step++)
      for (long d = 0; d < size; d++) {
        float* x = q + (block * size + d * LANES); float* v = p + (block * size + d * LANES);
        for (int j = 0; j < LANES; j++) {
          uint32_t word = s[0][j] + s[3][j], t = s[1][j] << 9;
          s[2][j] ^= s[0][j]; s[3][j] ^= s[1][j]; s[1][j] ^= s[2][j]; s[0][j] ^= s[3][j];
          s[2][j] ^= t; s[3][j] = (s[3][j] << 11) | (s[3][j] >> 21);
          float before = x[j];
          x[j] += h * v[j];
          v[j] = decay * v[j] - h * k[d] * before + spread * normal(word);
        }
      }
}
extern "C" void run(float* q, float* p, const float* k, long chains, long size, long steps,
                    float h, float friction, long threads) {
  std::vector<std::thread> all;
  long blocks = chains / LANES;
  for (long i = 0; i < threads; i++)
    all.emplace_back(part, q, p, k, blocks * i / threads * LANES,
                     blocks * (i + 1) / threads * LANES, size, steps, h, friction);
  for (auto& one : all) one.join();
}
"""


def numba_threads(
    stiffness: np.ndarray, chains: int, steps: int, h: float, friction: float
) -> Callable[[], np.ndarray]:
    """The recursion by hand, chain after chain."""
    import numba

    @numba.njit(nogil=True)
    def run(generator: Any, k: np.ndarray, q: np.ndarray, p: np.ndarray, steps: int) -> None:
        spread = np.sqrt(2 * friction * h)
        for chain in range(q.shape[0]):
            for _ in range(steps):
                for i in range(k.size):
                    before = q[chain, i]
                    q[chain, i] += h * p[chain, i]
                    noise = spread * generator.standard_normal()
                    p[chain, i] += noise - h * (friction * p[chain, i] + k[i] * before)

    pool = ThreadPoolExecutor(THREADS)
    generators = [np.random.Generator(np.random.SFC64(n)) for n in range(THREADS)]
    k = stiffness.astype(np.float64)

    def call() -> np.ndarray:
        q, p = np.zeros((2, chains, k.size))
        parts = zip(generators, np.array_split(q, THREADS), np.array_split(p, THREADS), strict=True)
        list(pool.map(lambda own: run(own[0], k, own[1], own[2], steps), parts))
        return q

    return call


def built() -> Any | None:
    """The C++ step as a shared library; None where there is no compiler."""
    compiler = shutil.which("g++")
    if compiler is None:
        return None
    folder = Path(tempfile.mkdtemp())
    (folder / "step.cpp").write_text(SOURCE, encoding="ascii")
    options = ["-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math", "-shared"]
    command = [compiler, *options, "-fPIC", "-pthread", "step.cpp", "-o", "step.so"]
    subprocess.run(command, cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "step.so"))


def compiled_step(
    library: Any, stiffness: np.ndarray, chains: int, steps: int, h: float, friction: float
) -> Callable[[], np.ndarray]:
    """The C++ step for all chains; they are filled up to whole vectors."""
    k = stiffness.astype(np.float32)
    filled = -(-chains // 16) * 16
    pointer = np.ctypeslib.ndpointer(np.float32, flags="C")
    library.run.argtypes = [pointer] * 3 + [ctypes.c_long] * 3 + [ctypes.c_float] * 2
    library.run.argtypes = [*library.run.argtypes, ctypes.c_long]
    library.run.restype = None

    def call() -> np.ndarray:
        q, p = np.zeros((2, filled * k.size), np.float32)
        library.run(q, p, k, filled, k.size, steps, h, friction, THREADS)
        return q

    return call


def cases(
    stiffness: np.ndarray, chains: int, steps: int, h: float, friction: float
) -> tuple[list[Case], list[str]]:
    """Both rivals, and what is left out.

    Raises:
        AssertionError: If a rival does not simulate.
    """
    found, absent, work = [], [], chains * stiffness.size * steps
    given = (stiffness, chains, steps, h, friction)
    if find_spec("numba") is None:
        absent.append("Numba is not installed: its loop for many chains is left out.")
    else:
        found.append(Case(NUMBA, numba_threads(*given), work))
    library = built()
    if library is None:
        absent.append("No g++ is here: the limit in C++ is left out.")
    else:
        found.append(Case(LIMIT, compiled_step(library, *given), work))
    for case in found:
        spread = float(np.var(np.asarray(case.run())))
        assert np.isfinite(spread) and spread > 0, f"{case.name}: variance {spread}"
    return found, absent
