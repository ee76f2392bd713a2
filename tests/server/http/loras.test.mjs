// Adapters through the API: which there are, and what a request may ask of them.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, before, test } from "node:test";
import { generate, startServer } from "../support/server.mjs";
import { writeLora } from "../support/loras.mjs";
import { pngText } from "../support/png.mjs";

const folder = mkdtempSync(`${tmpdir()}/glm-image-loras-`);
let server;

before(async () => {
  writeLora(`${folder}/style.safetensors`);
  writeFileSync(`${folder}/broken.safetensors`, "x");
  server = await startServer(["--lora-dir", folder]);
});
after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true });
});

async function drawn(fields) {
  const answer = await generate(server, { seed: 1, ...fields });
  const { data, error } = await answer.json();
  return { status: answer.status, error, png: data && Buffer.from(data[0].b64_json, "base64") };
}

const loras = (png) => JSON.parse(pngText(png, "glm-image")).adapters;
/** The compressed pixels, without the texts. */
const pixels = (png) => png.subarray(png.indexOf("IDAT")).toString("base64");

test("GET /v1/loras lists what requests may name", async () => {
  const { data } = await (await fetch(`${server.url}/v1/loras`)).json();
  assert.deepEqual(data.map(({ name, rank, components, default_scale }) => [name, rank, components, default_scale]), [
    ["style", 4, ["transformer"], null],
  ]);
});

test("a request applies the adapters that it names, and its picture remembers them", async () => {
  const base = await drawn({});
  assert.equal(loras(base.png), undefined);
  const full = await drawn({ loras: [{ name: "style" }] });
  const half = await drawn({ loras: [{ name: "style", scale: 0.5 }] });
  assert.deepEqual(loras(full.png), [{ name: "style", scale: 1 }]);
  assert.deepEqual(loras(half.png), [{ name: "style", scale: 0.5 }]);
  const pictures = [base, full, half].map(({ png }) => pixels(png));
  assert.equal(new Set(pictures).size, 3);
  // Nothing stays of an earlier request.
  assert.equal(pixels((await drawn({})).png), pictures[0]);
  assert.equal(pixels((await drawn({ loras: [] })).png), pictures[0]);
});

test("names are those of the list, never paths", async () => {
  for (const name of ["oil", "broken", `${folder}/style`, "../style", "./style", "style.safetensors", ""]) {
    const { status, error } = await drawn({ loras: [{ name }] });
    assert.deepEqual([status, error.param], [400, "loras"], name);
  }
  for (const wrong of ["style", { name: "style" }, [{ name: "style", scale: 11 }], [{ name: "style" }, { name: "style" }]]) {
    const { status, error } = await drawn({ loras: wrong });
    assert.deepEqual([status, error.param], [400, "loras"], JSON.stringify(wrong));
  }
});
