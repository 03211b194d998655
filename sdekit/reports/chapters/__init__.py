"""Chapters of a report: what it says about a dynamics or a kernel, as sections of a document."""
