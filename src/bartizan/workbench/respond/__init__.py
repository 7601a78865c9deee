"""Incident response: playbooks whose reach is bounded, whose steps are approved, done once, and undoable.

Takes in an incident (plain JSON), a playbook (YAML or CACAO v2) and the connectors that the operator configured. Gives out a plan
that names every effect exactly, then those effects and no others, on record before and after each; undo in reverse order; a report.
What an incident says is data: it never becomes a template, an address to call, a header or a path. Knows nothing of triage.
"""
