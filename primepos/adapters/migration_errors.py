"""How migrating is refused."""

from __future__ import annotations

from primepos.core.errors import BadConfiguration, Conflict, InvalidInput, NotFound, RuleViolation, Unavailable


class DatabaseUnreachable(Unavailable):
    """The database cannot be reached, or refuses the login."""

    code = "DATABASE_UNREACHABLE"
    template = "The database cannot be reached: {problem}"


class MigrationLocked(Unavailable):
    """A table was in use for as long as a migration may wait, again and again; nothing of the revision was kept."""

    code = "MIGRATION_LOCKED"
    template = "Revision {revision} could not get its locks in {attempts} attempts: a table is in use all the time"
    hint = "Look for long transactions in pg_stat_activity, then run it again: it goes on where it stopped."


class MigrationFailed(Conflict):
    """PostgreSQL refused a statement of a revision; nothing of the revision was kept."""

    code = "MIGRATION_FAILED"
    template = "Revision {revision} could not be applied, and nothing of it was kept: {problem}"


class MigrationStopped(Conflict):
    """PostgreSQL refused a step that a revision takes outside its transaction; what came before the step stays."""

    code = "MIGRATION_STOPPED"
    template = "Revision {revision} stopped half-way: {problem}"
    hint = "Put the cause right and run it again: what was done is not done twice, and a backfill goes on where it was."


class MigrationNotAllowed(BadConfiguration):
    """The login may not do what a migration needs."""

    code = "MIGRATION_NOT_ALLOWED"
    template = "This login may not migrate: {problem}"
    hint = "Migrations run as the owner of the database with CREATEROLE: set MIGRATION_DATABASE_URL to that login."


class SchemaIsNewer(RuleViolation):
    """The database was migrated by a newer release, whose migrations this one does not have."""

    code = "SCHEMA_IS_NEWER"
    template = "The database is at revision {revision}, which this release ({release}) does not know"
    hint = "Migrate with the newest release; older ones go on working with the newer schema."


class ContractTooEarly(RuleViolation):
    """A contract would take away what the release that is running still uses; nothing was applied."""

    code = "CONTRACT_TOO_EARLY"
    template = "Revision {revision} takes away what is unused since {since}; deployed here is {running}, which uses it"
    hint = "Deploy the release that stopped using it first. If every process is stopped: primepos migrate up --stopped."


class RevisionUnknown(NotFound):
    """No migration of this installation has this revision."""

    code = "REVISION_UNKNOWN"
    template = "No migration has the revision {revision!r}"


class WrongDirection(RuleViolation):
    """The revision asked for lies on the other side of where the database is."""

    code = "WRONG_DIRECTION"
    template = "Revision {revision} is not {side} the database's {current}"


class SqlNotUnderstood(InvalidInput):
    """PostgreSQL's parser does not take a text for SQL; ``line`` counts from 0."""

    code = "SQL_NOT_UNDERSTOOD"
    template = "This is no SQL that PostgreSQL understands: {problem}"


class SqlParserMissing(BadConfiguration):
    """The parser of migrations is not installed."""

    code = "SQL_PARSER_MISSING"
    template = "Looking into migrations needs the package postgast, which is not installed here"
    hint = "pip install 'postgast>=0.2,<0.3' (on a Mac with an Intel processor it is built from its source)."


class MigrationUnreadable(InvalidInput):
    """A migration file cannot be turned into SQL: it does not run without a database, or is no migration."""

    code = "MIGRATION_UNREADABLE"
    template = "{file} cannot be looked into: {problem}"


class MigrationNameTaken(Conflict):
    """There is a migration of that name."""

    code = "MIGRATION_NAME_TAKEN"
    template = "A migration is called {name} already: say what is different about this one"
