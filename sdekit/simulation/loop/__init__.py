"""Many steps: compiled blocks, chunks, devices, progress."""
