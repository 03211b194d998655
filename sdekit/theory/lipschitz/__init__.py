"""Lipschitz constants of losses, and the rates that follow."""
