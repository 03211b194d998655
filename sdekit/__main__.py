"""`python -m sdekit`, the same as the command `sdekit`; not for anything else."""

from sdekit.cli import main

main()
