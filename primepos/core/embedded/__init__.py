"""PrimePOS's own PostgreSQL, for development, demo, tests and a shop on one PC: nothing to install but a wheel."""

from __future__ import annotations

from primepos.core.embedded.binaries import Binaries, find_binaries
from primepos.core.embedded.cluster import Cluster, ClusterInfo, ClusterStatus
from primepos.core.embedded.errors import (
    EmbeddedPostgresFailed,
    PostgresBinariesMissing,
    PostgresDataDirUnusable,
    PostgresMajorMismatch,
)
from primepos.core.embedded.place import default_data_dir
from primepos.core.embedded.server import data_major
from primepos.core.embedded.upgrade import Upgrade

__all__ = [
    "Binaries",
    "Cluster",
    "ClusterInfo",
    "ClusterStatus",
    "EmbeddedPostgresFailed",
    "PostgresBinariesMissing",
    "PostgresDataDirUnusable",
    "PostgresMajorMismatch",
    "Upgrade",
    "data_major",
    "default_data_dir",
    "find_binaries",
]
