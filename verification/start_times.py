"""How fast the command line starts, beside `import sympy`, in fresh interpreters with bytecode.

Run it on a quiet machine: python verification/start_times.py [rounds]. The commands alternate
within each round, so that a slow moment hits all of them; medians are compared. Writes JSON to
standard output.
"""

import json
import platform
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python": ["-c", "pass"],
    "import sympy": ["-c", "import sympy"],
    "import sdekit": ["-c", "import sdekit"],
    "sdekit --help": ["-m", "sdekit", "--help"],
    "sdekit verify sgnht": ["-m", "sdekit", "verify", "sgnht"],
}
#: Bounds that the project promises: seconds, and multiples of `import sympy`.
HELP_SECONDS, VERIFY_RATIO = 0.3, 2.5


def seconds_of(arguments: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main(rounds: int) -> dict:
    for arguments in COMMANDS.values():
        seconds_of(arguments)
    samples: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, arguments in COMMANDS.items():
            samples[name].append(seconds_of(arguments))
    medians = {name: statistics.median(times) for name, times in samples.items()}
    ratio = medians["sdekit verify sgnht"] / medians["import sympy"]
    return {
        "python": platform.python_version(),
        "rounds": rounds,
        "median_seconds": {name: round(value, 4) for name, value in medians.items()},
        "spread": {name: round(max(t) - min(t), 4) for name, t in samples.items()},
        "verify_over_sympy": round(ratio, 3),
        "verify_is_within_bound": ratio <= VERIFY_RATIO,
        "help_is_within_bound": medians["sdekit --help"] <= HELP_SECONDS,
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]) if len(sys.argv) > 1 else 11), indent=2))
