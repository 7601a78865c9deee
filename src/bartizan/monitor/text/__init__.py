"""The monitor's own reading of text, for records that carry no verdict scores: how far a request asks for operational harm.

Takes in the text of a request. Gives out its features (hashed n-grams, a sketch) and the log-odds of each head. Nothing here keeps text.
"""

from bartizan.monitor.text.features import features, refuses, words
from bartizan.monitor.text.head import Heads, load

__all__ = ["Heads", "features", "load", "refuses", "words"]
