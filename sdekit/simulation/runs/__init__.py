"""The call of a run and what it returns."""
