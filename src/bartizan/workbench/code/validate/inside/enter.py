"""The first program in the sandbox: takes the last rights away from itself, then becomes the program that was asked for.

Runs under the project's interpreter, of Python 3.8 or later, without bartizan: the standard library only. Arguments: limits as JSON,
a file descriptor to say which layers hold, then the command.
"""

import ctypes
import json
import os
import resource
import struct
import sys

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_FS_WRITES = sum(1 << bit for bit in (1, 4, 5, 6, 7, 8, 9, 10, 11, 12))
_SCOPES = 0b11
_WRITABLE = ("/tmp", "/dev")


def _landlock():  # type: ignore[no-untyped-def]  # noqa: ANN202
    """Allow writing under /tmp and /dev only, and no signals or abstract sockets outwards; return the ABI, 0 where there is none."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    abi = call(_CREATE, None, 0, 1)
    if abi < 1:
        return 0
    writes = _FS_WRITES | (1 << 13 if abi >= 2 else 0) | (1 << 14 if abi >= 3 else 0)
    attributes = struct.pack("<QQQ", writes, 0, _SCOPES if abi >= 6 else 0)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    rules = call(_CREATE, attributes, len(attributes), 0)
    if rules < 0:
        return 0
    for path in _WRITABLE:
        folder = os.open(path, os.O_PATH)
        if call(_ADD, rules, 1, struct.pack("<Qi", writes, folder), 0) != 0:
            return 0
        os.close(folder)
    held = call(_RESTRICT, rules, 0) == 0
    os.close(rules)
    return abi if held else 0


def main():  # type: ignore[no-untyped-def]  # noqa: ANN201, D103
    limits, said, command = json.loads(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    abi = _landlock()
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, "RLIMIT_" + name), (value, value))
    os.write(said, json.dumps({"landlock": abi}).encode())
    os.close(said)
    os.execv(command[0], command)  # noqa: S606 - what this program is for


if __name__ == "__main__":
    main()
