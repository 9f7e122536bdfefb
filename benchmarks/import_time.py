"""How long `import wmil` takes against `import gymnasium`, each in fresh interpreters, in turn. Run by `make bench`."""

import statistics, subprocess, sys

from timing import save


CODE = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def seconds(module):
    return float(
        subprocess.run([sys.executable, "-c", CODE.format(module)], capture_output=True, text=True, check=True).stdout
    )


def main(repeats=9):
    seconds("gymnasium"), seconds("wmil")  # warm the file cache
    pairs = [(seconds("wmil"), seconds("gymnasium")) for _ in range(repeats)]
    ours, theirs = (statistics.median(x) for x in zip(*pairs))
    row = {
        "what": "import gymnasium's time over import wmil's",
        "ours": round(ours, 3),
        "theirs": round(theirs, 3),
        "unit": "s",
        "ratio": round(statistics.median(b / a for a, b in pairs), 2),
        "goal": 0.5,
    }
    save("import_time", [row])


if __name__ == "__main__":
    main()
