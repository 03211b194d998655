"""Many values of a parameter in one run."""
