// The server's refusals of a field, in the page's language. Its messages are English.

import { fill, word } from "./words.js";

// Names of a field that programs use beside the page's.
const synonyms = { num_inference_steps: "steps", guidance_scale: "guidance", images: "image", "image[]": "image" };

const range = /from (?<min>[-\d.e+]+) to (?<max>[-\d.e+]+)/;

// [field, pattern of the message, text in words.js]: the first that fits counts.
const kinds = [
  ["size", /sides from (?<min>\d+) to (?<max>\d+) pixels and at most (?<most>\d+)/, "sizeOutside"],
  ["size", /^/, "sizeTooLarge"],
  ["prompt", /too long|at most \d+ bytes|bytes; at most/, "promptTooLong"],
  ["prompt", /^/, "promptEmpty"],
  ["image", /^picture (?<number>\d+): .*has .*pixels/, "pictureSize"],
  ["image", /^picture (?<number>\d+)/, "pictureUnread"],
  ["image", /at most (?<most>\d+) pictures/, "picturesTooMany"],
  ["image", /^/, "picturesRefused"],
  ["loras", range, "lorasScale"],
  ["loras", /^/, "lorasUnknown"],
  ["quality", /^/, "qualityUnknown"],
  ["best_of", /^/, "bestOfRefused"],
  ["verify", /^/, "verifyRefused"],
  ["", /of memory/, "tooMuchMemory"],
];
const numbers = ["steps", "guidance", "n", "seed", "reference_pixels"];

function ofKind(field, message) {
  for (const [name, pattern, text] of kinds) {
    const found = name === field && pattern.exec(message);
    if (found) return fill(word("fieldRefusals")[text], found.groups ?? {});
  }
  const bounds = numbers.includes(field) && range.exec(message);
  if (!bounds) return null;
  return fill(word("fieldRefusals").outside, { ...bounds.groups, field: word("fieldNames")[field] });
}

/** Returns the sentence about a Refusal that the page shows. */
export function refusalText({ code, param, message }) {
  const known = word("refusals")[code];
  if (known) return known;
  // In English the server's message says more.
  if (!word("fieldRefusals")) return message;
  const field = synonyms[param] ?? param ?? "";
  return ofKind(field, message) ?? word("refusedOther", { message });
}
