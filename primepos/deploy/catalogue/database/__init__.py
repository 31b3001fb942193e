"""Checks that need a database: the server and its roles, the schema, the rows, the jobs."""

from primepos.deploy.catalogue.database import jobs as jobs
from primepos.deploy.catalogue.database import rows as rows
from primepos.deploy.catalogue.database import schema as schema
from primepos.deploy.catalogue.database import server as server
from primepos.deploy.catalogue.database import walls as walls
