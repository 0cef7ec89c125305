"""Every run of the tests draws the same examples: what fails here fails for whoever looks."""

from hypothesis import settings

settings.register_profile("linefit", derandomize=True, deadline=None)
settings.load_profile("linefit")
