"""The inverse of a positive definite matrix of integers, in balls."""

from flint import arb_mat, fmpz_mat


def inverse(gram: fmpz_mat) -> arb_mat:
    """Balls that hold each entry of gram^-1, (p, p), at the precision in force; `gram` symmetric, positive definite.

    Raises: ZeroDivisionError: balls cannot tell the matrix from a singular one.
    """
    return arb_mat(gram).inv()
