// `serve --cluster` with two workers: requests that wait are drawn at the same time, each is what one machine draws,
// and a lost worker ends none of them.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { endless, generate, health, program, repository, startServer, waitUntil } from "../support/server.mjs";

const model = process.env.GLM_IMAGE_TEST_MODEL ?? `${repository}tests/data/tiny/model`;
const address = `127.0.0.1:${10000 + ((process.pid * 13) % 20000)}`;
const workers = [];
let alone, together;

/** A worker that has joined. */
async function startWorker() {
  const child = spawn(program, ["worker", "--model", model, "--threads", "1", "--join", address], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  workers.push(child);
  let log = "";
  child.stderr.on("data", (data) => (log += data));
  await waitUntil(() => {
    if (child.exitCode !== null) throw new Error(`the worker ended: ${log}`);
    return log.includes("joined");
  });
}

before(async () => {
  // The first to start knows no rates, so that pictures and guidance pairs are the ways.
  together = await startServer(["--threads", "1", "--cluster", address, "--world", "3"]);
  alone = await startServer(["--threads", "1"]);
  await startWorker();
  await startWorker();
});
after(async () => {
  await together?.stop();
  await alone?.stop();
  for (const worker of workers) worker.kill("SIGKILL");
});

/** A request that takes about a second: a look at the queue takes less. */
const fieldsOf = (number) => ({ prompt: `A pot and ${number} cups`, seed: 10 * number, size: "256x256", steps: 100 });

async function start(fields) {
  const answer = await generate(together, { ...fields, async: true });
  assert.equal(answer.status, 202);
  return (await answer.json()).id;
}

const cancel = (id) => fetch(`${together.url}/v1/jobs/${id}`, { method: "DELETE" });

/**
 * Starts requests until at least this many are drawn at the same time: `ids` gets them in order. Enough always wait,
 * however quickly they are drawn.
 */
async function drawTogether(ids, wanted) {
  await waitUntil(async () => {
    const { queue } = await health(together);
    if (queue.running >= wanted) return true;
    const more = Array.from({ length: Math.max(0, 4 - queue.waiting) }, (_, i) => start(fieldsOf(ids.length + i)));
    ids.push(...(await Promise.all(more)));
    return false;
  });
}

async function job(id) {
  return (await fetch(`${together.url}/v1/jobs/${id}`)).json();
}

async function assertDrawnAsByOne(id, number) {
  const { status, result, error } = await job(id);
  assert.equal(status, "completed", JSON.stringify(error));
  const expected = await (await generate(alone, fieldsOf(number))).json();
  assert.equal(result.data[0].b64_json, expected.data[0].b64_json, `request ${number}`);
}

const isOver = async (id) => !["queued", "in_progress"].includes((await job(id)).status);

const areOver = async (ids) => (await Promise.all(ids.map(isOver))).every(Boolean);

test("requests that wait are drawn at the same time", async () => {
  const ids = [];
  // Once the first request, which has two ranks for itself, is over, each rank draws another one.
  await drawTogether(ids, 3);
  const long = await start(endless);
  await cancel(long);
  await waitUntil(() => isOver(long));
  assert.equal((await job(long)).status, "cancelled");
  // Those that were only there to wait.
  const kept = 5;
  await Promise.all(ids.slice(kept).map(cancel));
  await waitUntil(() => areOver(ids));
  for (const [number, id] of ids.slice(0, kept).entries()) await assertDrawnAsByOne(id, number);
});

test("a lost worker ends none of the requests", async () => {
  const ids = [];
  await drawTogether(ids, 2);
  workers[0].kill("SIGKILL");
  await once(workers[0], "exit");
  await waitUntil(() => areOver(ids));
  for (const [number, id] of ids.entries()) await assertDrawnAsByOne(id, number);
});
