"""Checks of the environment's variables (ENV001-ENV031)."""

from primepos.deploy.catalogue.environment import files as files
from primepos.deploy.catalogue.environment import keys as keys
from primepos.deploy.catalogue.environment import network as network
from primepos.deploy.catalogue.environment import services as services
