"""Every claim of the four sources, with its verdict and where the evidence stands.

A verdict of None is read from the rows of the run that the evidence names; a printed Lipschitz
constant is judged by the trials of `lipschitz_bounds`. Evidence is a test
(`path::name`, or a file of tests) or a file of verification/results. Not for measuring.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

MET, NOT_MET, OUT, OPEN = "met", "**not met**", "out of scope", "not run"


@dataclass(frozen=True)
class Claim:
    """One line.

    Attributes:
        text: What the source says.
        verdict: One of the above; None where the rows of a run decide.
        why: What was found, or why not.
        evidence: Tests or results.
    """

    text: str
    verdict: str | None
    why: str
    evidence: tuple[str, ...]


def _claim(text: str, verdict: str | None, why: str, *evidence: str) -> Claim:
    return Claim(text, verdict, why, evidence)


_LIMITS = "verification/results/lipschitz_bounds.md"


def _as_bound(loss: str) -> tuple[str, str]:
    """Verdict on a printed Lipschitz constant, and how often gradient ascent exceeded it."""
    path = Path(__file__).resolve().parents[2] / _LIMITS.replace(".md", ".json")
    found = json.loads(path.read_text(encoding="utf-8"))["results"]["losses"][loss]
    share, times = found["paper_exceeded_share"], found["paper_exceeded_by"]
    trials = f"{found['trials']:,} trials"
    if share == 0:
        return MET, f"a bound, never exceeded in {trials}"
    by = "" if times is None else f", up to {times:.2g} times"
    return NOT_MET, f"exceeded in {100 * share:.0f} % of {trials}{by}"


_CATALOG = "tests/catalog/test_catalog.py::test_every_claim_holds_for_all_n"
_PUBLISHED = "tests/simulation/steps/test_published.py"
_SGLD = "tests/theory/test_sgld.py"
_RATES = "tests/theory/lipschitz/test_rates.py"
_PATHS = "tests/theory/least_squares/test_paths.py"
_FLOW = "tests/theory/least_squares/test_flow.py"
_LINEAR = "tests/theory/least_squares/test_linear_processes.py"
_BOUNDS = "tests/theory/least_squares/test_bounds.py"
_SPEED = "verification/results/lipschitz_rates.md"
_GENES = "verification/results/symnet.md"
_SLIDES = "verification/results/least_squares_flow.md"

SGNHT = (
    _claim(
        "Hybrid Monte Carlo with Metropolis leaves exp(-H) invariant",
        MET,
        "exact law at a large step",
        "tests/simulation/steps/test_metropolis.py::test_the_law_is_exact_at_a_large_step",
    ),
    _claim(
        "Langevin dynamics (1) with friction A has the canonical law",
        MET,
        "proved for all n and all U",
        _CATALOG,
    ),
    _claim(
        "Brownian dynamics is the limit t <- At, A -> infinity",
        MET,
        "marginal at large friction, in the step's order",
        "tests/schemes/order/test_scheme_order.py::test_the_marginal_at_large_friction_is_that_of_the_table",
    ),
    _claim(
        "The stochastic gradient (2) and SGLD",
        MET,
        "the published recursion; its bias declared and proved",
        f"{_PUBLISHED}::test_sgld_with_decreasing_steps_is_its_published_recursion",
        _CATALOG,
    ),
    _claim(
        "SGHMC (3) with B-hat; right only where B-hat = B",
        MET,
        "published recursion; refuted where unmatched",
        f"{_PUBLISHED}::test_sghmc_is_its_published_recursion",
        _CATALOG,
    ),
    _claim(
        "Thermal equilibrium (4): k_B T = E[p.p]/n, broken by (3)",
        MET,
        "every run reports it",
        "tests/simulation/notes/test_equilibrium.py::test_a_planted_temperature_is_told",
    ),
    _claim(
        "The thermostat (5), (6) and Algorithm 1",
        MET,
        "the published recursion; the law proved for all n",
        f"{_PUBLISHED}::test_algorithm_1_is_the_published_recursion",
        _CATALOG,
    ),
    _claim(
        "Algorithm 2 in (u, eta, alpha, a) is Algorithm 1",
        MET,
        "the same numbers",
        f"{_PUBLISHED}::test_algorithm_2_is_the_published_recursion_and_the_same_as_algorithm_1",
    ),
    _claim(
        "Main theorem: D = A + diag(0, B, 0), (8) marginalization, (9) stationarity",
        MET,
        "checked for every entry; injected and gradient noise declared apart",
        _CATALOG,
    ),
    _claim(
        "Remark: h -> 0 gives D -> A",
        MET,
        "B = h V / 2 is measured and declared",
        "tests/simulation/gradients/test_gradient_noise_use.py",
    ),
    _claim(
        "Section 4.2: matrix Xi, (10), (11), Xi ~ MN(D, I/mu, I)",
        MET,
        "stationary, but on all n x n matrices not the only law: xi - xi^T is conserved",
        _CATALOG,
    ),
    _claim(
        "Matrix against scalar thermostat where gradient noise differs between directions",
        None,
        "",
        "papers_anisotropic_noise",
    ),
    _claim(
        "Scalar case mu = n: xi ~ N(D, 1/mu); without noise xi ~ N(0, 1/mu)",
        MET,
        "proved for all n",
        _CATALOG,
    ),
    _claim(
        "Figure 1: fixed xi = 1, 10, 0.1 and the thermostat on the double well",
        None,
        "",
        "papers_figure_1",
    ),
    _claim("Figure 2: normals with known and unknown variance", None, "", "papers_figure_2"),
    _claim("Figure 3(a): Bayesian network on MNIST", None, "", "papers_bayesian_network"),
    _claim(
        "Figure 3(b): matrix factorization of MovieLens 1M", None, "", "papers_matrix_factorization"
    ),
    _claim("Figure 3(c): Netflix", None, "", "papers_netflix_shape"),
    _claim("Figure 3(d): semi-collapsed LDA on ICML abstracts", None, "", "papers_topics"),
    _claim("Table 2 of the appendix", OUT, "the appendix is not reachable"),
    _claim(
        "Symmetric splitting has bias O(h^2), Algorithm 1 O(h)",
        MET,
        "proved from the series for all n",
        "tests/schemes/order/test_scheme_order.py::test_palindromes_of_the_thermostat_have_order_two",
        "tests/schemes/order/test_scheme_order.py::test_other_schemes_of_the_thermostat_have_order_one",
        "verification/results/scheme_bias.md",
    ),
    _claim("The same, measured on the thermostat", None, "", "papers_thermostat_order"),
)

SGLD = (
    _claim(
        "Gradient descent; stochastic gradient descent on a posterior",
        MET,
        "exact moments of all sequences of batches",
        f"{_FLOW}::test_sgd_moments_are_those_of_all_sequences_of_batches",
    ),
    _claim(
        "Robbins-Monro conditions",
        MET,
        "steps a (b + t)^-g, g = 0.55 by default; g > 1, whose sum is finite, is refused",
        "tests/simulation/loop/test_schedules.py::test_robbins_monro_runs_from_first_to_last",
        "tests/simulation/loop/test_schedules.py::test_impossible_schedules_are_refused",
    ),
    _claim("Ergodic theorem (text), convergence along a subsequence (text)", OUT, "proof texts"),
    _claim(
        "Metropolis-Hastings for a given proposal",
        MET,
        "exact law at large steps, proposals by name and as kernels",
        "tests/simulation/steps/test_metropolis_hastings.py::test_the_law_is_exact_where_euler_maruyama_is_far_off",
    ),
    _claim("Hamiltonian dynamics, canonical law at temperature T", MET, "proved", _CATALOG),
    _claim(
        "Leapfrog with diagonal masses: reversible, energy to second order",
        MET,
        "",
        f"{_SGLD}::test_leapfrog_is_reversible_and_keeps_the_energy_to_second_order",
    ),
    _claim(
        "HMC: both updates leave the joint law invariant",
        MET,
        "",
        "tests/simulation/steps/test_metropolis.py::test_the_law_is_exact_at_a_large_step",
    ),
    _claim("HMC and Metropolis against unadjusted steps", None, "", "papers_methods"),
    _claim(
        "One leapfrog step from fresh momenta is Euler-Maruyama of Langevin dynamics",
        MET,
        "identical",
        f"{_SGLD}::test_one_leapfrog_step_is_euler_maruyama",
    ),
    _claim(
        "The Langevin equation with <eta eta> = 2 lambda k_B T delta",
        MET,
        "fluctuation and dissipation balance",
        "tests/theory/least_squares/test_linear_processes.py::test_fluctuation_and_dissipation_balance_at_the_temperature",
    ),
    _claim(
        "Euler-Maruyama for general a(X, t), b(X, t)",
        MET,
        "order and density of the scheme known",
        "tests/schemes/order/test_scheme_order.py::test_the_leading_term_of_euler_maruyama_agrees_with_sympy",
    ),
    _claim(
        "Injected noise eps against gradient noise (eps/2)^2 V: the transition",
        None,
        "",
        "papers_sgld",
    ),
)

LIPSCHITZ = (
    _claim("Least squares: L = (K/m)||X'X|| + (1/m)||y'X||", *_as_bound("least-squares"), _LIMITS),
    _claim(
        "Its network form (K_a + y) K_z / m",
        MET,
        "valid and looser",
        f"{_RATES}::test_the_network_form_of_least_squares_is_valid_and_looser",
    ),
    _claim("Binary cross entropy: ||X||/(2m)", *_as_bound("logistic"), _LIMITS),
    _claim("Softmax: (k - 1)/(km) ||X||", *_as_bound("softmax"), _LIMITS),
    _claim(
        "L2 adds lambda K; Tikhonov adds 2K||Gamma' Gamma||",
        MET,
        "exact",
        f"{_RATES}::test_regularizers_are_exact",
    ),
    _claim("Log-cosh is 1-Lipschitz; a tighter constant printed", *_as_bound("log-cosh"), _LIMITS),
    _claim(
        "Smooth binary quantile loss: (2/pi) max(1, (1-tau)/tau, tau/(tau-1))",
        NOT_MET,
        "no bound as printed; exact constants per logit are known",
        f"{_RATES}::test_constants_per_logit_of_the_binary_quantile_losses_are_exact",
    ),
    _claim(
        "With rate 1/L each step decreases the loss by ||grad f||^2/(2L)",
        NOT_MET,
        "L is that of the loss, not of its gradient: the rate can diverge; a criterion says when",
        f"{_RATES}::test_the_lipschitz_rate_can_diverge_and_the_criterion_says_when",
    ),
    _claim(
        "n >= 2L(f(w0) - f*)/eps iterations",
        MET,
        "sufficient with the constant of the gradient",
        f"{_RATES}::test_the_iteration_count_is_sufficient",
    ),
    _claim(
        "Gradients are largest at the last layer",
        NOT_MET,
        "a counterexample",
        f"{_RATES}::test_the_last_layer_need_not_have_the_largest_gradient",
    ),
    _claim(
        "MAE 5 to 20 times, quantile loss nearly 20 times faster",
        NOT_MET,
        "against slow rates yes (0.01: 30 to 130 times), against a tuned constant rate no",
        _SPEED,
    ),
    _claim(
        "Rates decay by themselves",
        MET,
        "on the four sets of the table, where a gradient's constant is used",
        _SPEED,
    ),
    _claim("The gains hold on 13 data sets", OPEN, "four sets were run", _SPEED),
    _claim(
        "SBAF and A-ReLU from first-order differential equations",
        MET,
        "",
        "tests/theory/lipschitz/test_activations.py::test_sbaf_satisfies_its_differential_equation",
        "tests/theory/lipschitz/test_activations.py::test_a_relu_satisfies_its_differential_equation",
    ),
    _claim(
        "SYMNet",
        MET,
        "as accurate as ReLU with the valid rate; SBAF fails with the printed one",
        _GENES,
    ),
    _claim(
        "Gene expression: MAE 0.3240 against 0.3213, by epochs",
        OPEN,
        "D-GEX is not obtainable; on three stand-ins the rate is neither best nor worst",
        _GENES,
    ),
    _claim("AdaSwarm, ChaosNet, hardware and CO2 figures", OUT, "named only"),
)

FLOW = (
    _claim(
        "The flow (1) with Q_eta: Euler's discretization and SGD share two moments",
        MET,
        "exact",
        f"{_PATHS}::test_sgd_and_euler_maruyama_at_its_step_have_the_sgd_moments",
    ),
    _claim(
        "The constant-covariance process (2), SGLD with tau I",
        MET,
        "the law of their linear SDE",
        f"{_LINEAR}::test_constant_noise_processes_have_the_covariance_of_their_linear_sde",
    ),
    _claim(
        "The flow is the closer approximation",
        MET,
        "",
        f"{_PATHS}::test_that_check_tells_the_flow_from_sgd",
    ),
    _claim(
        "Gradient flow in closed form",
        MET,
        "",
        f"{_LINEAR}::test_gradient_flow_solves_its_equation_and_ridge_its_normal_equations",
    ),
    _claim(
        "Bias^2 <= ridge's, Var and Risk <= 1.6862 ridge's at lambda = 1/t",
        MET,
        "1.6862 is above the supremum",
        f"{_BOUNDS}::test_the_variance_constant_is_the_supremum_and_the_printed_one_is_above_it",
    ),
    _claim(
        "Excess risk: 0.6862 ridge variance + price of stochasticity + limiting error",
        MET,
        "in both forms, each term apart",
        f"{_BOUNDS}::test_the_excess_risk_theorem_holds_in_both_forms",
        _SLIDES,
    ),
    _claim(
        "The limiting error is zero for p >= n",
        MET,
        "",
        f"{_BOUNDS}::test_with_more_features_than_rows_the_third_term_vanishes",
    ),
    _claim(
        "For the whole path, without strong conditions on X",
        MET,
        "the trace stays below its bound at every time, below the largest step",
        f"{_BOUNDS}::test_the_trace_is_below_its_bound_at_every_time",
    ),
    _claim(
        "inf over lambda of ridge's risk <= inf over t of the flow's",
        NOT_MET,
        "false for a fixed signal; true as Bayes risk",
        "tests/theory/least_squares/test_oracle.py::test_for_a_fixed_signal_the_statement_fails",
    ),
    _claim(
        "Figures: paths; n = 100, p = 10, m = 10; high dimension; coefficient error",
        MET,
        "risks and bound; the paths of the slides as well",
        _SLIDES,
        "papers_least_squares_paths",
    ),
)

PRINT = (
    _claim(
        "Formulas that do not hold as printed, and what does: each computed",
        None,
        "",
        "papers_misprints",
    ),
)

SOURCES = {
    "SGNHT (Ding et al. 2014)": SGNHT,
    "SGLD exposition (2025, after Welling and Teh 2011)": SGLD,
    "Learning rates from Lipschitz constants (Saha)": LIPSCHITZ,
    "Stochastic gradient flow for least squares (Ali, Dobriban, Tibshirani)": FLOW,
    "Mistakes in print": PRINT,
}
