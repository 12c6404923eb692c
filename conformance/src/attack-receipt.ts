import { createHash } from "node:crypto";
import { type Receipt, type SignedReceipt, toBase64Url, toHex, utf8 } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { signReceipt } from "@bauta/protocol/enclave";
import type { ConformanceCase, Exchange } from "./case.ts";
import { type JsonObject, indexOfDone } from "./relayed-answer.ts";

const CURVE_ORDER = BigInt("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");

/** A receipt as it stands in both places where clients find it. */
interface Served {
  readonly text: string;
  readonly signature: string;
  readonly receipt: JsonObject;
  readonly receiptSignature: string;
}

type Forge = (genuine: Served, exchange: Exchange) => Served;

/** A case that forges the receipt behind `[DONE]` and the one that is served, in the same way. */
const forged = (id: string, cases: readonly string[], title: string, forge: Forge): ConformanceCase => ({
  id: `receipt/${id}`,
  cases,
  title,
  expected: "unverified",
  misbehaviour: {
    answer: async (answer, exchange) => {
      const blocks = answer.blocks.map(String);
      const genuine = await fetchGenuine(answer.headers["bauta-request-id"] ?? "", exchange);
      const { receipt, receiptSignature } = forge(genuine, exchange);
      const comment = `: bauta-receipt ${toBase64Url(utf8(JSON.stringify(receipt)))} ${receiptSignature}\n\n`;
      return { ...answer, blocks: [...blocks.slice(0, indexOfDone(blocks) + 1), comment] };
    },
    signature: (genuine, exchange) => genuine && fromServed(forge(toServed(genuine), exchange), genuine),
  },
});

const tampered = (member: keyof Receipt, value: (genuine: Receipt) => unknown): ConformanceCase =>
  forged(`tampered-${member.replaceAll("_", "-")}`, ["18"], `changes ${member} in the receipt`, (genuine) => ({
    ...genuine,
    receipt: { ...genuine.receipt, [member]: value(genuine.receipt as unknown as Receipt) },
  }));

/** The blocks of a stream without the receipt behind `[DONE]`. */
export const withoutComment = (blocks: readonly (string | Uint8Array)[]) =>
  blocks.filter((block) => !String(block).startsWith(": bauta-receipt"));

/** Receipts that do not say, or not in the enclave's name, what the client saw. */
export const receiptAttacks: readonly ConformanceCase[] = [
  {
    id: "receipt/withheld",
    cases: ["17c"],
    title: "withholds the receipt everywhere",
    expected: "unverified",
    misbehaviour: { answer: (answer) => ({ ...answer, blocks: withoutComment(answer.blocks) }), signature: () => undefined },
  },
  {
    // The enclave does sign one: a client that is content with less can be reduced to less by any relay.
    id: "receipt/only-documented",
    cases: ["17c"],
    title: "takes the receipt away and leaves the published signature over both hashes",
    expected: "unverified",
    misbehaviour: {
      answer: (answer) => ({ ...answer, blocks: withoutComment(answer.blocks) }),
      signature: (genuine) => genuine && onlyDocumented(genuine),
    },
  },
  {
    id: "receipt/redirected",
    cases: ["14"],
    title: "withholds the receipt and redirects to one elsewhere",
    expected: "unverified",
    misbehaviour: {
      answer: (answer) => ({ ...answer, blocks: withoutComment(answer.blocks) }),
      signature: () => ({ status: 307, headers: { location: "/elsewhere/tee/signature" }, body: "" }),
    },
  },
  {
    id: "receipt/garbage",
    cases: ["17c"],
    title: "sends a comment that only looks like a receipt",
    expected: "unverified",
    misbehaviour: {
      answer: (answer) => ({ ...answer, blocks: [...withoutComment(answer.blocks), ": bauta-receipt e30 0x00\n\n"] }),
      signature: () => ({ text: "verified", signature: "verified", verified: true }),
    },
  },
  {
    id: "receipt/before-done",
    cases: ["18"],
    title: "sends the receipt before [DONE]",
    expected: "unverified",
    misbehaviour: {
      answer: (answer) => {
        const blocks = answer.blocks.map(String);
        const comment = blocks.find((block) => block.startsWith(": bauta-receipt")) ?? "";
        return { ...answer, blocks: [...blocks.slice(0, indexOfDone(blocks)), comment, "data: [DONE]\n\n"] };
      },
    },
  },
  forged("other-key", ["18"], "signs the right receipt with a key of its own", (genuine, { operator }) =>
    resign(genuine.receipt as unknown as Receipt, operator.secretKey),
  ),
  forged("earlier-answer", ["17d"], "gives the receipt of an earlier answer", (_genuine, { genuine }) =>
    toServed(genuine.earlier.signature),
  ),
  tampered("request_id", () => "chatcmpl-00000000000000000000000000000000"),
  tampered("model", () => "e2ee-better"),
  tampered("client_nonce", () => null),
  tampered("request_sha256", () => "00".repeat(32)),
  tampered("response_sha256", ({ response_sha256: digest }) => createHash("sha256").update(digest).digest("hex")),
  tampered("envelopes_sha256", () => null),
  tampered("finish_reason", () => "length"),
  tampered("usage", ({ usage }) => ({ ...usage, total_tokens: usage.total_tokens * 2 })),
  tampered("weights", () => [{ name: "better.gguf", sha256: "00".repeat(32) }]),
  tampered("engine", () => ({ name: "better", image_digest: null })),
  tampered("created", ({ created }) => created + 1),
  forged("member-added", ["18"], "adds a member to the receipt", (genuine) => ({
    ...genuine,
    receipt: { ...genuine.receipt, verified: true },
  })),
  forged("member-removed", ["18"], "leaves a member out of the receipt", (genuine) => {
    const { client_nonce: _nonce, ...receipt } = genuine.receipt;
    return { ...genuine, receipt };
  }),
  forged("high-s", ["18"], "gives the signature's other form", (genuine) => ({
    ...genuine,
    signature: mirror(genuine.signature),
    receiptSignature: mirror(genuine.receiptSignature),
  })),
  forged("other-recovery", ["18"], "gives the signature another recovery id", (genuine) => ({
    ...genuine,
    signature: turnRecovery(genuine.signature),
    receiptSignature: turnRecovery(genuine.receiptSignature),
  })),
  forged("signature-of-text", ["17d"], "presents the signature over two hashes as that of the receipt", (genuine) => ({
    ...genuine,
    receiptSignature: genuine.signature,
  })),
  forged("signature-of-receipt", ["17d"], "exchanges the two signatures", (genuine) => ({
    ...genuine,
    signature: genuine.receiptSignature,
    receiptSignature: genuine.signature,
  })),
  {
    id: "receipt/text-of-other-hashes",
    cases: ["17c", "18"],
    title: "changes an answer and serves only the signature over two hashes",
    expected: "unverified",
    misbehaviour: {
      answer: (answer) => ({ ...answer, blocks: withoutComment(answer.blocks).toSpliced(2, 1) }),
      signature: (genuine) => genuine && onlyDocumented(genuine),
    },
  },
];

/** What the server says without the part that is not in the published API. */
function onlyDocumented({ receipt: _receipt, receipt_signature: _signature, ...documented }: JsonObject): JsonObject {
  return documented;
}

async function fetchGenuine(requestId: string, { genuine, request }: Exchange): Promise<Served> {
  const { model } = JSON.parse(new TextDecoder().decode(request.body)) as { model: string };
  const answer = await genuine.signature(model, requestId);
  if (!answer) throw new Error("the genuine enclave has no receipt for its own answer");
  return toServed(answer);
}

function toServed(answer: JsonObject): Served {
  const { text, signature, receipt, receipt_signature: receiptSignature } = answer;
  return { text, signature, receipt, receiptSignature } as unknown as Served;
}

function fromServed({ text, signature, receipt, receiptSignature }: Served, genuine: JsonObject): JsonObject {
  return { ...genuine, text, signature, receipt, receipt_signature: receiptSignature };
}

function resign(receipt: Receipt, secretKey: Uint8Array): Served {
  return signReceipt(backend, secretKey, receipt) satisfies SignedReceipt as unknown as Served;
}

/** s ↦ n − s: the other signature that mathematics allows. */
function mirror(signature: string): string {
  const raw = Buffer.from(signature.slice(2), "hex");
  const s = CURVE_ORDER - BigInt(`0x${toHex(raw.subarray(32, 64))}`);
  return `0x${toHex(raw.subarray(0, 32))}${s.toString(16).padStart(64, "0")}${raw[64] === 27 ? "1c" : "1b"}`;
}

function turnRecovery(signature: string): string {
  return signature.slice(0, -2) + (signature.endsWith("1b") ? "1c" : "1b");
}
