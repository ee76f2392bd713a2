// Keeps a server busy and watches its memory: node load/soak.mjs [minutes]. Not one of the tests.

import { readFileSync } from "node:fs";
import { generate, repository, startServer } from "../support/server.mjs";

const minutes = Number(process.argv[2] ?? 20);
const server = await startServer(["--queue", "4"]);
const picture = new Blob([readFileSync(`${repository}tests/data/tiny/t2i_square.png`)]);
const counts = {};

async function edit() {
  const body = new FormData();
  body.append("prompt", "night");
  body.append("steps", "2");
  body.append("size", "64x64");
  body.append("image[]", picture, "a.png");
  return fetch(`${server.url}/v1/images/edits`, { method: "POST", body });
}

/** One of the things that clients do: draw, stream, ask for an address, edit, go away, err. */
async function act(i) {
  const kinds = [
    () => generate(server, { seed: i }),
    () => generate(server, { stream: true, partial_images: 2, progress: true }),
    () => generate(server, { response_format: "url" }),
    edit,
    () => generate(server, { size: "256x256", steps: 100 }, { signal: AbortSignal.timeout(100) }),
    () => generate(server, { size: "x" }),
  ];
  try {
    const answer = await kinds[i % kinds.length]();
    await answer.arrayBuffer();
    counts[answer.status] = (counts[answer.status] ?? 0) + 1;
  } catch {
    counts.gone = (counts.gone ?? 0) + 1;
  }
}

const end = performance.now() + minutes * 60_000;
let next = 0, told = 0, first = 0;
await Promise.all(Array.from({ length: 3 }, async () => {
  while (performance.now() < end) {
    await act(next++);
    if (performance.now() - told < minutes * 6_000) continue;
    told = performance.now();
    // The first tenth fills caches and the store of pictures.
    if (next > 20 && first === 0) first = server.memory();
    console.log(`${next} requests, ${(server.memory() / 1e6).toFixed(1)} MB`, JSON.stringify(counts));
  }
}));
console.log(`grew by ${((server.memory() - first) / 1e6).toFixed(1)} MB after the first tenth`);
await server.stop();
