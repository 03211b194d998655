"""Formulas as text and back: grammar, parser, printers, SymPy."""
