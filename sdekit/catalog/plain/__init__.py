"""Plain SDEs by field, each with an example and exact facts."""
