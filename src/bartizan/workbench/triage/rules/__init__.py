"""Sigma rules of our own for bartizan's record (``product: bartizan``), one file each, beside this file.

Takes in nothing. Gives out the folder they lie in. They were written for bartizan (Apache-2.0); rule packs of others are loaded by the
user and none is shipped.
"""

from pathlib import Path

__all__ = ["FOLDER"]

FOLDER = Path(__file__).parent
"""Where the rules lie."""
