#!/usr/bin/python3
"""The page of `clearcut view` in a browser: from the server and as files.   usage: tests/view_in_browser.py PROGRAM

Drives Chromium over WebDriver (Debian: chromium, chromium-driver), with the standard library alone. The folder
that is shown is written here: 4 x 4 pixels, a map with the values 0/15 to 15/15, so what a threshold leaves can
be counted by hand.
"""
import hashlib
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib


def png(rows, bits, colour):
    """A PNG file of rows of bytes. colour 0: gray, 2: RGB."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    width = len(rows[0]) * 8 // bits // (3 if colour == 2 else 1)
    head = struct.pack(">IIBBBBB", width, len(rows), bits, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def make_folder(root):
    """Two pictures of class 1, cat: the mask is the lower half, the map rises from 0 to 1."""
    picture = png([bytes(12)] * 4, 8, 2)
    mask = png([bytes([int(y >= 2)] * 4) for y in range(4)], 8, 0)
    rising = png([b"".join(struct.pack(">H", (4 * y + x) * 65535 // 15) for x in range(4)) for y in range(4)], 16, 0)
    lines = []
    for name in ("a", "b <i>"):
        write(root / f"images/{name}.png", picture)
        write(root / f"labels/labels/{name}.png", mask)
        write(root / f"labels/consensus/{name}.png.1.png", rising)
        made = {"agreement": [0.5], "coverage": 0.5, "ignored": 0.0, "members": [
            {"classifier": "net", "class": 1, "probability": 0.75, "right": True, "weight": 1.0}]}
        lines.append({"id": f"{name}.png", "image": f"images/{name}.png", "label": f"labels/{name}.png",
                      "classes": [1], "made": made})
    write(root / "labels/manifest.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    write(root / "labels/classes.txt", "0\tbackground\n1\tcat\n")
    write(root / "labels/job.json", json.dumps({"rule": "value:0.5", "data": {"root": str(root)}}))
    write(root / "labels/report.html", "<!doctype html><title>r</title><h1>a report</h1>")


class Browser:
    """A WebDriver session (https://www.w3.org/TR/webdriver2/)."""

    def __init__(self):
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        for line in self.driver.stdout:
            found = re.search(r"on port (\d+)", line)
            if found and found.group(1) != "0":
                break
        self.base = f"http://127.0.0.1:{found.group(1)}"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                 "--window-size=1400,900"]
        wanted = {"goog:chromeOptions": {"args": flags}, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.base += f"/session/{session['sessionId']}"

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        return json.load(urllib.request.urlopen(request, timeout=60))["value"]

    def run(self, script):
        return self.call("POST", "/execute/sync", {"script": script, "args": []})

    def keys(self, keys, where="body"):
        element = self.call("POST", "/element", {"using": "css selector", "value": where})
        self.call("POST", f"/element/{next(iter(element.values()))}/value", {"text": keys})

    def open(self, url):
        self.call("POST", "/url", {"url": "about:blank"})
        self.call("POST", "/url", {"url": url})

    def complaints(self):
        return [line["message"] for line in self.call("POST", "/se/log", {"type": "browser"})]

    def close(self):
        self.call("DELETE", "")
        self.driver.terminate()
        self.driver.wait()


failed = []


def expect(what, got, wanted):
    if got != wanted:
        failed.append(what)
        print(f"{what}: {got!r}, expected {wanted!r}")


def wait_for(browser, what, script, wanted):
    for _ in range(100):
        got = browser.run(f"return {script}")
        if got == wanted:
            return
        time.sleep(0.05)
    expect(what, got, wanted)


RIGHT, ARROW_LEFT = "\ue014", "\ue012"
SHARES = "document.getElementById('shares').innerText.replace(/\\s+/g, ' ').trim()"
NAME = "document.getElementById('name').textContent"


def look_at(browser, url):
    browser.complaints()
    browser.open(url)
    wait_for(browser, "first picture", NAME, "a.png")
    wait_for(browser, "the picture is drawn", "document.getElementById('picture').naturalWidth", 4)
    box = "JSON.stringify(document.getElementById('%s').getBoundingClientRect())"
    wait_for(browser, "the overlay lies on the picture", f"{box % 'overlay'} === {box % 'picture'}", True)
    wait_for(browser, "shares of the mask", SHARES, "background 50.0 % cat 50.0 %")
    browser.keys("2")
    wait_for(browser, "the map", SHARES, "from 0 to 1, dark to bright")
    browser.keys("m")
    wait_for(browser, "the rule's threshold: 8 to 15 of 15 reach a half", SHARES, "background 50.0 % cat 50.0 %")
    for _ in range(25):
        browser.keys(RIGHT, "#threshold")  # a step is 0.01: 0.75; 12 to 15 of 15 reach it
    wait_for(browser, "the slider moved", "document.getElementById('threshold-value').textContent", "0.75")
    wait_for(browser, "the slider changes the mask", SHARES, "background 75.0 % cat 25.0 %")
    pixel = "Array.from(document.getElementById('overlay').getContext('2d').getImageData(3, 3, 1, 1).data).join()"
    wait_for(browser, "the mask has VOC's first colour", pixel, "128,0,0,255")
    before = browser.run("return Number(document.getElementById('overlay').style.opacity)")
    browser.keys(ARROW_LEFT, "#opacity")
    wait_for(browser, "opacity", "Number(document.getElementById('overlay').style.opacity)", round(before - 0.05, 2))
    browser.keys("[", "body")
    wait_for(browser, "a key moves the threshold", "document.getElementById('threshold-value').textContent", "0.70")
    browser.keys(RIGHT)
    wait_for(browser, "the right arrow shows the next picture", NAME, "b <i>.png")
    wait_for(browser, "with the same settings", SHARES, "background 68.8 % cat 31.3 %")  # 11 to 15 of 15 reach 0.7
    wait_for(browser, "the list", "document.querySelector('#list [aria-current]').innerText.split('\\n')[0]",
             "b <i>.png")
    wait_for(browser, "the numbers", "document.querySelectorAll('#numbers tr td')[0].textContent", "class")
    browser.keys("\ue009a\ue0001.2\ue007", "#number")  # control-a, 1.2, enter
    wait_for(browser, "a number that is no picture's goes to the nearest", NAME, "a.png")
    browser.keys(RIGHT, "body")
    wait_for(browser, "and on from there", NAME, "b <i>.png")
    state = browser.run("return location.hash")
    browser.open(url + state)
    wait_for(browser, "the address brings it back", NAME, "b <i>.png")
    wait_for(browser, "with its threshold", SHARES, "background 68.8 % cat 31.3 %")
    origin = url[:url.index("/", 8)] if url.startswith("http") else "file://"
    loaded = browser.run("return performance.getEntriesByType('resource').map((one) => one.name)")
    expect("requests to elsewhere", [name for name in loaded if not name.startswith((origin, "data:"))], [])
    expect("complaints on the console", browser.complaints(), [])
    # What the policy says is done: no request leaves the page, not even to its own server.
    sent = browser.call("POST", "/execute/async", {"args": [], "script":
                        "const done = arguments[0]; fetch(location.href).then(() => done('sent'), () => done('refused'))"})
    expect("a request by fetch()", sent, "refused")


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as work:
        root = pathlib.Path(work)
        make_folder(root)
        shown = root / "labels"
        files = lambda: {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in shown.rglob("*") if p.is_file()}
        before = files()
        server = subprocess.Popen([program, "view", str(shown)], stdout=subprocess.PIPE, text=True)
        browser = Browser()
        try:
            look_at(browser, server.stdout.readline().split()[0])
            subprocess.run([program, "view", str(shown), "--export", str(root / "site")], check=True)
            look_at(browser, (root / "site/index.html").as_uri())
        finally:
            browser.close()
            server.terminate()
            expect("the server's exit code after SIGTERM", server.wait(), 0)
        expect("the folder that was shown", files(), before)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
