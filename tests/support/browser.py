"""A headless Chromium for tests of pages, driven through its DevTools protocol over a pipe: no driver and no socket.

Keeps what pages write to the console as errors, and the addresses of all their requests.
"""
import base64
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

PROGRAM = "chromium-headless-shell"  # Debian's package of the same name
REPLY_S = 60


class Browser:
    def __init__(self):
        self._folder = tempfile.mkdtemp(prefix="vedette-browser-")
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        # Chromium talks on descriptors 3 and 4; ours are moved out of the way first.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_read, to_write)]
        self._log = open(pathlib.Path(self._folder) / "log", "w", encoding="utf-8")
        command = [PROGRAM, "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server",
                   "--disable-background-networking", "--hide-scrollbars", f"--user-data-dir={self._folder}/profile", "about:blank"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, close_fds=False,
                                         preexec_fn=lambda: (os.dup2(ends[0], 3), os.dup2(ends[1], 4)))
        for end in (to_read, to_write, *ends):
            os.close(end)
        self._number = 0
        self._replies, self._pages = {}, {}
        self._arrived = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def page(self, url, width=1280, height=900, dark=False, phone=False):
        """Opens a page in a profile of its own (cookies and cache)."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(domain + ".enable")
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        page.call("Page.navigate", url=url)
        return page

    def call(self, method, session=None, **parameters):
        with self._arrived:
            self._number += 1
            number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        with self._arrived:
            if not self._arrived.wait_for(lambda: number in self._replies, REPLY_S):
                raise RuntimeError(f"{method}: no reply of the browser")
            reply = self._replies.pop(number)
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply['error']}")
        return reply["result"]

    def _listen(self):
        waiting = b""
        with os.fdopen(self._from, "rb", buffering=0) as pipe:
            while chunk := pipe.read(1 << 16):
                *messages, waiting = (waiting + chunk).split(b"\0")
                for message in messages:
                    self._take(json.loads(message))

    def _take(self, message):
        page = self._pages.get(message.get("sessionId"))
        with self._arrived:
            if "id" in message:
                self._replies[message["id"]] = message
                self._arrived.notify_all()
            elif page:
                page.take(message["method"], message["params"])


class Page:
    def __init__(self, browser, session):
        self._browser, self._session = browser, session
        self.errors, self.requests = [], []

    def take(self, method, parameters):
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.errors.append(" ".join(str(one.get("value", one.get("description"))) for one in parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.errors.append(parameters["entry"]["text"] + " " + parameters["entry"].get("url", ""))

    def call(self, method, **parameters):
        return self._browser.call(method, self._session, **parameters)

    def run(self, script):
        """The value of an expression; promises are awaited."""
        reply = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in reply:
            raise RuntimeError(f"{script}: {reply['exceptionDetails'].get('exception', {}).get('description')}")
        return reply["result"].get("value")

    def wait(self, script, within_s=30):
        """The first true value of an expression; its last one when the time is up."""
        end = time.monotonic() + within_s
        while True:
            value = self.run(script)
            if value or time.monotonic() > end:
                return value
            time.sleep(0.1)

    def key(self, key, text=""):
        code = {"Tab": 9, "Enter": 13}.get(key, 0)
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **more)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def screenshot(self, file, whole=False):
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        pathlib.Path(file).write_bytes(base64.b64decode(shot["data"]))

    def close(self):
        self.call("Page.close")
