// HTTPS, and clients that misuse TLS, with correct clients at the same time.

import assert from "node:assert/strict";
import https from "node:https";
import tls from "node:tls";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { repository, startServer, waitUntil } from "../support/server.mjs";
import { connect, exchange, pause } from "../support/sockets.mjs";
import { upperQuartile } from "../support/stalls.mjs";

const tlsFiles = (name) => `${repository}tests/server/data/test_${name}.pem`;
const tlsOptions = ["--tls-cert", tlsFiles("certificate"), "--tls-key", tlsFiles("key")];

/** POST /v1/images/generations over TLS: {status, body}. */
function httpsPost(port, certificate, fields) {
  const body = JSON.stringify(fields);
  return new Promise((resolve, reject) => {
    const request = https.request({
      host: "localhost", port, ca: certificate, method: "POST", path: "/v1/images/generations", family: 4,
      headers: { "Content-Type": "application/json", "Content-Length": body.length },
    }, (answer) => {
      let text = "";
      answer.on("data", (data) => (text += data));
      answer.on("end", () => resolve({ status: answer.statusCode, body: text }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

test("HTTPS with a certificate, and nothing else on its port", async () => {
  const own = await startServer(tlsOptions);
  const answer = await httpsPost(own.port, readFileSync(tlsFiles("certificate")),
    { prompt: "A pot", size: "64x64", steps: 2, response_format: "url" });
  assert.equal(answer.status, 200);
  assert.match(JSON.parse(answer.body).data[0].url, new RegExp(`^https://localhost:${own.port}/v1/images/`));
  const plain = await exchange(own.port, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assert.ok(plain.closed && plain.statuses.length === 0);
  await own.stop();
  await assert.rejects(startServer(tlsOptions.slice(0, 2)), /--tls-key/);
  await assert.rejects(startServer(["--tls-cert", tlsFiles("key"), "--tls-key", tlsFiles("key")]), /test_key\.pem/);
});

/** A TLS connection: resolves when the handshake is done, to the socket. */
function tlsConnect(port) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ port, host: "127.0.0.1", servername: "localhost", ca: readFileSync(tlsFiles("certificate")) }, () => resolve(socket));
    socket.on("error", reject);
  });
}

test("handshakes that stall are closed in time and keep nobody out", async (t) => {
  const own = await startServer([...tlsOptions, "--max-connections", "100"]);
  const certificate = readFileSync(tlsFiles("certificate"));
  const timed = async () => {
    const began = performance.now();
    assert.equal((await httpsPost(own.port, certificate, { prompt: "A pot", size: "64x64", steps: 1 })).status, 200);
    return (performance.now() - began) / 1000;
  };
  await timed();
  // Silent clients, the start of a handshake, its bytes one at a time, and bytes that are not a handshake.
  const beginnings = ["", "\x16\x03\x01\x02\x00\x01\x00", "\x16", "\x16\x03\x01"];
  const sockets = Array.from({ length: 80 }, (_, i) => {
    const socket = connect(own.port);
    socket.resume();
    socket.write(Buffer.from(beginnings[i % beginnings.length], "latin1"));
    return socket;
  });
  const drip = setInterval(() => sockets.filter((socket, i) => i % 4 === 1 && !socket.destroyed).forEach((socket) => socket.write("\0")), 500);
  const began = performance.now();
  const times = [];
  for (let i = 0; i < 5; ++i) times.push(await timed());
  // More clients than the server accepts: it drops those that stall.
  const more = Array.from({ length: 150 }, () => connect(own.port));
  await pause(300);
  for (let i = 0; i < 5; ++i) times.push(await timed());
  await waitUntil(() => sockets.every((socket) => socket.closed || socket.destroyed));
  clearInterval(drip);
  const seconds = (performance.now() - began) / 1000;
  t.diagnostic(`closed after ${seconds.toFixed(1)} s; good requests took ${times.map((time) => time.toFixed(2)).join(", ")} s`);
  assert.ok(seconds < 60);
  assert.ok(upperQuartile(times) < 2);
  [...sockets, ...more].forEach((socket) => socket.destroy());
  await own.stop();
});

test("a flood of handshakes and clients that read nothing leave others their turn", async (t) => {
  const own = await startServer(tlsOptions);
  const stalled = await tlsConnect(own.port);
  stalled.on("error", () => {});
  stalled.pause();
  // Responses of megabytes that this client never reads.
  for (let i = 0; i < 400; ++i) stalled.write("GET /words.js HTTP/1.1\r\nHost: localhost\r\n\r\n");
  let going = true, handshakes = 0;
  const flood = Array.from({ length: 20 }, async () => {
    while (going) {
      const socket = await tlsConnect(own.port).catch(() => null);
      ++handshakes;
      socket?.on("error", () => {});
      socket?.destroy();
    }
  });
  const certificate = readFileSync(tlsFiles("certificate"));
  const times = [];
  // Until there was a flood.
  while (times.length < 8 || (handshakes <= 50 && times.length < 500)) {
    const began = performance.now();
    assert.equal((await httpsPost(own.port, certificate, { prompt: "A pot", size: "64x64", steps: 1 })).status, 200);
    times.push((performance.now() - began) / 1000);
  }
  going = false;
  await Promise.all(flood);
  t.diagnostic(`${handshakes} handshakes, the slowest good request took ${Math.max(...times).toFixed(2)} s`);
  assert.ok(handshakes > 50);
  assert.ok(upperQuartile(times) < 4);
  stalled.destroy();
  const { code, seconds } = await own.stop();
  assert.equal(code, 0);
  assert.ok(seconds < 60);
});

test("TLS clients that renegotiate or cut a body are closed, and its memory comes back", async () => {
  const own = await startServer([...tlsOptions, "--max-body-memory", "50"]);
  const certificate = readFileSync(tlsFiles("certificate"));
  const draw = () => httpsPost(own.port, certificate, { prompt: "A pot", size: "64x64", steps: 1 });
  const old = await new Promise((resolve, reject) => {
    const socket = tls.connect({ port: own.port, host: "127.0.0.1", servername: "localhost", ca: certificate, maxVersion: "TLSv1.2" },
      () => resolve(socket));
    socket.on("error", reject);
  });
  old.removeAllListeners("error");
  const refused = await new Promise((resolve) => {
    old.on("error", resolve);
    old.on("close", () => resolve("closed"));
    old.renegotiate({}, (error) => resolve(error ?? "renegotiated"));
    setTimeout(() => resolve("ignored"), 3000);
  });
  assert.notEqual(refused, "renegotiated");
  old.destroy();
  // Bodies of 30 MB, one at a time in the memory of 50 MB, that end without TLS's own end.
  const bytes = 30 << 20;
  const cut = () => own.log().filter(({ path }) => path === "/v1/images/edits");
  for (let i = 1; i <= 3; ++i) {
    const secure = await tlsConnect(own.port);
    secure.removeAllListeners("error");
    secure.on("error", () => {});
    secure.resume();
    secure.write(`POST /v1/images/edits HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: ${bytes}\r\n\r\n`);
    await new Promise((resolve) => secure.write(Buffer.alloc(bytes - 1, 97), resolve));
    secure.destroy();
    await waitUntil(() => cut().length === i);
  }
  assert.deepEqual(cut().map(({ status }) => status), [408, 408, 408]);
  assert.equal((await draw()).status, 200);
  await own.stop();
});
