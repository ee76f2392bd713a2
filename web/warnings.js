// The server's warnings, in the page's language. Its messages are English.

import { fill, word } from "./words.js";

let trainedSizes = [];

/** Sets the sizes that the model was trained at, as "512x384". */
export function setTrainedSizes(sizes) {
  trainedSizes = sizes;
}

export function sizeText(size) {
  return size.replace("x", " × ");
}

/** Returns the sentence about a warning. `size` is the picture's. The server may send codes that the page does not know. */
export function warningText({ code, message }, size) {
  const text = word("warnings")[code];
  if (!text) return message;
  const reason = message.replace(/^the prompt is used as written: /, "");
  return fill(text, { size: sizeText(size), sizes: trainedSizes.map(sizeText).join(", "), reason });
}

/** Returns the sentences about a picture that was drawn. */
export function pictureWarnings({ warnings = [], verification = [], candidates, size }) {
  // Those about texts count for all pictures of a request; `verification` is this picture's.
  const texts = warnings.filter(({ code }) => code !== "text_not_right").map((warning) => warningText(warning, size));
  if (verification.some(({ state }) => state !== "found")) {
    texts.push(candidates > 1 ? word("noAttemptRight", { n: candidates }) : word("textNotRight"));
  }
  return texts;
}
