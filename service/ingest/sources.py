"""Rows that lie where the service can read them: files under roots that the operator allows, on disk or in an object store.

Files are found and opened by pyarrow.fs and read by the readers of uploads, so that types, limits and errors are the same;
pyarrow.dataset would read CSV by rules of its own and say neither row nor value.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from service.ingest import names, parquet_rows
from service.ingest.csv_rows import Type
from service.ingest.errors import BadSource, IngestError, NoRows
from service.ingest.formats import PARQUET, READERS, SUFFIXES, Asked
from service.ingest.times import TIMESTAMP

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

MOST_FILES = 10_000
GLOB = "*[?"
TYPES: dict[pa.DataType, Type] = {
    pa.float64(): "number", pa.string(): "text", pa.bool_(): "boolean", TIMESTAMP: "timestamp",
}  # fmt: skip


def _fs() -> Any:
    """pyarrow.fs, which takes 4 MB: few services have a root."""
    return import_module("pyarrow.fs")


class Root:
    """A folder under which everything may be read: file:///data, or s3://bucket/prefix with options as pyarrow has them."""

    def __init__(self, uri: str) -> None:
        self.uri, (self.scheme, path) = uri, _split(uri.partition("?")[0])
        self.path = PurePosixPath(os.path.realpath(path) if self.scheme == "file" else path)

    @cached_property
    def files(self) -> "FileSystem":
        """What opens its files. An object store is asked nothing before the first source."""
        found: FileSystem = _fs().FileSystem.from_uri(self.uri)[0]
        return found


@dataclass(frozen=True, slots=True)
class File:
    """A file of a source."""

    root: Root
    path: str

    @property
    def type(self) -> str:
        """Its format. Raises: BadSource."""
        suffix = PurePosixPath(self.path).suffix.lower()
        if suffix not in SUFFIXES:
            raise BadSource(
                f"{PurePosixPath(self.path).name!r} ends in none of {', '.join(SUFFIXES)}; choose files by a pattern"
            )
        return SUFFIXES[suffix]


def found(source: str, roots: Sequence[Root]) -> list[File]:
    """The files that a source names, in the order of their names: one, those of a folder, or those that match a pattern.

    In a folder those are left out that have a part of their name begin with `_` or `.`, as programs that write folders mean it.
    Raises: BadSource: it is not under a root, symbolic links followed, or names none.
    """
    if not roots:
        raise BadSource("no source may be read here; the operator allows some by the setting source_roots")
    scheme, text = _split(source)
    if "?" in source or "#" in source or "@" in urlsplit(source).netloc:
        raise BadSource("a source is an address without options; these belong to the root that the operator allows")
    path = PurePosixPath(text)
    if ".." in path.parts:
        raise BadSource("an address with .. is not read")
    if "**" in path.parts:
        raise BadSource("** is no pattern here: * is one part of a name, and a folder is read with all its folders")
    n_plain = next((i for i, part in enumerate(path.parts) if any(character in part for character in GLOB)), len(path.parts))
    folder, pattern = PurePosixPath(*path.parts[:n_plain]), path.parts[n_plain:]
    if scheme == "file":
        folder = PurePosixPath(os.path.realpath(folder))
    root = next((root for root in roots if root.scheme == scheme and folder.is_relative_to(root.path)), None)
    if root is None:
        raise BadSource(f"{source!r} is not under a root that the operator allows by the setting source_roots")
    try:
        paths = _local(folder) if scheme == "file" else _stored(root, folder)
    except OSError as error:
        raise BadSource(str(error)) from None
    chosen = sorted(path for path in paths if _matches(PurePosixPath(path).relative_to(folder).parts, pattern))
    if not chosen:
        raise BadSource(f"there is no file at {source!r}")
    if len(chosen) > MOST_FILES:
        raise BadSource(f"there are {len(chosen)} files; at most {MOST_FILES} are read at once")
    if scheme == "file":
        for name in chosen:
            _check(name, roots)
    return [File(root, path) for path in chosen]


def batches(files: Sequence[File], asked: Asked) -> Iterator[pa.RecordBatch]:
    """The rows of the files, one after the other, their columns by the names and types of the first that has rows.

    Raises: as the readers, rows counted from the first of the file that the error names as `file`; BadSource: another has other
        columns, or cannot be opened.
    """
    return names.limited(_batches(files, asked), asked.max_rows)


def _batches(files: Sequence[File], asked: Asked) -> Iterator[pa.RecordBatch]:
    schema: pa.Schema | None = None
    for file in files:
        try:
            with _opened(file) as stream:
                read = parquet_rows.of_file(stream, asked.max_columns, asked.max_rows) if file.type == PARQUET else None
                for batch in read or READERS[file.type](stream, asked):
                    schema = schema or batch.schema
                    yield _as(schema, batch)
        except NoRows:
            continue  # as an empty part of a folder is
        except IngestError as error:
            vars(error)["file"] = PurePosixPath(file.path).name
            raise
        except OSError as error:
            raise BadSource(str(error)) from None
        if schema is not None and asked.types is None:
            asked = replace(asked, types={field.name: TYPES[field.type] for field in schema})


def _as(schema: pa.Schema, batch: pa.RecordBatch) -> pa.RecordBatch:
    if set(schema.names) != set(batch.schema.names):
        raise BadSource(f"its columns are {', '.join(batch.schema.names[:10])}, and not those of the files before it")
    columns: list[Any] = [batch.column(name) for name in schema.names]
    for j, field in enumerate(schema):
        if columns[j].type != field.type:
            if columns[j].null_count < len(columns[j]):
                raise BadSource(f"its column {field.name!r} is of {TYPES[columns[j].type]}, and before of {TYPES[field.type]}")
            columns[j] = pa.nulls(len(columns[j]), field.type)
    return names.record_batch(columns, schema.names)


def _opened(file: File) -> AbstractContextManager[Any]:
    return file.root.files.open_input_file(file.path) if file.type == PARQUET else file.root.files.open_input_stream(file.path)


def _split(uri: str) -> tuple[str, str]:
    """The scheme, and the path as pyarrow.fs has it: of an object store with the bucket before it. Raises: BadSource."""
    error = BadSource(f"{uri!r} is no address as file:///folder/name or s3://bucket/name is")
    try:
        parts = urlsplit(uri)
    except ValueError:  # a bracket in the host
        raise error from None
    if not parts.scheme or (parts.scheme == "file") != (not parts.netloc) or "\0" in unquote(uri):
        raise error
    host = parts.netloc.rpartition("@")[2]
    return parts.scheme, host + unquote(parts.path)


def _local(folder: PurePosixPath) -> list[str]:
    """The files there. Raises: OSError: a folder in it cannot be read, whose files would be left out."""
    if Path(folder).is_file():
        return [str(folder)]
    return [str(Path(at) / name) for at, _, inside in os.walk(folder, onerror=_raised) for name in inside]


def _raised(error: OSError) -> None:
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):  # what is not there has no files
        raise error


def _check(path: str, roots: Sequence[Root]) -> None:
    """Raises: BadSource: it cannot be read, but is not to be left out: rows would be missing, and nobody told.

    A pipe would hold up a thread for ever.
    """
    real, name = PurePosixPath(os.path.realpath(path)), os.fsencode(Path(path).name).decode(errors="replace")
    if not any(root.scheme == "file" and real.is_relative_to(root.path) for root in roots):
        raise BadSource(f"{name!r} is a link to what is not under a root that the operator allows by the setting source_roots")
    if not Path(real).is_file():
        raise BadSource(f"{name!r} is no file, or a link to none")
    if "\ufffd" in os.fsencode(path).decode(errors="replace"):
        raise BadSource(f"{name!r} lies at a path that is not UTF-8")


def _stored(root: Root, folder: PurePosixPath) -> list[str]:
    info = root.files.get_file_info(str(folder))
    if info.type == _fs().FileType.File:
        return [info.path]
    inside = root.files.get_file_info(_fs().FileSelector(str(folder), recursive=True, allow_not_found=True))
    return [info.path for info in inside if info.type == _fs().FileType.File]


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    if pattern:
        return len(parts) == len(pattern) and all(map(fnmatchcase, parts, pattern))
    return not any(part.startswith(("_", ".")) for part in parts)
