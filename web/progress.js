// How far a request is.

import { announce, element } from "./dom.js";
import { word } from "./words.js";

function timeText(seconds) {
  const name = seconds < 90 ? "seconds" : "minutes";
  return word(name, { n: Math.ceil(seconds < 90 ? seconds : seconds / 60) });
}

export function showProgress(event) {
  const left =
    event.seconds_left === null ? "" : word("left", { time: timeText(event.seconds_left) });
  if (event.status === "queued") {
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

/** Shows an early version of a picture. */
export function showEarly(blob) {
  URL.revokeObjectURL(element("draft").src);
  element("draft").src = URL.createObjectURL(blob);
  element("draft").alt = word("draftAlt");
  element("draft").hidden = false;
}
