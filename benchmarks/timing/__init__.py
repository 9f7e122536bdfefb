"What the benchmarks share: sides that take turns, medians of the rounds' ratios, the machine's peak."

import json, statistics, time

import torch
from wmil.core import output_root
from wmil.results import provenance
from wmil.storage import atomic_write


def save(name, rows, **more):
    "Write a benchmark's rows below runs/bench; `make bench WRITE=1` copies them into results/bench."
    record = {"name": name, "provenance": provenance(**more), "rows": rows}
    atomic_write(output_root() / "runs/bench" / f"{name}.json", json.dumps(record, indent=1))


def row(what, ours, theirs, unit, goal=None, **more):
    "Medians of both sides and of the rounds' ratios."
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    return {
        "what": what,
        "ours": round(statistics.median(ours), 3),
        "theirs": round(statistics.median(theirs), 3),
        "unit": unit,
        "ratio": round(ratio, 2),
        "goal": goal,
        **({"met": ratio >= goal} if goal else {}),
        **more,
    }


def per_second(f, seconds=0.6):
    "Calls per second."
    f()
    n, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        f()
        n += 1
    return n / spent


def alternate(sides, repeats):
    "name -> calls per second in each round, the sides taking turns; each with the number of threads that is faster for it."
    threads = {}
    for k, f in sides.items():
        rate = {}
        for t in (1, 2):
            torch.set_num_threads(t)
            rate[t] = per_second(f, 0.3)
        threads[k] = max(rate, key=rate.get)
    rates = {k: [] for k in sides}
    for _ in range(repeats):
        for k, f in sides.items():
            torch.set_num_threads(threads[k])
            rates[k].append(per_second(f))
    return rates, threads


def peak(dtype, n=2048):
    "Operations per second of a large matrix product, with all threads."
    torch.set_num_threads(2)
    a = torch.randn(n, n).to(dtype)
    return 2 * n**3 * max(per_second(lambda: a @ a, 0.3) for _ in range(3))
