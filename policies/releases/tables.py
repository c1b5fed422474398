"""The shapes of the data files, as they lie on disk."""

from __future__ import annotations

import msgspec

from policies.releases.types import Advice, Documented

Row = tuple[str, str, str]
"""tag, date, commit"""


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class LogicalTable(Table, frozen=True, kw_only=True):
    version: str
    anchor: str
    anchor_source: str = ""
    announced: str = ""
    edges: tuple[Row, ...] = ()
    stables: tuple[Row, ...] = ()
    version_tag: Row | None = None


class IrregularityTable(Table, frozen=True, kw_only=True):
    missing_numbers: tuple[str, ...]
    months_without_edge: tuple[str, ...]
    month_differs_from_date: tuple[str, ...]
    named_in_documentation_without_tag: tuple[str, ...]
    version_tag_is_not_its_anchor: tuple[str, ...]
    wrong_grammar: tuple[Row, ...]
    other_tags: tuple[str, ...]


class Tags(Table, frozen=True, kw_only=True):
    source: str
    anchor_table: str = ""
    logical: tuple[LogicalTable, ...]
    irregularities: IrregularityTable | None = None


class Transitions(Table, frozen=True, kw_only=True):
    """(edge, value from that edge on), in order of the edges."""

    source: str
    transitions: tuple[tuple[str, str], ...]


class CodeTable(Transitions, frozen=True, kw_only=True):
    stables: tuple[tuple[str, str], ...]


class Defaults(Table, frozen=True, kw_only=True):
    source: str
    native_sidecar: Transitions | None = None
    install_gateway_api: Transitions | None = None
    chart_kubernetes: Transitions | None = None
    proxy_init: Transitions | None = None
    proxy_build: Transitions | None = None


class KubernetesTable(Table, frozen=True, kw_only=True):
    code: CodeTable | None = None
    documented: tuple[Documented, ...] = ()
    tested: tuple[dict[str, str], ...] = ()


class AdviceTable(Table, frozen=True, kw_only=True):
    roundups_end: str = ""
    advice: tuple[Advice, ...]


class GatewayRow(Table, frozen=True, kw_only=True):
    logical: str
    minimum: str
    maximum: str
    shipped: str = ""
    versions: tuple[str, ...] = ()


class GatewayTable(Table, frozen=True, kw_only=True):
    source: str
    range: tuple[GatewayRow, ...]


class SetRow(Table, frozen=True, kw_only=True):
    component: str
    anchors: tuple[str, ...]
    keys: tuple[str, ...]


class Conditional(Table, frozen=True, kw_only=True):
    value: str
    default: str
    objects: tuple[str, ...]
    note: str = ""


class InventoryTable(Table, frozen=True, kw_only=True):
    source: str
    cli_only: tuple[str, ...] = ()
    components: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    set: tuple[SetRow, ...] = ()
    conditional: tuple[Conditional, ...] = ()


class CrdRow(Table, frozen=True, kw_only=True):
    name: str
    anchors: tuple[str, ...]
    versions: tuple[str, ...]
    bundle: str = ""


class CrdTable(Table, frozen=True, kw_only=True):
    source: str
    crd: tuple[CrdRow, ...]


class ImageRow(Table, frozen=True, kw_only=True):
    tag: str
    proxy_build: str
    proxy_init: str
    policy_controller: str
    cni_plugin: str
    viz_prometheus: str
    native_sidecar: bool


class ImageTable(Table, frozen=True, kw_only=True):
    source: str
    registry: str
    images: tuple[ImageRow, ...]
