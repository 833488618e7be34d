"""A headless Chromium for tests, driven over its own pipe: what a person clicks and presses, and what comes of it."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "chrome")
KEYS = {"Escape": 27, "Enter": 13, "Tab": 9}


class Browser:
    """One page of one browser."""

    def __init__(self, profile: Path) -> None:
        command = next(filter(None, map(shutil.which, COMMANDS)), None)
        if command is None:
            pytest.skip("there is no Chromium on this machine")
        reads, self._write = os.pipe()
        self._read, writes = os.pipe()
        # Chromium reads its commands from descriptor 3 and answers on 4.
        script = f'exec 3<&{reads} 4>&{writes}; exec "$@"'
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run"]
        self._process = subprocess.Popen(
            ["bash", "-c", script, "bash", command, *options, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(reads, writes), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(reads)
        os.close(writes)
        self._buffer = b""
        self._number = 0
        self._session = ""
        self.heard: list[dict[str, Any]] = []
        """Events, in order."""
        target = self.do("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log", "Accessibility"):
            self.do(f"{domain}.enable")

    def do(self, method: str, **params: Any) -> Any:
        """One command of the DevTools protocol, and its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            frame = self._next()
            if frame.get("id") == self._number:
                assert "error" not in frame, frame
                return frame["result"]
            self.heard.append(frame)

    def open(self, path: Path) -> None:
        """Show a file, and wait until it is there."""
        self.heard.clear()
        self.do("Page.navigate", url=path.as_uri())
        while not any(each.get("method") == "Page.loadEventFired" for each in self.heard):
            self.heard.append(self._next())

    def see(self, expression: str) -> Any:
        """The value of an expression in the page."""
        found = self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def click(self, selector: str) -> None:
        """With the mouse, in the middle of the first element that is so selected."""
        box = self.see(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center'}});"
            " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.do("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def press(self, *keys: str) -> None:
        """Keys of the keyboard, one after the other."""
        for key in keys:
            text = {"text": key} if len(key) == 1 else {}
            code = {"windowsVirtualKeyCode": KEYS.get(key, ord(key[0].upper()))}
            self.do("Input.dispatchKeyEvent", type="keyDown", key=key, **text, **code)
            self.do("Input.dispatchKeyEvent", type="keyUp", key=key, **code)

    def requests(self) -> list[str]:
        """Addresses that the page asked for since it was opened."""
        sent = [each for each in self.heard if each.get("method") == "Network.requestWillBeSent"]
        return [each["params"]["request"]["url"] for each in sent]

    def troubles(self) -> list[dict[str, Any]]:
        """What the console would show in red."""
        methods = {"Runtime.exceptionThrown", "Log.entryAdded"}
        return [each for each in self.heard if each.get("method") in methods]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._write)
            os.close(self._read)
        self._process.terminate()
        self._process.wait(timeout=20)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            part = os.read(self._read, 1 << 20)
            assert part, "the browser is gone"
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(line))


@contextlib.contextmanager
def browsing(profile: Path) -> Iterator[Browser]:
    """A browser that is closed in the end."""
    browser = Browser(profile)
    try:
        yield browser
    finally:
        browser.close()
