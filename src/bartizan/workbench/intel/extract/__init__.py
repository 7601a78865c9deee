"""Text in; indicators, techniques, entities and relations out, each with its place in that text.

Takes in one canonical text. Gives out mentions with character offsets and the reason for each. Works without a model: linear
scanners, catalogues of names, and a small linear classifier for ATT&CK. Nothing that looked like an indicator is dropped unseen.
"""

from bartizan.workbench.intel.extract.everything import extract
from bartizan.workbench.intel.extract.found import Entity, Extraction, Indicator, Relation, Technique

__all__ = ["Entity", "Extraction", "Indicator", "Relation", "Technique", "extract"]
