"""A real browser for tests: Chromium without a window, driven by the DevTools protocol over a websocket."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient
from tornado.websocket import WebSocketClientConnection, websocket_connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-default-apps", "--disable-extensions", "--mute-audio", "--remote-debugging-port=0"),
    *("--autoplay-policy=no-user-gesture-required", "--disable-dev-shm-usage"),
    # a microphone that beeps, allowed without asking
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
)
PATIENCE = 60  # seconds until a page that does not do what it should is given up


def find_browser() -> str | None:
    """The program, None if there is none. SPEECHLAB_BROWSER names another one."""
    named = os.environ.get("SPEECHLAB_BROWSER")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


class Tab:
    """One page of the browser."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.messages: list[str] = []  # errors and warnings of the page
        self.requests: list[str] = []  # addresses that it asked for

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.write_message(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            text = await asyncio.wait_for(self._socket.read_message(), PATIENCE)
            assert text is not None, "the browser has gone"
            message = json.loads(text)
            self._note(message)
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        if message.get("method") == "Runtime.exceptionThrown":
            self.messages.append(json.dumps(params["exceptionDetails"]))
        if message.get("method") == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.messages.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")

    async def open(self, address: str) -> None:
        """Go to an address and wait until the page has loaded."""
        await self.send("Page.navigate", url=address)
        await self.until(
            f"location.href.startsWith({json.dumps(address)}) && document.readyState == 'complete'"
        )

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        found = await self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait until a JavaScript expression is true."""
        for _ in range(PATIENCE * 20):
            if await self.run(f"Boolean({condition})"):
                return
            await asyncio.sleep(0.05)
        text = await self.run("document.body ? document.body.innerText : ''")
        raise AssertionError(f"never: {condition}\n{self.messages}\n{text}")

    async def press(self, key: str, code: int, text: str = "") -> None:
        """One key, as from the keyboard."""
        common = {"key": key, "windowsVirtualKeyCode": code}
        await self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    async def look(self, width: int, dark: bool = False, height: int = 900) -> None:
        """The size of the window, and whether the user likes it dark."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])

    async def choose_file(self, selector: str, path: Path) -> None:
        """Put a file into a file input."""
        root = await self.send("DOM.getDocument")
        node = await self.send("DOM.querySelector", nodeId=root["root"]["nodeId"], selector=selector)
        await self.send("DOM.setFileInputFiles", files=[str(path)], nodeId=node["nodeId"])

    async def picture(self, path: Path) -> None:
        """The whole page as PNG."""
        found = await self.send("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))


@asynccontextmanager
async def browser(program: str) -> AsyncIterator[Tab]:
    """A browser that knows nothing of the user's, with one page."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={home}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": home},
        )
        try:
            port = await _port(Path(home) / "DevToolsActivePort", process)
            answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/json/list")
            target = next(entry for entry in json.loads(answer.body) if entry["type"] == "page")
            socket = await websocket_connect(target["webSocketDebuggerUrl"], max_message_size=2**28)
            tab = Tab(socket)
            for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
                await tab.send(f"{domain}.enable")
            yield tab
            socket.close()
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    for _ in range(PATIENCE * 20):
        assert process.poll() is None, f"the browser ended with {process.returncode}"
        if file.is_file() and (lines := file.read_text().split()):
            return int(lines[0])
        await asyncio.sleep(0.05)
    raise AssertionError("the browser does not open its port")
