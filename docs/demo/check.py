"""Use the demo in a real browser: draw, hold a label, erase, step; measure loading and frames.

python docs/demo/check.py [folder for screenshots]

Needs playwright and a Chromium (pip install playwright), which are no part of the environment;
CHROMIUM names the program if playwright has not brought its own. With axe-playwright-python the
page is also checked for accessibility. Builds nothing: run docs/demo/build.py first.
"""

import os
import sys
import time
from pathlib import Path

try:
    from playwright.sync_api import Page, sync_playwright
except ImportError:
    sys.exit("This check needs a browser: pip install playwright, then playwright install chromium")

PAGE = Path(__file__).resolve().parents[2] / "site" / "demo.html"
# A 3, as a share of the pad.
THREE = [(0.3, 0.22), (0.5, 0.15), (0.68, 0.25), (0.62, 0.42), (0.45, 0.48)]
THREE += [(0.65, 0.53), (0.72, 0.7), (0.55, 0.86), (0.3, 0.8)]


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    box = page.locator("#pad").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()
    page.wait_for_timeout(200)


def text(page: Page, name: str) -> str:
    return page.locator(name).inner_text()


def steps(page: Page) -> int:
    return int(text(page, "#steps"))


def pixels(page: Page, name: str) -> list[int]:
    """Grey values of a canvas."""
    code = "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    return page.locator(name).evaluate(code)[::4]


def use(page: Page, shots: Path) -> None:
    page.click("#clear")
    draw(page, THREE)
    assert "reads a 3" in text(page, "#answer"), text(page, "#answer")
    seen = pixels(page, "#seen")
    rows = [y for y in range(28) if any(seen[28 * y : 28 * y + 28])]
    assert 19 <= rows[-1] - rows[0] + 1 <= 21, rows
    page.hover("#layer-2", position={"x": 50, "y": 20})
    assert "Layer 3, unit" in text(page, "#unit")
    page.screenshot(path=shots / "drawn.png", full_page=True)

    page.check("#clamp input[value='8']")
    for n in range(1, 4):
        page.click("#single")
        assert steps(page) == n
    page.click("#play")
    page.wait_for_timeout(4000)
    page.screenshot(path=shots / "dream.png", full_page=True)
    page.click("#play")
    at_rest = steps(page)
    page.wait_for_timeout(300)
    assert steps(page) == at_rest, "a pause goes on"

    page.click("#images button:nth-child(1)")
    page.check("#clamp input[value='']")
    page.select_option("#erase", "left")
    page.click("#play")
    page.wait_for_timeout(3000)
    page.click("#play")
    given, completed = pixels(page, "#seen"), pixels(page, "#picture")
    right = [place for place in range(784) if place % 28 >= 14]
    assert all(abs(given[place] - completed[place]) <= 1 for place in right)
    page.screenshot(path=shots / "completed.png", full_page=True)
    page.select_option("#erase", "")


def use_keys(page: Page) -> None:
    page.click("#clear")
    page.focus("#pad")
    for key in ["ArrowUp"] * 8 + [" "] + ["ArrowDown"] * 16:
        page.keyboard.press(key)
    page.wait_for_timeout(200)
    assert "reads a 1" in text(page, "#answer"), text(page, "#answer")
    page.focus("#layer-0")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert "Layer 1, unit 1:" in text(page, "#unit")


def frames_per_second(page: Page, seconds: float = 4) -> float:
    page.select_option("#start", "noise")
    page.select_option("#speed", "1 frame")
    page.click("#again")
    page.click("#play")
    page.wait_for_timeout(500)
    first, start = steps(page), time.perf_counter()
    page.wait_for_timeout(1000 * seconds)
    last, end = steps(page), time.perf_counter()
    page.click("#play")
    return (last - first) / (end - start)


def serious_findings(page: Page) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    for rule in found:
        print(f"axe: {rule['impact']}: {rule['id']}: {rule['nodes'][0]['html'][:90]}")
    return [rule["id"] for rule in found if rule["impact"] in ("serious", "critical")]


def main(shots: Path) -> None:
    shots.mkdir(parents=True, exist_ok=True)
    options = {"args": ["--no-sandbox"]}
    if "CHROMIUM" in os.environ:
        options["executable_path"] = os.environ["CHROMIUM"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**options)
        for name, size, scheme, motion in [
            ("light", (1280, 900), "light", "no-preference"),
            ("dark", (1280, 900), "dark", "no-preference"),
            ("phone", (390, 844), "light", "reduce"),
        ]:
            folder = shots / name
            context = browser.new_context(
                viewport={"width": size[0], "height": size[1]},
                color_scheme=scheme,
                reduced_motion=motion,
                has_touch=name == "phone",
                offline=True,
            )
            page, faults, requests = context.new_page(), [], []
            page.on("console", lambda said, faults=faults: faults.append(said))
            page.on("pageerror", lambda error, faults=faults: faults.append(error))
            page.on("request", lambda request, requests=requests: requests.append(request.url))
            start = time.perf_counter()
            page.goto(PAGE.as_uri())
            page.wait_for_function("document.querySelector('#answer').textContent")
            load = time.perf_counter() - start
            folder.mkdir(exist_ok=True)
            page.screenshot(path=folder / "loaded.png", full_page=True)
            if motion == "reduce":
                assert page.input_value("#speed") == "1 second"
                page.select_option("#speed", "1 frame")
            use(page, folder)
            use_keys(page)
            rate = frames_per_second(page)
            wide = page.evaluate("document.documentElement.scrollWidth") > size[0]
            print(f"{name}: ready after {load:.2f} s, {rate:.0f} frames/s at one step a frame")
            assert not wide, "the page scrolls sideways"
            # A warning that pixels are read often is of this check's own making.
            faults = [fault for fault in faults if "willReadFrequently" not in str(fault)]
            assert not faults, faults
            assert [url for url in requests if not url.startswith("data:")] == [PAGE.as_uri()]
            try:
                assert not serious_findings(page)
            except ImportError:
                print("accessibility not checked: pip install axe-playwright-python")
            context.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else PAGE.parent / "demo"))
