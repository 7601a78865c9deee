"""Who asks, what they hold and how they stand: principals, keys, sessions, roles, grants and account standing.

Takes in identity events from the ledger and writes them (``Registrar``); gives out principals and tiers to every request in
microseconds (``Directory``), refusals with a stable code, and the rules about which duties stay apart (``duties``). Knows
nothing of what a principal wants to do: that is policy's.
"""

from bartizan.identity.access import Access, Asking, Proposal, read_subject
from bartizan.identity.directory import Directory, Followed
from bartizan.identity.duties import Apart, Duties, Need, Profile, Role, check_roles, duties
from bartizan.identity.keys import SecretText, csrf_matches, csrf_token, digest_of, is_cookie, key_id_of, mint_cookie, mint_key
from bartizan.identity.measures import Measure, Restraint, code_of
from bartizan.identity.model import Consent, Grant, IssuedKey, KeyEntry, Principal, SessionEntry, SignedIn, StandingEntry
from bartizan.identity.registrar import Appended, Registrar
from bartizan.identity.state import grant_subject, roles_subject

__all__ = [
    "Access",
    "Apart",
    "Appended",
    "Asking",
    "Consent",
    "Directory",
    "Duties",
    "Followed",
    "Grant",
    "IssuedKey",
    "KeyEntry",
    "Measure",
    "Need",
    "Principal",
    "Profile",
    "Proposal",
    "Registrar",
    "Restraint",
    "Role",
    "SecretText",
    "SessionEntry",
    "SignedIn",
    "StandingEntry",
    "check_roles",
    "code_of",
    "csrf_matches",
    "csrf_token",
    "digest_of",
    "duties",
    "grant_subject",
    "is_cookie",
    "key_id_of",
    "mint_cookie",
    "mint_key",
    "read_subject",
    "roles_subject",
]
