// The page for everyone: in two languages, on a phone, by keyboard, in light and dark.

import assert from "node:assert/strict";
import { test } from "node:test";
import { context, open, page, pictures, shot } from "../support/page.mjs";

test("speaks French and English, by the browser and by choice, also after a reload", async () => {
  await context.close();
  await open({ locale: "fr-FR" });
  assert.equal(await page.locator("html").getAttribute("lang"), "fr");
  await page.getByLabel("Que dessiner").waitFor();
  await page.getByRole("button", { name: /École de Saaba/ }).click();
  await page.locator("#prompt-marks mark").waitFor();
  assert.equal(await page.locator("#spelled").textContent(), "Sera écrit\u00a0: «\u00a0École de Saaba\u00a0»");
  await shot("french");
  await page.getByRole("button", { name: "English" }).click();
  await page.getByLabel("What to draw").waitFor();
  await page.reload();
  await page.getByLabel("What to draw").waitFor();
  assert.equal(await page.getByRole("button", { name: "English" }).getAttribute("aria-pressed"), "true");
});

test("fits a phone", async () => {
  await context.close();
  await open({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, locale: "fr-FR" });
  await page.getByRole("button", { name: /École de Saaba/ }).tap();
  await page.getByRole("button", { name: "Dessiner", exact: true }).tap();
  await pictures().first().waitFor();
  const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(widths[0] <= widths[1], `${widths[0]} of ${widths[1]} pixels: it scrolls sideways`);
  const small = await page.locator("button:visible, input:visible, select:visible").evaluateAll((elements) =>
    elements.filter((element) => !element.matches(".visually-hidden") && element.getBoundingClientRect().height < 40).map((element) => element.outerHTML));
  assert.deepEqual(small, [], "too small for a finger");
  // The button that draws is in sight before anyone scrolls.
  await page.evaluate(() => scrollTo(0, 0));
  const { y, height } = await page.getByRole("button", { name: "Dessiner", exact: true }).boundingBox();
  assert.ok(y + height <= 740, `the button ends at ${y + height} of 740`);
  await shot("phone");
});

test("works by keyboard alone", async () => {
  await page.getByLabel("What to draw").focus();
  await page.keyboard.type("A pot");
  for (let i = 0; i < 24; ++i) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement.id === "steps")) {
      await page.keyboard.press("Control+a");
      await page.keyboard.type("2");
    }
    if (await page.evaluate(() => document.activeElement.id === "draw")) break;
  }
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(outline, "none", "the focus shows");
  await page.keyboard.press("Enter");
  await pictures().first().waitFor();
});

test("every control has a name and every text enough contrast, in light and dark", async () => {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    const unnamed = await page.locator("input, select, textarea, button").evaluateAll((elements) =>
      elements.filter((element) => !(element.labels?.length || element.textContent.trim() || element.getAttribute("aria-label"))).map((element) => element.outerHTML));
    assert.deepEqual(unnamed, []);
    const faint = await page.evaluate(() => {
      const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
      const channels = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
      };
      const luminance = ([r, g, b]) => {
        const linear = [r, g, b].map((v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
      };
      const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
          const colour = channels(getComputedStyle(at).backgroundColor);
          if (colour[3] === 255) return colour;
        }
        return [255, 255, 255, 255];
      };
      return [...document.querySelectorAll("h1, h2, label, legend, p, button, span, textarea, input, select")]
        .filter((element) => element.offsetParent && !element.closest("#prompt-marks"))
        .map((element) => {
          const pair = [channels(getComputedStyle(element).color), ground(element)].map(luminance).sort((a, b) => b - a);
          return [(pair[0] + 0.05) / (pair[1] + 0.05), element.outerHTML.slice(0, 80)];
        })
        .filter(([contrast]) => contrast < 4.5);
    });
    assert.deepEqual(faint, [], colorScheme);
  }
  await shot("dark");
});
