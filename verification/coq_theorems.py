"""Theorems of Coq that exp(-H) solves the Fokker-Planck equation, for all stationary entries.

Run `python -m verification.coq_theorems`: the library is compiled once and one file for each entry
of the catalogue whose stationarity is proved; needs coqc.
"""

from __future__ import annotations

import re
import resource
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import sdekit as sk
from sdekit.certificates.coq import coq_theorem_all_sizes, write_library
from sdekit.errors import VerificationError
from verification._results import Report, arguments

#: Entries of samplers that need a theorem, seconds that all files may take together.
WANTED, SECONDS = 25, 120
#: What Coq's real numbers rest on.
AXIOMS = {
    "ClassicalDedekindReals.sig_forall_dec",
    "ClassicalDedekindReals.sig_not_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
    "Classical_Prop.classic",
}


def compiled(folder: Path, name: str) -> tuple[bool, float, str]:
    """Whether coqc accepts a file, the processor seconds it took, what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(["coqc", "-q", name], cwd=folder, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.returncode == 0, seconds, done.stdout


def theorem(name: str, folder: Path) -> dict[str, Any]:
    """One entry: its verdict and seconds, or why no file is written."""
    module = name.replace("-", "_")
    try:
        text = coq_theorem_all_sizes(sk.catalog.get(name), module)
    except VerificationError as error:
        return {"entry": name, "accepted": False, "seconds": 0.0, "reason": error.found}
    (folder / f"{module}.v").write_text(text)
    is_accepted, seconds, _ = compiled(folder, f"{module}.v")
    reason = "" if is_accepted else "coqc rejects it"
    return {"entry": name, "accepted": is_accepted, "seconds": seconds, "reason": reason}


def assumptions(entries: list[str], folder: Path) -> set[str]:
    """What the theorems rest on together."""
    modules = [name.replace("-", "_") for name in entries]
    lines = [f"Require {' '.join(modules)}."]
    lines += [f"Definition t{k} := {m}.{m}_fokker_planck." for k, m in enumerate(modules)]
    lines += [f"Definition all := ({', '.join(f't{k}' for k in range(len(modules)))})."]
    (folder / "all.v").write_text("\n".join([*lines, "Print Assumptions all.", ""]))
    _, _, printed = compiled(folder, "all.v")
    return set(re.findall(r"^([A-Z]\w*(?:\.\w+)+)", printed, flags=re.MULTILINE))


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("coq_theorems", options, seed=0)
    stationary = [e.name for e in sk.catalog.entries() if e.claims.get("stationarity") == "proved"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_library(folder)
        is_library_accepted, library, _ = compiled(folder, "Sdekit.v")
        assert is_library_accepted
        rows = [theorem(entry, folder) for entry in stationary[: 4 if options.quick else None]]
        accepted = [row["entry"] for row in rows if row["accepted"]]
        axioms = assumptions(accepted, folder)
    total = library + sum(row["seconds"] for row in rows)
    report.add("library_seconds", library)
    report.add("assumptions", sorted(axioms))
    report.add("entries", rows)
    left = "; ".join(f"{row['entry']}: {row['reason']}" for row in rows if not row["accepted"])
    report.claim(
        f"Coq proves for every n that exp(-H) solves the Fokker-Planck equation: at least {WANTED} "
        "entries, about functions, from the axioms of the real numbers alone",
        f"{len(accepted)} of {len(rows)} stationary entries" + (f"; not {left}" if left else ""),
        len(accepted) >= WANTED and bool(axioms) and axioms <= AXIOMS,
    )
    report.claim(
        f"All files take at most {SECONDS} s of one processor",
        f"{total:.0f} s, the library {library:.0f} s of it",
        total <= SECONDS,
    )
    report.write()


if __name__ == "__main__":
    main()
