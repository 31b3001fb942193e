"""Checks of the application itself: who may do what, how people sign in, what answers carry, what it is made of."""

from primepos.deploy.catalogue.application import access as access
from primepos.deploy.catalogue.application import answers as answers
from primepos.deploy.catalogue.application import code as code
from primepos.deploy.catalogue.application import signing_in as signing_in
from primepos.deploy.catalogue.application import supplies as supplies
