"""Bytes of many formats made documents, in a child process that may be killed: nothing here trusts what it reads.

Takes in a file's bytes and name. Gives out its documents, each with one canonical text, and a typed failure for what can't be read;
text that a person would not see is taken out of the canonical text and flagged.
"""

from bartizan.workbench.intel.parse.sniff import parse

__all__ = ["parse"]
