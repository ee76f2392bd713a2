// Clients that write raw bytes.

import net from "node:net";

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A socket whose errors go unseen and that stays half open when the server ends its side. */
export function connect(port) {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  socket.on("end", () => socket.end());
  return socket;
}

/**
 * What comes back for these bytes, as {answer, closed, statuses}: until the server closes or `until` holds for the number
 * of answers; or until the server is silent for `quiet` ms, which no server is that works. With `end` the client closes
 * its sending side.
 */
export async function exchange(port, bytes, { end = false, quiet = 120_000, until = () => false } = {}) {
  const socket = connect(port);
  let answer = "", closed = false, last = performance.now();
  socket.on("data", (data) => {
    answer += data.toString("latin1");
    last = performance.now();
  });
  socket.on("end", () => (closed = true));
  socket.on("close", () => (closed = true));
  socket.write(Buffer.from(bytes, "latin1"));
  if (end) socket.end();
  const statuses = () => [...answer.matchAll(/HTTP\/1\.[01] (\d+)/g)].map((found) => Number(found[1]));
  while (!closed && performance.now() - last < quiet && !until(statuses().length)) await pause(10);
  socket.destroy();
  return { answer, closed, statuses: statuses() };
}
