"""The runs of nano's stages: derived configs, the program that trains them, hashes and the log.

Shared by train_nano, ablate_nano and nano_edits. Only Python's standard library.
"""

import ctypes
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
PLAN = SOURCE / "training" / "nano" / "plan.json"
# Keys that count steps. They keep their ratio to the number of steps.
STEP_KEYS = ("samples_every",)
STAGE_STEP_KEYS = ("codes_until", "quantised_from")
# Keys that name folders. They differ between machines and do not affect the weights.
FOLDER_KEYS = ("run", "data", "model", "start")
LEAST_STEPS = 3
SECONDS_BETWEEN_LOGS = 15
# A probe's first steps allocate memory and choose kernels.
PROBE_STEPS, PROBE_WARM_UP = 40, 3


class Failure(Exception):
    """A sentence for the user; the exit code is 2."""


class Stopped(Exception):
    """The program was stopped by Ctrl-C or SIGTERM and has saved its run."""


def write_atomically(path, text):
    """Writes a file that is never seen half-written, also after a power failure."""
    partial = path.with_name(path.name + ".partial")
    with open(partial, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read_json(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Failure(f"{path}: does not exist") from None
    except ValueError as error:
        raise Failure(f"{path}: is not JSON: {error}") from None


def hash_of_file(path):
    """SHA-256 in hexadecimal."""
    state = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            state.update(block)
    return state.hexdigest()


def hash_of_json(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def hashes_of_weights(folder):
    """SHA-256 of every safetensors file below `folder`, by its path in it."""
    files = sorted(path for path in folder.rglob("*.safetensors") if path.is_file())
    return {path.relative_to(folder).as_posix(): hash_of_file(path) for path in files}


def hash_of_folder(folder):
    """A hash of the names and contents of all files below `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hash_of_json({path.relative_to(folder).as_posix(): hash_of_file(path) for path in files})


def scaled(count, factor):
    return max(1, round(count * factor)) if count > 0 else count


class Stage:
    """A stage of a plan and its committed config. Its name is the config's: "vae_decoder"."""

    def __init__(self, entry, folder):
        self.name = Path(entry["config"]).stem
        self.folder = folder
        self.committed = read_json(folder / entry["config"])
        self.kind = self.committed["stage"]
        self.share = entry.get("share", 0)
        self.exported_as = entry.get("exported_as", self.kind)

    @property
    def has_steps(self):
        return "steps" in self.committed

    def config(self, run, steps=None, overrides=None, stage_overrides=None):
        """The config of a run in the folder `run`, beside those of the other stages.

        `steps` replaces the number of steps; keys that count steps keep their ratio to it. The folder keys become
        absolute. A `start` among the committed runs becomes that of the sibling run.
        """
        config = json.loads(json.dumps(self.committed))
        of_stage = config.setdefault(self.kind, {})
        if steps is not None and self.has_steps:
            factor = steps / config["steps"]
            config["steps"] = steps
            # A longer run needs no longer warm-up.
            config["warmup_steps"] = scaled(config.get("warmup_steps", 100), min(1, factor))
            for key in STEP_KEYS:
                if key in config:
                    config[key] = scaled(config[key], factor)
            for key in STAGE_STEP_KEYS:
                if key in of_stage:
                    of_stage[key] = round(of_stage[key] * factor)
            # Both phases of "vq" need a step.
            if "codes_until" in of_stage:
                of_stage["codes_until"] = min(max(1, of_stage["codes_until"]), steps - 1)
        if self.has_steps:
            config.update(overrides or {})
        of_stage.update(stage_overrides or {})
        committed_runs = (self.folder / config["run"]).resolve().parent
        for key in FOLDER_KEYS:
            if key in config:
                config[key] = str((self.folder / config[key]).resolve())
        if "start" in config and committed_runs in Path(config["start"]).parents:
            config["start"] = str(run.parent / Path(config["start"]).relative_to(committed_runs))
        config["run"] = str(run)
        return config


def load_plan(path=PLAN):
    """Returns the stages in the order of training, and the whole plan."""
    plan = read_json(path)
    stages = [Stage(entry, path.parent) for entry in plan["stages"]]
    shares = sum(stage.share for stage in stages) + plan["edits"]["share"]
    if shares > 1:
        raise Failure(f"{path}: the shares of the stages must sum to at most 1, found {shares:g}")
    return stages, plan


def settings_of(config):
    """A hash of what determines a stage's weights, apart from the data and earlier stages."""
    return hash_of_json({key: value for key, value in config.items() if key not in FOLDER_KEYS})


def die_with_parent():
    """Ends the child if this process is killed; else it would keep the run's lock. Linux only."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    except (OSError, AttributeError):
        pass


def wait_for_lock(run, seconds=120):
    """Waits for the program of a killed parent, which still saves this run."""
    if not (run / ".lock").exists():
        return
    with open(run / ".lock", "a", encoding="utf-8") as file:
        for _ in range(seconds * 10):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(0.1)
    raise Failure(f"{run}: another process is training in this run")


class Program:
    """The program glm-image."""

    def __init__(self, path, threads):
        found = shutil.which(path) or path
        if not os.access(found, os.X_OK):
            raise Failure(f"{path}: is not a program; build it with `cmake --preset release`, or name it with --program")
        self.path = str(Path(found).resolve())
        self.threads = threads

    def version(self):
        output = subprocess.run([self.path, "--version"], capture_output=True, text=True, check=False).stdout
        return output.strip()

    def run(self, arguments, tick=None, quiet=False, program=None):
        """Runs a command, of glm-image or another `program`, to its end. `tick(seconds)` is called every few seconds with the time since the last call.

        Throws Stopped if a signal ended it, Failure if it failed.
        """
        command = [program or self.path, *arguments]
        stopped = []

        def forward(number, _frame):
            stopped.append(number)
            if child.poll() is None:
                child.send_signal(number)

        handlers = {}
        output = subprocess.DEVNULL if quiet else None
        # In a session of its own, the child gets a terminal's Ctrl-C once: from `forward`.
        child = subprocess.Popen(command, preexec_fn=die_with_parent, start_new_session=True, stdout=output,
                                 stderr=output)
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                handlers[number] = signal.signal(number, forward)
            last = time.monotonic()
            while True:
                try:
                    code = child.wait(timeout=SECONDS_BETWEEN_LOGS)
                except subprocess.TimeoutExpired:
                    code = None
                now = time.monotonic()
                if tick:
                    tick(now - last)
                last = now
                if code is not None:
                    break
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        if stopped or code in (128 + signal.SIGINT, 128 + signal.SIGTERM):
            raise Stopped
        if code != 0:
            raise Failure(f"`{' '.join(command)}` failed with exit code {code}")

    def train(self, stage, config, path, tick=None, quiet=False):
        """Trains or resumes a run whose config is written to `path`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        wait_for_lock(Path(config["run"]))
        write_atomically(path, json.dumps(config, indent=2) + "\n")
        arguments = ["train", stage.kind, "--config", str(path)]
        # The stage "vocabulary" computes in one thread.
        if self.threads:
            arguments += ["--threads", str(self.threads)]
        self.run(arguments, tick, quiet)


def seconds_per_step(stage, program, work, of_stage=None):
    """Seconds per step of a stage on this machine, measured in a run of its own. `of_stage`: changed keys."""
    run = work / (stage.name + "-probe")
    shutil.rmtree(run, ignore_errors=True)
    changed = dict(of_stage or {})
    if {**stage.committed.get(stage.kind, {}), **changed}.get("embed_posters", 0) > 0:
        changed["embed_posters"] = 8
    config = stage.config(run, PROBE_STEPS, {"samples_every": 0, "metrics_every": 1}, changed)
    print(f"measuring the speed of {stage.name}", file=sys.stderr)
    program.train(stage, config, work / "configs" / (run.name + ".json"), quiet=True)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    seconds = [line["seconds_per_step"] for line in lines][PROBE_WARM_UP:]
    shutil.rmtree(run)
    return sum(seconds) / len(seconds)


def export_runs(program, runs, output, base=None):
    """Joins runs into a model. `runs`: the folder of each stage's run; `base` gives the other parts."""
    view = output.with_name(output.name + ".runs")
    shutil.rmtree(view, ignore_errors=True)
    view.mkdir(parents=True)
    try:
        for kind, run in runs.items():
            (view / kind).symlink_to(run.resolve())
        program.run(["export", "--run", str(view), "-o", str(output), *(["--base", str(base)] if base else [])])
    finally:
        shutil.rmtree(view, ignore_errors=True)


def processor_name():
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "unknown"


def commit_name():
    """The commit of the sources, with "+" if they have changes; nothing outside a repository."""
    def git(*arguments):
        return subprocess.run(["git", "-C", str(SOURCE), *arguments], capture_output=True, text=True, check=False)

    try:
        head = git("rev-parse", "HEAD")
        if head.returncode != 0:
            return None
        return head.stdout.strip() + ("+" if git("status", "--porcelain").stdout.strip() else "")
    except OSError:
        return None


def main_with_errors(name, main):
    """Runs `main` and turns its exceptions into messages and exit codes."""
    def stop(_number, _frame):
        raise Stopped

    signal.signal(signal.SIGTERM, stop)
    try:
        main()
    except Failure as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(2)
    except (Stopped, KeyboardInterrupt):
        print(f"{name}: stopped; the same command continues from here", file=sys.stderr)
        sys.exit(130)
