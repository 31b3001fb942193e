# ruff: noqa: E501 - a row of a table is one line
"""SEC010-SEC033: the good deployment passes all of them, and one thing broken is seen by exactly one check."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from litestar import Controller, get

from primepos.api import app as api_app
from primepos.api.surface import build_surface
from primepos.core.operations import OPERATIONS
from primepos.core.settings import RateLimit, load_settings
from primepos.deploy import source_scan, sql_scan
from primepos.deploy.catalogue.application import access, supplies
from primepos.deploy.check import Area, Status, catalogue
from primepos.deploy.scale import scale_of
from primepos.deploy.shown import listed
from primepos.deploy.source_scan import Found, Source
from primepos.deploy.sql_scan import sql_built
from primepos.deploy.surface import Answer, Surface, Throttle, Webhooks, matrix_text, production_settings
from tests.deploy.world import NOW, ROOT, a_target, look

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from primepos.deploy.target import Target

CHECKS = [one for one in catalogue() if one.area is Area.SEC]
FILES = ("render.yaml", "requirements.lock", "requirements-embedded.lock")
FINE = {Status.PASS, Status.NOT_APPLICABLE}


@pytest.fixture(scope="module")
def real() -> Surface:
    """The surface of this API; its answers are asked for once, since asking again would give the same."""
    surface = build_surface(production_settings())
    one: dict[Any, Answer] = {}
    many: dict[Any, list[Answer]] = {}

    def ask(method: str, path: str, **how: Any) -> Answer:
        key = (method, path, str(how))
        if key not in one:
            one[key] = surface.ask(method, path, **how)
        return one[key]

    def ask_all(requests: list[tuple[str, str]]) -> list[Answer]:
        if tuple(requests) not in many:
            many[tuple(requests)] = surface.ask_all(requests)
        return many[tuple(requests)]

    return replace(surface, ask=ask, ask_all=ask_all)


@pytest.fixture
def folder(tmp_path: Path, real: Surface) -> Path:
    """What these checks read of a project, with the report of an audit that found nothing."""
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("deploy", "reports", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / access.SNAPSHOT).write_text(matrix_text(real))
    write_audit(tmp_path)
    return tmp_path


def write_audit(folder: Path, *, age_days: int = 1, holes: Mapping[str, list[dict[str, Any]]] | None = None) -> None:
    pinned = supplies.locked((folder / "requirements.lock").read_text())
    told = [{"name": pin.name, "version": pin.version, "vulns": (holes or {}).get(pin.name, [])} for pin in pinned]
    path = folder / "reports" / supplies.AUDIT
    path.write_text(json.dumps({"dependencies": told, "fixes": []}))
    at = (NOW - timedelta(days=age_days)).timestamp()
    os.utime(path, (at, at))


def target_on(folder: Path, surface: Surface, environ: Mapping[str, str | None] | None = None) -> Target:
    chosen = {"PRIMEPOS_DATA_DIR": str(folder / "data"), **(environ or {})}
    return a_target(folder, chosen, make_surface=lambda _settings: surface, reports=folder / "reports")


def unhappy(target: Target) -> set[str]:
    """Return the checks that are not content with a deployment."""
    return {one.id for one in CHECKS if one.run(target).status not in FINE}


def test_the_good_deployment_passes_every_check(folder, real):
    target = target_on(folder, real)
    said = {one.id: one.run(target) for one in CHECKS}
    assert {name: one.evidence for name, one in said.items() if one.status not in FINE} == {}
    assert {name for name, one in said.items() if one.status is Status.NOT_APPLICABLE} == {"SEC027", "SEC031"}
    assert len(said) == 24


def _throttles(real: Surface, name: str, **changes: Any) -> tuple[Throttle, ...]:
    assert any(one.name == name for one in real.throttles)
    return tuple(replace(one, **changes) if one.name == name else one for one in real.throttles)


def _without(real: Surface, name: str) -> tuple[Throttle, ...]:
    return tuple(one for one in real.throttles if one.name != name)


def _asked(real: Surface, change: Callable[[Answer], Answer], **when: Any) -> dict[str, Any]:
    def ask(method: str, path: str, **how: Any) -> Answer:
        answer = real.ask(method, path, **how)
        hit = all({"path": path, "method": method, **how}.get(name) == value for name, value in when.items())
        return change(answer) if hit else answer

    return {"ask": ask}


def _answers(real: Surface, path: str, status: int) -> dict[str, Any]:
    def ask_all(requests: list[tuple[str, str]]) -> list[Answer]:
        answers = real.ask_all(requests)
        return [
            replace(answer, status=status) if asked == path else answer
            for (_, asked), answer in zip(requests, answers, strict=True)
        ]

    return {"ask_all": ask_all}


def _without_header(answer: Answer, name: str) -> Answer:
    return replace(answer, headers=tuple(one for one in answer.headers if one[0] != name))


def _with_body(answer: Answer, **changes: Any) -> Answer:
    return replace(answer, body=json.dumps({**json.loads(answer.body), **changes}).encode())


def _with_cookie(answer: Answer, cookie: str) -> Answer:
    return replace(answer, headers=(*answer.headers, ("set-cookie", cookie)))


BROKEN: dict[str, tuple[str, str, Callable[[Surface], dict[str, Any]]]] = {
    "a route asks nobody": ("SEC010", "GET /api/v1/sales answers 200", lambda r: _answers(r, "/api/v1/sales", 200)),
    "a permission nobody registered": (
        "SEC011", "declares sale:create", lambda r: {"permissions": r.permissions - {"sale:create"}},
    ),
    "a permission nothing asks for": (
        "SEC011", "nothing asks for drawer:paint", lambda r: {"permissions": r.permissions | {"drawer:paint"}},
    ),
    "a role that may do more": (
        "SEC012",
        "allow",
        lambda r: {"grants": {**r.grants, "cashier": {**r.grants["cashier"], "user:write": "allow"}}},
    ),
    "a role that may do less": (
        "SEC012",
        "nobody",
        lambda r: {"grants": {role: {k: v for k, v in held.items() if k != "audit:read"} for role, held in r.grants.items()}},
    ),
    "a table the session does not scope": ("SEC013", "coupons", lambda r: {"unscoped": ("coupons",)}),
    "a role filled in that leads": ("SEC014", "gives the role manager", lambda r: {"defaults": {"staff.create": "manager"}}),
    "an unknown role that may sell": ("SEC014", "sale:create", lambda r: {"strangers": ("sale:create",)}),
    "little memory": ("SEC015", "8192 KiB", lambda r: {"passwords": replace(r.passwords, memory_kib=8192)}),
    "one pass": ("SEC015", "1 passes", lambda r: {"passwords": replace(r.passwords, passes=1)}),
    "another algorithm": ("SEC015", "bcrypt", lambda r: {"passwords": replace(r.passwords, algorithm="bcrypt")}),
    "six characters": ("SEC016", "6 characters are enough", lambda r: {"passwords": replace(r.passwords, shortest=6)}),
    "no long ones": ("SEC016", "too many", lambda r: {"passwords": replace(r.passwords, longest=32)}),
    "a short list": ("SEC016", "749 entries", lambda r: {"passwords": replace(r.passwords, common=749)}),
    "a rule of composition": (
        "SEC016", "small letters only", lambda r: {"passwords": replace(r.passwords, refused=("small letters only",))},
    ),
    "a common one taken": ("SEC016", "common: 1", lambda r: {"passwords": replace(r.passwords, missed=("password",))}),
    "ten failures": ("SEC017", "more than 5", lambda r: {"throttles": _throttles(r, "login-account", count=10)}),
    "no account policy": ("SEC017", "no limit", lambda r: {"throttles": _without(r, "login-account")}),
    "successes counted": ("SEC017", "succeeds", lambda r: {"throttles": _throttles(r, "login-address", counts="calls")}),
    "refresh unthrottled": (
        "SEC017",
        "accounts.refresh is not throttled",
        lambda r: {"throttles": tuple(one for one in r.throttles if not one.name.startswith("refresh"))},
    ),
    "no quota": ("SEC018", "no answer", lambda r: {"throttles": _without(r, "api")}),
    "a wide quota": ("SEC018", "5000 an hour", lambda r: {"throttles": _throttles(r, "api", count=5000)}),
    "unsigned tokens": ("SEC020", "alg none", lambda r: {"tokens": replace(r.tokens, accepted=("unsigned (alg none)",))}),
    "a claim nobody minds": ("SEC020", "without jti", lambda r: {"tokens": replace(r.tokens, optional=("jti",))}),
    "no rotation": ("SEC020", "stays good", lambda r: {"tokens": replace(r.tokens, rotates=False)}),
    "no reuse detection": ("SEC020", "ends no session", lambda r: {"tokens": replace(r.tokens, detects_reuse=False)}),
    "tokens that live for a day": ("SEC020", "86400 s", lambda r: {"tokens": replace(r.tokens, access_s=86_400)}),
    "a traceback": (
        "SEC021", "Traceback", lambda r: _asked(r, lambda one: _with_body(one, trace="Traceback (most"), fault=True),
    ),
    "the error's own words": (
        "SEC021", "injected", lambda r: _asked(r, lambda one: _with_body(one, detail="injected-fault-7c1f"), fault=True),
    ),
    "an error without a body": ("SEC021", "no JSON", lambda r: _asked(r, lambda one: replace(one, body=b"oops"), fault=True)),
    "an error that looks like success": (
        "SEC021", "status 200", lambda r: _asked(r, lambda one: replace(one, status=200), fault=True),
    ),
    "a header missing on errors": (
        "SEC022",
        "unknown path (404) lacks x-content-type-options",
        lambda r: _asked(r, lambda one: _without_header(one, "x-content-type-options"), path="/no/such/path"),
    ),
    "no HSTS": (
        "SEC022",
        "strict-transport-security",
        lambda r: _asked(r, lambda one: _without_header(one, "strict-transport-security"), path="/health"),
    ),
    "open metrics": ("SEC023", "/metrics answers 200", lambda r: _answers(r, "/metrics", 200)),
    "an open description": ("SEC023", "/schema/openapi.json", lambda r: _answers(r, "/schema/openapi.json", 200)),
    "a bare cookie": (
        "SEC030",
        "session (liveness) lacks secure, httponly, samesite, the prefix __Host-",
        lambda r: _asked(r, lambda one: _with_cookie(one, "session=1; Path=/"), path="/health"),
    ),
    "a cookie that scripts read": (
        "SEC030",
        "__Host-s (liveness) lacks httponly",
        lambda r: _asked(r, lambda one: _with_cookie(one, "__Host-s=1; Secure; SameSite=Lax; Path=/"), path="/health"),
    ),
    "unsigned webhooks": ("SEC031", "without HMAC", lambda _r: {"webhooks": Webhooks(has_hmac=False, has_timestamp=True)}),
    "silent denials": (
        "SEC032", "denied by permission", lambda r: {"audited": {**r.audited, "denied by permission": False}},
    ),
    "bodies of any size": ("SEC033", "any number of bytes", lambda r: {"limits": replace(r.limits, body_bytes=None)}),
    "a list without end": (
        "SEC033",
        "sales.list gives any number",
        lambda r: {"limits": replace(r.limits, pages={**r.limits.pages, "sales.list": None})},
    ),
    "pages of ten thousand": (
        "SEC033", "10000 rows", lambda r: {"limits": replace(r.limits, pages={**r.limits.pages, "sales.list": 10_000})},
    ),
    "uploads of anything": ("SEC033", "uploads", lambda r: {"limits": replace(r.limits, uploads=("*/*",))}),
    "bodies that are no JSON": (
        "SEC033", "text/xml", lambda r: {"limits": replace(r.limits, media_types=("application/json", "text/xml"))},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_one_thing_broken_in_the_application_fails_its_check_and_no_other(what, folder, real):
    check_id, told, change = BROKEN[what]
    target = target_on(folder, replace(real, **change(real)))
    assert unhappy(target) == {check_id}
    assert told in look(check_id, target).evidence


def test_a_guarded_cookie_is_fine(folder, real):
    cookie = "__Host-s=1; Secure; HttpOnly; SameSite=Strict; Path=/"
    broken = replace(real, **_asked(real, lambda one: _with_cookie(one, cookie), path="/health"))
    assert look("SEC030", target_on(folder, broken)).status is Status.PASS


def test_signed_webhooks_are_fine(folder, real):
    signed = replace(real, webhooks=Webhooks(has_hmac=True, has_timestamp=True))
    assert look("SEC031", target_on(folder, signed)).status is Status.PASS


# --- the real application, broken ---------------------------------------------------------------------------------------


class _Leak(Controller):
    """A route that somebody added without an operation."""

    path = "/api/v1/takings"

    @get("/")
    async def takings(self) -> dict[str, int]:
        return {"today": 100}


def test_a_route_without_an_operation_is_seen_by_asking_it(folder, monkeypatch):
    monkeypatch.setattr(api_app, "CONTROLLERS", (*api_app.CONTROLLERS, _Leak))
    target = target_on(folder, build_surface(production_settings()))
    assert unhappy(target) == {"SEC010", "SEC011", "SEC012"}
    assert "GET /api/v1/takings answers 200 without a token" in look("SEC010", target).evidence
    assert "GET /api/v1/takings" in look("SEC012", target).evidence


def test_the_description_is_open_in_development_only(folder, tmp_path):
    settings = load_settings(
        {
            "PRIMEPOS_ENV": "development",
            "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/none",
            "PRIMEPOS_DATA_DIR": str(tmp_path / "data"),
        },
        component="serve",
    )
    outcome = look("SEC023", target_on(folder, build_surface(settings)))
    assert outcome.status is Status.FAIL
    assert "/schema/openapi.json answers 200" in outcome.evidence


def test_the_throttle_store_is_judged_by_the_number_of_processes(folder, real):
    alone = target_on(folder, real, {"RATE_LIMIT_STORE": "memory"})
    text = (folder / "render.yaml").read_text()
    assert "numInstances: 2" in text
    assert unhappy(alone) == {"SEC019"}
    assert look("SEC019", alone).evidence == "store memory, 2 instances x 1 processes: each process counts for itself"
    (folder / "render.yaml").write_text(text.replace("numInstances: 2", "numInstances: 1"))
    assert look("SEC019", target_on(folder, real, {"RATE_LIMIT_STORE": "memory"})).status is Status.PASS


def test_the_committed_matrix_is_this_applications(real):
    assert (ROOT / access.SNAPSHOT).read_text() == matrix_text(real)


def test_a_missing_or_unreadable_matrix_is_no_matrix(folder, real):
    (folder / access.SNAPSHOT).write_text("[routes\n")
    assert "cannot be read" in look("SEC012", target_on(folder, real)).evidence
    (folder / access.SNAPSHOT).unlink()
    assert unhappy(target_on(folder, real)) == {"SEC012"}


def test_a_changed_line_of_the_matrix_is_named_with_its_place(folder, real):
    path = folder / access.SNAPSHOT
    line = next(one for one in path.read_text().splitlines() if one.startswith('"POST /api/v1/sales" '))
    path.write_text(path.read_text().replace(line, line.replace('"cashier", ', "").replace(', "cashier"', "")))
    outcome = look("SEC012", target_on(folder, real))
    assert outcome.evidence.startswith("POST /api/v1/sales: allow ")
    assert [one.path for one in outcome.places] == [access.SNAPSHOT]
    assert outcome.places[0].line is not None


def test_every_awaited_permission_exists(real):
    assert set(access.AWAITED) <= real.permissions


def test_every_open_route_has_its_reason_and_no_reason_is_left_over(real):
    served = {str(one) for one in real.routes if one.public or one.permission == "public"}
    assert served <= set(access.OPEN)
    assert set(access.OPEN) - served == {"GET /schema/openapi.json"}


# --- supplies -----------------------------------------------------------------------------------------------------------


def test_a_known_hole_is_named_with_what_mends_it(folder, real):
    write_audit(folder, holes={"litestar": [{"id": "PYSEC-2026-1", "fix_versions": ["9.9"], "aliases": []}]})
    target = target_on(folder, real)
    assert unhappy(target) == {"SEC024"}
    assert "PYSEC-2026-1 (fixed in 9.9)" in look("SEC024", target).evidence


def test_an_old_or_foreign_audit_proves_nothing(folder, real):
    write_audit(folder, age_days=9)
    assert "9 days old" in look("SEC024", target_on(folder, real)).evidence
    write_audit(folder)
    lock = (folder / "requirements.lock").read_text().replace("litestar==", "litestar==9.", 1)
    (folder / "requirements.lock").write_text(lock)
    assert "not about this requirements.lock: litestar" in look("SEC024", target_on(folder, real)).evidence
    told = [{"name": "litestar", "skip_reason": "Dependency not found on PyPI and could not be audited"}]
    (folder / "reports" / supplies.AUDIT).write_text(json.dumps({"dependencies": told, "fixes": []}))
    assert "pip-audit could not look at litestar" in look("SEC024", target_on(folder, real)).evidence
    (folder / "reports" / supplies.AUDIT).write_text("[]")
    assert look("SEC024", target_on(folder, real)).status is Status.FAIL
    (folder / "reports" / supplies.AUDIT).unlink()
    assert look("SEC024", target_on(folder, real)).status is Status.SKIPPED


def test_a_package_of_another_system_need_not_be_in_the_audit(folder, real):
    path = folder / "requirements.lock"
    path.write_text(path.read_text() + 'leftpad==1.0 ; sys_platform == "win32" \\\n    --hash=sha256:00\n')
    assert look("SEC024", target_on(folder, real)).status is Status.PASS
    path.write_text(path.read_text() + "rightpad==1.0 \\\n    --hash=sha256:00\n")
    assert "not about this requirements.lock: rightpad" in look("SEC024", target_on(folder, real)).evidence


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("leftpad>=1.0 \\\n    --hash=sha256:00\n", "leftpad is not pinned"),
        ("leftpad==1.0\n", "leftpad has no hash"),
        ("leftpad==2.0rc1 \\\n    --hash=sha256:00\n", "leftpad 2.0rc1 is no stable release"),
        (
            "leftpad==2.0.dev3 ; python_version > '3' \\\n    --hash=sha256:00\n",
            "leftpad 2.0.dev3 is no stable release",
        ),
    ],
)
def test_what_is_not_locked_is_named_with_its_line(line, told, folder, real):
    path = folder / "requirements-embedded.lock"
    count = len(path.read_text().splitlines())
    path.write_text(path.read_text() + line)
    target = target_on(folder, real)
    assert unhappy(target) == {"SEC025"}
    outcome = look("SEC025", target)
    assert told in outcome.evidence
    assert [str(one) for one in outcome.places] == [f"requirements-embedded.lock:{count + 1}"]


def test_a_licence_that_is_not_on_the_list_is_named(folder, real, monkeypatch):
    true = supplies.licence_of
    monkeypatch.setattr(supplies, "licence_of", lambda name: "AGPL-3.0" if name == "litestar" else true(name))
    target = target_on(folder, real)
    assert unhappy(target) == {"SEC026"}
    assert look("SEC026", target).evidence == "litestar: AGPL-3.0"


def test_tools_for_development_are_found_where_production_runs(folder, real, monkeypatch):
    monkeypatch.setenv("RENDER", "true")
    target = target_on(folder, real)
    assert "pytest" in supplies.installed()
    assert unhappy(target) == {"SEC027"}
    monkeypatch.setattr(supplies, "installed", lambda: {"litestar": "2.25.0"})
    assert look("SEC027", target).status is Status.PASS


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_a_key_file_that_everybody_may_read_is_named(folder, real):
    (folder / ".env").write_text("SECRET_KEY=x\n")
    (folder / ".env").chmod(0o644)
    target = target_on(folder, real)
    assert unhappy(target) == {"SEC029"}
    assert look("SEC029", target).evidence == ".env has mode 0644"
    (folder / ".env").chmod(0o600)
    assert look("SEC029", target).status is Status.PASS


# --- the scan of the source --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "def find(uow, name):\n    uow.rows(f\"SELECT * FROM users WHERE name = '{name}'\")",
        "def find(uow, name):\n    uow.rows('SELECT * FROM users WHERE name = ' + name)",
        "def find(uow, name):\n    uow.rows('SELECT * FROM users WHERE name = %s' % name)",
        "def find(uow, name):\n    uow.rows('SELECT * FROM users WHERE name = {}'.format(name))",
        "def find(uow, names):\n    sql = f'SELECT 1 FROM users WHERE name IN ({names})'\n    uow.rows(sql)",
        "def find(uow, by):\n    order = by\n    uow.rows(f'SELECT * FROM users ORDER BY {order}')",
        "def drop(cursor, name):\n    cursor.execute(f'DROP TABLE {name}')",
        "def act(cursor, verb):\n    cursor.execute(f'{verb} 1')",
        "def find(uow, values):\n    names = ', '.join(name for name in values)\n    uow.run(f'UPDATE t SET {names}')",
        "from sqlalchemy import text\ndef find(session, sql):\n    session.scalars(text(sql))",
        "from psycopg import sql\ndef find(cursor, name):\n    cursor.execute(sql.SQL(name))",
        "class A:\n    def find(self, uow, tenant):\n        return uow.rows(f'select id from sales where tenant = {tenant}')",
        "def find(uow, request):\n    uow.rows(f'SELECT * FROM t LIMIT {request.limit}')",
        "def find(uow, name):\n    sql = 'SELECT * FROM t'\n    sql += f' WHERE name = {name}'\n    uow.rows(sql)",
        "def find(uow, name):\n    w = []\n    w.append(f'n = {name}')\n    uow.rows('SELECT 1 FROM t WHERE ' + ' AND '.join(w))",
        "def find(uow, names):\n    for name in names:\n        uow.rows(f'SELECT * FROM {name}')",
        "def find(uow, names):\n    uow.rows('SELECT ' + ', '.join(f'(SELECT count(*) FROM {n})' for n in names))",
        "def find(uow, names):\n    uow.rows(' UNION '.join(f'SELECT 1 FROM {names}' for names in names))",
        "T = ('a',)\ndef find(uow, more):\n    uow.rows(' UNION '.join(f'SELECT 1 FROM {t} WHERE {more}' for t in T))",
        "OK = {'name'}\ndef act(uow, v, ok):\n    s = ', '.join(f'{n} = 1' for n in v if n in ok)\n    uow.run(f'UPDATE t SET {s}')",
        "def find(uow, name):\n    uow.rows('SELECT 1 FROM ' + ' '.join(name.split()))",
        "def find(uow, made, n):\n    s = made(n).as_string(None)\n    uow.rows(f'SELECT 1 FROM {s}')",
    ],
)  # fmt: skip
def test_sql_built_from_a_value_is_found(source):
    found = sql_built([Source("primepos/domain/new.py", source)])
    assert len(found) == 1
    assert found[0].path == "primepos/domain/new.py"
    assert found[0].function in {"find", "drop", "act"}


@pytest.mark.parametrize(
    "source",
    [
        "def find(uow, name):\n    uow.rows('SELECT * FROM users WHERE name = %s', (name,))",
        "_COLUMNS = 'id, name'\ndef find(uow):\n    uow.rows(f'SELECT {_COLUMNS} FROM users')",
        "def find(uow, most):\n    uow.rows(f'SELECT 1 FROM users LIMIT {int(most)}')",
        "def find(uow, down):\n    order = 'DESC' if down else 'ASC'\n    uow.rows(f'SELECT 1 FROM t ORDER BY id {order}')",
        "TABLES = ('a', 'b')\ndef find(uow):\n    for table in TABLES:\n        uow.rows(f'SELECT 1 FROM {table}')",
        "OK = {'name'}\ndef change(uow, v):\n    s = ', '.join(f'{n} = 1' for n in v if n in OK)\n    uow.run(f'UPDATE t SET {s}')",
        "from psycopg import sql\ndef f(c, n):\n    c.execute(sql.SQL('SELECT 1 FROM {}').format(sql.Identifier(n)))",
        "def find(uow, old):\n    w = ['a = 1']\n    if old:\n        w.append('b = 2')\n    uow.rows('SELECT 1 FROM t WHERE ' + ' AND '.join(w))",
        "def rows(cursor, sql, values):\n    cursor.execute(sql, values)",
        "def tell(name):\n    return f'Select {name} from the list, then update the price'",
        "def run(app, name):\n    app.run(name + '.list', {})",
        "T = ('a', 'b')\ndef find(uow):\n    s = ', '.join(f'(SELECT count(*) FROM {t}) AS {t}' for t in T)\n    uow.rows(f'SELECT {s}')",
        "OK = ('name',)\ndef change(uow, v):\n    s = ', '.join(f'{n} = 1' for n in OK if n in v)\n    uow.run(f'UPDATE t SET {s}')",
        "def find(uow, most):\n    uow.rows(' UNION '.join(f'SELECT {n} FROM t' for n in range(most)))",
        "LONG = ' '.join('SELECT 1  FROM t'.split())\ndef find(uow):\n    uow.rows(LONG + ' WHERE id = 1')",
        "from psycopg import sql\ndef find(uow, row):\n    s = ', '.join(sql.Identifier(n).as_string(None) for n in row)\n    uow.rows(f'SELECT {s} FROM t')",
        "def tell(log, names):\n    log.info(f'DROP of {len(names)} names', where=', '.join(names))",
    ],
)  # fmt: skip
def test_what_is_no_sql_from_a_value_is_left_alone(source):
    assert sql_built([Source("primepos/domain/new.py", source)]) == []


def test_sql_built_in_the_package_fails_its_check_with_the_place(folder, real, monkeypatch):
    found = (Found("primepos/domain/new.py", 3, "a statement is built from name", "find"),)
    monkeypatch.setattr(sql_scan, "package_sql", lambda: found)
    target = target_on(folder, real)
    assert unhappy(target) == {"SEC028"}
    outcome = look("SEC028", target)
    assert outcome.evidence == "primepos/domain/new.py:3: a statement is built from name"
    assert [str(one) for one in outcome.places] == ["primepos/domain/new.py:3"]


def test_a_session_made_elsewhere_fails_the_wall_between_tenants(folder, real, monkeypatch):
    source = Source("primepos/domain/new.py", "from sqlalchemy.orm import Session\ns = Session(bind)\n")
    assert source_scan.connections_made([source]) == [Found("primepos/domain/new.py", 2, "a session of its own")]
    monkeypatch.setattr(source_scan, "package_connections", lambda: tuple(source_scan.connections_made([source])))
    assert unhappy(target_on(folder, real)) == {"SEC013"}


def test_every_list_is_bounded_by_its_own_limit_and_a_limit_of_credit_is_none(real):
    named = {route.operation for route in real.routes if route.operation is not None}
    limited = {name for name in named if "limit" in OPERATIONS[name].input.__struct_fields__}
    assert limited - set(real.limits.pages) == {name for name in limited if not OPERATIONS[name].reads}
    assert limited - set(real.limits.pages) <= {"accounts.set_limit", "customers.reseal"}


def test_no_reviewed_statement_is_listed_that_is_gone():
    from primepos.deploy.catalogue.application.code import REVIEWED

    assert set(REVIEWED) <= {f"{one.path}:{one.function}" for one in sql_scan.package_sql()}


def test_production_settings_are_of_nobody_and_fit():
    one, other = production_settings(), production_settings()
    assert one.is_production
    assert one.secret_key.reveal() != other.secret_key.reveal()


def test_a_small_quota_is_not_taken_for_an_open_route(folder):
    settings = production_settings()
    small = replace(settings, rate_limit_api=RateLimit(3, 3600))
    target = target_on(folder, build_surface(small))
    assert look("SEC010", target).status is Status.PASS
    assert look("SEC018", target).evidence == "api 3 calls/3600 s per principal is 3 an hour"


def test_what_is_not_shown_is_still_told_apart():
    same = [f"table {name}" for name in "abcdefg"]
    assert listed(same[:5]) == "table a; table b; table c; table d; table e"
    assert listed(same).startswith("table a; table b; table c; table d; table e; and 2 more (")
    assert listed(same) == listed(list(same))
    assert listed(same) != listed([*same[:6], "table z"])
    assert not any(letter.isdigit() for letter in listed(same).rpartition("more")[2])


@pytest.mark.parametrize(
    ("scaling", "told"),
    [
        ("numInstances: 2", "2 instances x 1 processes"),
        ("scaling: {minInstances: 1, maxInstances: 5, targetCPUPercent: 60}", "5 instances x 1 processes"),
        ("numInstances: many", "1 instances x 1 processes"),
    ],
)
def test_the_most_instances_there_can_be_count(scaling, told, folder, real):
    text = (folder / "render.yaml").read_text()
    (folder / "render.yaml").write_text(text.replace("numInstances: 2", scaling))
    assert scale_of(target_on(folder, real)).told == told


def test_without_a_platforms_file_there_is_one_instance(folder, real):
    (folder / "render.yaml").unlink()
    assert scale_of(target_on(folder, real, {"WEB_CONCURRENCY": "3"})).processes == 3


# Broken by a test of their own, since a value of the surface is not what breaks them.
BY_HAND = {"SEC019", "SEC024", "SEC025", "SEC026", "SEC027", "SEC028", "SEC029"}


def test_every_check_is_broken_by_some_test():
    assert {check_id for check_id, _, _ in BROKEN.values()} | BY_HAND == {one.id for one in CHECKS}
