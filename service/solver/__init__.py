"""numpy, scipy and flint: pure functions and values that know nothing of HTTP, storage or jobs."""
