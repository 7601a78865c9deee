"""The measures that users can run: ``bartizan bench ...``.

Takes in this machine and the rooms as they are shipped. Gives out medians, ratios and counts with the command that made them; never
used as a CI timing.
"""

__all__: list[str] = []
