"""Events: every epoch of a descent, resumed, shared, kept alive and ended."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.made import LINE, descent, endless, many_rows, ok, refused
from tests.api.sse import EVENT_STREAM, EventSource, all_events, epochs, events
from tests.process import Service

DESCENT = {"X": [[x] for x in LINE["x"]], "y": LINE["price"], "method": "gradient_descent"}


@pytest.fixture(scope="module")
def url(client: httpx.Client) -> str:
    """The events of a descent of 10,000 epochs that has ended."""
    return f"{descent(client, 10_000, learning_rate=0.01)}/events"


@pytest.fixture(scope="module")
def rows_id(client: httpx.Client) -> str:
    """A data set whose epochs take a while."""
    return many_rows(client)


def test_ten_thousand_epochs_are_10_001_events_from_epoch_0(client: httpx.Client, url: str) -> None:
    """First the job, then each epoch under its number as id, then the model, whose id is `end`."""
    first, *states, last = all_events(client, url)

    assert (first.name, first.id, first.data["id"]) == ("job", "", url.split("/")[2])
    assert [event.name for event in states] == ["epoch"] * 10_001
    assert [event.id for event in states] == [str(k) for k in range(10_001)]
    assert epochs(states) == list(range(10_001))
    assert (last.name, last.id) == ("done", "end")
    assert last.data == ok(client.get(f"/models/{last.data['id']}"), 200)
    for k in (0, 1, 499, 500, 501, 7777, 9_999, 10_000):
        assert states[k].data == ok(client.get(f"{url.removesuffix('/events')}/epochs/{k}"), 200)
    losses = [event.data["loss"] for event in states]
    assert losses == sorted(losses, reverse=True)


def test_a_stream_is_neither_held_back_nor_kept_nor_compressed(client: httpx.Client, url: str) -> None:
    """Headers that proxies heed; and no compression even for those who would take it."""
    answer = client.get(url, headers={"Accept-Encoding": "gzip, br, zstd"})

    assert answer.headers["content-type"].startswith(EVENT_STREAM)
    assert answer.headers["cache-control"] == "no-store, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in answer.headers
    assert answer.text.startswith("retry: 2000\n")


@pytest.mark.parametrize("seen", [0, 499, 4321, 9_999, 10_000])
def test_a_stream_goes_on_where_it_was_left(client: httpx.Client, url: str, seen: int) -> None:
    """`Last-Event-ID: k` and `?after=k` both go on at k + 1, to the same bytes; the header counts if both are there."""
    by_header = client.get(url, headers={"Last-Event-ID": str(seen)})
    by_parameter = client.get(url, params={"after": seen})
    by_both = client.get(url, params={"after": 3}, headers={"Last-Event-ID": str(seen)})

    assert by_header.content == by_parameter.content == by_both.content
    found = list(events(by_header.text.split("\n")))
    assert epochs(found) == list(range(seen + 1, 10_001))
    assert (found[0].name, found[-1].name) == ("job", "done")


def test_who_has_seen_the_end_gets_no_more(client: httpx.Client, url: str) -> None:
    """204 tells an EventSource to stop reconnecting."""
    answer = client.get(url, headers={"Last-Event-ID": "end"})

    assert (answer.status_code, answer.content) == (204, b"")


def test_a_browser_that_is_cut_off_gets_every_event_once(client: httpx.Client, url: str) -> None:
    """A stock EventSource reconnects by itself: nothing is missed, nothing comes twice, and it ends."""
    source = EventSource(client, url)

    for cut in (1, 2, 700, 5_000):
        source.connect(drop_after=cut)
    while not source.is_closed:
        source.connect()

    assert epochs(source.received) == list(range(10_001))
    assert source.n_connections == 6
    assert [event.name for event in source.received if event.name != "epoch"] == ["job"] * 5 + ["done"]


@pytest.mark.parametrize(("every", "after"), [(1, -1), (7, -1), (100, 250), (3000, -1), (20_000, -1)])
def test_every_nth_epoch_and_always_the_first_and_the_last(client: httpx.Client, url: str, every: int, after: int) -> None:
    """`?every=n` sends epochs 0, n, 2n, …, and the last; the `job` event says n."""
    found = all_events(client, url, every=every, after=after)

    assert found[0].data["every"] == every
    assert epochs(found) == [k for k in range(10_001) if k > after and (k % every == 0 or k == 10_000)]


@pytest.mark.parametrize(("n_epochs", "every"), [(100_000, 1), (100_001, 2), (1_000_000, 10), (999_999_999, 10_000)])
def test_beyond_100_000_epochs_not_all_are_sent_unless_asked_for(client: httpx.Client, n_epochs: int, every: int) -> None:
    """By default every n-th, n = ceil(epochs / 100,000), which the `job` event says; the first and the last are always sent."""
    job = descent(client, n_epochs, learning_rate=0.01)

    with client.stream("GET", f"{job}/events") as stream:
        start = [event for event, _ in zip(events(stream.iter_lines()), range(4), strict=False)]
    end = all_events(client, f"{job}/events", after=n_epochs - 3 * every)
    all_ = all_events(client, f"{job}/events", every=1, after=n_epochs - 10)

    assert start[0].data["every"] == every
    assert epochs(start) == [0, every, 2 * every]
    assert epochs(end)[-1] == n_epochs
    assert all(k % every == 0 for k in epochs(end)[:-1])
    assert epochs(all_) == list(range(n_epochs - 9, n_epochs + 1))


@pytest.mark.parametrize("parameters", [{"every": 0}, {"every": "few"}, {"after": -2}])
def test_parameters_that_mean_nothing_are_refused(client: httpx.Client, url: str, parameters: dict[str, object]) -> None:
    """422, and the parameter named."""
    answer = client.get(url, params={name: str(value) for name, value in parameters.items()})

    assert refused(answer, 422, "invalid-parameter")["errors"][0]["parameter"] == next(iter(parameters))


def test_many_clients_of_a_job_get_the_same_bytes(client: httpx.Client, service: Service) -> None:
    """Twenty at once, from before the job ends: the same epochs to each, to the byte."""
    job = ok(client.post("/fit", json=DESCENT | {"epochs": 3000, "learning_rate": 0.02}), 202)

    def read(_: int) -> str:
        with service.client() as own:
            return own.get(job["events"]).text

    with ThreadPoolExecutor(20) as threads:
        texts = list(threads.map(read, range(20)))

    bodies = {text[text.index("event: epoch") :] for text in texts}
    assert len(bodies) == 1
    assert epochs(events(bodies.pop().split("\n"))) == list(range(3001))


@contextmanager
def unread(service: Service, path: str) -> Iterator[socket.socket]:
    """A client that asks and then reads nothing."""
    address = urlsplit(service.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0))) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: linefit\r\nAccept: text/event-stream\r\n\r\n".encode())
        yield connection


def test_a_client_that_reads_nothing_holds_up_nobody(client: httpx.Client, service: Service) -> None:
    """It costs its own connection: others read the whole job, and the service answers, while it sleeps."""
    job = descent(client, 100_000, learning_rate=0.01)

    with unread(service, f"{job}/events"), unread(service, f"{job}/events?every=1"):
        found = all_events(client, f"{job}/events")
        assert client.get("/healthz").status_code == 200

    assert epochs(found) == list(range(100_001))


def test_a_job_goes_on_when_its_client_leaves(client: httpx.Client) -> None:
    """The stream of POST /fit is a view: the fit is made whether anybody looks or not."""
    id_ = many_rows(client, 20_000)
    spec = {"dataset_id": id_, "target": "y", "method": "gradient_descent", "batch_size": 10, "epochs": 20}
    with client.stream("POST", "/fit", json=spec, headers={"Accept": EVENT_STREAM}) as stream:
        first = next(events(stream.iter_lines()))

    found = all_events(client, f"/jobs/{first.data['id']}/events")

    assert found[-1].name == "done"
    assert epochs(found) == list(range(21))


def test_a_stream_ends_when_its_job_is_cancelled(client: httpx.Client, rows_id: str) -> None:
    """`cancelled`, with the job, and its id is `end`, within a block of rows."""
    with endless(client, rows_id) as job, client.stream("GET", f"{job}/events") as stream:
        following = events(stream.iter_lines())
        next(event for event in following if event.name == "epoch")

        client.delete(job)

        last = list(following)[-1]
    assert (last.name, last.id, last.data["state"]) == ("cancelled", "end", "cancelled")


def test_a_mini_batch_is_streamed_while_it_runs_and_replayed_the_same(client: httpx.Client) -> None:
    """Live or later, from memory or from the store: the same epochs with the same numbers, and those of any one epoch."""
    id_ = many_rows(client, 20_000)
    spec = {"dataset_id": id_, "target": "y", "method": "gradient_descent", "batch_size": 10, "epochs": 30, "random_state": 1}

    live = list(events(client.post("/fit", json=spec, headers={"Accept": EVENT_STREAM}).text.split("\n")))
    url = f"/jobs/{live[0].data['id']}"
    replayed = all_events(client, f"{url}/events")

    assert epochs(live) == list(range(31))
    assert [event for event in live if event.name == "epoch"] == replayed[1:-1]
    assert live[-1].data == replayed[-1].data
    for k in (0, 1, 17, 30):
        assert ok(client.get(f"{url}/epochs/{k}"), 200) == replayed[1 + k].data
    assert epochs(all_events(client, f"{url}/events", every=7)) == [0, 7, 14, 21, 28, 30]
    assert epochs(all_events(client, f"{url}/events", after=12)) == list(range(13, 31))


def test_a_silent_stream_is_kept_alive_by_comments(small: httpx.Client) -> None:
    """While a job waits for its turn its stream sends comments, which are no events, so that no proxy ends it."""
    id_ = many_rows(small)
    with endless(small, id_), endless(small, id_) as waiting, small.stream("GET", f"{waiting}/events") as stream:
        lines = stream.iter_lines()
        comments = [line for line, _ in zip((line for line in lines if line.startswith(":")), range(3), strict=False)]
        small.delete(waiting)
        rest = list(events(lines))

    assert comments == [": still here"] * 3
    assert [event.name for event in rest] == ["cancelled"]


def test_clients_that_come_and_go_leave_the_service_as_it_was(client: httpx.Client, service: Service, rows_id: str) -> None:
    """Thirty clients that vanish in the middle of a running job: it goes on, and is still listened to."""
    with endless(client, rows_id) as job:

        def come_and_go() -> None:
            with unread(service, f"{job}/events") as connection:
                connection.recv(100)

        threads = [threading.Thread(target=come_and_go) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with client.stream("GET", f"{job}/events") as stream:
            seen = next(event for event in events(stream.iter_lines()) if event.id == "3")
        assert seen.data["epoch"] == 3
        assert ok(client.get(job), 200)["state"] == "running"
