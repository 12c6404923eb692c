import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import type { ReadStream } from "node:tty";
import fc from "fast-check";
import { expect, it } from "vitest";
import { joinPasted, restorePasted } from "./pasted-input.ts";

async function typed(pieces: readonly string[]): Promise<string> {
  const terminal = new PassThrough();
  const joined = text(joinPasted(terminal as unknown as ReadStream));
  for (const piece of pieces) terminal.write(piece);
  terminal.end();
  return joined;
}

const paste = (content: string) => `\u001b[200~${content}\u001b[201~`;

it("keeps a pasted text in one line until it is entered", async () => {
  const line = await typed([`see: ${paste("a\nb\r\nc\rd\te")} ok\r`]);
  expect(line.split(/[\r\n]/)).toHaveLength(2);
  expect(restorePasted(line)).toBe("see: a\nb\nc\nd    e ok\r");
});

it("leaves keys as they are", async () => {
  expect(await typed(["a\u001b[D", "\u001b", "\u001b[A\r"])).toBe("a\u001b[D\u001b\u001b[A\r");
});

it("says the same however it comes", async () => {
  const part = fc.oneof(
    fc.constantFrom("a\n", "\r\n", "x", "\u001b[D"),
    fc.string({ maxLength: 3 }).map((content) => paste(`${content}\nz`)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 5 }), fc.integer({ min: 1, max: 9 }), async (parts, size) => {
      const all = parts.join("");
      const pieces = Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
      expect((await typed(pieces)).replaceAll("\u23ce\u2060\u23ce\u2060", "\u23ce\u2060")).toBe(
        (await typed([all])).replaceAll("\u23ce\u2060\u23ce\u2060", "\u23ce\u2060"),
      );
    }),
  );
});
