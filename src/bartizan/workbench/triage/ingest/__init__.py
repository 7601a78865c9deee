"""Log files, streams and pushed batches into records under Sigma's field names.

Takes in paths, streams and bytes that others wrote, packed or not, of any format in ``registry``. Gives out log records with ids,
alerts of other tools that are among them, and what could not be read with the reason; says what each source was taken for and why.
"""

from bartizan.workbench.triage.ingest.caps import Caps
from bartizan.workbench.triage.ingest.item import Malformed, Recognised
from bartizan.workbench.triage.ingest.reader import Item, read
from bartizan.workbench.triage.ingest.registry import FORMS

__all__ = ["FORMS", "Caps", "Item", "Malformed", "Recognised", "read"]
