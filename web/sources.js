// The pictures to start from: chosen, dropped or pasted.

import { element, showError } from "./dom.js";
import { word } from "./words.js";

let pictures = []; // condition images, as files
let changed = () => {};

/** Sets what happens when pictures were added (true) or removed (false). */
export function onSources(action) {
  changed = action;
}

export function sources() {
  return pictures;
}

export function addSources(files) {
  for (const file of files) {
    if (["image/png", "image/jpeg", "image/webp"].includes(file.type)) {
      pictures.push(file);
    } else {
      showError(word("notAPicture", { name: file.name }));
    }
  }
  showSources();
  changed(pictures.length > 0);
}

export function showSources() {
  // Drafts do not support condition images.
  for (const id of ["drafts", "drafts-hint"]) element(id).hidden = pictures.length > 0;
  element("reference-pixels-field").hidden = pictures.length === 0;
  // A hidden field with an invalid value would block the form without a visible message.
  element("reference-pixels").disabled = pictures.length === 0;
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
        changed(false);
        element("picture").focus();
      });
      const item = document.createElement("li");
      item.append(image, remove);
      return item;
    }),
  );
}

export function acceptDrops() {
  const source = element("source");
  // Ignore text: the browser handles dropped and pasted text.
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
    // Spreadsheets paste a picture of the cells in addition to the text.
    if (brings(clipboardData, "text/plain") || clipboardData.files.length === 0) return;
    addSources(clipboardData.files);
  });
}
