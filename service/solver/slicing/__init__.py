"""Rows in, exact integer sums of products out: values are cut into slices so short that the float64 products are exact.

A row goes the cheapest road it can (`cascade`): three slices and a matrix product for most, up to twelve for those whose
values lie far apart, Python's integers beyond. `accumulation` is the door; `double_rows` and `decimal_rows` bring the two
readings to it.

What is summed is a kind of `products`: those of all pairs of columns, or of monomials in them. A monomial is the exact
product of its columns as arrays of `digits`, which are slices; its rows, too, go the cheapest road (`term_gathering`).
"""
