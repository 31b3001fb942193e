"""The one place that loads environs: every declared parser becomes one of its methods, all errors come at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from environs import Env, EnvError, EnvValidationError

from primepos.core.settings_registry import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class _MappingEnv(Env):
    """An Env that reads the texts it is given instead of the process's variables."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self._texts = texts

    def _get_value(self, env_key: str, default: Any) -> Any:
        return self._texts.get(env_key, default)


def parse_all(texts: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values of registered variables and, for those that cannot be read, what is wrong."""
    env = _MappingEnv(texts)
    for name in texts:
        env.add_parser(_method(name), _environs_parser(BY_NAME[name].parse))
        getattr(env, _method(name))(name)
    wrong: dict[str, str] = {}
    try:
        env.seal()
    except EnvValidationError as error:
        messages = error.error_messages
        wrong = {name: "; ".join(told) for name, told in dict(messages).items()}  # type: ignore[arg-type]  # a mapping, since seal() raised it
    return {name: env._values[name] for name in texts if name in env._values}, wrong  # noqa: SLF001 - its own subclass


def _method(name: str) -> str:
    return f"primepos_{name.lower()}"


def _environs_parser(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let a parser's ValueError count as environs' own, so that it is collected instead of raised."""

    def parser(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise EnvError(str(error)) from None

    return parser
