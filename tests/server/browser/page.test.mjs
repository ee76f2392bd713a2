// The page: what it draws, keeps and says.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { writeLora } from "../support/loras.mjs";
import {
  ask, askForLong, cancel, context, forgetProblems, hasSettings, model, open, page, picture, pictures, profile, server, shot, storedJobs,
} from "../support/page.mjs";
import { health, startServer, waitUntil } from "../support/server.mjs";

test("shows a draft and progress on the way", async () => {
  await askForLong();
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await page.locator("#draft").waitFor({ state: "visible" });
  assert.ok(await page.locator("#draft").evaluate((image) => image.decode().then(() => image.naturalWidth)) > 0);
  assert.equal(await pictures().count(), 0, "the draft comes before the picture");
  await waitUntil(async () => (await page.locator("#progress").getAttribute("value")) > 0);
  assert.match(await page.getByRole("status").textContent(), /\w/);
  await shot("drawing");
  await cancel();
  assert.equal(await pictures().count(), 0);
});

test("draws a picture", async () => {
  await ask({ size: "512x512", steps: "10" });
  await page.getByLabel("Seed").fill("18446744073709551615");
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await pictures().first().waitFor();
  assert.equal(await pictures().first().evaluate((image) => image.decode().then(() => image.naturalWidth)), 512);
  assert.match(await page.locator("#gallery li").textContent(), /512 × 512, 10 steps, seed 18446744073709551615/);
  await page.locator("#now").waitFor({ state: "hidden" });
  assert.equal(await page.getByRole("status").textContent(), "Done.");
  await shot("drawn");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download" }).click();
  assert.equal((await download).suggestedFilename(), "glm-image-18446744073709551615.png");
});

test("starts from what the model was trained for", async () => {
  assert.deepEqual(
    await page.getByLabel("Size and shape").locator("option").allTextContents(),
    ["As the first picture, or the model’s own", "Square, 512 × 512", "Portrait, 512 × 768", "Landscape, 768 × 512", "Other size…"]);
  assert.equal(await page.getByLabel("Size and shape").inputValue(), "512x512");
  assert.equal(await page.getByLabel("Steps").inputValue(), "20");
  assert.equal(await page.getByLabel("Guidance").inputValue(), "2");
  await page.getByLabel("Steps").fill("4");
  await page.getByRole("button", { name: 'A poster: "OPEN DAY"' }).click();
  assert.equal(await page.getByLabel("What to draw").inputValue(), profile.examples[1].prompt);
  assert.equal(await page.getByLabel("Seed").inputValue(), "3");
  assert.equal(await page.getByLabel("Steps").inputValue(), "20");
  await page.getByRole("button", { name: "Français" }).click();
  await page.getByRole("button", { name: /École de Saaba/ }).click();
  assert.equal(await page.locator("#size").inputValue(), "768x512");
  assert.equal(await page.locator("#seed").inputValue(), "7");
  assert.equal(await page.locator("#examples button").count(), 1, "those of the language alone");
});

test("says before drawing what the model was not trained for", async () => {
  const warnings = page.locator("#warnings");
  assert.equal(await warnings.isVisible(), false);
  await page.getByLabel("Size and shape").selectOption("own");
  await page.getByLabel("Width (pixels)").fill("128");
  await page.getByLabel("Height (pixels)").fill("128");
  await page.getByLabel("Height (pixels)").blur();
  await warnings.getByText("This model was trained at 512 × 512, 512 × 768, 768 × 512. At 128 × 128 the picture may be illegible.").waitFor();
  await shot("warning");
  await page.locator("#picture").setInputFiles(picture);
  await warnings.getByText(/^This model was not trained to edit pictures/).waitFor();
  await page.getByRole("button", { name: "Français" }).click();
  await warnings.getByText(/^Ce modèle n’a pas été entraîné à modifier des images/).waitFor();
  await page.getByRole("button", { name: "Retirer t2i_square.png" }).click();
  await warnings.waitFor({ state: "hidden" });
});

test("works with a model that says nothing of itself", async () => {
  const plain = await startServer();
  try {
    await context.close();
    await open({}, plain.url);
    await waitUntil(async () => (await page.getByLabel("Steps").inputValue()) === "50");
    assert.equal(await page.getByLabel("Size and shape").inputValue(), "1024x1024");
    assert.equal(await page.locator("#examples-block").isVisible(), false);
    await ask({ size: "auto", steps: "1" });
    assert.equal(await page.locator("#form").evaluate((form) => form.checkValidity()), true);
  } finally {
    // A page that is open may ask a server that is gone.
    await context.close();
    await plain.stop();
  }
});

test("the answer warns too, and auto is the model's own size", async () => {
  const drawn = async (fields) => {
    const answer = await fetch(`${server.url}/v1/images/generations`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: "A pot", steps: 1, ...fields }),
    });
    return answer.json();
  };
  const own = await drawn({ size: "auto" });
  assert.equal(own.size, "512x512");
  assert.deepEqual(own.warnings, []);
  const small = await drawn({ size: "64x64" });
  assert.equal(small.warnings[0].code, "size_not_trained");
  assert.match(small.warnings[0].message, /64x64 .*512x512, 512x768, 768x512/);
  const state = await health(server);
  assert.equal(state.defaults.steps, 20);
  assert.equal(state.defaults.guidance, 2);
  assert.deepEqual(state.profile, { ...profile, examples: [profile.examples[0], { ...profile.examples[1], size: "512x512" }] });
});

test("marks the texts that will be spelled, as they are typed", async () => {
  await page.getByLabel("What to draw").pressSequentially("L'affiche de l'école « Saaba » et \"OPEN\"");
  await page.locator("#prompt-marks mark").nth(1).waitFor();
  assert.deepEqual(await page.locator("#prompt-marks mark").allTextContents(), ["« Saaba »", '"OPEN"']);
  assert.equal(await page.locator("#spelled").textContent(), "Will be spelled: “Saaba”, “OPEN”");
  // The copy under the text box breaks its lines where the box does.
  const heights = await page.evaluate(() =>
    ["prompt", "prompt-marks"].map((id) => document.getElementById(id).clientWidth));
  assert.equal(heights[0], heights[1]);
  await shot("texts");
});

test("drafts are cards, and one click finishes one", async () => {
  await ask({ size: "512x512", steps: "4" });
  await page.getByLabel("Seed").fill("18446744073709551611");
  await page.getByRole("button", { name: "Drafts first" }).click();
  const cards = page.locator("#draft-cards button");
  await cards.nth(3).waitFor();
  await page.locator("#now").waitFor({ state: "hidden" });
  assert.equal(await cards.count(), 4);
  assert.equal(await pictures().count(), 0);
  await shot("drafts");
  // The card keeps the settings with which it was drawn.
  await page.getByLabel("What to draw").fill("something else");
  await page.getByRole("button", { name: "Finish draft 3" }).click();
  await pictures().first().waitFor();
  await page.locator("#now").waitFor({ state: "hidden" });
  assert.equal(await pictures().first().evaluate((image) => image.decode().then(() => image.naturalWidth)), 512);
  assert.match(await page.locator("#gallery li").textContent(), /A poster: "OPEN".*512 × 512, 4 steps, seed 18446744073709551613/s);
  assert.equal(await cards.count(), 4, "another draft may be finished too");
  await page.getByRole("button", { name: "Français" }).click();
  await page.getByRole("button", { name: "Achever l’ébauche 3" }).waitFor();
  await shot("drafts-french");
  await page.locator("#picture").setInputFiles(picture);
  await page.getByRole("button", { name: "D’abord des ébauches" }).waitFor({ state: "hidden" });
});

test("offers the server's adapters, and sends those that are not 0", async () => {
  assert.equal(await page.getByText("Adapters").isVisible(), false);
  const folder = mkdtempSync(`${tmpdir()}/glm-image-loras-`);
  writeLora(`${folder}/style.safetensors`);
  writeLora(`${folder}/ink.safetensors`);
  const own = await startServer(["--model", model, "--lora-dir", folder, "--lora", "ink:0.5"]);
  try {
    await context.close();
    await open({}, own.url);
    assert.equal(await page.getByLabel("ink").inputValue(), "0.5");
    assert.equal(await page.getByLabel("style").inputValue(), "0");
    await ask({ size: "512x512" });
    await page.getByLabel("ink").fill("0");
    await page.getByLabel("style").fill("-1.5");
    const request = page.waitForRequest("**/v1/images/generations");
    await page.getByRole("button", { name: "Draw", exact: true }).click();
    assert.deepEqual(JSON.parse((await request).postData()).loras, [{ name: "style", scale: -1.5 }]);
    await pictures().first().waitFor();
    await shot("adapters");
    await page.getByLabel("style").fill("0");
    await page.getByRole("button", { name: /Use these settings/ }).click();
    assert.equal(await page.getByLabel("style").inputValue(), "-1.5");
    // As a form, too.
    await page.getByLabel("Choose pictures").setInputFiles(picture);
    await page.getByRole("button", { name: "Draw", exact: true }).click();
    await pictures().nth(1).waitFor();
  } finally {
    await context.close();
    await own.stop();
    rmSync(folder, { recursive: true });
  }
});

test("a speed chooses its steps, and the request names it", async () => {
  await ask({ size: "512x512" });
  const steps = async (speed) => {
    await page.getByLabel("Speed").selectOption(speed);
    return page.getByLabel("Steps").inputValue();
  };
  assert.deepEqual([await steps("fast"), await steps("balanced"), await steps("exact")], ["6", "10", "20"]);
  await steps("fast");
  const request = page.waitForRequest("**/v1/images/generations");
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  const sent = JSON.parse((await request).postData());
  assert.deepEqual([sent.speed, sent.steps], ["fast", 6]);
  await pictures().first().waitFor();
  await page.getByLabel("Speed").selectOption("exact");
  await page.getByRole("button", { name: /Use these settings/ }).click();
  assert.deepEqual([await page.getByLabel("Speed").inputValue(), await page.getByLabel("Steps").inputValue()], ["fast", "6"]);
});

/** Changes the results of jobs on their way to the page. */
async function changeResults(change) {
  await page.route("**/v1/jobs/*", async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    if (json.result) change(json.result);
    await route.fulfill({ response, json });
  });
}

test("shows the warnings of an answer, and the prompt that was drawn", async () => {
  const typed = 'A poster: "OPEN"', drawn = 'A bold poster, "OPEN" at the top';
  const animated = "picture 1: is an animated WebP file (frames: 3); only its first frame is used";
  await changeResults((result) => {
    result.warnings = [
      { code: "prompt_not_rewritten", message: "the prompt is used as written: no answer {x}" },
      { code: "picture", message: animated },
      { code: "text_not_right", message: "picture 2: …" },
      { code: "of_tomorrow", message: "something new" },
      { code: "size_not_trained", message: "…" },
    ];
    result.data[0].revised_prompt = drawn;
    result.data[0].verification = [{ text: "OPEN", state: "missing", read: "", similarity: 0, box: null }];
  });
  await ask({ prompt: typed });
  await page.getByLabel("Pictures", { exact: true }).and(page.locator("input")).fill("2");
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await pictures().nth(1).waitFor();
  // The newest picture comes first.
  const [second, first] = [0, 1].map((index) => page.locator("#gallery > li").nth(index));
  const notes = (entry) => entry.getByRole("list", { name: /Warnings|Avertissements/ }).locator("li").allTextContents();
  const common = ["The prompt was drawn as written: no answer {x}.", animated, "something new",
    "This model was trained at 512 × 512, 512 × 768, 768 × 512. At 512 × 512 the picture may be illegible."];
  assert.deepEqual(await notes(second), common);
  assert.deepEqual(await notes(first), [...common, "Not all texts in this picture are right."]);
  assert.equal(await first.locator("p").first().textContent(), drawn);
  assert.equal(await first.locator("img").getAttribute("alt"), drawn);
  assert.equal(await first.locator("p.hint").first().textContent(), `Rewritten from: ${typed}`);
  assert.equal(await second.locator("p").first().textContent(), typed);
  await shot("answer-warnings");
  // The typed prompt is the one to change.
  await page.getByLabel("What to draw").fill("");
  await first.getByRole("button", { name: /Use these settings/ }).click();
  assert.equal(await page.getByLabel("What to draw").inputValue(), typed);
  await page.getByRole("button", { name: "Français" }).click();
  assert.match((await notes(first))[0], /^La consigne n’a pas pu être réécrite/);
  assert.match(await first.locator("p.hint").first().textContent(), /^Réécrite à partir de/);
});

test("refuses in French what the server refuses", async () => {
  await context.close();
  await open({ locale: "fr-FR" });
  await page.getByLabel("Que dessiner").fill("Une affiche");
  let error;
  await page.route("**/v1/images/generations", (route) =>
    route.fulfill({ status: 400, json: { error: { type: "invalid_request_error", ...error } } }));
  for (const [param, message, expected] of [
    ["size", "size must be auto or WIDTHxHEIGHT, sides from 16 to 4096 pixels and at most 4194304 pixels in all; found \"9x9\"", /de 16 à 4096 pixels, et l’image 4194304 pixels/],
    ["size", "size 2048x2048 is too large: the picture's 4352 tokens and the prompt's 17 do not fit the model's context of 4096", /taille n’est pas possible/],
    ["prompt", "prompt is too long: its 5000 tokens and …", /consigne est trop longue/],
    ["prompt", "prompt must be a text that says what to draw; found \"\"", /consigne doit dire quoi dessiner/],
    ["loras", "adapters: 'ink' is asked for, but no adapter is loaded", /adaptateurs n’existe pas/],
    ["loras", "loras[0].scale must be a number from -10 to 10, found 11", /nombre de -10 à 10/],
    ["steps", "steps must be a whole number from 1 to 100; found 999", /pour les étapes, il faut un nombre de 1 à 100/],
    ["guidance_scale", "guidance_scale must be a number from 1 to 100; found 0", /pour le guidage, il faut un nombre de 1 à 100/],
    ["n", "n must be a whole number from 1 to 10; found 11", /nombre d’images, il faut un nombre de 1 à 10/],
    ["seed", "seed must be a whole number from 0 to 18446744073709551615, or -1 for any; found 1.5", /graine, il faut un nombre de 0 à 18446744073709551615\./],
    ["quality", "quality must be one of auto, low; found \"ultra\"", /qualité n’existe pas/],
    ["image", "picture 2: is a damaged PNG file: it ends too early", /image de départ 2 ne peut pas être lue/],
    ["image[]", "picture 1: has 9000x100 pixels; the longer side may be at most 4 times the shorter one; crop it first", /image de départ 1 est trop grande/],
    [null, "the stage denoising needs 9.0 GB of memory for a picture of 1024x1024; 1.0 GB are free on this machine", /mémoire insuffisante/],
    ["style", "style must be one of vivid, natural; found 1", /requête est refusée \(style must be/],
  ]) {
    error = { param, message, code: param?.startsWith("image") ? "invalid_image" : "invalid_value" };
    await page.getByRole("button", { name: "Dessiner", exact: true }).click();
    await page.getByRole("alert").getByText(expected).waitFor();
  }
  forgetProblems(/Failed to load resource/);
});

test("takes the ranges of its fields from the server", async () => {
  const { limits, defaults } = await health(server);
  const range = async (label) => [await page.locator(label).getAttribute("min"), await page.locator(label).getAttribute("max")].map(Number);
  assert.deepEqual(await range("#width"), [limits.min_side, limits.max_side]);
  assert.deepEqual(await range("#reference-pixels"), limits.reference_pixels);
  assert.deepEqual(await range("#steps"), [1, defaults.max_steps]);
  await page.route("**/health", async (route) => {
    const json = await (await route.fetch()).json();
    Object.assign(json.limits, { min_side: 32, guidance: [2, 7], max_count: 3, max_prompt_bytes: 30 });
    await route.fulfill({ json });
  });
  await page.reload();
  await hasSettings();
  assert.deepEqual(await range("#guidance"), [2, 7]);
  assert.deepEqual(await range("#height"), [32, limits.max_side]);
  assert.deepEqual(await range("#count"), [1, 3]);
  // A prompt is measured in bytes: ten characters of Chinese are thirty.
  const isValid = () => page.locator("#prompt").evaluate((prompt) => prompt.checkValidity());
  await page.getByLabel("What to draw").fill("海".repeat(10));
  assert.equal(await isValid(), true);
  await page.getByLabel("What to draw").fill("海".repeat(11));
  assert.equal(await isValid(), false);
  assert.match(await page.locator("#prompt").evaluate((prompt) => prompt.validationMessage), /at most 30 bytes/);
});

test("leaves those alone who go on typing, and text where it is dropped", async () => {
  await ask({ size: "512x512", steps: "4" });
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await page.getByLabel("What to draw").focus();
  await pictures().first().waitFor();
  await page.locator("#now").waitFor({ state: "hidden" });
  assert.equal(await page.evaluate(() => document.activeElement.id), "prompt");
  // A spreadsheet pastes its cells as text and as a picture.
  await page.evaluate(async () => {
    const transfer = new DataTransfer();
    transfer.setData("text/plain", "a\tb");
    transfer.items.add(new File(["x"], "cells.png", { type: "image/png" }));
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer }));
  });
  assert.equal(await page.locator("#pictures img").count(), 0);
  const taken = await page.evaluate(() => {
    const transfer = new DataTransfer();
    transfer.setData("text/plain", "word");
    return !document.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, cancelable: true }));
  });
  assert.equal(taken, false, "dropped text is the browser's to insert");
});

test("a size of one's own does not stand in the way once another is chosen", async () => {
  await page.getByLabel("What to draw").fill("A poster");
  await page.getByLabel("Size and shape").selectOption("own");
  await page.getByLabel("Width (pixels)").fill("5000");
  await page.getByLabel("Size and shape").selectOption("512x512");
  assert.equal(await page.locator("#form").evaluate((form) => form.checkValidity()), true);
});

test("cancels, and the server is free at once", async () => {
  await askForLong();
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await waitUntil(async () => (await health(server)).queue.running === 1);
  await cancel();
  assert.equal(await pictures().count(), 0);
});

test("after a reload, pictures and drafts are there, and the job at work goes on", async () => {
  await ask({ steps: "2" });
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await pictures().first().waitFor();
  await page.locator("#now").waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Drafts first" }).click();
  await page.locator("#draft-cards button").nth(3).waitFor();
  await page.locator("#now").waitFor({ state: "hidden" });
  await askForLong();
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await waitUntil(async () => (await health(server)).queue.running === 1);
  await waitUntil(async () => (await storedJobs()) === 3);
  await page.reload();
  await page.locator("#now").waitFor({ state: "visible" });
  assert.equal(await pictures().count(), 1);
  assert.equal(await page.locator("#draft-cards button").count(), 4);
  assert.equal(await page.getByRole("button", { name: "Draw", exact: true }).isDisabled(), true);
  // A job that is taken up can be cancelled, or ends.
  await cancel();
  assert.equal(await storedJobs(), 2);
  await ask({ size: "768x512", steps: "50" });
  await page.getByLabel("Seed").fill("18446744073709551615");
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await waitUntil(async () => (await storedJobs()) === 3);
  await page.reload();
  await pictures().nth(1).waitFor();
  assert.match(await page.locator("#gallery li").first().textContent(), /50 steps, seed 18446744073709551615/);
  await page.locator("#now").waitFor({ state: "hidden" });
});

test("starts from a chosen, a pasted and a drawn picture", async () => {
  await page.locator("#picture").setInputFiles(picture);
  await page.locator("#pictures img").waitFor();
  assert.equal(await page.getByLabel("Size and shape").inputValue(), "auto");
  await page.getByRole("button", { name: "Remove t2i_square.png" }).click();
  assert.equal(await page.locator("#pictures img").count(), 0);
  await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(96, 64);
    canvas.getContext("2d").fillRect(0, 0, 96, 64);
    const transfer = new DataTransfer();
    transfer.items.add(new File([await canvas.convertToBlob()], "pasted.png", { type: "image/png" }));
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer }));
  });
  await page.getByAltText("pasted.png").waitFor();
  await page.getByLabel("What to draw").fill("Make it night");
  await page.getByLabel("Steps").fill("4");
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await pictures().first().waitFor();
  assert.equal(await pictures().first().evaluate((image) => image.decode().then(() => image.naturalWidth)), 96);
  await page.getByRole("button", { name: /Start from this picture/ }).click();
  await waitUntil(async () => (await page.locator("#pictures img").count()) === 2);
  await shot("edit");
});

test("reads the pictures to start from at the pixels that are asked for", async () => {
  const pixels = page.getByLabel("Pixels to read of each picture, at most");
  assert.equal(await pixels.isVisible(), false, "for edits alone");
  await ask({ size: "512x512" });
  await page.locator("#picture").setInputFiles(picture);
  await pixels.waitFor();
  assert.equal(await pixels.getAttribute("placeholder"), "the model’s own maximum");
  const valid = () => page.locator("#form").evaluate((form) => form.checkValidity());
  await pixels.fill("1023");
  assert.equal(await valid(), false);
  await page.getByRole("button", { name: "Remove t2i_square.png" }).click();
  assert.equal(await valid(), true, "a hidden field does not block the form");
  await page.locator("#picture").setInputFiles(picture);
  await pixels.fill("4096");
  // Chromium does not report the body of a form with files.
  await page.evaluate(() => {
    const send = window.fetch;
    window.fetch = (address, options) => {
      if (options?.body instanceof FormData) window.sentPixels = options.body.get("reference_pixels");
      return send(address, options);
    };
  });
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await pictures().first().waitFor();
  assert.equal(await page.evaluate(() => window.sentPixels), "4096");
  await page.locator("#now").waitFor({ state: "hidden" });
  await shot("reference-pixels");
  await pixels.fill("");
  await page.getByRole("button", { name: /Use these settings/ }).click();
  assert.equal(await pixels.inputValue(), "4096");
  await page.getByRole("button", { name: "Français" }).click();
  await page.getByLabel("Pixels à lire de chaque image, au plus").waitFor();
});

test("uses the settings of a drawn picture again", async () => {
  await ask();
  await page.getByLabel("Pictures", { exact: true }).and(page.locator("input")).fill("2");
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await pictures().nth(1).waitFor();
  await page.getByLabel("What to draw").fill("something else");
  await page.getByRole("button", { name: /Use these settings/ }).first().click();
  assert.equal(await page.getByLabel("What to draw").inputValue(), 'A poster: "OPEN"');
  assert.match(await page.getByLabel("Seed").inputValue(), /^\d+$/);
  assert.equal(await page.getByLabel("Steps").inputValue(), "4");
});

test("says when the server is gone, and what it refuses", async () => {
  await ask();
  await page.evaluate(() => (document.getElementById("steps").max = 1000));
  await page.getByLabel("Steps").fill("999");
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await page.getByRole("alert").getByText(/steps must be a whole number from 1 to 100/).waitFor();
  await context.setOffline(true);
  await page.getByLabel("Steps").fill("4");
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await page.getByRole("alert").getByText("The server cannot be reached.").waitFor();
  // Chromium reports both as network errors.
  forgetProblems(/Failed to load resource/);
});
