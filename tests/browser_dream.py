"""The page of the dream in a real browser: keys, clicks, touch and buttons, and each dreamt frame against PyTorch's.

    python tests/browser_dream.py [--python .venv/bin/python] [--site _docs/html] [--out FOLDER]

It is no part of `make test`, since it wants a browser: `pip install playwright` for the Python that runs this script,
and either `playwright install chromium` or a Chromium of your system (Debian: apt install chromium). `--python` names
the Python with wmil. Without `--site` a page is made in a temporary folder and opened as a file; with it, the page of
the built site is tried as well, as a file and from a server. Screenshots land in FOLDER. The exit status is 1 if
anything is not as it should be.
"""

import argparse, contextlib, functools, http.server, json, os, shutil, subprocess, sys, tempfile, threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ARROWS = {1: "ArrowUp", 2: "ArrowDown", 3: "ArrowLeft", 4: "ArrowRight"}

# what the page must agree with: frames of dream and game for the same presses, computed by the library itself
EXPECTED = """
import json, sys
import numpy as np, torch
from wmil.explorers.web_games import draw_game, game_from_text
from wmil.games.imagination import LearnedDynamics
from wmil.games.players import default_player, load_player
torch.set_num_threads(1)
model, tokenizer = load_player(default_player())
dynamics, answers = LearnedDynamics(model), []
for name, level, actions in json.loads(sys.stdin.read()):
    game = game_from_text(name, level)
    codes, rows = tokenizer.encode(draw_game(game)[None]).flatten(1), []
    for action in actions:
        after = dynamics.predict(dynamics.policy_value(codes), [0], np.array([action]))
        state, outcome = game.rules(game.state, type(game.actions()[0])(*action))
        game.set_state(state)
        codes = after.codes if after.won.item() <= 0.5 else codes
        doubt = 1 - after.log_prob.exp().item()
        rows.append([codes[0].tolist(), doubt, after.won.item() > 0.5, draw_game(game).ravel().tolist(), outcome])
        if outcome or after.won.item() > 0.5:
            break
    answers.append(rows)
print(json.dumps(answers))
"""

STATE = """() => {
  const w = wmilDream.page.worlds;
  return [w.codes, w.doubt, w.dreamOver, [...w.game.frame()], w.realOver, w.wrongCount];
}"""


class Checks:
    "What was found, one line each."

    def __init__(self):
        self.failed = 0

    def __call__(self, what, ok, why=""):
        self.failed += not ok
        print(f"{'ok  ' if ok else 'FAIL'} {what}" + ("" if ok else f": {why}"), flush=True)


class Page:
    "The page in the browser."

    def __init__(self, browser, address, theme="light", phone=False):
        size = {"width": 390, "height": 844} if phone else {"width": 1280, "height": 900}
        options = {"has_touch": phone, "is_mobile": phone, "device_scale_factor": 2 if phone else 1}
        self.context = browser.new_context(viewport=size, color_scheme=theme, **options)
        self.page, self.complaints = self.context.new_page(), []
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.complaints.append(m.text))
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("request", self.watch)
        self.page.goto(address, timeout=120_000)
        self.page.wait_for_function("globalThis.wmilDream?.page", timeout=120_000)

    def watch(self, request):
        local = ("file:", "data:", "http://127.0.0.1:")
        if not request.url.startswith(local):
            self.complaints.append(f"asked for {request.url}")

    def state(self):
        return self.page.evaluate(STATE)

    def choose(self, name, kind, index=0):
        self.page.click(f"button[data-name={name}]")
        self.page.click(f"button[data-name={kind}]")
        for _ in range(index):
            self.page.click("button.next")

    def point(self, x, y, figure="dream"):
        "A pixel of the game, on the screen."
        box = self.page.locator(f"figure.{figure} canvas").bounding_box()
        return box["x"] + (x + 0.5) / 64 * box["width"], box["y"] + (y + 0.5) / 64 * box["height"]

    def press(self, action, touch=False):
        kind, x, y = action
        if kind != 6:
            self.page.keyboard.press(ARROWS[kind])
        elif touch:
            self.page.touchscreen.tap(*self.point(x, y))
        else:
            self.page.mouse.click(*self.point(x, y, "game"))

    def swipe(self, dx, dy):
        "A finger drawn over the dream."
        x, y = self.point(32, 32)
        canvas = "document.querySelector('figure.dream canvas')"
        for name, at in (("pointerdown", (x, y)), ("pointerup", (x + dx, y + dy))):
            event = f"new PointerEvent('{name}', {{clientX: {at[0]}, clientY: {at[1]}, bubbles: true}})"
            self.page.evaluate(f"{canvas}.dispatchEvent({event})")

    def note(self):
        return self.page.locator("#wmil-dream .note").inner_text()

    def fact(self, name):
        return self.page.locator("#wmil-dream .facts div", has_text=name).locator("dd").inner_text()


def levels_of(page):
    return page.page.evaluate("wmilDream.levels")


def plays(levels):
    "Game, kind, index and presses of what is compared with the library."
    maze, lights, crates = (levels[name]["new"] for name in ("maze", "lights", "crates"))
    doors = [(k, 0, 0) for k in (4, 4, 4, 2, 2, 4, 4, 1, 3, 2, 2, 3)]
    six = [(k, 0, 0) for k in (4, 2, 4, 2, 3, 2, 2, 4, 1, 4, 4, 2, 3, 1, 1, 3, 2, 2, 3, 1, 4, 2)]
    beside = [(6, 1, 1)]
    return [
        ("maze", "new", 2, maze[2]["plan"]),
        ("lights", "new", 1, [*beside, *lights[1]["plan"]]),
        ("crates", "new", 0, crates[0]["plan"]),
        ("maze", "strange", 1, doors),
        ("crates", "strange", 1, six),
    ]


def compare(page, python, check):
    "Each frame of some plays against PyTorch and the engine."
    levels = levels_of(page)
    wanted = plays(levels)
    questions = [(name, levels[name][kind][index], actions) for name, kind, index, actions in wanted]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [python, "-c", EXPECTED]
    r = subprocess.run(command, input=json.dumps(questions), capture_output=True, text=True, env=env)
    if r.returncode:
        sys.exit(r.stderr)
    for (name, kind, index, actions), rows in zip(wanted, json.loads(r.stdout)):
        page.choose(name, kind, index)
        same, wrong = 0, 0
        for action, (codes, doubt, over, frame, outcome) in zip(actions, rows):
            page.press(action)
            got = page.state()
            same += got[0] == codes and got[2] == over and got[3] == frame and got[4] == outcome
            same -= not over and abs(got[1] - doubt) > 1e-3
            wrong = max(wrong, got[5])
        what = f"{name}, {kind} {index + 1}: dream and game as in Python at {len(rows)} presses"
        check(f"{what} (at most {wrong} wrong cells)", same == len(rows), f"only {same}")
        if kind == "strange":
            check("  and the dream goes wrong there", wrong > 0)
        else:
            check("  and both end together", page.note().startswith("Solved"), page.note())


def try_buttons(page, check):
    "Wake, new level, start again, hide and watch, by mouse and by key."
    page.choose("maze", "strange", 1)
    for kind in (4, 4, 4, 2, 2):
        page.press((kind, 0, 0))
    wrong = page.state()[5]
    shown = float(page.fact("surprise").removesuffix(" %"))
    check("wrong cells are counted", wrong > 0 and abs(shown - 100 * wrong / 64) <= 0.5, f"{shown} % of {wrong} cells")
    page.page.click("button.hide")
    hidden = page.page.locator("figure.game .veil").evaluate("(e) => getComputedStyle(e).backgroundColor")
    check("hide the game", hidden != "rgba(0, 0, 0, 0)" and page.fact("surprise") == "–", hidden)
    page.page.keyboard.press("h")
    page.page.click("button.wake")
    check("wake", page.state()[5] == 0 and page.note().startswith("Awake"), page.note())
    check("the game is where it was", page.fact("presses") == "5", page.fact("presses"))
    page.page.keyboard.press("r")
    check("start again", page.fact("presses") == "0", page.fact("presses"))
    page.choose("crates", "new")
    first = page.state()[3]
    page.page.keyboard.press("n")
    counter = page.page.locator("#wmil-dream .counter").inner_text()
    check("new level", counter.startswith("level 2 of") and page.state()[3] != first, counter)
    page.page.click("button.kind4")
    check("the arrow buttons", page.fact("presses") == "1", page.fact("presses"))
    page.page.click("button.watch")
    with contextlib.suppress(Exception):
        page.page.wait_for_function("wmilDream.page.worlds.realOver === 'won'", timeout=60_000)
    check("watch plays to the end", page.state()[4] == "won" and page.state()[2], page.note())


def try_loss(page, check):
    "A maze that is lost goes on in the dream."
    page.choose("maze", "new")
    budget = levels_of(page)["maze"]["new"][0]["budget"]
    walls = page.page.evaluate(
        """() => [1, 2, 3, 4].find((kind) => {
          const level = wmilDream.openLevel(wmilDream.looks, "maze", wmilDream.page.worlds.level);
          const head = (frame) => frame.slice(0, 3584).join();
          const before = head(level.frame());
          level.press([kind, 0, 0]);
          return head(level.frame()) === before;
        })"""
    )
    for _ in range(budget):
        page.press((walls, 0, 0))
    check("a maze without steps is lost", page.state()[4] == "lost" and "lost" in page.note(), page.note())
    page.press((walls, 0, 0))
    check("the dream goes on", page.fact("presses") == str(budget + 1), page.fact("presses"))
    page.page.click("button.wake")
    check("waking begins the level again", page.fact("presses") == "0" and page.state()[4] is None)


def try_phone(page, check):
    "Taps, swipes, and the width."
    page.choose("lights", "new")
    action = levels_of(page)["lights"]["new"][0]["plan"][0]
    before = page.state()[3]
    page.press(action, touch=True)
    check("a tap turns lamps", page.state()[3] != before and page.fact("presses") == "1", page.fact("presses"))
    page.choose("crates", "new")
    page.swipe(60, 5)
    page.swipe(-5, -60)
    page.swipe(3, 3)
    check("swipes are arrows, a tap isn't", page.fact("presses") == "2", page.fact("presses"))
    width = page.page.evaluate("document.documentElement.scrollWidth")
    check("nothing is wider than a phone", width <= 390, f"{width} px")


def try_cart(browser, address, args, check):
    "The cart: pushes that are held, watching until a dream falls, waking, hiding."
    for theme, phone in (("light", False), ("dark", True)):
        page = Page(browser, address, theme, phone)
        page.page.evaluate("wmilDream.page.cart.start([0.01, 0.02, 0.03, -0.02])")
        page.page.keyboard.down("ArrowLeft")
        page.page.wait_for_timeout(400)
        page.page.keyboard.up("ArrowLeft")
        pushes = int(page.fact("pushes"))
        page.page.wait_for_timeout(200)
        check("a push is held", pushes > 2 and int(page.fact("pushes")) == pushes, f"{pushes} pushes")
        page.page.keyboard.press("r")
        box = page.page.locator("button.push1").bounding_box()
        page.page.mouse.move(box["x"] + 9, box["y"] + 9)
        page.page.mouse.down()
        page.page.wait_for_timeout(200)
        page.page.mouse.up()
        check("so is a button", int(page.fact("pushes")) > 1, page.fact("pushes"))
        page.page.evaluate("wmilDream.page.cart.start([0.01, 0.02, 0.03, -0.02])")
        page.page.click("button.watch")
        page.page.wait_for_function("wmilDream.page.cart.down > 1", timeout=60_000)
        page.page.click("button.watch")
        stands = page.page.evaluate("!wmilDream.page.cart.over")
        check("the cart stands where dreams have fallen", stands and "fallen" in page.note(), page.note())
        name = f"{'site' if address.startswith('http') else 'page'}-cart-{theme}{'-phone' if phone else ''}"
        page.page.screenshot(path=str(args.out / f"{name}.png"))
        page.page.click("button.wake")
        check("waking", page.fact("surprise") == "0.0°" == page.fact("doubt"), page.note())
        page.page.keyboard.press("h")
        check("hiding", page.fact("surprise") == "–")
        width = page.page.evaluate("document.documentElement.scrollWidth")
        check(
            "no complaints, not too wide",
            not page.complaints and width <= (390 if phone else 1280),
            page.complaints[:3],
        )
        page.context.close()


def try_pictures(browser, address, check):
    "The site's front page on a phone: what is drawn in a picture can be read, and the page isn't wider than the phone."
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page = context.new_page()
    page.goto(address, wait_until="load", timeout=120_000)
    widths = page.evaluate(
        "[...document.querySelectorAll('.content img')].filter(i => i.naturalWidth >= 660).map(i => i.clientWidth)"
    )
    width = page.evaluate("document.documentElement.scrollWidth")
    legible = widths and min(widths) >= 600
    check("wide pictures scroll in their boxes", legible and width <= 390, f"{widths}, {width} px")
    context.close()


@contextlib.contextmanager
def served(folder):
    "A plain server of a folder; its address."

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            if self.path == "/favicon.ico":  # browsers ask for it, and the site has none
                return self.send_response(204), self.end_headers()
            return super().do_GET()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def show_off(page, file):
    "A screenshot in which something is to be seen."
    page.choose("crates", "strange", 1)
    for kind in (4, 2, 4, 2, 3, 2, 2, 4, 1, 4, 4, 2, 3, 1, 1, 3):
        page.press((kind, 0, 0))
    page.page.evaluate("document.activeElement.blur(), document.getElementById('wmil-dream').scrollIntoView()")
    page.page.screenshot(path=str(file))


def run(browser, folder, args, check):
    "All checks of one browser."
    page = Page(browser, (folder / "index.html").as_uri())
    compare(page, args.python, check)
    try_buttons(page, check)
    try_loss(page, check)
    check("no complaints in the console, no request to elsewhere", not page.complaints, page.complaints[:3])
    pages = {"page": (folder / "index.html").as_uri()}
    try_cart(browser, (folder / "cartpole.html").as_uri(), args, check)
    with contextlib.ExitStack() as stack:
        if args.site:
            site = Path(args.site).resolve()
            pages |= {"site": f"{stack.enter_context(served(site))}/dream.html", "file": (site / "dream.html").as_uri()}
            try_cart(browser, pages["site"].replace("dream.html", "cartpole.html"), args, check)
            try_pictures(browser, pages["site"].replace("dream.html", "index.html"), check)
        for name, address in pages.items():
            for theme, phone in (("light", False), ("dark", False), ("dark", True)):
                page = Page(browser, address, theme, phone)
                if phone:
                    try_phone(page, check)
                show_off(page, args.out / f"{name}-{theme}{'-phone' if phone else ''}.png")
                check(
                    f"{name}, {theme}: no complaints, no request to elsewhere", not page.complaints, page.complaints[:3]
                )
                page.context.close()


def main():
    here = ROOT / ".venv/bin/python"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=str(here if here.exists() else sys.executable), help="with wmil")
    parser.add_argument("--site", default="", help="the built site, for instance _docs/html")
    parser.add_argument("--out", default="", help="where screenshots go")
    args = parser.parse_args()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sys.exit(
            "playwright is missing: `pip install playwright` for this Python, and a Chromium (apt install chromium)"
        )
    check = Checks()
    with tempfile.TemporaryDirectory() as home:
        args.out = Path(args.out or home)
        args.out.mkdir(parents=True, exist_ok=True)
        command = [args.python, "-m", "wmil.explorers.web_page", "--folder", f"{home}/dream"]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
        chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        with sync_playwright() as p:
            browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            run(browser, Path(home) / "dream", args, check)
            browser.close()
    print(f"{check.failed} failed")
    sys.exit(check.failed > 0)


if __name__ == "__main__":
    main()
