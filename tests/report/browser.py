"""A page in a real browser without a window: what it logs, what it asks for, and what a script sees in it.

Chromium's own protocol over a web socket, by tornado, which Dask brings.
"""

import json
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

from tornado.httpclient import HTTPRequest
from tornado.ioloop import IOLoop
from tornado.websocket import websocket_connect

CHROMIUM = shutil.which("chromium")
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-quic"),
)


class Tab:
    """One page. `events` are those of the protocol since it was opened."""

    def __init__(self, socket, loop):
        self.socket, self.loop, self.events, self.count = socket, loop, [], 0

    def call(self, method, **params):
        """A command of the protocol, and its result."""
        self.count += 1

        async def exchange():
            sent = {"id": self.count, "method": method, "params": params}
            await self.socket.write_message(json.dumps(sent))
            while True:
                message = json.loads(await self.socket.read_message())
                if message.get("id") == self.count:
                    return message
                self.events.append(message)

        message = self.loop.run_sync(exchange, timeout=60)
        assert "error" not in message, message
        return message["result"]

    def run(self, script):
        """The value of a script."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def open(self, path, width=1200, scheme="light"):
        """Open a file, on a screen of this width, light or dark, and wait until it is there."""
        self.events.clear()
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        wish = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[wish])
        self.call("Page.navigate", url=path.as_uri())
        while self.run("document.readyState") != "complete":
            pass

    def seen(self, method):
        """The events of a kind."""
        return [event["params"] for event in self.events if event["method"] == method]


@contextmanager
def browser(folder: Path):
    """A tab of a fresh Chromium whose profile lies in `folder`."""
    command = [CHROMIUM, *QUIET, "--remote-debugging-port=0", f"--user-data-dir={folder}"]
    loop = IOLoop(make_current=False)
    with subprocess.Popen([*command, "about:blank"], stderr=subprocess.PIPE, text=True) as process:
        try:
            line = next(line for line in process.stderr if "DevTools listening on " in line)
            address = line.split("DevTools listening on ")[1].strip()
            port = address.split("/")[2]

            async def connect(url):
                return await websocket_connect(HTTPRequest(url), max_message_size=1 << 28)

            whole = Tab(loop.run_sync(lambda: connect(address)), loop)
            target = whole.call("Target.createTarget", url="about:blank")["targetId"]
            page = f"{address.split('://')[0]}://{port}/devtools/page/{target}"
            yield Tab(loop.run_sync(lambda: connect(page)), loop)
        finally:
            process.terminate()
            process.stderr.close()
    loop.close()
