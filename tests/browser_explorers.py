"""Every explorer in a real browser: keys are pressed, frames clicked, sliders moved, saved files read.

    python tests/browser_explorers.py [--python .venv/bin/python] [--out FOLDER] [--only play,dream] [--app notebook]
                                      [--theme dark]

It is no part of `make test`, since it wants a browser: `pip install playwright` for the Python that runs this script,
and either `playwright install chromium` or a Chromium of your system (Debian: apt install chromium). `--python` names
the Python with wmil and JupyterLab; a JupyterLab of its own is started in a temporary folder, or with `--app notebook`
a Notebook 7. Screenshots in the light and in the dark theme land in FOLDER. The exit status is 1 if anything is not as
it should be.
"""

import argparse, contextlib, json, os, shutil, socket, subprocess, sys, tempfile, time, traceback, urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
THEMES = ("Light", "Dark")
OF_THE_APP = "Error: Canceled future for "  # JupyterLab says so when a kernel goes away that it was still asking
APPS = {"lab": ("jupyterlab", "doc/tree"), "notebook": ("notebook", "notebooks")}  # module, and where it opens files
UP, DOWN, LEFT, RIGHT = 1, 2, 3, 4

NOTEBOOKS = {
    "play": [
        "from wmil.explorers.play import PlayExplorer\n"
        "explorer = PlayExplorer('crates', seed=4, levels=3, budget=40, folder='recordings')\nexplorer",
        "explorer.close()",
    ],
    "tiles": [
        "from wmil.explorers.play import PlayExplorer\n"
        "explorer = PlayExplorer('lights', seed=2, levels=3, budget=None, recording='lights.jsonl.gz')\nexplorer",
        "explorer.close()",
    ],
    "dream": [
        "from wmil.explorers.dream import DreamExplorer\n"
        "explorer = DreamExplorer('maze', seed=5, levels=4, level=3)\nexplorer",
        "explorer.close()",
    ],
    "drive": [
        "from wmil.explorers.drive import DriveExplorer\nexplorer = DriveExplorer(seed=2026)\nexplorer",
        "explorer.close()",
    ],
    "recording": [
        "from wmil.explorers.recording import RecordingExplorer\n"
        "explorer = RecordingExplorer('crates.jsonl.gz')\nexplorer",
        "print('task:', explorer.task)\nexplorer.close()\nprint('task:', explorer.task)",
    ],
    "monitor": [
        "from wmil.explorers.monitor import TrainingMonitor\n"
        "explorer = TrainingMonitor({'fast': 'fast', 'slow': 'slow'})\nexplorer",
        "explorer.close()\nprint('task:', explorer.task)",
    ],
    "baby": [
        "from wmil.explorers.baby import BabyExplorer\nexplorer = BabyExplorer()\nexplorer",
        "explorer.close()",
    ],
    "representations": [
        "from wmil.explorers.representations import RepresentationExplorer\n"
        "explorer = RepresentationExplorer()\nexplorer",
        "explorer.close()",
    ],
    "dynamics": [
        "from wmil.explorers.dynamics import DynamicsExplorer\nexplorer = DynamicsExplorer()\nexplorer",
        "explorer.close()",
    ],
    **{
        name: [
            "from wmil.explorers.world_dream import WorldDreamExplorer\n"
            f"explorer = WorldDreamExplorer('{world}')\nexplorer",
            "explorer.close()",
        ]
        for name, world in (("worlds", "cart"), ("pendulum", "pendulum"), ("road", "road"))
    },
    "rollout": [
        "from wmil.explorers.world_dream import WorldDreamExplorer\n"
        "from wmil.rollout import random_policy, rollout\nfrom wmil.systems import CartPole, DynamicsEnv\n"
        "balanced = rollout(DynamicsEnv(CartPole(), 2, seed=5), lambda obs, info: "
        "{'act': (obs[:, 2] + 0.3 * obs[:, 3] > 0).long(), 'value': -obs[:, 2].abs()}, 60)\n"
        "explorer = WorldDreamExplorer('cart', rollout=balanced, env=1)\nexplorer",
        "explorer.close()\nprint('task:', explorer.task)",
    ],
}
# the last cell of each notebook: the next message keeps the explorer at work, and what is pressed then has to wait
BUSY = """
import time
answer = explorer.handle
def busy(message):
    explorer.handle = answer
    time.sleep(5)
    answer(message)
explorer.handle = busy
""".strip()

# what a browser must agree with, computed by the library itself
EXPECTED = """
import json, sys
import numpy as np
from wmil.games.engine import Engine, make_game
from wmil.games.puzzles import to_rgb
game, seed, levels, actions = json.loads(sys.argv[1])
engine = Engine(make_game(game, seed, levels))
engine.reset()
for action in actions:
    engine.step(action)
print(json.dumps(to_rgb(engine.obs.frame).tolist()))
"""

DRIVEN = """
import json, sys
import numpy as np
from wmil.control.envs import RACING
from wmil.control.racing import RacingEnv
from wmil.explorers.car_dream import PRESSES
env = RacingEnv(RACING)
picture, _ = env.reset(seed=2026)
for kind in json.loads(sys.argv[1]):
    picture = env.step(np.float32(PRESSES[kind][1]))[0]
print(json.dumps(picture.tolist()))
"""

READ = """
import json, sys
from wmil.games.recordings import read_recording
session = read_recording(sys.argv[1], strict=True)
print(json.dumps([session.actions.tolist(), session.frames[-1].tolist()]))
"""

WRITE = """
import json, sys
from wmil.games.engine import Engine, make_game
from wmil.games.recorder import record_play, write_recording
engine = Engine(make_game("crates", 4, 3))
engine.reset()
session = record_play(engine, lambda obs: engine.game.solve()[0], 60, "crates")
write_recording(session, sys.argv[1])
print(json.dumps(len(session)))
"""

TRAIN = """
import sys
from wmil.interaction.train import main
lr, folder = sys.argv[1:]
options = {"task": "pattern_echo", "total_steps": "1000000", "log_interval": "512", "device": "cpu"}
main([part for name, value in options.items() for part in ("--" + name.replace("_", "-"), value)]
     + ["--lr", lr, "--log-dir", folder])
"""

PIXELS = """(canvas) => {
  const small = document.createElement("canvas"), g = small.getContext("2d"), zoom = canvas.width / 64;
  small.width = small.height = 64;
  g.imageSmoothingEnabled = false;
  g.drawImage(canvas, 0, 0, 64, 64);
  const data = g.getImageData(0, 0, 64, 64).data;
  const all = [...Array(64).keys()], pixel = (x, y) => [...data.slice(4 * (64 * y + x), 4 * (64 * y + x) + 3)];
  return all.map((y) => all.map((x) => pixel(x, y)));
}"""


def missing_playwright():
    return (
        "playwright is missing: `pip install playwright` for this Python, then `playwright install chromium` "
        "or, on Debian, `apt install chromium`"
    )


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Lab:
    "A Jupyter of its own: settings, notebooks and recordings in a temporary folder."

    def __init__(self, python, folder, theme, app="lab"):
        self.python, self.folder = python, folder
        self.module, self.tree = APPS[app]
        self.port = free_port()
        settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": f"JupyterLab {theme}"}))
        (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
        self.work = folder / "work"
        self.work.mkdir()
        self.env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "IPYTHONDIR": str(folder / "ipython"),
            "JUPYTER_PREFER_ENV_PATH": "1",
        }
        for name, cells in NOTEBOOKS.items():
            (self.work / f"{name}.ipynb").write_text(json.dumps(notebook([*cells, BUSY])))

    def __enter__(self):
        options = ["--no-browser", f"--port={self.port}", "--IdentityProvider.token=", "--ServerApp.port_retries=0"]
        options += ["--allow-root", f"--ServerApp.root_dir={self.work}", "--ServerApp.disable_check_xsrf=True"]
        self.log = open(self.folder / "jupyter.log", "w")
        command = [self.python, "-m", self.module, *options]
        self.process = subprocess.Popen(command, env=self.env, stdout=self.log, stderr=self.log, cwd=self.work)
        for _ in range(600):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/status", timeout=2).read()
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.5)
        self.__exit__()
        sys.exit(f"{self.module} did not start: see {self.log.name}")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def stop_kernels(self):
        address = f"http://127.0.0.1:{self.port}/api/sessions"
        for session in json.loads(urllib.request.urlopen(address).read()):
            urllib.request.urlopen(urllib.request.Request(f"{address}/{session['id']}", method="DELETE")).read()

    def ask(self, program, *args):
        "What a program in the library's Python prints."
        out = subprocess.run(
            [self.python, "-c", program, *map(str, args)], env=self.env, capture_output=True, text=True
        )
        if out.returncode:
            sys.exit(out.stderr)
        return json.loads(out.stdout)


def notebook(cells):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    code = [
        dict(cell_type="code", id=f"c{i}", metadata={}, source=cell, outputs=[], execution_count=None)
        for i, cell in enumerate(cells)
    ]
    return dict(cells=code, metadata=dict(kernelspec=kernel), nbformat=4, nbformat_minor=5)


class Page:
    "A notebook in the browser."

    def __init__(self, page, lab, name, out, theme):
        self.page, self.lab, self.name = page, lab, name
        self.out, self.theme = out, theme
        page.add_locator_handler(page.locator(".jp-Dialog"), self.accept)
        page.goto(f"http://127.0.0.1:{lab.port}/{lab.tree}/{name}.ipynb", timeout=300_000)
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=300_000)
        page.wait_for_selector("[data-status=idle]", state="attached", timeout=300_000)
        self.root = page.locator(".wmil-canvas")

    def accept(self):
        "Take the kernel that a slow machine asks about; the question may be gone by then."
        from playwright.sync_api import TimeoutError

        with contextlib.suppress(TimeoutError):
            self.page.locator(".jp-Dialog .jp-mod-accept").click(timeout=2_000)

    def run(self, cell):
        "Evaluate a cell; again if the kernel was not yet there to hear it."
        prompt = self.page.locator(".jp-Cell .jp-InputPrompt").nth(cell)
        for _ in range(20):
            self.page.locator(".jp-Cell .cm-content").nth(cell).click()
            self.page.keyboard.press("Shift+Enter")
            self.page.wait_for_timeout(1500)
            if prompt.inner_text().strip("[]: "):
                return

    def open(self):
        "Evaluate the first cell and wait for its canvas."
        self.run(0)
        self.root.wait_for(timeout=300_000)
        self.root.scroll_into_view_if_needed()

    def busy(self):
        "Let the explorer take seconds for the next message."
        self.run(2)
        self.show()

    def key(self, key, control):
        "Press a key on a button or slider, as somebody without a mouse does."
        control.focus()
        self.page.keyboard.press(key)

    def fact(self, name):
        "A value next to the title."
        for span in self.root.locator("header span, header label").all():
            if span.inner_text().startswith(name):
                return span.locator("b").inner_text()

    def until(self, what, found, wanted):
        "Wait until `found()` is what it should be."
        for _ in range(600):
            value = found()
            if value == wanted:
                print(f"  {self.theme}, {self.name}: {what}", flush=True)
                return
            time.sleep(0.1)
        raise AssertionError(f"{self.theme}, {self.name}: {what}: found {str(value)[:80]}, expected {str(wanted)[:80]}")

    def pixels(self, panel=0):
        return self.root.locator("canvas").nth(panel).evaluate(PIXELS)

    def click_pixel(self, x, y, panel=0):
        canvas = self.root.locator("canvas").nth(panel)
        box = canvas.bounding_box()
        canvas.click(position={"x": (x + 0.5) * box["width"] / 64, "y": (y + 0.5) * box["height"] / 64})

    def button(self, text):
        self.root.get_by_role("button", name=text, exact=True).click()

    def step(self):
        "Where the slider is, and the last step."
        words = self.root.locator(".time output").inner_text().split()
        return [int(words[1]), int(words[3])]

    def slide(self, step):
        "Drag the slider to a step."
        slider = self.root.locator(".time input")
        box, last = slider.bounding_box(), self.step()[1]
        slider.click(position={"x": 8 + (box["width"] - 16) * step / last, "y": box["height"] / 2})

    def slide_control(self, name, share):
        "Drag one of the sliders of a board to a share of its length."
        slider = self.root.locator(f".controls [data-name={name}] input")
        box = slider.bounding_box()
        slider.click(position={"x": 8 + (box["width"] - 16) * share, "y": box["height"] / 2})

    def choose(self, name, word):
        "Choose a word of a board."
        self.root.locator(f".controls [data-name={name}] select").select_option(word)

    def chart(self, number):
        "The drawing of a chart."
        return self.root.locator(".chart .holder").nth(number)

    def point(self, number, across, up=0.5):
        "Point at a place in a chart, in shares of its width and height; what stands under the pointer."
        box = self.chart(number).bounding_box()
        self.page.mouse.move(box["x"] + across * box["width"], box["y"] + (1 - up) * box["height"])
        tip = self.root.locator(".chart").nth(number).locator(".tip")
        return tip.inner_text() if tip.is_visible() else ""

    def click_dot(self, number, index):
        "Click a dot of a chart."
        dot = self.chart(number).locator("circle").nth(index).bounding_box()
        self.page.mouse.click(dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2)

    def drag(self, number, *places):
        "Drag through places of a chart, in shares of its width and height."
        box = self.chart(number).bounding_box()
        at = [(box["x"] + x * box["width"], box["y"] + (1 - y) * box["height"]) for x, y in places]
        self.page.mouse.move(*at[0])
        self.page.mouse.down()
        for x, y in at[1:]:
            self.page.mouse.move(x, y, steps=4)
        self.page.mouse.up()

    def title(self, panel):
        return self.root.locator("figcaption").nth(panel).inner_text()

    def note(self):
        return self.root.locator(".note").inner_text()

    def show(self):
        "Scroll to the explorer, if it is open."
        if self.root.count():
            self.root.evaluate("(root) => root.scrollIntoView({ block: 'start' })")

    def shot(self, what):
        self.show()
        self.page.wait_for_timeout(200)
        self.page.screenshot(path=self.out / f"{self.name}-{what}-{self.theme.lower()}.png")

    def stills(self):
        "Pictures that can be seen."
        return sum(image.is_visible() for image in self.page.locator(".jp-RenderedImage img").all())

    def save(self):
        self.page.keyboard.press("Control+s")
        self.page.wait_for_timeout(1500)
        return json.loads((self.lab.work / f"{self.name}.ipynb").read_text())


def check_saved(page, lab):
    "The saved notebook and the page made of it hold the picture."
    saved = page.save()
    pictures = [o for c in saved["cells"] for o in c["outputs"] if "image/png" in o.get("data", {})]
    assert len(pictures) == 1, pictures
    source = lab.work / f"{page.name}.ipynb"
    command = [lab.python, "-m", "nbconvert", "--to", "html", str(source)]
    subprocess.run(command, env=lab.env, capture_output=True, check=True)
    exported = page.page.context.new_page()
    exported.goto(source.with_suffix(".html").as_uri())
    seen = exported.locator("img").first.evaluate("(image) => [image.naturalWidth, image.getClientRects().length]")
    assert seen[0] > 200 and seen[1] > 0, seen
    print(f"  {page.theme}, {page.name}: the exported page shows the picture")
    exported.close()


def try_play(page, lab):
    page.open()
    assert page.stills() == 0, "the still picture is seen beside the canvas"
    page.click_pixel(30, 30)
    for key in ("ArrowUp", "ArrowRight", "ArrowRight"):
        page.page.keyboard.press(key)
    page.until("keys are actions", lambda: page.fact("actions"), "3 of 40")
    page.button("↓")
    page.until("buttons are actions", lambda: page.fact("actions"), "4 of 40")
    actions = [[kind, 0, 0] for kind in (UP, RIGHT, RIGHT, DOWN)]
    page.until("the frame is the engine's", page.pixels, lab.ask(EXPECTED, json.dumps(["crates", 4, 3, actions])))
    page.page.keyboard.press("ArrowUp")
    page.until("one action more", lambda: page.fact("actions"), "5 of 40")
    page.page.keyboard.press("z")  # no business of the notebook's
    page.until("z takes it back", lambda: page.fact("actions"), "4 of 40")
    assert page.page.locator(".jp-Cell").count() >= 2
    page.button("save")
    page.until("saved", lambda: page.note().startswith("Saved 4 actions"), True)
    page.click_pixel(30, 30)
    page.shot("saved")
    recorded, _ = lab.ask(READ, lab.work / "recordings" / "crates-1.jsonl.gz")
    assert recorded == [[0, 0, 0], *actions], recorded
    page.page.keyboard.press("r")
    page.until("r is reset", lambda: page.fact("actions"), "5 of 40")
    check_saved(page, lab)
    page.page.reload()
    page.root.wait_for(timeout=300_000)
    page.click_pixel(30, 30)
    page.page.keyboard.press("ArrowUp")
    page.until("it answers after the page was loaded again", lambda: page.fact("actions"), "6 of 40")
    page.run(1)
    page.until("closed: the canvas is gone, the picture stays", lambda: (page.root.count(), page.stills()), (0, 1))
    page.shot("closed")
    lab.stop_kernels()
    page.page.reload()
    page.until("opened again without its kernel: the picture", lambda: (page.root.count(), page.stills()), (0, 1))
    page.shot("reopened")


def try_tiles(page, lab):
    page.open()
    page.click_pixel(20, 20)
    page.click_pixel(40, 33)
    page.until("clicks are actions", lambda: page.fact("actions"), "2")
    actions = [[6, 20, 20], [6, 40, 33]]
    page.until("at that pixel", page.pixels, lab.ask(EXPECTED, json.dumps(["lights", 2, 3, actions])))
    page.shot("clicked")
    page.run(1)
    page.until("closed", lambda: page.root.count(), 0)
    recorded, frame = lab.ask(READ, lab.work / "lights.jsonl.gz")
    assert recorded == [[0, 0, 0], *actions], recorded


def try_dream(page, lab):
    page.open()
    page.click_pixel(30, 30)
    keys = {UP: "ArrowUp", DOWN: "ArrowDown", LEFT: "ArrowLeft", RIGHT: "ArrowRight"}
    route = [4, 4, 3, 1, 2, 4, 1, 3]
    for n, kind in enumerate(route, 1):
        page.page.keyboard.press(keys[kind])
        page.until(f"step {n}", page.step, [n, n])
    page.shot("awake")
    real = page.pixels(0)
    page.button("dream")
    page.until("asleep", lambda: page.root.get_by_role("button", name="wake").count(), 1)
    page.page.keyboard.press("ArrowLeft")
    page.page.keyboard.press("ArrowRight")
    page.until("two dreamt", lambda: page.title(1), "dream: 2 actions")
    assert page.step() == [8, 8], "the engine was asked in a dream"
    page.shot("asleep")
    page.button("wake")
    page.until("awake again, at the same frame", lambda: page.pixels(0), real)
    page.slide(3)
    page.until("the slider goes back", page.step, [3, 8])
    page.shot("back")
    page.click_pixel(2, 2)  # gives the canvas the keys
    page.page.keyboard.press("ArrowDown")
    page.until("a press there branches", page.step, [4, 4])
    page.button("agent acts")
    page.until("the solver takes over", page.step, [5, 5])
    page.button("save")
    page.until("saved", lambda: page.note().startswith("Saved 5 actions"), True)
    recorded, _ = lab.ask(READ, lab.work / "recordings" / "maze-1.jsonl.gz")
    assert [kind for kind, *_ in recorded][:5] == [0, *route[:3], DOWN] and len(recorded) == 6, recorded
    check_saved(page, lab)
    page.run(1)
    page.until("closed", lambda: (page.root.count(), page.stills()), (0, 1))


def try_drive(page, lab):
    page.open()
    page.click_pixel(30, 30)
    for n, key in enumerate(("ArrowUp", "ArrowUp", "ArrowLeft", "Space", "ArrowRight"), 1):
        page.page.keyboard.press(key)
        page.until(f"{key} is a decision", page.step, [n, n])
    page.button("↑")
    page.until("so is a press on the pad", page.step, [6, 6])
    page.button("straight on")
    page.until("and straight on", page.step, [7, 7])
    driven = [UP, UP, LEFT, 5, RIGHT, UP, 5]
    page.until("the picture is the car's", page.pixels, lab.ask(DRIVEN, json.dumps(driven)))
    page.shot("awake")
    page.button("10 by the driver")
    page.until("ten by the driver", page.step, [17, 17])
    page.button("driver acts")
    page.until("one by the driver", page.step, [18, 18])
    page.shot("driver")
    page.slide(3)
    page.until("the slider goes back", page.step, [3, 18])
    page.until("to the car's picture", page.pixels, lab.ask(DRIVEN, json.dumps(driven[:3])))
    page.shot("back")
    page.click_pixel(2, 2)
    page.page.keyboard.press("ArrowDown")
    page.until("a press there branches", page.step, [4, 4])
    page.until("for the car, too", page.pixels, lab.ask(DRIVEN, json.dumps([*driven[:3], DOWN])))
    drive_in_dream(page, lab)


def drive_in_dream(page, lab):
    "Dream, live it, another track."
    page.button("10 by the driver")
    page.until("the driver goes on", page.step, [14, 14])
    real = page.pixels(0)
    page.button("dream")
    page.until("asleep", lambda: page.root.get_by_role("button", name="wake").count(), 1)
    page.click_pixel(30, 30, panel=1)
    for key in ("ArrowUp", "ArrowLeft", "ArrowLeft", "Space"):
        page.page.keyboard.press(key)
    page.until("four dreamt", lambda: page.title(1), "dream: 4 decisions")
    page.button("driver acts")
    page.until("one by the driver", lambda: page.fact("dreamt decisions"), "5 (0.8 s)")
    assert page.step() == [14, 14], "the car moved in a dream"
    page.shot("asleep")
    page.button("wake")
    page.until("awake again, at the same picture", lambda: page.pixels(0), real)
    page.button("dream")
    page.until("asleep again", lambda: page.title(1), "dream: 0 decisions")
    page.button("10 by the driver")
    page.until("ten dreamt", lambda: page.title(1), "dream: 10 decisions")
    page.button("live it")
    page.until("lived", page.step, [24, 24])
    assert page.note().startswith("Lived 10 of 10 decisions"), page.note()
    page.shot("lived")
    page.slide(15)
    page.until("the lived steps keep the dream", lambda: page.title(1), "dreamt: 1 decision without looking")
    check_saved(page, lab)
    page.button("begin again")
    page.until("another track", lambda: (page.fact("track"), page.step()), ("2027", [0, 0]))
    page.shot("again")
    page.run(1)
    page.until("closed", lambda: (page.root.count(), page.stills()), (0, 1))
    page.shot("closed")


def try_recording(page, lab):
    steps = lab.ask(WRITE, lab.work / "crates.jsonl.gz")
    page.open()
    page.until("the model has read it", page.note, "")
    page.until("from the start", page.step, [0, steps - 1])
    page.slide(7)
    page.until("the slider moves", page.step, [7, steps - 1])
    recorded, _ = lab.ask(READ, lab.work / "crates.jsonl.gz")
    frame = lab.ask(EXPECTED, json.dumps(["crates", 4, 3, recorded[1:8]]))
    page.until("its frame is the engine's", lambda: page.pixels(0), frame)
    page.shot("slider")
    page.key("ArrowRight", page.root.locator(".time input"))
    page.until("so does an arrow key", page.step, [8, steps - 1])
    page.busy()
    for step in (3, 20, 12):
        page.slide(step)
    assert page.step()[0] == 8, "it was not busy"
    page.until("the slider moved while it was busy", page.step, [12, steps - 1])
    page.root.locator("button.play").click()
    page.until("it plays to the end", page.step, [steps - 1, steps - 1])
    page.shot("end")
    page.run(1)
    page.until("closed", lambda: (page.root.count(), page.stills()), (0, 1))


def start_training(lab, name, lr):
    "A training in a process of its own."
    command = [lab.python, "-c", TRAIN, lr, str(lab.work / "runs" / name)]
    return subprocess.Popen(command, env=lab.env, cwd=lab.work, stdout=lab.log, stderr=lab.log)


def name_run(lab, name):
    "Wait for a training's first rows, and give its run a short name."
    for _ in range(1800):
        runs = list((lab.work / "runs" / name).glob("*/metrics.jsonl"))
        if runs:
            return (lab.work / name).symlink_to(runs[0].parent)
        time.sleep(0.1)
    raise AssertionError("the training did not begin")


def try_monitor(page, lab):
    trainings = [start_training(lab, "fast", "0.001"), start_training(lab, "slow", "0.0001")]
    try:
        watch_trainings(page, lab, trainings)
    finally:
        for process in trainings:
            process.kill()
            process.wait()
    page.choose("shown", "expected_success")
    page.until("one metric", lambda: page.root.locator(".chart").count(), 1)
    page.slide_control("smoothing", 0)
    page.until("nothing is smoothed", lambda: page.root.locator(".chart path.line").count(), 2)
    assert "fast" in page.point(0, 0.4)
    page.shot("metric")
    page.busy()
    page.choose("shown", "entropy")
    page.choose("scale", "logarithmic")
    page.slide_control("smoothing", 0.5)
    name = page.root.locator(".chart .name").first
    assert name.inner_text() == "expected_success", "it was not busy"
    page.until("a metric chosen while it was busy", name.inner_text, "entropy")
    page.until("and a scale", lambda: page.root.locator("[data-name=scale] select").input_value(), "logarithmic")
    page.until("and smoothing", lambda: page.root.locator(".chart path.line").count(), 4)
    page.shot("busy")
    page.page.wait_for_timeout(600)
    check_saved(page, lab)
    page.run(1)
    page.until("closed", lambda: (page.root.count(), page.stills()), (0, 1))


def watch_trainings(page, lab, trainings):
    "Curves grow, and each training ends by its button."
    name_run(lab, "fast")
    name_run(lab, "slow")
    page.open()
    page.until("running", lambda: page.fact("fast").split(" · ")[0], "running")
    before = page.fact("slow")
    page.until("the curves grow", lambda: page.fact("slow") != before, True)
    page.until("charts", lambda: page.root.locator(".chart path.line").count() >= 24, True)
    assert "steps" in page.point(0, 0.6)
    page.shot("running")
    page.button("■ stop slow")
    page.until("stopped by its button", lambda: page.fact("slow").split(" · ")[0], "stopped")
    assert trainings[0].poll() is None and trainings[1].wait(60) == 130
    page.button("■ stop fast")
    page.until("the other one, too", lambda: page.fact("fast").split(" · ")[0], "stopped")
    page.until("no more buttons", lambda: page.root.locator(".command").count(), 0)


def try_baby(page, lab):
    page.open()
    page.until("success", lambda: page.fact("success"), "99%")
    assert "color" in page.fact("state")
    page.choose("attribute", "step")
    page.until("another probe", lambda: "step" in page.root.locator(".chart .name").nth(3).inner_text(), True)
    page.click_dot(1, 7)
    slider = page.root.locator("[data-name=state] input")
    page.until("a click chooses a state", lambda: slider.input_value() != "0", True)
    page.drag(0, (0.9, 0.5), (0.9, 0.4))
    title = page.root.locator(".chart .name").nth(2)
    page.until("a drag chooses an action", lambda: "action 1" in title.inner_text(), True)
    page.shot("grown")
    before = slider.input_value()
    page.busy()
    page.click_dot(1, 20)
    page.drag(0, (0.2, 0.5), (0.2, 0.4))
    page.choose("attribute", "color")
    assert slider.input_value() == before, "it was not busy"
    page.until("a state clicked while it was busy", lambda: slider.input_value() != before, True)
    page.until("and an action", lambda: "action 1" not in title.inner_text(), True)
    page.until("and a probe", lambda: "color" in page.root.locator(".chart .name").nth(3).inner_text(), True)
    page.slide_control("training", 0)
    page.until("before training", lambda: page.fact("success"), "0%")
    page.shot("born")
    page.page.wait_for_timeout(600)
    check_saved(page, lab)
    page.run(1)
    page.until("closed", lambda: (page.root.count(), page.stills()), (0, 1))


def try_representations(page, lab):
    page.open()
    page.until("two maps and two scores", lambda: page.root.locator(".chart").count(), 4)
    assert page.fact("chosen") == "color red, step 0"
    page.click_dot(0, 5)
    page.until("a click chooses a state", lambda: page.fact("chosen") != "color red, step 0", True)
    chosen = page.fact("chosen")
    tip = page.root.locator(".chart").nth(0).locator(".tip")
    page.until("it is named under the pointer", tip.inner_text, chosen)
    page.shot("hover")
    page.choose("colour", "right actions")
    page.until("coloured by another attribute", lambda: "right actions" in page.fact("its neighbours"), True)
    page.until("its neighbours share it", lambda: page.fact("its neighbours"), "3 of 3 share right actions")
    page.shot("grown")
    before = page.chart(0).inner_html()
    page.slide_control("training", 0)
    page.until("another map before training", lambda: page.chart(0).inner_html() != before, True)
    page.shot("born")
    before = page.chart(1).inner_html()
    page.slide_control("perplexity", 0)
    page.until("another perplexity", lambda: page.chart(1).inner_html() != before, True)
    page.shot("perplexity")
    chosen = page.fact("chosen")
    page.busy()
    page.click_dot(1, 9)
    page.choose("colour", "step")
    assert page.fact("chosen") == chosen, "it was not busy"
    page.until("a state clicked while it was busy", lambda: page.fact("chosen") != chosen, True)
    page.until("and a colour", lambda: "share step" in page.fact("its neighbours"), True)
    page.shot("busy")
    page.page.wait_for_timeout(600)
    check_saved(page, lab)
    page.run(1)
    page.until("closed", lambda: (page.root.count(), page.stills()), (0, 1))


def try_dynamics(page, lab):
    page.open()
    page.until("charts answer to a drag", lambda: page.root.locator(".chart.answers").count(), 6)
    before = page.chart(1).inner_html()
    page.drag(1, (0.3, 0.5), (0.4, 0.25), (0.6, 0.15), (0.9, 0.15))
    page.until("a plan is drawn", lambda: page.chart(1).inner_html() != before, True)
    page.until("it is yours", lambda: page.root.locator("[data-name=plan] select").input_value(), "yours")
    page.until("it ends in the rail", lambda: page.fact("true").startswith("crash"), True)
    page.shot("drawn")
    page.drag(4, (0.5, 0.5), (0.7, 0.5))
    step = page.root.locator("[data-name=step] input")
    page.until("the step moves", lambda: 18 <= int(step.input_value()) <= 22, True)
    before = page.chart(2).inner_html()
    page.choose("plan", "full brake")
    page.until("a plan of the menu", lambda: page.chart(2).inner_html() != before, True)
    assert "predicted" in page.point(5, 0.5)
    page.shot("brake")
    page.page.wait_for_timeout(600)
    check_saved(page, lab)
    page.run(1)
    page.until("closed", lambda: (page.root.count(), page.stills()), (0, 1))


def try_worlds(page, lab):
    page.open()
    page.until("four charts", lambda: page.root.locator(".chart").count(), 4)
    page.button("push →")
    page.until("two steps by hand", lambda: page.fact("real steps"), "2")
    page.choose("hand", "agent")
    for steps in (12, 22, 32):
        page.button("10 steps")
        page.until(f"{steps} steps, the rest by the agent", lambda: page.fact("real steps"), str(steps))
    page.shot("awake")
    page.button("dream")
    page.choose("hand", "recording")
    page.button("10 steps")
    page.until("the recording acts in the dream", page.note, "10 steps by the recording, in the dream.")
    assert page.fact("dreamt steps") == "10"
    assert page.fact("real steps") == "32", "the cart moved while we dreamt"
    page.shot("asleep")
    page.button("live it")
    page.until("lived, or fallen on the way", lambda: "dreamt steps were lived" in page.note(), True)
    page.shot("lived")
    page.slide_control("step", 0.25)
    step = page.root.locator("[data-name=step] input")
    page.until("the slider goes back", lambda: 5 <= int(step.input_value()) <= 15, True)
    at = int(step.input_value())
    page.button("← push")
    page.until("a press there branches", lambda: page.fact("real steps"), str(at + 2))
    page.page.wait_for_timeout(600)
    check_saved(page, lab)
    page.run(1)
    page.until("closed", lambda: (page.root.count(), page.stills()), (0, 1))


def press_in_world(page, forth, back, hold):
    "Buttons, keys, a busy explorer, an agent, a dream and the slider, in any world."
    number, step = lambda: page.fact("real steps"), page.root.locator("[data-name=step] input")
    page.open()
    page.button(forth)
    page.until("a press", number, str(hold))
    page.shot("pressed")
    page.key("Enter", page.root.get_by_role("button", name=back, exact=True))
    page.until("Enter is a press", number, str(2 * hold))
    page.key("Space", page.root.get_by_role("button", name=forth, exact=True))
    page.until("space is a press", number, str(3 * hold))
    page.key("ArrowLeft", step)
    page.until("an arrow key moves the slider", step.input_value, str(3 * hold - 1))
    page.page.keyboard.press("ArrowLeft")
    page.until("which keeps the focus", step.input_value, str(3 * hold - 2))
    page.key("End", step)
    page.until("and back", step.input_value, str(3 * hold))
    page.busy()
    for name in (forth, back, forth, forth):
        page.button(name)
    assert number() == str(3 * hold), "it was not busy"
    page.until("four presses while it was busy", number, str(7 * hold))
    page.shot("busy")
    page.slide_control("hold", 0)
    page.button(back)
    page.until("a press of one step", number, str(7 * hold + 1))
    page.choose("hand", "agent")
    for turn in (1, 2, 3):
        page.button("10 steps")
        page.until(f"the agent, {10 * turn} steps", number, str(7 * hold + 1 + 10 * turn))
    page.shot("awake")


def dream_in_world(page, lab, back):
    "The agent dreams, the dream is lived, the slider goes back, and a press branches."
    number, step = lambda: page.fact("real steps"), page.root.locator("[data-name=step] input")
    real = number()
    page.button("dream")
    page.button("10 steps")
    page.until("the agent dreams", lambda: page.fact("dreamt steps"), "10")
    assert number() == real, "the world moved while we dreamt"
    page.shot("asleep")
    page.button("live it")
    page.until("it is lived", page.note, "10 of 10 dreamt steps were lived.")
    page.shot("lived")
    page.slide_control("step", 0.25)
    shown = page.root.locator("[data-name=step] output")
    page.until("the slider goes back", lambda: shown.inner_text() == step.input_value() != str(int(real) + 10), True)
    page.shot("back")
    at = int(step.input_value())
    page.button(back)
    page.until("a press there branches", number, str(at + 1))
    page.page.wait_for_timeout(600)
    check_saved(page, lab)
    page.run(1)
    page.until("closed", lambda: (page.root.count(), page.stills()), (0, 1))


def try_pendulum(page, lab):
    press_in_world(page, "right ↻", "↺ left", 3)
    dream_in_world(page, lab, "let go")


def try_road(page, lab):
    press_in_world(page, "↑ throttle", "straight on", 3)
    dream_in_world(page, lab, "↓ brake")


def try_rollout(page, lab):
    page.open()
    step = page.root.locator("[data-name=step] input")
    page.until("at its start", step.input_value, "0")
    page.slide_control("step", 0.5)
    page.until("the slider moves", lambda: 25 <= int(step.input_value()) <= 35, True)
    page.until("what the policy said", lambda: bool(page.fact("value")), True)
    page.until("five networks expected it", page.chart(0).locator("path.line").count, 7)
    page.shot("slider")
    page.button("▶ play")
    page.until("it plays", lambda: int(step.input_value()) > 40, True)
    page.button("❚❚ stop")
    page.until("and stops", page.root.get_by_role("button", name="▶ play", exact=True).count, 1)
    at = step.input_value()
    page.page.wait_for_timeout(600)
    assert step.input_value() == at, "it went on"
    page.button("▶ play")
    page.until("it plays to the end", step.input_value, "60")
    page.shot("end")
    page.slide_control("step", 0.25)
    page.until("back", lambda: 10 <= int(step.input_value()) <= 20, True)
    at = int(step.input_value())
    page.button("push →")
    page.until("a press there branches", lambda: page.fact("real steps"), str(at + 2))
    page.page.wait_for_timeout(600)
    check_saved(page, lab)
    page.run(1)
    page.until("closed", lambda: (page.root.count(), page.stills()), (0, 1))


def try_one(name, browser, lab, out, theme):
    "One explorer in one theme."
    context = browser.new_context(viewport={"width": 1300, "height": 860})
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        opened = Page(page, lab, name, out, theme)
        known = set(errors)  # of the app itself: Notebook 7 misses one of its settings
        globals()[f"try_{name}"](opened, lab)
        ours = [error for error in errors if error not in known and not error.startswith(OF_THE_APP)]
        assert not ours, ours
    except Exception:
        traceback.print_exc()
        page.screenshot(path=out / f"{name}-failed-{theme.lower()}.png")
        return False
    finally:
        context.close()
    return True


def try_all(python, browser, out, names, app, themes):
    "The explorers that failed; each is tried, whatever happened to those before it."
    failed = []
    for theme in themes:
        folder = Path(tempfile.mkdtemp())
        with Lab(python, folder, theme, app) as lab:
            failed += [f"{name} ({theme.lower()})" for name in names if not try_one(name, browser, lab, out, theme)]
        assert lab.process.poll() is not None
        shutil.rmtree(folder, ignore_errors=True)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = ROOT / ".venv" / "bin" / "python"
    parser.add_argument(
        "--python", default=str(here if here.exists() else sys.executable), help="with wmil and JupyterLab"
    )
    parser.add_argument("--out", default=tempfile.mkdtemp(prefix="explorers-"), help="folder for screenshots")
    parser.add_argument("--only", default=",".join(NOTEBOOKS), help="which explorers, separated by commas")
    parser.add_argument("--app", choices=tuple(APPS), default="lab", help="JupyterLab or Notebook 7")
    parser.add_argument("--theme", choices=[theme.lower() for theme in THEMES], help="one of them; else both")
    args = parser.parse_args()
    themes = [args.theme.capitalize()] if args.theme else THEMES
    names = args.only.split(",")
    unknown = [name for name in names if name not in NOTEBOOKS]
    if unknown:
        parser.error(f"no explorer is called {', '.join(unknown)}: expected some of {', '.join(NOTEBOOKS)}")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sys.exit(missing_playwright())
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        failed = try_all(args.python, browser, out, names, args.app, themes)
        browser.close()
    if failed:
        sys.exit(f"failed: {', '.join(failed)}; screenshots in {out}")
    print(f"all as it should be; screenshots in {out}")


if __name__ == "__main__":
    main()
