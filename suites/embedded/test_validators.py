"""The validators' model: one rule of each, and the questions that tell whether they were asked."""

from __future__ import annotations

import pytest

from fixtures.embedded.mesh.validators import answer
from fixtures.observers.validators import QUESTIONS, Question


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.kind)
def test_a_question_has_an_object_that_is_accepted_and_one_that_is_not(question: Question) -> None:
    good = answer({"object": {"kind": question.kind, "spec": question.accepted}})
    bad = answer({"object": {"kind": question.kind, "spec": question.refused}})

    assert good == {"allowed": True}
    assert not bad["allowed"]


@pytest.mark.parametrize(
    ("network", "allowed"),
    [
        ({"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}, True),
        ({"cidr": "fd00::/8", "except": ["10.1.0.0/16"]}, False),
        ({"cidr": "0.0.0.0/0"}, True),
    ],
)
def test_an_exception_lies_within_its_network(network: dict[str, object], allowed: bool) -> None:
    asked = {"object": {"kind": "NetworkAuthentication", "spec": {"networks": [network]}}}

    assert answer(asked)["allowed"] is allowed


def test_a_spec_that_is_no_object_is_refused() -> None:
    assert not answer({"object": {"kind": "Server", "spec": "text"}})["allowed"]
