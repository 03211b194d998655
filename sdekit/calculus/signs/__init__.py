"""Signs and ranges: of SymPy expressions, of declared expressions, of matrices."""
