"""How source code comes in: a folder, a git repository, one of its commits, or what a change touched.

Takes in a path, an address or a patch, all of them hostile. Gives out a ``Tree`` of bounded files and, for a change, the lines that
are new in each. Git objects are read as objects: nothing is checked out, so hooks, filters, submodules and links never act.
"""

from bartizan.workbench.code.repo.change import Change, Span
from bartizan.workbench.code.repo.git import Git
from bartizan.workbench.code.repo.opened import Opened, open_git, open_source
from bartizan.workbench.code.repo.tree import File, Limits, RepoError, Skipped, Tree

__all__ = ["Change", "File", "Git", "Limits", "Opened", "RepoError", "Skipped", "Span", "Tree", "open_git", "open_source"]
