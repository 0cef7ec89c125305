"""Clusters: equal values are one, whatever blocks they come in."""

import pyarrow as pa

from service.registry.clusters import Clusters


def test_values_are_numbered_as_they_appear_over_all_blocks() -> None:
    """Text, long text too, of which a digest is kept."""
    long = "a town with a name that is longer than most, "
    clusters = Clusters()
    assert clusters.numbers(pa.array(["b", "a", "b", long + "1"])).tolist() == [0, 1, 0, 2]
    assert clusters.numbers(pa.array([long + "2", "a", long + "1"])).tolist() == [3, 1, 2]


def test_numbers_and_booleans_are_clusters_and_there_is_one_zero() -> None:
    """-0.0 equals 0.0, though its bits differ."""
    assert Clusters().numbers(pa.array([0.0, 1.5, -0.0])).tolist() == [0, 1, 0]
    assert Clusters().numbers(pa.array([True, False, True])).tolist() == [0, 1, 0]
