"""Weak and invariant order of a scheme, proved for all sizes or at one."""
