"""The condition number of the columns: how near they come to being linearly dependent."""

from math import sqrt

import numpy as np

from service.solver.correlation import Inverted


def condition_number(inverted: Inverted) -> float:
    """The largest singular value of the columns over the smallest, right to 1e-13 or so however large it is.

    Of columns scaled to unit length, about their means where an intercept is fitted, so that neither units nor offsets
    count: 1 for columns that are uncorrelated, infinite beyond a double. The smallest eigenvalue of the correlation matrix
    comes as one over the largest of its inverse, for the largest ones lose no digits; for two columns it is 1 - |r|.
    """
    equation = inverted.equation
    p = equation.n_features
    if p < 2:
        return 1.0
    if p == 2:
        a, b, c = (int(equation.gram[i, j]) for i, j in ((0, 0), (0, 1), (1, 1)))
        try:
            return (1 + sqrt(b * b / (a * c))) * sqrt(a * c / (a * c - b * b))
        except OverflowError:
            return float("inf")
    correlation, inverse = np.array(inverted.correlation()), np.array(inverted.inverse_correlation())
    if not np.isfinite(inverse).all():
        return float("inf")
    # Not the product of the two, which might overflow.
    return sqrt(np.linalg.eigvalsh(correlation)[-1]) * sqrt(np.linalg.eigvalsh(inverse)[-1])
