"""A declaration with numbers put for its symbols."""
