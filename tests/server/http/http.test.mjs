// Requests as different clients write them: other letter cases, HTTP/1.0, JSON edits, forms with
// empty fields.

import assert from "node:assert/strict";
import net from "node:net";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, before, test } from "node:test";
import { endedJobs, endless, generate, health, repository, startServer, waitUntil } from "../support/server.mjs";
import { pngText } from "../support/png.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server?.stop());

const picture = readFileSync(`${repository}tests/data/tiny/t2i_square.png`);
const dataUrl = `data:image/png;base64,${picture.toString("base64")}`;
const small = { prompt: "A pot", size: "64x64", steps: 2, seed: 1 };

/** Sends bytes as they are and reads until the server ends the connection: {status, head, body}. */
async function raw(head, body = "", { port = server.port } = {}) {
  const socket = net.connect(port, "127.0.0.1");
  const chunks = [];
  socket.on("data", (data) => chunks.push(data));
  const ended = new Promise((resolve, reject) => {
    socket.on("end", resolve);
    socket.on("error", reject);
    setTimeout(() => reject(new Error("the connection stays open")), 300_000).unref();
  });
  socket.write(head.join("\r\n") + "\r\n\r\n");
  socket.write(body);
  await ended;
  socket.destroy();
  const text = Buffer.concat(chunks).toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  return {
    status: Number(text.split(" ")[1]),
    head: text.slice(0, end).toLowerCase(),
    body: text.slice(end + 4),
  };
}

async function send(body, headers) {
  const answer = await fetch(`${server.url}/v1/images/generations`, {
    method: "POST", headers: { "Content-Type": "application/json", ...headers }, body,
  });
  return { status: answer.status, ...(await answer.json()) };
}

async function edit(fields) {
  const answer = await fetch(`${server.url}/v1/images/edits`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...small, ...fields }),
  });
  return { status: answer.status, ...(await answer.json()) };
}

test("header values are compared as HTTP compares them", async () => {
  const json = JSON.stringify(small);
  for (const headers of [
    { "Content-Type": "Application/Json; charset=UTF-8" },
    { "Content-Type": 'application/json;Charset="utf-8"' },
    { "Content-Encoding": "Identity", Accept: "*/*" },
  ]) {
    assert.equal((await send(json, headers)).status, 200, JSON.stringify(headers));
  }
  for (const [status, headers] of [
    [415, { "Content-Type": "text/plain" }],
    [415, { "Content-Type": "application/json; charset=iso-8859-1" }],
    [415, { "Content-Encoding": "gzip" }],
  ]) {
    assert.equal((await send(json, headers)).status, status, JSON.stringify(headers));
  }
  assert.equal((await fetch(`${server.url}/v1/spelled_texts`, { method: "POST", body: "{}" })).status, 415);
});

test("Expect and Connection have no case", async () => {
  const body = JSON.stringify(small);
  const head = (more) => ["POST /v1/images/generations HTTP/1.1", "Host: LOCALHOST",
    "Content-Type: application/json", `Content-Length: ${body.length}`, "Connection: Close", ...more];
  const continued = await raw(head(["Expect: 100-Continue"]), body);
  assert.equal(continued.status, 100);
  assert.match(continued.body, /^HTTP\/1\.1 200/);
  assert.equal((await raw(head(["Expect: tea"]), body)).status, 417);
  const health = await raw(["GET /health HTTP/1.1", "Host: localhost", "Connection: TE, Close"]);
  assert.equal(health.status, 200);
});

test("HTTP/1.0 gets events without chunks, until the connection ends", async () => {
  const body = JSON.stringify({ ...small, stream: true, partial_images: 1 });
  const answer = await raw(["POST /v1/images/generations HTTP/1.0", "Content-Type: application/json",
    `Content-Length: ${body.length}`], body);
  assert.equal(answer.status, 200);
  assert.ok(!answer.head.includes("transfer-encoding"), answer.head);
  assert.match(answer.head, /\r\nconnection: close/);
  const blocks = answer.body.split("\n\n");
  assert.equal(blocks.pop(), "");
  // A line that starts with a colon is a comment, which the server sends as keep-alive.
  for (const block of blocks.filter((block) => !block.startsWith(":"))) {
    assert.match(block, /^event: [a-z_.]+\ndata: \{/);
    JSON.parse(block.slice(block.indexOf("data: ") + 6));
  }
  assert.match(blocks.at(-1), /^event: image_generation\.completed\n/);
});

test("without Host, addresses in answers are those that the connection came in on", async () => {
  const body = JSON.stringify({ ...small, response_format: "url" });
  const answer = await raw(["POST /v1/images/generations HTTP/1.0", "Content-Type: application/json",
    `Content-Length: ${body.length}`], body);
  const { url } = JSON.parse(answer.body).data[0];
  assert.ok(url.startsWith(`http://127.0.0.1:${server.port}/v1/images/`), url);
  assert.equal((await fetch(url)).headers.get("content-type"), "image/png");
});

test("edits as JSON give the picture that a form gives", async () => {
  const form = new FormData();
  for (const [name, value] of Object.entries(small)) form.append(name, String(value));
  form.append("image[]", new Blob([picture]), "a.png");
  const answer = await fetch(`${server.url}/v1/images/edits`, { method: "POST", body: form });
  const expected = (await answer.json()).data[0].b64_json;
  for (const fields of [
    { images: [{ image_url: dataUrl }] },
    { input_reference: dataUrl },
    { url: [dataUrl] },
    { imageDataUrl: dataUrl },
  ]) {
    const { status, data } = await edit(fields);
    assert.equal(status, 200, Object.keys(fields)[0]);
    assert.equal(data[0].b64_json, expected);
  }
  for (const [status, images] of [
    [400, [{ image_url: "https://example.com/a.png" }]],
    [400, [{ image_url: "data:text/plain;base64,eA==" }]],
    [400, [{ image_url: "data:image/png;base64,!" }]],
    [400, [{ image_url: "data:image/png;base64,eA==" }]],
    [400, Array(17).fill({ image_url: dataUrl })],
    [413, [{ image_url: `data:image/png;base64,${"A".repeat(71 << 20)}` }]],
  ]) {
    // The server may respond and close before it has received a large body.
    const refused = await edit({ images }).catch(() => ({ status: 413 }));
    assert.equal(refused.status, status);
    if (status === 400) assert.equal(refused.error.param, "images");
  }
});

test("fields that are not supported are refused by name, unless they are empty", async () => {
  for (const [name, value] of Object.entries({ mask: dataUrl, image: dataUrl, images: [{ image_url: dataUrl }], negative_prompt: "rain" })) {
    const answer = await generate(server, { [name]: value });
    assert.equal(answer.status, 400);
    assert.equal((await answer.json()).error.param, name);
    for (const empty of [null, "", []]) {
      assert.equal((await generate(server, { [name]: empty })).status, 200);
    }
  }
});

test("the largest seed comes back, and numbers may be written in every way of JSON", async () => {
  const text = (seed) => `{"prompt": "A pot", "size": "64x64", "steps": 2.0, "n": 1e0, "seed": ${seed}}`;
  const draw = async (seed) => {
    const answer = await fetch(`${server.url}/v1/images/generations`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: text(seed),
    });
    return { status: answer.status, text: await answer.text() };
  };
  const largest = await draw("18446744073709551615");
  assert.equal(largest.status, 200);
  assert.match(largest.text, /"seed":18446744073709551615\D/);
  assert.equal((await draw("18446744073709551616")).status, 400);
  assert.match((await draw("1e2")).text, /"seed":100\D/);
});

test("bodies that are not UTF-8 are refused at the first wrong byte", async () => {
  const { status, error } = await send(Buffer.from('{"prompt": "caf\xe9"}', "latin1"));
  assert.equal(status, 400);
  assert.equal(error.message, "the body is not UTF-8, at byte 15");
});

test("a form's file input that was left empty counts as absent", async () => {
  const part = (disposition, content) =>
    Buffer.concat([Buffer.from(`--b\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`), Buffer.from(content), Buffer.from("\r\n")]);
  const body = Buffer.concat([
    part('name="prompt"', "A pot"), part('name="size"', "64x64"), part('name="steps"', "2"),
    part('name="n"', ""), part('name="image"; filename=""', ""), part('name="image"; filename="a.png"', picture),
    part('name="mask"; filename=""', ""), Buffer.from("--b--\r\n")]);
  const answer = await fetch(`${server.url}/v1/images/edits`, {
    method: "POST", headers: { "Content-Type": "Multipart/Form-Data; Boundary=b" }, body,
  });
  assert.equal(answer.status, 200, await answer.text());
});

// The bytes that openai-python sends for
//   client.images.edit(image=[b"…", ("b.png", b"…")], prompt=…, n=1, stream=False, size="64x64",
//                      extra_body={"steps": 2, "verify": False, "guidance_interval": [0, 1], "texts": ["A"]})
test("edits in the form of the Python client are read whole", async () => {
  const boundary = "0123456789abcdef0123456789abcdef";
  const field = (name, value) => [`--${boundary}`, `Content-Disposition: form-data; name="${name}"`, "", value].join("\r\n");
  const file = (name, filename, type) => Buffer.concat([
    Buffer.from([`--${boundary}`, `Content-Disposition: form-data; name="${name}"; filename="${filename}"`,
      `Content-Type: ${type}`, "", ""].join("\r\n")), picture, Buffer.from("\r\n")]);
  const fields = [
    field("prompt", "A pot"), field("n", "1"), field("size", "64x64"), field("stream", "false"), field("seed", "3"),
    field("steps", "2"), field("verify", "false"), field("guidance_interval[]", "0"), field("guidance_interval[]", "0.5"),
    field("texts[]", "A"), field("texts[]", "B")];
  const body = Buffer.concat([
    Buffer.from(`${fields.join("\r\n")}\r\n`), file("image[]", "upload", "application/octet-stream"),
    file("image[]", "b.png", "image/png"), Buffer.from(`--${boundary}--\r\n`)]);
  const answer = await fetch(`${server.url}/v1/images/edits`, {
    method: "POST", body,
    headers: {
      Accept: "application/json", "Content-Type": `multipart/form-data; boundary=${boundary}`,
      "User-Agent": "OpenAI/Python 2.0.0", "X-Stainless-Lang": "python", "x-stainless-read-timeout": "600",
      Authorization: "Bearer none",
    },
  });
  assert.equal(answer.status, 200);
  const { data, spelled_texts, usage } = await answer.json();
  assert.deepEqual(spelled_texts, ["A", "B"]);
  assert.ok(usage.input_tokens_details.image_tokens > 0);
  const recipe = JSON.parse(pngText(Buffer.from(data[0].b64_json, "base64"), "glm-image"));
  assert.deepEqual(recipe.guidance_interval, [0, 0.5]);
  assert.equal(recipe.condition_images, 2);
});

/** The answer of a generation. With `reads` "late" the client reads nothing until the job is done. */
async function readLate(fields, reads) {
  const body = JSON.stringify({ ...small, ...fields });
  const socket = net.connect(server.port, "127.0.0.1");
  const chunks = [];
  const ended = new Promise((resolve, reject) => {
    socket.on("end", resolve);
    socket.on("error", reject);
  });
  socket.on("data", (data) => chunks.push(data));
  if (reads === "late") socket.pause();
  const before = await endedJobs(server);
  socket.write(["POST /v1/images/generations HTTP/1.1", "Host: localhost", "Connection: close",
    "Content-Type: application/json", `Content-Length: ${body.length}`, "", body].join("\r\n"));
  if (reads === "late") {
    await waitUntil(async () => (await endedJobs(server)) > before);
    socket.resume();
  }
  await ended;
  return Buffer.concat(chunks).toString("latin1");
}

test("a client that reads late gets every early picture that was kept", async () => {
  const fields = { size: "512x512", steps: 20, stream: true, partial_images: 8 };
  const partials = (text) => text.match(/event: image_generation\.partial_image/g)?.length ?? 0;
  const prompt = await readLate(fields, "at once");
  assert.equal(partials(prompt), 8);
  assert.ok(prompt.length > 2e6, "larger than the buffers of both systems");
  const late = await readLate(fields, "late");
  assert.equal(partials(late), 8);
  assert.match(late, /event: image_generation\.completed/);
});

const drawn = async (fields) => {
  const answer = await generate(server, { seed: 5, ...fields });
  return { status: answer.status, ...(await answer.json()) };
};
const pngSize = (base64) => {
  const bytes = Buffer.from(base64, "base64");
  return `${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`;
};

test("a draft carries its composition, which a later request completes", async () => {
  const fields = { size: "128x64", steps: 2 };
  const drafts = await drawn({ ...fields, draft: true, n: 2 });
  assert.equal(drafts.status, 200, JSON.stringify(drafts));
  assert.deepEqual(drafts.data.map(({ seed }) => seed), [5, 6]);
  const [first, second] = drafts.data;
  assert.notDeepEqual(first.composition.preview.tokens, second.composition.preview.tokens);
  const { preview, picture: target } = second.composition;
  assert.deepEqual([target.width, target.height, target.tokens.length], [4, 2, 0]);
  assert.equal(preview.tokens.length, preview.width * preview.height);
  assert.equal(pngSize(second.b64_json), `${preview.width * 32}x${preview.height * 32}`);
  assert.equal(drafts.usage.output_tokens, 2 * preview.tokens.length);

  const whole = await drawn({ ...fields, seed: 6, composition: second.composition });
  assert.equal(whole.size, "128x64");
  assert.equal(whole.data[0].composition, undefined);
  assert.equal(whole.usage.output_tokens, 8, "the preview grid is not written again");
  const again = await drawn({ size: undefined, steps: 2, seed: 6, tokens: second.composition });
  assert.equal(again.data[0].b64_json, whole.data[0].b64_json, "tokens is another name, and the size follows from it");
  const other = await drawn({ ...fields, seed: 6, composition: first.composition });
  assert.notEqual(other.data[0].b64_json, whole.data[0].b64_json);
});

test("a draft in a stream, of a size that is resized in the end", async () => {
  const answer = await generate(server, { size: "100x50", draft: true, stream: true, seed: 5 });
  const [event] = (await answer.text()).split("\n\n").filter((block) => block.startsWith("event: image_generation.completed"));
  const data = JSON.parse(event.slice(event.indexOf("data: ") + 6));
  assert.equal(data.size, pngSize(data.b64_json));
  const whole = await drawn({ size: "100x50", composition: data.composition });
  assert.equal(pngSize(whole.data[0].b64_json), "100x50");
});

test("compositions that do not fit are refused by their field", async () => {
  const { data: [{ composition }] } = await drawn({ size: "128x64", draft: true });
  const changed = (change) => {
    const copy = structuredClone(composition);
    change(copy);
    return copy;
  };
  for (const [param, fields] of [
    ["composition", { composition: changed((copy) => copy.preview.tokens.pop()) }],
    ["composition", { composition: changed((copy) => (copy.preview.tokens[0] = 1e7)) }],
    ["composition", { composition: changed((copy) => (copy.picture.width = 1000)) }],
    ["composition", { composition: changed((copy) => delete copy.picture) }],
    ["composition", { composition: { picture: null } }],
    ["composition", { composition: [] }],
    ["composition", { composition, size: "64x64" }],
    ["n", { composition, n: 2 }],
    ["draft", { composition, draft: true }],
    ["speed", { speed: "quick" }],
    ["guidance_interval", { guidance_interval: [1, 0] }],
    ["guidance_every", { guidance_every: 0 }],
  ]) {
    const { status, error } = await drawn({ steps: 1, ...fields });
    assert.deepEqual([status, error?.param], [400, param], JSON.stringify(error));
  }
  const { status, error } = await edit({ images: [{ image_url: dataUrl }], draft: true });
  assert.deepEqual([status, error.param], [400, "draft"]);
});

test("what does not fit the model's context is refused by the field that takes most of it", async () => {
  for (const [param, fields] of [
    ["size", { prompt: "a", size: "2048x2048" }],
    ["prompt", { prompt: "x ".repeat(30000), size: "2048x2048" }],
    ["prompt", { prompt: "海".repeat(32000), size: "64x64" }],
  ]) {
    const { status, error } = await drawn(fields);
    assert.deepEqual([status, error?.param], [400, param], JSON.stringify(error));
    assert.match(error.message, /do not fit the model's context/);
  }
});

test("speed, solver and quality change what the denoising computes", async () => {
  const recipe = async (fields) => {
    const { data } = await drawn({ size: "64x64", steps: undefined, ...fields });
    return JSON.parse(pngText(Buffer.from(data[0].b64_json, "base64"), "glm-image"));
  };
  const { speeds } = (await health(server)).defaults;
  const fast = await recipe({ speed: "fast" });
  assert.equal(fast.steps, speeds.find(({ name }) => name === "fast").steps);
  assert.ok(fast.guidance_every > 1);
  assert.equal((await recipe({ speed: "balanced" })).solver, "multistep");
  const low = await recipe({ quality: "low" });
  assert.deepEqual([low.steps, low.solver, low.guidance_every], [fast.steps, fast.solver, fast.guidance_every]);
  const own = await recipe({ quality: "low", steps: 3, solver: "euler", guidance_interval: [0.5, 1], guidance_every: 1, step_cache: 0.2 });
  assert.deepEqual([own.steps, own.solver, own.guidance_interval, own.guidance_every, own.step_cache], [3, undefined, [0.5, 1], undefined, 0.2]);
});

test("progress tells the seconds left from the first event, also after a restart", async () => {
  const cacheFolder = mkdtempSync(`${tmpdir()}/glm-image-rates-`);
  /** The first three progress events of a request that is then cancelled. */
  const events = async (own) => {
    const controller = new AbortController();
    const fields = { ...endless, size: "256x256", stream: true, progress: true };
    const answer = await generate(own, fields, { signal: controller.signal });
    let text = "", told = [];
    for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
      text += part;
      told = text.split("\n\n").slice(0, -1).filter((block) => block.includes(".progress"));
      if (told.length >= 3) break;
    }
    controller.abort();
    return told.map((block) => JSON.parse(block.slice(block.indexOf("data: ") + 6)));
  };
  try {
    const first = await startServer([], { cacheFolder });
    assert.equal((await generate(first, { size: "256x256", steps: 20 })).status, 200);
    await first.stop();
    const second = await startServer([], { cacheFolder });
    const told = await events(second);
    await second.stop();
    assert.equal(told.length, 3);
    assert.ok(told.every(({ seconds_left }) => typeof seconds_left === "number"), JSON.stringify(told));
  } finally {
    rmSync(cacheFolder, { recursive: true });
  }
});
