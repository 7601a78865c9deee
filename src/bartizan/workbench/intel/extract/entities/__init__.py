"""Named actors, malware, tools and vulnerabilities, with the ids that catalogues give them.

Takes in a text, its bytes and its indicators. Gives out mentions: known names under any alias, new names by how they are given.
"""

from bartizan.workbench.intel.extract.entities.finder import entities

__all__ = ["entities"]
