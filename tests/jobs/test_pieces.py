"""Pieces of a stream: the text of each event, where pieces are cut, and that each is made once."""

import asyncio
import threading
from dataclasses import replace

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from service.jobs.pieces import PIECE_BYTES, Cut, Pieces, encoded
from service.jobs.state import Job, NoSuchEpoch
from service.registry.design import Design
from tests.jobs.test_state import TASK

Floats = NDArray[np.float64]
JOB = Job.new(TASK)


def one_by_one(epochs: NDArray[np.int64], loss: Floats, theta: Floats) -> bytes:
    """Each event by itself, as JSON has it."""
    states = [
        {"epoch": k, "loss": of, "intercept": at[0], "coef": at[1:]}
        for k, of, at in zip(epochs.tolist(), loss.tolist(), theta.tolist(), strict=True)
    ]
    return b"".join(b"event: epoch\nid: %d\ndata: %s\n\n" % (state["epoch"], orjson.dumps(state)) for state in states)


@given(
    states=st.tuples(st.integers(1, 5), st.integers(1, 4)).flatmap(lambda shape: arrays(np.float64, (shape[0], shape[1] + 2))),
    first=st.integers(0, 2**30),
)
def test_the_text_of_many_events_is_that_of_each(states: Floats, first: int) -> None:
    """To the byte, whatever the doubles: shortest digits, the sign of zero, null for what is not finite."""
    epochs = np.arange(first, first + len(states))

    assert encoded(epochs, states[:, 0], states[:, 1:]) == one_by_one(epochs, states[:, 0], states[:, 1:])


def test_a_descent_of_the_intercept_alone_has_no_coefficients() -> None:
    """An empty list, in each event."""
    epochs, theta = np.array([3, 4]), np.array([[0.5], [0.25]])

    assert encoded(epochs, theta[:, 0], theta) == one_by_one(epochs, theta[:, 0], theta)


@given(every=st.integers(1, 10**6), after=st.integers(-1, 10**9))
def test_the_next_epoch_is_the_first_multiple_after(every: int, after: int) -> None:
    """Whatever was seen last, an epoch between two multiples too."""
    following = Cut(every, 500).next_after(after)

    assert following > after
    assert following % every == 0
    assert following - every <= after


@given(every=st.integers(1, 1000), number=st.integers(0, 10**7), n_events=st.integers(1, 1000))
def test_pieces_are_cut_at_fixed_places(every: int, number: int, n_events: int) -> None:
    """Wherever a client comes in, its piece ends where those of others do; the next one is whole."""
    cut = Cut(every, n_events)
    first = number * every

    rest = cut.piece(first, first + 10**9)
    whole = cut.piece(rest[-1] + every, first + 10**9)

    assert (rest[-1] // every + 1) % n_events == 0
    assert (rest[0], rest.step) == (first, every)
    assert len(whole) == n_events
    assert cut.piece(first, first + every) == range(first, rest[-1] + 1, every)[:2]


@pytest.mark.parametrize("width", [1, 10, 200, 1000])
@pytest.mark.parametrize("one_hot", [(), ("x0",)], ids=["numbers", "categories"])
def test_a_piece_is_no_larger_than_one_client_may_make_the_service_hold(width: int, one_hot: tuple[str, ...]) -> None:
    """However many columns: about 128 KB, so that two hundred clients that read nothing hold some 25 MB."""
    task = replace(TASK, design=Design(features=tuple(f"x{j}" for j in range(width)), target="y", one_hot=one_hot))
    states = np.random.default_rng(1).normal(size=(Cut.of(task, 1).n_events, 2 + width))

    piece = encoded(np.arange(len(states)), states[:, 0], states[:, 1:])

    assert len(piece) < 1.1 * PIECE_BYTES
    assert one_hot or len(piece) > PIECE_BYTES / 2


class Descent:
    """States of epochs that are looked up when the test lets them; counts how often."""

    def __init__(self, error: Exception | None = None) -> None:
        self.may_go, self.n_asked, self._error = threading.Event(), 0, error

    def states(self, _: Job, epochs: NDArray[np.int64]) -> tuple[Floats, Floats]:
        self.n_asked += 1
        self.may_go.wait()
        if self._error is not None:
            raise self._error
        return np.zeros(len(epochs)), np.zeros((len(epochs), 2))


def test_a_piece_is_made_once_for_all_who_ask_meanwhile() -> None:
    """Two hundred clients at the same place cost one look-up, and one that leaves takes it from nobody."""
    descent = Descent()

    async def asked() -> list[bytes | BaseException]:
        pieces = Pieces(descent.states, cache_bytes=0)
        clients = [asyncio.ensure_future(pieces.of(JOB, range(5), keep=False)) for _ in range(200)]
        await asyncio.sleep(0)
        clients[0].cancel()
        descent.may_go.set()
        return await asyncio.gather(*clients, return_exceptions=True)

    first, *others = asyncio.run(asked())

    assert isinstance(first, asyncio.CancelledError)
    assert others == [encoded(np.arange(5), np.zeros(5), np.zeros((5, 2)))] * 199
    assert descent.n_asked == 1


def test_what_cannot_be_made_is_told_to_all_and_tried_again() -> None:
    """An error is not kept."""
    descent = Descent(NoSuchEpoch(4, None))
    descent.may_go.set()

    async def asked() -> list[bytes | BaseException]:
        pieces = Pieces(descent.states, cache_bytes=1000)
        both = await asyncio.gather(*(pieces.of(JOB, range(5), keep=True) for _ in range(2)), return_exceptions=True)
        return [*both, *await asyncio.gather(pieces.of(JOB, range(5), keep=True), return_exceptions=True)]

    assert [type(error) for error in asyncio.run(asked())] == [NoSuchEpoch] * 3
    assert descent.n_asked == 2


@pytest.mark.parametrize(("asked", "n_made"), [
    pytest.param([0, 1, 0, 1], 2, id="both fit"),
    pytest.param([0, 1, 0, 2, 0, 1], 4, id="the one not used for longest goes"),
])  # fmt: skip
def test_pieces_are_kept_up_to_so_many_bytes(asked: list[int], n_made: int) -> None:
    """Two of the three fit."""
    descent = Descent()
    descent.may_go.set()

    async def read() -> None:
        pieces = Pieces(descent.states, cache_bytes=200_000)
        for number in asked:
            await pieces.of(JOB, range(1000 * number, 1000 * (number + 1)), keep=True)

    asyncio.run(read())

    assert descent.n_asked == n_made
