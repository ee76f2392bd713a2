// Requests that become jobs, which their client polls and cancels, and the release of weights.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { endless, generate, health, repository, startServer, waitUntil } from "../support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server?.stop());

const picture = readFileSync(`${repository}tests/data/tiny/t2i_square.png`);
const dataUrl = `data:image/png;base64,${picture.toString("base64")}`;
const small = { prompt: "A pot", size: "64x64", steps: 2, seed: 1 };

async function call(method, path, { body, to = server } = {}) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const answer = await fetch(`${to.url}${path}`, { method, headers, body: body && JSON.stringify(body) });
  return { status: answer.status, location: answer.headers.get("location"), ...(await answer.json()) };
}

test("a request becomes a job that its client polls", async () => {
  const direct = await (await generate(server, { seed: 3 })).json();
  const queued = await (await generate(server, { seed: 3, async: true })).json();
  assert.equal(queued.object, "image.job");
  const path = `/v1/jobs/${queued.id}`;
  let job;
  await waitUntil(async () => (job = await call("GET", path)).result || job.error);
  assert.equal(job.result.data[0].b64_json, direct.data[0].b64_json);
  assert.deepEqual(Object.keys(job.result), Object.keys(direct));
  const listed = await call("GET", "/v1/jobs");
  assert.equal(listed.data[0].id, queued.id);
  assert.equal(listed.data[0].status, "completed");
  assert.equal(listed.data[0].result, undefined);

  const answer = await generate(server, { async: true, response_format: "url", output_format: "webp" });
  assert.equal(answer.status, 202);
  const location = answer.headers.get("location");
  assert.ok(location.startsWith(`${server.url}/v1/jobs/`), location);
  let done;
  await waitUntil(async () => (done = await (await fetch(location)).json()).result);
  const file = await fetch(done.result.data[0].url);
  assert.equal(file.headers.get("content-type"), "image/webp");
});

test("a job at work has an early picture", async () => {
  const fields = { ...endless, async: true, partial_images: 3, output_format: "webp" };
  const { id } = await (await generate(server, fields)).json();
  const early = () => fetch(`${server.url}/v1/jobs/${id}/preview`);
  await waitUntil(async () => (await call("GET", `/v1/jobs/${id}`)).previews > 0);
  const answer = await early();
  assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, "image/webp"]);
  assert.equal(Buffer.from(await answer.arrayBuffer()).toString("latin1", 8, 12), "WEBP");
  await call("DELETE", `/v1/jobs/${id}`);
  await waitUntil(async () => (await call("GET", `/v1/jobs/${id}`)).status === "cancelled");
  assert.equal((await early()).status, 204);
  assert.equal((await fetch(`${server.url}/v1/jobs/x/preview`)).status, 404);
});

test("an edit becomes a job, and its faulty picture a failed one", async () => {
  const wait = async (queued) => {
    assert.equal(queued.status, 202);
    let job;
    await waitUntil(async () => {
      job = await (await fetch(`${server.url}/v1/jobs/${queued.id}`)).json();
      return ["completed", "failed"].includes(job.status);
    });
    return job;
  };
  const post = async (url) => {
    const answer = await fetch(`${server.url}/v1/images/edits`, {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...small, images: [url], async: true }),
    });
    return { ...(await answer.json()), status: answer.status };
  };
  assert.equal((await wait(await post(dataUrl))).result.size, "64x64");
  const cut = `data:image/png;base64,${picture.subarray(0, 200).toString("base64")}`;
  const failed = await wait(await post(cut));
  assert.equal(failed.error.param, "images");
  assert.equal(failed.result, undefined);
});

test("jobs are cancelled, and unknown ones are not found", async () => {
  const slow = await (await generate(server, { ...endless, async: true })).json();
  const waiting = await (await generate(server, { async: true })).json();
  assert.equal((await call("GET", `/v1/jobs/${waiting.id}`)).position, 1);
  const dropped = await fetch(`${server.url}/v1/jobs/${waiting.id}`, { method: "DELETE" });
  assert.equal((await dropped.json()).status, "cancelled");
  await call("POST", `/v1/jobs/${slow.id}/cancel`);
  await waitUntil(async () => (await (await fetch(`${server.url}/v1/jobs/${slow.id}`)).json()).status === "cancelled");
  for (const [method, path] of [["GET", "/v1/jobs/x"], ["DELETE", "/v1/jobs/x"], ["POST", "/v1/jobs/x/cancel"],
    ["POST", `/v1/jobs/${slow.id}`]]) {
    const answer = await fetch(`${server.url}${path}`, { method });
    assert.equal(answer.status, 404, path);
    assert.equal((await answer.json()).error.code, "not_found");
  }
  const both = await generate(server, { async: true, stream: true });
  assert.equal(both.status, 400);
  assert.equal((await both.json()).error.param, "async");
});

test("weights are released when asked for, and after a while without requests", async () => {
  const own = await startServer(["--resident", "all"]);
  const idle = await startServer(["--resident", "all", "--idle-unload", "1"]);
  const loaded = async (one) => (await (await fetch(`${one.url}/v1/models`)).json()).data[0].loaded;
  const start = async (one) => (await (await generate(one, { ...endless, async: true })).json()).id;
  const cancel = (one, id) => call("DELETE", `/v1/jobs/${id}`, { to: one });
  try {
    assert.equal(await loaded(own), false);
    const first = await (await generate(own, { seed: 1 })).json();
    assert.equal(await loaded(own), true);
    const unloaded = await call("POST", "/v1/models/unload", { to: own });
    assert.equal(unloaded.status, "unloaded");
    assert.equal(await loaded(own), false);
    const second = await (await generate(own, { seed: 1 })).json();
    assert.equal(second.data[0].b64_json, first.data[0].b64_json);

    const running = await start(own);
    await waitUntil(async () => (await health(own)).queue.running === 1);
    assert.equal((await call("POST", "/v1/models/unload", { to: own })).status, "pending");
    assert.equal(await loaded(own), true);
    await cancel(own, running);
    await waitUntil(async () => !(await loaded(own)));
    assert.equal((await call("POST", "/v1/models/unload", { to: own, body: { model: "model" } })).status, "unloaded");
    const other = await call("POST", "/v1/models/unload", { to: own, body: { model: "other" } });
    assert.equal(other.error.param, "model");

    // Loaded for as long as the request is at work, and no longer than a second after it.
    const last = await start(idle);
    await waitUntil(() => loaded(idle));
    await cancel(idle, last);
    await waitUntil(async () => !(await loaded(idle)));
  } finally {
    await own.stop();
    await idle.stop();
  }
});
