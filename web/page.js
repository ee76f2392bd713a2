// The form, the drawing at work, and the texts that will be spelled.

import { draw, health, Refusal, spelledTexts, warnings } from "./server.js";
import { addPicture, pictureUrl, setActions, showGallery } from "./gallery.js";
import { fill, fillWords, onLanguage, spokenLanguage, word } from "./words.js";

const element = (id) => document.getElementById(id);
// What the model was trained for and how it is asked, from the server.
let model = { sizes: [], examples: [] };
let defaults = { steps: "", guidance: "" };
let pictures = []; // files to start from
let atWork = null; // AbortController

// --- The form ---

function sizeText(size) {
  return size.replace("x", " × ");
}

function sizeLabel(size) {
  const [width, height] = size.split("x").map(Number);
  const shape = width === height ? "sizeSquare" : width < height ? "sizePortrait" : "sizeLandscape";
  return `${word(shape)}, ${sizeText(size)}`;
}

function fillSizes() {
  const chosen = element("size").value || model.sizes[0];
  element("size").replaceChildren(
    new Option(word("sizeAuto"), "auto"),
    ...model.sizes.map((size) => new Option(sizeLabel(size), size)),
    new Option(word("sizeOwn"), "own"),
  );
  element("size").value = chosen ?? "auto";
}

function fillExamples() {
  const spoken = model.examples.filter(({ language }) => language === spokenLanguage());
  const examples = spoken.length > 0 ? spoken : model.examples;
  element("examples-block").hidden = examples.length === 0;
  element("examples").replaceChildren(
    ...examples.map((example) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet";
      button.lang = example.language;
      button.textContent = example.prompt;
      button.addEventListener("click", () => {
        setSettings({ ...defaults, ...example });
        setPrompt(example.prompt);
      });
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

function setSettings({ size, steps, guidance, seed }) {
  setSize(size);
  element("steps").value = steps;
  element("guidance").value = guidance;
  element("seed").value = seed;
  element("count").value = 1;
}

function setSize(size) {
  const known = [...element("size").options].some(({ value }) => value === size);
  element("size").value = known ? size : "own";
  if (!known) [element("width").value, element("height").value] = size.split("x");
  showOwnSize();
}

function showOwnSize() {
  const hidden = element("size").value !== "own";
  element("own-size").hidden = hidden;
  // A hidden field that holds nonsense would keep the form from being sent, and could not say so.
  for (const side of ["width", "height"]) element(side).disabled = hidden;
  showWarnings();
}

let expected = 0;
async function showWarnings() {
  const mine = ++expected;
  const size = chosenSize();
  const [width, height] = size === "auto" ? [0, 0] : size.split("x").map(Number);
  if (size !== "auto" && !(width > 0 && height > 0)) return; // not typed yet
  const found = await warnings(width, height, pictures.length, element("key").value).catch(() => []);
  if (mine !== expected) return;
  const values = { size: sizeText(size), sizes: model.sizes.map(sizeText).join(", ") };
  // The server may know more reasons than this page.
  const texts = found.map(({ code, message }) =>
    word("warnings")[code] ? fill(word("warnings")[code], values) : message,
  );
  element("warnings").textContent = texts.join(" ");
  element("warnings").hidden = texts.length === 0;
}

function settings() {
  const fields = {
    prompt: element("prompt").value,
    size: chosenSize(),
    steps: Number(element("steps").value),
    guidance: Number(element("guidance").value),
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
  showWarnings();
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
        showWarnings();
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
    const state = await health();
    model = state.profile;
    defaults = state.defaults;
    element("steps").max = defaults.max_steps;
    element("steps").value = defaults.steps;
    element("count").max = state.limits.max_count;
    for (const side of ["width", "height"]) element(side).max = state.limits.max_side;
    element("guidance").value = defaults.guidance;
    element("width").value = defaults.width;
    element("height").value = defaults.height;
    element("size").value = "";
    fillSizes();
    fillExamples();
    if (state.needs_key) askForKey();
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
  showWarnings();
}

setActions({
  reuse(picture) {
    setSettings({ ...picture.settings, seed: picture.seed });
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
for (const side of ["width", "height"]) element(side).addEventListener("change", showWarnings);
element("picture").addEventListener("change", () => {
  addSources(element("picture").files);
  element("picture").value = "";
});
acceptDrops();
fillWords();
onLanguage(speak);
speak();
readDefaults();
