"""What is compared is the same work with the same answer, run by turns."""

import pytest

from benchmarks.environments import Unavailable
from benchmarks.figures import Asked
from benchmarks.measure import FEWEST, ROUNDS, Differs, Peer, Sample, compete

FASTER = Asked(least=2.0, text="at least 2 times faster")


def test_contestants_run_by_turns_and_the_first_run_of_each_is_not_counted() -> None:
    """What disturbs the machine for a while disturbs both."""
    order: list[str] = []

    def ours() -> Sample:
        order.append("linefit")
        return float(len(order)), [1.0]

    def theirs() -> Sample:
        order.append("peer")
        return 10.0 * len(order), [1.0]

    row = compete("name", "work", "s", ours, [Peer("peer", theirs, FASTER, 12)])

    assert order == ["linefit", "peer"] * (1 + ROUNDS)
    assert row.runs == [3.0, 5.0, 7.0, 9.0, 11.0]
    assert row.value == 7.0
    assert row.against[0].ratio == pytest.approx(80 / 7)
    assert row.against[0].is_met


def test_a_peer_with_another_answer_is_no_peer() -> None:
    """A time of something wrong is worth nothing."""
    with pytest.raises(Differs, match="peer"):
        compete("name", "work", "s", lambda: (1.0, [1.0, 2.0]), [Peer("peer", lambda: (1.0, [1.0, 2.001]), digits=6)])


def test_answers_agree_to_the_digits_that_a_peer_can_carry() -> None:
    """Rounded arithmetic is no error of a peer's."""
    row = compete("name", "work", "s", lambda: (1.0, [1.0, 2.0]), [Peer("peer", lambda: (1.0, [1.0, 2.0 + 1e-9]), digits=6)])

    assert row.against[0].value == 1.0


def test_a_peer_that_cannot_be_had_is_said_to_be_missing() -> None:
    """No figure is guessed: neither of one that is not installed, nor of one that does not start."""

    def does_not_start() -> Sample:
        raise Unavailable("no Java")

    row = compete(
        "name", "work", "s", lambda: (1.0, []), [Peer("a", None, FASTER, note="no network"), Peer("b", does_not_start, FASTER)]
    )

    assert [(one.peer, one.value, one.is_met, one.note) for one in row.against] == [
        ("a", None, None, "no network"), ("b", None, None, "no Java"),
    ]  # fmt: skip


def test_a_rate_is_the_better_the_larger_it_is() -> None:
    """A ratio above 1 means that linefit is the faster one, whatever the unit."""
    row = compete("name", "work", "/s", lambda: (300.0, []), [Peer("peer", lambda: (100.0, []), FASTER)])

    assert row.against[0].ratio == 3.0
    assert row.against[0].is_met
    assert len(row.runs) >= FEWEST
