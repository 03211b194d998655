"""Limits of step sizes, and the temperature that a dynamics really has."""
