// `serve --cluster` with two workers: requests that wait are drawn at the same time, each is what one machine draws,
// and a lost worker ends none of them.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { generate, health, program, repository, startServer, waitUntil } from "../support/server.mjs";

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
  }, 60);
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

const fieldsOf = (number, steps) => ({ prompt: `A pot and ${number} cups`, seed: 10 * number, steps });

async function start(number, steps) {
  const answer = await generate(together, { ...fieldsOf(number, steps), async: true });
  assert.equal(answer.status, 202);
  return (await answer.json()).id;
}

async function job(id) {
  return (await fetch(`${together.url}/v1/jobs/${id}`)).json();
}

async function assertDrawnAsByOne(id, number, steps) {
  const { status, result, error } = await job(id);
  assert.equal(status, "completed", JSON.stringify(error));
  const expected = await (await generate(alone, fieldsOf(number, steps))).json();
  assert.equal(result.data[0].b64_json, expected.data[0].b64_json, `request ${number}`);
}

const isOver = async (id) => !["queued", "in_progress"].includes((await job(id)).status);

test("requests that wait are drawn at the same time", async () => {
  const steps = 30;
  const ids = [];
  for (let number = 0; number < 6; ++number) ids.push(await start(number, steps));
  await fetch(`${together.url}/v1/jobs/${ids[4]}`, { method: "DELETE" });
  // The first request has two ranks for itself. Once it is over, each rank draws another request,
  // if enough of them wait, however long the first one took.
  await waitUntil(async () => {
    const { queue } = await health(together);
    if (queue.waiting < 3) ids.push(await start(ids.length, steps));
    return queue.running === 3;
  }, 240);
  await waitUntil(async () => (await Promise.all(ids.map(isOver))).every(Boolean), 240);
  assert.equal((await job(ids[4])).status, "cancelled");
  for (const number of [0, 1, 2, 3, 5]) await assertDrawnAsByOne(ids[number], number, steps);
});

test("a lost worker ends none of the requests", async () => {
  const steps = 100;
  const ids = [];
  for (let number = 0; number < 4; ++number) ids.push(await start(number, steps));
  await waitUntil(async () => (await health(together)).queue.running > 1, 120);
  workers[0].kill("SIGKILL");
  await once(workers[0], "exit");
  await waitUntil(async () => (await Promise.all(ids.map(isOver))).every(Boolean), 240);
  for (let number = 0; number < 4; ++number) await assertDrawnAsByOne(ids[number], number, steps);
});
