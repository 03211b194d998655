"""Formats of a report: what a document is made of, and its HTML, LaTeX and Markdown."""
