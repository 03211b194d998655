"""What a run knows against itself, found from its draws and its declaration."""
