"""World models: an ensemble as one batched network against a Python loop over its members, planning in decisions per second, driving against stock highway-env.

All sides run in this process, in turn, several times, and the medians of the ratios are reported. Before anything is timed the loop and the batched network
are shown to compute the same. The shares of the machine's peak are shares of the fastest large matrix product measured in the same run. Run by `make bench`.
"""

import statistics, time, warnings

import gymnasium, highway_env, numpy as np, torch  # noqa: F401

from wmil.rng import seed_everything
from wmil.dynamics.batches import TransitionBatches
from wmil.dynamics.data import Transitions
from wmil.dynamics.driving import DrivingEnv
from wmil.dynamics.ensemble import WorldModelEnsemble
from wmil.dynamics.model import WorldModel, WorldModelConfig, world_model_loss
from wmil.planning import CEM
from wmil.seeds import keep_freed_memory
from timing import alternate, peak, row, save

M, HORIZON = 5, 16
SIZES = dict(state_dim=34, action_dim=3, hidden_dims=(256, 256))


def make_data(n=4096):
    g = torch.Generator().manual_seed(0)
    obs, act = torch.randn(n, 34, generator=g), torch.rand(n, 3, generator=g)
    next_obs = obs + 0.1 * torch.randn(n, 34, generator=g)
    return Transitions(
        obs,
        act,
        torch.rand(n, generator=g),
        next_obs,
        torch.rand(n, generator=g) < 0.01,
        torch.ones(n, dtype=torch.bool),
        torch.arange(n),
    )


def members(ensemble):
    "The members as networks of their own, as a loop would hold them."
    out = []
    for g in range(M):
        one = WorldModel(**SIZES)
        one.load_state_dict({k: v[g] for k, v in ensemble.model.state_dict().items()})
        out.append(one)
    return out


def flops_per_sample(ensemble):
    return 2 * sum(
        m.weight[0].numel() for m in ensemble.model.modules() if hasattr(m, "weight")
    )  # multiply-adds of all layers, twice


def training(B, data):
    "One gradient step of all members: batched, and in a loop. Both draw their rows, both run a fused Adam."
    cfg, ensemble = WorldModelConfig(), WorldModelEnsemble(M, 0, **SIZES).fit_statistics(data)
    models = members(ensemble)
    ours = torch.optim.Adam(ensemble.parameters(), lr=1e-4, fused=True)
    theirs = [torch.optim.Adam(m.parameters(), lr=1e-4, fused=True) for m in models]
    source = TransitionBatches(data, B, ensemble.member_seeds)
    sources = [TransitionBatches(data, B, s) for s in ensemble.member_seeds]

    def batched():
        loss = ensemble.loss(source.next())[0].sum()
        ours.zero_grad()
        loss.backward()
        ours.step()
        return loss.item()

    def loop():
        total = 0.0
        for m, opt, src in zip(models, theirs, sources):
            loss = world_model_loss(m, src.next(), cfg)["total"]
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
        return total

    for _ in range(5):
        a, b = batched(), loop()
    assert abs(a - b) < 1e-3 * abs(a), f"the sides do not compute the same: {a} and {b}"
    return ensemble, {"batched": batched, "loop": loop}


def rolling(ensemble, B):
    "All members imagine B sequences of 16 steps: the planner's form, and a loop over the members' rollout."
    models, fast = members(ensemble), ensemble.frozen()
    state, actions = torch.randn(B, 34), torch.rand(B, HORIZON, 3)
    all_states, all_actions = (
        state.expand(M, B, 34).reshape(M * B, 34),
        actions.expand(M, B, HORIZON, 3).reshape(M * B, HORIZON, 3).transpose(0, 1).contiguous(),
    )

    @torch.inference_mode()
    def batched():
        s, out = all_states, []
        for a in all_actions:
            s, r, d = fast(s, a)
            out.append(s)
        return torch.stack(out, 1)

    @torch.inference_mode()
    def loop():
        return torch.stack([m.rollout(state, actions)[0][:, 1:] for m in models])

    assert torch.allclose(batched().view(M, B, HORIZON, 34), loop(), atol=1e-3)
    return {"batched": batched, "loop": loop}


def bench_ensemble(repeats, top):
    rows, data = [], make_data()
    for B, goal in ((16, 2), (256, 1.2)):
        ensemble, sides = training(B, data)
        rates, threads = alternate(sides, repeats)
        share = 3 * M * B * flops_per_sample(ensemble) * statistics.median(rates["batched"]) / top["float32"]
        rows.append(
            row(
                f"ensemble of {M}, training at batch {B}, against a loop over members",
                rates["batched"],
                rates["loop"],
                "updates/s",
                goal,
                threads=threads,
                share_of_peak=round(share, 3),
            )
        )
        rates, threads = alternate(rolling(ensemble, B), repeats)
        share = M * B * HORIZON * flops_per_sample(ensemble) * statistics.median(rates["batched"]) / top["float32"]
        rows.append(
            row(
                f"ensemble of {M}, rollout of {HORIZON} steps at batch {B}, against a loop over members",
                rates["batched"],
                rates["loop"],
                "rollouts/s",
                goal,
                threads=threads,
                share_of_peak=round(share, 3),
            )
        )
        for r in rows[-2:]:
            print(
                f"  {r['what']}: {r['ratio']} x, {r['share_of_peak']:.1%} of peak, threads {r['threads']}", flush=True
            )
    return rows


def bench_planning(repeats, top):
    "The ratio of these rows is decisions per second against the wanted ones."
    rows, ensemble, space = (
        [],
        WorldModelEnsemble(M, 0, **SIZES).fit_statistics(make_data()).eval(),
        DrivingEnv().action_space,
    )
    state = torch.randn(1, 34)
    for what, particles, wanted in (("each imagined by one member", 1, 10), ("each imagined by all members", M, None)):
        sides = {}
        for dtype in (torch.float32, torch.bfloat16):
            planner = CEM(
                ensemble.frozen(dtype), space, horizon=HORIZON, candidates=500, iterations=3, particles=particles
            )
            sides[str(dtype).split(".")[1]] = lambda planner=planner: planner.plan(state)
        rates, threads = alternate(sides, repeats)
        for name, rate in rates.items():
            share = 3 * 500 * particles * HORIZON * flops_per_sample(ensemble) * statistics.median(rate) / top[name]
            rows.append(
                row(
                    f"CEM, 3 iterations of 500 candidates, 16 steps, {what}, {name}, against {wanted or 10} decisions/s",
                    rate,
                    [wanted or 10.0] * len(rate),
                    "decisions/s",
                    1 if wanted and name == "bfloat16" else None,
                    threads=threads[name],
                    share_of_peak=round(share, 3),
                )
            )
            print(f"  {rows[-1]['what']}: {rows[-1]['ours']}, {share:.1%} of peak, threads {threads[name]}", flush=True)
    return rows


def bench_driving(repeats, steps=400):
    "Our driving against stock highway-env with as many cars, the same lidar and 15 decisions a second."
    config = dict(
        simulation_frequency=15,
        policy_frequency=15,
        lanes_count=4,
        vehicles_count=12,
        duration=40,
        observation=dict(type="LidarObservation"),
        action=dict(type="ContinuousAction"),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stock = gymnasium.make("highway-fast-v0", config=config).unwrapped

    def run(env, action):
        env.reset(seed=0)
        start = time.perf_counter()
        for _ in range(steps):
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return steps / (time.perf_counter() - start)

    ours, theirs, env = [], [], DrivingEnv()
    for _ in range(repeats):
        ours.append(run(env, np.float32([0, 0.13, 0])))
        theirs.append(run(stock, np.zeros(2)))
    return [row("Driving-v0 against stock highway-env, 12 cars, lidar, 15 decisions/s", ours, theirs, "steps/s")]


def main(repeats=5):
    keep_freed_memory()
    seed_everything(0)
    top = {k: peak(getattr(torch, k)) for k in ("float32", "bfloat16")}
    print("  peak of matrix products:", {k: f"{v / 1e9:.0f} Gflop/s" for k, v in top.items()}, flush=True)
    rows = bench_ensemble(repeats, top) + bench_planning(repeats, top) + bench_driving(repeats)
    save("dynamics", rows, peak_gflops={k: round(v / 1e9, 1) for k, v in top.items()})


if __name__ == "__main__":
    main()
