// The adapters that the server offers: a number for each, 0 for none.

import { loras } from "./server.js";

const block = document.getElementById("loras-block");
const list = document.getElementById("loras");
let offered = [];
let range = {}; // of a scale: {min, max}

/** Sets the smallest and the largest scale. */
export function setLoraRange(min, max) {
  range = { min, max };
  for (const scale of list.querySelectorAll("input")) Object.assign(scale, range);
}

/** Asks the server for its adapters and shows them, if there are any. */
export async function readLoras(key) {
  offered = await loras(key).catch(() => []);
  block.hidden = offered.length === 0;
  list.replaceChildren(
    ...offered.map(({ name }, index) => {
      const label = document.createElement("label");
      label.htmlFor = `lora-${index}`;
      label.textContent = name;
      const scale = document.createElement("input");
      Object.assign(scale, { id: `lora-${index}`, type: "number", ...range, step: "any", inputMode: "decimal" });
      const row = document.createElement("div");
      row.append(label, scale);
      return row;
    }),
  );
  setLoras();
}

/** Shows these adapters, [{name, scale}], or those that the server applies by itself. */
export function setLoras(chosen) {
  offered.forEach(({ name, default_scale }, index) => {
    const scale = chosen ? chosen.find((lora) => lora.name === name)?.scale : default_scale;
    document.getElementById(`lora-${index}`).value = scale ?? 0;
  });
}

/** Returns the adapters to apply as fields of a request: none if the server offers no adapter. */
export function loraFields() {
  if (offered.length === 0) return {};
  const all = offered.map(({ name }, index) => ({ name, scale: Number(document.getElementById(`lora-${index}`).value) }));
  return { loras: all.filter(({ scale }) => scale !== 0) };
}
