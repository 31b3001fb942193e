"""How a release gets out and what runs: commands, probes, shutdown, schedule, when a deploy begins."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from primepos.core.settings_registry import BY_NAME
from primepos.deploy.blueprint import CONTAINERS
from primepos.deploy.catalogue.platform.look import Look, blueprint_check, counted
from primepos.deploy.check import CRITICAL, HIGH, MEDIUM, Outcome, not_applicable

if TYPE_CHECKING:
    from primepos.deploy.blueprint import Resource

PROBES = frozenset({"/health", "/health/", "/health/ready", "/health/ready/"})
MIGRATING = (["primepos", "release"], ["primepos", "migrate", "up"])
SERVING = ["primepos", "serve"]
WORKING = ["primepos", "worker"]
PASSES_BY = "--skip-gate"
SHELL = ("&&", "||", "|", ";", "&", ">", "<", "`", "$(")
RENDER_DELAY_S = 30
# Half a minute of grace: primepos/worker.py, which this floor does not import.
WORKER_DRAIN_S = 30
_CRON_FIELD = re.compile(r"(\*|[0-9A-Za-z]+(-[0-9A-Za-z]+)?)(/[0-9]+)?(,(\*|[0-9A-Za-z]+(-[0-9A-Za-z]+)?)(/[0-9]+)?)*")
_CRON_LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


# A database that is not there makes readiness say 503; whatever needs a token says 401.
_PROBE_ANSWERS = frozenset({200, 503})


def _before(service: Resource) -> str:
    said = service.says.get("preDeployCommand")
    return said.strip() if isinstance(said, str) else ""


def _begins(command: str, *beginnings: list[str]) -> bool:
    """Whether a command is one of these, whatever follows."""
    words = command.split()
    return any(words[: len(one)] == one for one in beginnings)


@blueprint_check(
    "RND042", CRITICAL, rule="Each web service is probed at a route that anybody may GET",
    remedy="healthCheckPath: /health/", anchor="Render health checks",
)  # fmt: skip
def web_is_probed(look: Look) -> str:
    """Without a probe a broken release takes the place of a good one; at a wrong path a good one never starts."""
    for service in look.blueprint.of_type("web"):
        path = service.says.get("healthCheckPath")
        if not isinstance(path, str) or not path:
            look.wrong(service.at, "has no healthCheckPath")
        elif service.is_ours and not _is_probe(look, path):
            look.wrong((*service.at, "healthCheckPath"), f"is {path}, which is no public GET route")
    return counted(str(one.says.get("healthCheckPath")) for one in look.blueprint.of_type("web"))


def _is_probe(look: Look, path: str) -> bool:
    if look.target.make_surface is None:
        return path in PROBES
    return path.startswith("/") and look.target.surface.ask("GET", path).status in _PROBE_ANSWERS


@blueprint_check(
    "RND043", MEDIUM, rule="healthCheckPath stands at web services only, maxShutdownDelaySeconds not at cron jobs",
    remedy="Remove the key: nothing probes a worker, and a cron job has no shutdown delay.",
    anchor="Render blueprint specification",
)  # fmt: skip
def probes_fit_their_service(look: Look) -> str:
    """The published schema takes the first of them without a word."""
    for service in look.blueprint.of_type("worker", "pserv"):
        if "healthCheckPath" in service.says:
            look.wrong((*service.at, "healthCheckPath"), f"stands at a {service.type}, which nothing probes")
    return f"{len(look.blueprint.services)} services"


@blueprint_check(
    "RND044", CRITICAL, rule="The start command listens on 0.0.0.0 at the port the platform names",
    remedy="startCommand: primepos serve (it reads PORT and listens on 0.0.0.0 on Render)",
    anchor="Render web services",
)  # fmt: skip
def web_listens_where_it_is_asked(look: Look) -> str:
    """A server on another port, or on the loopback address, is never found: the deploy times out."""
    for service in look.blueprint.ours("web"):
        key = "dockerCommand" if service.runtime in CONTAINERS else "startCommand"
        command = service.command
        at = (*service.at, key)
        if not command and key == "startCommand":
            look.wrong(service.at, "has no startCommand")
        elif _begins(command, SERVING):
            _own_server(look, at, command)
        elif command and ("$PORT" not in command.replace("{", "").replace("}", "") or "0.0.0.0" not in command):  # noqa: S104 - compared, not bound
            look.wrong(at, f"is {command!r}: it does not listen on 0.0.0.0 at $PORT")
    return counted(one.command for one in look.blueprint.ours("web"))


def _own_server(look: Look, at: tuple[str | int, ...], command: str) -> None:
    try:
        words = shlex.split(command)
    except ValueError:
        look.wrong(at, f"is {command!r}: its quotes do not match")
        return
    for option in ("--host", "--port"):
        given = next((word for word in words if word == option or word.startswith(f"{option}=")), None)
        if given is None:
            continue
        value = given.partition("=")[2] or next(iter(words[words.index(given) + 1 :]), "")
        if value.strip("{}") not in {"$PORT", "${PORT", "0.0.0.0"}:  # noqa: S104 - compared, not bound
            look.wrong(at, f"fixes {option} to {value}: leave it to the environment")


@blueprint_check(
    "RND045", CRITICAL, rule="The web service's preDeployCommand migrates, as one command without shell operators",
    remedy="preDeployCommand: primepos release", anchor="a measured Render deploy",
)  # fmt: skip
def release_is_one_command(look: Look) -> str:
    """Render splits the line into words and runs the first: `a && b` hands `&&` and `b` to a."""
    for service in look.blueprint.ours("web"):
        command = _before(service)
        at = (*service.at, "preDeployCommand")
        if not command:
            look.wrong(service.at, "has no preDeployCommand: the new release would meet the old schema")
        elif used := [one for one in SHELL if one in command]:
            look.wrong(at, f"is {command!r}: {used[0]} means nothing without a shell")
        elif not _begins(command, *MIGRATING):
            look.wrong(at, f"is {command!r}, which does not migrate")
        elif PASSES_BY in command.split():
            look.wrong(at, f"is {command!r}: {PASSES_BY} is for one bad night, not for every deploy")
    return counted(_before(one) for one in look.blueprint.ours("web"))


@blueprint_check(
    "RND057", MEDIUM, rule="A deploy begins when the checks of the commit have passed",
    remedy="autoDeployTrigger: checksPass", anchor="Render blueprint specification",
)  # fmt: skip
def deploys_wait_for_checks(look: Look) -> str:
    """Anything else puts a commit live that its own tests refuse."""
    services = look.blueprint.of_type("web", "worker", "pserv", "cron")
    for service in services:
        trigger = service.says.get("autoDeployTrigger")
        if trigger is None:
            look.wrong(service.at, "has no autoDeployTrigger: it deploys at every commit")
        elif trigger == "commit":
            look.wrong((*service.at, "autoDeployTrigger"), "is commit: it does not wait for checks")
    return counted(str(one.says.get("autoDeployTrigger")) for one in services)


@blueprint_check(
    "RND060", MEDIUM, rule="maxShutdownDelaySeconds is 1 to 300 and longer than the application needs to finish",
    remedy="Raise maxShutdownDelaySeconds above GRACEFUL_TIMEOUT_SECONDS.", anchor="Render blueprint specification",
)  # fmt: skip
def shutdown_is_long_enough(look: Look) -> str:
    """Whatever still runs when the delay is over is killed."""
    told = {one.at for one in look.found}
    seen = []
    for service in look.blueprint.ours("web", "worker"):
        at = (*service.at, "maxShutdownDelaySeconds")
        delay = service.says.get("maxShutdownDelaySeconds", RENDER_DELAY_S)
        if at in told or not isinstance(delay, int):
            continue
        needed = _drain_s(look, service)
        seen.append(f"{service.name} {delay} s for {needed} s")
        if delay <= needed:
            look.wrong(at, f"is {delay} s, the application may need {needed} s")
    return ", ".join(seen)


def _drain_s(look: Look, service: Resource) -> int:
    """Return how long a service finishes what it has begun: as the file says, else the deployment, else the default."""
    if service.type == "worker":
        return WORKER_DRAIN_S
    name = "GRACEFUL_TIMEOUT_SECONDS"
    entry = look.blueprint.variables(service).get(name)
    said = str(entry.value) if entry is not None and entry.how == "value" else ""
    if said.isascii() and said.isdigit():
        return int(said)
    found = look.target.examination.values.get(name)
    return found if isinstance(found, int) else int(BY_NAME[name].default or 0)


@blueprint_check(
    "RND061", MEDIUM, rule="A cron job's schedule has five quoted fields, and the file says that they are UTC",
    remedy='schedule: "15 2 * * *"  # UTC', anchor="Render cron jobs",
)  # fmt: skip
def schedule_is_clear(look: Look) -> str | Outcome:
    """Unquoted, a leading asterisk is an alias; and nobody reads 2 o'clock as UTC unless told."""
    jobs = look.blueprint.of_type("cron")
    if not jobs:
        return not_applicable("no cron job")
    told = {one.at for one in look.found}
    lines = look.blueprint.text.splitlines()
    for job in jobs:
        at = (*job.at, "schedule")
        schedule = job.says.get("schedule")
        if at in told or not isinstance(schedule, str):
            continue
        mark = look.blueprint.marks[at]
        if problem := _schedule_problem(schedule):
            look.wrong(at, problem)
        elif not mark.quoted:
            look.wrong(at, f"is {schedule} without quotes")
        elif not any("UTC" in line.partition("#")[2] for line in lines[max(mark.line - 3, 0) : mark.line]):
            look.wrong(at, f"is {schedule} and no comment beside it says that this is UTC")
    return counted(f"{job.name} at {job.says.get('schedule')} UTC" for job in jobs)


def _schedule_problem(schedule: str) -> str | None:
    fields = schedule.split()
    if len(fields) != len(_CRON_LIMITS):
        return f"is {schedule!r}: {len(fields)} fields, not five"
    for text, (least, most) in zip(fields, _CRON_LIMITS, strict=True):
        if not _CRON_FIELD.fullmatch(text):
            return f"is {schedule!r}: {text!r} is no field of a schedule"
        numbers = [int(one) for one in re.findall(r"(?<!/)\b[0-9]+", text)]
        if any(not least <= one <= most for one in numbers):
            return f"is {schedule!r}: {text} is not within {least}-{most}"
    return None


@blueprint_check(
    "RND064", HIGH, rule="A worker runs the background jobs",
    remedy="Add a service of type worker with startCommand: primepos worker", anchor="audit, gap 5",
)  # fmt: skip
def jobs_have_a_worker(look: Look) -> str:
    """Without one, reports and mails wait for ever."""
    workers = [one for one in look.blueprint.ours("worker") if _begins(one.command, WORKING)]
    beside = [one for one in look.blueprint.ours("web") if "--with-worker" in one.command.split()]
    if not workers and not beside:
        look.wrong(("services",), f"hold none that runs `{' '.join(WORKING)}`")
    return ", ".join(one.name for one in (*workers, *beside))
