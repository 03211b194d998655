r"""Stationary covariance of a scheme on quadratic targets of any dimension, with gradient noise.

$U = \tfrac12 \theta^T K \theta$ and a stochastic gradient $\nabla U + \eta$, $\eta \sim N(0, V)$
drawn anew wherever the positions have moved since the last force, and shared by neighbouring kicks
that see the same positions, as a sampler with one force per step does. One step is
$x \mapsto M x + \zeta$; $S = M S M^T + N$ is solved in numbers.

Not for formulas in h (`sdekit.schemes.bias.harmonic`).

Notation: d coordinates of the state, n of the positions; J and D of a part; V the covariance of
the gradient noise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdekit.calculus.linear.exact_flow import exact_flow
from sdekit.declaration.model.components import Components
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import SchemeError
from sdekit.schemes.bias.linear_letters import Letter, Stages, letters_of
from sdekit.schemes.bias.noise_bias import check_one_noise
from sdekit.schemes.guards.stability import first_crossing, spectral_radii, spectral_radius
from sdekit.schemes.split.splitting import Splitting, splitting


@dataclass(frozen=True)
class StationaryLaw:
    """The stationary Gaussian law of a scheme.

    Attributes:
        coordinates: Names of the state.
        covariance: S at the end of a step, shape (d, d).
        spectral_radius: Of M; below 1, or there would be no law.
        thermostat: The value at which a thermostat is held, its row and column zero; or None.
    """

    coordinates: tuple[str, ...]
    covariance: np.ndarray
    spectral_radius: float
    thermostat: float | None = None

    def block(self, name: str) -> np.ndarray:
        """The covariance of the coordinates of one variable, such as theta."""
        places = [i for i, x in enumerate(self.coordinates) if x.rsplit("_", 1)[0] == name]
        places = places or [i for i, x in enumerate(self.coordinates) if x == name]
        if not places:
            raise SchemeError(f"there is no variable {name}", expected=", ".join(self.coordinates))
        return self.covariance[np.ix_(places, places)]


def quadratic_law(
    dynamics: Dynamics,
    scheme: str | None,
    *,
    stiffness: Any,
    step_size: float,
    parameters: Mapping[str, Any] | None = None,
    gradient_covariance: Any = None,
) -> StationaryLaw:
    """The stationary covariance of a scheme on U = theta^T K theta / 2.

    Args:
        dynamics: A declaration that is linear once U is quadratic.
        scheme: A word or a name; the default word when left out.
        stiffness: K, shape (n, n), or a number for n = 1.
        step_size: h.
        parameters: A number for each scalar parameter; a matrix parameter may be given as array.
        gradient_covariance: V, shape (n, n); when left out that of the declared gradient noise B,
            V = 2 B / h for one force per step.

    Raises:
        SchemeError: If shapes do not fit, the scheme is not linear or is unstable at this h.

    Example:
        >>> import sdekit.catalog as catalog
        >>> law = quadratic_law(
        ...     catalog.get("langevin"), "OBABO", stiffness=1.0, step_size=1.0, parameters={"A": 1}
        ... )
        >>> float(law.block("theta")[0, 0].round(12))
        1.333333333333

    Source: derived, by the discrete Lyapunov equation.
    Checked by: tests/schemes/bias/test_linear_step.py.
    """
    parts, K, V = quadratic_problem(dynamics, stiffness, step_size, gradient_covariance)
    stages = letters_of(parts, scheme, K, dict(parameters or {}), {})
    V = stages.covariance(step_size, V)
    return state_law(stages.components, extended_law(stages, V, step_size))


def quadratic_problem(
    dynamics: Dynamics, stiffness: Any, step_size: float, gradient_covariance: Any
) -> tuple[Splitting, np.ndarray, np.ndarray]:
    """The splitting, K and V (zero where none is given), both of shape (n, n).

    Args:
        dynamics: A declaration.
        stiffness: K, or a number for n = 1.
        step_size: h.
        gradient_covariance: V, or a number for n = 1; or None.

    Raises:
        SchemeError: If shapes do not fit, h is not positive or the noise is declared as well.
    """
    K = _symmetric_matrix(stiffness, "stiffness", None)
    if not step_size > 0:
        raise SchemeError("the step size is not positive", found=step_size)
    parts = splitting(dynamics)
    check_one_noise(parts, gradient_covariance)
    given = 0.0 * K if gradient_covariance is None else gradient_covariance
    return parts, K, _symmetric_matrix(given, "gradient covariance", len(K))


def extended_law(
    stages: Stages, V: np.ndarray, step_size: float, frozen: Collection[str] = ()
) -> tuple[np.ndarray, float]:
    """S at the end of a step, of the state and the gradient noise, and the spectral radius of M.

    Args:
        stages: Of the step.
        V: Covariance of the gradient noise, shape (n, n).
        step_size: h.
        frozen: Names of coordinates that stand still: their rows and columns are zero.

    Returns:
        S, shape (d + n, d + n), and the radius.
    """
    components = stages.components
    M, N = step_maps(stages.letters, positions_in(components), V, step_size)
    keep = [i for i, x in enumerate(components.coordinates) if x.name not in frozen]
    moving = np.ix_(*2 * [[*keep, *range(components.dimension, len(M))]])
    S = np.zeros_like(M)
    S[moving] = solve_lyapunov(M[moving], N[moving])
    return S, spectral_radius(M[moving])


def state_law(
    components: Components, extended: tuple[np.ndarray, float], thermostat: float | None = None
) -> StationaryLaw:
    """The law of the state alone, from that of the state and the gradient noise."""
    (S, radius), size = extended, components.dimension
    names = tuple(x.name for x in components.coordinates)
    return StationaryLaw(names, S[:size, :size], radius, thermostat)


def stability_limit(
    dynamics: Dynamics,
    scheme: str | None,
    *,
    stiffness: Any,
    parameters: Mapping[str, Any] | None = None,
) -> float | None:
    """The smallest step size at which a scheme is unstable on U = theta^T K theta / 2, or None."""
    K = _symmetric_matrix(stiffness, "stiffness", None)
    letters = letters_of(splitting(dynamics), scheme, K, dict(parameters or {}), {}).letters
    return first_crossing(lambda sizes: spectral_radii(step_decays(letters, sizes)))


def _symmetric_matrix(value: Any, what: str, size: int | None) -> np.ndarray:
    """A number or nested list as a symmetric matrix.

    Raises:
        SchemeError: If it is not symmetric or not of the size.
    """
    matrix = np.atleast_2d(np.asarray(value, dtype=float))
    fits = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
    if not fits or (size is not None and len(matrix) != size) or not np.allclose(matrix, matrix.T):
        raise SchemeError(
            f"the {what} is no symmetric matrix of the right size",
            expected="shape (n, n)" if size is None else f"shape ({size}, {size})",
            found=f"shape {matrix.shape}",
        )
    return matrix


def positions_in(components: Components) -> list[int]:
    """Places of the target's coordinates in the state."""
    return [components.coordinates.index(x) for x in components.target_coordinates]


# -- maps ----------------------------------------------------------------------------------------


def step_maps(
    letters: Sequence[Letter], positions: Sequence[int], V: np.ndarray, step_size: float
) -> tuple[np.ndarray, np.ndarray]:
    """M and N of one step on the state, extended by the current gradient noise.

    Args:
        letters: The stages.
        positions: Places of the positions in the state.
        V: Covariance of the gradient noise, shape (n, n).
        step_size: h.

    Returns:
        Arrays of shape (d + n, d + n).
    """
    full = len(letters[0].J) + len(V)
    M, N = np.eye(full), np.zeros((full, full))
    for _, m, noise in _passes(letters, positions, V, step_size):
        M, N = m @ M, m @ N @ m.T + noise
    return M, N


def step_decays(letters: Sequence[Letter], step_sizes: np.ndarray) -> np.ndarray:
    """M of a step on the state alone, for many step sizes.

    Args:
        letters: The stages.
        step_sizes: Shape (k,).

    Returns:
        Shape (k, d, d); with entries that are not finite where a stage overflows.
    """
    M = np.eye(len(letters[0].J))
    with np.errstate(all="ignore"):
        for letter in letters:
            M = _decays(letter.method, letter.J, letter.share * step_sizes) @ M
    return M


def covariances_along(
    letters: Sequence[Letter],
    positions: Sequence[int],
    V: np.ndarray,
    step_size: float,
    S: np.ndarray,
) -> list[np.ndarray]:
    """The covariance just before each stage, from the covariance S at the start of the step."""
    found = []
    for starts_stage, m, noise in _passes(letters, positions, V, step_size):
        if starts_stage:
            found.append(S)
        S = m @ S @ m.T + noise
    return found


def _passes(
    letters: Sequence[Letter], positions: Sequence[int], V: np.ndarray, step_size: float
) -> Iterator[tuple[bool, np.ndarray, np.ndarray]]:
    """The maps of a step one by one; True for a stage, False for a new draw of gradient noise."""
    size = len(letters[0].J)
    redraw = np.diag(np.r_[np.ones(size), np.zeros(len(V))])
    drawn = np.zeros_like(redraw)
    drawn[size:, size:] = V
    is_fresh = _force_is_known_at_start(letters, positions)
    for letter in letters:
        if letter.is_kick and not is_fresh:
            yield False, redraw, drawn
            is_fresh = True
        yield True, *_letter_maps(letter, step_size)
        is_fresh = is_fresh and not letter.moves(positions)


def _force_is_known_at_start(letters: Sequence[Letter], positions: Sequence[int]) -> bool:
    """Whether the last force of the step before is still that of the present positions."""
    for letter in reversed(letters):
        if letter.moves(positions):
            return False
        if letter.is_kick:
            return True
    return False


def _letter_maps(letter: Letter, step_size: float) -> tuple[np.ndarray, np.ndarray]:
    """M and N of a stage on the state and the gradient noise, which stands still."""
    size, extra = letter.entry.shape
    J, D = np.zeros((size + extra, size + extra)), np.zeros((size + extra, size + extra))
    J[:size, :size], J[:size, size:], D[:size, :size] = letter.J, letter.entry, letter.D
    return stage_maps(letter.method, J, D, letter.share * step_size)


def stage_maps(
    method: str, J: np.ndarray, D: np.ndarray, time: float
) -> tuple[np.ndarray, np.ndarray]:
    """M and N of one stage over a time."""
    if method == "exact":
        return _exact(J, D, time)
    decay = _decays(method, J, np.array([time]))[0]
    if method == "euler_maruyama":
        return decay, 2 * time * D
    if method == "rk4":
        return decay, np.zeros_like(D)
    half = _runge_kutta(J, time / 2)
    return decay, half @ (2 * time * D) @ half.T


def _decays(method: str, J: np.ndarray, times: np.ndarray) -> np.ndarray:
    """M of one stage over each time, shape (k, d, d)."""
    t = times[:, None, None]
    if method == "euler_maruyama":
        return np.eye(len(J)) + t * J
    if method == "exact":
        return _exponentials(J, times)
    if method == "rk4":
        return _runge_kutta(J, t)
    half = _runge_kutta(J, t / 2)
    return half @ half


def _exponentials(J: np.ndarray, times: np.ndarray) -> np.ndarray:
    """exp(t J) for each time, by the series over a short time, then doubling."""
    if not (J @ J).any():
        return np.eye(len(J)) + times[:, None, None] * J
    doublings = _doublings(J, times)
    decays = _short_exponential(J * (times / 2.0**doublings)[:, None, None])
    for done in range(int(doublings.max())):
        left = doublings > done
        decays[left] = decays[left] @ decays[left]
    return decays


def _doublings(J: np.ndarray, time: Any) -> Any:
    """How often a time is halved until the drift over it has norm at most 1."""
    return np.maximum(np.ceil(np.log2(np.maximum(np.abs(J).sum() * time, 1e-300))), 0).astype(int)


def _runge_kutta(J: np.ndarray, time: Any) -> np.ndarray:
    term, total = np.eye(len(J)), np.eye(len(J))
    for k in range(1, 5):
        term = term @ J * (time / k)
        total = total + term
    return total


def _exact(J: np.ndarray, D: np.ndarray, time: float) -> tuple[np.ndarray, np.ndarray]:
    """Decay and noise of the exact flow."""
    change, _, noise = exact_flow(J, D, np.zeros(len(J)), time)
    return np.eye(len(J)) + change, noise


def _short_exponential(matrices: np.ndarray) -> np.ndarray:
    """The exponential series, of a matrix or of each in a stack; norms are about 1 at most."""
    size = matrices.shape[-1]
    term, total = np.eye(size), np.eye(size)
    for k in range(1, 26):
        term = term @ matrices / k
        total = total + term
    return total


def solve_lyapunov(M: np.ndarray, N: np.ndarray) -> np.ndarray:
    """The solution of S = M S M^T + N.

    Raises:
        SchemeError: If the spectral radius of M is not below 1.
    """
    radius = spectral_radius(M)
    if not radius < 1:
        raise SchemeError(
            "the scheme has no stationary law at this step size",
            expected="a spectral radius below 1",
            found=f"{radius:.6g}",
            fix="take a smaller step, or see stability_limit",
        )
    # The Smith iteration: after k rounds 2^k terms of sum_j M^j N (M^T)^j are added up.
    S, power = N, M
    while np.abs(power).max() > 1e-17:
        S, power = S + power @ S @ power.T, power @ power
    return (S + S.T) / 2
