// The block head of the games' model (lesson 465), one frame at a time. A matrix of 64 cells and w features is a
// Float32Array of 64 * w numbers, cell after cell; sums are in double precision.
"use strict";
(function (dream) {
  const CELLS = 64;

  // ---- weights: bfloat16 in base64; a bfloat16 is the upper half of a float32

  function unpackBytes(text) {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return bytes;
  }

  function unpackFloats(text) {
    const halves = new Uint16Array(unpackBytes(text).buffer), words = new Uint32Array(halves.length);
    for (let i = 0; i < halves.length; i++) words[i] = halves[i] << 16;
    return new Float32Array(words.buffer);
  }

  // ---- layers

  // one block of y = x Wᵀ: four rows, two outputs; eight sums for six numbers that are read
  function block(x, W, n, r, o, y, outputs) {
    let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0, i = r * n, j = o * n;
    for (const end = j + n; j < end; i++, j++) {
      const u = W[j], v = W[j + n], p = x[i], q = x[i + n], s = x[i + 2 * n], t = x[i + 3 * n];
      a0 += p * u; a1 += q * u; a2 += s * u; a3 += t * u;
      b0 += p * v; b1 += q * v; b2 += s * v; b3 += t * v;
    }
    const at = r * outputs + o;
    y[at] = a0; y[at + outputs] = a1; y[at + 2 * outputs] = a2; y[at + 3 * outputs] = a3;
    y[at + 1] = b0; y[at + outputs + 1] = b1; y[at + 2 * outputs + 1] = b2; y[at + 3 * outputs + 1] = b3;
  }

  function dot(x, i, W, j, n) {
    let sum = 0;
    for (const end = i + n; i < end; i++, j++) sum += x[i] * W[j];
    return sum;
  }

  // y = x Wᵀ + b for `rows` rows; W has one row of n weights for each output
  function linear(x, rows, W, b) {
    const n = x.length / rows, outputs = W.length / n, y = new Float32Array(rows * outputs);
    if (rows % 4 || outputs % 2) y.forEach((_, i) => (y[i] = dot(x, ((i / outputs) | 0) * n, W, (i % outputs) * n, n)));
    else for (let o = 0; o < outputs; o += 2) for (let r = 0; r < rows; r += 4) block(x, W, n, r, o, y, outputs);
    if (b) y.forEach((v, i) => (y[i] = v + b[i % outputs]));
    return y;
  }

  function normalise(x, rows, scale, shift) {
    const n = x.length / rows, y = new Float32Array(x.length);
    for (let r = 0; r < rows; r++) {
      const row = x.subarray(r * n, r * n + n);
      const mean = row.reduce((sum, v) => sum + v, 0) / n;
      const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n;
      const s = 1 / Math.sqrt(variance + 1e-5);
      for (let i = 0; i < n; i++) y[r * n + i] = (row[i] - mean) * s * (scale ? scale[i] : 1) + (shift ? shift[i] : 0);
    }
    return y;
  }

  // the complementary error function to 1.2e-7 (Numerical Recipes, "erfcc")
  const ERFC = [0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196];
  function erfc(x) {
    const z = Math.abs(x), t = 1 / (1 + z / 2);
    const series = ERFC.reduce((sum, c) => sum * t + c, 0) * t * t + 1.00002368 * t - 1.26551223;
    const tail = t * Math.exp(-z * z + series);
    return x >= 0 ? tail : 2 - tail;
  }

  const gelu = (x) => x.map((v) => (v * erfc(-v / Math.SQRT2)) / 2);
  const add = (x, y) => x.map((v, i) => v + y[i]);
  const sigmoid = (v) => 1 / (1 + Math.exp(-v));

  // the nine cells around each cell side by side, zeros beyond the border: a 3x3 convolution is then one `linear`
  function neighbourhoods(x) {
    const w = x.length / CELLS, y = new Float32Array(9 * x.length);
    for (let cell = 0; cell < CELLS; cell++) {
      for (let k = 0; k < 9; k++) {
        const row = (cell >> 3) + ((k / 3) | 0) - 1, column = (cell & 7) + (k % 3) - 1;
        if (row < 0 || row > 7 || column < 0 || column > 7) continue;
        const from = (8 * row + column) * w;
        y.set(x.subarray(from, from + w), (9 * cell + k) * w);
      }
    }
    return y;
  }

  // weights (out, in, 3, 3) -> (out, 9, in), the order of `neighbourhoods`
  function kernelByPlace(W, w) {
    const sorted = new Float32Array(W.length);
    for (let o = 0; o < w; o++)
      for (let i = 0; i < w; i++) for (let k = 0; k < 9; k++) sorted[(o * 9 + k) * w + i] = W[(o * w + i) * 9 + k];
    return sorted;
  }

  function convBlock(x, p) {
    const y = normalise(x, CELLS, p["norm.weight"], p["norm.bias"]);
    const seen = gelu(linear(neighbourhoods(y), CELLS, p["conv.weight"], p["conv.bias"]));
    return add(x, linear(seen, CELLS, p["out.weight"], p["out.bias"]));
  }

  function attention(x, p, heads) {
    const w = x.length / CELLS, d = w / heads, mixed = new Float32Array(x.length), share = new Float64Array(CELLS);
    const qkv = linear(x, CELLS, p["self_attn.in_proj_weight"], p["self_attn.in_proj_bias"]);
    for (let h = 0; h < heads; h++) {
      for (let a = 0; a < CELLS; a++) {
        const q = 3 * w * a + h * d;
        let most = -Infinity, total = 0;
        for (let b = 0; b < CELLS; b++) {
          const k = 3 * w * b + w + h * d;
          let dot = 0;
          for (let i = 0; i < d; i++) dot += qkv[q + i] * qkv[k + i];
          share[b] = dot / Math.sqrt(d);
          most = Math.max(most, share[b]);
        }
        for (let b = 0; b < CELLS; b++) total += share[b] = Math.exp(share[b] - most);
        for (let i = 0; i < d; i++) {
          let sum = 0;
          for (let b = 0; b < CELLS; b++) sum += share[b] * qkv[3 * w * b + 2 * w + h * d + i];
          mixed[w * a + h * d + i] = sum / total;
        }
      }
    }
    return linear(mixed, CELLS, p["self_attn.out_proj.weight"], p["self_attn.out_proj.bias"]);
  }

  function attentionBlock(x, p, heads) {
    x = add(x, attention(normalise(x, CELLS, p["norm1.weight"], p["norm1.bias"]), p, heads));
    const y = normalise(x, CELLS, p["norm2.weight"], p["norm2.bias"]);
    const wide = gelu(linear(y, CELLS, p["linear1.weight"], p["linear1.bias"]));
    return add(x, linear(wide, CELLS, p["linear2.weight"], p["linear2.bias"]));
  }

  // ---- the model

  // names like "grid.layers.0.conv.weight" -> {weights, layers: [{"conv.weight": …}, …]}
  function readPlayer(file) {
    const all = unpackFloats(file.weights), weights = {}, layers = [];
    for (const [name, start, length] of file.arrays) {
      const array = all.subarray(start, start + length), inside = name.match(/^grid\.layers\.(\d+)\.(.*)/);
      if (!inside) weights[name] = array;
      else (layers[inside[1]] ??= {})[inside[2]] = inside[2] === "conv.weight" ? kernelByPlace(array, file.width) : array;
    }
    const codes = normalise(weights.embeddings.subarray(0, file.codes * file.embed), file.codes);
    return { ...file, weights, layers, codes, patches: unpackBytes(file.patches), numCodes: file.codes };
  }

  // the sum of the embeddings of an action's three tokens, normalised
  function actionVector(player, [kind, x, y]) {
    const click = kind === 6, D = player.embed, sum = new Float32Array(D);
    const place = click ? (y >> 3) * 8 + (x >> 3) : 64, fine = click ? (y & 7) * 8 + (x & 7) : 64;
    for (const id of [player.kinds[kind], player.place + place, player.fine + fine])
      for (let i = 0; i < D; i++) sum[i] += player.weights.embeddings[id * D + i];
    return { vector: normalise(sum, 1), cell: place };
  }

  function rowsOf(table, indices, n) {
    const rows = new Float32Array(indices.length * n);
    indices.forEach((index, i) => rows.set(table.subarray(index * n, index * n + n), i * n));
    return rows;
  }

  function features(player, codes, action) {
    const { weights: p, layers, embed, width: w } = player, { vector, cell } = actionVector(player, action);
    let x = linear(rowsOf(player.codes, codes, embed), CELLS, p["code_proj.weight"]);
    const pressed = linear(vector, 1, p["action_proj.weight"]), clicked = linear(vector, 1, p["click_proj.weight"]);
    x = x.map((v, i) => v + pressed[i % w] + p["grid.position"][i]);
    for (let i = 0; i < w && cell < CELLS; i++) x[cell * w + i] += clicked[i];
    for (const layer of layers) x = "conv.weight" in layer ? convBlock(x, layer) : attentionBlock(x, layer, player.heads);
    return normalise(x, CELLS, p["grid.norm.weight"], p["grid.norm.bias"]);
  }

  // the likeliest code of each cell, and how sure the model is of it
  function likeliest(player, x, codes) {
    const { weights: p, numCodes: K } = player, next = new Array(CELLS), doubt = new Array(CELLS);
    const logits = linear(linear(x, CELLS, p["out_proj.weight"], p["out_proj.bias"]), CELLS, player.codes);
    const stay = linear(x, CELLS, p["stay.weight"], p["stay.bias"]);
    let logProb = 0;
    for (let cell = 0; cell < CELLS; cell++) {
      const row = logits.subarray(cell * K, cell * K + K);
      row[codes[cell]] += stay[cell];
      let best = 0, total = 0;
      for (let k = 1; k < K; k++) if (row[k] > row[best]) best = k;
      for (let k = 0; k < K; k++) total += Math.exp(row[k] - row[best]);
      next[cell] = best;
      doubt[cell] = 1 - 1 / total;
      logProb -= Math.log(total);
    }
    return { codes: next, doubt, logProb };
  }

  // what an action leads to: codes of the next frame, doubt of each cell, probability that the level ends
  function predict(player, codes, action) {
    const x = features(player, codes, action), w = player.width, pooled = new Float32Array(w).fill(-Infinity);
    for (let i = 0; i < x.length; i++) pooled[i % w] = Math.max(pooled[i % w], x[i]);
    const won = sigmoid(linear(pooled, 1, player.weights["completed.weight"], player.weights["completed.bias"])[0]);
    return { ...likeliest(player, x, codes), won };
  }

  // ---- frames and codes

  // the code of each 8x8 patch: the one with the fewest different pixels, the first of equals
  function encode(player, frame) {
    return Array.from({ length: CELLS }, (_, cell) => {
      let best = 0, fewest = 65;
      for (let k = 0; k < player.numCodes && fewest; k++) {
        let different = 0;
        for (let i = 0; i < 64 && different < fewest; i++)
          different += frame[64 * (8 * (cell >> 3) + (i >> 3)) + 8 * (cell & 7) + (i & 7)] !== player.patches[64 * k + i];
        if (different < fewest) [best, fewest] = [k, different];
      }
      return best;
    });
  }

  function decode(player, codes) {
    const frame = new Uint8Array(4096);
    codes.forEach((code, cell) => {
      for (let i = 0; i < 64; i++)
        frame[64 * (8 * (cell >> 3) + (i >> 3)) + 8 * (cell & 7) + (i & 7)] = player.patches[64 * code + i];
    });
    return frame;
  }

  Object.assign(dream, { readPlayer, predict, encode, decode });
})((globalThis.wmilDream ??= {}));
