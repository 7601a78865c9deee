"""Strangers' code, confined: bubblewrap with every namespace of its own, seccomp, Landlock, limits, and a clock outside.

No network but loopback of its own, a root that can't be written, no environment, no terminal, no capability. Where any of it but
Landlock can't be had the run is refused; whether Landlock holds is said with each run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from bartizan.errors import WorkError
from bartizan.workbench.code.validate import seccomp
from bartizan.workbench.code.validate.watch import Ended, follow

NOBODY: Final = 65534
"""Who runs strangers' code when bartizan runs as root, whose processes the kernel does not count."""

_BWRAP: Final = "/usr/bin/bwrap"
_TMP: Final = "/tmp"  # noqa: S108 - the sandbox's own
_SYSTEM: Final = ("/usr", "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/ssl/certs", "/etc/mime.types")


class ConfinementError(WorkError):
    """The sandbox can't be had in full, so nothing is run."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What one run may use. Memory is counted for each process as address space and for all together as resident."""

    wall_s: float = 20.0
    cpu_s: int = 15
    memory_bytes: int = 1 << 30
    total_bytes: int = 1 << 30
    processes: int = 64
    file_bytes: int = 64 << 20
    tmp_bytes: int = 128 << 20
    output_bytes: int = 1 << 20


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run. ``code`` is None unless it ended by itself."""

    ended: Ended
    code: int | None
    out: bytes
    err: bytes
    landlock: int
    """ABI of Landlock that holds; 0 for none."""
    wall_s: float


class Confinement:
    """Runs commands under one interpreter. ``python`` is the project's own, or bartizan's."""

    def __init__(self, python: Path | None = None, *, bounds: Bounds = Bounds()) -> None:  # noqa: B008 - frozen
        self.bwrap = _BWRAP if Path(_BWRAP).exists() else shutil.which("bwrap") or ""
        if not self.bwrap:
            raise ConfinementError("there is no bubblewrap, so strangers' code is not run", hint="apt install bubblewrap")
        self.python = (python or Path(sys.executable)).absolute()
        self.bounds = bounds
        self._filter = seccomp.program(seccomp.table())
        self._folders = _interpreter_folders(self.python)

    def check(self) -> Ran:
        """Run nothing at all; raises ConfinementError with what the system says where that does not work."""
        ran = self.run([str(self.python), "-I", "-S", "-c", "pass"])
        if ran.code != 0:
            said = ran.err.decode("utf-8", "replace").strip()[-300:]
            raise ConfinementError(
                f"the sandbox does not start: {said}", hint="user namespaces must be allowed: sysctl user.max_user_namespaces"
            )
        return ran

    def run(
        self, command: Sequence[str], *, tree: Path | None = None, files: Mapping[str, bytes] | None = None, bounds: Bounds | None = None
    ) -> Ran:
        """Run a command; the tree is at /tree and files under /job, both read-only, and /tmp is its own."""
        limits = bounds or self.bounds
        started = time.monotonic()
        with _lent(files or {}) as job, tempfile.TemporaryFile() as program:
            program.write(self._filter)
            program.seek(0)
            said, saying = os.pipe()
            try:
                arguments = self._arguments(job, tree, program.fileno(), saying, limits, command)
                process = subprocess.Popen(  # noqa: S603 - confined
                    arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    pass_fds=(program.fileno(), saying),
                    env={},
                    cwd="/",
                )
            finally:
                os.close(saying)
            try:
                done = follow(
                    process,
                    wall_s=limits.wall_s,
                    total_bytes=limits.total_bytes,
                    processes=limits.processes,
                    output_bytes=limits.output_bytes,
                )
                layers = msgspec.json.decode(os.read(said, 200) or b"{}", type=_Layers)
            except msgspec.DecodeError:
                layers = _Layers()
            finally:
                os.close(said)
        return Ran(
            ended=done.ended, code=done.code, out=done.out, err=done.err, landlock=layers.landlock, wall_s=time.monotonic() - started
        )

    def _arguments(self, job: Path, tree: Path | None, program: int, saying: int, limits: Bounds, command: Sequence[str]) -> list[str]:
        front, seen = _as_nobody(self.bwrap, self._folders)
        bound = [each for folder in _SYSTEM if Path(folder).exists() for each in ("--ro-bind", folder, folder)]
        bound += [each for folder in self._folders for each in ("--ro-bind", seen[folder], folder)]
        mounts = ["--ro-bind", str(job), "/job", *(() if tree is None else ("--ro-bind", str(tree), "/tree"))]
        inside = msgspec.json.encode(
            {
                "AS": limits.memory_bytes,
                "CPU": limits.cpu_s,
                "FSIZE": limits.file_bytes,
                "NPROC": limits.processes,
                "NOFILE": 256,
                "CORE": 0,
                "MEMLOCK": 0,
                "MSGQUEUE": 0,
            }
        ).decode()
        return [
            *front,
            self.bwrap,
            *("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session", "--as-pid-1"),
            *("--uid", str(NOBODY), "--gid", str(NOBODY), "--hostname", "sandbox", "--cap-drop", "ALL", "--clearenv"),
            *("--setenv", "PATH", "/usr/bin", "--setenv", "HOME", _TMP, "--setenv", "LANG", "C.UTF-8"),
            *("--setenv", "PYTHONDONTWRITEBYTECODE", "1", "--setenv", "PYTHONHASHSEED", "0"),
            *bound,
            *_links(),
            *("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev", "--size", str(limits.tmp_bytes), "--tmpfs", _TMP),
            *mounts,
            *("--remount-ro", "/", "--chdir", _TMP, "--seccomp", str(program)),
            *(str(self.python), "-I", "-S", "/job/.enter.py", inside, str(saying), *command),
        ]


class _Layers(msgspec.Struct):
    landlock: int = 0


def _as_nobody(bwrap: str, folders: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """As root, become nobody before the sandbox is made; folders that only root can reach are shown to it under other names first.

    The kernel does not count root's processes, and a way out of a namespace would lead to root.
    """
    if os.geteuid() != 0:
        return [], {each: each for each in folders}
    seen = {folder: f"/mnt/{index}" for index, folder in enumerate(folders)}
    binds = [each for folder, name in seen.items() for each in ("--ro-bind", folder, name)]
    drop = [
        "/usr/bin/setpriv",
        "--reuid",
        str(NOBODY),
        "--regid",
        str(NOBODY),
        "--clear-groups",
        "--inh-caps",
        "-all",
        "--bounding-set",
        "-all",
    ]
    return [bwrap, "--dev-bind", "/", "/", "--tmpfs", "/mnt", *binds, "--die-with-parent", *drop], seen


def lend(folder: Path) -> None:
    """Let the sandbox read a private copy of ours: under root it belongs to nobody from then on."""
    if os.geteuid() != 0:
        return
    os.chown(folder, NOBODY, NOBODY)
    for where, folders, names in os.walk(folder):
        for name in (*folders, *names):
            os.chown(Path(where) / name, NOBODY, NOBODY, follow_symlinks=False)


@contextmanager
def _lent(files: Mapping[str, bytes]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bartizan-job-") as holder:
        job = Path(holder)
        (job / ".enter.py").write_bytes((Path(__file__).parent / "inside" / "enter.py").read_bytes())
        for name, data in files.items():
            path = job / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        lend(job)
        yield job


def _links() -> Iterator[str]:
    """Give the links of a merged /usr as this machine has them."""
    for name in ("bin", "sbin", "lib", "lib64", "lib32"):
        path = Path("/") / name
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()).lstrip("/"), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))


def _interpreter_folders(python: Path) -> tuple[str, ...]:
    """Return the folders an interpreter lives in: its environment, and the installation under that."""
    found = [python.parent.parent]
    config = python.parent.parent / "pyvenv.cfg"
    if config.exists():
        for line in config.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "home":
                found.append(Path(value.strip()).parent)
    found.append(python.resolve().parent.parent)
    return tuple(dict.fromkeys(str(each) for each in found if not each.is_relative_to("/usr") and each != Path("/")))


__all__ = ["NOBODY", "Bounds", "Confinement", "ConfinementError", "Ended", "Ran", "lend"]
