"""Terms: which there are, in what order, under which names."""

from itertools import combinations_with_replacement

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.solver.errors import AmbiguousTerm
from service.solver.terms import Base, n_terms, terms

NUMBERS = [Base("a"), Base("b"), Base("c")]
COLOURS = [Base("color=red", "color"), Base("color=blue", "color")]


def the_names(bases: list[Base], degree: int, interactions: bool) -> list[str]:
    return [term.name for term in terms(bases, degree, interactions)]


def test_of_degree_one_there_are_the_columns() -> None:
    """A fit that asks for nothing has its columns as terms."""
    assert the_names([*NUMBERS, *COLOURS], 1, False) == ["a", "b", "c", "color=red", "color=blue"]


def test_powers_come_by_degree() -> None:
    """Without interactions only powers of single columns; indicators have none: they are their own squares."""
    assert the_names([*NUMBERS[:2], *COLOURS], 3, False) == ["a", "b", "color=red", "color=blue", "a^2", "b^2", "a^3", "b^3"]


def test_interactions_alone_are_products_of_two_columns() -> None:
    """Degree 1 with interactions: products of pairs, and no squares."""
    assert the_names(NUMBERS, 1, True) == ["a", "b", "c", "a*b", "a*c", "b*c"]


def test_categories_multiply_others_but_not_each_other() -> None:
    """Two indicators of one column are never both 1: their product would be a column of zeros."""
    bases = [Base("a"), *COLOURS, Base("size=L", "size")]

    products = the_names(bases, 2, True)[4:]

    assert products == ["a^2", "a*color=red", "a*color=blue", "a*size=L", "color=red*size=L", "color=blue*size=L"]


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_the_order_is_that_of_scikit_learn(degree: int) -> None:
    """Whoever comes from PolynomialFeatures finds the same columns in the same places."""
    factors = [choice for d in range(1, degree + 1) for choice in combinations_with_replacement(range(3), d)]

    powers = [term.powers for term in terms(NUMBERS, degree, True)]

    assert powers == [tuple((j, choice.count(j)) for j in sorted(set(choice))) for choice in factors]


def test_powers_say_what_is_multiplied() -> None:
    """The place of each column and its exponent, places rising."""
    powers = {term.name: term.powers for term in terms(NUMBERS, 3, True)}

    assert powers["a"] == ((0, 1),)
    assert powers["b^3"] == ((1, 3),)
    assert powers["a^2*c"] == ((0, 2), (2, 1))


@settings(max_examples=60)
@given(
    n_numeric=st.integers(0, 4),
    groups=st.lists(st.integers(1, 3), max_size=3),
    degree=st.integers(1, 4),
    interactions=st.booleans(),
)
def test_terms_are_counted_without_making_them(n_numeric: int, groups: list[int], degree: int, interactions: bool) -> None:
    """The count is that of the terms there are."""
    bases = [Base(f"x{j}") for j in range(n_numeric)]
    bases += [Base(f"{g}={k}", str(g)) for g, size in enumerate(groups) for k in range(size)]

    assert n_terms(n_numeric, groups, degree, interactions) == len(terms(bases, degree, interactions))


def test_an_absurd_degree_is_counted_at_once() -> None:
    """So that it can be refused before memory is spent on it."""
    assert n_terms(20, [3, 5], 10**9, True) > 10**100
    assert n_terms(20, [], 10**12) == 20 * 10**12


def test_two_terms_of_one_name_are_an_error_that_names_it() -> None:
    """A column called as the square of another would be taken for it."""
    with pytest.raises(AmbiguousTerm, match=r"'a\^2'"):
        terms([Base("a"), Base("a^2")], 2)
