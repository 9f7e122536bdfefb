// A cart with a pole: the equations, and five small networks that dream of it (lessons 032, 215 and 220).
"use strict";
(function (dream) {
  const LEFT = 0, RIGHT = 1, LIMIT = (12 * Math.PI) / 180, EDGE = 2.4, PACE = 40; // ms between pushes that are held

  // ---- the equations of CartPole-v1 and the networks

  function physics([x, speed, angle, spin], act) {
    const cos = Math.cos(angle), sin = Math.sin(angle), force = 20 * act - 10;
    const push = (force + 0.05 * spin * spin * sin) / 1.1;
    const turn = (9.8 * sin - cos * push) / (2 / 3 - cos * cos * (0.05 / 1.1));
    const rates = [speed, push - (0.05 / 1.1) * turn * cos, spin, turn];
    return [x, speed, angle, spin].map((v, i) => v + 0.02 * rates[i]);
  }

  function layer(x, W, b, bend) {
    return Array.from(b, (bias, o) => {
      let sum = bias;
      for (let i = 0; i < x.length; i++) sum += x[i] * W[o * x.length + i];
      return bend && sum < 0 ? Math.expm1(sum) : sum; // elu
    });
  }

  const scale = (x, m, name) => x.map((v, i) => (v - m[`${name}_mean`][i]) / m[`${name}_std`][i]);

  // what one network takes the next state to be
  function imagine(m, state, act) {
    const two = (x, name) => [0, 2].reduce((y, i) => layer(y, m[`${name}.${i}.weight`], m[`${name}.${i}.bias`], true), x);
    const z = two(scale(state, m, "state"), "encoder"), pressed = scale([1 - act, act], m, "action");
    const change = layer(two([...z, ...pressed], "dynamics"), m["decoder.weight"], m["decoder.bias"], false);
    return state.map((v, i) => v + m.delta_mean[i] + m.delta_std[i] * change[i]);
  }

  function readMembers(file) {
    const raw = atob(file.weights), bytes = Uint8Array.from(raw, (c) => c.charCodeAt(0));
    const all = new Float32Array(bytes.buffer);
    return file.members.map((arrays) => Object.fromEntries(arrays.map(([name, start, n]) => [name, all.subarray(start, start + n)])));
  }

  const fallen = ([x, , angle]) => Math.abs(x) > EDGE || Math.abs(angle) > LIMIT;
  const mean = (x) => x.reduce((sum, v) => sum + v, 0) / x.length;

  // ---- the two worlds

  class Cart {
    constructor(members) {
      this.members = members;
      this.start();
    }

    start(state) {
      this.real = state ?? [0, 0, 0, 0].map(() => 0.1 * Math.random() - 0.05);
      this.steps = 0;
      this.wake();
    }

    wake() {
      this.dreams = this.members.map(() => [...this.real]);
      this.dreamt = 0;
    }

    push(act) {
      if (fallen(this.real)) return;
      this.steps++;
      this.dreamt++;
      this.dreams = this.dreams.map((state, i) => (fallen(state) ? state : imagine(this.members[i], state, act)));
      this.real = physics(this.real, act);
    }

    get over() {
      return fallen(this.real);
    }

    get down() {
      return this.dreams.filter(fallen).length;
    }

    // degrees between pole and mean dreamt pole, and the spread of the dreams
    get surprise() {
      return (Math.abs(mean(this.dreams.map((s) => s[2])) - this.real[2]) * 180) / Math.PI;
    }

    get doubt() {
      const angles = this.dreams.map((s) => s[2]), middle = mean(angles);
      return (Math.sqrt(mean(angles.map((a) => (a - middle) ** 2))) * 180) / Math.PI;
    }

    // towards where the pole leans and moves
    rule() {
      const [, speed, angle, spin] = this.real;
      return angle + 0.3 * spin + 0.05 * speed > 0 ? RIGHT : LEFT;
    }
  }

  function sentence({ over, down, dreamt, steps, dreams }) {
    if (!steps) return ["Hold ← or → (keys or buttons) to push the cart: time passes only while you push.", ""];
    if (over) return [`The pole has fallen. In ${dreams.length - down} of the ${dreams.length} dreams it stands.`, "bad"];
    if (!dreamt) return ["Awake: the five dreams go on from the real cart.", ""];
    if (down) return [`The pole stands, but in ${down} of the ${dreams.length} dreams it has fallen. Press “wake”.`, "bad"];
    return [`${dreamt} ${dreamt === 1 ? "push" : "pushes"} since the dreams saw the cart.`, "good"];
  }

  // ---- the picture

  function drawCart(g, state, width, base, color, alpha, solid) {
    const [x, , leaning] = state, angle = fallen(state) ? Math.sign(leaning) * 1.5 : leaning; // a fallen pole lies
    const middle = width / 2 + (Math.max(-EDGE, Math.min(EDGE, x)) / EDGE) * (width / 2 - 60), length = 420;
    g.globalAlpha = alpha;
    g.strokeStyle = g.fillStyle = color;
    g.lineWidth = solid ? 12 : 8;
    g.lineCap = "round";
    g.beginPath();
    g.moveTo(middle, base - 44);
    g.lineTo(middle + length * Math.sin(angle), base - 44 - length * Math.cos(angle));
    g.stroke();
    g.lineWidth = 4;
    if (solid) g.fillRect(middle - 52, base - 60, 104, 44);
    else g.strokeRect(middle - 52, base - 60, 104, 44);
    g.globalAlpha = 1;
  }

  function drawScene(canvas, cart, hidden) {
    const g = canvas.getContext("2d"), { width, height } = canvas, base = height - 30;
    const color = (name) => ((canvas.style.color = `var(${name})`), getComputedStyle(canvas).color);
    g.clearRect(0, 0, width, height);
    g.fillStyle = color("--line");
    g.fillRect(0, base - 14, width, 4);
    if (!hidden) drawCart(g, cart.real, width, base, color("--ink"), 1, true);
    for (const state of cart.dreams) drawCart(g, state, width, base, color("--bad"), 0.6, false);
  }

  // ---- the page

  function make(tag, name, parent, properties = {}) {
    const element = Object.assign(document.createElement(tag), properties);
    if (name) element.className = name;
    parent.append(element);
    return element;
  }

  class CartPage {
    constructor(root) {
      Object.assign(this, { root, cart: new Cart(readMembers(dream.cart)), hidden: false, timer: null });
      root.replaceChildren();
      this.canvas = make("canvas", "scene", root, { width: 1632, height: 680, ariaLabel: "a cart with a pole, and five dreams of it" });
      this.note = make("p", "note", root, { ariaLive: "polite" });
      const table = make("div", "table", root), pad = make("div", "pad sides", table), row = make("div", "buttons", table);
      for (const [act, face] of [[LEFT, "←"], [RIGHT, "→"]]) {
        const button = make("button", `push${act}`, pad, { textContent: face, ariaLabel: act ? "right" : "left" });
        button.onpointerdown = () => this.hold(() => act);
        button.onpointerup = button.onpointerleave = button.onpointercancel = () => this.stop();
        button.onclick = (event) => event.detail || this.push(act); // by keyboard
      }
      const button = (name, face, onclick) => (this[`${name}Button`] = make("button", name, row, { textContent: face, onclick }));
      button("wake", "wake", () => this.wake());
      button("again", "start again", () => this.again());
      button("watch", "watch", () => this.watch());
      button("hide", "hide the cart", () => this.hide());
      const list = make("dl", "facts", make("div", "below", root));
      this.facts = ["pushes", "surprise", "doubt"].map((name) => {
        const pair = make("div", "", list);
        make("dt", "", pair, { textContent: name });
        return make("dd", "", pair);
      });
      this.listen();
      this.draw();
    }

    listen() {
      const acts = { ArrowLeft: LEFT, ArrowRight: RIGHT }, commands = { w: "wake", r: "again", p: "watch", h: "hide" };
      window.addEventListener("keydown", (event) => {
        const typing = event.target.closest?.("input, textarea, select"), box = this.canvas.getBoundingClientRect();
        if (typing || event.ctrlKey || event.metaKey || event.altKey || box.bottom < 0 || box.top > innerHeight) return;
        if (!(event.key in acts) && !(event.key in commands)) return;
        event.preventDefault();
        event.stopImmediatePropagation(); // Sphinx turns pages by these keys
        if (event.repeat) return;
        if (event.key in acts) this.hold(() => acts[event.key]);
        else this[commands[event.key]]();
      }, true);
      window.addEventListener("keyup", (event) => event.key in acts && this.stop(), true);
      window.addEventListener("blur", () => this.stop());
    }

    // push at once, and again as long as it is held
    hold(choose) {
      this.stop();
      this.push(choose());
      this.timer = setInterval(() => this.push(choose()), PACE);
    }

    stop() {
      clearInterval(this.timer);
      this.timer = null;
      this.watchButton.ariaPressed = "false";
    }

    push(act) {
      if (this.cart.over) this.stop();
      this.cart.push(act);
      this.draw();
    }

    watch() {
      if (this.timer) return this.stop();
      if (this.cart.over) this.again();
      this.hold(() => this.cart.rule());
      this.watchButton.ariaPressed = "true";
    }

    wake() {
      if (this.cart.over) return this.again();
      this.cart.wake();
      this.draw();
    }

    again() {
      this.stop();
      this.cart.start();
      this.draw();
    }

    hide() {
      this.hidden = !this.hidden;
      this.draw();
    }

    draw() {
      const { cart, hidden } = this, [words, tone] = sentence(cart), degrees = (v) => `${v.toFixed(1)}°`;
      drawScene(this.canvas, cart, hidden);
      this.note.textContent = words;
      this.note.className = `note ${tone}`;
      this.facts[0].textContent = cart.steps;
      this.facts[1].textContent = hidden ? "–" : degrees(cart.surprise);
      this.facts[2].textContent = degrees(cart.doubt);
      this.hideButton.textContent = hidden ? "show the cart" : "hide the cart";
      this.hideButton.ariaPressed = String(hidden);
    }
  }

  Object.assign(dream, { physics, imagine, readMembers, Cart });
  if (typeof document !== "undefined") {
    const root = document.getElementById("wmil-dream");
    if (root) dream.page = new CartPage(root);
  }
})((globalThis.wmilDream ??= {}));
