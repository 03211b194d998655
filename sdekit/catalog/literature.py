"""Full references behind the short ones that entries, theorems and schemes carry, as data.

A short reference is the authors and the year, "Ding et al. 2014". Not for what the works say.
Checked by: tests/catalog/test_literature.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """One published work.

    Attributes:
        short: As it stands in texts: authors and year.
        authors: All of them, or the first ones and "and others".
        title: Of the work.
        where: Journal, volume and pages, or the book's publisher.
        doi: Without the resolver's address; empty where none is known.
    """

    short: str
    authors: str
    title: str
    where: str
    doi: str = ""

    @property
    def year(self) -> str:
        """The year of publication."""
        return self.short.rpartition(" ")[2]

    @property
    def text(self) -> str:
        """The reference as one sentence."""
        found = f"{self.authors} ({self.year}). {self.title}. {self.where}."
        return f"{found} doi:{self.doi}." if self.doi else found

    @property
    def bibtex(self) -> str:
        """The reference as an entry of a BibTeX file."""
        key = re.sub(r"\W", "", self.short.partition(" ")[0].lower()) + self.year
        fields = {
            "author": self.authors, "title": f"{{{self.title}}}", "year": self.year,
            "howpublished": self.where, "doi": self.doi,
        }  # fmt: skip
        lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
        return f"@misc{{{key},\n" + ",\n".join(lines) + "\n}"


def _works(*rows: tuple[str, ...]) -> dict[str, Work]:
    return {row[0]: Work(*row) for row in rows}


#: By short reference.
LITERATURE = _works(
    ("Ali, Dobriban and Tibshirani 2020", "A. Ali and E. Dobriban and R. J. Tibshirani",
     "The implicit regularization of stochastic gradient flow for least squares",
     "International Conference on Machine Learning 37"),
    ("Barker 1965", "A. A. Barker",
     "Monte Carlo calculations of the radial distribution functions for a proton-electron plasma",
     "Australian Journal of Physics 18, 119-133", "10.1071/PH650119"),
    ("Bou-Rabee and Sanz-Serna 2017", "N. Bou-Rabee and J. M. Sanz-Serna",
     "Randomized Hamiltonian Monte Carlo", "Annals of Applied Probability 27, 2159-2194",
     "10.1214/16-AAP1255"),
    ("Ceriotti, Bussi and Parrinello 2010", "M. Ceriotti and G. Bussi and M. Parrinello",
     "Colored-noise thermostats a la carte",
     "Journal of Chemical Theory and Computation 6, 1170-1180", "10.1021/ct900563s"),
    ("Chen et al. 2016", "C. Chen and D. Carlson and Z. Gan and C. Li and L. Carin",
     "Bridging the gap between stochastic gradient MCMC and stochastic optimization",
     "International Conference on Artificial Intelligence and Statistics 19"),
    ("Chen, Fox and Guestrin 2014", "T. Chen and E. B. Fox and C. Guestrin",
     "Stochastic gradient Hamiltonian Monte Carlo",
     "International Conference on Machine Learning 31"),
    ("Ding et al. 2014",
     "N. Ding and Y. Fang and R. Babbush and C. Chen and R. D. Skeel and H. Neven",
     "Bayesian sampling using stochastic gradient thermostats",
     "Advances in Neural Information Processing Systems 27"),
    ("Duane et al. 1987", "S. Duane and A. D. Kennedy and B. J. Pendleton and D. Roweth",
     "Hybrid Monte Carlo", "Physics Letters B 195, 216-222", "10.1016/0370-2693(87)91197-X"),
    ("Fang, Sanz-Serna and Skeel 2014", "Y. Fang and J. M. Sanz-Serna and R. D. Skeel",
     "Compressible generalized hybrid Monte Carlo", "Journal of Chemical Physics 140, 174108",
     "10.1063/1.4874000"),
    ("Forman and Sorensen 2008", "J. L. Forman and M. Sorensen",
     "The Pearson diffusions: a class of statistically tractable diffusion processes",
     "Scandinavian Journal of Statistics 35, 438-465", "10.1111/j.1467-9469.2007.00592.x"),
    ("Gan et al. 2015", "Z. Gan and C. Chen and R. Henao and D. Carlson and L. Carin",
     "Scalable deep Poisson factor analysis for topic modeling",
     "International Conference on Machine Learning 32"),
    ("Girolami and Calderhead 2011", "M. Girolami and B. Calderhead",
     "Riemann manifold Langevin and Hamiltonian Monte Carlo methods",
     "Journal of the Royal Statistical Society B 73, 123-214", "10.1111/j.1467-9868.2010.00765.x"),
    ("Green 1995", "P. J. Green",
     "Reversible jump Markov chain Monte Carlo computation and Bayesian model determination",
     "Biometrika 82, 711-732", "10.1093/biomet/82.4.711"),
    ("Hoover 1985", "W. G. Hoover",
     "Canonical dynamics: equilibrium phase-space distributions",
     "Physical Review A 31, 1695-1697", "10.1103/PhysRevA.31.1695"),
    ("Horowitz 1991", "A. M. Horowitz", "A generalized guided Monte Carlo algorithm",
     "Physics Letters B 268, 247-252", "10.1016/0370-2693(91)90812-5"),
    ("Hormander 1967", "L. Hormander", "Hypoelliptic second order differential equations",
     "Acta Mathematica 119, 147-171", "10.1007/BF02392081"),
    ("Hwang, Hwang-Ma and Sheu 1993", "C.-R. Hwang and S.-Y. Hwang-Ma and S.-J. Sheu",
     "Accelerating Gaussian diffusions", "Annals of Applied Probability 3, 897-913",
     "10.1214/aoap/1177005371"),
    ("Jones and Leimkuhler 2011", "A. Jones and B. Leimkuhler",
     "Adaptive stochastic methods for sampling driven molecular systems",
     "Journal of Chemical Physics 135, 084125", "10.1063/1.3626941"),
    ("Khasminskii 2012", "R. Khasminskii",
     "Stochastic stability of differential equations", "2nd edition, Springer",
     "10.1007/978-3-642-23280-0"),
    ("Leimkuhler and Matthews 2013", "B. Leimkuhler and C. Matthews",
     "Rational construction of stochastic numerical methods for molecular sampling",
     "Applied Mathematics Research eXpress 2013, 34-56", "10.1093/amrx/abs010"),
    ("Lu et al. 2017", "X. Lu and V. Perrone and L. Hasenclever and Y. W. Teh and S. J. Vollmer",
     "Relativistic Monte Carlo",
     "International Conference on Artificial Intelligence and Statistics 20"),
    ("Ma, Chen and Fox 2015", "Y.-A. Ma and T. Chen and E. B. Fox",
     "A complete recipe for stochastic gradient MCMC",
     "Advances in Neural Information Processing Systems 28"),
    ("Martyna, Klein and Tuckerman 1992", "G. J. Martyna and M. L. Klein and M. Tuckerman",
     "Nose-Hoover chains: the canonical ensemble via continuous dynamics",
     "Journal of Chemical Physics 97, 2635-2643", "10.1063/1.463940"),
    ("Metropolis et al. 1953",
     "N. Metropolis and A. W. Rosenbluth and M. N. Rosenbluth and A. H. Teller and E. Teller",
     "Equation of state calculations by fast computing machines",
     "Journal of Chemical Physics 21, 1087-1092", "10.1063/1.1699114"),
    ("Neal 2003", "R. M. Neal", "Slice sampling", "Annals of Statistics 31, 705-767",
     "10.1214/aos/1056562461"),
    ("Nose 1984", "S. Nose",
     "A unified formulation of the constant temperature molecular dynamics methods",
     "Journal of Chemical Physics 81, 511-519", "10.1063/1.447334"),
    ("Patterson and Teh 2013", "S. Patterson and Y. W. Teh",
     "Stochastic gradient Riemannian Langevin dynamics on the probability simplex",
     "Advances in Neural Information Processing Systems 26"),
    ("Risken 1996", "H. Risken", "The Fokker-Planck equation", "2nd edition, Springer",
     "10.1007/978-3-642-61544-3"),
    ("Roberts and Tweedie 1996", "G. O. Roberts and R. L. Tweedie",
     "Exponential convergence of Langevin distributions and their discrete approximations",
     "Bernoulli 2, 341-363", "10.2307/3318418"),
    ("Robnik et al. 2023", "J. Robnik and G. B. De Luca and E. Silverstein and U. Seljak",
     "Microcanonical Hamiltonian Monte Carlo", "Journal of Machine Learning Research 24"),
    ("Samoletov, Dettmann and Chaplain 2007",
     "A. A. Samoletov and C. P. Dettmann and M. A. J. Chaplain",
     "Thermostats for 'slow' configurational modes",
     "Journal of Statistical Physics 128, 1321-1336", "10.1007/s10955-007-9365-2"),
    ("Shang et al. 2015", "X. Shang and Z. Zhu and B. Leimkuhler and A. J. Storkey",
     "Covariance-controlled adaptive Langevin thermostat for large-scale Bayesian sampling",
     "Advances in Neural Information Processing Systems 28"),
    ("Tripuraneni et al. 2017",
     "N. Tripuraneni and M. Rowland and Z. Ghahramani and R. Turner",
     "Magnetic Hamiltonian Monte Carlo", "International Conference on Machine Learning 34"),
    ("Welling and Teh 2011", "M. Welling and Y. W. Teh",
     "Bayesian learning via stochastic gradient Langevin dynamics",
     "International Conference on Machine Learning 28"),
)  # fmt: skip


def works_named(text: str) -> tuple[Work, ...]:
    """The works that a text names by their short references, in the order of its table.

    Example:
        >>> [work.short for work in works_named("Ding et al. 2014, eq. (1); Hoover 1985")]
        ['Ding et al. 2014', 'Hoover 1985']
    """
    return tuple(work for short, work in LITERATURE.items() if short in text)
