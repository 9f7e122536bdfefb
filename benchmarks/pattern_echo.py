"""Pattern echo: environment steps per second of the seed text's loop against ours, one seed and 64 at once.

Both sides run in this process, in turn, several times; the medians are compared. Run by `make bench`.
"""
import json, random, statistics, time

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Categorical

from wmil.core import atomic_write, output_root, seed_everything
from wmil.interaction.train import TrainConfig, build
from wmil.runs import provenance
from wmil.trainers import Trainer

CFG = TrainConfig(device="cpu", log_interval=256)
UPDATES = -(-CFG.total_steps//CFG.batch_size) # 157


class PlainBaby(nn.Module):
    "The specification, layer by layer, from PyTorch's own parts."
    def __init__(self, k=8, h=64):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(k, h), nn.ReLU(), nn.Linear(h, h))
        self.transformer = nn.TransformerEncoder(nn.TransformerEncoderLayer(h, 4, 256, 0.0, batch_first=True), 2)
        self.action_head, self.action_embed = nn.Linear(h, k), nn.Embedding(k, h)
        self.predictor = nn.Sequential(nn.Linear(2*h, h), nn.ReLU(), nn.Linear(h, k))
        self.value_head = nn.Sequential(nn.Linear(h, 32), nn.ReLU(), nn.Linear(32, 1))

    def embed(self, state): return self.transformer(self.encoder(state).unsqueeze(1)).squeeze(1)

    def forward(self, state):
        h = self.embed(state)
        return Categorical(logits=self.action_head(h)), self.value_head(h)

    def predict(self, state, act): return self.predictor(torch.cat([self.embed(state), self.action_embed(act)], -1))


def one_hot(i, k=8):
    x = torch.zeros(k)
    x[i] = 1.0
    return x


def plain_loop(seed, updates):
    "One environment step, one forward pass, one .item() at a time; then one update."
    seed_everything(seed)
    model, baseline = PlainBaby(), 0.0
    optimizer, success = torch.optim.Adam(model.parameters(), lr=1e-3), []
    for _ in range(updates):
        batch = []
        for _ in range(64):
            target = random.randint(0, 7)
            with torch.no_grad():
                dist, _ = model(one_hot(target).unsqueeze(0))
                act = dist.sample()
                dist.log_prob(act).item()
            reward, following = float(act.item() == target), random.randint(0, 7)
            batch.append((one_hot(target), act.item(), reward, one_hot(following)))
        state, act, reward, following = (torch.stack([b[i] for b in batch]) if i in (0, 3) else torch.tensor([b[i] for b in batch]) for i in range(4))
        dist, _ = model(state)
        baseline = 0.99*baseline + 0.01*reward.mean().item()
        policy = -(dist.log_prob(act)*(reward - baseline)).mean()
        loss = policy - 0.01*dist.entropy().mean() + F.mse_loss(model.predict(state, act), following)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        success.append(reward.mean().item())
    return statistics.mean(success[-16:])


def ours(seeds, updates=UPDATES):
    "Our trainer; `seeds` an int for a solo run, a list for stacked ones."
    cfg = TrainConfig(**{**vars(CFG), "seed": seeds if isinstance(seeds, int) else 0, "total_steps": updates*64})
    learner, source, trainer_cfg = build(cfg, None if isinstance(seeds, int) else seeds)
    history = Trainer(trainer_cfg).fit(learner, source)
    last = torch.tensor([r["success_rate"] for r in history[-4:]])
    return last.mean().item()


def timed(f, *args):
    start = time.perf_counter()
    out = f(*args)
    return time.perf_counter() - start, out


def main(repeats=5):
    many = list(range(64))
    assert sum(p.numel() for p in PlainBaby().parameters()) == 116_625
    plain_loop(0, 5), ours(0, 5), ours(many, 5) # warm up
    rate, success = {"plain": [], "solo": [], "many": []}, {"plain": [], "solo": [], "many": []}
    for i in range(repeats):
        for name, (f, who, steps) in {"plain": (plain_loop, i, UPDATES*64), "solo": (ours, i, UPDATES*64), "many": (ours, many, 64*UPDATES*64)}.items():
            seconds, final = timed(f, who, UPDATES) if name == "plain" else timed(f, who)
            rate[name].append(steps/seconds)
            success[name].append(final)
        print(f"  round {i + 1}/{repeats}: " + ", ".join(f"{k} {v[-1]:,.0f} steps/s" for k, v in rate.items()), flush=True)
    theirs = statistics.median(rate["plain"])
    final = {k: round(statistics.mean(v), 3) for k, v in success.items()}
    print("  final success:", final)
    rows = [{"what": what, "ours": round(mine := statistics.median(rate[k])), "theirs": round(theirs), "unit": "environment steps/s",
             "ratio": round(statistics.median(a/b for a, b in zip(rate[k], rate["plain"])), 1), "goal": goal, "final_success": {"ours": final[k], "theirs": final["plain"]}}
            for k, what, goal in (("solo", "PatternEcho, one seed, against the plain loop", 25), ("many", "PatternEcho, 64 seeds at once, against the plain loop", 200))]
    atomic_write(output_root()/"results/bench/pattern_echo.json", json.dumps({"name": "pattern_echo", "provenance": provenance(), "rows": rows}, indent=1))


if __name__ == "__main__": main()
