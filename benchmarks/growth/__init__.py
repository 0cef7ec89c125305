"""How time grows with rows, columns, models and clients, beside what theory says of it."""
