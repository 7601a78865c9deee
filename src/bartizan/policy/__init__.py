"""Who may do what, and what is done about each category of finding: decided by rules that are data.

Takes in a principal, an action, a resource and what is known of the request; gives out a Decision with the policies that made
it (Cedar, parsed beforehand, default deny, errors deny), and the (category, tier) rows. Changes by ``PolicyChanged`` alone.
"""

from bartizan.policy.decide import Policy
from bartizan.policy.engine import Engine, actions, shipped, version_of
from bartizan.policy.model import JSON, Decision, Resource
from bartizan.policy.rows import CATEGORIES, Rows, parse_rows

__all__ = ["CATEGORIES", "JSON", "Decision", "Engine", "Policy", "Resource", "Rows", "actions", "parse_rows", "shipped", "version_of"]
