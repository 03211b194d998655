"""The ladder: one module for each check."""
