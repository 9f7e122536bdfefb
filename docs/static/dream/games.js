// The maze, the lights and the crates once more (lessons 410, 415, 420). A level is text; tiles and colours are the
// library's own. The tests play the same presses here and in Python and compare every pixel.
"use strict";
(function (dream) {
  const SIZE = 64, CLICK = 6, STEPS = { 1: [-1, 0], 2: [1, 0], 3: [0, -1], 4: [0, 1] }; // kind -> down, right

  function fill(frame, x, y, width, height, color) {
    for (let r = y; r < y + height; r++) frame.fill(color, SIZE * r + x, SIZE * r + x + width);
  }

  // an 8x8 tile, "." transparent, "#" in the colour given
  function paste(frame, tile, x, y, color) {
    tile.split(" ").forEach((row, r) => {
      [...row].forEach((c, i) => {
        if (c !== ".") frame[SIZE * (y + r) + x + i] = c === "#" ? color : parseInt(c, 16);
      });
    });
  }

  const find = (cells, wanted) => [...cells].flatMap((c, i) => (wanted.includes(c) ? [i] : []));

  // where a step leads on a board of `width` columns; undefined beyond its border
  function neighbour(cells, width, cell, kind) {
    const [down, right] = STEPS[kind] ?? [0, 0], column = (cell % width) + right, next = cell + down * width + right;
    return column >= 0 && column < width && next >= 0 && next < cells.length ? next : undefined;
  }

  // ---- maze: "#" wall, "S" start, "G" goal, "a" to "c" keys, "A" to "C" their doors

  const maze = {
    kinds: [1, 2, 3, 4],
    start(level) {
      const cells = level.rows.replaceAll(" ", "");
      return { cells, cell: cells.indexOf("S"), held: "", steps: level.budget };
    },
    rules({ cells, cell, held, steps }, [kind]) {
      const next = neighbour(cells, 7, cell, kind), there = cells[next] ?? "#";
      const closed = there === "#" || ("ABC".includes(there) && !held.includes(there.toLowerCase()));
      const after = kind in STEPS && !closed ? next : cell, found = cells[after];
      if ("abc".includes(found) && !held.includes(found)) held += found;
      return [{ cells, cell: after, held, steps: steps - 1 }, found === "G" ? "won" : steps === 1 ? "lost" : null];
    },
    draw({ cells, cell, held, steps }, look) {
      const frame = new Uint8Array(SIZE * SIZE).fill(look.wall);
      const corner = (i) => [look.indent + 8 * (i % 7), 8 * Math.floor(i / 7)];
      [...cells].forEach((c, i) => c !== "#" && fill(frame, ...corner(i), 8, 8, look.floor));
      paste(frame, look.tiles.goal, ...corner(cells.indexOf("G")), look.goal);
      fill(frame, 0, 56, SIZE, 8, look.status);
      fill(frame, 0, 59, look.bar, 2, look.empty);
      look.keys.forEach((color, c) => {
        const key = "abc"[c], has = held.includes(key);
        if (has) paste(frame, look.tiles.key, look.bar + 8 * c, 56, color);
        else for (const i of find(cells, key)) paste(frame, look.tiles.key, ...corner(i), color);
        if (!has) for (const i of find(cells, key.toUpperCase())) paste(frame, look.tiles.door, ...corner(i), color);
      });
      for (let n = 0; n < steps; n++) frame[SIZE * (59 + (n % 2)) + (n >> 1)] = look.full;
      paste(frame, look.tiles.figure, ...corner(cell), look.figure);
      return frame;
    },
  };

  // ---- lights: a digit for each lamp's colour

  const lights = {
    kinds: [CLICK],
    start(level) {
      const digits = (rows) => rows.replaceAll(" ", "").split("").map(Number);
      return { level, width: level.start.indexOf(" "), lamps: digits(level.start), target: digits(level.target) };
    },
    rules(state, [kind, x, y]) {
      const { level, width, lamps, target } = state, pitch = 12, lamp = 8, after = [...lamps];
      const column = Math.floor((x - level.left) / pitch), row = Math.floor((y - level.top) / pitch);
      const inside = (r, c) => r >= 0 && c >= 0 && c < width && r < lamps.length / width;
      const on = (x - level.left) % pitch < lamp && (y - level.top) % pitch < lamp;
      if (kind !== CLICK || !inside(row, column) || !on) return [state, null];
      for (const [r, c] of [[row, column], [row, column + 1], [row + 1, column]])
        if (inside(r, c)) after[r * width + c] = (after[r * width + c] + 1) % level.colors;
      return [{ ...state, lamps: after }, after.join() === target.join() ? "won" : null];
    },
    draw({ level, width, lamps, target }, look) {
      const frame = new Uint8Array(SIZE * SIZE).fill(look.background);
      lamps.forEach((color, i) => {
        const x = level.left + 12 * (i % width), y = level.top + 12 * Math.floor(i / width);
        fill(frame, x, y, 8, 8, look.lamps[color]);
        fill(frame, x + 2, y + 2, 4, 4, look.lamps[target[i]]);
      });
      return frame;
    },
  };

  // ---- crates: "#" pillar, "$" crate, "o" goal, "*" a crate on a goal, "@" player, "+" the player on a goal

  const crates = {
    kinds: [1, 2, 3, 4],
    start(level) {
      const cells = level.rows.replaceAll(" ", ""), [player] = find(cells, "@+");
      return { cells, goals: find(cells, "o+*"), player, crates: find(cells, "$*") };
    },
    rules(state, [kind]) {
      const { cells, goals, player, crates } = state, next = (cell) => neighbour(cells, 5, cell, kind);
      const free = (cell) => cell !== undefined && cells[cell] !== "#", target = next(player), beyond = next(target);
      const pushes = crates.includes(target);
      if (!(kind in STEPS) || !free(target) || (pushes && (!free(beyond) || crates.includes(beyond)))) return [state, null];
      const after = crates.map((c) => (c === target ? beyond : c));
      return [{ ...state, player: target, crates: after }, goals.every((g) => after.includes(g)) ? "won" : null];
    },
    draw({ cells, goals, player, crates }, look) {
      const frame = new Uint8Array(SIZE * SIZE).fill(look.wall);
      const put = (tile, i) => paste(frame, look.tiles[tile], 4 + 12 * (i % 5), 4 + 12 * Math.floor(i / 5));
      fill(frame, 2, 2, 60, 60, look.floor);
      for (const i of find(cells, "#")) put("pillar", i);
      for (const i of goals) put("goal", i);
      for (const i of crates) put(goals.includes(i) ? "home" : "crate", i);
      put("player", player);
      return frame;
    },
  };

  // ---- a level that is played

  const games = { maze, lights, crates };

  function openLevel(looks, name, level) {
    const game = games[name];
    let state = game.start(level), outcome = null;
    return {
      kinds: game.kinds,
      outcome: () => outcome, // null, "won" or "lost": then nothing moves any more
      frame: () => game.draw(state, looks[name]),
      press(action) {
        if (!outcome) [state, outcome] = game.rules(state, action);
        return outcome;
      },
    };
  }

  Object.assign(dream, { openLevel });
})((globalThis.wmilDream ??= {}));
