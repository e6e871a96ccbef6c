"""Look at every page of site/ in Chromium, as `make site` has written them; needs playwright.

    python docs/check_site.py                                         # all pages: some minutes
    python docs/check_site.py index.html docs/results.html            # these
    python docs/check_site.py --browser /usr/bin/chromium             # not playwright's own

A page must ask for nothing outside site/, write no error to the console, leave no formula as TeX,
and not scroll sideways on a screen of 390 pixels. axe-core checks three pages too, in light and in
dark colours, where the package axe-playwright-python is installed.
"""

import argparse
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote, urlsplit

try:
    from playwright.sync_api import Browser, Page, sync_playwright
except ModuleNotFoundError:
    sys.exit("This check needs a browser: python -m pip install playwright axe-playwright-python")

SITE = Path(__file__).resolve().parent.parent / "site"
# Written by other commands, which check them themselves.
BESIDE = ("slides", "demo.html")
FOR_AXE = ("index.html", "notebooks/01_rbm_theory.html", "docs/api/rbm.html")
WIDTHS = {"phone": 390, "laptop": 1280}
READY = "() => !window.MathJax || !MathJax.Hub || MathJax.Hub.queue.pending === 0"
# Formulas that are not typeset, pictures without words; code and formulas wider than their box.
UNTYPESET = ".merror, .MathJax_Error, .math.notranslate:not(:has(.MathJax))"
FAULTS = f"""() => [
    ...[...document.querySelectorAll('{UNTYPESET}')].map(
        node => 'not typeset: ' + node.innerHTML.slice(0, 60)),
    ...[...document.querySelectorAll('img:not([alt]), img[alt=""], img[alt*="_images/"]')].map(
        node => 'no alternative text: ' + node.src),
    ...[...document.querySelectorAll('pre, .MathJax_Display, div.math')].filter(
        node => node.scrollWidth > node.clientWidth + 1).map(
        node => 'wider than its box: ' + node.textContent.trim().slice(0, 60))
]"""
AXE = """async () => (await axe.run()).violations
    .filter(fault => ['serious', 'critical'].includes(fault.impact))
    .map(fault => fault.id + ': ' + fault.nodes.slice(0, 3).map(n => n.target.join(' ')).join(', '))
"""


def pages() -> list[str]:
    found = (path.relative_to(SITE) for path in sorted(SITE.rglob("*.html")))
    return [str(path) for path in found if path.parts[0] not in (*BESIDE, "_static")]


def faults(browser: Browser, name: str) -> Iterator[str]:
    """What is wrong with one page."""
    for device, width in WIDTHS.items():
        page = browser.new_page(viewport={"width": width, "height": 800})
        said = listen(page)
        show(page, name)
        yield from said
        if page.evaluate("document.documentElement.scrollWidth") > width:
            yield f"scrolls sideways on a {device}"
        if device == "laptop":
            yield from page.evaluate(FAULTS)
        page.close()


def listen(page: Page) -> list[str]:
    """A list that fills with foreign addresses, failed requests and errors while a page loads."""
    said: list[str] = []
    page.on("request", lambda request: said.extend(foreign(request.url)))
    page.on("requestfailed", lambda request: said.append(f"not found: {request.url}"))
    page.on("console", lambda m: said.extend([m.text] if m.type == "error" else []))
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def foreign(url: str) -> list[str]:
    address = urlsplit(url)
    inside = address.scheme == "file" and Path(unquote(address.path)).is_relative_to(SITE)
    return [] if inside or address.scheme in ("data", "blob") else [f"asks for {url}"]


def show(page: Page, name: str) -> None:
    page.goto((SITE / name).as_uri())
    page.wait_for_function(READY, timeout=120_000)


def axe_faults(browser: Browser, name: str) -> Iterator[str]:
    """What axe-core calls serious or critical, in both colour schemes."""
    try:
        script = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    except ModuleNotFoundError:
        print("axe-core is not here: python -m pip install axe-playwright-python")
        return
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        show(page, name)
        page.evaluate(script)
        yield from (f"{scheme}: {fault}" for fault in page.evaluate(AXE))
        page.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition(",")[0])
    parser.add_argument("pages", nargs="*", help="below site/; without any, all")
    parser.add_argument("--browser", help="path of a Chromium")
    chosen = parser.parse_args()
    if not (SITE / "index.html").exists():
        sys.exit("There is no site yet: make site")
    n_faults = 0
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if chosen.browser else []
        browser = playwright.chromium.launch(executable_path=chosen.browser, args=arguments)
        for name in chosen.pages or pages():
            found = list(faults(browser, name))
            if name in FOR_AXE:
                found += axe_faults(browser, name)
            n_faults += len(found)
            print(f"{name}: {'; '.join(dict.fromkeys(found)) or 'fine'}", flush=True)
    return n_faults > 0


if __name__ == "__main__":
    sys.exit(main())
