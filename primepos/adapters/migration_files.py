"""The migration files: their order, what each says of itself, the SQL it stands for, and writing a new one.

Nothing here connects to a database.
"""

from __future__ import annotations

import hashlib
import io
import re
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError

from primepos import __version__
from primepos.adapters.migration_errors import MigrationNameTaken, RevisionUnknown, WrongDirection
from primepos.adapters.migration_notes import labels_of
from primepos.adapters.schema_revision import script_location
from primepos.core.errors import BadConfiguration

if TYPE_CHECKING:
    import sqlalchemy as sa
    from alembic.script import Script

BASE: Final = "base"
HEAD: Final = "head"
# A statement that takes longer holds its locks too long; a revision that needs more declares `statement_timeout`.
STATEMENT_TIMEOUT: Final = "5s"
# Whoever waits for a lock has others wait behind it.
LOCK_TIMEOUT: Final = "2s"


@dataclass(frozen=True, slots=True)
class Revision:
    """One migration file.

    ``phase`` is expand or migrate (old code goes on working) or contract (it does not); what a contract takes away is
    ``unused_since`` a release.
    """

    revision: str
    file: str
    summary: str
    phase: str
    sha256: str
    statement_timeout: str
    unused_since: str = ""


def config_for(
    connection: sa.Connection | None = None, location: Path | None = None, output: io.StringIO | None = None
) -> Config:
    """Return Alembic's configuration; ``connection`` is the one the migrations will run on, ``output`` takes SQL."""
    # Alembic's own messages would stand among our data.
    config = Config(stdout=io.StringIO(), output_buffer=output, cmd_opts=Namespace(quiet=True))
    config.set_main_option("script_location", str(location or script_location()).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("file_template", "%%(year)d-%%(month).2d-%%(day).2d-%%(hour).2d%%(minute).2d_%%(slug)s")
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def scripts_in(location: Path | None = None) -> ScriptDirectory:
    """Return Alembic's view of the migration files."""
    return ScriptDirectory.from_config(config_for(location=location))


def head() -> str:
    """Return the newest revision this code knows."""
    found = scripts_in().get_current_head()
    if found is None:
        raise LookupError("the migrations are missing from this installation")
    return found


def revisions(lower: str | None, upper: str) -> list[Revision]:
    """Return the migrations above ``lower`` (None is an empty database) up to ``upper``, oldest first.

    Raises:
        RevisionUnknown: there is no such revision.
        WrongDirection: ``upper`` is not above ``lower``.
    """
    scripts = scripts_in()
    top = known(scripts, upper)
    if top is None:
        return []
    try:
        found = list(scripts.iterate_revisions(top.revision, lower or BASE))
    except (CommandError, RevisionError) as error:
        raise WrongDirection(revision=upper, side="above", current=lower or BASE) from error
    return [described(each) for each in reversed(found)]


def known(scripts: ScriptDirectory, revision: str) -> Script | None:
    """Return the script of a revision, None for ``base``. Raises RevisionUnknown."""
    if revision == BASE:
        return None
    try:
        found = scripts.get_revision(revision)
    except CommandError:
        found = None
    if found is None:
        raise RevisionUnknown(revision=revision)
    return found


def described(script: Script) -> Revision:
    """Return what a migration file says of itself."""
    path = Path(script.path)
    told = (script.module.__doc__ or "").strip()
    labels = labels_of(told)
    return Revision(
        revision=script.revision,
        file=path.name,
        summary=told.partition("\n")[0],
        phase=labels.phase or "expand",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        statement_timeout=getattr(script.module, "statement_timeout", STATEMENT_TIMEOUT),
        unused_since=labels.unused_since,
    )


def new_revision(message: str, *, phase: str, unused_since: str = "", location: Path | None = None) -> Path:
    """Write an empty migration after the newest one and return its path.

    The file is called ``YYYY-MM-DD-HHMM_slug.py`` and its revision is the next four digits. A contract names the
    release since which nobody uses what it takes away.

    Raises:
        MigrationNameTaken: another one is called so; in the same minute they would be the same file.
        BadConfiguration: this installation's migrations cannot be written to.
    """
    slug = "_".join(re.findall(r"\w+", message)).lower()[:40]
    if list(((location or script_location()) / "versions").glob(f"????-??-??-????_{slug}.py")):
        raise MigrationNameTaken(name=slug)
    config = config_for(location=location)
    config.attributes.update(phase=phase, release=__version__, unused_since=unused_since)
    last = scripts_in(location).get_current_head() or "0000"
    try:
        made = command.revision(config, message=message, rev_id=f"{int(last) + 1:04d}")
    except OSError as error:
        raise BadConfiguration(f"The migration cannot be written: {error.strerror}") from error
    if made is None or isinstance(made, list):
        raise LookupError("Alembic made no single file")
    return Path(made.path)


def sql_of(lower: str | None, upper: str, *, down: bool = False) -> str:
    """Return the SQL that leads from one revision to another, as PostgreSQL would be sent it."""
    output = io.StringIO()
    span = f"{lower or BASE}:{upper}"
    (command.downgrade if down else command.upgrade)(config_for(output=output), span, sql=True)
    return output.getvalue()


def to_undo(present: str | None, to: str) -> list[Revision]:
    """Return the migrations that going down to ``to`` undoes, newest first. Raises RevisionUnknown, WrongDirection."""
    scripts = scripts_in()
    target = known(scripts, to)
    if present is None:
        return []
    try:
        found = list(scripts.iterate_revisions(present, BASE if target is None else target.revision))
    except (CommandError, RevisionError) as error:
        raise WrongDirection(revision=to, side="below", current=present) from error
    return [described(each) for each in found]


def sql_steps(lower: str | None, upper: str = HEAD) -> list[tuple[Revision, str]]:
    """Return what going up to a revision sends, one revision after the other, oldest first.

    In a database that is in use each begins with the limits that ``primepos migrate up`` would set.

    Raises: RevisionUnknown, WrongDirection.
    """
    steps, below = [], lower
    for revision in revisions(lower, upper):
        limits = f"SET lock_timeout = '{LOCK_TIMEOUT}';\n\nSET statement_timeout = '{revision.statement_timeout}';\n\n"
        steps.append((revision, (limits if lower else "") + sql_of(below, revision.revision)))
        below = revision.revision
    return steps
