"""Checks of the platform's file, ``render.yaml`` (RND040-RND064)."""

from primepos.deploy.catalogue.platform import deploys as deploys
from primepos.deploy.catalogue.platform import file as file
from primepos.deploy.catalogue.platform import machines as machines
from primepos.deploy.catalogue.platform import variables as variables
