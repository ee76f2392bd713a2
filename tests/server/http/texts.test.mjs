// Texts through the API: read back from nano's pictures, and prompts rewritten by a stub of a chat server.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { generate, repository, startServer } from "../support/server.mjs";
import { pngText } from "../support/png.mjs";

let chat, server, nano;
let said = "";
let questions = [];

before(async () => {
  chat = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    if (request.url === "/v1/models") return response.end(JSON.stringify({ data: [{ id: "stub" }] }));
    questions.push(JSON.parse(body));
    return response.end(JSON.stringify({ choices: [{ message: { role: "assistant", content: said } }] }));
  }).listen(0, "127.0.0.1");
  await once(chat, "listening");
  server = await startServer(["--rewrite", `http://127.0.0.1:${chat.address().port}`]);
  nano = await startServer(["--model", `${repository}models/nano`]);
});
after(async () => {
  await server?.stop();
  await nano?.stop();
  chat?.close();
});

const prompt = 'A dark green poster with a football and the title "OPEN DAY"';
const example = { prompt, seed: 1, size: "256x256", steps: 20 };

test("verify reports each text of each picture, with its box in the answer's pixels", async () => {
  const body = await (await generate(nano, { ...example, size: "240x240", verify: true })).json();
  const [check] = body.data[0].verification;
  assert.deepEqual([check.text, check.state, check.similarity], ["OPEN DAY", "found", 1]);
  const { left, top, width, height } = check.box;
  assert.ok(left >= 0 && top >= 0 && width > 40 && height > 10 && left + width <= 240 && top + height <= 240);
  assert.deepEqual(body.warnings, []);
  const png = Buffer.from(body.data[0].b64_json, "base64");
  assert.deepEqual(JSON.parse(pngText(png, "glm-image")).verification[0].box, check.box);
  const plain = await (await generate(nano, { ...example, steps: 1 })).json();
  assert.equal(plain.data[0].verification, undefined);
});

test("best_of answers with one picture, its report and a warning if no candidate is right", async () => {
  // More letters than nano can draw.
  const fields = { ...example, prompt: 'A yellow poster with the title "Electroencephalographically incomprehensible otorhinolaryngologists"', steps: 1, best_of: 2 };
  const body = await (await generate(nano, fields)).json();
  assert.equal(body.data.length, 1);
  assert.equal(body.candidates, 2);
  assert.ok([1, 2].includes(body.data[0].seed));
  assert.notEqual(body.data[0].verification[0].state, "found");
  assert.ok(body.warnings.some(({ code }) => code === "text_not_right"));
  const events = (await (await generate(nano, { ...fields, stream: true })).text()).split("\n\n");
  const completed = JSON.parse(events.find((event) => event.includes("completed")).split("data: ")[1]);
  assert.deepEqual(completed.verification, body.data[0].verification);
});

test("what cannot be verified is refused with its field", async () => {
  for (const [fields, param] of [
    [{ best_of: 17 }, "best_of"],
    [{ best_of: 2, n: 2 }, "best_of"],
    [{ verify: "yes" }, "verify"],
    [{ verify: true, draft: true }, "verify"],
    [{ rewrite: true }, "rewrite"],
  ]) {
    const answer = await generate(nano, fields);
    const { error } = await answer.json();
    assert.deepEqual([answer.status, error.param], [400, param], error.message);
  }
});

test("a rewritten prompt is drawn and answered as revised_prompt", async () => {
  said = "a wooden sign, “OPEN” in white letters";
  questions = [];
  const body = await (await generate(server, { prompt: 'a sign "OPEN"' })).json();
  assert.equal(body.data[0].revised_prompt, said);
  assert.deepEqual(body.spelled_texts, ["OPEN"]);
  assert.equal(questions.length, 1);
  assert.equal(questions[0].model, "stub");
  const stream = await (await generate(server, { prompt: 'a sign "OPEN"', stream: true })).text();
  assert.equal(JSON.parse(stream.split("data: ").at(-1)).revised_prompt, said);
});

test("a rewritten prompt that loses a text is not used, and a request may forbid rewriting", async () => {
  said = "a wooden sign";
  const refused = await (await generate(server, { prompt: 'a sign "OPEN"' })).json();
  assert.equal(refused.data[0].revised_prompt, undefined);
  assert.equal(refused.warnings.filter(({ code }) => code === "prompt_not_rewritten").length, 1);
  assert.deepEqual(refused.spelled_texts, ["OPEN"]);
  questions = [];
  const plain = await (await generate(server, { prompt: 'a sign "OPEN"', rewrite: false })).json();
  assert.equal(questions.length, 0);
  assert.ok(plain.warnings.every(({ code }) => code !== "prompt_not_rewritten"));
});
