"""Settings from flags, environment and a YAML file, described once by a frozen struct.

A server's config is a msgspec Struct whose fields are ``Annotated[type, Meta(description=...)]``.
Each field ``data_dir`` of server ``master`` can be given as the flag ``--data-dir``, as
``ORCHESTRATOR_MASTER_DATA_DIR`` or as the key ``data_dir`` of the file named with ``--config``; the
first of these that is present wins, then the default. Every value given is checked, also one that
loses, and what is wrong ends the program with one sentence that names where it came from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click
import msgspec
from msgspec import inspect
from msgspec.structs import FieldInfo

Config = TypeVar("Config", bound=msgspec.Struct)
Result = TypeVar("Result")


class ConfigError(ValueError):
    """A setting is wrong; the text is one sentence that names its source."""


class Setting(NamedTuple):
    """One field of a config as its users see it; ``default`` is "" where there is none to name."""

    name: str
    flag: str
    variable: str
    default: str
    description: str


def settings_of(kind: type[msgspec.Struct], server: str) -> list[Setting]:
    """Everything that can be set on a server, in the order of its fields."""
    return [
        Setting(
            field.name,
            _flag(field.name),
            _variable(server, field.name),
            _default(field),
            _description(field.type),
        )
        for field in msgspec.structs.fields(kind)
    ]


def configured(
    kind: type[Config], server: str
) -> Callable[[Callable[[Config], Result]], Callable[..., Result]]:
    """Give a function of one config the click options of all its fields, and ``--config``.

    Use below ``@click.command()``. Wrong settings become click's usage error (exit code 2).
    """

    def decorate(run: Callable[[Config], Result]) -> Callable[..., Result]:
        def command(config: Path | None, **flags: object) -> Result:
            try:
                return run(load(kind, server, flags=flags, env=os.environ, file=config))
            except ConfigError as error:
                raise click.UsageError(str(error)) from None

        command.__name__, command.__doc__ = run.__name__, run.__doc__
        return _with_options(command, kind, server)

    return decorate


def load(
    kind: type[Config],
    server: str,
    *,
    flags: Mapping[str, object],
    env: Mapping[str, str],
    file: Path | None = None,
) -> Config:
    """Collect the settings of one server; a flag that is None was not given. Raises ConfigError."""
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    values = _from_file(fields, file) if file is not None else {}
    values |= _from_env(fields, server, env)
    values |= {
        name: _parsed(fields[name], value, _flag(name))
        for name, value in flags.items()
        if value is not None
    }
    _require(fields.values(), values, server)
    try:
        return kind(**values)
    except ValueError as error:  # what the struct's own __post_init__ says
        raise ConfigError(str(error)) from None


def _from_env(
    fields: Mapping[str, FieldInfo], server: str, env: Mapping[str, str]
) -> dict[str, object]:
    names = {name: _variable(server, name) for name in fields}
    return {
        name: _parsed(fields[name], env[variable], variable)
        for name, variable in names.items()
        if variable in env
    }


def _from_file(fields: Mapping[str, FieldInfo], file: Path) -> dict[str, object]:
    values = {}
    for key, value in _read(file).items():
        name = str(key).replace("-", "_")
        if name not in fields:
            raise ConfigError(f"{file}: unknown key {key!r}; known are {', '.join(fields)}")
        values[name] = _converted(fields[name], value, f"{file}: {key}")
    return values


def _read(file: Path) -> dict[object, object]:
    try:
        content = _yaml(file.read_text())
    except OSError as error:
        raise ConfigError(f"cannot read the config file {file}: {error.strerror}") from None
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"the config file {file} is not valid YAML: {reason}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"the config file {file} must hold keys and values")
    return content


def _parsed(field: FieldInfo, value: object, source: str) -> object:
    """Convert what came as text: lists with commas between, or as YAML like mappings."""
    shape = _shape(field.type)
    if not isinstance(value, str):
        return _converted(field, value, source)
    if value.lstrip()[:1] in ("[", "{") and not isinstance(shape, inspect.StrType):
        return _converted(field, _yaml_value(value, source), source)
    if isinstance(shape, inspect.CollectionType):
        return _converted(field, [part.strip() for part in value.split(",") if part], source)
    return _converted(field, value, source)


def _yaml_value(text: str, source: str) -> object:
    try:
        return _yaml(text)
    except ValueError:
        raise ConfigError(f"{source}: {text!r} is not valid YAML") from None


def _yaml(text: str) -> object:
    """What it says. Raises ValueError."""
    import yaml  # noqa: PLC0415 - half a megabyte that a probe set by flags has no use for

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def _converted(field: FieldInfo, value: object, source: str) -> object:
    try:
        return msgspec.convert(value, field.type, strict=False, dec_hook=_decode)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        reason = str(error).replace("`", "")
        reason = reason[:1].lower() + reason[1:]
        raise ConfigError(f"{source}: {value!r} is not valid: {reason}") from None


def _decode(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str) and value:
        return Path(value).expanduser()
    raise ValueError(f"expected a {kind.__name__.lower()}")


def _require(fields: Iterable[FieldInfo], values: Mapping[str, object], server: str) -> None:
    for field in fields:
        if field.required and field.name not in values:
            places = f"{_flag(field.name)}, {_variable(server, field.name)} or the config file"
            raise ConfigError(f"{field.name} is not set: give it with {places}")


def _with_options(
    command: Callable[..., Result], kind: type[msgspec.Struct], server: str
) -> Callable[..., Result]:
    shapes = {field.name: _shape(field.type) for field in msgspec.structs.fields(kind)}
    for setting in reversed(settings_of(kind, server)):
        command = _option(setting, shapes[setting.name])(command)
    config_file = click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="YAML file with any of these settings (data_dir: ...).",
    )
    return config_file(command)


def _option(
    setting: Setting, shape: inspect.Type
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    is_switch = isinstance(shape, inspect.BoolType)
    default = f" [default: {setting.default}]" if setting.default else ""
    return click.option(
        f"{setting.flag}/--no-{setting.flag[2:]}" if is_switch else setting.flag,
        setting.name,
        default=None,
        metavar=None if is_switch else setting.name.rsplit("_", 1)[-1].upper(),
        help=f"{setting.description}{default} [env: {setting.variable}]",
    )


def _default(field: FieldInfo) -> str:
    """As it would be written; one that is made anew each time depends on where it is made."""
    default = field.default
    if default is msgspec.NODEFAULT or default is None or default in ("", ()):
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)


def _description(annotated: object) -> str:
    metas = getattr(annotated, "__metadata__", ())
    return next((m.description for m in metas if getattr(m, "description", None)), "")


def _shape(annotated: Any) -> inspect.Type:
    """What kind of value it is, without constraints and without being optional."""
    shape = inspect.type_info(annotated)
    while isinstance(shape, inspect.Metadata):
        shape = shape.type
    if isinstance(shape, inspect.UnionType):
        others = [t for t in shape.types if not isinstance(t, inspect.NoneType)]
        return others[0] if len(others) == 1 else shape
    return shape


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _variable(server: str, name: str) -> str:
    return f"ORCHESTRATOR_{server}_{name}".upper()
