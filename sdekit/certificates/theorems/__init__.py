"""Stationarity for every n as a theorem of Coq about functions: the library and what uses it."""
