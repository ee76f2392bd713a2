// Invalid bytes and clients that hold connections, with correct clients at the same time.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { deflateSync } from "node:zlib";
import { generate, health, openFiles, repository, startServer, waitUntil } from "../support/server.mjs";
import { connect, exchange, pause } from "../support/sockets.mjs";
import { pngFile } from "../support/png.mjs";
import { measureStalls, upperQuartile } from "../support/stalls.mjs";

let server;
before(async () => (server = await startServer(["--queue", "4"])));
after(() => server?.stop());

/** Seconds that /health takes, without those for which the machine ran others. */
async function healthSeconds() {
  const stalled = measureStalls(server.pid);
  const began = performance.now();
  assert.equal((await health(server)).status, "ok");
  return (performance.now() - began - stalled()) / 1000;
}

/** What /health takes, asked again and again while `condition` holds: all but the slowest quarter take no longer. */
async function usualHealth(condition) {
  const seconds = [await healthSeconds()];
  while (condition()) {
    await pause(50);
    seconds.push(await healthSeconds());
  }
  return upperQuartile(seconds);
}

const post = (fields, body = "") =>
  `POST /v1/spelled_texts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${fields}\r\n\r\n${body}`;
const smuggled = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n";
const prompt = '{"prompt":"a"}';

test("framing that is not RFC 9112's gets one 400, and the connection closes", async () => {
  const length = smuggled.length;
  const fields = [
    `Content-Length : ${length}`, `Content-Length\t: ${length}`, "Content-Length:", `X: y\r\n Content-Length: ${length}`,
    `X: y\nContent-Length: ${length}`, `X: y\rContent-Length: ${length}`, `X: \0\r\nContent-Length: ${length}`,
    `Content-Length: ${length}\r\nContent-Length: ${length}`, `Content-Length: +${length}`, "Content-Length: 0x10",
    `Content-Length: ${length}, ${length}`, `Content-Length: ${length}\r\nTransfer-Encoding: chunked`,
    `Content-Length:\v${length}`, `Content-Length: ${length}\r\r\n`, `X: y\r\n\tContent-Length: ${length}`,
    "Transfer-Encoding: identity", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: xchunked",
    "Transfer-Encoding:\vchunked", `No colon ${length}`, `: ${length}`, `Content-Length: ${length}\r\n${"X:\r\n".repeat(126)}X:`,
  ];
  for (const field of fields) {
    const seen = await exchange(server.port, post(field, smuggled));
    assert.equal(seen.statuses[0], 400, JSON.stringify(field));
    assert.equal(seen.statuses.length, 1, JSON.stringify(field));
    assert.ok(seen.closed, JSON.stringify(field));
  }
});

test("chunks: strict sizes, bounded extensions, dropped trailers", async () => {
  const chunked = "Transfer-Encoding: chunked";
  const size = prompt.length.toString(16);
  for (const text of [`${size}\r\n${prompt}\r\n0\r\n\r\n`, `${size};a=b\r\n${prompt}\r\n000\r\n\r\n`,
    `${size}\r\n${prompt}\r\n0\r\nX: y\r\nExpires: never\r\n\r\n`]) {
    const seen = await exchange(server.port, post(chunked, text + smuggled), { until: (statuses) => statuses === 2 });
    assert.deepEqual(seen.statuses, [200, 200], text);
  }
  for (const text of [`0x${size}\r\n${prompt}`, `+${size}\r\n${prompt}`, ` ${size}\r\n${prompt}`, `${size} \r\n${prompt}`,
    `${size}\n${prompt}`, `-1\r\n${prompt}`, `g\r\n${prompt}`, `\r\n${prompt}`, `1ffffffffffffffff\r\n${prompt}`,
    `${size}\r\n${prompt}xx0\r\n\r\n`, `${size}\r\n${prompt}\r\n0\r\nX: y\n\n`,
    `${size};${"a".repeat(2000)}\r\n${prompt}\r\n0\r\n\r\n`, `${size}\r\n${prompt}\r\n0\r\nX: y\r\n folded\r\n\r\n`,
    `${size}\r\n${prompt}\r\n0\r\nX: y\r\n\tfolded\r\n\r\n`, `${size}\r\n${prompt}\r\n0\r\n folded\r\n\r\n`,
    `${size}\r\n${prompt}\r\n0\r\nX : y\r\n\r\n`, `${size}\r\n${prompt}\r\n0\r\nno colon\r\n\r\n`]) {
    const seen = await exchange(server.port, post(chunked, text + smuggled));
    assert.equal(seen.statuses.length, 1, JSON.stringify(text));
    assert.ok([400, 413].includes(seen.statuses[0]), JSON.stringify(text));
    assert.ok(seen.closed, JSON.stringify(text));
  }
});

test("trailers have exactly as many bytes as a header may have", async () => {
  const { header_bytes } = (await health(server)).limits;
  const size = prompt.length.toString(16);
  const sent = (bytes) => `${size}\r\n${prompt}\r\n0\r\nX: ${"a".repeat(bytes - 7)}\r\n\r\n`;
  const both = { until: (count) => count === 2 };
  const statuses = async (bytes) =>
    (await exchange(server.port, post("Transfer-Encoding: chunked", sent(bytes) + smuggled), both)).statuses;
  assert.deepEqual(await statuses(header_bytes), [200, 200]);
  assert.deepEqual(await statuses(header_bytes + 1), [400]);
});

test("a large body that stops is given up 20 s after its last byte, and releases its memory", async (t) => {
  const bytes = 40 << 20;
  const sockets = await Promise.all(Array.from({ length: 6 }, () => connect(server.port)));
  const closed = sockets.map((socket) => new Promise((resolve) => socket.on("close", resolve)));
  const head = `POST /v1/images/edits HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: ${bytes}\r\n\r\n`;
  for (const socket of sockets) {
    socket.on("error", () => {});
    socket.resume();
    socket.write(head);
    socket.write(Buffer.alloc(bytes - 1, 97));
  }
  const began = performance.now();
  await Promise.all(closed);
  const seconds = (performance.now() - began) / 1000;
  t.diagnostic(`closed after ${seconds.toFixed(1)} s`);
  assert.ok(seconds < 120);
  assert.equal((await generate(server, {})).status, 200);
});

test("5,000 requests in one burst are all answered, in order", async () => {
  const paths = Array.from({ length: 5000 }, (_, i) => (i % 2 ? "/v1/models" : "/nowhere"));
  const burst = paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join("");
  const seen = await exchange(server.port, burst, { until: (statuses) => statuses === 5000 });
  assert.deepEqual(seen.statuses, paths.map((path) => (path === "/nowhere" ? 404 : 200)));
});

test("Host is an authority, without case", async () => {
  const status = async (host) =>
    (await exchange(server.port, `GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).statuses[0];
  for (const host of ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:80", "[::ffff:127.0.0.1]"]) {
    assert.equal(await status(host), 200, host);
  }
  for (const host of ["localhost:80@evil.example", "localhost:x", ":80", "", "[::1", "a b", "localhost:80:80"]) {
    assert.equal(await status(host), 400, host);
  }
  for (const host of ["evil.example", "[::ffff:10.0.0.1]", "localhost.evil.example"]) assert.equal(await status(host), 403, host);
});

test("pages of other sites change nothing, and text/plain is no JSON", async () => {
  const typed = async (path, type) =>
    (await fetch(server.url + path, { method: "POST", body: "{}", headers: { "Content-Type": type } })).status;
  for (const path of ["/v1/spelled_texts", "/v1/warnings", "/v1/images/generations", "/v1/images/edits"]) {
    assert.equal(await typed(path, "text/plain"), 415, path);
  }
  assert.equal(await typed("/v1/warnings", "application/json"), 200);
  const fields = (site) => `Sec-Fetch-Site: ${site}\r\nContent-Length: ${prompt.length}\r\nConnection: close`;
  const status = async (site) => (await exchange(server.port, post(fields(site), prompt))).statuses[0];
  assert.equal(await status("cross-site"), 403);
  assert.equal(await status("same-site"), 403);
  assert.equal(await status("same-origin"), 200);
});

test("HTTP/1.0, HEAD, Expect and half-closed clients", async () => {
  const old = await exchange(server.port, "GET /health HTTP/1.0\r\n\r\n");
  assert.deepEqual([old.statuses, old.closed, /transfer-encoding/i.test(old.answer)], [[200], true, false]);
  const kept = await exchange(server.port, "GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /health HTTP/1.0\r\n\r\n");
  assert.deepEqual(kept.statuses, [200, 200]);
  assert.match(kept.answer, /connection: keep-alive/i);
  const head = await exchange(server.port, "HEAD /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  assert.match(head.answer, /Content-Length: [1-9]/i);
  assert.ok(head.answer.endsWith("\r\n\r\n"));
  const expecting = (value) => post(`Content-Length: ${prompt.length}\r\nExpect: ${value}`);
  assert.deepEqual((await exchange(server.port, expecting("100-continue"), { until: (count) => count === 1 })).statuses, [100]);
  assert.deepEqual((await exchange(server.port, expecting("more"))).statuses, [417]);
  for (const stream of [false, true]) {
    const body = JSON.stringify({ prompt: "A pot", size: "256x256", steps: 30, stream });
    const request = `POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const seen = await exchange(server.port, request, { end: true });
    assert.equal(seen.statuses.at(-1), 200);
    assert.ok(seen.closed || stream);
    assert.match(seen.answer, /b64_json/);
  }
});

test("256 whole heads without a body: a newcomer is served within a second", async () => {
  const sockets = Array.from({ length: 256 }, () => connect(server.port));
  sockets.forEach((socket) => socket.write(post("Content-Length: 100")));
  await pause(500);
  let rounds = 0;
  assert.ok((await usualHealth(() => ++rounds < 10)) < 1);
  assert.equal((await generate(server, {})).status, 200);
  sockets.forEach((socket) => socket.destroy());
});

test("300 clients that are refused, or announce a body to GET, do not keep others out", async (t) => {
  let going = true;
  const requests = [
    "POST /v1/spelled_texts HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 1000\r\n\r\n",
    "GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n",
  ];
  const refused = async (_, i) => {
    while (going) {
      const socket = connect(server.port);
      socket.resume();
      socket.write(requests[i % 2]);
      await Promise.race([new Promise((resolve) => socket.on("close", resolve)), pause(3000)]);
      socket.destroy();
    }
  };
  const clients = Array.from({ length: 300 }, refused);
  await pause(500);
  let rounds = 0;
  const usual = await usualHealth(() => ++rounds < 40);
  t.diagnostic(`/health took ${(usual * 1000).toFixed()} ms`);
  going = false;
  await Promise.all(clients);
  assert.ok(usual < 1, `/health took ${usual} s`);
});

test("250 JSON bodies of 1 MiB at once: bounded memory, given back, and /health meanwhile", async (t) => {
  const own = server.memory();
  const fill = (item, open, close) =>
    open + `${item},`.repeat(Math.floor((1 << 20) / (item.length + 1)) - 8) + item + close;
  const bodies = [fill("0", '{"a":[', "]}"), fill("{}", '{"a":[', "]}"), fill('"a":{}', "{", "}"),
    '{"a":' + "[".repeat((1 << 20) - 20)];
  let worst = 0, going = true;
  const watch = setInterval(() => (worst = Math.max(worst, server.memory())), 50);
  const usual = usualHealth(() => going);
  const statuses = await Promise.all(Array.from({ length: 250 }, async (_, i) => {
    const answer = await fetch(`${server.url}/v1/images/generations`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: bodies[i % bodies.length],
    });
    return answer.status;
  }));
  going = false;
  clearInterval(watch);
  assert.ok((await usual) < 1);
  assert.ok(statuses.every((status) => [400, 429, 503].includes(status)), String([...new Set(statuses)]));
  t.diagnostic(`rest ${(own / 1e6).toFixed()} MB, at most ${(worst / 1e6).toFixed()} MB`);
  assert.ok(worst - own < 420e6);
  await waitUntil(() => server.memory() - own < 100e6);
  assert.equal((await generate(server, {})).status, 200);
});

test("pictures of clients that hang up are not decoded", async (t) => {
  const side = 5700;
  const large = pngFile(side, deflateSync(Buffer.alloc(side * (3 * side + 1))));
  const form = (picture) => {
    const body = new FormData();
    for (const [name, value] of Object.entries({ prompt: "x", steps: "1", size: "64x64", reference_pixels: "4096" })) body.append(name, value);
    body.append("image[]", new Blob([picture]), "a.png");
    return body;
  };
  const edit = (picture, signal) => fetch(`${server.url}/v1/images/edits`, { method: "POST", body: form(picture), signal });
  // What one takes, stalls included, tells what many would.
  const before = performance.now();
  assert.equal((await edit(large)).status, 200);
  const one = (performance.now() - before) / 1000;
  const controllers = Array.from({ length: 40 }, () => new AbortController());
  const gone = controllers.map((controller) => edit(large, controller.signal).then((answer) => answer.text()).catch(() => ""));
  await pause(1500);
  controllers.forEach((controller) => controller.abort());
  const good = readFileSync(`${repository}tests/data/tiny/t2i_square.png`);
  const stalled = measureStalls(server.pid);
  const began = performance.now();
  await waitUntil(async () => (await edit(good)).status === 200);
  const seconds = (performance.now() - began - stalled()) / 1000;
  await Promise.all(gone);
  t.diagnostic(`a good edit waited ${seconds.toFixed(1)} s, one with a large picture ${one.toFixed(1)} s`);
  assert.ok(seconds < Math.max(5, 20 * one));
});

test("few files: the server takes fewer connections, says so, and answers on", async () => {
  const own = await startServer(["--max-connections", "500"], { files: 100 });
  // The log has a thread of its own, which may write after the server listens.
  const notice = () => own.log().find((line) => line.notice)?.notice;
  await waitUntil(notice);
  assert.match(notice(), /at most \d+ connections, not 500: .*100 files/);
  const { connections } = (await health(own)).limits;
  assert.ok(connections >= 8 && connections < 80, String(connections));
  const sockets = Array.from({ length: 150 }, () => connect(own.port));
  await pause(500);
  for (let i = 0; i < 9; ++i) assert.equal((await fetch(`${own.url}/health`)).status, 200);
  assert.equal((await generate(own, {})).status, 200);
  sockets.forEach((socket) => socket.destroy());
  await own.stop();
  await assert.rejects(startServer([], { files: 30 }), /leaves no room for 8 connections/);
});

test("GET /health tells the bounds that hold", async () => {
  const own = await startServer(["--max-connections", "20", "--max-body", "1", "--max-body-memory", "16", "--max-pixels", "65536"]);
  const { limits, defaults } = await health(own);
  assert.deepEqual([limits.connections, limits.body_bytes, limits.body_memory_bytes, defaults.max_pixels], [20, 1 << 20, 16 << 20, 65536]);
  const status = async (bytes) => (await exchange(own.port, bytes, { until: (count) => count === 1 })).statuses[0];
  const head = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: ";
  const longest = limits.header_bytes - head.length - "\r\n\r\n".length;
  assert.equal(await status(`${head}${"a".repeat(longest)}\r\n\r\n`), 200);
  assert.equal(await status(`${head}${"a".repeat(longest + 1)}\r\n\r\n`), 400);
  const edit = (bytes) => `POST /v1/images/edits HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: ${bytes}\r\n\r\n`;
  assert.equal(await status(edit(limits.body_bytes + 1)), 413);
  assert.equal(await status(edit(limits.body_bytes) + "a".repeat(limits.body_bytes)), 400);
  const { max_prompt_bytes: prompt, max_pictures: pictures, max_side: side } = limits;
  assert.equal((await generate(own, { prompt: "a".repeat(prompt + 1) })).status, 400);
  assert.equal((await generate(own, { size: `${side + 16}x16` })).status, 400);
  assert.equal((await generate(own, { size: "512x256" })).status, 400);
  assert.equal((await generate(own, { n: limits.max_count + 1 })).status, 400);
  const form = new FormData();
  form.append("prompt", "x");
  for (let i = 0; i <= pictures; ++i) form.append("image[]", new Blob(["x"]), "a.png");
  assert.equal((await fetch(`${own.url}/v1/images/edits`, { method: "POST", body: form })).status, 400);
  // One more connection than told: the one that is silent for longest gives way.
  const sockets = Array.from({ length: limits.connections }, () => connect(own.port).resume());
  await pause(300);
  assert.equal((await fetch(`${own.url}/health`)).status, 200);
  await waitUntil(() => sockets.some((socket) => socket.readableEnded || socket.destroyed));
  sockets.forEach((socket) => socket.destroy());
  await own.stop();
});

test("a log that nobody reads does not keep SIGTERM waiting", async () => {
  const own = await startServer();
  own.stopReadingTheLog();
  for (let i = 0; i < 30; ++i) {
    await Promise.all(Array.from({ length: 40 }, () => fetch(`${own.url}/nowhere/${"x".repeat(900)}`).then((answer) => answer.text())));
  }
  const { code, seconds } = await own.stop();
  assert.equal(code, 0);
  assert.ok(seconds < 60, `${seconds} s`);
});

test("10,000 idle connections cost little memory and no thread", async (t) => {
  const count = 10_000;
  // On a slow machine it is fewer: after 15 seconds the server closes the first ones.
  const kSeconds = 10;
  // This process and the server need a file for each connection.
  const files = openFiles();
  if (files < count + 200) return t.skip(`a process may open only ${files} files`);
  const own = await startServer(["--max-connections", String(count + 100)]);
  const threads = own.threads();
  const memory = own.memory();
  const sockets = [];
  const began = performance.now();
  // In batches, because the system's accept queue is limited.
  while (sockets.length < count && performance.now() - began < kSeconds * 1000) {
    const some = Array.from({ length: 250 }, () => connect(own.port));
    sockets.push(...some);
    await waitUntil(() => some.every((socket) => !socket.connecting));
  }
  assert.equal((await fetch(`${own.url}/health`)).status, 200);
  const growth = own.memory() - memory, more = own.threads() - threads;
  const open = sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length;
  const seconds = (performance.now() - began) / 1000;
  t.diagnostic(`${open} of ${sockets.length} open, ${(growth / 1e6).toFixed(1)} MB and ${more} threads more`);
  // Some that serve all connections may begin late.
  assert.ok(more < 10, `${more} threads`);
  assert.ok(open > sockets.length * 0.95 || seconds > 14, "the server closed some before the last came");
  assert.ok(growth < 200e6);
  assert.equal((await generate(own, {})).status, 200);
  sockets.forEach((socket) => socket.destroy());
  await own.stop();
  return undefined;
});
