"""Events of a run: barriers that paths reach, and when they do."""
