// A small address space: a failed allocation ends its request, not the server.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { test } from "node:test";
import { generate, program, startServer } from "../support/server.mjs";

/** The server never takes longer than this to answer or to end; on a quick machine a hundredth of it. */
const kSeconds = 60;

/** The program with LibTorch, which `program` starts to compute. */
const engine = `${dirname(program)}/../libexec/glm_image/glm-image-engine`;

/** Whether LibTorch itself can be loaded with so many MB, before the engine begins. */
function loads(memory) {
  return spawnSync("sh", ["-c", `ulimit -v ${memory * 1024} && exec "$@"`, "sh", engine, "--version"]).status === 0;
}

async function timed(action) {
  const began = performance.now();
  const value = await action();
  return { value, seconds: (performance.now() - began) / 1000 };
}

/** The status of an answer; 0 if the connection ends without one. */
async function statusOf(request) {
  try {
    const answer = await request;
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return 0;
  }
}

test("at falling limits of memory, requests fail and the server stays", { timeout: 1_700_000 }, async (t) => {
  let refused = 0, drawn = 0, starts = 0;
  for (let memory = 2600; loads(memory); memory -= memory > 1200 ? 200 : 50) {
    let server;
    try {
      server = await startServer([], { memory });
      ++starts;
    } catch (error) {
      // Too small for the model: the program reports this and exits.
      assert.match(error.message, /ended with [12]: /, `${memory} MB`);
      t.diagnostic(`${memory} MB: ${error.message}`);
      continue;
    }
    const seen = [];
    // The last one needs so much more than a server to start that several limits suffice for that alone.
    const large = { size: memory > 1400 ? "512x512" : "1024x1024", steps: 1 };
    for (const fields of [{}, { size: "256x256", stream: true, partial_images: 2 }, { n: 3 }, large]) {
      const { value, seconds } = await timed(() => statusOf(generate(server, fields)));
      seen.push(`${value} ${seconds.toFixed(1)} s`);
      assert.ok([0, 200, 503].includes(value), `${memory} MB: status ${value}`);
      assert.ok(seconds < kSeconds, `${memory} MB: ${JSON.stringify(fields)} took ${seconds} s`);
      if (value === 200) ++drawn;
      else ++refused;
      assert.ok(server.isRunning(), `${memory} MB: the server ended at ${JSON.stringify(fields)}`);
    }
    const { code, seconds } = await server.stop();
    t.diagnostic(`${memory} MB: ${seen.join(", ")}; ended in ${seconds.toFixed(1)} s`);
    assert.equal(code, 0, `${memory} MB`);
    assert.ok(seconds < kSeconds, `${memory} MB: SIGTERM took ${seconds} s`);
  }
  assert.ok(starts > 0 && drawn > 0 && refused > 0, `${starts} starts, ${drawn} pictures, ${refused} refusals`);
});
