"""The stand-alone checker: three files of the standard library, `python check.py FILE.json`."""
