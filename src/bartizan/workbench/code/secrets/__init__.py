"""Credentials in any text file of a tree, by the formats that issuers publish and by names that hold random text.

Takes in a tree. Gives out findings that never show the credential: its kind, its place, and the first characters that every one has.
"""

from bartizan.workbench.code.secrets.detect import scan

__all__ = ["scan"]
