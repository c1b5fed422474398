from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from policies.facts.cluster import ClusterFacts
from policies.planning.path import Plan
from policies.releases.versions import Version, logical
from policies.skew.rule import judge, may_move_to, never_more_than_one, no_proxy_ahead
from suites.policy import strategies as sts


@given(st.data())
def test_pods_may_restart_in_any_order_on_every_hop(data: st.DataObject) -> None:
    found = data.draw(sts.plans())
    proxies = [found.source] * 4
    for hop in found.hops:
        assert not may_move_to(hop.destination, proxies)
        for position in data.draw(st.permutations(range(len(proxies)))):
            assert all(judge(hop.destination, proxy).safe for proxy in proxies)
            proxies[position] = hop.destination


class Upgrade(RuleBasedStateMachine):
    """Control plane and pods of a planned path move at random.

    The rule must stop exactly what would leave a pod more than one logical version behind.
    """

    @initialize(found=sts.plans())
    def begin(self, found: Plan) -> None:
        self.hops = list(found.hops)
        self.control_plane = found.source
        self.pods = {0: found.source, 1: found.source, 2: found.source}

    def facts(self, upper: Version, moved: dict[int, Version] | None = None) -> ClusterFacts:
        pods = {**self.pods, **(moved or {})}
        return sts.cluster(upper.text, [v.text for v in pods.values()])

    def minor(self, version: Version) -> int:
        found = logical(version)
        assert found is not None
        return found.minor

    @precondition(lambda self: bool(self.hops))
    @rule()
    def move_the_control_plane(self) -> None:
        target = self.hops[0].destination
        left_behind = [v for v in self.pods.values() if self.minor(target) - self.minor(v) > 1]
        against = may_move_to(target, self.pods.values())
        assert bool(against) == bool(left_behind)
        if against:
            facts = self.facts(target)
            assert never_more_than_one([], facts).status == "violated"
            return
        self.control_plane = self.hops.pop(0).destination

    @rule(number=st.integers(0, 5))
    def restart_or_create_a_pod(self, number: int) -> None:
        self.pods[number] = self.control_plane

    @precondition(lambda self: len(self.pods) > 1)
    @rule(data=st.data())
    def delete_a_pod(self, data: st.DataObject) -> None:
        del self.pods[data.draw(st.sampled_from(sorted(self.pods)))]

    @precondition(lambda self: bool(self.hops))
    @rule(number=st.integers(0, 5))
    def a_proxy_of_the_next_release_is_ahead(self, number: int) -> None:
        facts = self.facts(self.control_plane, {number: self.hops[0].destination})
        assert no_proxy_ahead(facts).status == "violated"

    @invariant()
    def nothing_is_ever_too_far_or_ahead(self) -> None:
        facts = self.facts(self.control_plane)
        assert never_more_than_one([], facts).status == "holds"
        assert no_proxy_ahead(facts).status == "holds"


TestUpgrade = Upgrade.TestCase
TestUpgrade.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
