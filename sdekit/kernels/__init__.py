"""Markov kernels: the chain that is run, as a declaration that `sdekit.verify` decides.

    K, L = sk.kernels, sk.dim("L")
    K.compose(K.refresh(p), K.metropolis(K.flow(dynamics, "BAB", L), flip={p: -p}))

Not for proving (`sdekit.verifier.markov`) nor for running (`sdekit.simulation`).
"""

from __future__ import annotations

from sdekit.loading import on_use

_HOMES = {
    **dict.fromkeys(
        (
            "choose", "compose", "delayed", "flip", "flow", "implicit_midpoint", "jump",
            "map_to", "metropolis", "palindrome", "random_steps", "random_walk", "refresh",
            "slice_step",
        ),
        "sdekit.kernels.building",
    ),
    "Kernel": "sdekit.kernels.steps",
    "RATIO": "sdekit.kernels.steps",
    "published_kernel": "sdekit.kernels.kernel_file",
    "published_kernels": "sdekit.kernels.kernel_file",
    "written_steps": "sdekit.kernels.steps",
    "hmc": "sdekit.kernels.methods",
    "generalized_hmc": "sdekit.kernels.methods",
    "mala": "sdekit.kernels.methods",
}  # fmt: skip

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]

__getattr__, __dir__ = on_use(__name__, _HOMES)
