"""Pattern echo: environment steps per second of the first prototype's loop against ours, one seed and 64 at once.

Both sides run in this process, in turn, several times, and the medians of the ratios are reported. Building the models is
left out on both sides; everything from the first environment step to the last update is in. Run by `make bench`.
"""

import random, statistics, time
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Categorical

from wmil.config import make_config, replace_config
from wmil.rng import seed_everything
from wmil.interaction.rewards import RewardVector
from wmil.interaction.train import TrainConfig, build
from wmil.trainers import Trainer
from timing import save

CFG = make_config(  # without the consistency reward, which the plain loop does not have
    TrainConfig, dict(device="cpu", log_interval=256, batch_size=64, num_actions=8, log_cons=False)
)
UPDATES = -(-CFG.trainer.total_steps // CFG.batch_size)  # 157


class PlainBaby(nn.Module):
    "The specification, layer by layer, from PyTorch's own parts."

    def __init__(self, k=8, h=64):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(k, h), nn.ReLU(), nn.Linear(h, h))
        self.transformer = nn.TransformerEncoder(nn.TransformerEncoderLayer(h, 4, 256, 0.0, batch_first=True), 2)
        self.action_head, self.action_embed = nn.Linear(h, k), nn.Embedding(k, h)
        self.predictor = nn.Sequential(nn.Linear(2 * h, h), nn.ReLU(), nn.Linear(h, k))
        self.value_head = nn.Sequential(nn.Linear(h, 32), nn.ReLU(), nn.Linear(32, 1))

    def embed(self, state):
        return self.transformer(self.encoder(state).unsqueeze(1)).squeeze(1)

    def forward(self, state):
        h = self.embed(state)
        return Categorical(logits=self.action_head(h)), self.value_head(h)

    def predict(self, state, act):
        return self.predictor(torch.cat([self.embed(state), self.action_embed(act)], -1))


@dataclass
class State:
    target: int
    num_actions: int = 8

    def to_tensor(self):
        x = torch.zeros(self.num_actions)
        x[self.target] = 1.0
        return x


class Env:
    "Task, parent and environment of the first prototype: one problem at a time."

    def __init__(self, max_steps=1):
        self.max_steps = max_steps

    def reset(self):
        self.target, self.steps, self.episode_success = random.randint(0, 7), 0, False
        return State(self.target)

    def step(self, act):
        goal = 1.0 if act == self.target else 0.0
        self.target = random.randint(0, 7)
        self.steps += 1
        success = goal > 0.9
        self.episode_success = self.episode_success or success
        info = {"success": success, "episode_success": self.episode_success, "step": self.steps}
        return State(self.target), RewardVector(goal=goal), self.steps >= self.max_steps, info


@dataclass
class Experience:
    state: torch.Tensor
    action: int
    reward: float
    next_state: torch.Tensor
    log_prob: float
    success: bool


def collect(model, env):
    experiences = []
    for _ in range(64):
        state = env.reset()
        with torch.no_grad():
            dist, _ = model(state.to_tensor().unsqueeze(0))
            act = dist.sample()
            log_prob = dist.log_prob(act).item()
        following, reward, _, info = env.step(act.item())
        experiences.append(
            Experience(state.to_tensor(), act.item(), reward.goal, following.to_tensor(), log_prob, info["success"])
        )
    return experiences


def plain_loop(seed, updates):
    "The first prototype's loop: one environment step, one forward pass, one .item() at a time; then one update."
    seed_everything(seed)
    model, env, baseline, successes = PlainBaby(), Env(), 0.0, []
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    start = time.perf_counter()
    for _ in range(updates):
        batch = collect(model, env)
        states, next_states = torch.stack([e.state for e in batch]), torch.stack([e.next_state for e in batch])
        actions, rewards = torch.tensor([e.action for e in batch]), torch.tensor([e.reward for e in batch])
        dist, _ = model(states)
        mean_reward = rewards.mean().item()
        baseline = 0.99 * baseline + 0.01 * mean_reward
        policy = -(dist.log_prob(actions) * (rewards - baseline)).mean()
        entropy = dist.entropy().mean()
        world = F.mse_loss(model.predict(states, actions), next_states)
        loss = policy - 0.01 * entropy + world
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        metrics = {
            "loss": loss.item(),
            "policy": policy.item(),
            "world_model": world.item(),
            "entropy": entropy.item(),
            "reward": mean_reward,
        }
        metrics["success"] = sum(e.success for e in batch) / len(batch)
        successes.append(metrics["success"])
    return time.perf_counter() - start, statistics.mean(successes[-16:])


def ours(seeds, updates=UPDATES):
    "Our trainer; `seeds` an int for a solo run, a list for stacked ones."
    cfg = replace_config(CFG, seed=seeds if isinstance(seeds, int) else 0, total_steps=updates * 64)
    learner, source, trainer_cfg = build(cfg, None if isinstance(seeds, int) else seeds)
    trainer = Trainer(trainer_cfg)
    start = time.perf_counter()
    history = trainer.fit(learner, source)
    seconds = time.perf_counter() - start
    last = torch.tensor([r["success_rate"] for r in history[-4:]])
    return seconds, last.mean().item()


def main(repeats=5):
    many = list(range(64))
    assert sum(p.numel() for p in PlainBaby().parameters()) == 116_625
    plain_loop(0, 5), ours(0, 5), ours(many, 5)  # warm up
    rate, success = {"plain": [], "solo": [], "many": []}, {"plain": [], "solo": [], "many": []}
    for i in range(repeats):
        for name, (f, who, steps) in {
            "plain": (plain_loop, i, UPDATES * 64),
            "solo": (ours, i, UPDATES * 64),
            "many": (ours, many, 64 * UPDATES * 64),
        }.items():
            seconds, final = f(who, UPDATES)
            rate[name].append(steps / seconds)
            success[name].append(final)
        print(
            f"  round {i + 1}/{repeats}: " + ", ".join(f"{k} {v[-1]:,.0f} steps/s" for k, v in rate.items()), flush=True
        )
    theirs = statistics.median(rate["plain"])
    final = {k: round(statistics.mean(v), 3) for k, v in success.items()}
    print("  final success:", final)
    rows = [
        {
            "what": what,
            "ours": round(statistics.median(rate[k])),
            "theirs": round(theirs),
            "unit": "environment steps/s",
            "ratio": round(statistics.median(a / b for a, b in zip(rate[k], rate["plain"])), 1),
            "goal": goal,
            "final_success": {"ours": final[k], "theirs": final["plain"]},
        }
        for k, what, goal in (
            ("solo", "PatternEcho, one seed, against the plain loop", 25),
            ("many", "PatternEcho, 64 seeds at once, against the plain loop", 200),
        )
    ]
    save("pattern_echo", rows)


if __name__ == "__main__":
    main()
