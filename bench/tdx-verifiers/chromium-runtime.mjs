import { existsSync, readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const executablePath = [process.env.BAUTA_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => path && existsSync(path),
);

/** Times methods in pages of a headless Chromium; undefined where none is installed. */
export async function startChromium({ inputFile, methods }) {
  if (!executablePath) return undefined;
  const browser = await chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0 });
  const input = readFileSync(inputFile, "utf8");
  const pages = new Map();
  return {
    name: `Chromium ${browser.version().split(".")[0]}`,
    async warmMs(method, iterations) {
      if (!pages.has(method)) {
        const page = await openPage(method);
        await page.evaluate(() => globalThis.prepare());
        pages.set(method, page);
      }
      return pages.get(method).evaluate((iterations) => globalThis.time(iterations), iterations);
    },
    async cold(method) {
      const page = await openPage(method);
      const timed = await page.evaluate(() => globalThis.timeCold());
      await page.context().close();
      return timed;
    },
    close: () => browser.close(),
  };

  async function openPage(method) {
    const { path, cached, wasm } = methods.find(({ id }) => id === method);
    const context = await browser.newContext();
    const page = await context.newPage();
    // No resolver answers for it; a secure context, without which there is no WebCrypto.
    await page.route("**/*", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
    await page.goto("https://bench.invalid/");
    await page.evaluate(definePage, { input, cached, script: readFileSync(path, "utf8"), wasm: wasm && readFileSync(wasm, "base64") });
    return page;
  }
}

/** Runs in the page; defines what the functions above call. */
function definePage({ input, cached, script, wasm }) {
  const fromHex = (hex) => Uint8Array.from(hex.match(/../g), (pair) => Number.parseInt(pair, 16));
  const fromBase64 = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const { quote, ...rest } = JSON.parse(input);
  const options = { cached, ...(wasm && { wasm: fromBase64(wasm) }) };
  const parsed = { ...rest, quote: fromHex(quote) };
  let run;
  globalThis.prepare = async () => {
    const element = document.createElement("script");
    element.textContent = script;
    document.head.append(element);
    run = await globalThis.verifier.create(parsed, options);
  };
  globalThis.time = async (iterations) => {
    const started = performance.now();
    for (let i = 0; i < iterations; i++) await run();
    return (performance.now() - started) / iterations;
  };
  globalThis.timeCold = async () => {
    const started = performance.now();
    await globalThis.prepare();
    const loaded = performance.now();
    await run();
    return { loadMs: loaded - started, firstMs: performance.now() - loaded };
  };
}
