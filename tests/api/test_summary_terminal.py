"""`/models/{id}/summary` as text: what a category holds is shown by a terminal, and never obeyed."""

import httpx

from tests.api.made import dataset, fit
from tests.api.test_summary import summary

# A colour, a title of the window, a line of its own, and one that reads from its right.
OBEYED = ["\x1b[31mred", "\x1b[2J", "\x1b]0;mine\x07", "a\nintercept  1.0", "\u202edesrever"]


def test_a_category_moves_no_cursor_and_writes_no_line_of_its_own(client: httpx.Client) -> None:
    """Categories may hold any text, and `curl` writes what it gets to the terminal."""
    columns = {"c": ["0", *OBEYED] * 4, "x": [*range(24)], "y": [k * k % 7 for k in range(24)]}
    model = fit(client, dataset_id=dataset(client, columns), target="y", features=["c", "x"], categorical="one_hot")

    text = summary(client, model["id"])

    assert not {"\x1b", "\x07", "\u202e"} & set(text)
    shown = ["c=0", r"c=\x1b[31mred", r"c=\x1b]0;mine\x07", r"c=a\nintercept", r"c=\u202edesrever"]
    lines = [line.split()[0] for line in text.splitlines() if line.startswith(("c=", "intercept"))]
    assert sorted(lines) == sorted(["intercept", *shown])
