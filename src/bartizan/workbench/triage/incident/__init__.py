"""From alerts to incidents: dedupe, entity graph, sessions, score, verdict, timeline, what is missing.

Takes in alerts of any tools in any order. Gives out a few incidents, each with the ids of the alerts that every statement of its
verdict rests on, ATT&CK order, timeline and silent sensors, and suppressed groups that hold every other alert. It reads an alert's
words only to look them up in its own table of phrases: no text can close, lower or excuse anything.
"""

from bartizan.workbench.triage.incident.incident import Group, Incident, Statement, Step, Verdict
from bartizan.workbench.triage.incident.outcome import Outcome, Triage

__all__ = ["Group", "Incident", "Outcome", "Statement", "Step", "Triage", "Verdict"]
