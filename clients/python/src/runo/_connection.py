"""The connection to the service that the synchronous client shares with its jobs."""

from __future__ import annotations

import time
from typing import Any

import httpx

from . import _calls
from ._calls import Call
from ._errors import JobNotFound
from ._rows import read_json
from ._send import CONNECTION_ERRORS, Deadline, Sender
from ._types import JobInfo, job_of


class Connection:
    """Sends calls and retries them. Knows the two calls that a job makes about itself."""

    def __init__(self, http: httpx.Client, sender: Sender) -> None:
        self.http = http
        self.sender = sender

    def send(self, call: Call, deadline: Deadline, *, stream: bool = False) -> httpx.Response:
        """Sends a call until it succeeds; raises the error that ends the attempts."""
        attempts = self.sender.attempts()
        while True:
            try:
                response = self.http.send(self.sender.request(self.http, call), stream=stream)
                self.sender.reached = True
                if response.is_success:
                    return response
                response.read()
            except CONNECTION_ERRORS as error:
                delay = self.sender.connection_failed(attempts, error, deadline)
            else:
                delay = self.sender.error_response(attempts, response, deadline)
            time.sleep(delay)

    def json(self, call: Call) -> dict[str, Any]:
        """Sends a call and returns the members of its JSON response."""
        return read_json(self.send(call, Deadline(None)).content)

    def job(self, job_id: str) -> JobInfo:
        """Returns a job's state and progress."""
        return job_of(self.json(_calls.job(job_id)))

    def cancel(self, job_id: str) -> bool:
        """Cancels a job. Returns False if it had already ended by itself. Raises JobNotFound if it does not exist."""
        try:
            self.json(_calls.cancel(job_id))
        except JobNotFound:
            # The job has ended, perhaps by an earlier attempt of this call whose response was lost.
            return self.job(job_id).status == "cancelled"
        return True
