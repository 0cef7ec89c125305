"""HTTP: a file per resource, its Pydantic models beside its routes."""
