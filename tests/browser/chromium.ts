import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { skipUnless } from "../support/vectors.ts";

/** Where Debian, Ubuntu, Alpine and macOS put it; `BAUTA_CHROMIUM` names another. */
const USUAL_PATHS = [
  process.env["BAUTA_CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const executablePath = USUAL_PATHS.find((path) => path !== undefined && existsSync(path));

/** True when tests in a browser must be skipped. */
export const noChromium = skipUnless(executablePath !== undefined, "chromium", "apt-get install chromium, or name one in BAUTA_CHROMIUM");

/** An empty page of a secure context (WebCrypto is in no other) that has run the script; every other request fails. */
export async function openPage(script: string): Promise<{ readonly page: Page; readonly browser: Browser }> {
  const browser = await chromium.launch({
    ...(executablePath !== undefined && { executablePath }),
    // Chromium refuses to sandbox itself for root, as whom containers run; the page loads nothing but the script.
    chromiumSandbox: process.getuid?.() !== 0,
  });
  const page = await browser.newPage();
  await page.route("**/*", (route) =>
    route.request().url() === PAGE_URL ? route.fulfill({ contentType: "text/html", body: "<!doctype html>" }) : route.abort(),
  );
  await page.goto(PAGE_URL);
  await page.addScriptTag({ content: script });
  return { page, browser };
}

/** No resolver answers for it. */
const PAGE_URL = "https://page.invalid/";
