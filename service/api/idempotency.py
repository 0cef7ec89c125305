"""`Idempotency-Key`: a retry of a request that made something gets the answer that was given, not another thing."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Annotated, Any

import orjson
import sqlalchemy as sa
from fastapi import Header
from starlette.requests import Request

from service.api.errors import InvalidKey
from service.registry.receipts import Receipt, Receipts

MAX_LENGTH = 255

Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="The same key with the same request gets the answer already given."),
]


class Claim:
    """One request under its key, or under none; it hashes what is asked while that is read."""

    def __init__(self, receipts: Receipts, key: str | None, request: Request) -> None:
        self._receipts, self._key = receipts, key
        self.is_keyed = key is not None
        if self.is_keyed:
            self._hash = hashlib.sha256()
            # Not Accept, nor Prefer: who gave up waiting may come back for the stream of the same job.
            type_ = request.headers.get("content-type", "")
            self.takes(repr((request.method, request.url.path, request.url.query, type_)).encode())

    def takes(self, piece: bytes) -> None:
        """More of the request."""
        if self.is_keyed:
            self._hash.update(piece)

    def through(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The pieces, each noted on its way."""
        return self._noted(pieces) if self.is_keyed else pieces

    async def _noted(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in pieces:
            self._hash.update(piece)
            yield piece

    def known(self) -> Receipt | None:
        """What is kept under the key, for this request or another."""
        return None if self._key is None else self._receipts.kept(self._key)

    def answer(self, receipt: Receipt) -> dict[str, Any]:
        """The answer that is kept, once all of this request was noted. Raises: KeyReused: it was given to another."""
        answer: dict[str, Any] = orjson.loads(receipt.answer_to(self._hash.hexdigest()))
        return answer

    def keep(self, connection: sa.Connection, answer: dict[str, Any]) -> None:
        """Keep the answer, in the transaction that makes what it speaks of."""
        if self._key is not None:
            self._receipts.keep(connection, self._key, self._hash.hexdigest(), orjson.dumps(answer))


def claimed(receipts: Receipts, key: str | None, request: Request) -> AbstractAsyncContextManager[Claim]:
    """The request's claim on its key while it runs. Raises, when it is entered: InvalidKey, KeyInUse."""
    claim = Claim(receipts, key, request)
    return nullcontext(claim) if key is None else _held(receipts, key, claim)


@asynccontextmanager
async def _held(receipts: Receipts, key: str, claim: Claim) -> AsyncIterator[Claim]:
    if not (0 < len(key) <= MAX_LENGTH and key.isascii() and key.isprintable()):
        raise InvalidKey
    with receipts.running(key):
        yield claim
