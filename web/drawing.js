// The running request, its pictures and its drafts.

import { announce, element, showError } from "./dom.js";
import { settings } from "./form.js";
import { addPicture, pictureUrl } from "./gallery.js";
import { forgetJob, storedJobs, storeJob } from "./jobs.js";
import { showEarly, showProgress } from "./progress.js";
import { refusalText } from "./refusals.js";
import { cancelJob, follow, Refusal, submit } from "./server.js";
import { word } from "./words.js";

let atWork = null; // AbortController of the running request

export function isAtWork() {
  return atWork !== null;
}

/** Shows an event of a job. Passes finished pictures to `take`. */
function showEvent(event, fields, take) {
  if (event.type === "progress") return showProgress(event);
  if (event.type === "early") return showEarly(event.blob);
  const url = pictureUrl(event.b64_json, `image/${event.output_format}`);
  const { seed, size, composition, verification, warnings, candidates, revised_prompt: revised } = event;
  take({ url, settings: fields, seed, size, composition, verification, warnings, candidates, revised });
  return undefined;
}

function startButtons() {
  return [element("draw"), element("drafts"), ...element("draft-cards").querySelectorAll("button")];
}

function setAtWork(controller) {
  atWork = controller;
  for (const button of startButtons()) button.disabled = controller !== null;
  element("now").hidden = controller === null;
  element("draft").hidden = true;
  element("progress").removeAttribute("value");
  // On a phone it is below the form.
  if (controller !== null) element("now").scrollIntoView({ block: "nearest" });
}

// --- Drafts ---

let drafts = [];

export function showDrafts() {
  element("drafts-block").hidden = drafts.length === 0;
  element("draft-cards").replaceChildren(
    ...drafts.map((draft, index) => {
      const image = document.createElement("img");
      image.src = draft.url;
      image.alt = "";
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet";
      button.append(image, word("finishDraft", { n: index + 1 }));
      button.disabled = atWork !== null;
      button.addEventListener("click", () => finishDraft(draft));
      const item = document.createElement("li");
      item.append(button);
      return item;
    }),
  );
}

export function drawDrafts() {
  const count = Math.min(4, element("count").max || 4);
  for (const draft of drafts) URL.revokeObjectURL(draft.url);
  drafts = [];
  showDrafts();
  // Finishing a draft later uses the settings of the draft.
  const fields = settings();
  return drawPictures(fields, { draft: true, n: count, verify: false, best_of: 1 }, []);
}

function addDraft(draft) {
  drafts.push(draft);
  showDrafts();
}

function finishDraft({ settings: fields, seed, composition }) {
  return drawPictures({ ...fields, seed: BigInt(seed) }, { n: 1, best_of: 1, composition }, []);
}

/** Sends a request with the settings `fields` and the additional fields `more`, and shows its pictures. */
export function drawPictures(fields, more, sources) {
  announce(word("sending"));
  element("status").textContent = word("sending");
  return work(async (signal) => {
    const early = more.draft ? 0 : 3;
    const key = element("key").value;
    const id = await submit({ ...fields, partial_images: early, ...more }, sources, key, signal);
    shown.add(id);
    storeJob(id, fields, Boolean(more.draft));
    await followJob({ id, settings: fields, drafts: Boolean(more.draft) }, signal);
  });
}

/** Shows a job and its pictures. Aborting `signal` cancels it. */
async function followJob({ id, settings: fields, drafts: areDrafts }, signal) {
  const key = element("key").value;
  try {
    for await (const event of follow(id, key, signal)) {
      showEvent(event, fields, areDrafts ? addDraft : addPicture);
    }
  } catch (error) {
    if (signal.aborted) await cancelJob(id, key).catch(() => {});
    // Not after a failure of the network: the next reload finds the job again.
    if (signal.aborted || (error instanceof Refusal && error.status !== 401)) forgetJob(id);
    throw error;
  }
}

/** Runs `action` with the signal of the button that cancels, and shows how it ends. */
async function work(action) {
  const starter = document.activeElement;
  const controller = new AbortController();
  setAtWork(controller);
  showError("");
  try {
    await action(controller.signal);
    announce(word("done"));
  } catch (error) {
    if (controller.signal.aborted) {
      showError(word("cancelled"));
    } else if (error instanceof Refusal) {
      if (error.status === 401) askForKey();
      showError(word("failed", { message: refusalText(error) }));
    } else {
      showError(word("lost"));
    }
  }
  // Keep focus where the user moved it. If the focused element is about to be hidden or has been
  // disabled, move focus to the button that started the request.
  const stood = [document.body, element("cancel")].includes(document.activeElement);
  setAtWork(null);
  const again = startButtons().includes(starter) ? starter : element("draw");
  if (stood && starter !== document.body) again.focus();
}

const shown = new Set(); // the jobs whose pictures this page shows

/** Shows the pictures of the last visit, and follows the job that is still at work. */
export async function resumeJobs() {
  for (const job of storedJobs()) {
    if (atWork !== null) return;
    if (shown.has(job.id)) continue;
    try {
      shown.add(job.id);
      await resumeJob(job);
    } catch (error) {
      if (!(error instanceof Refusal)) return; // the server is gone
      if (error.status === 401) {
        shown.delete(job.id); // until there is a key
        return;
      }
      // It failed, or the server has forgotten it.
      forgetJob(job.id);
    }
  }
}

async function resumeJob(job) {
  const events = follow(job.id, element("key").value, new AbortController().signal);
  for await (const event of events) {
    if (event.type !== "completed") {
      // It is still at work: start again, with the button that cancels.
      return work((signal) => followJob(job, signal));
    }
    showEvent(event, job.settings, job.drafts ? addDraft : addPicture);
  }
  return undefined;
}

export function askForKey() {
  element("key-field").hidden = false;
}

element("cancel").addEventListener("click", () => atWork?.abort());
