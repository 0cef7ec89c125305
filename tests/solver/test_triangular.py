"""Products of triangular matrices in twice the digits: those of fractions."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.solver.triangular import Triangular


@given(seed=st.integers(0, 2**32), k=st.integers(1, 6), extra=st.integers(0, 2))
def test_a_product_has_twice_the_digits_of_doubles(seed: int, k: int, extra: int) -> None:
    """Also where columns before the diagonal are 0 throughout, or a row reaches further than its own column."""
    rng = np.random.default_rng(seed)
    P = k + extra
    matrix = np.tril(rng.normal(size=(2, k, P)), extra) * np.array([1.0, 2.0**-54])[:, None, None]
    if extra:
        matrix[:, :, 0] = 0.0
    values = rng.normal(size=(2, P, 3)) * np.array([1.0, 2.0**-54])[:, None, None]
    total, rest = Triangular.of(matrix).times(*values)
    exact = [[[Fraction(a) + Fraction(b) for a, b in zip(*rows, strict=True)] for rows in zip(*pair, strict=True)]
             for pair in ((matrix[0].tolist(), matrix[1].tolist()), (values[0].tolist(), values[1].tolist()))]  # fmt: skip
    for i in range(k):
        for m in range(3):
            parts = [exact[0][i][j] * exact[1][j][m] for j in range(P)]
            got = Fraction(total[i, m]) + Fraction(rest[i, m])
            assert abs(got - sum(parts)) <= Fraction(1, 2**95) * (sum(map(abs, parts)) or 1)
