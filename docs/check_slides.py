"""Look at the decks of site/slides in a browser: does every slide fit, is nothing fetched?

python docs/check_slides.py [--browser PATH] [--pictures FOLDER] [lesson ...]

Needs Playwright for Python (pip install playwright) and Chromium, whose path is that of --browser
or of the environment variable CHROMIUM; it is no part of make test. A slide fits if its content is
at most 700 pixels high on a screen of 1280 by 720. With --pictures, all slides of each deck are
put on sheets, as PNG.
"""

import argparse
import os
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

SITE = Path(__file__).resolve().parent.parent / "site" / "slides"
MEASURE = """() => [...document.querySelectorAll('.slides > section')].map(section => {
  const old = section.style.display;
  section.style.display = 'block';
  const page = section.firstElementChild;
  const images = [...page.querySelectorAll('img')].map(i => {
    const scale = Math.min(i.clientWidth / i.naturalWidth, i.clientHeight / i.naturalHeight);
    return Math.round(scale * i.naturalHeight);
  });
  const found = {title: page.querySelector('h1, h2, h3')?.textContent ?? '(no heading)',
    height: Math.max(page.scrollHeight > 720 ? page.scrollHeight : 0,
      page.lastElementChild.offsetTop + page.lastElementChild.offsetHeight),
    width: page.scrollWidth, images,
    error: !!page.querySelector('.math:not(:has(svg))')};
  section.style.display = old;
  return found;
})"""
# All slides one below the other, two in a row, fragments shown.
SHEET = """() => {
  const style = document.createElement('style');
  style.textContent = `
    html, body { height: auto !important; overflow: visible !important; background: #888 }
    .reveal .slides { position: static !important; transform: none !important; zoom: 0.5 !important;
      width: 2600px !important; height: auto !important; display: flex !important;
      flex-wrap: wrap; gap: 16px; margin: 0 !important; }
    .reveal .slides > section { display: block !important; position: relative !important;
      visibility: visible !important; opacity: 1 !important; top: 0 !important; width: 1280px;
      height: 720px; transform: none !important; background: white; outline: 2px solid #333 }
    .fragment { visibility: visible !important; opacity: 1 !important }
    .reveal { position: static !important; height: auto !important; overflow: visible !important }
    .controls, .slide-number, .progress { display: none !important }`;
  document.head.append(style);
}"""


def faults(page: Page, deck: Path) -> list[str]:
    """What is wrong with a deck; prints a line a slide."""
    found = []
    page.on("request", lambda r: keep(found, r.url, deck))
    page.on("console", lambda m: found.append(f"console: {m.text}") if m.type == "error" else None)
    page.on("pageerror", lambda error: found.append(f"error: {error}"))
    page.goto(deck.as_uri())
    page.wait_for_function("Reveal.isReady()")
    page.evaluate("document.fonts.ready")
    for number, slide in enumerate(page.evaluate(MEASURE), start=1):
        print(f"{number:4}  {slide['height']:4} px  {slide['images']!s:8} {slide['title']}")
        if slide["height"] > 700 or slide["width"] > 1280:
            found.append(f"slide {number} is {slide['width']} x {slide['height']} px")
        if slide["error"]:
            found.append(f"slide {number}: a formula is not drawn")
    return found


def keep(found: list[str], url: str, deck: Path) -> None:
    if not url.startswith(("data:", deck.parent.as_uri())):
        found.append(f"request: {url}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", help="such as 00 01; without: all decks")
    parser.add_argument("--browser", default=os.environ.get("CHROMIUM"), help="path of Chromium")
    parser.add_argument("--pictures", type=Path, help="folder for the sheets of slides")
    options = parser.parse_args()
    decks = [
        deck
        for deck in sorted(SITE.glob("[0-9]*.html"))
        if not options.lessons or deck.name.startswith(tuple(options.lessons))
    ]
    bad = 0
    with sync_playwright() as playwright:
        # Chromium's sandbox refuses to run as root, as in most containers.
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=options.browser, args=root)
        for deck in decks:
            print(deck.name)
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            for fault in faults(page, deck):
                print(f"  FAULT {fault}")
                bad += 1
            if options.pictures:
                options.pictures.mkdir(parents=True, exist_ok=True)
                page.evaluate(SHEET)
                page.set_viewport_size({"width": 1310, "height": 800})
                page.screenshot(path=options.pictures / f"{deck.stem}.png", full_page=True)
            page.close()
    print(f"{len(decks)} decks, {bad} faults")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
