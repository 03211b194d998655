"""Hostile input: mutated model files end in a verdict or one clear error; nothing is executed.

Seeds are model files of the catalogue; mutations insert attribute access, dunder names, calls,
huge powers and numbers, deep nesting, look-alike characters, control characters, wrong types, and
delete, swap or repeat pieces of text. An audit hook watches for code execution, imports and files
being opened. Claim: each case ends within a second in a verdict or in one line of a `SdekitError`.

    python verification/hostile_input.py [--quick] [--out DIR]
"""

from __future__ import annotations

import collections
import importlib
import pkgutil
import random
import resource
import sys
import time

import matplotlib.pyplot as plt
from _results import Report, arguments

import sdekit as sk

CASES = 20_000
#: Seconds one case may take, from the text to the verdict.
LONGEST = 1.0
#: Seconds for each check, so that all of them together stay below `LONGEST`.
BUDGET = 0.08
WATCHED = ("exec", "compile", "import", "open", "os.system", "subprocess.Popen", "socket.connect",
           "os.exec", "os.remove", "shutil.rmtree", "ctypes.dlopen", "code.__new__")  # fmt: skip

FRAGMENTS = [
    "__import__('os').system('id')",
    "().__class__.__bases__",
    "theta.__class__",
    "p.real",
    "eval('1')",
    "exec('x=1')",
    "open('f')",
    "lambda: 0",
    "[x for x in p]",
    "p[0]",
    "{p}",
    "p if p else p",
    "10**10**9",
    "9**9**9**9",
    "x**(10**9)",
    "(" * 200,
    ")" * 200,
    "-" * 500,
    "2**" * 300 + "2",
    "9" * 5000,
    "1e9999",
    "1e-9999",
    "0x10",
    "1_000",
    "1j",
    "nan",
    "inf",
    "oo",
    "zoo",
    "NaN",
    "1/0",
    "0**-1",
    "\u03b8",
    "\u0440",
    "\uff50",
    "\u202e",
    "\x00",
    "\n",
    "\t",
    "'''",
    '\\"',
    "#",
    ";",
    ":=",
    "dot(p)",
    "dot(p, p, p)",
    "dot()",
    "trace(p)",
    "inv(p)",
    "grad(p, 2)",
    "grad(p, p, p)",
    "div(p, theta)",
    "eye(n, n)",
    "eye(-1)",
    "eye(10**6)",
    "ones(p)",
    "exp(exp(exp(exp(xi))))",
    "log(-1)",
    "sqrt(-1)",
    "abs(p)",
    "p@p@p",
    "p.T.T.T",
    "outer(p, outer(p, p))",
    "U(U(theta))",
    "U()",
    "U",
    "pi.T",
    "E**E",
    "time",
    "xi**xi",
    "xi**-1000",
    "(xi + 1)**999",
    "(1 + xi + A + mu)**60",
    "transpose(p, 5)",
    "True",
    "None",
]
WORDS = ["theta", "p", "xi", "A", "mu", "n", "U", "dot", "grad", "eye", "any", "positive", "target",
         "role", "shape", "H", "drift", "diffusion", "energy", "variables", "parameters",
]  # fmt: skip


def seeds() -> list[str]:
    texts = []
    for name in sk.catalog.names():
        texts.append(sk.catalog.get(name).to_toml())
    return texts


def mutated(rng: random.Random, text: str) -> str:
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        at = rng.randrange(len(text) + 1)
        operation = rng.randrange(9)
        if operation == 0:
            text = text[:at] + rng.choice(FRAGMENTS) + text[at:]
        elif operation == 1:
            quoted = [i for i, c in enumerate(text) if c == '"']
            if quoted:
                at = rng.choice(quoted) + 1
                text = (
                    text[:at]
                    + rng.choice(FRAGMENTS)
                    + rng.choice([" + ", "*", " ", ""])
                    + text[at:]
                )
        elif operation == 2:
            text = text[:at] + text[at + rng.randrange(1, 20) :]
        elif operation == 3:
            text = (
                text[:at]
                + chr(rng.choice([0, 9, 34, 39, 92, 123, 0x3B8, 0x2028, 0x1F600]))
                + text[at:]
            )
        elif operation == 4:
            word = rng.choice(WORDS)
            text = text.replace(word, rng.choice([*WORDS, *FRAGMENTS]), rng.choice([1, 99]))
        elif operation == 5:
            lines = text.split("\n")
            k = rng.randrange(len(lines))
            lines[k : k + 1] = rng.choice([[], [lines[k]] * 2, [lines[k][::-1]], ["= = ="]])
            text = "\n".join(lines)
        elif operation == 6:
            text = text.replace('"', rng.choice(["'", "", '""', "`"]), 1 + rng.randrange(4))
        elif operation == 7:
            text = text.replace(
                "=",
                rng.choice(["= 0.1 #", "= [", "= {", "= true #", "= 1979-05-27 #", "= -1 #"]),
                1,
            )
        else:
            text = text[:at] + text[at : at + 50] * rng.choice([2, 40]) + text[at:]
    return text


class Watch:
    """Counts audit events that no reading of a model may cause."""

    def __init__(self) -> None:
        self.events: collections.Counter = collections.Counter()
        self.active = False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, details: tuple) -> None:
        if self.active and event in WATCHED:
            shown = str(details[0])[:60] if details else ""
            # SymPy compiles its own printers and helpers; text of a model never reaches them.
            self.events[f"{event} {shown}"] += 1


def import_everything() -> None:
    """Load what is loaded on first use now, so that the watch sees the text alone."""
    for package in ("declare", "calculus", "verify"):
        root = importlib.import_module(f"sdekit.{package}")
        for module in pkgutil.walk_packages(root.__path__, f"sdekit.{package}."):
            importlib.import_module(module.name)


def outcome(text: str) -> str:
    try:
        dynamics = sk.loads(text)
    except sk.SdekitError as error:
        return "one clear error" if "\n" not in str(error) else "an error of several lines"
    return str(sk.verify(dynamics, budget=BUDGET).verdict)


def main() -> None:
    options = arguments(__doc__)
    report = Report("hostile_input", options, seed=0)
    rng = random.Random(0)
    texts = seeds()
    import_everything()
    for text in texts:
        outcome(text)
    watch = Watch()
    cases = 1500 if options.quick else CASES
    count: collections.Counter = collections.Counter()
    slow, crashes = [], []
    longest = 0.0
    for k in range(cases):
        text = mutated(rng, rng.choice(texts))
        started = time.perf_counter()
        watch.active = True
        try:
            count[outcome(text)] += 1
        except Exception as error:  # noqa: BLE001 - any exception at all is a finding here
            crashes.append({"error": f"{type(error).__name__}: {error}"[:200], "text": text})
        finally:
            watch.active = False
        seconds = time.perf_counter() - started
        longest = max(longest, seconds)
        if seconds > LONGEST:
            slow.append({"seconds": seconds, "text": text})
        if k % 1000 == 999:
            print(f"{k + 1} cases, {len(crashes)} crashes, {len(slow)} slow", flush=True)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report.add("cases", cases)
    report.add("outcomes", dict(count))
    report.add("crashes", crashes[:20])
    report.add("slow", slow[:20])
    report.add("longest seconds", longest)
    report.add("audit events", dict(watch.events.most_common(20)))
    report.add("peak resident memory in MiB", memory)
    report.content["claims"] = [
        {
            "claim": "20,000 hostile model files each end in a verdict or one clear error",
            "result": f"{len(crashes)} crashes among {cases}; {dict(count)}",
            "passed": not crashes and not count["an error of several lines"],
        },
        {
            "claim": "within a second and bounded memory",
            "result": f"{len(slow)} slower than {LONGEST} s, longest {longest:.2f} s, "
            f"peak {memory:.0f} MiB",
            "passed": not slow and memory < 2048,
        },
        {
            "claim": "none executes or imports anything",
            "result": f"audit events: {dict(watch.events.most_common(5)) or 'none'}",
            "passed": not watch.events,
        },
    ]
    report.write(_figure(count))


def _figure(count: collections.Counter) -> plt.Figure:
    figure, axes = plt.subplots(figsize=(7, 2.4))
    axes.barh(list(count), list(count.values()), color="#4a6fa5")
    axes.set_xlabel("mutated model files")
    axes.set_title("How hostile input ends")
    return figure


if __name__ == "__main__":
    main()
