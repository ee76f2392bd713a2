// The pictures of this session. They exist only in the page's memory.

import { verificationList } from "./verification.js";
import { pictureWarnings, sizeText } from "./warnings.js";
import { word } from "./words.js";

const list = document.getElementById("gallery");
const pictures = []; // {url, settings, seed, size, verification, warnings, candidates, revised}, newest first

export function pictureUrl(base64, type) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type }));
}

export function addPicture(picture) {
  pictures.unshift(picture);
  // Insert only the new entry, so that a focused button of another picture keeps the focus.
  list.prepend(entry(picture));
  document.getElementById("empty").hidden = true;
}

let actions = {};
/** Sets the actions of the buttons, `reuse(picture)` and `startFrom(picture)`. */
export function setActions(given) {
  actions = given;
}

function button(name, label, action) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "quiet";
  element.textContent = word(name);
  element.setAttribute("aria-label", `${word(name)}: ${label}`);
  element.addEventListener("click", action);
  return element;
}

function warningList(texts) {
  const warnings = document.createElement("ul");
  warnings.className = "notes";
  warnings.setAttribute("aria-label", word("pictureWarnings"));
  warnings.append(
    ...texts.map((text) => {
      const item = document.createElement("li");
      item.textContent = text;
      return item;
    }),
  );
  return warnings;
}

/** Returns the prompt that was drawn, and the one that was typed if it was rewritten. */
function prompts({ settings, revised }) {
  const drawn = document.createElement("p");
  drawn.textContent = revised ?? settings.prompt;
  if (!revised) return [drawn];
  const typed = document.createElement("p");
  typed.className = "hint";
  typed.textContent = word("typedPrompt", { prompt: settings.prompt });
  return [drawn, typed];
}

function entry(picture) {
  const item = document.createElement("li");
  const image = document.createElement("img");
  image.src = picture.url;
  image.alt = picture.revised ?? picture.settings.prompt;
  const frame = document.createElement("div");
  frame.className = "framed";
  frame.append(image);
  const facts = document.createElement("p");
  facts.className = "hint";
  facts.textContent = word("settings", {
    size: sizeText(picture.size),
    steps: picture.settings.steps,
    seed: picture.seed,
  });
  const download = document.createElement("a");
  download.className = "button quiet";
  download.href = picture.url;
  download.download = `glm-image-${picture.seed}.png`;
  download.textContent = word("download");
  const buttons = document.createElement("div");
  buttons.className = "actions";
  const label = picture.settings.prompt;
  buttons.append(
    button("reuse", label, () => actions.reuse(picture)),
    button("startFrom", label, () => actions.startFrom(picture)),
    download,
  );
  item.append(frame);
  if (picture.verification?.length > 0) {
    item.append(verificationList(picture.verification, picture.size, frame));
  }
  const warnings = pictureWarnings(picture);
  if (warnings.length > 0) item.append(warningList(warnings));
  item.append(...prompts(picture), facts, buttons);
  return item;
}

export function showGallery() {
  list.replaceChildren(...pictures.map(entry));
  document.getElementById("empty").hidden = pictures.length > 0;
}
