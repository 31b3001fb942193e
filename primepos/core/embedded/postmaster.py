"""The server process: its pid file, the processes that live in a data directory, and how one is started.

A pid is never taken as proof that the server runs: after a power cut the pid in ``postmaster.pid`` may belong to
anything. Proof is a connection that names this data directory, or the lock below.

``server.lock`` is an exclusive lock whose descriptor the postmaster inherits and passes on to each process it forks.
The kernel drops it when the last of them has ended, so whoever can take it knows that no server we started is left on
the data directory, whatever the pid file says, and also when the postmaster alone was killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from primepos.core.embedded.accounts import Account
    from primepos.core.embedded.binaries import Binaries

#: Signals by which PostgreSQL's three shutdown modes are asked for.
STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": getattr(signal, "SIGQUIT", signal.SIGTERM)}

_PID_LINE, _PORT_LINE, _STATUS_LINE = 0, 3, 7
_NAMES = ("postgres", "postmaster")
_IS_LINUX: bool = sys.platform.startswith("linux")
_NEUTRAL_DIR = os.sep


@dataclass(frozen=True)
class PidFile:
    """What ``postmaster.pid`` claims. A claim only: it outlives the server after a power cut."""

    pid: int | None
    port: int | None
    is_ready: bool


def read_pid_file(pgdata: Path) -> PidFile | None:
    """The claim in the data directory's pid file; None when there is no file. A torn file gives empty fields."""
    try:
        lines = (pgdata / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None

    def number(line: int) -> int | None:
        return int(lines[line]) if len(lines) > line and lines[line].strip().isdigit() else None

    is_ready = len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"
    return PidFile(number(_PID_LINE), number(_PORT_LINE), is_ready)


def processes_in(pgdata: Path) -> dict[int, int]:
    """Every PostgreSQL process at work in ``pgdata``, as pid -> parent's pid.

    On Linux each of them has the data directory as its working directory; elsewhere only the postmaster can be told,
    by its command line. Processes of accounts we may not look into are left out.
    """
    if sys.platform == "win32" or not pgdata.is_dir():
        return {}
    if not _IS_LINUX:
        return _processes_by_command_line(pgdata)
    place = pgdata.stat()
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if (entry / "comm").read_text().strip() in _NAMES and os.path.samestat((entry / "cwd").stat(), place):
                found[int(entry.name)] = _parent_on_linux(int(entry.name))
    return found


def _parent_on_linux(pid: int) -> int:
    # The name in the second field may hold spaces and brackets; fields are counted after its last bracket.
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _processes_by_command_line(pgdata: Path) -> dict[int, int]:
    listing = subprocess.run(["/bin/ps", "-axo", "pid=,ppid=,args="], capture_output=True, text=True, check=False)
    found = {}
    for line in listing.stdout.splitlines():
        pid, parent, args = (*line.split(None, 2), "", "", "")[:3]
        if str(pgdata) in args and any(name in args for name in _NAMES) and pid.isdigit():
            found[int(pid)] = int(parent)
    return found


def parent_of(pid: int) -> int | None:
    """The parent of a process; of a server's backend that is the postmaster."""
    if _IS_LINUX:
        try:
            return _parent_on_linux(pid)
        except (OSError, ValueError, IndexError):
            return None
    answer = subprocess.run(["/bin/ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(answer.stdout) if answer.stdout.strip().isdigit() else None


def postmaster_among(pgdata: Path) -> int | None:
    """The process in the data directory that is the parent of others; None when there is no such."""
    processes = processes_in(pgdata)
    return min(set(processes.values()) & set(processes), default=None)


def end_orphans(pgdata: Path) -> None:
    """End what a killed postmaster left behind; does nothing while a postmaster is among the processes.

    A busy backend does not notice that its postmaster is gone and would hold the data directory until its query ends.
    A living postmaster always has children, so none being another's parent means that it is dead.
    """
    processes = processes_in(pgdata)
    if processes and not set(processes.values()) & set(processes):
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, STOP_SIGNALS["immediate"])


def server_environment() -> dict[str, str]:
    """The environment for server programs: ours without what would steer PostgreSQL elsewhere, in plain C locale."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def run_as(
    arguments: Sequence[str | Path],
    account: Account | None,
    text: str | None = None,
    *,
    work_dir: Path | None = None,
    inherit: tuple[int, ...] = (),
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run a server program to its end, as ``account`` when given, in ``work_dir`` or a directory everyone can enter.

    ``text`` is its input; ``inherit`` are descriptors it is to hold, locks that must not end before it does.
    """
    return subprocess.run(
        arguments,
        input=text,
        stdin=subprocess.DEVNULL if text is None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
        cwd=work_dir or _NEUTRAL_DIR,
        env=server_environment() | environment,
        pass_fds=inherit if sys.platform != "win32" else (),
        **(account.popen_options() if account else {}),
    )


def spawn(
    binaries: Binaries, pgdata: Path, settings: Mapping[str, str], *, account: Account | None, log: int, lock: int
) -> subprocess.Popen[bytes] | None:
    """Start the server detached from this process and return at once.

    Its output goes to the descriptor ``log``; it inherits ``lock``. Returns the process, or None on Windows, where
    only pg_ctl can start a server from an administrator's account.
    """
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    if sys.platform == "win32":
        line = subprocess.list2cmdline(options)
        starter: list[str | Path] = [binaries.tool("pg_ctl"), "start", "-W", "-s", "-D", pgdata, "-o", line]
        # The server keeps this output open, so it must be a file: reading a pipe would wait for the server's end.
        subprocess.run(starter, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=server_environment(), check=False)
        return None
    return subprocess.Popen(
        [binaries.tool("postgres"), "-D", pgdata, *options],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=_NEUTRAL_DIR,
        env=server_environment(),
        pass_fds=(lock,),
        start_new_session=True,
        umask=0o077,
        **(account.popen_options() if account else {}),
    )
