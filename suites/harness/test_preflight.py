"""What kubectl says of a dry run becomes one refusal an object, without patches and warnings."""

from __future__ import annotations

from datetime import UTC, datetime

from fixtures.core.process import Completed
from fixtures.steps.preflight import dry_run

UNANNOTATED = "Warning: resource deployments/web is missing the annotation. It will be patched."
PATCHED = """\
Error from server (Invalid): error when applying patch:
{"metadata":{"annotations":{"x":"a long one"}}}
to:
Resource: "apps/v1, Resource=deployments", GroupVersionKind: "apps/v1, Kind=Deployment"
Name: "web", Namespace: "shop"
for: "STDIN": error when patching "STDIN": Deployment.apps "web" is invalid: no such name"""
CREATED = 'Error from server (Forbidden): error when creating "STDIN": webhook said: no'


def refused(*said: str, exit_code: int = 1) -> tuple[str, ...]:
    done = Completed(
        argv=("kubectl",), exit_code=exit_code, stdout=b"", stderr="\n".join(said).encode(),
        seconds=0.0, started=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    run = dry_run("upgrade", done)
    assert run.accepted == (exit_code == 0)
    return tuple(text for _, text in run.refusals)


def test_a_refused_patch_is_told_by_its_reason() -> None:
    assert refused(UNANNOTATED, PATCHED, CREATED) == (
        'Error from server (Invalid): Deployment.apps "web" is invalid: no such name',
        CREATED,
    )


def test_what_is_no_patch_is_told_as_it_is() -> None:
    assert refused("error: no objects passed to apply") == ("error: no objects passed to apply",)


def test_a_patch_whose_end_is_missing_is_a_refusal_all_the_same() -> None:
    assert refused(*PATCHED.splitlines()[:3]) == (
        "Error from server (Invalid): its reason was cut off",
    )


def test_warnings_of_what_is_accepted_are_none() -> None:
    assert refused(UNANNOTATED, exit_code=0) == ()
