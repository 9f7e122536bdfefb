"""Game transformer: training in bfloat16 against float32, our trainer against Hugging Face's, imagining a frame at once against token by token, and deciding with a memory against reading all again.

The model is the one of 5 M parameters, the data are plays of the shipped games, packed as for training. Both sides of a row start from the same weights and read the same windows in the same order, so that their
losses can be compared, and are: a faster side that learns less would not count. Hugging Face's trainer has the Llama as it comes, with PyTorch's attention. Decisions are shown to be the same before they are timed; the two ways of drawing a frame are two heads, and weights as
they are drawn do for both. They take turns step by step, or round by round, in this process. Run by `make bench`.
"""

import copy, os, statistics, tempfile, time
from pathlib import Path

import numpy as np, torch, transformers
from accelerate.state import AcceleratorState
from torch.utils.data import DataLoader

from wmil.config import dump_config, make_config
from wmil.rng import seed_everything
from wmil.games.demos import DemosConfig, make_demos
from wmil.games.heads import GameTransformerConfig
from wmil.games.imagination import LearnedDynamics
from wmil.games.stream import generate_frame
from wmil.games.stream import IncrementalDecoder
from wmil.games.patches import PatchCodebook
from wmil.games.trajectories import pack_sessions
from wmil.games.trajectory_windows import TrajectoryBatches
from wmil.games.vocabulary import Vocabulary
from wmil.games.transformer import GameTransformer
from wmil.seeds import keep_freed_memory
from wmil.trainers import Trainer, TrainerConfig
from timing import alternate, row, save

SIZES = GameTransformerConfig(hidden_dim=256, num_layers=4, num_heads=4, num_kv_heads=2, mlp_dim=688)
W, STRIDE = 1024, 345  # tokens in a window, and from one to the next
LR = 1e-3
PRESSES = np.array([(k, 0, 0) for k in (1, 2, 3, 4)])  # kind, x, y


def data(folder):
    "Packed plays of the three games, with their tokenizer."
    plays = make_demos(DemosConfig(levels=2, train=24, validation=1, held_out=1, explore=0))["train"]
    tokenizer = PatchCodebook.fit(np.concatenate([s.frames for s in plays]))
    return pack_sessions(plays, tokenizer, Vocabulary(tokenizer.num_codes, base=0), Path(folder) / "plays"), tokenizer


def trainer(packed, model, precision, batch=8, steps=10**6):
    "A trainer that is ready for `update`."
    t = Trainer(TrainerConfig(total_steps=batch * steps, lr=LR, weight_decay=0.01, precision=precision, device="cpu"))
    t.prepare(model, TrajectoryBatches(packed, "train", batch, seed=0, size=W, stride=STRIDE))
    return t


def bench_precision(packed, repeats, steps=8, batch=8, goal=1.4):
    "Tokens per second of training with all heads, bfloat16 against float32, and the loss of both after the same steps on the same windows."
    model = GameTransformer.from_config(SIZES, packed.vocabulary)
    assert 4.5e6 < model.count_parameters()["all"] < 6e6
    sides, losses, threads = (
        {p: trainer(packed, copy.deepcopy(model), p, batch) for p in ("bf16", "fp32")},
        {"bf16": [], "fp32": []},
        {},
    )

    def step(p):
        start = time.perf_counter()
        metrics = sides[p].update()
        spent = time.perf_counter() - start
        losses[p].append(metrics["loss/tokens"].item() + sides[p].learner.cfg.block_coef * metrics["loss/block"].item())
        return spent

    for p in sides:  # the first step pays for what is made once, the next two tell how many threads are good
        step(p)
        spent = {}
        for t in (1, 2):
            torch.set_num_threads(t)
            spent[t] = step(p)
        threads[p] = min(spent, key=spent.get)
    rates = {p: [] for p in sides}
    for _ in range(repeats):
        spent = {p: 0.0 for p in sides}
        for _ in range(steps):
            for p in sides:
                torch.set_num_threads(threads[p])
                spent[p] += step(p)
        for p in sides:
            rates[p].append(steps * batch * W / spent[p])
    last = {p: statistics.mean(x[-steps:]) for p, x in losses.items()}
    assert abs(last["bf16"] / last["fp32"] - 1) < 0.02, f"the losses differ: {last}"
    out = row(
        f"training the 5 M model, batch {batch} of {W} tokens, bfloat16 against float32",
        rates["bf16"],
        rates["fp32"],
        "tokens/s",
        goal,
        threads=threads,
        steps=len(losses["bf16"]),
        loss={p: round(x, 4) for p, x in last.items()},
        first_loss={p: round(x[0], 4) for p, x in losses.items()},
    )
    print(f"  {out['what']}: {out['ratio']} x, losses {out['loss']} after {out['steps']} steps", flush=True)
    return [out]


class Stamps(transformers.TrainerCallback):
    "When each step ended."

    def __init__(self):
        self.at = []

    def on_step_end(self, args, state, control, **kw):
        self.at.append(time.perf_counter())


class InOrder(transformers.Trainer):
    def get_train_dataloader(self):
        return DataLoader(self.train_dataset, self.args.per_device_train_batch_size)


def ours(packed, model, precision, steps, batch):
    "Seconds of each step but the first, and the mean loss."
    t, at, losses = trainer(packed, model, precision, batch, steps), [], []
    read = t.source.next  # every token counts the same, as in Hugging Face's loss
    t.source.next = lambda learner: {**(b := read(learner)), "weights": torch.ones_like(b["weights"])}
    for _ in range(steps):
        losses.append(t.update()["loss/tokens"].item())
        at.append(time.perf_counter())
    return np.diff(at).tolist(), statistics.mean(losses)


def theirs(packed, model, precision, steps, batch):
    "The same for `transformers.Trainer` on the Llama inside."
    model.lm.set_attn_implementation("sdpa")
    source = TrajectoryBatches(packed, "train", batch, seed=0, size=W, stride=STRIDE)
    windows = [{"input_ids": ids, "labels": ids} for _ in range(steps) for ids in source.next()["ids"]]
    AcceleratorState._reset_state(reset_partial_state=True)
    with tempfile.TemporaryDirectory() as folder:
        args = transformers.TrainingArguments(
            folder,
            max_steps=steps,
            per_device_train_batch_size=batch,
            learning_rate=LR,
            lr_scheduler_type="constant",
            weight_decay=0.01,
            max_grad_norm=1.0,
            optim="adamw_torch_fused",
            bf16=precision == "bf16",
            use_cpu=True,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        stamps = Stamps()
        loss = InOrder(model.lm, args, train_dataset=windows, callbacks=[stamps]).train().training_loss
    return np.diff(stamps.at).tolist(), loss


def bench_trainer(packed, repeats, steps=8, batch=8, goal=1):
    "Tokens per second of training the Llama alone on the next token, our trainer against transformers.Trainer."
    plain = make_config(
        GameTransformerConfig,
        {**dump_config(SIZES), "draft_tokens": False, "block_coef": 0.0, "policy_coef": 0.0, "value_coef": 0.0},
    )
    model, rows = GameTransformer.from_config(plain, packed.vocabulary), []
    for precision in ("bf16", "fp32"):
        sides, rates, losses = {"ours": ours, "theirs": theirs}, {"ours": [], "theirs": []}, {}
        for _ in range(repeats):
            for name, f in sides.items():
                spent, losses[name] = f(packed, copy.deepcopy(model), precision, steps, batch)
                rates[name].append(batch * W / statistics.mean(spent))
        assert abs(losses["ours"] / losses["theirs"] - 1) < 0.01, f"the losses differ: {losses}"
        rows.append(
            row(
                f"training the 5 M Llama on the next token in {precision}, batch {batch} of {W} tokens, against transformers.Trainer",
                rates["ours"],
                rates["theirs"],
                "tokens/s",
                goal if precision == "bf16" else None,
                threads=torch.get_num_threads(),
                loss={k: round(v, 4) for k, v in losses.items()},
            )
        )
        print(f"  {rows[-1]['what']}: {rows[-1]['ratio']} x, mean losses {rows[-1]['loss']}", flush=True)
    return rows


def imagining(model, frames, n, precision):
    "Four actions after each of n frames: name -> function that gives the 4n frames they lead to."
    v, some = model.vocabulary, frames[:n]
    parent, acts = torch.arange(n).repeat_interleave(4), np.tile(PRESSES, (n, 1))
    contexts = torch.cat(
        [
            torch.full((4 * n, 1), v.frame),
            some[parent] + v.base,
            torch.full((4 * n, 1), v.act),
            torch.from_numpy(v.action_ids(acts)),
        ],
        1,
    )
    dynamics = LearnedDynamics(model, precision)
    begun = torch.cat([contexts, torch.full((4 * n, 1), v.frame)], 1)
    settings = transformers.GenerationConfig(
        max_new_tokens=64, do_sample=False, use_cache=True, eos_token_id=None, pad_token_id=v.start
    )

    def low(f):  # in this precision
        def run():
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                return f()

        return run

    def block():
        return dynamics.predict(dynamics.policy_value(some), parent, acts).codes

    if precision == "fp32":
        assert torch.equal(block(), model.predict_frame(contexts)), (
            "imagining is not what the block head says of the context"
        )
    return {
        "block": block,
        "generate": low(
            lambda: model.lm.generate(begun, attention_mask=torch.ones_like(begun), generation_config=settings)[:, -64:]
        ),
        "our loop": low(lambda: generate_frame(model, contexts)[0]),
    }


def bench_imagination(packed, repeats, goal=20):
    "Frames imagined per second, all cells at once against token by token with the cache: by Hugging Face's `generate` and by our loop."
    model, rows = GameTransformer.from_config(SIZES, packed.vocabulary).eval(), []
    frames = torch.from_numpy(packed.vocabulary.decode(packed.session(0))[0])[:64].long()  # (64, 64)
    for precision, n in (("fp32", 1), ("bf16", 1), ("fp32", len(frames)), ("bf16", len(frames))):
        sides = imagining(model, frames, n, precision)
        assert all(f().shape == (4 * n, 64) for f in sides.values())
        rates, threads = alternate(sides, repeats)
        for name, what in (("generate", "Hugging Face's generate"), ("our loop", "our loop for the token head")):
            rows.append(
                row(
                    f"imagining in {precision}, four actions after {'one frame' if n == 1 else f'each of {n} frames'}: the block head against {what} with its cache",
                    *([r * 4 * n for r in rates[k]] for k in ("block", name)),
                    "frames/s",
                    goal if name == "generate" else None,
                    threads=threads,
                )
            )
            print(f"  {rows[-1]['what']}: {rows[-1]['ratio']} x", flush=True)
    return rows


def again(model, stream, acts):
    "A decision from the context alone: the play read anew, once with each action behind it."
    v, A, full = model.vocabulary, len(acts), stream.context(0)[None]
    acts, codes = torch.from_numpy(v.action_ids(acts)), full[:, -1 - 64 : -1] - v.base  # the context ends with <ACT>
    with torch.inference_mode():
        kind, _, _, value = model.policy_value(codes)
        end = model.features(torch.cat([full.expand(A, -1), acts], 1))[:, -1]
        return (
            kind.log_softmax(-1),
            value.sigmoid(),
            model.level_logit(end).sigmoid(),
            model.predict_next_frame(codes.expand(A, -1), acts).codes.argmax(-1),
        )


def bench_decisions(packed, repeats, decisions=16, goal=10):
    "Decisions per second late in a play: a stream that remembers against reading the whole context again; the stream's slides are in its time."
    model, rates, lengths = GameTransformer.from_config(SIZES, packed.vocabulary), {"stream": [], "again": []}, []
    codes, actions, _ = packed.vocabulary.decode(
        packed.session(max(range(len(packed.sessions)), key=lambda i: packed.sessions[i]["steps"]))
    )
    stream, t = IncrementalDecoder(model), 0

    def decide(k):
        output = stream.observe(codes[k % len(codes)][None])
        return output, stream.predict_actions(PRESSES[None])

    def act(k):
        stream.record_action(actions[1 + k % (len(actions) - 1)][None])

    for t in range(2 * stream.max_tokens // packed.vocabulary.step_width):
        decide(t)
        act(t)  # until it has slid
    for _ in range(repeats):
        spent = dict.fromkeys(rates, 0.0)
        for _ in range(decisions):
            t += 1
            start = time.perf_counter()
            output, ahead = decide(t)
            spent["stream"] += time.perf_counter() - start
            lengths.append(len(stream.context(0)))
            start = time.perf_counter()
            kind, value, won, frames = again(model, stream, PRESSES)
            spent["again"] += time.perf_counter() - start
            same = all(
                torch.allclose(a, b, atol=1e-3)
                for a, b in ((output.kind, kind), (output.value, value), (ahead.won[0], won))
            )
            assert same and (ahead.codes[0] == frames).float().mean() > 0.99, "the stream decides otherwise"
            act(t)
        for k, s in spent.items():
            rates[k].append(decisions / s)
    rows = [
        row(
            "a decision with four actions weighed, a stream that remembers against reading the whole context again for each action",
            rates["stream"],
            rates["again"],
            "decisions/s",
            goal,
            threads=torch.get_num_threads(),
            mean_context=round(statistics.mean(lengths)),
        )
    ]
    for r in rows:
        print(f"  {r['what']}: {r['ratio']} x", flush=True)
    return rows


def main(repeats=5, steps=8, batch=8):
    keep_freed_memory()
    seed_everything(0)
    with tempfile.TemporaryDirectory() as folder:
        packed, tokenizer = data(folder)
        rows = bench_precision(packed, repeats, steps, batch)
        torch.set_num_threads(os.cpu_count() or 1)
        rows += bench_trainer(packed, repeats, steps, batch)
        rows += bench_imagination(packed, repeats) + bench_decisions(packed, repeats)
    save("transformer", rows)


if __name__ == "__main__":
    main()
