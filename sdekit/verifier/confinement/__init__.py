"""What keeps solutions from infinity, or shows that they reach it."""
