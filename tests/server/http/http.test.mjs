// Requests as clients of many kinds write them: letters in other cases, HTTP/1.0, JSON edits, forms
// with empty fields.

import assert from "node:assert/strict";
import net from "node:net";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { generate, repository, startServer } from "../support/server.mjs";

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
    setTimeout(() => reject(new Error("the connection stays open")), 10000).unref();
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
  // A line that begins with a colon is a comment: the server's sign of life.
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
    // The server may answer, and close, before all of a large body is sent.
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
