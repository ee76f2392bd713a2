// Starts `glm-image serve` for a test.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";

export const repository = fileURLToPath(new URL("../../../", import.meta.url));
const program = process.env.GLM_IMAGE_PROGRAM ?? `${repository}build/release/bin/glm-image`;
const model = process.env.GLM_IMAGE_TEST_MODEL ?? `${repository}tests/data/tiny/model`;

/** {url, port, log(), memory(), stop(signal)} of a server on a port of its own. */
export async function startServer(options = []) {
  const given = (name, value) => (options.includes(name) ? [] : [name, value]);
  const child = spawn(program, ["serve", ...given("--port", "0"), ...given("--model", model), ...options], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (data) => (log += data));
  const port = await new Promise((resolve, reject) => {
    let out = "";
    child.stdout.on("data", (data) => {
      out += data;
      const found = /listening on http:\/\/\S*:(\d+)/.exec(out);
      if (found) resolve(Number(found[1]));
    });
    child.on("exit", (code) => reject(new Error(`the server ended with ${code}: ${log}`)));
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    log: () => log.trim().split("\n").filter(Boolean).map((line) => JSON.parse(line)),
    /** Resident bytes. */
    memory: () => {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+)/.exec(status)[1]) * 1024;
    },
    stop: async (signal = "SIGTERM") => {
      const began = performance.now();
      if (child.exitCode === null) {
        child.kill(signal);
        await once(child, "exit");
      }
      return { code: child.exitCode, seconds: (performance.now() - began) / 1000 };
    },
  };
}

/** A folder with the tests' model whose glm_image.json is `profile`. Its parts are links. */
export function modelWith(profile) {
  const folder = mkdtempSync(`${tmpdir()}/glm-image-model-`);
  for (const part of readdirSync(model)) symlinkSync(`${model}/${part}`, `${folder}/${part}`);
  writeFileSync(`${folder}/glm_image.json`, JSON.stringify(profile));
  return folder;
}

export async function generate(server, fields, options = {}) {
  return fetch(`${server.url}/v1/images/generations`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...options.headers },
    body: JSON.stringify({ prompt: "A pot", size: "64x64", steps: 2, ...fields }),
    signal: options.signal,
  });
}

export async function health(server) {
  return (await fetch(`${server.url}/health`)).json();
}

export async function waitUntil(condition, seconds = 20) {
  const end = performance.now() + seconds * 1000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not so after ${seconds} s: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
