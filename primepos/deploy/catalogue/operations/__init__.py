"""Checks of how the installation is run: signals, papers, and the services it reaches (OPS070-OPS084)."""

from primepos.deploy.catalogue.operations import papers as papers
from primepos.deploy.catalogue.operations import reach as reach
from primepos.deploy.catalogue.operations import signals as signals
