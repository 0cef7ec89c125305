"""Forms with one file: what a part may be called, and what a boundary may be."""

import io

import pytest

from service.ingest.errors import BadMultipart
from service.ingest.multipart import File


def form(name: bytes) -> io.BytesIO:
    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n\r\n'
    return io.BytesIO(head + b"x\n1\n\r\n--B--\r\n")


@pytest.mark.parametrize("name", ["дом.CSV".encode(), "naïve.csv".encode("latin-1"), "家.csv".encode(), b"\xff\xfe.csv"])
def test_a_file_may_be_called_whatever_its_user_likes(name: bytes) -> None:
    """In any script, as curl and browsers send it, and in bytes that are no UTF-8: its end alone is looked at."""
    file = File(form(name), "multipart/form-data; boundary=B")
    assert (file.suffix, file.read(100)) == (".csv", b"x\n1\n")


def test_a_boundary_that_is_too_long_is_the_clients_mistake() -> None:
    """RFC 2046 has 70 characters at most; the parser takes 256."""
    with pytest.raises(BadMultipart, match="256"):
        File(form(b"a.csv"), "multipart/form-data; boundary=" + "B" * 257)
