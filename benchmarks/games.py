"""Games: the frame tokeniser against the network as one reads it, reading recordings against `json.loads`, the demonstrators in engine steps per second.

All sides run in this process, in turn, several times, and the medians of the ratios are reported. Before anything is timed the two sides are shown to compute the same.
"Plain" is the tokeniser written down as specified: an embedding, convolutions and the library's quantiser, in float32 and the usual memory layout, with the same weights. The shares of the
machine's peak are shares of the fastest large matrix product measured in the same run. Run by `make bench`.
"""

import gzip, json, os, tempfile, time
from pathlib import Path

import numpy as np, torch
from torch.nn import functional as F
from vector_quantize_pytorch import VectorQuantize

from wmil.rng import seed_everything, stream_seed
from wmil.games.demos import play_demo
from wmil.games.engine import Engine, make_game
from wmil.games.puzzles import Action, STUDIED, generate_level
from wmil.games.recorder import step_line
from wmil.games.recordings import Session, read_recording
from wmil.games.patches import PatchCodebook
from wmil.games.vqvae import FrameVQVAE, FrameVQVAEConfig
from wmil.seeds import keep_freed_memory
from timing import alternate, peak, row, save


def toy_frames(n, seed=0):
    "Frames with moving blocks, all different."
    rng = np.random.default_rng(seed)
    frames = np.full((n, 64, 64), 4, np.uint8)
    for f in frames:
        for color in (8, 9, 14, 11):
            y, x = rng.integers(0, 57, 2)
            f[y : y + 8, x : x + 8] = color
    return frames


def layers(net):
    "Multiply-adds per frame of encoder and decoder as specified (embedding and head as layers of their own left out: they are linear maps that melt into their neighbours)."
    C, E = net.cfg.hidden_dim, 16  # a one-hot colour in, a logit out
    ends, middle = E * C // 2 * 16 * 32 * 32, (C // 2 * C * 16 * 16 * 16 + C * C * 16 * 8 * 8 + C * C * 9 * 8 * 8)
    codes = C * net.num_codes * 64
    return {"encode": ends + middle + codes, "decode": ends + middle}


class Plain(torch.nn.Module):
    "The tokeniser as one reads it, sharing its starting weights."

    def __init__(self, net):
        super().__init__()
        twin = FrameVQVAE(net.cfg)
        twin.load_state_dict(net.state_dict())
        self.cfg, self.embedding, self.encoder, self.decoder, self.head = (
            net.cfg,
            twin.embedding,
            twin.encoder,
            twin.decoder,
            twin.head,
        )
        self.vq = VectorQuantize(
            net.cfg.hidden_dim,
            net.num_codes,
            decay=net.cfg.ema_decay,
            commitment_weight=net.cfg.commitment,
            kmeans_init=True,
            rotation_trick=False,
            threshold_ema_dead_code=2,
            accept_image_fmap=True,
        )
        self.vq.load_state_dict(twin.quantizer.vq.state_dict())

    def loss(self, batch):
        h = self.embedding(batch["frames"].int()).permute(0, 3, 1, 2).contiguous()
        for i, layer in enumerate(self.encoder):
            h = layer(F.relu(h) if i else h)
        h, _, commitment = self.vq(h)
        for i, layer in enumerate(self.decoder):
            h = layer(F.relu(h) if i else h)
        logits = self.head(h.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        each = F.cross_entropy(logits, batch["frames"].long(), reduction="none").flatten(1)
        pixels = (each * (1 + self.cfg.change_weight * batch["changed"].flatten(1))).mean()
        return pixels + self.cfg.worst_coef * each.topk(self.cfg.worst_pixels, dim=1).values.mean() + commitment, {}


def training(B):
    "One gradient step of each side at batch B: name -> function."
    torch.manual_seed(0)
    net = FrameVQVAE(FrameVQVAEConfig())
    batch = {"frames": torch.from_numpy(toy_frames(B)), "changed": torch.rand(B, 64, 64) < 0.02}
    net.train().loss(
        {k: v[:16].repeat(-(-16 // B), 1, 1) for k, v in batch.items()}
    )  # k-means, so that both start from the same codes
    plain = Plain(net).train()
    sides = {}
    for name, model, low in (("ours", net, True), ("ours in fp32", net, False), ("plain", plain, False)):
        opt = torch.optim.Adam(model.parameters(), lr=1e-5, fused=True)

        def step(model=model, opt=opt, low=low):
            with torch.autocast("cpu", torch.bfloat16, enabled=low):
                loss = model.loss(batch)[0]
            opt.zero_grad()
            loss.backward()
            opt.step()
            return loss.item()

        sides[name] = step
    with torch.no_grad():
        loss, metrics = net.eval().loss(batch)
        a, b = (
            (loss - metrics["loss/commitment"]).item(),
            plain.eval().loss(batch)[0].item(),
        )  # the library adds its loss only in training
    assert abs(a - b) < 1e-3 * abs(b), f"the sides do not compute the same: {a} and {b}"
    net.train()
    plain.train()
    return net, sides


def bench_training(repeats, top, alternate, row, goal=2):
    "Frames per second of training, ours against plain, at two batch sizes; top: name of type -> operations per second."
    rows = []
    for B in (8, 64):
        net, sides = training(B)
        rates, threads = alternate(sides, repeats)
        flops = 3 * 2 * B * (layers(net)["encode"] + layers(net)["decode"])  # forward, and twice that backward
        for name, against in (("ours", "plain"), ("ours in fp32", "plain")):
            share = (
                flops * sorted(rates[name])[len(rates[name]) // 2] / top["bfloat16" if name == "ours" else "float32"]
            )
            rows.append(
                row(
                    f"tokeniser training at batch {B}, {'bfloat16, channels last' if name == 'ours' else 'float32, channels last'}, against plain float32",
                    [r * B for r in rates[name]],
                    [r * B for r in rates[against]],
                    "frames/s",
                    goal if name == "ours" and B == 64 else None,
                    threads=threads,
                    share_of_peak=round(share, 3),
                )
            )
            print(f"  {rows[-1]['what']}: {rows[-1]['ratio']} x, {share:.1%} of peak", flush=True)
    return rows


def bench_encoding(repeats, top, alternate, row, goal=0.25):
    "Encoding as a share of the peak, and with frames repeated as in play; the ratio of the first row is that share against the goal."
    net = FrameVQVAE(FrameVQVAEConfig()).eval()
    frames = torch.from_numpy(toy_frames(512))
    played = frames[torch.randint(0, 512, (2048,), generator=torch.Generator().manual_seed(0))]  # each about four times
    assert torch.equal(net.encode_unique(played[:256]), net.encode(played[:256]))
    sides = {
        "encode": lambda: net.encode(frames, "bf16"),
        "encode in fp32": lambda: net.encode(frames),
        "unique": lambda: net.encode_unique(played, "bf16"),
        "all": lambda: net.encode(played, "bf16"),
    }
    rates, threads = alternate(sides, repeats)
    wanted = goal * top["bfloat16"] / (2 * layers(net)["encode"])  # frames/s at the goal
    share = 2 * layers(net)["encode"] * 512 * sorted(rates["encode"])[len(rates["encode"]) // 2] / top["bfloat16"]
    rows = [
        row(
            f"encoding in bfloat16, against {goal:.0%} of the peak of matrix products",
            [r * 512 for r in rates["encode"]],
            [wanted] * len(rates["encode"]),
            "frames/s",
            1,
            threads=threads["encode"],
            share_of_peak=round(share, 3),
        ),
        row(
            "encoding, bfloat16 against float32",
            [r * 512 for r in rates["encode"]],
            [r * 512 for r in rates["encode in fp32"]],
            "frames/s",
        ),
        row(
            "encoding play with each frame about four times, once each against all",
            [r * 2048 for r in rates["unique"]],
            [r * 2048 for r in rates["all"]],
            "frames/s",
            2,
        ),
    ]
    book = PatchCodebook.fit(frames)
    rates, threads = alternate({"patches": lambda: book.encode(frames), "network": sides["encode"]}, repeats)
    rows.append(
        row(
            "patch codebook's exact look-up against the network's encoder",
            [r * 512 for r in rates["patches"]],
            [r * 512 for r in rates["network"]],
            "frames/s",
            threads=threads,
        )
    )
    for r in rows:
        print(f"  {r['what']}: {r['ours']} {r['unit']}, {r['ratio']} x", flush=True)
    return rows


def plain_reader(path):
    "Settled frames, actions and level counts by json.loads."
    frames, actions, levels = [], [], []
    with (gzip.open if str(path).endswith(".gz") else open)(path, "rb") as f:
        for line in f:
            d = json.loads(line)["data"]
            frames.append(np.array(d["frame"][-1], np.uint8))
            levels.append(d["levels_completed"])
            a = d["action_input"]
            actions.append((a["id"], a["data"].get("x", 0), a["data"].get("y", 0)))
    return np.stack(frames), np.array(actions, np.int16), np.array(levels, np.int16)


def blocks_session(T=300, blocks=6):
    "A session of moving blocks over a floor of fixed noise: most rows stand still, as in a game, and none is a trivial text."
    rng = np.random.default_rng(stream_seed(0, "recordings benchmark"))
    floor, size = rng.integers(0, 16, (64, 64), dtype=np.uint8), rng.integers(3, 9, blocks)
    at, frames = rng.integers(0, 56, (blocks, 2)), []
    for t in range(T):
        at = np.clip(
            at + rng.integers(-1, 2, at.shape) * (np.arange(blocks)[:, None] == t % blocks) * 4, 0, 55
        )  # one moves at a time
        frame = floor.copy()
        frame[62:, : t * 64 // T] = 11  # and a step counter
        for k, (y, x) in enumerate(at):
            frame[y : y + size[k], x : x + size[k]] = k
        frames.append(frame)
    kinds = rng.choice([1, 2, 3, 4, 6], T)
    kinds[0] = 0
    actions = np.stack([kinds, *(rng.integers(0, 64, T) * (kinds == 6) for _ in "xy")], 1).astype(np.int16)
    return Session(
        "blocks-00",
        np.stack(frames),
        actions,
        (np.arange(T) * 5 // T).astype(np.int16),
        np.ones(T, np.int8),
        np.ones((T, 8), bool),
        np.arange(T) == 0,
        5,
        0,
    )


def write(path, session, layers):
    "The session with animations of so many layers (the frames before it, up to the settled one)."
    with (gzip.open if str(path).endswith(".gz") else open)(path, "wb") as f:
        for t, s in enumerate(session.steps()):
            f.write(
                step_line(s._replace(frame=session.frames[max(0, t + 1 - layers) : t + 1]), s.action, s.game, s.seed)
            )


def spent(f, *args):
    "Seconds of processor time of one call, and what it gave."
    start = time.process_time()
    out = f(*args)
    return time.process_time() - start, out


def recordings(repeats=5):
    "name -> (ours, theirs), lists of steps per second."
    rates, session = {}, blocks_session()
    with tempfile.TemporaryDirectory() as folder:
        cases = {}
        for name, layers, end in (
            ("one layer a step, plain", 1, ""),
            ("one layer a step, gzip", 1, ".gz"),
            ("eight layers a step, gzip", 8, ".gz"),
        ):
            path = Path(folder) / f"{layers}.jsonl{end}"
            write(path, session, layers)
            cases[f"reading a recording, {name}"] = [path]
        if "WMIL_RECORDINGS" in os.environ:
            cases["reading the 15 real recordings"] = sorted(Path(os.environ["WMIL_RECORDINGS"]).glob("*.jsonl.gz"))
        for name, paths in cases.items():
            ours, theirs = [], []
            for k in range(repeats):
                both = [(spent(read_recording, p), spent(plain_reader, p)) for p in paths]
                for (_, s), (_, (frames, actions, levels)) in both if not k else ():
                    assert (
                        not s.problems
                        and np.array_equal(s.frames, frames)
                        and np.array_equal(s.actions, actions)
                        and np.array_equal(s.levels, levels)
                    ), "the sides do not read the same"
                steps = sum(len(s) for (_, s), _ in both)
                ours.append(steps / sum(a for (a, _), _ in both))
                theirs.append(steps / sum(b for _, (b, _) in both))
            rates[name] = ours, theirs
    return rates


def bench_recordings(repeats, row):
    "Rows for results/bench/games.json; `row` makes one."
    rows = []
    for name, (ours, theirs) in recordings(repeats).items():
        rows.append(row(f"{name}, against json.loads line by line", ours, theirs, "steps/s", 3))
        print(f"  {rows[-1]['what']}: {rows[-1]['ratio']} x", flush=True)
    return rows


def bench_demonstrators(repeats, wanted=2000):
    "Engine steps per second of processor time while demonstrating, levels and solutions found anew; and the same presses by the bare engine. The ratio of the first rows is against the wanted speed."
    rows = []
    for game in STUDIED:
        ours, bare = [], []
        for k in range(repeats):
            generate_level.cache_clear()
            seconds, sessions = spent(lambda: [play_demo(game, seed) for seed in range(100 * k, 100 * k + 10)])
            steps = sum(len(s) - 1 for s in sessions)
            ours.append(steps / seconds)
            engines = [Engine(make_game(game, s.seed)) for s in sessions]

            def again():
                for e, s in zip(engines, sessions):
                    e.reset()
                    for a in s.actions[1:].tolist():
                        e.step(Action(*a))
                    assert np.array_equal(e.obs.frame, s.frames[-1])

            bare.append(steps / spent(again)[0])
        rows.append(
            row(
                f"demonstrator of {game}, levels and solutions made anew, against {wanted:,} engine steps/s",
                ours,
                [float(wanted)] * repeats,
                "steps/s",
                1,
            )
        )
        rows.append(row(f"demonstrator of {game}, against the same presses by the engine alone", ours, bare, "steps/s"))
        print(
            f"  {rows[-2]['what']}: {rows[-2]['ours']:,.0f} steps/s, {rows[-1]['ratio']} of the engine alone",
            flush=True,
        )
    return rows


def main(repeats=5):
    keep_freed_memory()
    seed_everything(0)
    top = {k: peak(getattr(torch, k)) for k in ("float32", "bfloat16")}
    print("  peak of matrix products:", {k: f"{v / 1e9:.0f} Gflop/s" for k, v in top.items()}, flush=True)
    rows = (
        bench_training(repeats, top, alternate, row)
        + bench_encoding(repeats, top, alternate, row)
        + bench_recordings(repeats, row)
        + bench_demonstrators(repeats)
    )
    save("games", rows, peak_gflops={k: round(v / 1e9, 1) for k, v in top.items()})


if __name__ == "__main__":
    main()
