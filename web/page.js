// The form, the drawing at work, and the texts that will be spelled.

import { draw, health, Refusal, spelledTexts } from "./server.js";
import { addPicture, pictureUrl, setActions, showGallery } from "./gallery.js";
import { fillWords, onLanguage, word } from "./words.js";

const element = (id) => document.getElementById(id);
const sizes = [
  ["auto", "sizeAuto"],
  ["512x512", "sizeSquare"],
  ["1024x1024", "sizeSquare"],
  ["512x768", "sizePortrait"],
  ["896x1152", "sizePortrait"],
  ["768x512", "sizeLandscape"],
  ["1152x896", "sizeLandscape"],
  ["own", "sizeOwn"],
];
let pictures = []; // files to start from
let atWork = null; // AbortController

// --- The form ---

function fillSizes() {
  const chosen = element("size").value || "512x512";
  element("size").replaceChildren(
    ...sizes.map(([size, name]) => {
      const label = size.includes("x") ? `${word(name)}, ${size.replace("x", " × ")}` : word(name);
      return new Option(label, size, false, size === chosen);
    }),
  );
}

function fillExamples() {
  element("examples").replaceChildren(
    ...word("exampleTexts").map((text) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet";
      button.textContent = text;
      button.addEventListener("click", () => setPrompt(text));
      const item = document.createElement("li");
      item.append(button);
      return item;
    }),
  );
}

function setPrompt(text) {
  element("prompt").value = text;
  markTexts();
  element("prompt").focus();
}

function chosenSize() {
  const size = element("size").value;
  return size === "own" ? `${element("width").value}x${element("height").value}` : size;
}

function setSize(size) {
  const known = sizes.some(([name]) => name === size);
  element("size").value = known ? size : "own";
  if (!known) [element("width").value, element("height").value] = size.split("x");
  showOwnSize();
}

function showOwnSize() {
  const hidden = element("size").value !== "own";
  element("own-size").hidden = hidden;
  // A hidden field that holds nonsense would keep the form from being sent, and could not say so.
  for (const side of ["width", "height"]) element(side).disabled = hidden;
}

function settings() {
  const fields = {
    prompt: element("prompt").value,
    size: chosenSize(),
    steps: Number(element("steps").value),
    n: Number(element("count").value),
  };
  if (element("seed").value) fields.seed = BigInt(element("seed").value);
  return fields;
}

// --- Texts that will be spelled ---

let lookup = 0;
async function markTexts() {
  const mine = ++lookup;
  const prompt = element("prompt").value;
  // Wait for a pause in the typing.
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
  // A last line break shows only with something behind it.
  element("prompt-marks").replaceChildren(...parts, `${decode(at)}\n`);
  element("prompt-marks").scrollTop = element("prompt").scrollTop;
  const list = texts.map(({ text }) => word("quoted", { text })).join(", ");
  element("spelled").textContent =
    texts.length > 0 ? word("spelled", { texts: list }) : word("spelledNone");
}

// --- Pictures to start from ---

function addSources(files) {
  for (const file of files) {
    if (["image/png", "image/jpeg", "image/webp"].includes(file.type)) {
      pictures.push(file);
    } else {
      showError(word("notAPicture", { name: file.name }));
    }
  }
  if (pictures.length > 0) setSize("auto");
  showSources();
}

function showSources() {
  element("pictures").replaceChildren(
    ...pictures.map((file) => {
      const image = document.createElement("img");
      image.src = URL.createObjectURL(file);
      image.alt = file.name;
      const remove = document.createElement("button");
      remove.type = "button";
      remove.className = "quiet";
      remove.textContent = "×";
      remove.setAttribute("aria-label", word("removePicture", { name: file.name }));
      remove.addEventListener("click", () => {
        pictures = pictures.filter((other) => other !== file);
        showSources();
        element("picture").focus();
      });
      const item = document.createElement("li");
      item.append(image, remove);
      return item;
    }),
  );
}

function acceptDrops() {
  const source = element("source");
  // Text is dropped and pasted into the prompt as everywhere.
  const brings = (transfer, type) => [...transfer.types].includes(type);
  document.addEventListener("dragover", (event) => {
    if (!brings(event.dataTransfer, "Files")) return;
    event.preventDefault();
    source.classList.add("over");
  });
  document.addEventListener("dragleave", () => source.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    if (!brings(event.dataTransfer, "Files")) return;
    event.preventDefault();
    source.classList.remove("over");
    addSources(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    const { clipboardData } = event;
    // Spreadsheets put a picture of their cells beside the text.
    if (brings(clipboardData, "text/plain") || clipboardData.files.length === 0) return;
    addSources(clipboardData.files);
  });
}

// --- Drawing ---

function showError(message) {
  element("error").textContent = message;
  element("error").hidden = message === "";
}

function timeText(seconds) {
  const name = seconds < 90 ? "seconds" : "minutes";
  return word(name, { n: Math.ceil(seconds < 90 ? seconds : seconds / 60) });
}

/** For those who hear the page: each thing once. */
function announce(message) {
  if (element("announced").textContent !== message) element("announced").textContent = message;
}

function showProgress(event) {
  const left =
    event.seconds_left === null ? "" : word("left", { time: timeText(event.seconds_left) });
  if (event.state === "waiting") {
    announce(word("waiting", { position: event.position, left: "" }));
    element("status").textContent = word("waiting", { position: event.position, left });
    element("progress").removeAttribute("value");
    return;
  }
  const stage = word("stages")[event.stage] ?? event.stage ?? "";
  announce(stage);
  element("status").textContent = stage + left;
  element("progress").value = event.total > 0 ? event.step / event.total : 0;
}

function showEvent(event, fields) {
  if (event.type.endsWith(".progress")) return showProgress(event);
  const url = pictureUrl(event.b64_json, `image/${event.output_format}`);
  if (event.type.endsWith(".partial_image")) {
    URL.revokeObjectURL(element("draft").src);
    element("draft").src = url;
    element("draft").alt = word("draftAlt");
    element("draft").hidden = false;
    return undefined;
  }
  addPicture({ url, settings: fields, seed: event.seed, size: event.size });
  return undefined;
}

function setAtWork(controller) {
  atWork = controller;
  element("draw").disabled = controller !== null;
  element("now").hidden = controller === null;
  element("draft").hidden = true;
  element("progress").removeAttribute("value");
}

async function drawPictures() {
  const controller = new AbortController();
  setAtWork(controller);
  showError("");
  announce(word("sending"));
  element("status").textContent = word("sending");
  const fields = settings();
  try {
    const wanted = { ...fields, stream: true, progress: true, partial_images: 3 };
    for await (const event of draw(wanted, pictures, element("key").value, controller.signal)) {
      showEvent(event, fields);
    }
    announce(word("done"));
  } catch (error) {
    if (controller.signal.aborted) {
      showError(word("cancelled"));
    } else if (error instanceof Refusal) {
      if (error.status === 401) askForKey();
      showError(word("failed", { message: word("refusals")[error.code] ?? error.message }));
    } else {
      showError(word("lost"));
    }
  }
  // Who has gone on typing stays there; who stood on what disappears now goes back to the button.
  const stood = [document.body, element("cancel")].includes(document.activeElement);
  setAtWork(null);
  if (stood) element("draw").focus();
}

function askForKey() {
  element("key-field").hidden = false;
}

// --- Beginning ---

async function readDefaults() {
  try {
    const { defaults, limits, needs_key } = await health();
    element("steps").max = defaults.max_steps;
    element("steps").value = defaults.steps;
    element("count").max = limits.max_count;
    for (const side of ["width", "height"]) element(side).max = limits.max_side;
    if (needs_key) askForKey();
  } catch {
    showError(word("lost"));
  }
}

function speak() {
  fillSizes();
  fillExamples();
  showSources();
  showGallery();
  markTexts();
}

setActions({
  reuse(picture) {
    setSize(picture.settings.size);
    element("steps").value = picture.settings.steps;
    element("seed").value = picture.seed;
    element("count").value = 1;
    setPrompt(picture.settings.prompt);
  },
  async startFrom(picture) {
    const blob = await (await fetch(picture.url)).blob();
    addSources([new File([blob], `glm-image-${picture.seed}.png`, { type: blob.type })]);
    element("prompt").focus();
  },
});

element("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (atWork === null) drawPictures();
});
element("cancel").addEventListener("click", () => atWork?.abort());
element("prompt").addEventListener("input", markTexts);
element("prompt").addEventListener("scroll", () => {
  element("prompt-marks").scrollTop = element("prompt").scrollTop;
});
element("size").addEventListener("change", showOwnSize);
element("picture").addEventListener("change", () => {
  addSources(element("picture").files);
  element("picture").value = "";
});
acceptDrops();
fillWords();
onLanguage(speak);
speak();
readDefaults();
