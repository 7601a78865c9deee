"""The measures that users can run: ``bartizan bench ...``.

Takes in this machine, the rooms as they are shipped, and material that their authors did not write (``disguise``). Gives out
medians, ratios and counts with the command that made them; never used as a CI timing.
"""

__all__: list[str] = []
