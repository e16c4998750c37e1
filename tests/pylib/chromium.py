"""A headless Chromium of one's own, told what to do over its pipe (DevTools protocol), and gone afterwards."""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

PATIENCE_S = 120.0
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe"]


def program():
    """Where it is; None: it is not installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Chromium:
    """with Chromium() as browser: ...; one page, whose size and colours the caller chooses."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="chromium-")
        self.process = None
        self.number = 0
        self.events = []
        self.unread = b""
        self.session = None

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process is not None:
            for end in (self.to, self.come):
                os.close(end)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                pass
            # What it has started is in its group; those that it leaves behind end with it.
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self):
        """Chromium reads commands from its descriptor 3 and writes answers to 4, each ended by a NUL."""
        read, self.to = os.pipe()
        self.come, write = os.pipe()

        def place():
            kept = os.dup(read), os.dup(write)
            os.dup2(kept[0], 3)
            os.dup2(kept[1], 4)

        environment = dict(os.environ, HOME=self.folder, XDG_CONFIG_HOME=self.folder, XDG_CACHE_HOME=self.folder)
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = subprocess.Popen([program()] + ARGUMENTS + ["--user-data-dir=" + os.path.join(self.folder, "profile"), "about:blank"],
                                            preexec_fn=place, close_fds=False, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=environment, start_new_session=True)
        os.close(read)
        os.close(write)
        pages = []
        while not pages:
            found = self.ask("Target.getTargets")["targetInfos"]
            pages = [target["targetId"] for target in found if target["type"] == "page"]
        self.session = self.ask("Target.attachToTarget", targetId=pages[0], flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(domain + ".enable")

    def _read(self, until):
        """The next message."""
        while b"\0" not in self.unread:
            ready, _, _ = select.select([self.come], [], [], max(0, until - time.monotonic()))
            data = os.read(self.come, 1 << 20) if ready else b""
            if not data:
                with open(os.path.join(self.folder, "log"), "rb") as log:
                    raise AssertionError("chromium %s; it said: %s" % ("went away" if ready else "did not answer",
                                                                       log.read()[-1000:].decode("utf-8", "replace")))
            self.unread += data
        message, self.unread = self.unread.split(b"\0", 1)
        return json.loads(message)

    def ask(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        data, until = json.dumps(message).encode() + b"\0", time.monotonic() + PATIENCE_S
        while data:
            data = data[os.write(self.to, data):]
        while True:
            answer = self._read(until)
            if answer.get("id") != self.number:
                self.events.append(answer)
            elif "error" in answer:
                raise AssertionError("%s: %s" % (method, answer["error"]))
            else:
                return answer["result"]

    def await_event(self, method):
        until = time.monotonic() + PATIENCE_S
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._read(until))

    def shape(self, width, dark=False, media=""):
        """media "print": as a printer sees it, without paging."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
        self.ask("Emulation.setEmulatedMedia", media=media,
                 features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, address):
        """A path, or what has a scheme. Returns the addresses that were asked for, the page's own among them."""
        self.events = []
        self.ask("Page.navigate", url=address if "://" in address else "file://" + os.path.abspath(address))
        self.await_event("Page.loadEventFired")
        return [event["params"]["request"]["url"] for event in self.events if event.get("method") == "Network.requestWillBeSent"]

    def complaints(self):
        """What the console would show."""
        return [event["params"] for event in self.events if event.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown")]

    def evaluate(self, expression):
        """The value of JavaScript that the test brings, whatever the page itself may run."""
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise AssertionError(json.dumps(result["exceptionDetails"])[:2000])
        return result["result"].get("value")

    def screenshot(self, path, clip=None):
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        area = clip or {"x": 0, "y": 0, "width": size["width"], "height": size["height"]}
        data = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=dict(area, scale=1))["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def pdf(self, path):
        """On A4."""
        data = self.ask("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69, preferCSSPageSize=True)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
