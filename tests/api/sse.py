"""Server-sent events as a browser reads them (HTML, 9.2): for tests, over httpx."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

EVENT_STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its name, the last id seen when it came, and its data as JSON."""

    name: str
    id: str
    data: Any


def events(lines: Iterable[str]) -> Iterator[Event]:
    """The events of a stream's lines; comments, and an event that the end cuts off, are none."""
    name, last_id = "", ""
    data: list[str] = []
    for line in lines:
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Event(name or "message", last_id, json.loads("\n".join(data)))
            name, data = "", []
        elif key == "event":
            name = value
        elif key == "data":
            data.append(value)
        elif key == "id":
            last_id = value


def all_events(client: httpx.Client, url: str, **parameters: object) -> list[Event]:
    """All events of a stream, to its end."""
    answer = client.get(url, params={name: str(value) for name, value in parameters.items()})
    assert answer.status_code == 200, answer.text
    return list(events(answer.text.split("\n")))


def epochs(found: Iterable[Event]) -> list[int]:
    """The numbers of the epochs among events, in order."""
    return [event.data["epoch"] for event in found if event.name == "epoch"]


@dataclass(slots=True)
class EventSource:
    """What a browser does with `new EventSource(url)`: reads, reconnects with Last-Event-ID, and stops at 204."""

    client: httpx.Client
    url: str
    last_event_id: str = ""
    n_connections: int = 0
    is_closed: bool = False
    received: list[Event] = field(default_factory=list)

    def connect(self, drop_after: int | None = None) -> None:
        """One connection, to its end or until it is dropped after so many events."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self.last_event_id:
            headers["Last-Event-ID"] = self.last_event_id
        self.n_connections += 1
        with self.client.stream("GET", self.url, headers=headers) as stream:
            if stream.status_code != 200 or not stream.headers["content-type"].startswith("text/event-stream"):
                self.is_closed = True
                return
            for n, event in enumerate(events(stream.iter_lines()), 1):
                self.received.append(event)
                self.last_event_id = event.id
                if n == drop_after:
                    return
