// The official OpenAI client, unmodified, against the server.

import assert from "node:assert/strict";
import { createReadStream, mkdtempSync, writeFileSync } from "node:fs";
import { File } from "node:buffer";
import { tmpdir } from "node:os";
import { after, before, test } from "node:test";
import { startServer, repository, waitUntil } from "../support/server.mjs";

// The client needs this global, which Node 18 lacks.
globalThis.File ??= File;
const { default: OpenAI } = await import("openai");

const key = "a-key-for-the-tests";
const picture = `${repository}tests/data/tiny/t2i_square.png`;
let server, client;

before(async () => {
  const keyFile = `${mkdtempSync(`${tmpdir()}/glm-image-`)}/key`;
  writeFileSync(keyFile, `${key}\n`);
  server = await startServer(["--api-key-file", keyFile]);
  client = new OpenAI({ apiKey: key, baseURL: `${server.url}/v1`, maxRetries: 0 });
});
after(() => server?.stop());

function pngSize(bytes) {
  assert.equal(bytes.toString("latin1", 1, 4), "PNG");
  return `${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`;
}
const decoded = (base64) => Buffer.from(base64, "base64");
const small = { model: "glm-image", prompt: 'A poster: "OPEN"', size: "96x64", steps: 4 };

test("generates pictures", async () => {
  const answer = await client.images.generate({ ...small, n: 2, seed: 7 });
  assert.equal(answer.data.length, 2);
  for (const { b64_json } of answer.data) assert.equal(pngSize(decoded(b64_json)), "96x64");
  assert.notEqual(answer.data[0].b64_json, answer.data[1].b64_json);
  assert.equal(answer.size, "96x64");
  assert.deepEqual(answer.spelled_texts, ["OPEN"]);
  const { usage } = answer;
  assert.equal(usage.total_tokens, usage.input_tokens + usage.output_tokens);
  assert.equal(usage.output_tokens, 2 * (13 * 19 + 6));
});

test("the same seed draws the same picture, in any size and format", async () => {
  const draw = (more) => client.images.generate({ ...small, seed: 7, ...more });
  const [first, second] = [await draw(), await draw()];
  assert.equal(first.data[0].b64_json, second.data[0].b64_json);
  const odd = await draw({ size: "101x45" });
  assert.equal(pngSize(decoded(odd.data[0].b64_json)), "101x45");
  const jpeg = await draw({ output_format: "jpeg", output_compression: 50 });
  assert.deepEqual([...decoded(jpeg.data[0].b64_json).subarray(0, 3)], [0xff, 0xd8, 0xff]);
  assert.equal(jpeg.output_format, "jpeg");
});

test("answers with addresses", async () => {
  const answer = await client.images.generate({ ...small, response_format: "url" });
  const file = await fetch(answer.data[0].url);
  assert.equal(file.headers.get("content-type"), "image/png");
  assert.equal(pngSize(Buffer.from(await file.arrayBuffer())), "96x64");
});

test("edits one and several pictures", async () => {
  const one = await client.images.edit({
    model: "glm-image", image: createReadStream(picture), prompt: "Make it night", steps: 2, size: "64x64",
  });
  assert.equal(pngSize(decoded(one.data[0].b64_json)), "64x64");
  assert.ok(one.usage.input_tokens_details.image_tokens > 0);
  const two = await client.images.edit({
    model: "glm-image", image: [createReadStream(picture), createReadStream(picture)],
    prompt: "Both side by side", steps: 2, size: "64x64",
  });
  assert.equal(
    two.usage.input_tokens_details.image_tokens, 2 * one.usage.input_tokens_details.image_tokens);
});

test("streams early pictures and then the picture", async () => {
  const stream = await client.images.generate({ ...small, stream: true, partial_images: 3 });
  const events = [];
  for await (const event of stream) events.push(event);
  assert.deepEqual(events.map(({ type }) => type), [
    "image_generation.partial_image", "image_generation.partial_image",
    "image_generation.partial_image", "image_generation.completed"]);
  assert.deepEqual(events.slice(0, 3).map((event) => event.partial_image_index), [0, 1, 2]);
  // The first preview shows the preview grid, 13×19 tokens of 32 pixels.
  assert.equal(pngSize(decoded(events[0].b64_json)), "608x416");
  assert.equal(pngSize(decoded(events[3].b64_json)), "96x64");
  assert.ok(events[3].usage.output_tokens > 0);
});

test("streams edits under their own names", async () => {
  const stream = await client.images.edit({
    model: "glm-image", image: createReadStream(picture), prompt: "Night", steps: 4, size: "64x64",
    stream: true, partial_images: 1,
  });
  const types = [];
  for await (const event of stream) types.push(event.type);
  assert.deepEqual(types, ["image_edit.partial_image", "image_edit.completed"]);
});

test("lists the model", async () => {
  const models = await client.models.list();
  assert.equal(models.data.length, 1);
  assert.equal(models.data[0].object, "model");
  const { id } = models.data[0];
  assert.deepEqual(await client.models.retrieve(id), models.data[0]);
  await assert.rejects(client.models.retrieve("gpt-image/2"), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.param, "model");
    assert.equal(error.code, "model_not_found");
    assert.match(error.message, /'gpt-image\/2' does not exist/);
    return true;
  });
});

test("errors are the client's own error classes, with their fields", async () => {
  await assert.rejects(client.images.generate({ ...small, size: "7x7" }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, "size");
    assert.equal(error.code, "invalid_value");
    assert.equal(error.type, "invalid_request_error");
    return true;
  });
  const stranger = new OpenAI({ apiKey: "wrong-key-for-tests", baseURL: `${server.url}/v1`, maxRetries: 0 });
  await assert.rejects(stranger.images.generate(small), OpenAI.AuthenticationError);
  await assert.rejects(
    client.images.edit({ model: "glm-image", image: new File(["no picture"], "a.png", { type: "image/png" }), prompt: "x" }),
    (error) => error.status === 400 && error.param === "image");
});

test("neither prompts nor keys are in the log", async () => {
  // The log has a thread of its own.
  await waitUntil(() => server.log().length > 5);
  const text = JSON.stringify(server.log());
  assert.ok(!text.includes("OPEN") && !text.includes(key));
});
