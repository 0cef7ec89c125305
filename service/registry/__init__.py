"""Data sets and fitted models in the process, over the store: values in, values out."""
