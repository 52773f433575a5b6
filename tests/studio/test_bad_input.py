"""Whatever an operation is asked, its answer is a result or one sentence, and never a fault of folkseq.

Requests are drawn from the OpenAPI document, with values of the right kind and of others.
"""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TUNE = "X:1\nT:Test\nM:6/8\nL:1/8\nR:jig\nK:D\n|:dfe dBA|dfa afd|g2e f2d|edB A2B|AFD D3:|\n"
TEXTS = [
    "",
    "x",
    "tunes",
    "fill",
    "../../etc/passwd",
    "/etc/passwd",
    "\0",
    "<b>",
    "🎻" * 9,
    "X:1\nK:C\n[[[",
    ".mid",
    "1",
]
ODD = [None, True, -1, 10**30, 1e308, [], [[]], [None], {}, {"a": 1}, "x", *TEXTS]


def values(schema, schemas):
    """Return values as a schema has them, and now and then others."""
    if "$ref" in schema:
        right = objects(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    elif "anyOf" in schema:
        right = st.one_of([values(each, schemas) for each in schema["anyOf"]])
    else:
        right = {
            "string": st.sampled_from([*schema.get("enum", ()), TUNE, *TEXTS]),
            "integer": st.integers(-2, 3),
            "number": st.sampled_from([-1, 0, 0.5, 1, 3]),
            "boolean": st.booleans(),
            "null": st.none(),
            "array": st.lists(values(schema.get("items", {"type": "null"}), schemas), max_size=2)
            if schema.get("type") == "array"
            else st.none(),
        }.get(schema.get("type", ""), st.sampled_from(TEXTS))
    return st.one_of(right, right, right, st.sampled_from(ODD))


def objects(schema, schemas):
    required = schema.get("required", ())
    parts = {name: values(each, schemas) for name, each in schema["properties"].items()}
    some = {name: part for name, part in parts.items() if name in required}
    return st.fixed_dictionaries(some, optional={name: part for name, part in parts.items() if name not in required})


@pytest.fixture(scope="module")
def operations(client):
    """Return the method, the path and the schema of each request, and all schemas."""
    document = client.get("/openapi.json").json()
    schemas, found = document["components"]["schemas"], []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                found.append((method, path, schemas[name]))
            elif "parameters" in operation:
                properties = {each["name"]: each["schema"] for each in operation["parameters"]}
                found.append((method, path, {"properties": properties}))
    return found, schemas


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_request_is_a_fault(client, operations, data):
    found, schemas = operations
    method, path, schema = data.draw(st.sampled_from(found))
    asked = data.draw(objects(schema, schemas))
    if method == "get":
        words = {name: str(value).encode("utf-8", "replace").decode() for name, value in asked.items()}
        answer = client.get(path, params=words)
    else:
        answer = client.request(method, path, content=json.dumps(asked))
    assert answer.status_code < 500
    if answer.status_code >= 400:
        assert answer.json().keys() == {"error"}
        assert "\n" not in answer.json()["error"]
    elif answer.headers["content-type"].startswith("text/event-stream"):
        assert "a fault in folkseq" not in answer.text
