"""One installation to look at. Everything is read when it is first asked for, and nothing is changed."""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from primepos import bootstrap
from primepos.core.database_url import parse_database_url
from primepos.core.redaction import REDACTED, Redactor, is_secret_name, printable
from primepos.core.settings import Secret, examine
from primepos.deploy.inspector import Inspector
from primepos.deploy.prober import Prober

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from primepos.core.database_url import DatabaseAddress
    from primepos.core.embedded.cluster import ClusterStatus
    from primepos.core.settings import Examination, Settings

SHORTEST_NAME: Final = 4
# A shorter one would turn up inside innocent words.
SHORTEST_SECRET: Final = 8


class Patient:
    """What the doctor looks at: the environment, its database, and the deployment at ``url`` where there is one.

    ``environ`` None is this process's own. ``active`` allows what leaves traces outside (a file in the bucket).
    ``token`` is an access token whose refusal is to be understood; ``prober`` stands in for asking ``url``.
    """

    def __init__(
        self,
        *,
        environ: Mapping[str, str] | None = None,
        env_file: Path | None = None,
        url: str | None = None,
        token: Secret | None = None,
        active: bool = False,
        prober: Prober | None = None,
    ) -> None:
        """Look at nothing yet. Raises: BadUrl."""
        self.environ = environ
        self.env_file = env_file
        self.token = token
        self.active = active
        self.prober = prober if prober is not None or url is None else Prober(url)

    @cached_property
    def examination(self) -> Examination:
        """The environment as ``primepos serve`` reads it. Raises BadConfiguration for a file that cannot be read."""
        return examine(self.environ, env_file=self.env_file, component="serve", make_keys=False)

    @cached_property
    def settings(self) -> Settings | None:
        """The settings, None where the environment is not fit."""
        return None if self.examination.fatal else self.examination.settings()

    def value(self, name: str) -> Any:
        """Return what was made of one variable, None where that failed."""
        return self.examination.values.get(name)

    @cached_property
    def embedded(self) -> ClusterStatus | None:
        """How the embedded PostgreSQL is; None where another one is used, or the environment is not fit."""
        if self.settings is None or not self.settings.uses_embedded_database:
            return None
        return bootstrap.embedded_cluster(self.settings).status()

    @cached_property
    def database_url(self) -> str | None:
        """Where the database is, None where none is named or the embedded one does not run."""
        named = self.value("DATABASE_URL")
        if isinstance(named, Secret) and named:
            return named.reveal()
        if self.settings is None or self.embedded is None or self.embedded.state != "running":
            return None
        return bootstrap.embedded_cluster(self.settings).owner_url(bootstrap.EMBEDDED_DATABASE)

    @cached_property
    def database(self) -> Inspector | None:
        """A look into the database; None without one, or where its URL cannot be read.

        A driver that reads a broken URL its own way would repeat a piece of the password as the host's name.
        """
        if self.database_url is None or self.url_problem is not None:
            return None
        return Inspector(self.database_url, self.examination)

    @cached_property
    def url_problem(self) -> str | None:
        """What is wrong with the database's URL; it does not repeat it."""
        try:
            if self.database_url is not None:
                parse_database_url(self.database_url)
        except ValueError as error:
            return str(error)
        return None

    @property
    def address(self) -> DatabaseAddress | None:
        """Where the database is, taken apart; None where it cannot be read."""
        return None if self.database is None else self.database.address

    @cached_property
    def redactor(self) -> Redactor:
        """Knows every secret of this environment."""
        return Redactor(self.secrets())

    def secrets(self) -> Iterator[Secret]:
        """Return every secret of this environment, and what is secret inside each."""
        values = [*self.examination.values.values(), self.token]
        for one in _secrets_in(values):
            yield one
            yield from _parts(one.reveal())
        # Set in the process, but no setting of ours: its name alone says that it is a secret.
        for name, text in (os.environ if self.environ is None else self.environ).items():
            # The shell's PWD is a directory, whatever its name sounds like.
            if is_secret_name(name) and text and not text.startswith("/"):
                yield Secret(text)
                yield from _parts(text)

    def names(self) -> list[str]:
        """Return what tells which installation this is: hosts, database, addresses; the longest first."""
        found = {*(self.value("ALLOWED_HOSTS") or ()), *(self.value("CORS_ALLOWED_ORIGINS") or ())}
        found |= {str(self.value(name) or "") for name in ("PUBLIC_BASE_URL", "FRONTEND_URL", "EMAIL_HOST")}
        if self.address is not None:
            found |= {self.address.host, self.address.name, self.address.user}
        if self.prober is not None:
            found.add(self.prober.host)
        found -= {"localhost", "127.0.0.1", "[::1]", "primepos", "postgres"}
        return sorted((name for name in found if len(name) >= SHORTEST_NAME), key=len, reverse=True)

    @cached_property
    def _known(self) -> re.Pattern[str] | None:
        texts = {form for one in self.secrets() for form in (one.reveal(), quote(one.reveal(), safe=""))}
        long = sorted((text for text in texts if len(text) >= SHORTEST_SECRET), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, long))) if long else None

    def shown(self, text: str, *, cap: int = 4000) -> str:
        """Return a sentence of ours as it may be shown: without the secrets of this installation.

        Our own sentences speak of passwords and tokens without holding one, so their shapes are left alone.
        """
        cleaned = text if self._known is None else self._known.sub(REDACTED, text)
        return printable(cleaned)[:cap]

    def foreign(self, text: str, *, anonymous: bool = False, cap: int = 4000) -> str:
        """Return somebody else's text as it may be shown: without known secrets and without what looks like one.

        ``anonymous`` replaces the names of this installation as well.
        """
        cleaned = self.redactor.text(text, cap=cap)
        for name in self.names() if anonymous else ():
            cleaned = cleaned.replace(name, "[name]")
        return cleaned

    def close(self) -> None:
        """Let connections go."""
        if "database" in self.__dict__ and self.database is not None:
            self.database.close()
        if self.prober is not None:
            self.prober.close()


def _secrets_in(values: Iterable[Any]) -> Iterator[Secret]:
    for value in values:
        if isinstance(value, Secret):
            if value:
                yield value
        elif isinstance(value, tuple | list):
            yield from _secrets_in(value)


def _parts(text: str) -> Iterator[Secret]:
    """Return the password of a URL, or the key of a DSN, alone: it turns up without the URL too."""
    _, separator, rest = text.partition("://")
    userinfo = rest.rpartition("@")[0] if separator else ""
    for part in (userinfo.partition(":")[2], userinfo if ":" not in userinfo else ""):
        if part and part != REDACTED:
            yield Secret(part)
