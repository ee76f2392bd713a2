// How long the machine has kept processes from running.

import { readdirSync, readFileSync } from "node:fs";

/** Milliseconds for which each thread of a process was ready to run and waited for a CPU, by thread. */
function waits(pid) {
  const waited = new Map();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      waited.set(thread, Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[1]) / 1e6);
    } catch {
      // The thread has ended, or the system does not count.
    }
  }
  return waited;
}

/**
 * Starts to measure: returns a function for the milliseconds since, by which the machine alone may have delayed an
 * exchange with process `pid`. It is the longest wait of one of its threads plus that of this process's main thread, or 0
 * where the system does not count.
 */
export function measureStalls(pid) {
  const main = String(process.pid);
  const server = waits(pid), own = waits(main);
  return () => {
    let longest = 0;
    for (const [thread, waited] of waits(pid)) longest = Math.max(longest, waited - (server.get(thread) ?? 0));
    return longest + ((waits(main).get(main) ?? 0) - (own.get(main) ?? 0));
  };
}
