import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toBase64 } from "@bauta/protocol";
import { createSimulator } from "@bauta/simulator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "./config.ts";
import { loadConfig } from "./config-file.ts";

const POLICY = '{ "version": 1, "measurements": "any" }';
const HASH = "ab".repeat(32);
const GOOD = `# a gateway
listen: { host: 127.0.0.1, port: 8080 }
keys:
  - name: alice
    sha256: ${HASH}
models:
  - id: e2ee-demo
    name: Demo
    context_length: 8192
    max_completion_tokens: 2048
    enclaves:
      - http://127.0.0.1:9001
policy: policy.json
limits:
  body_bytes: 100000
attestation: { interval_seconds: 0.5 }
`;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "bauta-config-"));
  await writeFile(join(directory, "policy.json"), POLICY);
  await writeFile(join(directory, "broken.json"), '{ "version": 1, "builds": [{ "name": "a" }] }');
  await writeFile(join(directory, "not-a-root.der"), "hello");
});
afterAll(() => rm(directory, { recursive: true }));

async function load(text: string, name = "gateway.yaml") {
  const path = join(directory, name);
  await writeFile(path, text);
  return loadConfig(path);
}

/** The lines of the error, without the directory. */
async function problems(text: string): Promise<string[]> {
  try {
    await load(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message.replaceAll(`${directory}/`, "").split("\n");
  }
  return [];
}

describe("a configuration file", () => {
  it("is read with its policy, and defaults for what it leaves out", async () => {
    const config = await load(GOOD);
    expect(config.models[0]).toMatchObject({ id: "e2ee-demo", contextTokens: 8192, policy: { version: 1, measurements: "any" } });
    expect(config.limits).toMatchObject({ bodyBytes: 100_000, headerBytes: 16_384 });
    expect(config.attestation).toEqual({ intervalMs: 500, timeoutMs: 15_000 });
    expect(config.quoteEncoding).toBe("base64");
  });

  it("gives one key of several half of all places, and any number that it names", async () => {
    const two = GOOD.replace("keys:", `keys:\n  - name: bob\n    sha256: ${"cd".repeat(32)}`);
    const limits = async (text: string) => (await load(text)).limits;
    expect(await limits(GOOD)).toMatchObject({ concurrentRequests: 256, concurrentRequestsPerKey: 256, stallTimeoutMs: 60_000 });
    expect(await limits(two)).toMatchObject({ concurrentRequests: 256, concurrentRequestsPerKey: 128 });
    expect(await limits(two.replace("body_bytes: 100000", "concurrent_requests: 1"))).toMatchObject({ concurrentRequestsPerKey: 1 });
    const named = two.replace("body_bytes: 100000", "concurrent_requests_per_key: 7\n  stall_timeout_seconds: 5");
    expect(await limits(named)).toMatchObject({ concurrentRequestsPerKey: 7, stallTimeoutMs: 5_000 });
  });

  const ask = (addresses: string) => GOOD.replace("interval_seconds: 0.5", `interval_seconds: 0.5, ${addresses}`);

  it("asks nobody about GPUs unless it names whom", async () => {
    const nvidia = "rim_url: https://rim.example, ocsp_url: http://127.0.0.1:9/ocsp, nras_url: https://nras.example/behind/";
    expect((await load(ask(nvidia))).attestation).toEqual({
      intervalMs: 500,
      timeoutMs: 15_000,
      rimUrl: "https://rim.example",
      ocspUrl: "http://127.0.0.1:9/ocsp",
      nrasUrl: "https://nras.example/behind/",
    });
    expect((await load(ask("nras_url: https://nras.example"))).attestation).not.toHaveProperty("rimUrl");
  });

  it.each<[string, string, RegExp]>([
    [
      "plain http to another machine",
      "nras_url: http://nras.example",
      /^gateway\.yaml:16: attestation\.nras_url: is plain http to another/,
    ],
    ["a query", 'nras_url: "https://nras.example?key=1"', /^gateway\.yaml:16: attestation\.nras_url: has a query/],
    ["a password", "nras_url: https://a:secret@nras.example", /^gateway\.yaml:16: attestation\.nras_url: holds a user name or password/],
    ["no address", "nras_url: yes please", /^gateway\.yaml:16: attestation\.nras_url: is not a URL/],
    [
      "manifests without the status of their signers",
      "rim_url: https://rim.example",
      /^gateway\.yaml:16: attestation\.rim_url: needs ocsp_url/,
    ],
    ["the status of nobody", "ocsp_url: https://ocsp.example", /^gateway\.yaml:16: attestation\.ocsp_url: needs rim_url/],
    [
      "a typo",
      "nras_ur: https://nras.example",
      /^gateway\.yaml:16: attestation\.nras_ur: is not a known field \(did you mean nras_url\?\)/,
    ],
  ])("says what is wrong with NVIDIA's addresses: %s", async (_name, addresses, expected) => {
    const lines = await problems(ask(addresses));
    expect(lines[0]).toMatch(expected);
    expect(lines.join()).not.toContain("secret");
  });

  it("takes roots of machines and of GPUs from one file", async () => {
    const { rootDer, gpus } = createSimulator({ nowMs: Date.now(), gpus: {} });
    const roots = [rootDer, ...(gpus ? [gpus.deviceRootDer, gpus.rimRootDer, gpus.nrasRootDer] : [])];
    const pem = roots.map((der) => `-----BEGIN CERTIFICATE-----\n${toBase64(der)}\n-----END CERTIFICATE-----\n`).join("");
    await writeFile(join(directory, "roots.pem"), pem);
    await writeFile(join(directory, "gpu.der"), roots[1] ?? "");
    const { trustRoots } = await load(`trust_roots: [roots.pem, gpu.der]\n${GOOD}`);
    expect(trustRoots).toEqual([...roots, roots[1]]);
  });

  it("may be JSON, with tabs", async () => {
    const config = await load(
      JSON.stringify(
        {
          listen: { host: "::1", port: 0 },
          keys: [{ name: "a", sha256: HASH }],
          models: [
            {
              id: "tee-a",
              name: "A",
              context_length: 1,
              max_completion_tokens: 1,
              enclaves: ["http://[::1]:1"],
              policy: "policy.json",
              pricing: { input: { usd: 0.5 }, output: { usd: 1 } },
            },
          ],
        },
        null,
        "\t",
      ),
      "gateway.json",
    );
    expect(config.models[0]?.pricing).toEqual({ inputUsd: 0.5, outputUsd: 1 });
  });

  const edit = (from: string, to: string) => GOOD.replace(from, to);
  it.each<[string, string, RegExp]>([
    [
      "a typo at the top",
      edit("policy:", "polcy:"),
      /^gateway\.yaml:13: polcy: is not a known field \(did you mean policy\?\); allowed here: listen, operator, keys/,
    ],
    [
      "a typo in a list",
      edit("    enclaves:", "    enclave:"),
      /^gateway\.yaml:11: models\[0\]\.enclave: is not a known field \(did you mean enclaves\?\)/,
    ],
    [
      "a typo in a group",
      edit("body_bytes", "bodyBytes"),
      /^gateway\.yaml:15: limits\.bodyBytes: is not a known field \(did you mean body_bytes\?\)/,
    ],
    [
      "an unknown field that is like nothing",
      edit("limits:", "zzz: 1\nlimits:"),
      /^gateway\.yaml:14: zzz: is not a known field; allowed here/,
    ],
    ["a missing field", edit("    name: Demo\n", ""), /^gateway\.yaml:7: models\[0\]\.name: is missing: must be a text$/],
    ["a text for a number", edit("8192", "lots"), /^gateway\.yaml:9: models\[0\]\.context_length: must be a number, not the text "lots"$/],
    ["a fraction", edit("8192", "81.5"), /^gateway\.yaml:9: models\[0\]\.context_length: must be a whole number, not 81\.5$/],
    [
      "a text for a list",
      edit("\n      - http://127.0.0.1:9001", " http://127.0.0.1:9001"),
      /^gateway\.yaml:11: models\[0\]\.enclaves: must be a list, not the text/,
    ],
    ["a port out of range", edit("port: 8080", "port: 80800"), /^gateway\.yaml:2: listen\.port: must be at most 65535, not 80800$/],
    ["an empty value", edit("name: Demo", "name:"), /^gateway\.yaml:8: models\[0\]\.name: must be a text, not empty$/],
    [
      "a wrong choice",
      edit("policy:", "quote_encoding: base46\npolicy:"),
      /^gateway\.yaml:13: quote_encoding: must be base64 or hex, not the text "base46"$/,
    ],
    ["a model without a prefix", edit("e2ee-demo", "demo"), /^gateway\.yaml:7: models\[0\]\.id: must begin with tee- .*or e2ee-/],
    ["a URL with a path", edit("9001", "9001/v1"), /^gateway\.yaml:12: models\[0\]\.enclaves\[0\]: must end after host and port/],
    [
      "a metadata address",
      edit("127.0.0.1:9001", "169.254.169.254"),
      /^gateway\.yaml:12: models\[0\]\.enclaves\[0\]: points to 169\.254\.169\.254/,
    ],
    [
      "an enclave twice",
      edit("policy:", "      - http://127.0.0.1:9001/\npolicy:"),
      /^gateway\.yaml:13: models\[0\]\.enclaves\[1\]: is listed twice$/,
    ],
    ["no enclaves", edit("\n      - http://127.0.0.1:9001", " []"), /^gateway\.yaml:11: models\[0\]\.enclaves: is empty/],
    [
      "a key instead of its hash",
      edit(HASH, "bauta_secretsecretsecretsecretsecret"),
      /^gateway\.yaml:5: keys\[0\]\.sha256: must be the key's SHA-256/,
    ],
    ["a key name with a line end", edit("name: alice", 'name: "a\\nb"'), /^gateway\.yaml:4: keys\[0\]\.name: must be 1 to 64/],
    ["no keys", edit(`\n  - name: alice\n    sha256: ${HASH}`, " []"), /^gateway\.yaml:3: keys: is empty, .*`bauta keys` makes/],
    [
      "a share of nothing",
      edit("body_bytes: 100000", "concurrent_requests_per_key: 0"),
      /^gateway\.yaml:15: limits\.concurrent_requests_per_key: must be/,
    ],
    ["no policy", edit("policy: policy.json\n", ""), /^gateway\.yaml:7: models\[0\]\.policy: is missing: name a policy file/],
    ["a policy file that is not there", edit("policy.json", "gone.json"), /^gateway\.yaml:13: policy: gone\.json: there is no such file$/],
    [
      "a policy that is wrong",
      edit("policy.json", "broken.json"),
      /^gateway\.yaml:13: policy: broken\.json: policy: builds\[0\]\.compose_hash/,
    ],
    [
      "a root that is none",
      edit("limits:", "trust_roots: [not-a-root.der]\nlimits:"),
      /^gateway\.yaml:14: trust_roots\[0\]: not-a-root\.der: /,
    ],
    ["a key twice in the file", edit("policy:", "listen: {}\npolicy:"), /^gateway\.yaml:13: Map keys must be unique/],
    ["broken syntax", edit("keys:", "keys: ["), /^gateway\.yaml:\d+: /],
    [
      "the public port for the operator",
      edit("keys:", "operator: { host: 127.0.0.1, port: 8080 }\nkeys:"),
      /^gateway\.yaml:3: operator\.port: is the public port/,
    ],
    ["an empty file", "", /^gateway\.yaml:1: \(whole file\): .*must be a group of fields/],
    ["a list", "- 1", /^gateway\.yaml:1: \(whole file\): must be a group of fields, not a list/],
  ])("says what is wrong with %s", async (_name, text, expected) => {
    const lines = await problems(text);
    expect(lines[0]).toMatch(expected);
  });

  it("names every issue at once, and repeats no key that was pasted by mistake", async () => {
    const lines = await problems(
      GOOD.replace(HASH, "bauta_secretsecretsecretsecretsecret").replace("e2ee-demo", "demo").replace("policy.json", "gone.json"),
    );
    expect(lines).toHaveLength(3);
    expect(lines.join()).not.toContain("secret");
    const typed = await problems(GOOD.replace("name: alice", "name: [bauta_secretsecretsecretsecretsecret]"));
    expect(typed.join()).not.toContain("secret");
  });

  it("is refused when it is not there, too large, or expands itself", async () => {
    await expect(loadConfig(join(directory, "none.yaml"))).rejects.toThrow(/none\.yaml: there is no such file/);
    expect((await problems(`# ${"x".repeat(1024 * 1024)}`))[0]).toMatch(/more than 1048576/);
    const bomb = `a: &a [x]\n${Array.from(
      { length: 9 },
      (_, i) =>
        `b${i}: &b${i} [${Array(9)
          .fill(i === 0 ? "*a" : `*b${i - 1}`)
          .join(",")}]`,
    ).join("\n")}`;
    expect((await problems(bomb))[0]).toMatch(/aliases too often/);
  });
});
