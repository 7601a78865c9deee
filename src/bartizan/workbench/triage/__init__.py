"""Alert triage: from millions of log records to a few incidents with evidence.

Takes in log files, pushed records and alerts of other tools, Sigma rules that the user brings, and indicators as data. Gives out
Sigma matches, incidents with cited record ids, ATT&CK order, timeline and a verdict, and what could not be evaluated, with the
reason. Closes nothing on the word of a log line or of a model.
"""
