"""The part of SARIF 2.1.0 that is written, as typed values; names are those of the standard."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from reports.model.report import Counts

Level = Literal["error", "warning", "note"]
Properties = dict[str, str | bool | tuple[str, ...] | Counts]
"""A property bag (3.8): what the standard has no field for."""


class Object(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    pass


class Message(Object, frozen=True, kw_only=True):
    text: str
    markdown: str = ""


class Help(Object, frozen=True, kw_only=True):
    text: str
    markdown: str


class Rule(Object, frozen=True, kw_only=True):
    id: str
    short_description: Message
    full_description: Message
    help_uri: str | None = None
    help: Help
    default_configuration: dict[str, Level]
    properties: Properties


class Driver(Object, frozen=True, kw_only=True):
    name: str
    version: str
    rules: tuple[Rule, ...]


class Tool(Object, frozen=True, kw_only=True):
    driver: Driver


class Reference(Object, frozen=True, kw_only=True):
    id: str


class Notification(Object, frozen=True, kw_only=True):
    level: Level
    message: Message
    associated_rule: Reference | None = None


class Invocation(Object, frozen=True, kw_only=True):
    execution_successful: bool
    exit_code: int
    start_time_utc: datetime
    end_time_utc: datetime
    tool_execution_notifications: tuple[Notification, ...]


class ArtifactLocation(Object, frozen=True, kw_only=True):
    uri: str


class Region(Object, frozen=True, kw_only=True):
    start_line: int


class PhysicalLocation(Object, frozen=True, kw_only=True):
    artifact_location: ArtifactLocation
    region: Region


class LogicalLocation(Object, frozen=True, kw_only=True):
    fully_qualified_name: str


class Location(Object, frozen=True, kw_only=True):
    physical_location: PhysicalLocation
    logical_locations: tuple[LogicalLocation, ...] = ()


class Result(Object, frozen=True, kw_only=True):
    rule_id: str
    rule_index: int
    level: Level
    message: Message
    locations: tuple[Location, ...]
    partial_fingerprints: dict[str, str]
    properties: Properties


class Run(Object, frozen=True, kw_only=True):
    tool: Tool
    invocations: tuple[Invocation, ...]
    results: tuple[Result, ...]
    """Empty where nothing is violated; null would mean that nobody looked (3.14.23)."""
    properties: Properties


class Log(Object, frozen=True, kw_only=True):
    version: Literal["2.1.0"]
    schema: str = msgspec.field(name="$schema")
    runs: tuple[Run, ...]
