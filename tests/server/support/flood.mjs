// A process that keeps a server busy: node flood.mjs PORT CONNECTIONS. Every fourth connection sends HEAD requests, GET
// /health, OPTIONS, or POST requests that are refused, each without waiting for answers. It ends with its parent.

import net from "node:net";

const [port, connections] = process.argv.slice(2).map(Number);
/** Requests in one write. */
const kBurst = 400;

const request = (line, more = "") => `${line} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
const kinds = [
  request("HEAD /health"),
  request("GET /health"),
  request("OPTIONS /v1/images/generations"),
  request("POST /v1/images/generations", "Content-Type: text/plain\r\nContent-Length: 2\r\n") + "{}",
].map((text) => Buffer.from(text.repeat(kBurst)));

function attack(i) {
  const socket = net.connect(port, "127.0.0.1");
  let open = true;
  const send = () => {
    while (open && socket.write(kinds[i % kinds.length]));
  };
  socket.on("connect", send);
  socket.on("drain", send);
  socket.on("data", () => {});
  socket.on("error", () => {});
  socket.on("end", () => socket.end());
  // The server closes after a refused POST: the next one needs a new connection.
  socket.on("close", () => {
    open = false;
    setTimeout(() => attack(i), 10);
  });
}

for (let i = 0; i < connections; ++i) attack(i);
process.stdin.on("end", () => process.exit());
process.stdin.resume();
