"""GLM-Image nodes for ComfyUI, which talk to a running `glm-image serve`.

Copy this file into ComfyUI's folder custom_nodes and restart ComfyUI. The nodes are in the category "GLM-Image". They
need nothing but Python's standard library and what ComfyUI has: PyTorch, NumPy and Pillow.
"""

import base64
import io
import json
import os
import urllib.error
import urllib.parse
import urllib.request

# ComfyUI has these; the functions that build and read requests do without them.
try:
    import numpy
    import torch
    from PIL import Image
except ImportError:
    numpy = torch = Image = None

SERVER = os.environ.get("GLM_IMAGE_SERVER", "http://127.0.0.1:8080")
MAX_SEED = 2**64 - 1


def fields_of(prompt, size, seed, speed, steps, guidance, count, verify, best_of, loras):
    """Returns the fields of a request. 0 steps and a guidance of 0 are the model's own."""
    fields = {"prompt": prompt, "seed": seed, "speed": speed, "output_format": "png"}
    if size:
        fields["size"] = size
    if steps > 0:
        fields["steps"] = steps
    if guidance > 0:
        fields["guidance"] = guidance
    if best_of > 1:
        fields["best_of"] = best_of
    else:
        fields["n"] = count
    if verify or best_of > 1:
        fields["verify"] = True
    if loras.strip():
        fields["loras"] = parse_loras(loras)
    return fields


def parse_loras(text):
    """"style:0.8, ink" → [{"name": "style", "scale": 0.8}, {"name": "ink"}]"""
    loras = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, colon, scale = part.rpartition(":")
        loras.append({"name": name, "scale": float(scale)} if colon else {"name": part})
    return loras


def data_url(png):
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def send(server, path, fields, api_key="", timeout=3600):
    """Posts the fields as JSON and returns the answer. Raises RuntimeError with the server's message."""
    if urllib.parse.urlsplit(server).scheme not in ("http", "https"):
        raise RuntimeError(f"the address of the server must begin with http:// or https://; found {server!r}")
    headers = {"Content-Type": "application/json"}
    if api_key:
        headers["Authorization"] = "Bearer " + api_key
    body = json.dumps(fields).encode("utf-8")
    request = urllib.request.Request(server.rstrip("/") + path, data=body, headers=headers)
    # A proxy of the environment does not reach this machine's servers.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        try:
            message = json.load(error)["error"]["message"]
        except (ValueError, KeyError, TypeError):
            message = f"status {error.code}"
        raise RuntimeError(f"GLM-Image server: {message}") from None
    except urllib.error.URLError as error:
        raise RuntimeError(
            f"GLM-Image server: {server} cannot be reached ({error.reason}); start it with `glm-image serve`"
        ) from None


def pngs_of(answer):
    return [base64.b64decode(picture["b64_json"]) for picture in answer["data"]]


def report_of(answer):
    """What the server says about texts, seeds and the prompt, as lines."""
    lines = []
    for number, picture in enumerate(answer["data"], start=1):
        lines.append(f"picture {number}: seed {picture['seed']}")
        if picture.get("revised_prompt"):
            lines.append(f"  prompt: {picture['revised_prompt']}")
        for check in picture.get("verification", []):
            line = f"  {check['state']} \"{check['text']}\""
            if check["state"] == "similar":
                line += f": read \"{check['read']}\" ({check['similarity']:.2f})"
            lines.append(line)
    lines += [f"warning: {warning['message']}" for warning in answer.get("warnings", [])]
    return "\n".join(lines)


def to_tensor(pngs):
    """PNG files → [B, H, W, 3], float32 from 0 to 1, as ComfyUI's IMAGE."""
    pictures = [numpy.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=numpy.float32) / 255 for png in pngs]
    return torch.from_numpy(numpy.stack(pictures))


def to_pngs(images):
    """ComfyUI's IMAGE → PNG files."""
    pngs = []
    for image in images:
        pixels = (255 * image.cpu().numpy()).round().clip(0, 255).astype(numpy.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels[..., :3]).save(file, format="PNG")
        pngs.append(file.getvalue())
    return pngs


SETTINGS = {
    "seed": ("INT", {"default": 0, "min": 0, "max": MAX_SEED, "control_after_generate": True}),
    "speed": (["exact", "balanced", "fast"],),
    "steps": ("INT", {"default": 0, "min": 0, "max": 1000, "tooltip": "0: those of the speed"}),
    "guidance": ("FLOAT", {"default": 0.0, "min": 0.0, "max": 100.0, "step": 0.1, "tooltip": "0: the model's own"}),
    "count": ("INT", {"default": 1, "min": 1, "max": 10}),
    "verify": ("BOOLEAN", {"default": False, "tooltip": "read the quoted texts back and report which are right"}),
    "best_of": ("INT", {"default": 1, "min": 1, "max": 16, "tooltip": "attempts until all texts are right"}),
}
CONNECTION = {
    "loras": ("STRING", {"default": "", "tooltip": "name:scale, name:scale"}),
    "server": ("STRING", {"default": SERVER}),
    "api_key": ("STRING", {"default": ""}),
}
PROMPT = ("STRING", {"multiline": True, "default": 'A poster with the title "OPEN DAY"'})


class GlmImageGenerate:
    """Draws pictures from a prompt."""

    CATEGORY = "GLM-Image"
    FUNCTION = "draw"
    RETURN_TYPES = ("IMAGE", "STRING")
    RETURN_NAMES = ("images", "report")

    @classmethod
    def INPUT_TYPES(cls):
        side = {"default": 1024, "min": 32, "max": 4096, "step": 32}
        sides = {"width": ("INT", side), "height": ("INT", side)}
        return {"required": {"prompt": PROMPT, **sides, **SETTINGS}, "optional": CONNECTION}

    def draw(
        self, prompt, width, height, seed, speed, steps, guidance, count, verify, best_of,
        loras="", server=SERVER, api_key="",
    ):
        fields = fields_of(
            prompt, f"{width}x{height}", seed, speed, steps, guidance, count, verify, best_of, loras
        )
        answer = send(server, "/v1/images/generations", fields, api_key)
        return to_tensor(pngs_of(answer)), report_of(answer)


class GlmImageEdit:
    """Draws pictures from a prompt and from other pictures, whose batch is the list of pictures to start from."""

    CATEGORY = "GLM-Image"
    FUNCTION = "draw"
    RETURN_TYPES = ("IMAGE", "STRING")
    RETURN_NAMES = ("images", "report")

    @classmethod
    def INPUT_TYPES(cls):
        prompt = ("STRING", {"multiline": True, "default": "Make it night"})
        required = {"images": ("IMAGE",), "prompt": prompt, **SETTINGS}
        return {"required": required, "optional": CONNECTION}

    def draw(
        self, images, prompt, seed, speed, steps, guidance, count, verify, best_of,
        loras="", server=SERVER, api_key="",
    ):
        fields = fields_of(prompt, "auto", seed, speed, steps, guidance, count, verify, best_of, loras)
        fields["images"] = [{"image_url": data_url(png)} for png in to_pngs(images)]
        answer = send(server, "/v1/images/edits", fields, api_key)
        return to_tensor(pngs_of(answer)), report_of(answer)


NODE_CLASS_MAPPINGS = {"GlmImageGenerate": GlmImageGenerate, "GlmImageEdit": GlmImageEdit}
NODE_DISPLAY_NAME_MAPPINGS = {"GlmImageGenerate": "GLM-Image", "GlmImageEdit": "GLM-Image Edit"}
