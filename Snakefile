# The notebooks as a graph. `make figures` runs it; nbs/905_dev.graph.ipynb reads the graph out of the notebooks' code.
# One rule per notebook. Its "stamp" is a small file that changes when the notebook's code, its parameters or a module
# it imports change; saved outputs of a notebook do not count.
import os
import sys
from wmil.dev.graph import graph, write_stamps

if config.get("output"): os.environ["WMIL_OUTPUT"] = config["output"]
jobs = graph(preset=config.get("preset", "quick"), only=config.get("only", ""), values=config.get("values", ""), rerun=config.get("rerun", False))
write_stamps(jobs)
# Results and figures of the paper are committed: a run that fails leaves the old ones in place.
kept = update if config.get("preset") == "paper" else (lambda files: files)

# Started first, so that no core waits for them at the end.
longest = [
    "games_levels",
    "dynamics_driving",
    "interaction_parents",
    "control_cartpole",
    "control_memory",
    "interaction_tasks",
    "interaction_world_model",
    "control_racing",
    "dynamics_planning",
    "control_changing",
    "games_tokenizer",
    "games_world_model",
]

rule all:
    default_target: True
    input: [str(made) for job in jobs for made in job.makes]

for job in jobs:
    rule:
        name: job.name
        input: stamp=str(job.stamp), data=[str(f) for f in job.reads]
        output: kept([str(f) for f in job.makes])
        log: notebook=str(job.executed), text=str(job.log)
        params: python=sys.executable, seconds=config.get("seconds") or 0
        threads: job.threads
        priority: len(longest) - longest.index(job.name) if job.name in longest else 0
        resources: mem_mb=4000, runtime=job.minutes
        shell: "{params.python:q} -m wmil.dev.batch {input.stamp:q} {params.seconds} > {log.text:q} 2>&1"
