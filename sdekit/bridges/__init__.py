"""The same object in other libraries."""
