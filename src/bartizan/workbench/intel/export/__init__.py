"""What was found, in the formats other systems take: STIX 2.1, MISP, an ATT&CK Navigator layer, CSV, Markdown, guard rules, hunts.

Takes in reports whose TLP the audience may see; gives out bytes, marked with the strictest TLP of what is in them. Text from reports
goes out as quoted data; what detection drafts say is checked by the parsers of their own languages before anybody gets to see it.
"""

from bartizan.workbench.intel.export.formats import FORMATS, Audience, export
from bartizan.workbench.intel.export.hunt import Draft, Hunt, hunts

__all__ = ["FORMATS", "Audience", "Draft", "Hunt", "export", "hunts"]
