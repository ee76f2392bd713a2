// Talks to the server.

/** What the server refused: its message, its status and its word for it. */
export class Refusal extends Error {
  constructor(status, error) {
    super(error?.message ?? String(status));
    this.status = status;
    this.code = error?.code;
  }
}

function headers(key) {
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** The server's defaults and limits, and what its model was trained for. */
export async function health() {
  const answer = await fetch("/health");
  return answer.json();
}

/** The places in a prompt that will be spelled, as [{text, begin, end}] in bytes of its UTF-8. */
export async function spelledTexts(prompt, key) {
  const answer = await fetch("/v1/spelled_texts", {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers(key) },
    body: JSON.stringify({ prompt }),
  });
  return answer.ok ? (await answer.json()).texts : [];
}

/** What to expect of a picture of this size (0 × 0: the model's own) drawn from so many pictures, as [{code}]. */
export async function warnings(width, height, pictures, key) {
  const answer = await fetch("/v1/warnings", {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers(key) },
    body: JSON.stringify({ width, height, pictures }),
  });
  return answer.ok ? (await answer.json()).warnings : [];
}

/**
 * Draws and yields the server's events, the last of which is "….completed". `pictures` are files to
 * start from. Aborting the signal cancels the drawing.
 */
export async function* draw(fields, pictures, key, signal) {
  const request = { method: "POST", headers: headers(key), signal };
  if (pictures.length > 0) {
    request.body = new FormData();
    for (const [name, value] of Object.entries(fields)) request.body.append(name, String(value));
    for (const picture of pictures) request.body.append("image[]", picture);
  } else {
    request.headers["Content-Type"] = "application/json";
    request.body = jsonText(fields);
  }
  const path = pictures.length > 0 ? "/v1/images/edits" : "/v1/images/generations";
  const answer = await fetch(path, request);
  if (!answer.ok) {
    const body = await answer.json().catch(() => null);
    throw new Refusal(answer.status, body?.error);
  }
  yield* events(answer.body);
}

/** The fields as JSON. A seed is a BigInt, which JSON.stringify refuses: as a number it would be rounded. */
function jsonText({ seed, ...fields }) {
  const text = JSON.stringify(fields);
  return seed === undefined ? text : `${text.slice(0, -1)},"seed":${seed}}`;
}

/** The event in a line of JSON, with the exact digits of its seed as a text. */
function parseEvent(text) {
  const event = JSON.parse(text);
  const seed = /"seed":(\d+)/.exec(text);
  if (seed) event.seed = seed[1];
  return event;
}

/** The JSON of each server-sent event. */
async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (true) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const line = block.split("\n").find((candidate) => candidate.startsWith("data: "));
      if (!line) continue;
      const event = parseEvent(line.slice("data: ".length));
      if (event.error) throw new Refusal(500, event.error);
      yield event;
    }
  }
}
