"""What extensions add to the rights that are asked for, and to the clients that must be there."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
import yaml

from fixtures.consent.rbac import manifest
from fixtures.consent.rights import Right, to_look, to_upgrade
from fixtures.core.errors import BadInput
from fixtures.run.opening.opener import Opener
from fixtures.scenario.model import Scenario
from fixtures.scenario.parts import ExtensionName, ExtensionSpec
from policies.releases.grammar import parse

SOURCE, TARGET = "edge-25.10.7", "edge-26.6.3"
RELEASES = (parse(SOURCE), parse(TARGET))
SPACE = "linkerd-multicluster"
LINKS = Right("list", "multicluster.linkerd.io", "links")


def test_multicluster_is_read_through_links_addresses_and_leases() -> None:
    with_it = set(to_look(extensions=["multicluster"]))

    more = with_it - set(to_look())

    assert LINKS in more
    assert Right("list", "", "endpoints") in more
    assert Right("list", "coordination.k8s.io", "leases", SPACE) in more
    assert not any(r.resource == "secrets" for r in more), "verify reads Secrets by name only"


def test_an_upgrade_of_multicluster_writes_what_its_manifest_holds() -> None:
    plain = set(to_upgrade(Scenario(), RELEASES))

    more = set(to_upgrade(Scenario(extensions=("multicluster",)), RELEASES)) - plain

    assert Right("list", "", "secrets", SPACE) in more, "credentials are found by their names"
    assert Right("patch", "policy.linkerd.io", "servers", SPACE) in more
    assert Right("create", "apps", "deployments", SPACE) in more


@pytest.mark.parametrize("suite", ["verify", "upgrade"])
def test_the_manifest_grants_the_reading_of_links_where_the_scenario_names_them(
    suite: Literal["verify", "upgrade"],
) -> None:
    scenario = Scenario(extensions=("multicluster",))

    text = manifest(suite, scenario, RELEASES)

    rules = [r for o in yaml.safe_load_all(text) for r in o.get("rules") or ()]
    assert any("links" in r["resources"] and "list" in r["verbs"] for r in rules)


def test_a_client_of_an_extension_apart_must_be_there_before_anything_starts(
    tmp_path: Path,
) -> None:
    """Stand-ins may not take its place, and nothing of the cluster was made."""
    tools = tmp_path / "tools"
    for release in (SOURCE, TARGET):
        program = tools / release / "linkerd"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho {release}\n")
        program.chmod(0o755)
    kubectl = tools / "kubectl"
    kubectl.write_text("""#!/bin/sh\necho '{"clientVersion": {"gitVersion": "v1.31.0"}}'\n""")
    kubectl.chmod(0o755)
    apart: dict[ExtensionName, ExtensionSpec] = {"viz": ExtensionSpec(to="edge-26.1.1")}
    scenario = Scenario(
        source_tag=SOURCE,
        destination_tag=TARGET,
        stand_ins="never",
        tools=str(tools),
        extensions=apart,
    )
    opener = Opener(scenario, tmp_path / "run", None, releases=RELEASES)

    with pytest.raises(BadInput, match=r"edge-26\.1\.1"):
        opener.cluster()

    assert not (tmp_path / "run").exists()
