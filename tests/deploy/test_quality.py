"""The checks of what others measured, and of how what is deployed fits together."""

from __future__ import annotations

from importlib import metadata

import pytest

from primepos.deploy import installed
from primepos.deploy.catalogue.quality import ENDPOINTS
from primepos.deploy.check import Area, Status, catalogue
from primepos.deploy.installed import conflicts
from tests.deploy.world import EVIDENCE, a_project, a_target, git, look

SUITE = (
    '<testsuites><testsuite name="pytest" tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}">'
    "<properties>{commit}</properties></testsuite></testsuites>"
)
COVERED = '<coverage lines-covered="{covered}" lines-valid="{valid}" line-rate="0.9"/>'
EVERYTHING = sorted(one for group in ENDPOINTS.values() for one in group)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return a_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def reported(project, tmp_path):
    """Return the good deployment with reports of a good run; ``changes`` and ``texts`` replace what they say."""

    def make(*, texts: dict[str, str | None] | None = None, **changes: object):
        commit = git(project, "rev-parse", "HEAD").strip()
        said = {"tests": 12, "failures": 0, "errors": 0, "skipped": 2, "covered": 90, "valid": 100, "commit": commit}
        said |= changes
        mark = f'<property name="commit" value="{said["commit"]}"/>' if said["commit"] else ""
        files = {"junit.xml": SUITE.format(**{**said, "commit": mark}), "coverage.xml": COVERED.format(**said)}
        for name, text in (files | (texts or {})).items():
            if text is not None:
                (tmp_path / name).write_text(text)
        return a_target(project, reports=tmp_path)

    return make


def test_good_reports_pass(reported, project):
    target = reported()
    commit = git(project, "rev-parse", "HEAD")[:12]
    assert look("QA080", target).evidence == f"10 tests passed on {commit}"
    assert look("QA081", target).evidence == "90 of 100 lines, 90 %"
    assert {look(name, target).status for name in ("QA080", "QA081")} == {Status.PASS}


@pytest.mark.parametrize(
    ("check_id", "given", "told"),
    [
        ("QA080", {"failures": 1}, "1 of 10 tests failed"),
        ("QA080", {"errors": 2}, "2 of 10 tests failed"),
        ("QA080", {"tests": 0, "skipped": 0}, "no test ran"),
        ("QA080", {"tests": 3, "skipped": 3}, "no test ran"),
        ("QA080", {"commit": "0123456789abcdef"}, "but on 0123456789ab, not on"),
        ("QA080", {"commit": None}, "but on no commit, not on"),
        ("QA080", {"tests": "many"}, "tests is 'many', not a number"),
        ("QA080", {"texts": {"junit.xml": "<html/>"}}, "html is no report of tests"),
        ("QA080", {"texts": {"junit.xml": "not xml"}}, "junit.xml is no report: ParseError"),
        ("QA080", {"texts": {"junit.xml": None}}, "holds no junit*.xml"),
        ("QA081", {"covered": 69}, "69 of 100 lines, 69 %; 70 % are wanted"),
        ("QA081", {"covered": 0, "valid": 0}, "the report covers no line"),
        ("QA081", {"texts": {"coverage.xml": None}}, "holds no coverage*.xml"),
    ],
)
def test_a_bad_report_is_seen_by_its_check_alone(reported, check_id, given, told):
    target = reported(**given)
    (other,) = {"QA080", "QA081"} - {check_id}
    assert look(check_id, target).status is Status.FAIL
    assert told in look(check_id, target).evidence
    assert look(other, target).status is Status.PASS


def test_two_reports_count_together_and_one_of_another_commit_spoils_both(reported, project):
    commit = git(project, "rev-parse", "HEAD").strip()
    more = SUITE.format(tests=5, failures=0, errors=0, skipped=0, commit=f'<property name="commit" value="{commit}"/>')
    assert look("QA080", reported(texts={"junit-long.xml": more})).evidence.startswith("15 tests passed on")
    old = more.replace(commit, "f" * 40)
    assert look("QA080", reported(texts={"junit-long.xml": old})).status is Status.FAIL


def test_without_reports_nothing_is_said(project):
    for name in ("QA080", "QA081"):
        outcome = look(name, a_target(project))
        assert (outcome.status, outcome.evidence) == (Status.SKIPPED, "no reports were given: --reports DIR")


# --- evidence --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check_id", "edit", "told"),
    [
        ("QA082", ("[load_test]", "[other]"), "has no [load_test]"),
        ("QA082", ("p95_ms = 120", ""), "[load_test] lacks p95_ms"),
        ("QA082", ("errors = 0", 'errors = "none"'), "[load_test] lacks errors"),
        ("QA082", ("requests = 100000", "requests = 0"), "made no request"),
        ("QA083", ("[accessibility]", "[other]"), "has no [accessibility]"),
        ("QA083", ('"WCAG 2.1 AA"', '"WCAG 2.0 A"'), "[accessibility] needs held_on"),
        ("QA083", ('by = "Mira"', 'by = ""'), "[accessibility] needs held_on"),
        ("QA083", ("open_findings = 0", "open_findings = 3"), "3 findings of WCAG 2.1 AA are open"),
    ],
)
def test_evidence_that_is_not_there_is_seen_by_its_check_alone(tmp_path, check_id, edit, told):
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "evidence.toml").write_text(EVIDENCE)
    assert {look(name, a_target(tmp_path)).status for name in ("QA082", "QA083")} == {Status.PASS}
    assert edit[0] in EVIDENCE
    (tmp_path / "deploy" / "evidence.toml").write_text(EVIDENCE.replace(*edit))
    outcome = look(check_id, a_target(tmp_path))
    assert (outcome.status, told in outcome.evidence) == (Status.FAIL, True), outcome.evidence
    (other,) = {"QA082", "QA083"} - {check_id}
    assert look(other, a_target(tmp_path)).status is Status.PASS


def test_no_evidence_and_unreadable_evidence_fail(tmp_path):
    assert look("QA082", a_target(tmp_path)).evidence == "deploy/evidence.toml has no [load_test]"
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "evidence.toml").write_text("[load_test")
    assert "is not TOML" in look("QA083", a_target(tmp_path)).evidence


# --- packages --------------------------------------------------------------------------------------------------------


def test_what_is_installed_here_fits_together():
    wrong, packages = conflicts("primepos")
    assert wrong == []
    assert packages > 20


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Install packages that are nothing but what they say of themselves."""

    def install(**packages: tuple[str, list[str]]):
        for name, (version, needs) in packages.items():
            folder = tmp_path / f"{name}-{version}.dist-info"
            folder.mkdir()
            lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
            (folder / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {one}" for one in needs)]) + "\n")

    monkeypatch.syspath_prepend(tmp_path)
    installed._installed.cache_clear()
    yield install
    installed._installed.cache_clear()
    metadata.MetadataPathFinder().invalidate_caches()


def test_a_missing_and_an_old_package_are_named(site):
    site(
        shop_a=("1.0", ["shop_b>=2", "shop_c", 'shop_d; sys_platform == "plan9"', "shop_e[fast]", "shop_f>=1rc1"]),
        shop_b=("1.5", []), shop_e=("3", ['shop_g; extra == "fast"', 'shop_h; extra == "slow"']), shop_f=("1.0rc2", []),
    )  # fmt: skip
    wrong, _ = conflicts("shop_a")
    assert wrong == [
        "shop_a needs shop_b >=2, 1.5 is installed",
        "shop_a needs shop_c, which is not installed",
        "shop_e needs shop_g, which is not installed",
    ]


def test_packages_that_need_each_other_are_looked_at_once(site):
    site(ring_a=("1", ["ring_b"]), ring_b=("1", ["ring_a"]))
    assert conflicts("ring_a") == ([], 2)


def test_a_package_that_is_not_there_at_all_is_told(site):
    assert conflicts("no-such-package-here") == (["no-such-package-here is not installed"], 0)


# --- the API ---------------------------------------------------------------------------------------------------------


def _api(paths: dict[str, list[str]]):
    class Described:
        """An API that is nothing but its description."""

        def describe(self):
            return {
                "openapi": "3.1.0",
                "paths": {path: {one: {} for one in methods} for path, methods in paths.items()},
            }

    return lambda settings: Described()


def _with(endpoints: list[str]) -> dict[str, list[str]]:
    paths: dict[str, list[str]] = {}
    for one in endpoints:
        method, path = one.split(" ")
        paths.setdefault(path, []).append(method.lower())
    return paths


def test_an_api_with_every_endpoint_passes(project):
    target = a_target(project, make_surface=_api(_with(EVERYTHING)))
    assert look("QA085", target).status is Status.PASS
    assert look("QA084", target).evidence.endswith(f"OpenAPI 3.1.0 with {len(_with(EVERYTHING))} paths")


@pytest.mark.parametrize("missing", EVERYTHING)
def test_a_missing_endpoint_is_named(project, missing):
    target = a_target(project, make_surface=_api(_with([one for one in EVERYTHING if one != missing])))
    outcome = look("QA085", target)
    assert (outcome.status, outcome.evidence) == (Status.FAIL, f"missing: {missing}")
    assert look("QA084", target).status is Status.PASS


def test_an_api_that_describes_nothing_fails(project):
    assert look("QA084", a_target(project, make_surface=_api({}))).evidence == "the OpenAPI description names no path"


def test_packages_that_do_not_fit_fail(project, monkeypatch):
    from primepos.deploy.catalogue import quality

    monkeypatch.setattr(quality, "conflicts", lambda root: (["a needs b, which is not installed"], 3))
    outcome = look("QA084", a_target(project, make_surface=_api(_with(EVERYTHING))))
    assert (outcome.status, outcome.evidence) == (Status.FAIL, "a needs b, which is not installed")


def test_without_an_api_nothing_is_said_about_it(project):
    for name in ("QA084", "QA085"):
        assert look(name, a_target(project)).status is Status.SKIPPED


def test_this_api_describes_itself(project):
    from primepos.api.surface import build_surface

    target = a_target(project, make_surface=build_surface)
    assert look("QA084", target).status is Status.PASS
    assert {"/api/v1/auth/login", "/api/v1/sales", "/api/v1/products"} <= set(target.surface.describe()["paths"])


def test_every_check_of_quality_is_here():
    assert [one.id for one in catalogue() if one.area is Area.QA] == [f"QA{number:03}" for number in range(80, 86)]
