// Starts `glm-image serve` for a test.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";

export const repository = fileURLToPath(new URL("../../../", import.meta.url));
export const program = process.env.GLM_IMAGE_PROGRAM ?? `${repository}build/release/bin/glm-image`;
// Servers store measured rates. Tests must not write into the user's folder.
const cache = mkdtempSync(`${tmpdir()}/glm-image-cache-`);
process.on("exit", () => rmSync(cache, { recursive: true, force: true }));
const model = process.env.GLM_IMAGE_TEST_MODEL ?? `${repository}tests/data/tiny/model`;
/** Nothing takes this long, on any machine: a server or a test that is not done hangs. */
const kHangSeconds = 300;

/** Fields of a request that takes minutes, for tests that need one at work: they cancel it. */
export const endless = { size: "1024x1024", steps: 100, n: 10 };

/**
 * Starts a server on a port of its own: {url, port, pid, log(), stopReadingTheLog(), memory(), threads(), isRunning(),
 * stop(signal)}. `files` is the number of files that it may open, `memory` the MB of address space that it may use. It
 * stores measured rates in `cacheFolder`, which all servers of a test file share by default.
 */
export async function startServer(options = [], { files, memory, cacheFolder = cache } = {}) {
  const given = (name, value) => (options.includes(name) ? [] : [name, value]);
  const command = [program, "serve", ...given("--port", "0"), ...given("--model", model), ...options];
  const limits = [files && `ulimit -n ${files}`, memory && `ulimit -v ${memory * 1024}`].filter(Boolean);
  const limited = limits.length > 0 ? ["sh", "-c", `${limits.join(" && ")} && exec "$@"`, "sh", ...command] : command;
  const child = spawn(limited[0], limited.slice(1), {
    stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, XDG_CACHE_HOME: cacheFolder },
  });
  let log = "";
  child.stderr.on("data", (data) => (log += data));
  /** Ends a server that hangs. Returns what stops the clock. */
  const guard = () => {
    const timer = setTimeout(() => child.kill("SIGKILL"), kHangSeconds * 1000);
    return () => clearTimeout(timer);
  };
  const port = await new Promise((resolve, reject) => {
    const listens = guard();
    let out = "";
    child.stdout.on("data", (data) => {
      out += data;
      const found = /listening on https?:\/\/\S*:(\d+)/.exec(out);
      if (!found) return;
      listens();
      resolve(Number(found[1]));
    });
    // Not "exit": what it wrote may come later.
    child.on("close", (code, signal) => {
      listens();
      reject(new Error(`the server ended with ${code ?? signal}: ${log}`));
    });
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    pid: child.pid,
    // The last line may not be complete yet.
    log: () => log.split("\n").slice(0, -1).filter(Boolean).map((line) => JSON.parse(line)),
    stopReadingTheLog: () => child.stderr.pause(),
    threads: () => Number(/Threads:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))[1]),
    isRunning: () => child.exitCode === null && child.signalCode === null,
    /** Resident bytes. */
    memory: () => {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+)/.exec(status)[1]) * 1024;
    },
    stop: async (signal = "SIGTERM") => {
      const began = performance.now();
      if (child.exitCode === null && child.signalCode === null) {
        const ended = guard();
        child.kill(signal);
        await once(child, "exit");
        ended();
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

/** How many requests have left the queue: drawn, cancelled or failed. */
export async function endedJobs(server) {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return [...text.matchAll(/^glm_image_jobs_total\{.*\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
}

export async function waitUntil(condition, seconds = kHangSeconds) {
  const end = performance.now() + seconds * 1000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not so after ${seconds} s: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** How many files a process may open. */
export function openFiles() {
  const limits = readFileSync("/proc/self/limits", "utf8");
  return Number(/Max open files\s+(\d+)/.exec(limits)[1]);
}
