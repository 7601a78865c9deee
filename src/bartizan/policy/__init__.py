"""Who may do what, and what is done about each category of finding: decided by rules that are data.

Takes in a principal, an action, a resource and what is known of the request; gives out a Decision with the policies that made
it (Cedar, parsed beforehand, default deny, errors deny), and the (category, tier) rows. Changes by ``PolicyChanged`` alone.
"""

from bartizan.policy.change import change
from bartizan.policy.decide import Policy
from bartizan.policy.engine import Engine, version_of
from bartizan.policy.explain import Explanation, Said, explain
from bartizan.policy.lint import lint
from bartizan.policy.model import JSON, Decision, Resource
from bartizan.policy.rows import POSSIBLE, Rows, categories, parse_rows, phases
from bartizan.policy.text import ActionRow, Complaint, actions, shipped

__all__ = [
    "JSON",
    "POSSIBLE",
    "ActionRow",
    "Complaint",
    "Decision",
    "Engine",
    "Explanation",
    "Policy",
    "Resource",
    "Rows",
    "Said",
    "actions",
    "categories",
    "change",
    "explain",
    "lint",
    "parse_rows",
    "phases",
    "shipped",
    "version_of",
]
