"""Languages besides Python: JavaScript and TypeScript, Java, Go.

Takes in a tree of files. Gives out findings with the way of the data, from one interpreter over a common form and tables of rules; the
grammars are ast-grep's. What could not be parsed or followed is said.
"""

from bartizan.workbench.code.languages.scan import SUFFIXES, scan

__all__ = ["SUFFIXES", "scan"]
