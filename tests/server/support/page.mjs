// The page in a real Chromium, against the real server: what its tests share. Each test begins with a fresh page.
// Screenshots go to GLM_IMAGE_SCREENSHOTS.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, before, beforeEach, afterEach } from "node:test";
import { chromium } from "playwright-core";
import { health, modelWith, repository, startServer, waitUntil } from "./server.mjs";

const executablePath =
  process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
const screenshots = process.env.GLM_IMAGE_SCREENSHOTS ?? `${tmpdir()}/glm-image-screenshots`;
mkdirSync(screenshots, { recursive: true });
export const picture = `${repository}tests/data/tiny/t2i_square.png`;

export const profile = {
  sizes: ["512x512", "512x768", "768x512"],
  steps: 20,
  guidance: 2,
  edits: false,
  examples: [
    { language: "fr", prompt: "Une affiche\u00a0: «\u00a0École de Saaba\u00a0»", seed: 7, size: "768x512" },
    { language: "en", prompt: 'A poster: "OPEN DAY"', seed: 3 },
  ],
};
export const model = modelWith(profile);

export let server, context, page;
let browser, problems;
before(async () => {
  server = await startServer(["--model", model]);
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
});
after(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(model, { recursive: true });
});

export async function open(options = {}, url = server.url) {
  context = await browser.newContext({ locale: "en-GB", ...options });
  // A hang takes longer.
  context.setDefaultTimeout(300_000);
  page = await context.newPage();
  problems = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("blob:")) {
      problems.push(`external: ${request.url()}`);
    }
  });
  await page.goto(url);
  await page.getByRole("button", { name: "Draw", exact: true }).or(page.getByRole("button", { name: "Dessiner", exact: true })).waitFor();
  await hasSettings();
}

/** Waits for the defaults, which come from the server. The page's policy forbids waitForFunction of Playwright. */
export const hasSettings = () => waitUntil(async () => (await page.locator("#steps").inputValue()) !== "");

beforeEach(() => open());
afterEach(async () => {
  await context.close();
  assert.deepEqual(problems, [], "errors in the page, or requests to other machines");
});
export const shot = (name) => page.screenshot({ path: `${screenshots}/${name}.png`, fullPage: true });
export const pictures = () => page.locator("#gallery img");

export async function ask({ prompt = 'A poster: "OPEN"', size = "512x512", steps = "4" } = {}) {
  await page.getByLabel("What to draw").fill(prompt);
  await page.getByLabel("Size and shape").selectOption(size);
  await page.getByLabel("Steps").fill(steps);
}

/** Asks for pictures that take minutes. Tests that need a request at work cancel it. */
export async function askForLong() {
  await ask({ size: "own", steps: "100" });
  await page.getByLabel("Width (pixels)").fill("1024");
  await page.getByLabel("Height (pixels)").fill("1024");
  await page.getByLabel("Pictures", { exact: true }).and(page.locator("input")).fill("10");
}

export async function cancel() {
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("alert").getByText("Cancelled.").waitFor();
  await waitUntil(async () => (await health(server)).queue.running === 0);
}

export const storedJobs = () => page.evaluate(() => JSON.parse(localStorage.getItem("glm-image.jobs")).length);

/** For problems that a test causes. */
export function forgetProblems(expected) {
  problems = problems.filter((problem) => !expected.test(problem));
}
