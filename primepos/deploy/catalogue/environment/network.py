"""Who may reach what: hosts, origins, the database's address, proxies, the port."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from primepos.core.settings_frontend import API_URL
from primepos.deploy.blueprint import FILE
from primepos.deploy.catalogue.environment.judged import by_rule
from primepos.deploy.check import CRITICAL, HIGH, LOW, Outcome, Place, check, failed, passed, skipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.deploy.target import Target

PLATFORM_DOMAIN = ".onrender.com"
PROBE = "/health/"
_SOME_HOST = "probe.invalid"
_OK = 200
NO_DATABASE = "ENV009"


@check(
    "ENV006", CRITICAL, rule="ALLOWED_HOSTS names the API's hosts", remedy="ALLOWED_HOSTS=api.shop.test",
    anchor="Django security.W020",
)  # fmt: skip
def hosts_are_named(target: Target) -> Outcome:
    """Without a list every request is refused, or every host is believed."""
    return by_rule(target, "ENV006", "ALLOWED_HOSTS")


@check(
    "ENV007", HIGH, rule="Allowed hosts are public names: no wildcard, scheme, port, path, address or placeholder",
    remedy="Write the bare host, such as api.shop.test.",
)  # fmt: skip
def hosts_are_public_names(target: Target) -> Outcome:
    """A wildcard believes whatever host a request claims, and links in mails follow it."""
    return by_rule(target, "ENV007", "ALLOWED_HOSTS", after="ENV006")


@check(
    "ENV008", HIGH, rule="Allowed hosts hold every domain of render.yaml and the host that the frontend calls",
    remedy="Add what is missing to ALLOWED_HOSTS.", anchor="Render health checks",
)  # fmt: skip
def hosts_cover_the_domains(target: Target) -> Outcome:
    """A domain that leads to the server and is not on its list answers 400 to everybody."""
    if any(one.rule == "ENV006" for one in target.examination.problems):
        return skipped("cannot be looked at before ENV006 holds")
    hosts = set(target.examination.values["ALLOWED_HOSTS"])
    wanted = dict(_wanted_hosts(target))
    missing = [host for host in wanted if host not in hosts]
    told = [f"{host} is not in ALLOWED_HOSTS" for host in missing]
    places = [place for host in missing if (place := wanted[host]) is not None]
    if not _probes_reach(target, hosts):
        told.append(f"health probes are refused: no *{PLATFORM_DOMAIN} name in ALLOWED_HOSTS")
    if told:
        return failed("; ".join(told), *places)
    return passed(f"{', '.join(wanted) or 'no domain is declared'}; health routes answer for the platform's host")


def _wanted_hosts(target: Target) -> Iterator[tuple[str, Place | None]]:
    blueprint = target.blueprint
    for service in blueprint.ours("web"):
        domains = service.says.get("domains")
        for number, domain in enumerate(domains if isinstance(domains, list) else ()):
            yield str(domain).lower(), Place(FILE, blueprint.line((*service.at, "domains", number)))
        if isinstance(service.says.get("domain"), str):
            yield service.says["domain"].lower(), Place(FILE, blueprint.line((*service.at, "domain")))
    url = (target.frontend or {}).get(API_URL, "")
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return
    if host:
        yield host, None


def _probes_reach(target: Target, hosts: set[str]) -> bool:
    """Whether the platform's probe is answered: by the name it uses, or because probes are answered for any host."""
    if any(host.endswith(PLATFORM_DOMAIN) for host in hosts):
        return True
    if target.make_surface is None:
        return bool(target.examination.platform.external_hostname)
    return target.surface.ask("GET", PROBE, headers={"host": _SOME_HOST}).status == _OK


@check(
    "ENV009", CRITICAL, rule="DATABASE_URL (or DB_*) is a PostgreSQL address with user, host and database",
    remedy="DATABASE_URL=postgresql://user:password@host:5432/name, reserved characters percent-encoded",
    anchor="Enlightn DatabaseStatus",
)  # fmt: skip
def database_is_named(target: Target) -> Outcome:
    """Where the books are kept is never guessed."""
    return by_rule(target, NO_DATABASE, "DATABASE_URL")


@check(
    "ENV010", CRITICAL, rule="The database is not on this machine, nor on an example host",
    remedy="Take the managed database's address: fromDatabase in render.yaml.",
)  # fmt: skip
def database_is_remote(target: Target) -> Outcome:
    """A platform's disk is empty again after the next deploy."""
    return by_rule(target, "ENV010", "DATABASE_URL", after=NO_DATABASE)


@check(
    "ENV011", HIGH, rule="DB_* and DATABASE_URL say the same where both are set",
    remedy="Remove one or the other.",
)  # fmt: skip
def database_parts_agree(target: Target) -> Outcome:
    """Two addresses that differ: one day the wrong one is used."""
    return by_rule(target, "ENV011", "DATABASE_URL", after=NO_DATABASE)


@check(
    "ENV012", HIGH, rule="The database's password has 16 characters or more and is no default",
    remedy="Let the platform make it, or use `openssl rand -base64 24`.", anchor="ASVS 13.2.3",
)  # fmt: skip
def database_password_is_strong(target: Target) -> Outcome:
    """The password may be all that stands before the books."""
    return by_rule(target, "ENV012", "DATABASE_URL", after=NO_DATABASE)


@check(
    "ENV013", HIGH, rule="A database with a public name is reached over TLS",
    remedy="DB_SSLMODE=require, or verify-full with the server's certificate", anchor="Render PostgreSQL",
)  # fmt: skip
def database_is_reached_over_tls(target: Target) -> Outcome:
    """The default, prefer, falls back to plain text when somebody in the middle asks for it."""
    return by_rule(target, "ENV013", "DATABASE_URL", "DB_SSLMODE", after=NO_DATABASE)


@check(
    "ENV014", CRITICAL, rule="CORS_ALLOWED_ORIGINS holds exact origins: no path, no wildcard, no null",
    remedy="CORS_ALLOWED_ORIGINS=https://pos.shop.test", anchor="MDN Observatory CORS, ASVS 3.4.2",
)  # fmt: skip
def origins_are_exact(target: Target) -> Outcome:
    """A wildcard lets every page of the web call the API."""
    return by_rule(target, "ENV014", "CORS_ALLOWED_ORIGINS")


@check(
    "ENV015", HIGH, rule="Origins are https and nobody's machine, platform or example",
    remedy="List the frontend's own https origin.",
)  # fmt: skip
def origins_are_public(target: Target) -> Outcome:
    """Whoever runs something on localhost, or hosts on the same platform, would be let in."""
    return by_rule(target, "ENV015", "CORS_ALLOWED_ORIGINS", after="ENV014")


@check(
    "ENV027", LOW, rule="PORT is a number and HOST lets the platform's router in",
    remedy="Leave HOST unset on Render; the platform sets PORT.", anchor="Render web services",
)  # fmt: skip
def server_listens_for_the_platform(target: Target) -> Outcome:
    """A server on the loopback address is never found by its router."""
    return by_rule(target, "ENV027", "HOST", "PORT")


@check(
    "ENV028", HIGH, rule="TRUSTED_PROXIES is the platform's preset behind Render, and never *",
    remedy="TRUSTED_PROXIES=render",
)  # fmt: skip
def proxies_are_named(target: Target) -> Outcome:
    """Trusting everybody lets a client choose its address; trusting nobody throttles all clients as one."""
    return by_rule(target, "ENV028", "TRUSTED_PROXIES")


@check(
    "ENV030", HIGH, rule="PUBLIC_BASE_URL and FRONTEND_URL are https and lead to hosts and origins that are allowed",
    remedy="Correct the address, or add its host to ALLOWED_HOSTS or CORS_ALLOWED_ORIGINS.",
)  # fmt: skip
def links_lead_somewhere(target: Target) -> Outcome:
    """Links in mails are made from them."""
    return by_rule(target, "ENV030", "PUBLIC_BASE_URL", "FRONTEND_URL")
