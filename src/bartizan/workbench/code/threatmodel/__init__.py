"""A threat model read off the source: where requests enter, what guards them, what is stored, who is called, which borders lie between.

Takes in a tree. Gives out a model as data and as Markdown, and for each finding how exposed its place is, which ranks it.
"""

from bartizan.workbench.code.threatmodel.model import Boundary, Entry, Model, Place, build
from bartizan.workbench.code.threatmodel.weights import exposure, stride
from bartizan.workbench.code.threatmodel.write import markdown

__all__ = ["Boundary", "Entry", "Model", "Place", "build", "exposure", "markdown", "stride"]
