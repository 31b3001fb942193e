"""Places for embedded clusters, and other processes that use them, for the tests of the launcher."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import psycopg

from primepos.core.embedded import Binaries, Cluster, PostgresBinariesMissing, find_binaries
from primepos.core.embedded.accounts import Account, account_named

ROOT = Path(__file__).resolve().parents[2]
IS_ROOT = os.geteuid() == 0

#: For a Python that imports this source tree and our packages, and nothing else from the environment.
PYTHON_ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(psycopg.__file__).parents[1])]),
    "PYTHONDONTWRITEBYTECODE": "1",
}

#: What every process of a test begins with: `cluster` is the cluster at the path given, `say` prints one answer,
#: `told` waits until the test says go on.
PRELUDE = """
import json, os, signal, sys
from pathlib import Path
from primepos.core.embedded import Cluster
cluster = Cluster(Path(sys.argv[1]), fsync=False, system_dir=Path(sys.argv[2]))
def say(**answer): print(json.dumps(answer), flush=True)
def told(): return sys.stdin.readline()
"""


class Process:
    """Another Python process that talks in lines of JSON."""

    def __init__(self, code: str, *arguments: object, account: Account | None = None, **environment: str) -> None:
        home = {"HOME": str(arguments[0])} if account else {}
        self._popen = subprocess.Popen(
            [_python(account), "-c", PRELUDE + textwrap.dedent(code), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env={**os.environ, **PYTHON_ENVIRONMENT, **home, **environment},
            **(account.popen_options() if account else {}),
        )
        self.pid = self._popen.pid

    def answer(self) -> dict[str, Any]:
        """The next line it says."""
        line = self._popen.stdout.readline()
        if not line.startswith("{"):
            raise AssertionError(line + self._popen.stdout.read())
        return json.loads(line)

    def go_on(self) -> None:
        """Let it run past `told`."""
        self._popen.stdin.write("\n")
        self._popen.stdin.flush()

    def kill(self, number: int = signal.SIGKILL) -> int:
        """Send it a signal and wait for its end; returns its exit code."""
        self._popen.send_signal(number)
        return self.finish()

    def finish(self) -> int:
        """Close its input, wait for its end and return its exit code."""
        with contextlib.suppress(BrokenPipeError):
            self._popen.stdin.close()
        self._popen.stdout.read()
        self._popen.stdout.close()
        return self._popen.wait()


class World:
    """Directories for clusters, removed with all clusters in them at the end.

    Everybody may enter the base, as /srv or a home on Debian; homes of clusters that are ``closed`` only their owner.
    It belongs to ``account`` if given, as which other processes run.
    """

    def __init__(self, account: Account | None = None) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="primepos-embedded-"))
        self.base.chmod(0o755)
        self.closed = self.base / "closed"
        self.closed.mkdir(mode=0o700)
        self.account = account
        self.system_dir = self.base / "system"
        self._homes: set[Path] = set()
        self._clusters: list[Cluster] = []
        if account is not None:
            os.chown(self.base, account.uid, account.gid)

    def home(self, name: str = "pg") -> Path:
        """A directory for a cluster; it does not exist yet."""
        self._homes.add(self.base / name)
        return self.base / name

    def cluster(self, name: str = "pg", *, fsync: bool = False, **options: Any) -> Cluster:
        """A cluster that is not started yet."""
        made = Cluster(self.home(name), fsync=fsync, system_dir=self.system_dir, **options)
        self._clusters.append(made)
        return made

    def process(self, code: str, name: str = "pg", **environment: str) -> Process:
        """Another process with `cluster` at the same place, as the world's account."""
        return Process(code, self.home(name), self.system_dir, account=self.account, **environment)

    def rest(self) -> None:
        """Stop every server, and let no earlier test count as a user."""
        others = [Cluster(home, system_dir=self.system_dir) for home in self._homes]
        for cluster in [*self._clusters, *others]:
            cluster.stop("immediate")
        self._clusters.clear()

    def close(self) -> None:
        """Remove everything."""
        for home in self._homes:
            Cluster(home, system_dir=self.system_dir).destroy()
        # Clusters of other accounts first had to be stopped; what is left are plain files.
        shutil.rmtree(self.base)


def rows(url: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Run one statement in autocommit and return its rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


def ordinary_account() -> Account | None:
    """An account a root test can act as; None when no Python that it may run reads this source tree."""
    account = account_named("nobody") if IS_ROOT else None
    return account if account is not None and _python(account) else None


@functools.cache
def _python(account: Account | None) -> str:
    """A Python that ``account`` can run: ours, or the system's of the same version with our packages; else empty."""
    if account is None:
        return sys.executable
    trial = f"import psycopg, primepos.core.embedded, sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    for python in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            tried = subprocess.run(
                [python, "-c", trial],
                env=PYTHON_ENVIRONMENT,
                cwd="/",
                capture_output=True,
                check=False,
                **account.popen_options(),
            )
            if tried.returncode == 0:
                return python
    return ""


def installed_majors() -> list[Binaries]:
    """Every supported server on this machine, one a major."""
    found = []
    for major in (15, 16, 17, 18):
        with contextlib.suppress(PostgresBinariesMissing):
            found.append(find_binaries(major=major))
    return found
