// The report of the texts that the server read back from a picture.

import { word } from "./words.js";

const signs = { found: "✓", similar: "≈", missing: "✗", unread: "?" };

function sentence(check) {
  const values = { text: word("quoted", { text: check.text }), read: word("quoted", { text: check.read }) };
  const said = word("textStates")[check.state] ?? check.state;
  const text = said.replace("{text}", () => values.text).replace("{read}", () => values.read);
  if (check.state !== "found" || !check.unknown_letters) return text;
  return text + word("unknownLetters", { letters: check.unknown_letters });
}

/** Returns a frame around the picture's box of a text, hidden at first. `size` is "512x384". */
function frame({ left, top, width, height }, size) {
  const [whole, high] = size.split("x").map(Number);
  const box = document.createElement("span");
  box.className = "text-box";
  box.hidden = true;
  const percent = (part, all) => `${(100 * part) / all}%`;
  box.style.left = percent(left, whole);
  box.style.top = percent(top, high);
  box.style.width = percent(width, whole);
  box.style.height = percent(height, high);
  return box;
}

/**
 * Returns a list with one line for each text. The box of a text is shown over the picture, in `around`, while the
 * pointer is on its line or the line has the focus.
 */
export function verificationList(checks, size, around) {
  const list = document.createElement("ul");
  list.className = "checks";
  list.setAttribute("aria-label", word("verification"));
  for (const check of checks) {
    const item = document.createElement("li");
    item.className = `check-${check.state}`;
    const sign = document.createElement("span");
    sign.textContent = signs[check.state] ?? "";
    sign.setAttribute("aria-hidden", "true");
    item.append(sign, ` ${sentence(check)}`);
    if (check.box) {
      const box = frame(check.box, size);
      around.append(box);
      const show = (shown) => () => (box.hidden = !shown);
      item.tabIndex = 0;
      item.addEventListener("pointerenter", show(true));
      item.addEventListener("pointerleave", show(false));
      item.addEventListener("focus", show(true));
      item.addEventListener("blur", show(false));
    }
    list.append(item);
  }
  return list;
}
