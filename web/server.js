// Requests to the server.

/** An error response of the server: its message, status, code and the field that it is about. */
export class Refusal extends Error {
  constructor(status, error) {
    super(error?.message ?? String(status));
    this.status = status;
    this.code = error?.code;
    this.param = error?.param;
  }
}

function headers(key) {
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** Returns the server's defaults and limits, and the model's profile. */
export async function health() {
  const answer = await fetch("/health");
  return answer.json();
}

/** Returns the texts that a prompt spells, as [{text, begin, end}] with byte offsets in UTF-8. */
export async function spelledTexts(prompt, key) {
  const answer = await fetch("/v1/spelled_texts", {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers(key) },
    body: JSON.stringify({ prompt }),
  });
  return answer.ok ? (await answer.json()).texts : [];
}

/** Returns the adapters that requests may name, as [{name, default_scale}]. */
export async function loras(key) {
  const answer = await fetch("/v1/loras", { headers: headers(key) });
  return answer.ok ? (await answer.json()).data : [];
}

/** Returns the warnings about a size (0 × 0: the model's own) and a number of condition images, as [{code, message}]. */
export async function warnings(width, height, pictures, key) {
  const answer = await fetch("/v1/warnings", {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers(key) },
    body: JSON.stringify({ width, height, pictures }),
  });
  return answer.ok ? (await answer.json()).warnings : [];
}

async function accepted(answer) {
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => null);
  throw new Refusal(answer.status, body?.error);
}

/**
 * Sends a request for pictures and returns the identifier of its job. `pictures` are condition images, as files.
 * Aborting `signal` stops an upload.
 */
export async function submit(fields, pictures, key, signal) {
  const request = { method: "POST", headers: headers(key) };
  const wanted = { ...fields, async: true };
  if (pictures.length > 0) {
    request.signal = signal;
    request.body = new FormData();
    for (const [name, value] of Object.entries(wanted)) {
      request.body.append(name, typeof value === "object" ? JSON.stringify(value) : String(value));
    }
    for (const picture of pictures) request.body.append("image[]", picture);
  } else {
    request.headers["Content-Type"] = "application/json";
    request.body = jsonText(wanted);
  }
  const path = pictures.length > 0 ? "/v1/images/edits" : "/v1/images/generations";
  return (await (await accepted(await fetch(path, request))).json()).id;
}

export async function cancelJob(id, key) {
  await fetch(`/v1/jobs/${id}`, { method: "DELETE", headers: headers(key) });
}

/** Asks for a job, several times if the network fails. */
async function job(id, key, signal) {
  const kAttempts = 4;
  for (let attempt = 1; ; ++attempt) {
    try {
      const answer = await fetch(`/v1/jobs/${id}`, { headers: headers(key), signal });
      return parseSeeds(await (await accepted(answer)).text());
    } catch (error) {
      if (error instanceof Refusal || signal.aborted || attempt === kAttempts) throw error;
      await pause(1000, signal);
    }
  }
}

/** Waits, but not longer than until `signal` is aborted. */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", resolve, { once: true });
  });
}

/**
 * Follows a job until its end. Yields {type: "progress", …}, {type: "early", blob} for early pictures, and at last
 * {type: "completed", …} for each picture. Throws Refusal if the job failed or the server does not know it.
 */
export async function* follow(id, key, signal) {
  const kFirstWait = 200, kLongestWait = 1000; // milliseconds
  let previews = 0;
  for (let wait = kFirstWait; ; wait = Math.min(1.1 * wait, kLongestWait)) {
    const state = await job(id, key, signal);
    if (state.error) throw new Refusal(500, state.error);
    if (state.result) {
      const { data, ...common } = state.result; // size, output_format, warnings, candidates …
      for (const item of data) yield { type: "completed", ...common, ...item };
      return;
    }
    yield { type: "progress", ...state };
    if (state.previews > previews) {
      previews = state.previews;
      const early = await fetch(`/v1/jobs/${id}/preview`, { headers: headers(key), signal });
      // 204: the job has ended meanwhile.
      if (early.status === 200) yield { type: "early", blob: await early.blob() };
    }
    await pause(wait, signal);
    signal.throwIfAborted();
  }
}

/** Returns the fields as JSON. The seed is a BigInt: a number cannot represent 64 bits exactly. */
function jsonText({ seed, ...fields }) {
  const text = JSON.stringify(fields);
  return seed === undefined ? text : `${text.slice(0, -1)},"seed":${seed}}`;
}

/** Parses JSON. Seeds become strings, so that no digit is lost. */
function parseSeeds(text) {
  return JSON.parse(text.replace(/"seed":(\d+)/g, '"seed":"$1"'));
}
