"""Batch descent is the recurrence itself, to 1e-13 of the largest term of each figure, at any epoch."""

from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from service.solver.balls import precision
from service.solver.descent import Trajectory, trajectory
from service.solver.errors import NoFeatures, TooFewRows
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.sample import line
from tests.solver.exact_descent import BITS, ExactDescent

Floats = NDArray[np.float64]
EPOCHS = (0, 1, 2, 10, 1_000, 1_001, 10_000, 100_000)
RNG = np.random.default_rng(7)


def near_a_million() -> tuple[Floats, Floats]:
    """A column whose spread is a millionth of its size: a float64 eigensolver loses ten digits here."""
    X = 1e6 + RNG.uniform(-1, 1, (50, 1)).round(3)
    return X, (3.0 + 2.0 * X[:, 0] + RNG.normal(size=50)).round(2)


def wide_scales() -> tuple[Floats, Floats]:
    """Columns from 0.1 to a million in size."""
    X = RNG.normal(1.0, 1.0, (40, 5)) * np.array([0.1, 3.0, 100.0, 1e4, 1e6])
    return X, X @ np.array([10.0, 1.0, 0.1, 1e-4, 1e-6]) + RNG.normal(size=40)


def one_hot() -> tuple[Floats, Floats]:
    """Four balanced groups: repeated eigenvalues, and with an intercept exactly singular."""
    X = np.repeat(np.eye(4), 5, axis=0)
    return X, RNG.normal(size=20) + np.repeat([1.0, 2.0, 3.0, 5.0], 5)


def one_hot_and_a_number() -> tuple[Floats, Floats]:
    """Balanced groups beside an ordinary column."""
    X, y = one_hot()
    return np.column_stack([X[:, 1:], RNG.normal(size=20)]), y


def an_exact_line() -> tuple[Floats, Floats]:
    """No residual: the loss falls towards zero itself, and must do so in all its digits."""
    X = np.arange(10.0)[:, None]
    return X, 3.0 + 2.0 * X[:, 0]


def orthogonal() -> tuple[Floats, Floats]:
    """Centred columns, one of them at a right angle to the target: what is zero stays exactly zero."""
    X = np.array([[-1.0, 1.0], [1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    return X, np.array([1.0, 2.0, 1.0, 2.0])


def nearly_dependent() -> tuple[Floats, Floats]:
    """Two columns that differ in the tenth digit."""
    x = RNG.normal(size=30)
    return np.column_stack([x, x + 1e-10 * RNG.normal(size=30)]), x + RNG.normal(size=30)


def few_rows() -> tuple[Floats, Floats]:
    """Fewer rows than columns: the path ends at the solution of least norm."""
    return RNG.normal(size=(3, 6)), RNG.normal(size=3)


def extremes() -> tuple[Floats, Floats]:
    """1e-40 beside 1e40."""
    X = RNG.normal(size=(12, 2)) * np.array([1e-40, 1e40])
    return X, RNG.normal(size=12)


DESIGNS = {
    design.__name__: design()
    for design in (
        near_a_million, wide_scales, one_hot, one_hot_and_a_number, an_exact_line, orthogonal, nearly_dependent,
        few_rows, extremes,
    )
}  # fmt: skip


def descend(
    X: Floats, y: Floats, *, fit_intercept: bool = True, rate: float | None = None, numbers: Numbers = "float64"
) -> Trajectory:
    """The trajectory on these rows; the automatic rate if none is given."""
    names = [f"x{j}" for j in range(X.shape[1])]
    moments = Moments.of(np.column_stack([X, y]), [*names, "y"], numbers)
    return trajectory(moments, "y", names, fit_intercept, "auto" if rate is None else rate)


def worst(path: Trajectory, exact: ExactDescent, epochs: tuple[int, ...]) -> float:
    """The largest error, of the largest term of its figure; figures that do not fit a double are left out."""
    losses, thetas = path.at(np.array(epochs))
    errors = [0.0]
    with precision(BITS):
        for k, terms, found_loss, found in zip(epochs, exact.largest_terms(epochs), losses, thetas, strict=True):
            loss, theta = exact.at(k)
            if loss < arb(10) ** 307:
                errors.append(relative(float(found_loss), loss, loss))
            for value, true, term in zip(found, theta, terms, strict=True):
                if term < arb(10) ** 307:
                    errors.append(relative(float(value), true, term))
    return max(errors)


def relative(found: float, true: arb, term: arb) -> float:
    """|found - true| / term; an underflow is no error."""
    error = abs(arb(found) - true)
    if not error > arb(10) ** -300:
        return 0.0
    return float(error / term) if term > 0 else np.inf


@pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no intercept"])
@pytest.mark.parametrize("rate", [1.0, 0.01, 2.0 * (1 - 1e-9), 2.02, 3.5], ids=["auto", "slow", "edge", "over", "far"])
@pytest.mark.parametrize("design", DESIGNS)
def test_every_epoch_is_the_exact_one(design: str, rate: float, fit_intercept: bool) -> None:
    """To 1e-13 of the largest term: any scale, repeated or zero eigenvalues, a billionth below the limit or above it."""
    X, y = DESIGNS[design]
    auto = descend(X, y, fit_intercept=fit_intercept).learning_rate
    path = descend(X, y, fit_intercept=fit_intercept, rate=auto * rate)
    assert path.diverges == (rate > 2)

    assert worst(path, ExactDescent(X, y, fit_intercept, path.learning_rate), EPOCHS) <= 1e-13


@settings(max_examples=60)
@given(
    rows=arrays(np.float64, st.tuples(st.integers(1, 8), st.integers(1, 4)), elements=st.integers(-3, 3).map(float)),
    rate=st.sampled_from([0.25, 0.999, 1.0, 1.5, 2.1]),
)
def test_small_integers_with_all_their_coincidences_are_exact_too(rows: Floats, rate: float) -> None:
    """Zero columns, equal columns, eigenvalues that repeat or are whole numbers, targets at right angles to a column."""
    X, y = rows[:, :-1], rows[:, -1]
    path = descend(X, y, rate=descend(X, y).learning_rate * rate)

    assert worst(path, ExactDescent(X, y, True, path.learning_rate), (0, 1, 2, 3, 50, 1_000, 1_000_000)) <= 1e-13


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_a_mode_without_any_part_in_the_target_leaves_nothing_in_the_loss(scale: float) -> None:
    """Balanced groups and a constant target: what rounding puts into the other modes must not outlive the true one."""
    X, y = np.tile(np.eye(4), (12, 1)) * scale, np.ones(48)
    path = descend(X, y, rate=descend(X, y).learning_rate * 1e-4)

    assert worst(path, ExactDescent(X, y, True, path.learning_rate), (10, 10**4, 10**6)) <= 1e-13


def test_rates_at_which_a_mode_ends_at_once_or_swings_for_ever_are_exact() -> None:
    """Eigenvalues 1, 1/2 and 1/4 at rate 2: theta is back at zero, or there at once, and not nearly so."""
    X = np.array([[2.0, 0, 0], [2.0, 0, 0], [0, 2.0, 0], [0, 0, 1.0], [0, 0, 1.0], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
    y = np.ones(8)
    path = descend(X, y, rate=2.0, fit_intercept=False)

    _, theta = path.at(np.array([1, 2, 10**6 + 1, 10**6]))

    assert theta[:, 1].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert theta[:, 2].tolist() == [0.5, 0.5, 0.5, 0.5]
    assert not path.diverges


def test_a_rate_that_misses_an_eigenvalue_by_a_hair_is_told_from_one_that_hits_it() -> None:
    """With lambda 1 + 1e-40 and rate 1 the loss falls to 1e-80 of what it was, and every digit of that is right."""
    X, y = np.full((5, 1), 1e-20), np.ones(5)
    path = descend(X, y)

    assert path.learning_rate == 1.0
    assert worst(path, ExactDescent(X, y, True, 1.0), (1, 2, 3)) <= 1e-13


def test_decimals_descend_as_decimals() -> None:
    """0.1 is one tenth if the moments say so."""
    X, y = np.array([[0.1], [0.2], [0.7]]), np.array([0.3, 0.1, 0.9])
    path = descend(X, y, numbers="decimal")

    assert worst(path, ExactDescent(X, y, True, path.learning_rate, decimal=True), EPOCHS) <= 1e-13


def test_epoch_a_billion_is_as_near_as_epoch_one() -> None:
    """At a rate a billionth below the limit the swing is still there after 10^9 epochs, and right."""
    X, y = DESIGNS["wide_scales"]
    path = descend(X, y, rate=descend(X, y).learning_rate * 2 * (1 - 1e-9))

    assert worst(path, ExactDescent(X, y, True, path.learning_rate), (10**9 - 1, 10**9)) <= 1e-13


@pytest.mark.parametrize("design", DESIGNS)
def test_an_epoch_has_the_same_bits_whichever_others_are_asked_for_with_it(design: str) -> None:
    """A client who resumes a stream, thins it or asks for one epoch reads what the first client read."""
    X, y = DESIGNS[design]
    names = tuple(f"x{j}" for j in range(X.shape[1]))
    found = trajectory(Moments.of(np.column_stack([X, y]), (*names, "y")), "y", names, True, "auto")
    loss, theta = found.at(np.arange(600))

    for i in (0, 1, 7, 599):
        one_loss, one_theta = found.at(np.array([i]))
        assert one_loss.tobytes() == loss[i : i + 1].tobytes()
        assert one_theta.tobytes() == theta[i : i + 1].tobytes()


def test_descent_is_what_a_loop_over_the_rows_does() -> None:
    """The article's recurrence in numpy over 1,000 epochs, to the rounding that such a loop piles up."""
    X, y = RNG.normal(size=(200, 3)), RNG.normal(size=200)
    path = descend(X, y, rate=0.1)
    ones = np.column_stack([np.ones(200), X])
    thetas = [np.zeros(4)]
    for _ in range(1_000):
        thetas.append(thetas[-1] - 0.1 * ones.T @ (ones @ thetas[-1] - y) / 200)
    losses = [np.mean((y - ones @ theta) ** 2) for theta in thetas]

    found_loss, found = path.at(np.arange(1_001))

    np.testing.assert_allclose(found, thetas, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found_loss, losses, rtol=1e-12)


def test_the_articles_example_comes_to_within_five_hundredths_of_the_line() -> None:
    """50 points of slope pi, noise 0.5, rate 0.01, 10,000 epochs."""
    x, y = line(50, np.pi, 0.0, 0.5, random_state=0)
    path = descend(x[:, None], y, rate=0.01)

    _, theta = path.at(np.array([10_000]))

    slope, intercept = np.polyfit(x, y, 1)
    assert np.abs(theta[0] - [intercept, slope]).max() < 0.05


@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-7, 1e-9])
@pytest.mark.parametrize("design", ["wide_scales", "an_exact_line", "one_hot"])
def test_stop_is_the_first_epoch_that_a_scan_finds(design: str, tol: float) -> None:
    """The first epoch whose loss fell by less than tol times the one before, or the last."""
    path, last = descend(*DESIGNS[design]), 3_000
    losses, _ = path.at(np.arange(last + 1))
    fell = losses[:-1] - losses[1:]
    # Where the fall is lost in the rounding of the losses themselves, the scan cannot tell.
    clear = np.abs(fell - tol * losses[:-1]) > 1e-14 * losses[:-1]
    short = fell < tol * losses[:-1]

    stop = path.stop(tol, last)

    assert not (short & clear)[: stop - 1].any()
    assert stop == last or short[stop - 1] or not clear[stop - 1]


def test_an_exact_line_stops_where_it_should_though_its_loss_has_left_the_doubles() -> None:
    """Losses of 1e-400 still fall at a rate: there is no epoch to stop at, and underflow must not invent one."""
    path = descend(*DESIGNS["an_exact_line"])

    assert path.at(np.array([10**6]))[0] == 0.0
    assert path.stop(1e-9, 10**6) == 10**6
    assert path.stop(0.5, 10**6) < 10


@pytest.mark.parametrize("tol", [1e-6, 1e-23, 1e-300])
def test_the_scale_of_the_target_does_not_move_where_it_stops(tol: float) -> None:
    """Losses near the least double, 1e-300, times a small tol are no double any more."""
    x, y = np.arange(4.0)[:, None], np.array([1.16, 1.97, 1.52, 1.12])

    assert descend(x, y * 1e-150).stop(tol, 10**5) == pytest.approx(descend(x, y).stop(tol, 10**5), abs=1)


def test_a_loss_of_0_never_falls_short() -> None:
    """It fell by 0, which is not less than any share of 0."""
    assert descend(np.arange(1.0, 4.0)[:, None], np.zeros(3)).stop(0.5, 100) == 100


def test_a_diverging_descent_stops_at_once_if_asked_to_stop_when_the_loss_no_longer_falls() -> None:
    """Growth is log-convex too."""
    X, y = DESIGNS["wide_scales"]
    path = descend(X, y, rate=descend(X, y).learning_rate * 3)
    losses, _ = path.at(np.arange(200))

    assert path.stop(1e-6, 10**9) == 1 + int(np.argmax(losses[:-1] - losses[1:] < 1e-6 * losses[:-1]))


def test_what_overflows_is_not_finite_and_warns_nobody() -> None:
    """Callers write null; a component in which the growing mode has no part stays what it is."""
    X, y = np.array([[-1.0], [1.0], [-1.0], [1.0]]) * 10.0, np.array([1.0, 2.0, 1.0, 2.0])
    path = descend(X, y, rate=0.1)

    loss, theta = path.at(np.array([10**6]))

    assert path.diverges
    assert not np.isfinite(loss[0])
    assert not np.isfinite(theta[0, 1])
    assert theta[0, 0] == 1.5


@pytest.mark.parametrize("design", DESIGNS)
def test_the_largest_stable_rate_is_stable_and_the_next_double_is_not(design: str) -> None:
    """It is 2 / lambda_max rounded down: at it no loss ever rises."""
    limit = descend(*DESIGNS[design]).largest_stable
    at_limit, beyond = (descend(*DESIGNS[design], rate=rate) for rate in (limit, float(np.nextafter(limit, np.inf))))

    losses, _ = at_limit.at(np.array([0, 1, 10**3, 10**6, 10**9]))

    assert not at_limit.diverges
    assert beyond.diverges
    assert (at_limit.q.log_hi <= 0.0).all()
    assert (beyond.q.log_hi > 0.0).any()
    assert (np.diff(losses) <= 1e-15 * losses[:-1]).all()


def test_descent_without_a_unique_end_goes_to_the_solution_of_least_norm() -> None:
    """Starting from zero it never leaves the span of the rows."""
    for design in ("one_hot", "few_rows"):
        X, y = DESIGNS[design]
        path = descend(X, y)

        _, theta = path.at(np.array([10**9]))

        expected = np.linalg.pinv(np.column_stack([np.ones(len(X)), X])) @ y
        np.testing.assert_allclose(path.optimum, expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(theta[0], expected, rtol=1e-9, atol=1e-12)


def test_the_distance_to_the_optimum_does_not_cancel() -> None:
    """Where theta and the optimum agree in all their digits, what is left between them is still known."""
    path = descend(*DESIGNS["wide_scales"])
    epochs = np.array([0, 1_000, 10**9])
    loss, theta = path.at(epochs)

    excess, distance = path.distance(epochs)

    np.testing.assert_allclose(excess, loss - path.optimal_loss, atol=1e-15 * loss[0])
    np.testing.assert_allclose(distance, np.abs(theta - path.optimum).max(axis=1), atol=1e-15 * np.abs(path.optimum).max())
    assert 0 < distance[2] < distance[1] < distance[0]


def test_the_least_loss_of_an_exact_fit_is_exactly_zero() -> None:
    """The rank says so, not a tolerance."""
    assert descend(*DESIGNS["an_exact_line"]).optimal_loss == 0.0
    assert descend(*DESIGNS["few_rows"]).optimal_loss == 0.0


def test_columns_of_zeros_do_not_move_at_any_rate() -> None:
    """With nothing to learn from, theta stays zero and the loss the mean square."""
    path = descend(np.zeros((3, 2)), np.array([1.0, 2.0, 3.0]), fit_intercept=False)

    loss, theta = path.at(np.array([0, 5]))

    assert not path.diverges
    assert (theta == 0.0).all()
    assert loss.tolist() == [14 / 3, 14 / 3]
    assert path.stop(1e-3, 10) == 1


def test_a_trajectory_travels_between_processes() -> None:
    """Workers compute it and send it back."""
    path = descend(*DESIGNS["wide_scales"])
    copy = ForkingPickler.loads(ForkingPickler.dumps(path))

    np.testing.assert_array_equal(copy.at(np.arange(9))[1], path.at(np.arange(9))[1])


def test_no_rows_and_no_columns_are_refused_by_name() -> None:
    """There is nothing to descend on."""
    with pytest.raises(TooFewRows):
        descend(np.zeros((0, 1)), np.zeros(0))
    with pytest.raises(NoFeatures):
        descend(np.zeros((3, 0)), np.zeros(3), fit_intercept=False)
