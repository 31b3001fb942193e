"""The nightly jobs there are: the one list of them."""

from __future__ import annotations

from primepos import bootstrap
from primepos.adapters.backup import schedule
from primepos.domain.accounts.sweeping import SESSIONS
from primepos.domain.jobs.nightly import SWEEP
from primepos.domain.reporting import service as reporting
from primepos.domain.reporting.overdue import SUMMARIES
from primepos.domain.values import service as values
from primepos.domain.values.tidying import VALUES

# Importing it declares the job that the summaries run.
DECLARING = (reporting, values)
# The backup comes last: what the others tidied away need not be in it.
CHORES = (SUMMARIES, VALUES, SESSIONS, SWEEP, schedule.chore(bootstrap.migration_url))
