"""The part of OSCAL's assessment results that is written, as typed values; the names are NIST's.

An empty list is not allowed there, so whatever is empty is left out.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

VERSION = "1.2.1"
"""Of OSCAL."""


class Object(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="kebab"):
    pass


class Property(Object, frozen=True, kw_only=True):
    name: str
    ns: str
    value: str


class Link(Object, frozen=True, kw_only=True):
    href: str
    rel: str = ""


class Metadata(Object, frozen=True, kw_only=True):
    title: str
    last_modified: datetime
    version: str
    oscal_version: str
    props: tuple[Property, ...] = ()


class ImportPlan(Object, frozen=True, kw_only=True):
    href: str
    remarks: str


class Objective(Object, frozen=True, kw_only=True):
    """A control of the rehearsal, as an objective below one control of a standard."""

    id: str
    name: str
    ns: str
    title: str
    props: tuple[Property, ...]
    prose: str
    links: tuple[Link, ...] = ()


class LocalObjective(Object, frozen=True, kw_only=True):
    control_id: str
    parts: tuple[Objective, ...]


class LocalDefinitions(Object, frozen=True, kw_only=True):
    objectives_and_methods: tuple[LocalObjective, ...] = ()


class ControlId(Object, frozen=True, kw_only=True):
    control_id: str


class Selection(Object, frozen=True, kw_only=True):
    description: str
    include_controls: tuple[ControlId, ...] = ()


class Reviewed(Object, frozen=True, kw_only=True):
    control_selections: tuple[Selection, ...]


class Evidence(Object, frozen=True, kw_only=True):
    href: str
    description: str


class Observation(Object, frozen=True, kw_only=True):
    uuid: str
    title: str
    description: str
    props: tuple[Property, ...]
    methods: tuple[Literal["TEST"], ...]
    types: tuple[str, ...]
    relevant_evidence: tuple[Evidence, ...]
    collected: datetime
    remarks: str = ""


class State(Object, frozen=True, kw_only=True):
    state: Literal["satisfied", "not-satisfied"]
    reason: Literal["pass", "fail", "other"]
    remarks: str = ""


class Target(Object, frozen=True, kw_only=True):
    type: Literal["objective-id"]
    target_id: str
    status: State


class Related(Object, frozen=True, kw_only=True):
    observation_uuid: str


class Finding(Object, frozen=True, kw_only=True):
    uuid: str
    title: str
    description: str
    props: tuple[Property, ...]
    target: Target
    related_observations: tuple[Related, ...]


class Result(Object, frozen=True, kw_only=True):
    uuid: str
    title: str
    description: str
    start: datetime
    end: datetime
    props: tuple[Property, ...]
    reviewed_controls: Reviewed
    observations: tuple[Observation, ...] = ()
    findings: tuple[Finding, ...] = ()
    remarks: str = ""


class Hash(Object, frozen=True, kw_only=True):
    algorithm: str
    value: str


class ResourceLink(Object, frozen=True, kw_only=True):
    href: str
    hashes: tuple[Hash, ...] = ()


class Resource(Object, frozen=True, kw_only=True):
    uuid: str
    title: str
    rlinks: tuple[ResourceLink, ...]


class BackMatter(Object, frozen=True, kw_only=True):
    resources: tuple[Resource, ...]


class AssessmentResults(Object, frozen=True, kw_only=True):
    uuid: str
    metadata: Metadata
    import_ap: ImportPlan
    local_definitions: LocalDefinitions | None = None
    results: tuple[Result, ...]
    back_matter: BackMatter


class Document(Object, frozen=True, kw_only=True):
    assessment_results: AssessmentResults
