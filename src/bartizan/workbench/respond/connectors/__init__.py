"""The systems that playbooks act on, one file each, behind one protocol.

Takes in settings (an address, a reference to a secret, a file) and checked arguments. Gives out the state found, the exact changes
that are called for, and what came of making them. Each reaches only the one place that its settings name.
"""
