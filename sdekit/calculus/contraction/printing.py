def text(t): return repr(dict(t.terms))
