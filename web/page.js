// Starts the page: fills the form and connects its parts.

import { element, showError } from "./dom.js";
import { askForKey, drawDrafts, drawPictures, isAtWork, resumeJobs, showDrafts } from "./drawing.js";
import { fillChoices, setDefaults, setSettings, setSize, settings, showWarnings } from "./form.js";
import { setActions, showGallery } from "./gallery.js";
import { readLoras } from "./loras.js";
import { markTexts, setPrompt } from "./prompt.js";
import { health } from "./server.js";
import { acceptDrops, addSources, onSources, showSources, sources } from "./sources.js";
import { fillWords, onLanguage, word } from "./words.js";

async function readDefaults() {
  try {
    const state = await health();
    setDefaults(state);
    if (state.needs_key) askForKey();
    else await readLoras("");
  } catch {
    showError(word("lost"));
  }
}

function speak() {
  fillChoices();
  showSources();
  showDrafts();
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

onSources((areAdded) => {
  // Also shows the warnings.
  if (areAdded) setSize("auto");
  else showWarnings();
});

element("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (isAtWork()) return;
  if (event.submitter === element("drafts")) drawDrafts();
  else drawPictures(settings(), {}, sources());
});
element("key").addEventListener("change", () => {
  readLoras(element("key").value);
  resumeJobs();
});
element("picture").addEventListener("change", () => {
  addSources(element("picture").files);
  element("picture").value = "";
});
acceptDrops();
fillWords();
onLanguage(speak);
speak();
readDefaults();
resumeJobs();
