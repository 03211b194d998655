"""Draws on the disk: written durably, read back, checked."""
