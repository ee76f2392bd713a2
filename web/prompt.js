// The prompt, with the texts marked that will be spelled.

import { element } from "./dom.js";
import { spelledTexts } from "./server.js";
import { word } from "./words.js";

export function setPrompt(text) {
  element("prompt").value = text;
  markTexts();
  element("prompt").focus();
}

let mostBytes = Infinity;

/** Sets how long a prompt may be, in UTF-8. */
export function setMostPromptBytes(bytes) {
  mostBytes = bytes;
  checkLength();
}

function checkLength() {
  const isTooLong = new TextEncoder().encode(element("prompt").value).length > mostBytes;
  element("prompt").setCustomValidity(isTooLong ? word("promptTooLong", { n: mostBytes }) : "");
}

let lookup = 0;
export async function markTexts() {
  checkLength();
  const mine = ++lookup;
  const prompt = element("prompt").value;
  // Debounce: wait until the user pauses.
  await new Promise((resolve) => setTimeout(resolve, 120));
  if (mine !== lookup) return;
  const texts = await spelledTexts(prompt, element("key").value).catch(() => []);
  if (mine !== lookup) return;
  const bytes = new TextEncoder().encode(prompt);
  const decode = (begin, end) => new TextDecoder().decode(bytes.subarray(begin, end));
  const parts = [];
  let at = 0;
  for (const { begin, end } of texts) {
    const mark = document.createElement("mark");
    mark.textContent = decode(begin, end);
    parts.push(decode(at, begin), mark);
    at = end;
  }
  // A final line break takes up a line only if something follows it.
  element("prompt-marks").replaceChildren(...parts, `${decode(at)}\n`);
  element("prompt-marks").scrollTop = element("prompt").scrollTop;
  const list = texts.map(({ text }) => word("quoted", { text })).join(", ");
  element("spelled").textContent =
    texts.length > 0 ? word("spelled", { texts: list }) : word("spelledNone");
}

element("prompt").addEventListener("input", markTexts);
element("prompt").addEventListener("scroll", () => {
  element("prompt-marks").scrollTop = element("prompt").scrollTop;
});
