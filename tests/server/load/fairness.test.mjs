// Clients that send as much as they can, and newcomers that want one answer.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { generate, health, startServer, waitUntil } from "../support/server.mjs";
import { connect, exchange, pause } from "../support/sockets.mjs";
import { measureStalls, upperQuartile } from "../support/stalls.mjs";

const kSeconds = 12;
/** At a time. */
const kNewcomers = 24;
/** Where all connections are taken, a server that stood still this long cannot tell a quick client from a slow one. */
const kStandstill = 0.3;
const kAttempts = 5;

let server;
before(async () => (server = await startServer(["--queue", "4", "--max-body-memory", "80"])));
after(() => server?.stop());

/**
 * What `ask` returns, as {value, seconds, stalled}: `stalled` is the machine's part of the seconds. Asks again where the
 * value is not `fine` and the machine stood still.
 */
async function askFairly(ask, fine) {
  for (let attempt = 1; ; ++attempt) {
    const stalls = measureStalls(server.pid);
    const began = performance.now();
    const value = await ask();
    const seconds = (performance.now() - began) / 1000, stalled = stalls() / 1000;
    if (fine(value) || stalled < kStandstill || attempt === kAttempts) return { value, seconds, stalled };
  }
}

/** Seconds until a newcomer has its answer, as {seconds, stalled}. */
async function newcomer(line) {
  const fine = (seen) => [200, 204].includes(seen.statuses[0]);
  const bytes = `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
  const seen = await askFairly(() => exchange(server.port, bytes), fine);
  assert.ok(fine(seen.value), `${line}: ${seen.value.answer.slice(0, 100)}`);
  return seen;
}

test("200 connections that send without pause: a newcomer is served within a second", async (t) => {
  const flood = spawn(process.execPath, [fileURLToPath(new URL("../support/flood.mjs", import.meta.url)), String(server.port), "200"],
    { stdio: ["pipe", "ignore", "inherit"] });
  const ended = once(flood, "exit");
  try {
    let worst = { seconds: 0, stalled: 0 }, asked = 0;
    const owns = [];
    // From the first moment: the connections themselves come all at once. So do the newcomers.
    for (const began = performance.now(); performance.now() - began < kSeconds * 1000; asked += kNewcomers) {
      const lines = Array.from({ length: kNewcomers }, (_, i) => (i % 4 === 3 ? "OPTIONS /health" : "GET /health"));
      let own = 0;
      for (const seen of await Promise.all(lines.map(newcomer))) {
        own = Math.max(own, seen.seconds - seen.stalled);
        if (seen.seconds > worst.seconds) worst = seen;
      }
      owns.push(own);
      await pause(20);
    }
    t.diagnostic(`${asked} newcomers, the slowest took ${(worst.seconds * 1000).toFixed()} ms, of which the machine ${
      (worst.stalled * 1000).toFixed()} ms; the server took at most ${(Math.max(...owns) * 1000).toFixed()} ms`);
    assert.ok(flood.exitCode === null, "the flood lasted");
    // The slowest of those that came together. A second where others take half of each processor and nothing counts it.
    assert.ok(upperQuartile(owns) < 0.5, `newcomers waited ${owns.join(", ")} s for the server`);
    assert.equal((await generate(server, {})).status, 200);
  } finally {
    flood.stdin.end();
    await ended;
  }
});

const post = (fields, body) =>
  `POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${fields}\r\n\r\n${body}`;

/** What a hostile client writes at first, and then again and again. */
const hostile = [
  ["", ""],
  ["GET / HTTP/1.1\r\nX: ", "a"],
  [post("Content-Length: 900000", "{"), " "],
  [post("Transfer-Encoding: chunked", ""), "1\r\n \r\n".repeat(2000)],
  [post("Content-Length : 5", "hello"), "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ["GET /words.js HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100), "unread"],
  ["POST /v1/warnings HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 1000\r\n\r\n", "x".repeat(100)],
  [post("Content-Length: 1000000", "[".repeat(1_000_000)), ""],
  [post("Content-Length: 18", '{"prompt": "A pot"'), ""],
];

test("250 hostile sockets and good clients: no good request is lost, memory comes back", async (t) => {
  const rest = server.memory();
  let going = true, opened = 0;
  const sockets = new Set();
  const attacker = async (i) => {
    while (going) {
      const [first, again] = hostile[i % hostile.length];
      const socket = connect(server.port);
      sockets.add(socket);
      ++opened;
      if (again !== "unread") socket.resume();
      const closed = new Promise((resolve) => socket.on("close", resolve));
      socket.write(first);
      for (let rounds = 0; going && !socket.destroyed && rounds < 20; ++rounds) {
        if (again !== "unread" && again !== "") socket.write(again);
        await Promise.race([closed, pause(200)]);
      }
      socket.destroy();
      sockets.delete(socket);
    }
  };
  const attackers = Array.from({ length: 250 }, (_, i) => attacker(i));
  await pause(500);
  const outcomes = {};
  const good = Array.from({ length: 3 }, async (_, client) => {
    for (let i = 0; i < 15; ++i) {
      const ask = () => generate(server, { seed: 100 * client + i }).then(({ status }) => status, ({ cause }) => cause?.code);
      const { value } = await askFairly(ask, (status) => status === 200);
      outcomes[value] = (outcomes[value] ?? 0) + 1;
    }
  });
  let drawing = true;
  const owns = [];
  const watch = (async () => {
    while (drawing) {
      const seen = await newcomer("GET /health");
      owns.push(seen.seconds - seen.stalled);
      await pause(50);
    }
  })();
  await Promise.all(good);
  drawing = false;
  await watch;
  going = false;
  await Promise.all(attackers);
  sockets.forEach((socket) => socket.destroy());
  t.diagnostic(`${opened} hostile connections, ${JSON.stringify(outcomes)}, a newcomer waited at most ${
    (Math.max(...owns) * 1000).toFixed()} ms`);
  assert.deepEqual(outcomes, { 200: 45 });
  assert.ok(upperQuartile(owns) < 1, `newcomers waited ${owns.join(", ")} s for the server`);
  const { body_memory_bytes: most } = (await health(server)).limits;
  await waitUntil(() => server.memory() - rest < most);
  t.diagnostic(`memory grew by ${((server.memory() - rest) / 1e6).toFixed()} MB`);
});
