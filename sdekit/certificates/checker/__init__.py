"""The stand-alone checker: four files of the standard library, `python check.py FILE.json`."""
