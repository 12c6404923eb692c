import { PassThrough } from "node:stream";
import { type AttestationResult, type Check, CHECK_IDS, type CheckId } from "@bauta/attestation";
import { printableJson } from "@bauta/client";
import { describe, expect, it } from "vitest";
import { showAttestation } from "./show-attestation.ts";
import { showResult } from "./show-result.ts";
import { createTerminal, type Terminal } from "./terminal.ts";

/** What a terminal of so many columns shows. */
function shownIn(columns: number, show: (terminal: Terminal) => void, env: NodeJS.ProcessEnv = {}): string {
  const sink = new PassThrough();
  show(createTerminal(Object.assign(sink, { isTTY: true, columns }) as unknown as NodeJS.WriteStream, { TERM: "dumb", ...env }));
  return (sink.read() as Buffer).toString();
}

const HASH = "b24d3b24e9e3c16012376b52362ca09856c4adecb709d5fac33addf1c47e193da075b125b6c364115771390a5461e217";
const NO_GPU = "this version does not read GPU evidence";

function makeResult(changes: Partial<Record<CheckId, Partial<Check>>> = {}, rest: Partial<AttestationResult> = {}): AttestationResult {
  const checks = CHECK_IDS.map((id): Check => {
    const idle = /^(?:gpu|receipt|server|image)\./.test(id);
    const base: Check = idle
      ? { id, status: "not-checked", required: false, reason: id.startsWith("gpu.") ? NO_GPU : `nothing to check for ${id} here` }
      : {
          id,
          status: "pass",
          required: id !== "key.exclusive",
          reason: `what ${id} looks at is as it must be, in every one of its members`,
        };
    return { ...base, ...changes[id] };
  });
  return {
    ok: true,
    simulated: false,
    pinned: true,
    debug: false,
    scope: "enclave",
    checks,
    claims: {
      mrtd: HASH,
      build: "demo",
      images: [`docker.io/org/app@sha256:${"ab".repeat(32)}`],
      advisories: [],
      mrowner: "00".repeat(48),
    },
    stated: { model: "e2ee-x" },
    sealing: "body",
    readers: [
      {
        id: "programs",
        parts: ["The engine and its sidecars, as the measured compose document starts them, can read every prompt that is sent."],
      },
    ],
    couldRead: ["The engine and its sidecars, as the measured compose document starts them, can read every prompt that is sent."],
    ...rest,
  };
}

const basis = [["judged for", "2026-01-31T12:00:00Z"]] as const;
const screen = (result: AttestationResult, { all = true, columns = 80 } = {}) =>
  shownIn(columns, (terminal) =>
    showResult(terminal, { subject: "e2ee-x", result, basis, notes: ["A note that a reader must not miss."], all }),
  );

describe("showResult", () => {
  it("begins and ends with the verdict", () => {
    const lines = screen(makeResult()).trimEnd().split("\n");
    expect(lines[0]).toMatch(/^✓ e2ee-x attested \(\d+ checks passed, 0 failed, \d+ not made\)$/);
    expect(lines.at(-1)).toBe(lines[0]);
  });

  it.each([48, 63, 64, 80, 100])("keeps to %i columns", (columns) => {
    const failed = makeResult(
      { "measure.mrtd": { status: "fail", detail: { expected: HASH, actual: HASH } } },
      { ok: false, pinned: false },
    );
    for (const result of [makeResult(), failed]) {
      for (const all of [false, true]) {
        const lines = screen(result, { all, columns }).split("\n");
        expect(lines.filter((line) => line.length > columns)).toEqual([]);
      }
    }
  });

  it("marks each check, says which are required, and gives each reason", () => {
    const text = screen(makeResult());
    expect(text).toMatch(/^ {2}✓ • tdx\.parse +what tdx\.parse looks at/m);
    expect(text).toMatch(/^ {2}✓ {3}key\.exclusive +what/m);
    expect(text).toContain("✓ passed   ✗ failed   – not made   • required");
  });

  it("shows a failure first, with the values that differ", () => {
    const result = makeResult(
      { "measure.mrtd": { status: "fail", reason: "MRTD is another", detail: { expected: HASH, actual: "cd".repeat(48) } } },
      { ok: false, pinned: false },
    );
    const text = screen(result);
    const lines = text.split("\n");
    expect(lines[0]).toMatch(/^✗ e2ee-x NOT acceptable UNPINNED/);
    expect(lines[1]).toBe("  ✗ measure.mrtd: MRTD is another");
    expect(text).toMatch(/^ {2}✗ • measure\.mrtd +MRTD is another\n +expected +b24d/m);
    expect(text).toMatch(/^ +actual +cdcd/m);
  });

  it("is a screenful unless all is wanted: verdict, who could still read, what was not made, and no tick at the end", () => {
    const lines = screen(makeResult(), { all: false }).trimEnd().split("\n");
    expect(lines.length).toBeLessThan(24);
    expect(lines[0]).toMatch(/^✓ e2ee-x attested/);
    expect(lines.at(-1)).toBe("--all shows every check, --json all of it");
    expect(lines.slice(1).join("\n")).not.toContain("✓");
    expect(lines).toContain("Who could still read what you send");
    const failed = makeResult({ "measure.mrtd": { status: "fail", reason: "MRTD is another" } }, { ok: false });
    expect(screen(failed, { all: false })).toMatch(/^ {2}✗ • measure\.mrtd +MRTD is another$/m);
  });

  it("folds a group of which nothing was made into a line, unless all are wanted", () => {
    const folded = screen(makeResult(), { all: false });
    expect(folded).toContain("Not judged");
    expect(folded).toMatch(/^ {2}– {3}GPU \(14\) +this version does not read GPU evidence$/m);
    expect(folded).not.toContain("gpu.nonce");
    const all = screen(makeResult(), { all: true });
    expect(all).not.toContain("Not judged");
    for (const id of CHECK_IDS) expect(all).toContain(` ${id} `);
  });

  it("does not fold away what is required", () => {
    const lacking = { status: "not-checked", required: true, reason: "not checked: tdx.parse did not pass" } as const;
    const result = makeResult({ "gpu.present": { ...lacking, reason: "no GPU evidence was served" } }, { ok: false });
    expect(screen(result, { all: false })).toMatch(/^ {2}– • gpu\.present +no GPU evidence was served$/m);
    const many = makeResult({ "measure.rtmr0": lacking, "measure.rtmr1": lacking, "measure.rtmr2": lacking }, { ok: false });
    expect(screen(many, { all: false })).toMatch(/^ {2}– • 3 checks: measure\.\* +tdx\.parse did not pass$/m);
    expect(screen(many).split("\n")[1]).toBe("  – measure.rtmr0: not checked: tdx.parse did not pass");
  });

  it("shows what is proven apart from what the server says, and who could still read", () => {
    const text = screen(makeResult());
    expect(text).toMatch(
      /^Proven\n {2}build +demo\n {2}advisories +none\n {2}MRTD +[0-9a-f]{48}\n +[0-9a-f]{48}\n {2}images +docker\.io\/org\/app\n +@sha256:/m,
    );
    expect(text).toMatch(/^Said by the server, not proven\n {2}model +e2ee-x$/m);
    expect(text).toMatch(/^Who could still read what you send\n {2}• The engine and its sidecars/m);
    expect(screen(makeResult(), { all: false })).not.toContain("Proven");
    expect(screen(makeResult(), { all: true })).toMatch(/^ {2}mrowner +0{48}$/m);
  });

  it("says of a platform that it is one, and does not call it unpinned", () => {
    const result = makeResult({}, { scope: "platform", pinned: false, simulated: true });
    expect(screen(result).split("\n")[0]).toMatch(/^✓ e2ee-x platform acceptable SIMULATED/);
    expect(screen({ ...result, ok: false }).split("\n")[0]).toMatch(/^✗ e2ee-x platform NOT acceptable SIMULATED/);
  });

  it("shows GPUs of a kind together, and what sets them apart", () => {
    const gpu = { model: "GH100 A01 GSP BROM", arch: "HOPPER", driver: "570.172.08", vbios: "96.00.CF.00.02", mode: "PPCIE" } as const;
    const ueids = ["0a", "0b", "0c"].map((byte) => byte.repeat(20));
    const [first = "", second = "", third = ""] = ueids;
    const old = { model: gpu.model, arch: gpu.arch, ueid: third };
    const gpus = [{ ...gpu, ueid: first }, { ...gpu, ueid: second }, old];
    const text = screen(makeResult({}, { claims: { gpus } }));
    expect(text).toContain(
      [
        "GPUs, proven                                                                   3",
        "  model             2 × GH100 A01 GSP BROM (HOPPER)",
        "  driver            570.172.08",
        "  VBIOS             96.00.CF.00.02",
        "  mode              PPCIE",
        `  UEID              0: ${first}`,
        `                    1: ${second}`,
        "  model             1 × GH100 A01 GSP BROM (HOPPER)",
        "  driver            not said",
        "  VBIOS             not said",
        "  mode              not said",
        `  UEID              2: ${third}`,
        "",
      ].join("\n"),
    );
    expect(screen(makeResult({}, { claims: { gpus: [] } }))).not.toContain("GPUs");
    expect(
      screen(makeResult({}, { claims: { gpus } }), { all: true, columns: 48 })
        .split("\n")
        .filter((line) => line.length > 48),
    ).toEqual([]);
    expect(shownIn(80, (terminal) => showAttestation(terminal, "e2ee-x", makeResult({}, { claims: { gpus } })))).toMatch(
      /^ {2}GPUs {14}2 × GH100 A01 GSP BROM, driver 570\.172\.08, VBIOS\n {20}96\.00\.CF\.00\.02, PPCIE\n {20}1 × GH100 A01 GSP BROM$/m,
    );
  });

  it("lets nothing that others wrote act on the terminal", () => {
    const evil = "a\u001b[2J\u0007b\u202ec\nd";
    const result = makeResult(
      { "tdx.parse": { status: "fail", reason: evil, detail: { [evil]: evil } } },
      {
        stated: { model: evil },
        couldRead: [evil],
        claims: { gpus: [{ model: evil, arch: "HOPPER", driver: evil, ueid: evil }] },
      },
    );
    const text = shownIn(80, (terminal) => showResult(terminal, { subject: evil, result, basis, notes: [], all: true }));
    // oxlint-disable-next-line no-control-regex -- that is what must not be there
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  });
});

describe("showAttestation", () => {
  it("is a few lines: verdict, and who was attested", () => {
    const text = shownIn(80, (terminal) => showAttestation(terminal, "e2ee-x", makeResult()));
    expect(text.split("\n").length).toBeLessThan(8);
    expect(text).toMatch(/^ {2}build +demo$/m);
  });

  it("gives a failure's long reason in three lines", () => {
    const result = makeResult({ "tdx.pck-chain": { status: "fail", reason: "a certificate is not valid; ".repeat(20) } }, { ok: false });
    const lines = shownIn(80, (terminal) => showAttestation(terminal, "e2ee-x", result))
      .trimEnd()
      .split("\n");
    expect(lines).toHaveLength(4);
    expect(lines[3]).toMatch(/…$/);
  });

  it("says what could not be made for a failure, without a line for each", () => {
    const lacking = { status: "not-checked", required: true } as const;
    const result = makeResult(
      { "tdx.pck-chain": { status: "fail", reason: "another root" }, "nonce.bound": lacking, "measure.mrtd": lacking },
      { ok: false },
    );
    const text = shownIn(80, (terminal) => showAttestation(terminal, "e2ee-x", result));
    expect(text).toContain("  ✗ tdx.pck-chain: another root\n  – and 2 that must pass could not be made\n");
  });
});

describe("--json", () => {
  it("has every member, and bytes as hex", () => {
    const result = makeResult({}, { signingKey: Uint8Array.of(4, 0xab, 0xcd), collateral: { expiresMs: 1, numbers: { qe: "17" } } });
    const json = JSON.parse(printableJson(result)) as Record<string, unknown>;
    expect(json).toEqual({ ...result, signingKey: "04abcd" });
  });
});
