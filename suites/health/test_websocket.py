from roadworthy.cases.websocket import StrangerCase, WebsocketCase
from roadworthy.check import check
from roadworthy.rules.websockets import echo_faults, handshake_faults, stranger_faults

BY_HAND = (
    "curl -sSki --http1.1 --max-time 5 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' "
    "-H 'Sec-WebSocket-Key: cm9hZHdvcnRoeS1wcm9iZQ==' {headers} --connect-to {host}:{port}:{address} '{url}'"
)
TALK = "python -m websockets \"$(echo '{url}' | sed 's/^http/ws/')\""


@check(
    "WS-HANDSHAKE",
    severity="critical",
    after=("NAME-RESOLVES", "REACH-TCP", "TLS-HANDSHAKE", "HEALTH-STATUS"),
    expects="websocket.path",
    source="RFC 6455 section 4",
    by_hand=BY_HAND,
    repair="At 400, 404, 426 or a page, the gateway did not pass the upgrade on. nginx: `proxy_http_version 1.1; "
    "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;` in the location.",
)
def test_the_handshake_is_completed(socket: WebsocketCase) -> None:
    """Where the handshake fails, pages fall back to polling or show nothing new, while each health answer is well."""
    faults = handshake_faults(socket.seen)
    assert not faults, "; ".join(faults)


@check(
    "WS-PING",
    severity="high",
    after=("WS-HANDSHAKE",),
    expects="websocket.pings",
    source="RFC 6455 sections 5.5.2 and 5.5.3",
    by_hand=TALK,
    repair="See whether the service's own loop is blocked: its library answers pings by itself. A gateway that buffers "
    "does not pass them on.",
)
def test_a_ping_is_answered(socket: WebsocketCase) -> None:
    """A connection that is open and answers no ping is dead: the service hangs, or the gateway passes nothing on."""
    seen = socket.seen.open_connection
    assert seen.ponged_s is not None, f"no pong{f': {seen.broke}' if seen.broke else ''}"


@check(
    "WS-ECHO",
    severity="high",
    after=("WS-HANDSHAKE", "WS-PING"),
    expects="websocket.expects",
    source="the target's promise; RFC 6455 section 5.6",
    by_hand=TALK,
    repair="Send the message by hand and read the service's log: what it waits for (a database, a broker) may be down.",
)
def test_a_message_is_answered_as_promised(socket: WebsocketCase) -> None:
    """Pongs come from a library; only an answer to a message shows that the service behind it is at work."""
    faults = echo_faults(socket.seen.open_connection, socket.expected.expects or "")
    assert not faults, "; ".join(faults)


@check(
    "WS-SUBPROTOCOL",
    severity="high",
    after=("WS-HANDSHAKE",),
    expects="websocket.subprotocol",
    source="RFC 6455 sections 1.9 and 4.2.2",
    by_hand=BY_HAND,
    repair="Name the subprotocol in the server's list; a gateway must pass Sec-WebSocket-Protocol on, both ways.",
)
def test_the_subprotocol_is_agreed_on(socket: WebsocketCase) -> None:
    """Browsers close a connection whose subprotocol was not agreed on."""
    agreed, promised = socket.seen.open_connection.subprotocol, socket.expected.subprotocol
    assert agreed == promised, f"{agreed or 'none'} was agreed on, {promised} promised"


@check(
    "WS-CLOSE",
    severity="low",
    after=("WS-HANDSHAKE", "WS-PING"),
    expects="websocket.closes",
    source="RFC 6455 sections 5.5.1 and 7",
    by_hand=TALK,
    repair="Let the library run its closing handshake: a handler that is cancelled, or a gateway that cuts, skips it.",
)
def test_a_close_is_answered(socket: WebsocketCase) -> None:
    """Without a closing handshake neither side knows what of the last messages arrived."""
    seen = socket.seen.open_connection
    assert seen.closed is not None, f"a close frame was not answered{f': {seen.broke}' if seen.broke else ''}"


@check(
    "WS-ORIGIN",
    severity="high",
    after=("WS-HANDSHAKE",),
    expects="websocket.origins",
    source="RFC 6455 section 10.2; OWASP WebSocket Security Cheat Sheet (2025)",
    by_hand=BY_HAND,
    repair="Compare Origin with a list before the handshake is completed, and answer 403 otherwise: neither CORS nor "
    "SameSite cookies do it for you.",
)
def test_a_strange_page_may_not_connect(stranger: StrangerCase) -> None:
    """CORS does not hold here: any page may connect with a visitor's cookies unless the server looks at Origin."""
    faults = stranger_faults(stranger.seen, stranger.ask.origin or "")
    assert not faults, "; ".join(faults)
