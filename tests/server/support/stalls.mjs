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

// A virtual machine that its host does not run counts no waits. A timer notices this, and other
// times in which this process did nothing for its sockets.
const kBeat = 10, kLateBeat = 20;
let lastBeat = performance.now(), lost = 0;
const late = () => {
  const milliseconds = performance.now() - lastBeat - kBeat;
  return milliseconds > kLateBeat ? milliseconds : 0;
};
setInterval(() => {
  lost += late();
  lastBeat = performance.now();
}, kBeat).unref();

/**
 * Starts to measure: returns a function for the milliseconds since, by which the machine alone may have delayed an
 * exchange with process `pid`. It is the longest wait of one of its threads plus that of this process.
 */
export function measureStalls(pid) {
  const main = String(process.pid);
  const server = waits(pid), own = waits(main), lostBefore = lost + late();
  return () => {
    let longest = 0;
    for (const [thread, waited] of waits(pid)) longest = Math.max(longest, waited - (server.get(thread) ?? 0));
    const waited = (waits(main).get(main) ?? 0) - (own.get(main) ?? 0);
    return longest + Math.max(waited, lost + late() - lostBefore);
  };
}

/**
 * The value that three quarters of these do not exceed. A stall that nothing counts delays a few exchanges. A server that
 * lets its clients wait delays most.
 */
export function upperQuartile(values) {
  return [...values].sort((a, b) => a - b)[Math.ceil(0.75 * values.length) - 1];
}
