// The page: one dream, one game, the same presses for both.
"use strict";
(function (dream) {
  const ARROWS = { ArrowUp: 1, ArrowDown: 2, ArrowLeft: 3, ArrowRight: 4 }, CLICK = 6, CELLS = 64, ZOOM = 8;
  const FACES = { 1: "↑", 2: "↓", 3: "←", 4: "→" }, NAMES = { 1: "up", 2: "down", 3: "left", 4: "right" };
  const TITLES = { maze: "Maze", lights: "Lights", crates: "Crates" };
  const AIMS = {
    maze: "Fetch the keys, open the doors, reach the green goal before the bar is used up.",
    lights: "Click lamps until each has the colour in its middle; a click also turns the lamps to the right and below.",
    crates: "Push every crate onto a goal.",
  };
  const SETS = { new: "never seen", practised: "practised", strange: "strange" };
  const ORIGINS = {
    new: "The model has never seen this level.",
    practised: "The model has practised on this level.",
    strange: "No level in training was of this kind.",
  };
  const DOUBTFUL = 0.3, REMEMBERED = 60, ROW = [0, 1, 2, 3, 4, 5, 6, 7];

  function make(tag, name, parent, properties = {}) {
    const element = Object.assign(document.createElement(tag), properties);
    if (name) element.className = name;
    parent?.append(element);
    return element;
  }

  const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
  const percent = (p) => (p > 0 && p < 0.001 ? "< 0.1 %" : `${(100 * p).toFixed(p && p < 0.1 ? 1 : 0)} %`);

  // ---- what happens: the two worlds

  class Worlds {
    constructor(player, looks) {
      Object.assign(this, { player, looks });
    }

    open(name, level) {
      Object.assign(this, { name, level, game: dream.openLevel(this.looks, name, level), presses: 0, solved: false });
      this.history = []; // wrong cells at each press after which both worlds went on
      this.wake();
    }

    // the dream goes on from the real frame
    wake() {
      this.codes = dream.encode(this.player, this.game.frame());
      Object.assign(this, { dreamt: 0, broken: 0, imagined: null, dreamOver: false });
      this.compare();
    }

    get realOver() {
      return this.game.outcome();
    }

    compare() {
      const real = this.game.frame(), imagined = dream.decode(this.player, this.codes);
      this.wrong = new Array(CELLS).fill(false);
      real.forEach((color, i) => (this.wrong[(i >> 9) * 8 + ((i & 63) >> 3)] ||= color !== imagined[i]));
      this.wrongCount = this.wrong.filter(Boolean).length;
    }

    press(action) {
      if (this.realOver && this.dreamOver) return;
      this.presses++;
      if (!this.dreamOver) {
        this.dreamt++;
        this.imagined = dream.predict(this.player, this.codes, action);
        this.dreamOver = this.imagined.won > 0.5;
        if (!this.dreamOver) this.codes = this.imagined.codes; // the frame after the end is another level's
      }
      this.game.press(action);
      if (this.realOver || this.dreamOver) return;
      this.compare();
      if (this.wrongCount) this.broken++;
      this.history.push(this.wrongCount);
    }

    // the probability that something in the imagined frame is wrong, if you believe the model
    get doubt() {
      return this.imagined ? 1 - Math.exp(this.imagined.logProb) : 0;
    }

    get comparable() {
      return !this.realOver && !this.dreamOver;
    }
  }

  // ---- what the page says

  function sentence(w, set) {
    const { wrongCount: wrong, dreamt, realOver: real, dreamOver } = w;
    if (real === "won" && dreamOver) return ["Solved, and the dream ends where the game ends.", "good"];
    if (real === "won") return ["The game is solved. In the dream it isn't: it goes on without the game.", "bad"];
    if (real === "lost" && dreamOver) return ["The game is lost, yet the dream believes that you have won.", "bad"];
    if (real === "lost") return ["The game is lost: no step is left. Nobody told the model, so in the dream you walk on.", "bad"];
    if (dreamOver) return ["The dream believes that the level is solved. The game knows better: press “wake”.", "bad"];
    if (!w.presses) return [`${AIMS[w.name]} ${ORIGINS[set]}`, ""];
    if (!dreamt) return ["Awake: the dream goes on from the real frame.", wrong ? "bad" : ""];
    if (wrong) {
      const sure = w.doubt < 0.01 ? " In its own eyes this step is certain." : "";
      return [`${plural(wrong, "cell")} of the dream didn't come true, and the model builds on what it imagined.${sure}`, "bad"];
    }
    if (w.broken) return ["The dream went wrong and has found back: each cell is right again.", "good"];
    return [`${dreamt} ${dreamt === 1 ? "press" : "presses"} without a look at the game, and each cell has come true.`, "good"];
  }

  // ---- pictures

  function paint(canvas, palette, frame, wrong, doubt) {
    const g = canvas.getContext("2d"), side = 8 * ZOOM;
    frame.forEach((color, i) => {
      g.fillStyle = palette[color];
      g.fillRect((i & 63) * ZOOM, (i >> 6) * ZOOM, ZOOM, ZOOM);
    });
    if (wrong) outline(g, side, (cell) => wrong[cell], "rgb(255 64 170)", "rgb(213 0 120 / 0.28)", []);
    if (doubt) outline(g, side, (cell) => doubt[cell] >= DOUBTFUL, "rgb(255 190 0)", "transparent", [10, 8]);
  }

  // fill cells and draw the border around them, not between them
  function outline(g, side, inside, stroke, fill, dashes) {
    const lines = new Path2D(), at = (row, column) => row in ROW && column in ROW && inside(8 * row + column);
    for (const row of ROW) {
      for (const column of ROW) {
        if (!at(row, column)) continue;
        const [left, top, right, bottom] = [column * side + 3, row * side + 3, (column + 1) * side - 3, (row + 1) * side - 3];
        g.fillStyle = fill;
        g.fillRect(column * side, row * side, side, side);
        const edges = [
          [row - 1, column, left - 3, top, right + 3, top],
          [row + 1, column, left - 3, bottom, right + 3, bottom],
          [row, column - 1, left, top - 3, left, bottom + 3],
          [row, column + 1, right, top - 3, right, bottom + 3],
        ];
        for (const [r, c, x1, y1, x2, y2] of edges) if (!at(r, c)) lines.moveTo(x1, y1), lines.lineTo(x2, y2);
      }
    }
    Object.assign(g, { lineWidth: 6, strokeStyle: stroke });
    g.setLineDash(dashes);
    g.stroke(lines);
  }

  function drawBars(svg, history) {
    const shown = history.slice(-REMEMBERED), bar = (h, i) => `M${5 * i + 1} 30v${-Math.max(1, (30 * h) / CELLS ** 0.5)}h3v40z`;
    const path = (heights) => heights.map((h, i) => (h > 0 ? bar(Math.sqrt(h), i) : "")).join("");
    svg.querySelector(".wrong").setAttribute("d", path(shown));
    svg.querySelector(".right").setAttribute("d", shown.map((h, i) => (h ? "" : `M${5 * i + 1} 30v-2h3v2z`)).join(""));
  }

  // ---- the elements

  function choices(parent, label, names, choose) {
    const box = make("div", "choices", parent, { role: "group", ariaLabel: label });
    const buttons = Object.entries(names).map(([name, face]) => {
      const button = make("button", "", box, { textContent: face, onclick: () => choose(name) });
      return (button.dataset.name = name), button;
    });
    return (chosen) => buttons.forEach((b) => (b.ariaPressed = String(b.dataset.name === chosen)));
  }

  function panel(parent, name, title) {
    const figure = make("figure", name, parent), caption = make("figcaption", "", figure);
    make("b", "", caption, { textContent: title });
    const state = make("span", "", caption), frame = make("div", "frame", figure);
    const canvas = make("canvas", "", frame, { width: 64 * ZOOM, height: 64 * ZOOM, ariaLabel: title });
    canvas.setAttribute("role", "img");
    return { figure, state, canvas, veil: make("div", "veil", frame) };
  }

  // a tap is a click on a pixel, a swipe is an arrow
  function listenToPointer(canvas, kinds, press) {
    let from = null;
    canvas.onpointerdown = (event) => (from = [event.clientX, event.clientY]);
    canvas.onpointerup = (event) => {
      if (!from) return;
      const dx = event.clientX - from[0], dy = event.clientY - from[1], box = canvas.getBoundingClientRect();
      const at = (offset, length) => Math.min(63, Math.max(0, Math.floor((64 * offset) / length)));
      from = null;
      if (kinds().includes(CLICK)) return press([CLICK, at(event.clientX - box.left, box.width), at(event.clientY - box.top, box.height)]);
      if (Math.max(Math.abs(dx), Math.abs(dy)) < 16) return;
      press([Math.abs(dx) > Math.abs(dy) ? (dx > 0 ? 4 : 3) : dy > 0 ? 2 : 1, 0, 0]);
    };
    canvas.onpointercancel = () => (from = null);
  }

  function onScreen(element) {
    const box = element.getBoundingClientRect();
    return box.bottom > 0 && box.top < window.innerHeight;
  }

  function facts(parent, names) {
    const list = make("dl", "facts", parent), values = {};
    for (const [name, hint] of Object.entries(names)) {
      const pair = make("div", "", list, { title: hint });
      make("dt", "", pair, { textContent: name });
      values[name] = make("dd", "", pair, { textContent: "–" });
    }
    return values;
  }

  // ---- the page

  class Page {
    constructor(root) {
      this.root = root;
      this.worlds = new Worlds(dream.readPlayer(dream.player), dream.looks);
      Object.assign(this, { name: "maze", set: "new", index: 0, hidden: false, timer: null });
      this.build();
      this.listen();
      this.open();
    }

    get levels() {
      return dream.levels[this.name][this.set];
    }

    build() {
      const root = this.root;
      root.replaceChildren();
      const head = make("header", "", root);
      this.showName = choices(head, "game", TITLES, (name) => this.choose({ name }));
      this.showSet = choices(head, "levels", SETS, (set) => this.choose({ set }));
      this.counter = make("output", "counter", head);
      const stage = make("div", "stage", root);
      this.dreamPanel = panel(stage, "dream", "The dream");
      this.gamePanel = panel(stage, "game", "The game");
      this.note = make("p", "note", root, { ariaLive: "polite" });
      const table = make("div", "table", root);
      this.pad = make("div", "pad", table);
      for (const kind of [1, 2, 3, 4]) {
        const options = { textContent: FACES[kind], ariaLabel: NAMES[kind], onclick: () => this.press([kind, 0, 0]) };
        make("button", `kind${kind}`, this.pad, options);
      }
      this.buildButtons(make("div", "buttons", table));
      const below = make("div", "below", root);
      this.facts = facts(below, {
        presses: "in this level",
        surprise: "share of the dream's 64 cells that are wrong now",
        doubt: "the model's own probability that something in this frame is wrong",
      });
      this.bars = make("div", "bars", below, { title: "wrong cells at each press" });
      this.bars.innerHTML = '<svg viewBox="0 0 300 31" preserveAspectRatio="none"><path class="right"/><path class="wrong"/></svg>';
    }

    buildButtons(row) {
      const button = (name, face, hint, onclick) => (this[`${name}Button`] = make("button", name, row, { textContent: face, title: hint, onclick }));
      button("wake", "wake", "the dream goes on from the real frame (key w)", () => this.wake());
      button("next", "new level", "the next level (key n)", () => this.next());
      button("again", "start again", "this level from its start (key r)", () => this.open());
      button("watch", "watch", "somebody else plays (key p)", () => this.watch());
      button("hide", "hide the game", "play in the dream alone (key h)", () => this.hide());
    }

    listen() {
      for (const { canvas } of [this.dreamPanel, this.gamePanel])
        listenToPointer(canvas, () => this.worlds.game.kinds, (action) => this.press(action));
      const shortcuts = { w: "wake", n: "next", r: "open", p: "watch", h: "hide" };
      window.addEventListener("keydown", (event) => {
        const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
        if (typing || event.ctrlKey || event.metaKey || event.altKey || !onScreen(this.gamePanel.canvas)) return;
        const kind = ARROWS[event.key], command = shortcuts[event.key];
        if (kind === undefined && !command) return;
        event.preventDefault();
        event.stopImmediatePropagation(); // Sphinx turns pages by these keys
        if (command) this[command]();
        else if (this.worlds.game.kinds.includes(kind)) this.press([kind, 0, 0]);
      }, true);
    }

    choose(what) {
      Object.assign(this, what, { index: 0 });
      this.open();
    }

    open() {
      this.stop();
      this.worlds.open(this.name, this.levels[this.index]);
      this.draw();
    }

    next() {
      this.index = (this.index + 1) % this.levels.length;
      this.open();
    }

    wake() {
      if (this.worlds.realOver) return this.open();
      this.worlds.wake();
      this.draw();
    }

    press(action) {
      this.stop();
      this.step(action);
    }

    step(action) {
      this.worlds.press(action);
      this.draw();
    }

    hide() {
      this.hidden = !this.hidden;
      this.draw();
    }

    stop() {
      clearInterval(this.timer);
      this.timer = null;
      this.watchButton.ariaPressed = "false";
    }

    // the shortest solution; in a strange level, presses at random
    watch() {
      if (this.timer) return this.stop();
      this.open();
      const plan = [...(this.worlds.level.plan ?? this.aimless(REMEMBERED))];
      this.watchButton.ariaPressed = "true";
      this.timer = setInterval(() => {
        if (!plan.length || !this.root.isConnected) return this.stop();
        this.step(plan.shift());
      }, 350);
    }

    aimless(count) {
      const kinds = this.worlds.game.kinds, below = (n) => Math.floor(Math.random() * n);
      return Array.from({ length: count }, () => (kinds[0] === CLICK ? [CLICK, 4 + below(56), 4 + below(56)] : [kinds[below(4)], 0, 0]));
    }

    draw() {
      const w = this.worlds, [words, tone] = sentence(w, this.set), comparable = w.comparable && !this.hidden;
      this.showName(this.name);
      this.showSet(this.set);
      this.counter.textContent = `level ${this.index + 1} of ${this.levels.length}` + (w.level.name ? `: ${w.level.name}` : "");
      this.drawPictures(comparable);
      this.note.textContent = this.hidden && w.presses && !w.dreamOver ? "You see only what the model imagines. Show the game to learn what came true." : words;
      this.note.className = `note ${this.hidden ? "" : tone}`;
      this.drawFacts(comparable);
      this.pad.hidden = w.game.kinds.includes(CLICK);
      this.hideButton.textContent = this.hidden ? "show the game" : "hide the game";
      this.hideButton.ariaPressed = String(this.hidden);
    }

    drawPictures(comparable) {
      const w = this.worlds, outcomes = { won: "solved", lost: "lost" };
      const imagined = dream.decode(w.player, w.codes), clicks = w.game.kinds.includes(CLICK);
      paint(this.dreamPanel.canvas, dream.palette, imagined, comparable && w.wrong, w.imagined?.doubt);
      paint(this.gamePanel.canvas, dream.palette, w.game.frame());
      this.dreamPanel.state.textContent = w.dreamOver ? "solved" : "";
      this.gamePanel.state.textContent = this.hidden ? "hidden" : (outcomes[w.realOver] ?? "");
      this.dreamPanel.figure.classList.toggle("over", w.dreamOver);
      this.gamePanel.figure.classList.toggle("over", Boolean(w.realOver));
      this.gamePanel.figure.classList.toggle("hidden", this.hidden);
      this.root.classList.toggle("clicks", clicks);
    }

    drawFacts(comparable) {
      const w = this.worlds;
      this.facts.presses.textContent = w.presses;
      this.facts.surprise.textContent = comparable ? percent(w.wrongCount / CELLS) : "–";
      this.facts.doubt.textContent = w.imagined && !w.dreamOver ? percent(w.doubt) : "–";
      this.facts.surprise.className = comparable && w.wrongCount ? "bad" : "";
      drawBars(this.bars, this.hidden ? [] : w.history);
    }
  }

  Object.assign(dream, { Worlds, Page });
  if (typeof document !== "undefined") {
    const root = document.getElementById("wmil-dream");
    if (root) dream.page = new Page(root);
  }
})((globalThis.wmilDream ??= {}));
