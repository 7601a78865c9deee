"""ATT&CK: a pinned catalogue of all techniques, those that a text names, and a classifier for those that it only describes.

Takes in a text's bytes. Gives out techniques with the statement that shows each and how sure that is.
"""

from bartizan.workbench.intel.extract.attack import catalogue, model
from bartizan.workbench.intel.extract.attack.catalogue import Catalogue
from bartizan.workbench.intel.extract.attack.finder import techniques

__all__ = ["Catalogue", "catalogue", "model", "techniques"]
