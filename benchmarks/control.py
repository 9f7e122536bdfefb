"""Control: CarRacing's drawing, planning, actor-critic learning and memory, each against the plain way.

Before timing, each pair is shown to do the same: pictures, rewards and endings of the racing game are equal, and a step
of memory agrees with the full pass. Both actor-critics (ours and Stable-Baselines3's) have hidden layers of 128 and 64
with layer norms, eight (then 64) CartPoles and rollouts of five steps; ours sees the poles once through Gymnasium, as
theirs does, and once as one batch of tensors. Sides take turns in this process. Run by `make bench`.
"""

import time

import gymnasium, numpy as np, stable_baselines3, torch
from stable_baselines3.common.env_util import make_vec_env
from torch import nn

from wmil.control.agent import AgentConfig
from wmil.control.controllers import ControllerConfig, DiscreteController
from wmil.envs import GymEnvs
from wmil.control.latent_planning import LatentDynamics
from wmil.control.memory import MemoryConfig, TemporalTransformer
from wmil.control.painter import make_car_racing
from wmil.control.predictors import Predictors
from wmil.control.training import train_agent
from wmil.rng import seed_everything
from wmil.systems import CartPole, DynamicsEnv
from wmil.trainers import TrainerConfig
from timing import alternate, row, save


def actions(n):  # of a car that stays on the road for a while
    t = np.arange(n)
    return np.stack([0.1 * np.sin(t / 5), np.where(t < 40, 0.3, 0.05), np.zeros(n)], 1).astype(np.float32)


def by_hand(game, action, repeat):  # what an agent would do with the plain game
    total = 0.0
    for _ in range(repeat):
        _, rew, terminated, truncated, _ = game.step(action)
        total += rew
        if terminated or truncated:
            break
    return game.unwrapped._create_image_array(game.unwrapped.surf, (64, 64)), total, terminated, truncated


def bench_racing(repeats, steps=40):
    "Frames per second of one car, ours against Gymnasium's, at the same action repeat; where every frame is drawn, no goal."
    rows = []
    for repeat, goal in ((1, None), (4, 3), (8, 3)):
        plain, acts = make_car_racing(), actions(steps)
        ours = gymnasium.make("wmil/CarRacing-v0", disable_env_checker=True, repeat=repeat)
        plain.reset(seed=3)
        ours.reset(seed=3)
        for a in acts:
            theirs, own = by_hand(plain, a, repeat), ours.step(a)
            assert np.array_equal(theirs[0], own[0]) and theirs[1:] == own[1:4], "the games differ"
        sides, rates = (
            {"ours": lambda: [ours.step(a) for a in acts], "theirs": lambda: [by_hand(plain, a, repeat) for a in acts]},
            {"ours": [], "theirs": []},
        )
        for _ in range(repeats):
            for k, f in sides.items():
                (ours if k == "ours" else plain).reset(seed=3)
                start = time.perf_counter()
                f()
                rates[k].append(steps * repeat / (time.perf_counter() - start))
        rows.append(
            row(
                f"CarRacing, each action held for {repeat} frame{'s' * (repeat > 1)}, against plain Gymnasium",
                rates["ours"],
                rates["theirs"],
                "frames/s",
                goal,
            )
        )
        print(f"  {rows[-1]['what']}: {rows[-1]['ratio']} x", flush=True)
    return rows


def bench_planning(repeats, n=8, horizon=5, goal=0.2):
    "Decisions per second with a plan against without, on networks of CartPole's sizes: at least a fifth."
    memory, predictors, c = (
        TemporalTransformer(4, 2),
        Predictors(4, 2, 64),
        DiscreteController(4, 64, 2, ControllerConfig(planning_horizon=horizon)),
    )
    dynamics, state = LatentDynamics(memory, predictors, c), memory.initial(n)
    z, before, start, u = torch.randn(n, 4), torch.zeros(n, 2), torch.zeros(n, dtype=torch.bool), torch.rand(n)

    def decide(planned):
        with torch.no_grad():
            h, _ = memory.step(z, before, state, start)
            return c.act(z, h, u, c.plan(dynamics, z, h) if planned else None)

    rates, threads = alternate({"planned": lambda: decide(True), "plain": lambda: decide(False)}, repeats)
    r = row(
        f"a decision for {n} CartPoles with a plan of {horizon} steps against one without "
        "(the goal: at most five times the time)",
        [n * x for x in rates["planned"]],
        [n * x for x in rates["plain"]],
        "decisions/s",
        goal,
        threads=threads,
    )
    print(f"  {r['what']}: {r['ratio']} x", flush=True)
    return [r]


def bench_memory(repeats, n=16, context=64, goal=5):
    "Steps per second of a memory with its cache against the full pass over the window."
    memory, rows = TemporalTransformer(4, 2, MemoryConfig(context=context)), []
    z, action, start = torch.randn(n, context, 4), torch.randn(n, context, 2), torch.zeros(n, context, dtype=torch.bool)
    with torch.inference_mode():
        _, state = memory.run(z[:, :-1], action[:, :-1], start[:, :-1])
        sides = {
            "step": lambda: memory.step(z[:, -1], action[:, -1], state, start[:, -1])[0],
            "window": lambda: memory(z, action, start)[:, -1],
        }
        assert torch.allclose(sides["step"](), sides["window"](), atol=1e-5), "the step is not the window's last"
        rates, threads = alternate(sides, repeats)
    rows.append(
        row(
            f"a step of memory for {n} environments against the whole window of {context}",
            [n * x for x in rates["step"]],
            [n * x for x in rates["window"]],
            "steps/s",
            goal,
            threads=threads,
        )
    )
    print(f"  {rows[-1]['what']}: {rows[-1]['ratio']} x", flush=True)
    return rows


class SameNetworks(stable_baselines3.common.policies.ActorCriticPolicy):
    "Stable-Baselines3's policy with layer norms behind the hidden layers, as ours."

    def _build_mlp_extractor(self):
        super()._build_mlp_extractor()
        for name in ("policy_net", "value_net"):
            layers = [
                x
                for layer in getattr(self.mlp_extractor, name)
                for x in ((layer, nn.LayerNorm(layer.out_features)) if isinstance(layer, nn.Linear) else (layer,))
            ]
            setattr(self.mlp_extractor, name, nn.Sequential(*layers))


def bench_a2c(repeats, steps=8000, envs=8, n_steps=5, goal=1.5):
    "Environment steps per second of actor-critic learning on CartPole."
    cfg = AgentConfig(
        envs=envs,
        n_steps=n_steps,
        memory_mode="none",
        memory_coef=0.0,
        predictor_coef=0.0,
        memory=MemoryConfig(hidden_dim=4, num_layers=1, num_heads=1, context=1, ff_dim=4),
        controller=ControllerConfig(planning_horizon=0),
    )

    def ours(env):
        return lambda: train_agent(
            env(), cfg, TrainerConfig(total_steps=steps, lr=7e-4, log_interval=steps, device="cpu")
        )

    def tensors():
        env, like = DynamicsEnv(CartPole(), envs, 0), gymnasium.make("CartPole-v1")
        env.observation_space = like.observation_space
        return env

    def theirs():
        stable_baselines3.A2C(
            SameNetworks,
            make_vec_env("CartPole-v1", envs, seed=0),
            n_steps=n_steps,
            ent_coef=0.01,
            policy_kwargs=dict(net_arch=[128, 64], activation_fn=nn.ReLU),
            seed=0,
            device="cpu",
        ).learn(steps)

    sides = {"gymnasium": ours(lambda: GymEnvs("CartPole-v1", envs, 0)), "tensors": ours(tensors), "theirs": theirs}
    rates = {k: [] for k in sides}
    torch.set_num_threads(1)
    for i in range(repeats + 1):
        for k, f in sides.items():
            start = time.perf_counter()
            f()
            spent = time.perf_counter() - start
            if i:
                rates[k].append(steps / spent)  # the first round warms up
    rows = [
        row(
            f"A2C on {envs} CartPoles {how}, against Stable-Baselines3's on Gymnasium's",
            rates[k],
            rates["theirs"],
            "steps/s",
            goal,
            threads=1,
        )
        for k, how in (("gymnasium", "of Gymnasium"), ("tensors", "in one batch of tensors"))
    ]
    for r in rows:
        print(f"  {r['what']}: {r['ratio']} x", flush=True)
    return rows


def main(repeats=5, steps=8000):
    seed_everything(0)
    rows = (
        bench_racing(repeats)
        + bench_planning(repeats)
        + bench_memory(repeats)
        + bench_a2c(repeats, steps)
        + bench_a2c(repeats, 4 * steps, envs=64)
    )
    save("control", rows)


if __name__ == "__main__":
    main()
