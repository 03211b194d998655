"""The named functions of the grammar."""
