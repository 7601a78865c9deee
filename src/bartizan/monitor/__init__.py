"""What no single exchange shows: accounts that misuse or circumvent, acted on in proportion, and reviewed by people who are measured.

Takes in the ledger's events. Gives out signals with their evidence, enforcement steps that carry a case, and review samples.
"""

from bartizan.monitor.appeals import Appeals, Filing, is_subject
from bartizan.monitor.casefile import CaseFile, appeal_path, case_of_exchange
from bartizan.monitor.docket import Docket
from bartizan.monitor.drawing import Drawer
from bartizan.monitor.enforcement import APPEAL, DECISION, Enforcement, derived
from bartizan.monitor.enforcer import REVERSED, UPHELD, Enforcer
from bartizan.monitor.ladder import Ladder, criteria
from bartizan.monitor.ladder import shipped as shipped_ladder
from bartizan.monitor.notices import NoticeEvent, Notices
from bartizan.monitor.quality import Quality, metrics, quality
from bartizan.monitor.queue import Queue
from bartizan.monitor.review import Load, Review, Shown
from bartizan.monitor.review_rules import rules
from bartizan.monitor.rooms import Monitor
from bartizan.monitor.upstream_notices import UpstreamNotices

__all__ = [
    "APPEAL",
    "DECISION",
    "REVERSED",
    "UPHELD",
    "Appeals",
    "CaseFile",
    "Docket",
    "Drawer",
    "Enforcement",
    "Enforcer",
    "Filing",
    "Ladder",
    "Load",
    "Monitor",
    "NoticeEvent",
    "Notices",
    "Quality",
    "Queue",
    "Review",
    "Shown",
    "UpstreamNotices",
    "appeal_path",
    "case_of_exchange",
    "criteria",
    "derived",
    "is_subject",
    "metrics",
    "quality",
    "rules",
    "shipped_ladder",
]
