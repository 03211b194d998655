"""A model: the dynamics, its checks, its components, its files."""
