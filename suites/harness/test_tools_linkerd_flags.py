"""Flags of the linkerd stand-in whose effect was compared with the real program's."""

from __future__ import annotations

import pytest

from fixtures.core import manifests
from fixtures.core.process import without_usage
from fixtures.standins.linkerd import LinkerdStandIn

RELEASE = "edge-25.10.7"


def run(*argv: str) -> tuple[int, str, str]:
    code, out, err = LinkerdStandIn(RELEASE)(argv, env={})
    return code, out.decode(), err.decode()


def rendered(*flags: str) -> tuple[set[str], dict[str, str]]:
    """Images, and stored values, of an installation."""
    code, out, err = run("install", "--ignore-cluster", *flags)
    assert (code, err) == (0, "")
    found = manifests.rendered(out.encode(), version=RELEASE)
    return {image for o in found.objects for _, image in o.images}, dict(found.values)


def test_a_registry_moves_every_image() -> None:
    images, _ = rendered("--registry", "registry.example/mesh/", "--disable-heartbeat")

    assert images
    assert {image for image in images if not image.startswith("registry.example/mesh/")} == set()


@pytest.mark.parametrize(("limit", "workers"), [("1", "1"), ("1500m", "2"), ("100m", "1")])
def test_a_cpu_limit_bounds_the_proxys_workers(limit: str, workers: str) -> None:
    _, values = rendered("--proxy-cpu-limit", limit)

    assert values["proxy.runtime.workers.maximum"].strip('"') == workers


def test_a_cpu_limit_that_is_none_is_refused() -> None:
    code, out, err = run("install", "--ignore-cluster", "--proxy-cpu-limit", "much")

    assert (code, out) == (1, "")
    assert "--proxy-cpu-limit" in err


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("fly", 'Error: unknown command "fly" for "linkerd"'),
        (
            "check --wait soon",
            'Error: invalid argument "soon" for "--wait" flag: time: invalid duration "soon"',
        ),
        (
            "check --pre --proxy",
            "Error: Validation error when executing check command: --pre and --proxy flags are "
            "mutually exclusive",
        ),
    ],
)
def test_bad_lines_say_what_the_real_program_says_first(line: str, first: str) -> None:
    code, out, err = run(*line.split())

    assert (code, out) == (1, "")
    assert err.splitlines()[0] == first


def test_a_new_anchor_is_named_after_the_domain_only_where_one_is_given() -> None:
    from cryptography import x509

    def subject(*flags: str) -> str:
        _, out, _ = run("install", "--ignore-cluster", *flags)
        [roots] = [
            o
            for o in manifests.documents(out.encode())
            if o["metadata"]["name"] == "linkerd-identity-trust-roots"
        ]
        pem = roots["data"]["ca-bundle.crt"].encode()
        return x509.load_pem_x509_certificate(pem).subject.rfc4514_string()

    assert subject() == "CN=identity.linkerd."
    assert subject("--identity-trust-domain", "example.org") == "CN=identity.linkerd.example.org"


def test_usage_does_not_push_the_message_out_of_a_fact() -> None:
    usage = b"Error: what went wrong\nUsage:\n  linkerd check [flags]\n" + b"  --flag\n" * 50

    assert without_usage(usage) == b"Error: what went wrong\n"
    assert without_usage(b"warning\nUsage:\nof something") == b"warning\nUsage:\nof something"
    assert without_usage(b"Error: plain\n") == b"Error: plain\n"
