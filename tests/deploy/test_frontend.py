"""The checks of the frontend's file and of what was built from it."""

from __future__ import annotations

import pytest

from primepos.deploy.check import Area, Status, catalogue
from tests.deploy.mutation import FINE, changed, outcomes
from tests.deploy.world import FRONTEND_FILE, GOOD_ENVIRONMENT, a_project, a_target, look

FILE = ("FE060", "FE061", "FE062", "FE063")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return a_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def frontend(project, tmp_path):
    """Return the good deployment with another frontend's file; None takes a variable out."""

    def make(**changes: str | None):
        texts = dict(line.split("=", 1) for line in FRONTEND_FILE.splitlines()) | changes
        file = tmp_path / "frontend.env"
        file.write_text("".join(f"{name}={text}\n" for name, text in texts.items() if text is not None))
        target = a_target(project)
        target.frontend_env = file
        return target

    return make


def test_the_good_file_passes(project):
    found = outcomes(a_target(project), (Area.FE,))
    assert {name: one.evidence for name, one in found.items() if one.status not in FINE} == {
        "FE065": "the frontend's build was not given: --frontend-build DIR"
    }


SECRET = GOOD_ENVIRONMENT["JWT_SECRET_KEY"]
URL, REAL, SITE = "NEXT_PUBLIC_API_URL", "NEXT_PUBLIC_USE_REAL_API", "NEXT_PUBLIC_SITE_URL"
BROKEN: list[tuple[str, dict[str, str | None], str]] = [
    ("FE060", {URL: None}, "NEXT_PUBLIC_API_URL is not set"),
    ("FE060", {URL: "http://api.brightfruit.shop/api/v1"}, "is not https"),
    ("FE060", {URL: "https://api.brightfruit.shop/"}, "does not end in /api/v1"),
    ("FE060", {URL: "https://api.other.shop/api/v1"}, "has the host api.other.shop, which is not in ALLOWED_HOSTS"),
    ("FE060", {URL: "api.brightfruit.shop/api/v1"}, "is not an http or https URL"),
    ("FE061", {REAL: None}, "is not true"),
    ("FE061", {REAL: "false"}, "is not true: the frontend would show its sample data"),
    ("FE061", {REAL: "perhaps"}, "is neither true"),
    ("FE062", {"NEXT_PUBLIC_API_TOKEN": "abc"}, "is named like a secret"),
    ("FE062", {"NEXT_PUBLIC_STRIPE_SECRET_KEY": "abc"}, "is named like a secret"),
    ("FE062", {"NEXT_PUBLIC_THEME": f"dark-{SECRET}"}, "holds a secret of the API"),
    ("FE063", {SITE: "https://elsewhere.brightfruit.shop"}, "is not in CORS_ALLOWED_ORIGINS"),
]


@pytest.mark.parametrize(("check_id", "change", "told"), BROKEN)
def test_a_fault_is_seen_by_its_check_and_no_other(project, frontend, check_id, change, told):
    target = frontend(**change)
    after = outcomes(target)
    # A host that is not allowed is missing from the allowed ones, too.
    also = {"ENV008"} if "other.shop" in str(change) else set()
    assert changed(outcomes(a_target(project)), after) == dict.fromkeys({check_id, *also}, Status.FAIL)
    assert told in after[check_id].evidence
    assert SECRET not in after[check_id].evidence


def test_without_a_file_its_checks_are_skipped_not_passed(project):
    target = a_target(project)
    target.frontend_env = None
    assert {name: look(name, target).status for name in FILE} == dict.fromkeys(FILE, Status.SKIPPED)


def test_an_origin_that_nobody_names_is_not_judged(project):
    target = a_target(project, {"FRONTEND_URL": None})
    assert look("FE063", target).status is Status.NOT_APPLICABLE


def test_every_static_check_of_the_frontend_is_covered():
    static = {one.id for one in catalogue() if one.area is Area.FE and "static" in one.needs}
    assert static == {*FILE, "FE065"}


# --- the build -------------------------------------------------------------------------------------------------------


@pytest.fixture
def build(project, tmp_path):
    """Return the good deployment with a build of one script, beside a page and a style sheet."""

    def make(script: str | None):
        folder = tmp_path / "out"
        (folder / "_next" / "static").mkdir(parents=True)
        (folder / "index.html").write_text("<p>http://localhost:3000</p>")
        if script is not None:
            (folder / "_next" / "static" / "app-1f3.js").write_text(script)
        return a_target(project, frontend_build=folder)

    return make


def test_a_build_that_names_the_api_passes(build):
    outcome = look("FE065", build('fetch("https://api.brightfruit.shop/api/v1/sales")'))
    assert (outcome.status, outcome.evidence) == (
        Status.PASS, "1 scripts, api.brightfruit.shop named, no local address",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ('a="https://api.brightfruit.shop/api/v1";b="http://localhost:8000/api/v1"', "holds http://localhost:8000"),
        ('a="https://api.brightfruit.shop";b="http://127.0.0.1:8000"', "app-1f3.js holds http://127.0.0.1:8000"),
        ('a="https://api.brightfruit.shop";b="https://[::1]:8000"', "holds https://[::1]:8000"),
        ('a="https://staging.brightfruit.shop/api/v1"', "none of 1 scripts names api.brightfruit.shop"),
        (None, "out holds no script: is it the build?"),
    ],
)
def test_a_build_of_another_environment_fails(build, script, told):
    outcome = look("FE065", build(script))
    assert outcome.status is Status.FAIL
    assert told in outcome.evidence


def test_without_the_file_any_allowed_host_will_do(build):
    target = build('a="https://primepos-api.onrender.com/api/v1"')
    target.frontend_env = None
    assert look("FE065", target).status is Status.PASS


@pytest.fixture
def live(project, monkeypatch):
    """Return the good deployment with a running frontend that serves one script."""
    from primepos.deploy.catalogue import frontend_live

    def make(*scripts: str):
        served = [(f"https://tills.brightfruit.shop/_next/{number}.js", text) for number, text in enumerate(scripts)]
        monkeypatch.setattr(frontend_live, "live_scripts", lambda prober: served)
        return a_target(project, url="https://api.brightfruit.shop", frontend_url="https://tills.brightfruit.shop")

    return make


def test_what_the_running_frontend_loads_is_read_too(live):
    outcome = look("FE065", live('a="https://api.brightfruit.shop/api/v1"'))
    assert (outcome.status, outcome.evidence) == (
        Status.PASS, "1 scripts, api.brightfruit.shop named, no local address",
    )  # fmt: skip
    old = look("FE065", live('a="https://api.brightfruit.shop/api/v1"', 'b="http://localhost:8000"'))
    assert old.evidence == "https://tills.brightfruit.shop/_next/1.js holds http://localhost:8000"
    assert look("FE065", live()).evidence == "https://tills.brightfruit.shop loads no script of its own"


def test_a_good_build_does_not_excuse_what_is_still_served(build, live):
    target = build('fetch("https://api.brightfruit.shop/api/v1/sales")')
    running = live('b="http://localhost:8000"')
    running.frontend_build = target.frontend_build
    assert look("FE065", running).status is Status.FAIL
