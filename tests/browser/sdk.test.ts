import { readFileSync } from "node:fs";
import { parsePemCertificates } from "@bauta/client";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningDemo, startDemoProcess } from "../support/demo.ts";
import { bundle } from "./bundle.ts";
import { noChromium, openPage } from "./chromium.ts";

/** The page's own origin, behind which the gateway stands: its API is not for pages of other origins. */
const BASE_URL = "https://page.invalid/api/v1";

describe.skipIf(noChromium)("the SDK in a browser", () => {
  let demo: RunningDemo;
  let browser: Browser | undefined;
  let page: Page;

  beforeAll(async () => {
    demo = await startDemoProcess();
    const { script } = await bundle("tests/browser/sdk-page.ts", "iife");
    ({ browser, page } = await openPage(script));
    await page.route(`${BASE_URL}/**`, async (route) => {
      const url = route.request().url().replace(BASE_URL, demo.gateway);
      await route.fulfill({ response: await route.fetch({ url }) });
    });
  });
  afterAll(async () => {
    await browser?.close();
    await demo?.stop();
  });

  const ask = (policy: string, stream: boolean) =>
    page.evaluate((call) => globalThis.callModel(call), {
      baseURL: BASE_URL,
      apiKey: demo.apiKey,
      policy: JSON.parse(readFileSync(policy, "utf8")) as object,
      trustRoots: parsePemCertificates(readFileSync(demo.trustRoot, "utf8")).map((der) => [...der]),
      body: { model: demo.models[1], stream, messages: [{ role: "user", content: "What is 2+2? Answer briefly." }] },
    });

  it.each([
    ["messages sealed one by one", "firstVersionPolicy"],
    ["bodies sealed whole", "policy"],
  ] as const)("attests, seals and opens with %s, streamed and whole, and verifies the receipt", async (_how, policy) => {
    const whole = await ask(demo[policy], false);
    expect(whole).toMatchObject({ status: 200, outcome: "verified", simulated: true });
    expect(JSON.parse(whole.text)).toMatchObject({ object: "chat.completion", choices: [{ message: { content: "4" } }] });
    const streamed = await ask(demo[policy], true);
    expect(streamed).toMatchObject({ status: 200, outcome: "verified" });
    expect(streamed.text).toMatch(/"content":"4"[^]*: bauta-outcome verified\n\ndata: \[DONE\]\n\n$/);
  });

  it("refuses in the page what it refuses in Node: a simulator that nobody named", async () => {
    const answer = await page.evaluate((call) => globalThis.callModel(call), {
      baseURL: BASE_URL,
      apiKey: demo.apiKey,
      policy: JSON.parse(readFileSync(demo.policy, "utf8")) as object,
      trustRoots: [],
      body: { model: demo.models[1], stream: false, messages: [{ role: "user", content: "Hello" }] },
    });
    expect(answer.status).toBe(403);
    expect(answer.text).toContain("attestation_refused");
  });
});
