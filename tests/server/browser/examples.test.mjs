// Draws each example of the page with the shipped model and reads its texts.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { health, repository, startServer } from "../support/server.mjs";

const executablePath =
  process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
const folder = mkdtempSync(`${tmpdir()}/glm-image-examples-`);
/** For whatever the page waits for: a hang takes longer. */
const kPatience = 300_000;

let server, browser;
async function open(language) {
  const page = await browser.newPage({ locale: language });
  page.setDefaultTimeout(kPatience);
  await page.goto(server.url);
  return page;
}
before(async () => {
  server = await startServer(["--model", `${repository}models/nano`]);
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
});
after(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(folder, { recursive: true });
});

/** The words that Tesseract finds in a picture of the page, which is enlarged for it. */
async function wordsOf(image) {
  const dataUrl = await image.evaluate(async (element) => {
    await element.decode();
    const scale = 4;
    const canvas = document.createElement("canvas");
    canvas.width = element.naturalWidth * scale;
    canvas.height = element.naturalHeight * scale;
    canvas.getContext("2d").drawImage(element, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/png");
  });
  const file = `${folder}/picture.png`;
  writeFileSync(file, Buffer.from(dataUrl.split(",")[1], "base64"));
  const { status, stdout, stderr } = spawnSync("tesseract", [file, "-", "--psm", "11", "-l", "fra"], {
    encoding: "utf8",
    env: { ...process.env, OMP_THREAD_LIMIT: "1" },
  });
  assert.equal(status, 0, stderr);
  return stdout.normalize("NFC").split(/\s+/);
}

for (const language of ["fr", "en"]) {
  test(`a click on each example draws what it says (${language})`, async () => {
    const { profile } = await health(server);
    const examples = profile.examples.filter((example) => example.language === language);
    assert.ok(examples.length >= 3);
    const page = await open(language);
    for (const [index, { prompt, seed }] of examples.entries()) {
      await page.locator("#examples button").nth(index).click();
      assert.equal(await page.locator("#prompt").inputValue(), prompt);
      await page.locator("#draw").click();
      await page.locator("#gallery li").nth(index).waitFor();
      await page.locator("#now").waitFor({ state: "hidden" });
      assert.equal(await page.locator("#error").isVisible(), false);
      assert.equal(await page.locator("#warnings").isVisible(), false);
      const entry = page.locator("#gallery li").first();
      assert.ok((await entry.locator(".hint").textContent()).includes(String(seed)));
      const found = await wordsOf(entry.locator("img"));
      const text = /[«"]\s*(.*?)\s*[»"]/u.exec(prompt)[1];
      for (const word of text.split(/\s+/)) {
        assert.ok(found.includes(word), `"${word}" of "${prompt}" was read as: ${found.join(" ")}`);
      }
    }
    await page.close();
  });
}

test("the page reports which texts are right, and shows where", async () => {
  const page = await open("en");
  await page.locator("#examples button").first().click();
  await page.locator("#verify").check();
  await page.locator("#draw").click();
  const check = page.locator("#gallery .checks li").first();
  await check.waitFor();
  assert.match(await check.textContent(), /“OPEN DAY” is right/);
  const box = page.locator("#gallery .text-box").first();
  assert.equal(await box.isVisible(), false);
  await check.hover();
  await box.waitFor({ state: "visible" });
  const [inside, around] = [await box.boundingBox(), await page.locator("#gallery img").first().boundingBox()];
  assert.ok(inside.x >= around.x && inside.y >= around.y && inside.width > around.width / 4);
  assert.ok(inside.x + inside.width <= around.x + around.width + 4);
  await page.mouse.move(0, 0);
  await box.waitFor({ state: "hidden" });
  // The keyboard shows it too.
  await check.focus();
  await box.waitFor({ state: "visible" });
  await page.close();
});
