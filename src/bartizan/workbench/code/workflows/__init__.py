"""Workflows of GitHub Actions: where a stranger's pull request can run code, read secrets or write to the repository.

Takes in a tree. Gives out findings for ``.github/workflows`` and for actions that the repository defines.
"""

from bartizan.workbench.code.workflows.check import scan

__all__ = ["scan"]
