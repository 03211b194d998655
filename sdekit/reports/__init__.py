"""Reports: documents made from results, written as HTML, LaTeX or Markdown.

A report reads results and computes nothing; the command line computes first, then writes. Not for
printing to a terminal (`sdekit.cli.show`).
"""
