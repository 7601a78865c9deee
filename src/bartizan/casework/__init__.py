"""Work for people, and consent: cases, and approvals bound to exact bytes, a time, and a number of distinct persons.

Takes in casework events from the ledger and writes them (``Desk``); gives out which cases wait and whether a consent holds
(``Casebook``). No proposer approves, each person counts once, agents and services never do, and what has expired is void.
Knows nothing of what is approved: whoever needs consent hashes the bytes and asks.
"""

from bartizan.casework.book import Casebook, Followed
from bartizan.casework.desk import Appended, Desk
from bartizan.casework.model import Approval, ApprovalState, Case, Vote

__all__ = ["Appended", "Approval", "ApprovalState", "Case", "Casebook", "Desk", "Followed", "Vote"]
