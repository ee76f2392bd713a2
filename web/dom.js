// The page's elements, and what it tells everyone: errors, and announcements for screen readers.

export const element = (id) => document.getElementById(id);

export function showError(message) {
  element("error").textContent = message;
  element("error").hidden = message === "";
}

/** Announces a message to screen readers, once. */
export function announce(message) {
  if (element("announced").textContent !== message) element("announced").textContent = message;
}
