// Many clients, misbehaving clients, and clients that disconnect.

import assert from "node:assert/strict";
import net from "node:net";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { deflateSync } from "node:zlib";
import { endless, generate, health, repository, startServer, waitUntil } from "../support/server.mjs";
import { pngFile } from "../support/png.mjs";
import { measureStalls, upperQuartile } from "../support/stalls.mjs";

let server;
before(async () => (server = await startServer(["--queue", "4"])));
after(() => server?.stop());

async function stillServes() {
  const times = [];
  while (times.length < 4) {
    const stalled = measureStalls(server.pid);
    const began = performance.now();
    await health(server);
    times.push((performance.now() - began - stalled()) / 1000);
  }
  assert.ok(upperQuartile(times) < 1, `/health took ${times.join(", ")} s, without those for which the machine ran others`);
  assert.equal((await generate(server, {})).status, 200);
}

function connect() {
  const socket = net.connect(server.port, "127.0.0.1");
  socket.on("error", () => {});
  // Discard the data; otherwise the end of the connection is not reported.
  socket.resume();
  return socket;
}

test("100 requests of 8 clients: each gets a picture or a 429, memory stays", async (t) => {
  const counts = { 200: 0, 429: 0 };
  const run = async (requests) => {
    let next = 0;
    await Promise.all(Array.from({ length: 8 }, async () => {
      while (next++ < requests) {
        const answer = await generate(server, { seed: next });
        counts[answer.status] = (counts[answer.status] ?? 0) + 1;
        const body = await answer.json();
        if (answer.status === 200) assert.ok(body.data[0].b64_json.length > 100);
        if (answer.status === 429) {
          assert.ok(Number(answer.headers.get("retry-after")) >= 1);
          assert.equal(body.error.code, "queue_full");
        }
      }
    }));
  };
  await run(100);
  assert.deepEqual(Object.keys(counts), ["200", "429"]);
  assert.equal(counts[200] + counts[429], 100);
  assert.ok(counts[200] > 4);
  const before = server.memory();
  await run(200);
  const growth = server.memory() - before;
  t.diagnostic(`${JSON.stringify(counts)}, memory grew by ${(growth / 1e6).toFixed(1)} MB over 200 more requests`);
  assert.ok(growth < 30e6);
});

test("50 clients killed in mid-request leave the worker free within a step", async (t) => {
  const slow = { size: "512x512", steps: 100 };
  const whole = performance.now();
  assert.equal((await generate(server, slow)).status, 200);
  const most = Math.max(2000, (performance.now() - whole) / 2);
  const times = [];
  for (let i = 0; i < 50; ++i) {
    const controller = new AbortController();
    const request = generate(server, { ...slow, n: 10, stream: i % 2 === 0 }, { signal: controller.signal })
      .then((answer) => answer.text()).catch(() => "aborted");
    await waitUntil(async () => (await health(server)).queue.running === 1);
    controller.abort();
    const began = performance.now();
    await request;
    await waitUntil(async () => (await health(server)).queue.running === 0);
    times.push(performance.now() - began);
  }
  t.diagnostic(`the slowest took ${Math.max(...times).toFixed(0)} ms`);
  assert.ok(upperQuartile(times) < most, `${upperQuartile(times)} of ${most} ms`);
  await stillServes();
});

test("a waiting client that goes away leaves the queue", async () => {
  const first = new AbortController(), second = new AbortController();
  const requests = [first, second].map((controller) =>
    generate(server, endless, { signal: controller.signal }).catch(() => {}));
  await waitUntil(async () => (await health(server)).queue.waiting === 1);
  second.abort();
  await waitUntil(async () => (await health(server)).queue.waiting === 0);
  assert.equal((await health(server)).queue.running, 1);
  first.abort();
  await Promise.all(requests);
});

/** Sends bytes as they are; the status of the answer, or "" for none. */
async function raw(bytes) {
  const socket = connect();
  let answer = "";
  socket.on("data", (data) => (answer += data.toString("latin1")));
  for (const part of [bytes].flat()) socket.write(part);
  await waitUntil(() => socket.closed || answer.includes("\r\n\r\n"));
  socket.destroy();
  return answer.split(" ")[1] ?? "";
}

const head = (more) => `POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${more}\r\n\r\n`;

test("malformed requests are refused", async () => {
  assert.equal(await raw("nonsense\r\n\r\n"), "400");
  assert.equal(await raw(`GET /${"x".repeat(9000)} HTTP/1.1\r\n\r\n`), "414");
  assert.equal(await raw(`GET /${"x".repeat(2000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`), "414");
  assert.equal(await raw(`GET / HTTP/1.1\r\nHost: localhost\r\n${"A: b\r\n".repeat(10000)}\r\n`), "400");
  assert.equal(await raw(head("Content-Length: -1")), "400");
  assert.equal(await raw(head("Content-Length: 5\r\nContent-Length: 6") + "hello"), "400");
  assert.equal(await raw(head("Content-Length: 5\r\nTransfer-Encoding: chunked") + "hello"), "400");
  assert.equal(await raw(head("Content-Length: 99999999999999999999")), "400");
  assert.equal(await raw(head("Content-Length: 999999999")), "413");
  assert.equal(await raw(head("Content-Length: 3\r\nContent-Encoding: gzip") + "abc"), "415");
  assert.equal(await raw(head("Content-Length: 3") + "{a}"), "400");
  assert.equal(await raw([head("Transfer-Encoding: chunked"), `${(3 << 20).toString(16)}\r\n`, Buffer.alloc(3 << 20, 32), "\r\n0\r\n\r\n"]), "413");
  // A chunk size without a line end; a transfer coding that ends only with the connection.
  assert.equal(await raw([head("Transfer-Encoding: chunked"), `1;${"a".repeat(5 << 20)}`]), "400");
  assert.equal(await raw(head("Transfer-Encoding: gzip, chunked") + "5\r\nhello\r\n0\r\n\r\n"), "400");
  assert.equal(await raw("GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n"), "403");
  assert.equal(await raw("GET /health HTTP/1.1\r\nHost: 127.evil.example\r\nOrigin: http://127.evil.example\r\n\r\n"), "403");
  assert.equal(await raw("GET /health HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n"), "403");
  assert.equal(await raw("GET /health HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n"), "403");
  for (const path of ["/../../etc/passwd", "/v1/images/../../etc/passwd", "/v1/images/%2e%2e%2fetc%2fpasswd", "//etc/passwd"]) {
    assert.equal(await raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`), "404", path);
  }
  await stillServes();
});

async function edit(picture, more = {}) {
  const body = new FormData();
  body.append("prompt", "x");
  body.append("steps", "1");
  body.append("size", "64x64");
  for (const [name, value] of Object.entries(more)) body.append(name, value);
  body.append("image[]", new Blob([picture]), "a.png");
  return (await fetch(`${server.url}/v1/images/edits`, { method: "POST", body })).status;
}

/** A PNG of black pixels whose file is a thousandth of them. */
const bomb = (side) => pngFile(side, deflateSync(Buffer.alloc(1 << 20)));

test("hostile uploads are refused", async () => {
  const picture = readFileSync(`${repository}tests/data/tiny/t2i_square.png`);
  assert.equal(await edit(picture), 200);
  for (const length of [0, 7, 30, picture.length >> 1, picture.length - 1]) {
    assert.equal(await edit(picture.subarray(0, length)), 400, `cut at ${length}`);
  }
  const memory = server.memory();
  for (const side of [6000, 16000, 60000, 2 ** 31 - 1]) assert.equal(await edit(bomb(side)), 400);
  assert.ok(server.memory() - memory < 100e6, "no bomb was unpacked");
  assert.equal(await edit(Buffer.alloc(40 << 20)), 400);
  assert.equal(await edit(Buffer.alloc(51 << 20)).catch(() => 413), 413);
  assert.equal(await edit(picture, { mask: "x" }), 400);
  await stillServes();
});

test("200 sockets that send a header byte by byte, and 150 that do not finish a body", async (t) => {
  const sockets = [];
  for (let i = 0; i < 200; ++i) {
    const socket = connect();
    socket.write("GET / HTTP/1.1\r\nHost: loc");
    sockets.push(socket);
  }
  const slow = sockets.slice();
  const drip = setInterval(() => slow.forEach((socket) => socket.write("a")), 500);
  try {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await stillServes();
    for (let i = 0; i < 150; ++i) {
      const socket = connect();
      socket.write(head("Content-Length: 1000") + "{");
      sockets.push(socket);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    await stillServes();
    const began = performance.now();
    await waitUntil(() => slow.every((socket) => socket.closed));
    t.diagnostic(`the slow ones were all closed ${((performance.now() - began) / 1000).toFixed(1)} s later`);
  } finally {
    clearInterval(drip);
    sockets.forEach((socket) => socket.destroy());
  }
  await stillServes();
});

test("a page of an allowed origin is told what it may send and read", async () => {
  const origin = "https://page.example";
  const own = await startServer(["--cors-origin", origin]);
  const asked = "authorization,content-type,x-stainless-os,x-stainless-retry-count";
  for (const path of ["/v1/images/generations", "/v1/spelled_texts", "/metrics"]) {
    const preflight = await fetch(own.url + path, {
      method: "OPTIONS",
      headers: { Origin: origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": asked },
    });
    assert.equal(preflight.status, 204, path);
    assert.equal(preflight.headers.get("access-control-allow-origin"), origin);
    assert.equal(preflight.headers.get("access-control-allow-headers"), asked);
  }
  const answer = await fetch(`${own.url}/health`, { headers: { Origin: origin } });
  assert.equal(answer.headers.get("access-control-expose-headers"), "Retry-After");
  assert.equal((await fetch(`${own.url}/health`, { headers: { Origin: "https://other.example" } })).status, 403);
  await own.stop();
});

test("two servers do not share a port", async () => {
  await assert.rejects(startServer(["--port", String(server.port)]), /ended with 2.*is taken/s);
});

test("SIGTERM ends in time, however slowly a body trickles in", async () => {
  const own = await startServer();
  const socket = net.connect(own.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write("POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{");
  const trickle = setInterval(() => socket.write(" "), 200);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { code, seconds } = await own.stop();
  clearInterval(trickle);
  socket.destroy();
  assert.equal(code, 0);
  assert.ok(seconds < 60, `it took ${seconds} s`);
});

test("SIGTERM lets the picture at work end, turns the others away, and ends in time", async () => {
  const own = await startServer(["--queue", "4", "--grace", "280"]);
  // Long enough to be at work when the signal comes.
  const atWork = generate(own, { size: "512x512", steps: 100, n: 3 });
  await waitUntil(async () => (await health(own)).queue.running === 1);
  const waiting = generate(own, {});
  await waitUntil(async () => (await health(own)).queue.waiting === 1);
  const stopped = own.stop();
  assert.equal((await waiting).status, 503);
  assert.equal((await atWork).status, 200);
  assert.equal((await stopped).code, 0);

  const hurried = await startServer(["--grace", "0.5"]);
  const cut = generate(hurried, endless);
  await waitUntil(async () => (await health(hurried)).queue.running === 1);
  const end = await hurried.stop();
  assert.equal((await cut).status, 503);
  assert.equal(end.code, 0);
  assert.ok(end.seconds < 60, `${end.seconds} s`);
});
