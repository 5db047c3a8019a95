#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""A report in a headless Chromium: every figure is drawn interactively, nothing violates the content security policy, nothing is fetched.

    check_report.py REPORT.html           check a report
    check_report.py --program SEPARATRIX  make one from `separatrix new rate` and check it; then tamper with it: each fault must be seen

Exit code 77 (skipped) when there is no Chromium."""
import html
import html.parser
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-default-apps", "--hide-scrollbars", "--enable-logging=stderr", "--window-size=1320,2400",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=4000"]


class Page(html.parser.HTMLParser):
    """Figures of a document, their classes and canvases; addresses that it names."""

    def __init__(self):
        super().__init__()
        self.figures, self.addresses, self.math, self.depth_of_figure = [], [], 0, False

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "figure":
            self.figures.append({"id": attrs.get("id"), "class": attrs.get("class") or "", "canvas": 0, "svg": 0, "readout": 0, "data": False})
            self.depth_of_figure = True
        if self.depth_of_figure:
            figure = self.figures[-1]
            if tag in ("canvas", "svg"):
                figure[tag] += 1
            figure["readout"] += (attrs.get("class") or "") == "readout"
            figure["data"] = figure["data"] or (tag == "script" and attrs.get("type") == "application/json")
        self.math += tag == "math"
        for name in ("src", "href", "data", "action", "poster", "srcset"):
            if attrs.get(name):
                self.addresses.append((tag, name, attrs[name]))

    def handle_endtag(self, tag):
        if tag == "figure":
            self.depth_of_figure = False


def opened(browser, path, scratch):
    """The document after its script has run, and what the console said."""
    profile = tempfile.mkdtemp(dir=scratch)
    done = subprocess.run([browser, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", path.resolve().as_uri()],
                          capture_output=True, text=True, timeout=120)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, console


def faults(browser, path, scratch):
    source, before = path.read_text(encoding="utf-8"), Page()
    before.feed(source)
    for tag, name, address in before.addresses:
        if not (address.startswith("#") or address.startswith("data:image/png;base64,")):
            yield f"<{tag} {name}> names an address: {address[:60]}"
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', source)
    if not policy or not policy.group(1).startswith("default-src 'none';"):
        yield "no content security policy that begins with default-src 'none'"
    if len(source.encode()) > 3_000_000:
        yield f"{len(source.encode())} bytes"
    document, console = opened(browser, path, scratch)
    for line in console:
        yield line[-200:]
    after = Page()
    after.feed(document)
    if not after.figures:
        yield "no figures"
    if len(after.figures) != len(before.figures):
        yield "the script changed the number of figures"
    if not any(figure["data"] for figure in before.figures):
        return  # built without npm: static figures only
    for figure in after.figures:
        heat = not figure["canvas"] and "live" not in figure["class"].split()
        if figure["svg"] < 1:
            yield f"{figure['id']}: no static drawing for paper"
        if figure["readout"] != 1:
            yield f"{figure['id']}: not interactive"
        if heat and 'class="heat"' not in source[source.index(f'id="{figure["id"]}"'):][:2000]:
            yield f"{figure['id']}: no canvas"


DRIVER = """<script>
const wait = ms => new Promise(done => setTimeout(done, ms));
const at = (target, type, x, y) => { const r = target.getBoundingClientRect(); target.dispatchEvent(new (type.startsWith("pointer") ? PointerEvent : MouseEvent)(type,
  { bubbles: true, clientX: r.left + x * r.width, clientY: r.top + y * r.height, button: 0, movementX: 9 })); };
(async () => {
  await wait(100);
  const said = [];
  for (const figure of document.querySelectorAll("figure")) {
    const target = figure.querySelector(".u-over"), image = figure.querySelector(".heat image"), out = figure.querySelector(".readout");
    const ticks = () => { const c = figure.querySelector("canvas"); return c ? c.toDataURL() : ""; };
    const one = { id: figure.id, idle: out.textContent }, before = ticks();
    if (target) {
      at(target, "mousemove", 0.5, 0.5);
      await wait(50);
      one.hover = out.textContent;
      at(target, "mousemove", 0.3, 0.5); at(target, "mousedown", 0.3, 0.5); at(document.documentElement, "mousemove", 0.4, 0.5);
      at(target, "mousemove", 0.6, 0.5); at(target, "mouseup", 0.6, 0.5);
      await wait(50);
      one.zoomed = ticks() !== before;
      at(target, "dblclick", 0.5, 0.5);
      await wait(50);
      one.back = ticks() === before;
    } else {
      at(image, "pointermove", 0.5, 0.5);
      one.hover = out.textContent;
      one.zoomed = one.back = true;
    }
    said.push(one);
  }
  const button = document.getElementById("theme"), background = () => getComputedStyle(document.body).backgroundColor, light = background();
  button.click();
  await wait(50);
  document.body.replaceChildren(JSON.stringify({ said, theme: background() !== light, label: button.textContent }));
})();
</script></body>"""


def interaction(browser, path, scratch):
    """Pointer over every figure, zoom and back, the other theme; in a copy without the policy, so that a driver can run."""
    source = path.read_text(encoding="utf-8")
    if "application/json" not in source:
        return
    copy = pathlib.Path(scratch) / "driven.html"
    copy.write_text(re.sub(r"<meta http-equiv[^>]*>", "", source, count=1).replace("</body>", DRIVER), encoding="utf-8")
    document, console = opened(browser, copy, scratch)
    yield from (line[-200:] for line in console)
    found = re.search(r"<body>(.*)</body>", document, re.S)
    try:
        answer = json.loads(html.unescape(found.group(1)))
    except (ValueError, AttributeError):
        yield "the driver did not finish"
        return
    for one in answer["said"]:
        if one["hover"] == one["idle"] or not re.search(r"[0-9]", one["hover"]):
            yield f"{one['id']}: no numbers under the pointer: {one['hover']}"
        if not one["zoomed"] or not one["back"]:
            yield f"{one['id']}: zoom {one['zoomed']}, back {one['back']}"
    if not answer["theme"]:
        yield "the theme does not change"


def tampered(source):
    """Faults that the check must see, by name."""
    yield "a script that is not of the page", source.replace("</main>", "<script>document.title = 'x'</script></main>")
    yield "an image from elsewhere", source.replace("</main>", '<img src="https://example.org/x.png"></main>')
    yield "an inline style", source.replace("<main>", '<main style="color:red">')
    yield "a figure whose numbers are broken", source.replace('<script type="application/json">{', '<script type="application/json">', 1)
    yield "a script that was changed", source.replace('"use strict";', '"use strict"; ')


def main():
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        print("check_report: no Chromium")
        return 77
    with tempfile.TemporaryDirectory() as scratch:
        if sys.argv[1] != "--program":
            path = pathlib.Path(sys.argv[1])
            bad = [*faults(browser, path, scratch), *interaction(browser, path, scratch)]
            print("\n".join(bad) if bad else "check_report: good")
            return 1 if bad else 0
        out = pathlib.Path(scratch) / "rate.out"
        text = subprocess.run([sys.argv[2], "new", "rate"], capture_output=True, text=True, check=True).stdout
        settings = ["--set", "task.traj.replicas=16", "--set", "task.traj.psd=true", "--set", "task.traj.psd_window=64",
                    "--set", "task.traj.covariance=true", "--set", "task.traj.histogram_bins=20", "--set", "task.traj.max_lag=50.0"]
        subprocess.run([sys.argv[2], "run", "-", "--out", str(out), "--quiet", *settings], input=text, text=True, check=True,
                       stdout=subprocess.DEVNULL, env={**os.environ})
        report = out / "report.html"
        bad = [*faults(browser, report, scratch), *interaction(browser, report, scratch)]
        if bad:
            print("\n".join(bad))
            return 1
        source = report.read_text(encoding="utf-8")
        if "application/json" not in source:
            print("check_report: static figures only (built without npm)")
            return 0
        for name, text in tampered(source):
            copy = pathlib.Path(scratch) / "tampered.html"
            copy.write_text(text, encoding="utf-8")
            seen = list(faults(browser, copy, scratch))
            print(f"{name}: {seen[0] if seen else 'NOT SEEN'}")
            if text == source or not seen:
                return 1
    print("check_report: good")
    return 0


if __name__ == "__main__":
    sys.exit(main())
