"""The Python data-flow engine: from files to findings with the way of the data, without importing or running any of them.

Takes in a file or a tree of any Python from 3.8 to 3.14, parsed by a grammar of its own. Gives out a ``Scan``: findings, what
could not be read, and how much was. Order of the parts: ``parse`` and ``build`` (tree), ``values`` and ``state`` (what is known),
``frame`` up to ``interpreter`` (one function), ``engine`` and ``shapes`` (summaries across functions and files), ``analyse``.
"""

from bartizan.workbench.code.python.scan import scan

__all__ = ["scan"]
