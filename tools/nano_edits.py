"""The last stage of nano: an adapter trained on edits of posters and merged into the weights.

Adapters read pictures to start from, which the other stages do not.
"""

import json
import shutil
import sys
from pathlib import Path

from nano_runs import Failure, hash_of_file, hash_of_json, read_json

NAME = "edits"
PARTS = ("transformer", "generator")
PROBE_STEPS, PROBE_WARM_UP = 6, 1


class Edits:
    def __init__(self, entry, folder, overrides=None):
        self.share = entry["share"]
        self.config = {**read_json(folder / entry["config"]), **(overrides or {})}

    @property
    def steps(self):
        return self.config["steps"]

    def settings(self, steps):
        return hash_of_json({**self.config, "steps": steps})

    def write_pictures(self, program, data, work):
        """Draws the examples. Those that are there are kept."""
        maker = Path(program.path).parent / "make_poster_edits"
        if not maker.exists():
            raise Failure(f"{maker}: does not exist; build the target make_poster_edits")
        program.run([str(data), str(self.pictures(work)), str(self.config["examples"]), str(self.config["side"])],
                    program=str(maker))

    @staticmethod
    def pictures(work):
        return work / "edits-pictures"

    @staticmethod
    def adapter(work):
        return work / NAME / "edits.safetensors"

    def train(self, program, base, work, steps, tick=None, adapter=None, quiet=False):
        adapter = adapter or self.adapter(work)
        adapter.parent.mkdir(parents=True, exist_ok=True)
        arguments = ["train", "lora", "--model", str(base), "--data", str(self.pictures(work)), "-o", str(adapter),
                     "--all-layers", "--size", str(self.config["side"]), "--steps", str(steps)]
        for name, value in self.config["arguments"].items():
            arguments += [f"--{name}", str(value)]
        if program.threads:
            arguments += ["--threads", str(program.threads)]
        program.run(arguments, tick, quiet)

    def probe(self, program, base, work):
        """Seconds per step of both parts together."""
        adapter = work / "edits-probe" / "probe.safetensors"
        shutil.rmtree(adapter.parent, ignore_errors=True)
        print("measuring the speed of edits", file=sys.stderr)
        self.train(program, base, work, PROBE_STEPS, adapter=adapter, quiet=True)
        total = 0
        for part in PARTS:
            lines = (adapter.with_suffix(".run") / part / "metrics.jsonl").read_text().splitlines()
            seconds = [json.loads(line)["seconds_per_step"] for line in lines][PROBE_WARM_UP:]
            total += sum(seconds) / len(seconds)
        shutil.rmtree(adapter.parent)
        return total

    def hashes(self, work):
        return {self.adapter(work).name: hash_of_file(self.adapter(work))}

    def merge(self, program, base, work):
        """Returns the folder of a copy of `base` that edits."""
        merged = work / "merged"
        shutil.rmtree(merged, ignore_errors=True)
        program.run(["merge", "--model", str(base), "--lora", str(self.adapter(work)), "-o", str(merged), "--quiet"])
        return merged
