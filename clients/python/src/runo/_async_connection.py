"""The connection to the service that the asynchronous client shares with its jobs."""

from __future__ import annotations

from typing import Any

import anyio
import httpx

from . import _calls
from ._calls import Call
from ._errors import JobNotFound
from ._rows import read_json
from ._send import CONNECTION_ERRORS, Deadline, Sender
from ._types import JobInfo, job_of


class AsyncConnection:
    """Sends calls without blocking and retries them. Knows the two calls that a job makes about itself."""

    def __init__(self, http: httpx.AsyncClient, sender: Sender) -> None:
        self.http = http
        self.sender = sender

    async def send(self, call: Call, deadline: Deadline, *, stream: bool = False) -> httpx.Response:
        """Sends a call until it succeeds; raises the error that ends the attempts."""
        attempts = self.sender.attempts()
        while True:
            try:
                response = await self.http.send(self.sender.request(self.http, call), stream=stream)
                self.sender.reached = True
                if response.is_success:
                    return response
                await response.aread()
            except CONNECTION_ERRORS as error:
                delay = self.sender.connection_failed(attempts, error, deadline)
            else:
                delay = self.sender.error_response(attempts, response, deadline)
            await anyio.sleep(delay)

    async def json(self, call: Call) -> dict[str, Any]:
        """Sends a call and returns the members of its JSON response."""
        return read_json((await self.send(call, Deadline(None))).content)

    async def job(self, job_id: str) -> JobInfo:
        """Returns a job's state and progress."""
        return job_of(await self.json(_calls.job(job_id)))

    async def cancel(self, job_id: str) -> bool:
        """Cancels a job. Returns False if it had already ended by itself. Raises JobNotFound if it does not exist."""
        try:
            await self.json(_calls.cancel(job_id))
        except JobNotFound:
            # The job has ended, perhaps by an earlier attempt of this call whose response was lost.
            return (await self.job(job_id)).status == "cancelled"
        return True
