"""tools/train_nano from nothing to a model, with a few steps per stage. A run that is killed and resumed writes the same
weights as one that is not.

    python3 chain_test.py PROGRAM WORK_FOLDER
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

PROGRAM, WORK = sys.argv[1], Path(sys.argv[2]).resolve()
TOOL = Path(__file__).resolve().parents[2] / "tools" / "train_nano"
# Where this machine stands still, a run may end before its signal comes; it is tried again then.
ATTEMPTS = 5
STAGES = ["vocabulary", "vae", "vae_decoder", "vq", "transformer", "generator", "edits"]


def command(name, *more):
    return [sys.executable, str(TOOL), "--program", PROGRAM, "--threads", "1", "--work", str(WORK / name / "runs"),
            "--output", str(WORK / name / "model"), *(more or ["--quick"])]


def run(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


def steps_taken(name, stage):
    """The steps that are in the curve of a stage's run, which has each of them."""
    metrics = WORK / name / "runs" / stage / "metrics.jsonl"
    return metrics.read_bytes().count(b"\n") if metrics.exists() else 0


def log_of(name):
    return json.loads((WORK / name / "model" / "training_log.json").read_text())


class Chain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(WORK, ignore_errors=True)
        whole = run(*command("whole"))
        assert whole.returncode == 0, whole.stderr

    def kill_midway(self, name):
        """Kills a run midway in the transformer's stage. Returns whether the kill was in time."""
        steps = steps_taken("whole", "transformer")
        self.assertGreater(steps // 2, 1)
        process = subprocess.Popen(command(name), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 900
        while steps_taken(name, "transformer") < steps // 2 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
        process.wait()
        return 1 < steps_taken(name, "transformer") < steps

    def test_a_killed_run_is_resumed_and_writes_the_same_weights(self):
        name = next((f"killed{i}" for i in range(ATTEMPTS) if self.kill_midway(f"killed{i}")), None)
        self.assertIsNotNone(name, "the stage ended before it could be killed")
        self.assertFalse((WORK / name / "model").exists())
        resumed = run(*command(name))
        self.assertEqual(resumed.returncode, 0, resumed.stderr)
        self.assertIn("vq: done", resumed.stderr)
        whole, killed = log_of("whole"), log_of(name)
        self.assertEqual(list(killed["stages"]), STAGES)
        self.assertEqual(killed["stages"]["transformer"]["sessions"], 2)
        for stage in STAGES:
            self.assertEqual(killed["stages"][stage]["weights"], whole["stages"][stage]["weights"], stage)
        self.assertEqual(killed["model"], whole["model"])

    def test_the_log_has_steps_time_and_hashes_of_each_stage(self):
        log = log_of("whole")
        for stage in STAGES:
            entry = log["stages"][stage]
            self.assertGreater(entry["seconds"], 0, stage)
            if stage == "vocabulary":
                continue  # it writes no weights
            self.assertGreaterEqual(entry["steps"], 3, stage)
            self.assertTrue(entry["weights"], stage)
        self.assertIn("code_teacher/model.safetensors", log["model"])
        table = (WORK / "whole" / "model" / "training_log.md").read_text()
        self.assertIn(f"| `transformer` | {log['stages']['transformer']['steps']} |", table)

    def test_the_model_draws(self):
        picture = WORK / "picture.png"
        result = run(PROGRAM, "generate", "--model", str(WORK / "whole" / "model"), "-p", "Une affiche « OK »",
                     "--size", "96x64", "--steps", "2", "--seed", "1", "-o", str(picture))
        self.assertEqual(result.returncode, 0, result.stderr)
        data = picture.read_bytes()
        self.assertEqual([int.from_bytes(data[at:at + 4], "big") for at in (16, 20)], [96, 64])

    def test_the_exported_vae_has_the_retrained_decoder(self):
        log = log_of("whole")
        retrained = log["stages"]["vae_decoder"]["weights"]["vae/diffusion_pytorch_model.safetensors"]
        self.assertEqual(log["model"]["vae/diffusion_pytorch_model.safetensors"], retrained)
        self.assertNotEqual(log["stages"]["vae"]["weights"]["vae/diffusion_pytorch_model.safetensors"], retrained)

    def test_check_finds_a_changed_file(self):
        copy = WORK / "copy"
        shutil.copytree(WORK / "whole" / "model", copy)
        checked = run(sys.executable, str(TOOL), "--check", str(copy))
        self.assertEqual(checked.returncode, 0, checked.stderr)
        weights = copy / "vae" / "diffusion_pytorch_model.safetensors"
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(data)
        changed = run(sys.executable, str(TOOL), "--check", str(copy))
        self.assertEqual(changed.returncode, 2)
        self.assertIn("vae/diffusion_pytorch_model.safetensors", changed.stderr)

    def test_other_settings_need_another_folder(self):
        other = run(*command("whole", "--scale", "0.001"))
        self.assertEqual(other.returncode, 2)
        self.assertIn("--work", other.stderr)

    def test_sigterm_stops_the_program_too(self):
        for i in range(ATTEMPTS):
            name = f"stopped{i}"
            process = subprocess.Popen(command(name), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            metrics = WORK / name / "runs" / "vae" / "metrics.jsonl"
            deadline = time.monotonic() + 900
            while not metrics.exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            os.kill(process.pid, signal.SIGTERM)
            _, err = process.communicate(timeout=600)
            if process.returncode != 0:
                break
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("the same command continues", err)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
