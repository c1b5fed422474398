"""What built-in kinds refuse and allocate; namespaces, evictions, pod security, quota, access."""

from __future__ import annotations

import pytest

from suites.embedded.client import Client, Obj


def pod(name: str = "p", **spec: object) -> Obj:
    return {
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "main", "image": "main:1"}], **spec},
    }


@pytest.fixture
def pods(api: Client, namespace: str) -> str:
    """The path of Pods in the test's namespace."""
    return f"/api/v1/namespaces/{namespace}/pods"


def test_selector_of_a_deployment_is_immutable(
    api: Client, deployments: str, deployment: Obj
) -> None:
    api.post(deployments, deployment)
    patch = {
        "spec": {
            "selector": {"matchLabels": {"app": "other"}},
            "template": {"metadata": {"labels": {"app": "other"}}},
        }
    }

    answer = api.merge(f"{deployments}/web", patch)

    assert (answer.code, answer.reason) == (422, "Invalid")
    assert answer.causes == [("FieldValueInvalid", "spec.selector")]


def test_selector_must_match_the_template(api: Client, deployments: str, deployment: Obj) -> None:
    deployment["spec"]["selector"] = {"matchLabels": {"app": "other"}}

    answer = api.post(deployments, deployment)

    assert answer.causes == [("FieldValueInvalid", "spec.template.metadata.labels")]


def test_deployment_without_selector_and_containers(api: Client, deployments: str) -> None:
    answer = api.post(deployments, {"metadata": {"name": "a"}, "spec": {}})

    assert answer.code == 422
    fields = {field for _, field in answer.causes}
    assert {"spec.selector", "spec.template.spec.containers"} <= fields


def test_service_gets_addresses_that_stay(api: Client, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services"
    body: Obj = {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}}
    made = api.post(path, body).body["spec"]

    assert made["clusterIP"].startswith("10.96.")
    assert made["clusterIPs"] == [made["clusterIP"]]
    assert made["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    kept = api.put(f"{path}/a", body).body["spec"]
    assert kept["clusterIP"] == made["clusterIP"]
    other = api.merge(f"{path}/a", {"spec": {"clusterIP": "10.96.9.9", "clusterIPs": None}})
    assert (other.code, other.causes[0][1]) == (422, "spec.clusterIPs[0]")


def test_headless_service_has_no_address(api: Client, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services"

    made = api.post(path, {"metadata": {"name": "a"}, "spec": {"clusterIP": "None"}}).body

    assert made["spec"]["clusterIPs"] == ["None"]


def test_role_of_a_binding_is_immutable(api: Client, namespace: str) -> None:
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    api.post(path, {"metadata": {"name": "a"}, "roleRef": role})

    answer = api.merge(f"{path}/a", {"roleRef": {"name": "edit"}})

    assert answer.causes == [("FieldValueInvalid", "roleRef")]


def test_pod_gets_account_token_and_tolerations(api: Client, pods: str) -> None:
    made = api.post(pods, pod()).body

    spec = made["spec"]
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("default", "default")
    assert spec["volumes"][0]["name"].startswith("kube-api-access-")
    (mount,) = spec["containers"][0]["volumeMounts"]
    assert mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    assert [item["tolerationSeconds"] for item in spec["tolerations"]] == [300, 300]
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


def test_pod_needs_its_account(api: Client, pods: str) -> None:
    answer = api.post(pods, pod(serviceAccountName="absent"))

    assert (answer.code, answer.reason) == (403, "Forbidden")


def test_pod_spec_is_fixed_but_for_images(api: Client, pods: str) -> None:
    api.post(pods, pod())
    image = [{"op": "replace", "path": "/spec/containers/0/image", "value": "main:2"}]
    name = [{"op": "replace", "path": "/spec/containers/0/name", "value": "other"}]

    assert api.json_patch(f"{pods}/p", image).code == 200
    refused = api.json_patch(f"{pods}/p", name)
    assert (refused.code, refused.causes) == (422, [("FieldValueForbidden", "spec")])


def test_bound_pod_ends_gracefully(api: Client, pods: str) -> None:
    api.post(pods, pod())
    target = {"kind": "Node", "name": "n1"}
    bound = api.post(f"{pods}/p/binding", {"metadata": {"name": "p"}, "target": target})

    marked = api.delete(f"{pods}/p").body

    assert bound.code == 201
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    assert api.get(f"{pods}/p").code == 200
    api.delete(f"{pods}/p", {"gracePeriodSeconds": 0})
    assert api.get(f"{pods}/p").code == 404


def test_unbound_pod_goes_at_once(api: Client, pods: str) -> None:
    api.post(pods, pod())

    assert api.delete(f"{pods}/p").body["kind"] == "Pod"
    assert api.get(f"{pods}/p").code == 404


def test_eviction_asks_the_budget(api: Client, namespace: str, pods: str) -> None:
    api.post(pods, pod())
    api.merge(f"{pods}/p/status", {"status": {"phase": "Running"}})
    budgets = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
    selector = {"matchLabels": {"app": "web"}}
    spec = {"minAvailable": 1, "selector": selector}
    api.post(budgets, {"metadata": {"name": "b"}, "spec": spec})

    answer = api.post(f"{pods}/p/eviction", {"metadata": {"name": "p"}})

    assert (answer.code, answer.reason) == (429, "TooManyRequests")
    assert answer.causes == [("DisruptionBudget", "")]
    assert answer.headers["Retry-After"] is None
    api.delete(f"{budgets}/b")
    assert api.post(f"{pods}/p/eviction", {"metadata": {"name": "p"}}).code == 201
    assert api.get(f"{pods}/p").code == 404


@pytest.mark.parametrize(
    ("level", "spec"),
    [
        ("baseline", {"hostNetwork": True}),
        ("baseline", {"volumes": [{"name": "h", "hostPath": {"path": "/"}}]}),
        ("restricted", {}),
    ],
)
def test_pod_security_refuses(
    api: Client, namespace: str, pods: str, level: str, spec: Obj
) -> None:
    labels = {"pod-security.kubernetes.io/enforce": level}
    api.merge(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": labels}})

    answer = api.post(pods, pod(**spec))

    assert (answer.code, answer.reason) == (403, "Forbidden")
    assert f'violates PodSecurity "{level}:latest"' in answer.body["message"]


def test_restricted_pod_is_admitted_where_it_is_asked_for(
    api: Client, namespace: str, pods: str
) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.merge(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": labels}})
    body = pod(
        securityContext={"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    )
    body["spec"]["containers"][0]["securityContext"] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }

    assert api.post(pods, body).code == 201


def test_quota_counts_pods(api: Client, namespace: str, pods: str) -> None:
    quotas = f"/api/v1/namespaces/{namespace}/resourcequotas"
    api.post(quotas, {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}})
    api.post(pods, pod("a"))

    answer = api.post(pods, pod("b"))

    assert (answer.code, answer.reason) == (403, "Forbidden")
    assert "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1" in str(
        answer.body
    )


def test_namespace_empties_before_it_goes(api: Client) -> None:
    body = {"metadata": {"name": "leaving", "labels": {"a": "b"}}}
    made = api.post("/api/v1/namespaces", body).body
    assert made["metadata"]["labels"]["kubernetes.io/metadata.name"] == "leaving"
    held = {"metadata": {"name": "a", "finalizers": ["example.com/hold"]}}
    path = "/api/v1/namespaces/leaving"
    api.post(f"{path}/configmaps", held)

    api.delete(path)

    assert api.get(path).body["status"]["phase"] == "Terminating"
    refused = api.post(f"{path}/configmaps", {"metadata": {"name": "b"}})
    assert (refused.code, refused.causes[0][0]) == (403, "NamespaceTerminating")
    api.merge(f"{path}/configmaps/a", {"metadata": {"finalizers": None}})
    assert api.get(path).code == 404


def test_default_namespace_cannot_be_deleted(api: Client) -> None:
    assert api.delete("/api/v1/namespaces/default").code == 403


def test_namespace_is_furnished(api: Client, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}"

    assert api.get(f"{path}/serviceaccounts/default").code == 200
    assert api.get(f"{path}/configmaps/kube-root-ca.crt").body["data"]["ca.crt"]


def test_front_proxy_ca_is_published(api: Client) -> None:
    path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"

    assert api.get(path).body["data"]["requestheader-client-ca-file"].startswith("-----BEGIN")


def test_impersonated_user_may_do_what_roles_say(api: Client, namespace: str) -> None:
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
    api.post(f"{rbac}/roles", {"metadata": {"name": "reader"}, "rules": [rule]})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    subjects = [{"kind": "User", "name": "jane"}]
    binding = {"metadata": {"name": "b"}, "roleRef": role, "subjects": subjects}
    api.post(f"{rbac}/rolebindings", binding)
    jane = {"Impersonate-User": "jane"}

    def code(path: str) -> int:
        return api.request("GET", path, headers=jane).code

    assert code(f"/api/v1/namespaces/{namespace}/pods") == 200
    assert code("/version") == 200
    assert code("/_embedded/state") == 403
    assert code("/api/v1/pods") == 403
    refused = api.request("GET", f"/api/v1/namespaces/{namespace}/secrets", headers=jane)
    assert refused.body["message"] == (
        'secrets is forbidden: User "jane" cannot list resource "secrets" in API group "" in the '
        f'namespace "{namespace}"'
    )


@pytest.mark.parametrize(("user", "allowed"), [("", True), ("jane", False)])
def test_access_reviews_answer(api: Client, user: str, allowed: bool) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    asked = {"spec": {"resourceAttributes": {"verb": "create", "resource": "pods"}}}
    headers = {"Impersonate-User": user} if user else None

    answer = api.request("POST", path, asked, headers=headers)

    assert answer.code == 201
    assert answer.body["status"]["allowed"] is allowed


def test_token_of_an_account_authenticates(api: Client, namespace: str) -> None:
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
    token = api.post(f"{account}/token", {"spec": {"audiences": ["mesh"]}}).body["status"]["token"]
    reviews = "/apis/authentication.k8s.io/v1/tokenreviews"

    right = api.post(reviews, {"spec": {"token": token, "audiences": ["mesh"]}}).body["status"]
    other = api.post(reviews, {"spec": {"token": token}}).body["status"]
    forged = api.post(reviews, {"spec": {"token": token + "x"}}).body["status"]

    assert right["authenticated"]
    assert right["user"]["username"] == f"system:serviceaccount:{namespace}:default"
    assert not other.get("authenticated")
    assert not forged.get("authenticated")


def test_streams_into_containers_are_refused_with_a_status(api: Client, pods: str) -> None:
    api.post(pods, pod())

    assert (api.get(f"{pods}/p/exec").code, api.get(f"{pods}/p/exec").reason) == (
        501,
        "NotImplemented",
    )
    assert api.get(f"{pods}/p/log").code == 200
    assert api.get(f"{pods}/p/absent").code == 404
