"""Environments and PPO: our native vector environments against Gymnasium's `SyncVectorEnv`, our PPO against Stable-Baselines3's.

All sides run in this process, in turn, several times, and the medians of the ratios are reported. Building environments and networks is left out
everywhere. Before anything is timed, the plain environments are shown to be the same tasks as ours. Run by `make bench`.
"""

import random, statistics, time

import gymnasium, numpy as np, stable_baselines3, torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv
from torch import nn

from wmil.config import make_config
from wmil.interaction.baby import BabyConfig, BabyModel
from wmil.interaction.evaluation import policy_table
from wmil.interaction.train import TrainConfig, build
from wmil.trainers import Trainer
from timing import save

N = 1024  # environments side by side
VECTORS = {0.0: np.zeros(3, np.float32), 1.0: np.array([1, 0, 0], np.float32)}


class Plain(gymnasium.Env):
    "A symbolic task from Python's lists: no tensors, and observations that are made once."

    def __init__(self, rows, reward, after, starts, max_steps, told):
        self.observation_space = gymnasium.spaces.Box(0, 1, rows[0].shape, np.float32)
        self.action_space = gymnasium.spaces.Discrete(len(reward[0]))
        self.rows, self.reward, self.after, self.starts, self.max_steps, self.told = (
            rows,
            reward,
            after,
            starts,
            max_steps,
            told,
        )

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.draw = random.Random(seed).random
        self.state, self.t, self.solved = int(self.draw() * self.starts), 0, False
        return self.rows[self.state], {"state_id": self.state} if self.told else {}

    def step(self, act):
        state = self.state
        rew = self.reward[state][act]
        self.state = state = self.after[state][act] if self.after else int(self.draw() * self.starts)
        self.t += 1
        if not self.told:
            return self.rows[state], rew, False, self.t >= self.max_steps, {}
        self.solved = self.solved or rew > 0.9
        info = {"success": rew > 0.9, "episode_success": self.solved, "reward_vector": VECTORS[rew], "state_id": state}
        return self.rows[state], rew, False, self.t >= self.max_steps, info


def plain_echo():  # the tables are written from the rules, not taken from ours, and shared by all environments
    return (
        list(np.eye(8, dtype=np.float32)),
        [[float(act == shown) for act in range(8)] for shown in range(8)],
        None,
        8,
        16,
    )


def plain_climb():
    color, stair, states = (
        np.eye(4, dtype=np.float32),
        np.eye(6, dtype=np.float32),
        [(c, s) for s in range(6) for c in range(4)],
    )

    def climbs(c, s, act):
        return act // 4 == (c + s) % 4

    reward = [[float(s == 4 and climbs(c, s, act)) for act in range(16)] for c, s in states]
    after = [
        [4 * s + c if s == 5 else 4 * (s + 1) + c if climbs(c, s, act) else c for act in range(16)] for c, s in states
    ]
    return [np.concatenate([color[c], stair[s]]) for c, s in states], reward, after, 4, 8


def environments(name, tables):
    "The same task four times; all start the next episode in the step that ended the last."

    def plain(told):
        return SyncVectorEnv([lambda: Plain(*tables, told)] * N, **same_step)

    same_step = {"autoreset_mode": AutoresetMode.SAME_STEP}
    return {
        "ours": gymnasium.make_vec(name, num_envs=N),
        "registered": gymnasium.make_vec(name, num_envs=N, vectorization_mode="sync", vector_kwargs=same_step),
        "plain, with infos": plain(True),
        "plain": plain(False),
    }


def check_same_task(envs, steps=24):
    "From equal states equal actions give equal rewards and, where actions matter, states; and new problems are equally likely."
    ours, task, table, rng = (
        envs["ours"],
        envs["ours"].task,
        envs["ours"].task.states().numpy(),
        np.random.default_rng(0),
    )

    def number(obs):
        return (obs @ table.T).argmax(-1)

    for theirs in (envs["registered"], envs["plain, with infos"], envs["plain"]):
        told = theirs is not envs["plain"]
        state, (other, _) = number(ours.reset(seed=0)[0]), theirs.reset(seed=0)
        seen, paid = np.zeros((2, task.num_states)), 0
        for _ in range(steps):
            seen += [np.bincount(s, minlength=task.num_states) for s in (state, number(other))]
            if theirs is envs["registered"]:
                for e, s in zip(theirs.envs, state):
                    e.unwrapped.env.state = torch.tensor([s])
            else:
                for e, s in zip(theirs.envs, state):
                    e.state = int(s)
            right = task.correct_action(torch.as_tensor(state)).numpy()
            act = np.where(rng.random(N) < 0.8, right, rng.integers(task.num_actions, size=N))
            obs, rew, _, over, info = ours.step(act)
            other, their_rew, _, their_over, their_info = theirs.step(act)
            assert (rew == their_rew).all() and (over == their_over).all()
            end, their_end = (i["final_obs"] if over.any() else o for i, o in ((info, obs), (their_info, other)))
            if task.after is not None:
                assert (end == np.stack(list(their_end))).all()
            if told and not over.any():
                assert all(
                    (np.stack(list(info[k])) == np.stack(list(their_info[k]))).all()
                    for k in ("success", "episode_success", "reward_vector")
                )
            state, paid = number(obs), paid + rew.sum()
        assert paid and abs(seen[0] - seen[1]).max() < 0.015 * seen[0].sum(), "new problems are drawn otherwise"


def steps_per_second(env, steps, acts):
    env.reset(seed=0)
    for act in acts[:8]:
        env.step(act)  # whoever ran before has filled the caches
    start = time.perf_counter()
    for t in range(steps):
        env.step(acts[t % len(acts)])
    return steps * N / (time.perf_counter() - start)


def row(what, ours, theirs, unit, goal, **more):
    "Rates of alternating rounds as a row of the table."
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    return {
        "what": what,
        "ours": round(statistics.median(ours)),
        "theirs": round(statistics.median(theirs)),
        "unit": unit,
        "ratio": round(ratio, 2),
        "goal": goal,
        **({"met": ratio >= goal} if goal else {}),
        **more,
    }


def bench_environments(repeats):
    torch.set_num_threads(1)  # a batch of this size is never split among threads
    rows = []
    for name, tables in (("PatternEcho", plain_echo()), ("Climb", plain_climb())):
        envs = environments(f"wmil/{name}-v0", tables)
        check_same_task(envs)
        acts = np.random.default_rng(0).integers(envs["ours"].task.num_actions, size=(64, N))
        steps, rate = {"ours": 2048, "registered": 16, "plain, with infos": 32, "plain": 128}, {k: [] for k in envs}
        for i in range(repeats):
            for k, env in envs.items():
                rate[k].append(steps_per_second(env, steps[k], acts))
            print(
                f"  {name}, round {i + 1}/{repeats}: "
                + ", ".join(f"{k} {v[-1]:,.0f} steps/s" for k, v in rate.items()),
                flush=True,
            )
        for k, what in (
            ("registered", "over our environment for one"),
            ("plain, with infos", "over plain Python that tells as much"),
            ("plain", "over plain Python without infos"),
        ):
            rows.append(
                row(
                    f"{name}, {N:,} environments, against SyncVectorEnv {what}",
                    rate["ours"],
                    rate[k],
                    "environment steps/s",
                    100,
                )
            )
        for env in envs.values():
            env.close()
    return rows


# PPO. Episodes of 16 problems, 64 environments, 16 steps of each in a batch. The time limit is the task's own end on all sides; told of a mere
# truncation, Stable-Baselines3 would ask its value network about every episode's last state by itself, which is slower.
ENVS, STEPS, BATCH, SEEDS = 64, 16, 1024, 16
SAME = dict(
    gamma=0.99,
    lr=1e-3,
    clip=0.2,
    gae_lambda=0.95,
    entropy_coef=0.01,
    value_coef=0.5,
    max_grad_norm=0.5,
    epochs=4,
    minibatches=4,
)


class Trunk(BaseFeaturesExtractor):
    "A baby's encoder and transformer."

    def __init__(self, space):
        super().__init__(space, 64)
        baby = BabyModel(BabyConfig())
        self.encoder, self.transformer = baby.encoder, baby.transformer

    def forward(self, obs):
        return self.transformer(self.encoder(obs), sequence=False)


class LimitIsEnd(gymnasium.Wrapper):
    def step(self, act):
        obs, rew, _, truncated, info = self.env.step(act)
        return obs, rew, truncated, False, info


class NativeVecEnv(VecEnv):
    "Our vector environment as Stable-Baselines3 wants it, with nothing in its infos."

    def __init__(self):
        self.env, self.infos = gymnasium.make_vec("wmil/PatternEcho-v0", num_envs=ENVS), [{}] * ENVS
        super().__init__(ENVS, self.env.single_observation_space, self.env.single_action_space)

    def reset(self):
        return self.env.reset(seed=self._seeds[0])[0]

    def step_async(self, act):
        self.act = act

    def step_wait(self):
        obs, rew, _, truncated, _ = self.env.step(self.act)
        return obs, rew, truncated, self.infos

    def close(self):
        self.env.close()

    def get_attr(self, name, indices=None):
        return [getattr(self.env, name)] * ENVS

    def set_attr(self, name, value, indices=None):
        raise NotImplementedError

    def env_method(self, name, *args, indices=None, **kw):
        raise NotImplementedError

    def env_is_wrapped(self, wrapper, indices=None):
        return [False] * ENVS


def usual_vec_env():
    return DummyVecEnv([lambda: LimitIsEnd(gymnasium.make("wmil/PatternEcho-v0"))] * ENVS)


def sb3(make_env, seed, batches):  # -> (steps per second, exact success, parameters)
    "Stable-Baselines3's PPO with the same network: the baby's trunk, a linear action head, a value head of two layers."
    policy = dict(
        features_extractor_class=Trunk,
        net_arch=dict(pi=[], vf=[32]),
        activation_fn=nn.ReLU,
        ortho_init=False,
        optimizer_kwargs=dict(eps=1e-8),
    )
    ppo = stable_baselines3.PPO(
        "MlpPolicy",
        make_env(),
        SAME["lr"],
        STEPS,
        BATCH // SAME["minibatches"],
        SAME["epochs"],
        SAME["gamma"],
        SAME["gae_lambda"],
        SAME["clip"],
        seed=seed,
        ent_coef=SAME["entropy_coef"],
        vf_coef=SAME["value_coef"],
        max_grad_norm=SAME["max_grad_norm"],
        policy_kwargs=policy,
        device="cpu",
    )
    start = time.perf_counter()
    ppo.learn(batches * BATCH)
    seconds = time.perf_counter() - start
    with torch.no_grad():
        success = ppo.policy.get_distribution(torch.eye(8)).distribution.probs.diagonal().mean().item()
    return batches * BATCH / seconds, success, sum(p.numel() for p in ppo.policy.parameters())


def ours(
    seeds, batches, world_model_coef=0.0, distinct=True
):  # -> (steps per second of all seeds, exact success, parameters)
    "Our PPO; `seeds` an int for a solo run, a list for stacked ones. A row of metrics is logged every fourth batch."
    solo = isinstance(seeds, int)
    options = dict(
        algorithm="ppo",
        batch_size=BATCH,
        max_episode_length=STEPS,
        total_steps=batches * BATCH,
        world_model_coef=world_model_coef,
        log_interval=4 * BATCH,
        device="cpu",
        seed=seeds if solo else 0,
        **SAME,
    )
    learner, source, trainer_cfg = build(make_config(TrainConfig, options), None if solo else seeds)
    if not distinct:
        learner.states = None  # the network meets every row of a batch, as Stable-Baselines3's does
    trainer = Trainer(trainer_cfg)
    start = time.perf_counter()
    trainer.fit(learner, source)
    seconds = time.perf_counter() - start
    with torch.no_grad():
        success = policy_table(learner, source.source.env.task).exp().diagonal(dim1=-2, dim2=-1).mean().item()
    parameters = sum(p.numel() for n, p in learner.model.named_parameters() if "world_model" not in n) // (
        1 if solo else len(seeds)
    )
    return batches * BATCH * (1 if solo else len(seeds)) / seconds, success, parameters


def fastest(run, tries=3):
    "One thread or two, whichever is faster here; two lose by far where anything else is running, and are then not tried again."
    one, two = [], []
    for _ in range(tries):
        for threads, rates in ((1, one), (2, two)):
            torch.set_num_threads(threads)
            rates.append(run()[0])
        if two[-1] < one[-1] / 1.5:
            return 1
    return 2 if statistics.median(two) > 1.03 * statistics.median(one) else 1


def bench_ppo(repeats, batches=24):
    many = list(range(SEEDS))
    torch.set_num_threads(1)
    assert sb3(NativeVecEnv, 0, 1)[2] == ours(0, 1)[2] == ours(many, 1)[2], "the networks differ"  # and warm up
    threads = {
        "sb3": fastest(lambda: sb3(NativeVecEnv, 0, 1)),
        "solo": fastest(lambda: ours(0, 1)),
        "many": fastest(lambda: ours(many, 1)),
    }
    print("  threads:", threads, flush=True)
    runs = {
        "usual": ("sb3", lambda i: sb3(usual_vec_env, i, batches)),
        "native": ("sb3", lambda i: sb3(NativeVecEnv, i, batches)),
        "solo": ("solo", lambda i: ours(i, batches)),
        "many": ("many", lambda i: ours(many, batches)),
        "solo, world model": ("solo", lambda i: ours(i, batches, 1.0)),
        "many, world model": ("many", lambda i: ours(many, batches // 2, 1.0)),
        "solo, every row": ("solo", lambda i: ours(i, batches // 2, distinct=False)),
        "many, every row": ("many", lambda i: ours(many, 2, distinct=False)),
    }
    rate, success = {k: [] for k in runs}, {k: [] for k in runs}
    for i in range(repeats):
        for k, (side, run) in runs.items():
            torch.set_num_threads(threads[side])
            steps, final, _ = run(i)
            rate[k].append(steps)
            success[k].append(final)
        print(
            f"  PPO, round {i + 1}/{repeats}: " + ", ".join(f"{k} {v[-1]:,.0f} steps/s" for k, v in rate.items()),
            flush=True,
        )
    final = {k: round(statistics.mean(success[k]), 3) for k in ("usual", "native", "solo", "many")}
    print(f"  success after {batches * BATCH:,} steps:", final)
    assert min(final.values()) > 0.7, f"not everybody learnt: {final}"
    rows = []
    for env, where in (("usual", "on its DummyVecEnv"), ("native", "on our vector environment")):
        for k, what, goal in (
            ("solo", "one seed", 2),
            ("many", f"{SEEDS} seeds at once", 5),
            ("solo, world model", "one seed with world model", None),
            ("many, world model", f"{SEEDS} seeds with world model", None),
            ("solo, every row", "one seed, network on every row", None),
            ("many, every row", f"{SEEDS} seeds, network on every row", None),
        ):
            if env == "usual" and goal is None:
                continue
            after = " one after the other" if k.startswith("many") else ""
            more = {"threads": {"ours": threads[runs[k][0]], "theirs": threads["sb3"]}}
            if k in final:
                more["final_success"] = {"ours": final[k], "theirs": final[env]}
            rows.append(
                row(
                    f"PPO, {what}, against Stable-Baselines3{after} {where}",
                    rate[k],
                    rate[env],
                    "environment steps/s",
                    goal,
                    **more,
                )
            )
    return rows


def main(repeats=3):
    rows = bench_environments(repeats + 2) + bench_ppo(repeats)
    save("interaction", rows)


if __name__ == "__main__":
    main()
