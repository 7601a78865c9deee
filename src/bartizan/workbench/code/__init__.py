"""Code: find, prove, fix and verify vulnerabilities, systematically.

Takes in a tree of source files, none of which is ever imported or executed here. Gives out findings in one model, each with the
path of its data from source to sink, coverage of what was read, and what was built on them: proofs, patches, verdicts.
"""

from bartizan.workbench.code.finding import SEVERITIES, Coverage, Finding, Note, Scan, Severity, Step, at_least, fingerprint

__all__ = ["SEVERITIES", "Coverage", "Finding", "Note", "Scan", "Severity", "Step", "at_least", "fingerprint"]
