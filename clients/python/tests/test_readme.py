"""Runs each snippet of the README as it stands, one after the other."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support import KEY, REPOSITORY, Server

README = REPOSITORY / "clients/python/README.md"


def test_the_snippets_run(server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("RUNO_API_KEY", KEY)
    monkeypatch.setenv("RUNO_BASE_URL", server.base)
    snippets = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.M | re.S)
    assert len(snippets) == 6
    scope: dict[str, Any] = {"__name__": "readme"}
    for snippet in snippets:
        # Compiled like a separate file, without this file's __future__ import.
        code = compile(snippet.replace("http://127.0.0.1:8080", server.base), str(README), "exec", dont_inherit=True)
        exec(code, scope)
    shown = capsys.readouterr().out
    for words in ["Copper Kettle 49.9", "19 Copper Kettle", "20 0 20", "['Copper Kettle'", "1 completed", "4 True",
                  "title='Copper Kettle' price=49.9", "JOB_NOT_FOUND False"]:
        assert words in shown
    scope["client"].close()
