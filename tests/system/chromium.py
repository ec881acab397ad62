"""A real browser for tests: headless Chromium, spoken to over its debugging pipe (one JSON message between NULs)."""

import base64
import json
import os
import select
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROGRAM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
PATIENCE = 60
DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"

Message = dict[str, Any]


class Browser:
    """One page of a headless Chromium: what it says on its console and asks of the network is kept in lists."""

    def __init__(self, profile: Path) -> None:
        assert PROGRAM is not None
        command_read, command_write = os.pipe()
        answer_read, answer_write = os.pipe()
        # Chromium reads commands from descriptor 3 and answers on 4, which the shell arranges.
        pipes = f'exec "$0" "$@" 3<&{command_read} 4>&{answer_write}'
        self._process = subprocess.Popen(
            ["bash", "-c", pipes, PROGRAM, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(command_read, answer_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(command_read)
        os.close(answer_write)
        self._commands, self._answers = os.fdopen(command_write, "wb", buffering=0), os.fdopen(answer_read, "rb")
        self._number, self._session, self._rest = 0, "", b""
        self.events: list[Message] = []
        self.downloads = profile / "downloads"
        page = next(t for t in self.send("Target.getTargets")["targetInfos"] if t["type"] == "page")
        attached = self.send("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads), eventsEnabled=True)

    def open(self, page: Path, width: int = 1280, scheme: str = "light", javascript: bool = True) -> None:
        """Load a file at a viewport width in the light or the dark scheme, and wait until it is drawn."""
        self.go(page.as_uri(), width, scheme, javascript)

    def go(self, address: str, width: int = 1280, scheme: str = "light", javascript: bool = True) -> None:
        """The same for any address."""
        self.events.clear()
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.send("Emulation.setScriptExecutionDisabled", value=not javascript)
        self.send("Page.navigate", url=address)
        self.wait(lambda event: event["method"] == "Page.loadEventFired")
        if javascript:
            self.value(DRAWN)

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page, awaited where it is a promise."""
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """Click the first element that the selector finds, as a user does (by its own click method)."""
        self.send(
            "Runtime.evaluate",
            expression=f"document.querySelector({json.dumps(selector)}).click()",
            userGesture=True,
        )

    def picture(self, path: Path, height: int | None = None) -> None:
        """Save what the page looks like, all of it or so many pixels from its top, as a PNG file."""
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height or size["height"], "scale": 1}
        taken = self.send("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def downloaded(self, selector: str) -> str:
        """The text of the file that a click on this element saves."""
        before = len(self.events)
        self.click(selector)
        begun = self.wait(lambda event: event["method"] == "Browser.downloadWillBegin", before)
        self.wait(
            lambda event: event["method"] == "Browser.downloadProgress" and event["params"]["state"] == "completed",
            before,
        )
        return (self.downloads / begun["params"]["suggestedFilename"]).read_text(encoding="utf-8")

    @property
    def console(self) -> list[Message]:
        """All that was said on the console since the page was opened, exceptions and refused requests included."""
        said = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [event for event in self.events if event["method"] in said]

    @property
    def requests(self) -> list[str]:
        """The addresses that the page asked for since it was opened, itself first."""
        return [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]

    def send(self, method: str, **params: Any) -> Message:
        """Send one command and return its answer; events that come meanwhile are kept."""
        self._number += 1
        message: Message = {"id": self._number, "method": method, "params": params}
        if self._session and not method.startswith(("Target.", "Browser.")):
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])
            if "method" in answer:
                self.events.append(answer)

    def wait(self, found: Callable[[Message], bool], start: int = 0) -> Message:
        """The first event since `start` for which `found` holds, read from the pipe until it comes."""
        position = start
        while True:
            while position < len(self.events):
                if found(self.events[position]):
                    return self.events[position]
                position += 1
            message = self._read()
            if "method" in message:
                self.events.append(message)

    def close(self) -> None:
        """End the browser."""
        self.send("Browser.close")
        self._commands.close()
        self._answers.close()
        self._process.wait(timeout=30)

    def _read(self) -> Message:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], PATIENCE)
            assert ready, f"the browser said nothing for {PATIENCE} seconds"
            block = os.read(self._answers.fileno(), 1 << 20)
            assert block, "the browser ended"
            self._rest += block
        text, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(text))
