import { copyFileSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createSimulator, type Simulator } from "@bauta/simulator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noVectors, vectorPath } from "../support/vectors.ts";
import { createVerifyFolder, failures, printed } from "../support/verify.ts";

const { folder, save, bauta, remove } = createVerifyFolder();
afterAll(remove);

describe("bauta verify --quote", () => {
  let simulator: Simulator;
  let quote: string;
  let root: string;
  let collateral: string;

  beforeAll(async () => {
    simulator = createSimulator({ nowMs: Date.now() });
    quote = save("quote.bin", await simulator.quote(new Uint8Array(64)));
    root = save("simulator.der", simulator.rootDer);
    collateral = save("collateral.json", JSON.stringify(simulator.collateral));
  });

  it("judges the platform alone, and says so", async () => {
    const args = ["verify", "--quote", quote, "--collateral", collateral, "--root", root];
    const shown = await bauta(args);
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toMatch(/^✓ quote\.bin platform acceptable SIMULATED$/m);
    expect(shown.stdout.replaceAll(/\s+/g, " ")).toContain(
      "The platform alone was judged: nothing here says whose enclave made this quote",
    );
    const result = printed(await bauta([...args, "--json"]));
    expect(result).toMatchObject({ ok: true, scope: "platform", simulated: true });
    expect(result).not.toHaveProperty("signingKey");
    expect(result.checks.find(({ id }) => id === "nonce.bound")).toMatchObject({ status: "not-checked", required: false });
  });

  it.each([
    ["hex", (bytes: Buffer) => `0x${bytes.toString("hex")}\n`],
    ["base64", (bytes: Buffer) => bytes.toString("base64").replaceAll(/.{76}/g, "$&\n")],
  ])("reads a quote in %s", async (form, encode) => {
    const file = save(`quote.${form}`, encode(readFileSync(quote)));
    expect(await bauta(["verify", "--quote", file, "--collateral", collateral, "--root", root])).toMatchObject({ code: 0 });
  });

  it("does not take a simulator for a platform unless its root is named", async () => {
    const outcome = await bauta(["verify", "--quote", quote, "--collateral", collateral, "--json"]);
    expect(outcome.code).toBe(1);
    expect(failures(printed(outcome))).toContain("tdx.pck-chain");
  });

  it("holds a quote against a policy's builds where there are some", async () => {
    const { builds, ...policy } = simulator.policy("mine");
    const [build] = builds;
    const mine = save("mine.json", JSON.stringify({ ...policy, builds }));
    const other = save("other.json", JSON.stringify({ ...policy, builds: [{ ...build, mrtd: "00".repeat(48) }] }));
    const judge = (file: string) =>
      bauta(["verify", "--quote", quote, "--collateral", collateral, "--root", root, "--policy", file, "--json"]);
    expect(await judge(mine)).toMatchObject({ code: 0 });
    const refused = await judge(other);
    expect(refused.code).toBe(1);
    expect(failures(printed(refused))).toEqual(["measure.mrtd"]);
  });

  it("fails a quote that is cut off, with its reason", async () => {
    const cut = save("cut.bin", readFileSync(quote).subarray(0, 1500));
    const outcome = await bauta(["verify", "--quote", cut, "--root", root, "--offline"]);
    expect(outcome).toMatchObject({ code: 1, stderr: "" });
    expect(outcome.stdout.split("\n")[1]).toMatch(/^ {2}✗ tdx\.parse: /);
  });

  const others: [string, () => string | Uint8Array, string][] = [
    ["an empty file", () => "", "is empty"],
    ["a PNG", () => Buffer.from("89504e470d0a1a0a0000000d49484452", "hex"), "a PNG image"],
    ["an attestation answer", () => "{}", "--attestation"],
    ["an SGX quote", () => Buffer.from(`0300${"00".repeat(700)}`, "hex"), "an SGX quote"],
    ["an SEV-SNP report", () => Buffer.from(`02000000${"00".repeat(48)}01000000${"00".repeat(1128)}`, "hex"), "an AMD SEV-SNP report"],
    ["too much", () => "a".repeat(300_000), "larger than"],
  ];
  it.each(others)("says what %s is, with status 2", async (_name, contents, words) => {
    const file = save("input", contents());
    const outcome = await bauta(["verify", "--quote", file, "--collateral", collateral]);
    expect(outcome).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(words) });
    expect(outcome.stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it("does not go out for collateral when told not to, or for a moment that is past", async () => {
    const offline = await bauta(["verify", "--quote", quote, "--root", root, "--offline"]);
    expect(offline).toMatchObject({ code: 2, stderr: expect.stringContaining("no collateral: give --collateral") });
    const past = await bauta(["verify", "--quote", quote, "--root", root, "--at", "2025-07-04"]);
    expect(past).toMatchObject({ code: 2, stderr: expect.stringContaining("--at needs --collateral of that time") });
  });

  it("fetches collateral from the service that it is told, once, and keeps it", async () => {
    const service = await startCollateralService(simulator);
    const args = ["verify", "--quote", quote, "--root", root, "--pcs-url", service.url];
    const first = await bauta(args);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toContain(`collateral        ${service.url}\n`);
    const asked = service.requests.length;
    expect(asked).toBeGreaterThan(3);
    expect(await bauta(args)).toMatchObject({ code: 0 });
    expect(service.requests).toHaveLength(asked);
    await service.close();
    // What is kept serves while nobody answers.
    expect(await bauta(args)).toMatchObject({ code: 0 });
  });

  it("says with status 1 that a service cannot be reached, with status 2 that its address is none", async () => {
    const down = await bauta(["verify", "--quote", quote, "--root", root, "--pcs-url", "http://127.0.0.1:9"]);
    expect(down).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("127.0.0.1:9 could not be reached") });
    const wrong = await bauta(["verify", "--quote", quote, "--root", root, "--pcs-url", "intel"]);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("--pcs-url") });
  });
});

describe.skipIf(noVectors)("bauta verify with recorded evidence", () => {
  const phala = () => vectorPath("tdx/quotes/v4-phala.bin");
  const june = () => vectorPath("tdx/collateral/2025-06-phala-b0c06f.json");
  const at = ["--at", "2025-07-04T10:16:31Z"];

  it("accepts the platform of a machine that was up to date", async () => {
    const { code, stdout } = await bauta(["verify", "--quote", phala(), "--collateral", june(), ...at, "--all"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^✓ v4-phala\.bin platform acceptable \(/);
    expect(stdout).toMatch(/^ {2}TCB status +UpToDate$/m);
  });

  it("refuses one whose level nobody supports", async () => {
    const outcome = await bauta(["verify", "--quote", vectorPath("tdx/quotes/v4-phala-hex.bin"), "--collateral", june(), ...at, "--json"]);
    expect(outcome.code).toBe(1);
    expect(failures(printed(outcome))).toEqual(["tdx.tcb-status"]);
  });

  it("fails collateral for another FMSPC, and collateral that is of another time", async () => {
    const other = await bauta([
      "verify",
      "--quote",
      phala(),
      "--collateral",
      vectorPath("tdx/collateral/2025-07-automata-00806f.json"),
      ...at,
    ]);
    expect(other).toMatchObject({ code: 1, stderr: "" });
    expect(other.stdout).toContain("b0c06f000000");
    const now = await bauta(["verify", "--quote", phala(), "--collateral", june()]);
    expect(now.code).toBe(1);
    expect(now.stdout.replaceAll(/\s+/g, " ")).toContain("to judge recorded evidence, give its moment with --at");
  });

  it("finds in a folder what a quote needs", async () => {
    const args = ["verify", "--quote", phala(), "--collateral", vectorPath("tdx/collateral"), ...at, "--json"];
    expect(await bauta(args)).toMatchObject({ code: 0 });
  });

  it("appraises the whole of a recorded answer under a built-in policy, but for what was not recorded", async () => {
    const capture = vectorPath("venice-2026-04-24");
    const { nonce_hex: nonce, captured_at: moment } = JSON.parse(readFileSync(`${capture}/manifest.json`, "utf8")) as Record<
      string,
      string
    >;
    const answer = join(folder, "venice.json");
    copyFileSync(`${capture}/0001_api.venice.ai_api_v1_tee_attestation.body`, answer);
    const outcome = await bauta([
      "verify",
      "--all",
      "--attestation",
      answer,
      "--nonce",
      nonce ?? "",
      "--collateral",
      capture,
      "--at",
      moment ?? "",
      "--policy",
      "venice",
    ]);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcome.stdout).toMatch(/^✓ venice\.json attested \(/);
    expect(outcome.stdout).toContain("docker.sock");
    expect(outcome.stdout).toMatch(/^ {2}– {3}weights\.named/m);
    expect(outcome.stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });
});

/** A service as Intel's: the answers of its four addresses, with chains in their headers. */
async function startCollateralService({ collateral }: Simulator): Promise<{ url: string; requests: string[]; close(): Promise<void> }> {
  const requests: string[] = [];
  const chain = (pem: string) => encodeURIComponent(pem);
  const server = createServer(({ url = "" }, response) => {
    requests.push(url);
    const { pathname } = new URL(url, "http://localhost");
    if (pathname.endsWith("/tcb")) {
      response.setHeader("TCB-Info-Issuer-Chain", chain(collateral.tcb_info_issuer_chain));
      response.end(`{"tcbInfo":${collateral.tcb_info},"signature":"${collateral.tcb_info_signature}"}`);
    } else if (pathname.endsWith("/qe/identity")) {
      response.setHeader("SGX-Enclave-Identity-Issuer-Chain", chain(collateral.qe_identity_issuer_chain));
      response.end(`{"enclaveIdentity":${collateral.qe_identity},"signature":"${collateral.qe_identity_signature}"}`);
    } else if (pathname.endsWith("/pckcrl")) {
      response.setHeader("SGX-PCK-CRL-Issuer-Chain", chain(collateral.pck_crl_issuer_chain));
      response.end(Buffer.from(collateral.pck_crl, "hex"));
    } else if (pathname.endsWith("/rootcacrl")) response.end(collateral.root_ca_crl);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
