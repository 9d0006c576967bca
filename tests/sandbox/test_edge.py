"""What promises of HTTP make of nginx and of the services behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roadworthy.sandbox.deriving_http import SCRIPT, endpoint_of, hosts_behind
from roadworthy.sandbox.edge import Edge, File, Origin, demand, lines, stranger_block
from roadworthy.sandbox.sockets import Endpoint
from roadworthy.target.models import Component

if TYPE_CHECKING:
    from typing import Any

    from roadworthy.sandbox.deployment import Deployment, Page

PROXY = 'proxy_pass http://127.0.0.1:1; proxy_set_header Connection "";'


def page(deployment: Deployment, component: str, path: str) -> Page:
    return next(page for page in deployment.services_of(component)[0].pages if page.path == path)


def test_the_portals_edge_keeps_its_promises(deployment: Deployment) -> None:
    front = deployment.front_of("portal")
    assert front
    edge = front.edge
    assert [(file.path, file.media_type) for file in edge.files] == [("/build/app.css", "text/css")]
    assert (edge.refuses_strangers, edge.announces, edge.network) == (True, ("h3",), "cloudfront")
    assert [(origin.address[1], origin.is_tls, origin.is_open) for origin in edge.origins] == [
        (8000, False, False),
        (10443, True, False),
    ]
    assert dict(front.caches) == {"/cart": "no-store", "/build/app.css": "public, max-age=31536000"}
    assert hosts_behind(deployment.target) == (("192.0.2.8", 8000), ("origin.everything.test", 443))


def test_the_old_name_leads_to_the_new_one(deployment: Deployment) -> None:
    front = deployment.front_of("old-name")
    assert front
    assert front.edge.leads_to == "https://portal.everything.test$request_uri"


def test_pages_are_what_their_promises_need(deployment: Deployment) -> None:
    names = {name for name, _ in page(deployment, "portal", "/catalogue").headers}
    assert {"ETag", "Last-Modified"} == names
    assert ("X-Powered-By", "Express") in page(deployment, "portal", "/build/app.css").headers
    assert '"https://api.everything.test"' in page(deployment, "portal", SCRIPT).body
    assert f'src="{SCRIPT}"' in page(deployment, "portal", "/").body


def test_the_reached_api_lets_its_front_ends_in(deployment: Deployment) -> None:
    api = deployment.front_of("edge-gateway")
    assert api
    assert api.cors
    assert api.cors.origins == ("https://portal.everything.test",)


def component(**websocket: Any) -> Component:
    return Component.model_validate({"url": "https://chat.test", "websocket": {"path": "/ws", **websocket}})


def test_an_endpoint_does_what_is_promised() -> None:
    assert endpoint_of(component()) == Endpoint()
    assert endpoint_of(component(expects="sid")) == Endpoint(greets="sid")
    assert endpoint_of(component(sends="a ping", expects="ping")) == Endpoint()
    assert endpoint_of(component(sends="ping", expects="pong")) == Endpoint(answers="pong")
    assert endpoint_of(component(subprotocol="v1", origins=["https://a.test"])) == Endpoint(
        ("https://a.test",), ("v1",)
    )
    assert endpoint_of(Component.model_validate({"url": "https://a.test", "health": {"path": "/"}})) is None


def test_the_lines_say_what_the_edge_does() -> None:
    edge = Edge(
        files=(File("/app.css", "a{}", "text/css"),),
        upgrades=("/ws",),
        announces=("h3",),
        network="cloudflare",
        keeps=("/cart",),
        detours=2,
    )
    said = "\n".join(lines(edge, "key", PROXY))
    assert "location = /app.css { root nginx/files/key;" in said
    assert "location = /ws { proxy_pass http://127.0.0.1:1; proxy_set_header Connection upgrade;" in said
    assert 'more_set_headers "CF-RAY: ' in said
    assert 'add_header Alt-Svc "h3=\\":443\\"; ma=86400" always;' in said
    assert "location = /cart {" in said
    assert said.count("if ($args = ") == 2
    assert list(lines(Edge(), "key", PROXY)) == []


def test_an_origin_demands_what_only_the_network_knows() -> None:
    assert "return 403" in "".join(demand(Origin(("127.0.0.1", 1), is_tls=True)))
    assert list(demand(Origin(("127.0.0.1", 1), is_tls=True, is_open=True))) == []


def test_strangers_are_misdirected() -> None:
    said = "\n".join(stranger_block(("127.0.0.1", 8443), ["    ssl_certificate x;"], is_tls=True))
    assert "listen 127.0.0.1:8443 ssl default_server;" in said
    assert "return 421;" in said
