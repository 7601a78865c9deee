"""History: which commit brought a finding, which took it away, and what is in old commits still.

Takes in a repository's objects. Gives out, for each finding that ever was, the commits between which it lived.
"""

from bartizan.workbench.code.history.walk import Life, Past, walk

__all__ = ["Life", "Past", "walk"]
