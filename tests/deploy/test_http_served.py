"""The checks of a running deployment on the real thing: ``primepos serve`` in production, behind TLS."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from primepos.core.database_url import parse_database_url
from primepos.deploy.check import Status
from primepos.deploy.prober import Prober
from tests.api.test_serve import serve
from tests.deploy.live import API_HOST, COMMIT, PLATFORM_HOST, Authority, Front, connect_to
from tests.deploy.test_http import mine
from tests.deploy.world import GOOD_ENVIRONMENT, a_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.deploy.target import Target

# A frontend is somebody else's; these look at it.
OF_THE_FRONTEND = {"FE064", "FE066", "FE067"}


def production(database_url: str, data_dir: Any) -> dict[str, str]:
    """The environment of a production server; its database has a name that is not this machine's."""
    address = parse_database_url(database_url)
    # The name is the one that is judged, the address the one that is connected to.
    place = f"dpg-c0ffee-a:{address.port}/{address.name}?hostaddr=127.0.0.1"
    left_out = {"SENTRY_DSN", "HOST", "PORT"}
    return {
        **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "PRIMEPOS_PG_BIN"}},
        **{name: value for name, value in GOOD_ENVIRONMENT.items() if name not in left_out},
        "DATABASE_URL": f"postgresql://{address.user}:{address.password.reveal()}@{place}",
        "DB_SSLMODE": "prefer",
        "HSTS_PRELOAD": "True",
        "RENDER_GIT_COMMIT": COMMIT,
        "PRIMEPOS_DATA_DIR": str(data_dir),
        "PYTHONUNBUFFERED": "1",
    }


@pytest.fixture(scope="module")
def deployed(database_url, tmp_path_factory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("deployed")
    authority = Authority(folder)
    variables = production(database_url, folder)
    with serve(variables, "--host", "127.0.0.1") as served:
        upstream = urlsplit(served.url)
        assert upstream.port is not None
        front = Front(("127.0.0.1", upstream.port), authority.issue(API_HOST, PLATFORM_HOST))
        target = a_target(folder, variables, url=f"https://{API_HOST}", active=True)
        target.now = datetime.now(UTC)
        target.http = Prober(
            target.url, connect_to=connect_to((API_HOST, PLATFORM_HOST), *front.ports), ca_file=authority.file,
            # How quick this machine is today is not what is tested.
            timeout_s=60, timer=lambda: 0.0,
        )  # fmt: skip
        yield target
        target.close()
        front.close()


@pytest.mark.slow
@pytest.mark.parametrize("check_id", sorted(one.id for one in mine() if one.id not in OF_THE_FRONTEND))
def test_primepos_serve_passes(check_id, deployed):
    (check,) = [one for one in mine() if one.id == check_id]
    outcome = check.run(deployed)
    assert outcome.status is Status.PASS, outcome.evidence
