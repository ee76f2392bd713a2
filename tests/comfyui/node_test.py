"""The ComfyUI nodes against a real server. Where NumPy, PyTorch or Pillow is missing, stubs stand for them: a stub
"tensor" is a list of PNG files, so that requests and answers are those of the nodes.

    python3 node_test.py PROGRAM MODEL NODE_FILE
"""

import importlib.util
import re
import subprocess
import sys
import unittest
import zlib

PROGRAM, MODEL, NODE_FILE = sys.argv[1:4]


def load_node():
    spec = importlib.util.spec_from_file_location("glm_image_node", NODE_FILE)
    node = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(node)
    return node


node = load_node()
HAS_LIBRARIES = None not in (node.numpy, node.torch, node.Image)
if not HAS_LIBRARIES:
    node.to_tensor = list
    node.to_pngs = list


def png(side):
    """A grey PNG."""
    def chunk(name, data):
        body = name + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    rows = (b"\x00" + b"\x80" * 3 * side) * side
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def size_of(images, index=0):
    """(width, height) of a picture of the node's output."""
    if HAS_LIBRARIES:
        return images.shape[2], images.shape[1]
    data = images[index]
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


SETTINGS = dict(seed=1, speed="exact", steps=0, guidance=0.0, count=1, verify=False, best_of=1)


class NodeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.process = subprocess.Popen(
            [PROGRAM, "serve", "--port", "0", "--model", MODEL], stdout=subprocess.PIPE, text=True
        )
        line = cls.process.stdout.readline()
        cls.server = re.search(r"http://\S+", line).group()

    @classmethod
    def tearDownClass(cls):
        cls.process.terminate()
        cls.process.wait()
        cls.process.stdout.close()

    def generate(self, prompt, width=256, height=256, **changes):
        settings = {**SETTINGS, **changes}
        return node.GlmImageGenerate().draw(prompt, width, height, server=self.server, **settings)

    def test_a_prompt_gives_pictures_and_a_report(self):
        prompt = 'A dark green poster with a football and the title "OPEN DAY"'
        images, report = self.generate(prompt, verify=True)
        self.assertEqual(len(images), 1)
        self.assertEqual(size_of(images), (256, 256))
        self.assertIn("picture 1: seed 1", report)
        self.assertIn('found "OPEN DAY"', report)

    def test_count_gives_a_batch(self):
        images, report = self.generate("A pot", 320, 192, count=2, steps=1)
        self.assertEqual(len(images), 2)
        self.assertEqual(size_of(images), (320, 192))
        self.assertIn("picture 2: seed 2", report)

    def test_best_of_gives_one_picture(self):
        images, report = self.generate('A sign "OPEN"', steps=1, best_of=2, count=3)
        self.assertEqual(len(images), 1)
        self.assertIn('"OPEN"', report)

    def test_an_edit_starts_from_pictures(self):
        if HAS_LIBRARIES:
            images = node.torch.full((1, 64, 64, 3), 0.5)
        else:
            images = [png(64)]
        edited, _ = node.GlmImageEdit().draw(images, "Make it night", server=self.server, **{**SETTINGS, "steps": 1})
        self.assertEqual(size_of(edited), (64, 64))

    def test_the_servers_refusals_are_told(self):
        with self.assertRaisesRegex(RuntimeError, "prompt"):
            self.generate("")
        with self.assertRaisesRegex(RuntimeError, "loras|adapter|oil"):
            self.generate("A pot", loras="oil:0.5")
        with self.assertRaisesRegex(RuntimeError, "cannot be reached"):
            node.send("http://127.0.0.1:9", "/v1/images/generations", {})
        with self.assertRaisesRegex(RuntimeError, "http://"):
            node.send("file:///etc", "/passwd", {})

    def test_inputs_are_the_arguments_of_the_nodes(self):
        for name, kind in node.NODE_CLASS_MAPPINGS.items():
            self.assertIn(name, node.NODE_DISPLAY_NAME_MAPPINGS)
            inputs = kind.INPUT_TYPES()
            arguments = getattr(kind, kind.FUNCTION).__code__
            names = arguments.co_varnames[1 : arguments.co_argcount]
            self.assertEqual({*inputs["required"], *inputs["optional"]}, set(names))
            self.assertEqual(len(kind.RETURN_TYPES), len(kind.RETURN_NAMES))

    def test_adapters_are_written_as_on_the_command_line(self):
        self.assertEqual(node.parse_loras("style:0.8, ink"), [{"name": "style", "scale": 0.8}, {"name": "ink"}])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
