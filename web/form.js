// The settings of the form: choices that come from the server, and the request that they make.

import { element } from "./dom.js";
import { loraFields, setLoraRange, setLoras } from "./loras.js";
import { setMostPromptBytes, setPrompt } from "./prompt.js";
import { warnings } from "./server.js";
import { sources } from "./sources.js";
import { setTrainedSizes, sizeText, warningText } from "./warnings.js";
import { spokenLanguage, word } from "./words.js";

// The model's training sizes and examples, and the server's defaults.
let model = { sizes: [], examples: [] };
let defaults = { steps: "", guidance: "", speeds: [] };

/** Fills in the choices, in the language that is spoken. */
export function fillChoices() {
  fillSizes();
  fillSpeeds();
  fillExamples();
}

function setRange(id, min, max) {
  Object.assign(element(id), { min, max });
}

/** Shows the server's defaults and limits. */
export function setDefaults({ profile, defaults: given, limits }) {
  model = profile;
  defaults = given;
  setTrainedSizes(model.sizes);
  setRange("steps", 1, defaults.max_steps);
  setRange("count", 1, limits.max_count);
  setRange("best-of", 1, limits.max_best_of);
  setRange("guidance", ...limits.guidance);
  setRange("reference-pixels", ...limits.reference_pixels);
  for (const side of ["width", "height"]) setRange(side, limits.min_side, limits.max_side);
  setLoraRange(...limits.lora_scale);
  setMostPromptBytes(limits.max_prompt_bytes);
  element("steps").value = defaults.steps;
  element("guidance").value = defaults.guidance;
  element("width").value = defaults.width;
  element("height").value = defaults.height;
  element("size").value = "";
  fillChoices();
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

function fillSpeeds() {
  const chosen = element("speed").value || "exact";
  element("speed").replaceChildren(
    ...defaults.speeds.map(({ name }) => new Option(word("speeds")[name] ?? name, name)),
  );
  element("speed").value = chosen;
}

/** Fills in the steps of the chosen speed; the user may change them afterwards. */
function showStepsOfSpeed() {
  const chosen = defaults.speeds.find(({ name }) => name === element("speed").value);
  if (chosen) element("steps").value = chosen.name === "exact" ? defaults.steps : chosen.steps;
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

function chosenSize() {
  const size = element("size").value;
  return size === "own" ? `${element("width").value}x${element("height").value}` : size;
}

export function setSettings(fields) {
  const { size, speed = "exact", steps, guidance, seed, loras, verify, reference_pixels: pixels = "" } = fields;
  setSize(size);
  element("speed").value = speed;
  element("steps").value = steps;
  element("guidance").value = guidance;
  element("seed").value = seed;
  element("count").value = 1;
  element("verify").checked = Boolean(verify);
  element("best-of").value = 1;
  element("reference-pixels").value = pixels;
  setLoras(loras);
}

export function setSize(size) {
  const known = [...element("size").options].some(({ value }) => value === size);
  element("size").value = known ? size : "own";
  if (!known) [element("width").value, element("height").value] = size.split("x");
  showOwnSize();
}

function showOwnSize() {
  const hidden = element("size").value !== "own";
  element("own-size").hidden = hidden;
  // A hidden field with an invalid value would block the form without a visible message.
  for (const side of ["width", "height"]) element(side).disabled = hidden;
  showWarnings();
}

let expected = 0;
export async function showWarnings() {
  const mine = ++expected;
  const size = chosenSize();
  const [width, height] = size === "auto" ? [0, 0] : size.split("x").map(Number);
  if (size !== "auto" && !(width > 0 && height > 0)) return; // incomplete
  const found = await warnings(width, height, sources().length, element("key").value).catch(() => []);
  if (mine !== expected) return;
  const texts = found.map((warning) => warningText(warning, size));
  element("warnings").textContent = texts.join(" ");
  element("warnings").hidden = texts.length === 0;
}

export function settings() {
  const fields = {
    prompt: element("prompt").value,
    size: chosenSize(),
    speed: element("speed").value || "exact",
    steps: Number(element("steps").value),
    guidance: Number(element("guidance").value),
    n: Number(element("count").value),
    ...loraFields(),
  };
  const attempts = Number(element("best-of").value);
  if (element("verify").checked || attempts > 1) fields.verify = true;
  if (attempts > 1) Object.assign(fields, { best_of: attempts, n: 1 });
  const pixels = element("reference-pixels");
  if (!pixels.disabled && pixels.value) fields.reference_pixels = Number(pixels.value);
  if (element("seed").value) fields.seed = BigInt(element("seed").value);
  return fields;
}

element("speed").addEventListener("change", showStepsOfSpeed);
element("size").addEventListener("change", showOwnSize);
for (const side of ["width", "height"]) element(side).addEventListener("change", showWarnings);
