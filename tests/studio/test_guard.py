import httpx
import pytest

from folkseq.studio.guard import MOST_BYTES


def test_an_answer_needs_the_token(address):
    base, _, token = address.partition("/?token=")
    with httpx.Client(base_url=base, transport=httpx.HTTPTransport(retries=5)) as stranger:
        for path in ("/", "/api/models", "/openapi.json"):
            refused = stranger.get(path)
            assert (refused.status_code, "folkseq studio" in refused.json()["error"]) == (403, True)
        assert stranger.get("/", params={"token": token}).status_code == 200
        assert stranger.get("/", params={"token": token + "x"}).status_code == 403
        assert stranger.get("/assets/page/studio.css").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),  # a name that was rebound to this machine
        ({"Host": "127.0.0.1"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),  # another port of this machine
        ({}, 200),
    ],
)
def test_a_request_from_elsewhere_is_refused(client, headers, status):
    assert client.get("/api/models", headers=headers).status_code == status


def test_the_page_may_load_nothing_from_elsewhere(client):
    page = client.get("/")
    policy = dict(each.split(" ", 1) for each in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    assert "http:" not in page.text
    assert "https:" not in page.text
    assert page.headers["referrer-policy"] == "no-referrer"


def test_a_large_request_is_refused(client):
    assert client.post("/api/tunes", content=b" " * (MOST_BYTES + 1)).status_code == 413

    def pieces():  # without a length in the header
        for _ in range((MOST_BYTES >> 20) + 1):
            yield b" " * (1 << 20)

    refused = client.post("/api/tunes", content=pieces())
    assert (refused.status_code, "too large" in refused.json()["error"]) == (413, True)


@pytest.mark.parametrize("path", ["/assets/page/../app.py", "/assets/page/%2e%2e/app.py", "/assets/vendor/..%2fapp.py"])
def test_only_assets_are_assets(client, path):
    assert client.get(path).status_code in (403, 404)
