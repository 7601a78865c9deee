"""The record: facts in a Merkle tree whose alteration shows, and personal text that can be forgotten without breaking a proof.

Takes in envelopes with their content, and returns once they are durable. Gives out events in order to whoever folds them,
content while its key lives, signed checkpoints, and proofs that anyone can check offline. Any number of processes may append.
"""

from bartizan.ledger.classes import ClassRule, ceiling, check_retention, classes
from bartizan.ledger.erasure import EVERYTHING, Erased, Erasure
from bartizan.ledger.find import Found, find_exchange
from bartizan.ledger.header import Header
from bartizan.ledger.log import ConsistencyProof, InclusionProof, Ledger
from bartizan.ledger.note import Checkpoint
from bartizan.ledger.offline import Report
from bartizan.ledger.subject import About, about
from bartizan.ledger.sweep import Receipt, erase_checked
from bartizan.ledger.verify import verify
from bartizan.ledger.witness import LIMITS, Witness

__all__ = [
    "EVERYTHING",
    "LIMITS",
    "About",
    "Checkpoint",
    "ClassRule",
    "ConsistencyProof",
    "Erased",
    "Erasure",
    "Found",
    "Header",
    "InclusionProof",
    "Ledger",
    "Receipt",
    "Report",
    "Witness",
    "about",
    "ceiling",
    "check_retention",
    "classes",
    "erase_checked",
    "find_exchange",
    "verify",
]
