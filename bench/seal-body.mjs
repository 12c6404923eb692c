// Sealing and opening one request body (version 2), by backend, in interleaved rounds of one run.
// Runs on what `npm run build` wrote.
import { backend, opensslBackend } from "../packages/protocol/dist/backend-node.js";
import { webBackend } from "../packages/protocol/dist/backend-web.js";
import { createBodyKey } from "../packages/protocol/dist/enclave.js";
import { sealBody } from "../packages/protocol/dist/client.js";

const ROUNDS = 15;
const BODIES = 60;
const plaintext = new TextEncoder().encode(JSON.stringify({ model: "e2ee-a", messages: [{ role: "user", content: "x".repeat(400) }] }));

// The WebCrypto row is Node's with the WebCrypto suite, so that nothing else differs.
const methods = [
  { name: "OpenSSL", backend },
  { name: "WebCrypto", backend: { ...opensslBackend, loadHpke: undefined } },
  { name: "WebCrypto and noble (browsers)", backend: webBackend },
];
for (const method of methods) Object.assign(method, { key: await createBodyKey(method.backend), seal: [], open: [] });

for (let round = 0; round < ROUNDS; round++) {
  for (let i = 0; i < methods.length; i++) {
    const { backend: own, key, seal, open } = methods[(i + round) % methods.length];
    const sealed = [];
    const begun = performance.now();
    for (let body = 0; body < BODIES; body++) sealed.push(await sealBody({ backend: own, keyConfig: key.keyConfig, plaintext }));
    const between = performance.now();
    for (const { encapsulatedKey, body } of sealed) await key.open(encapsulatedKey, body);
    seal.push((between - begun) / BODIES);
    open.push((performance.now() - between) / BODIES);
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1] * 1000;
const [first] = methods;
console.log(`One body of ${plaintext.length} bytes: Node ${process.versions.node}, medians of ${ROUNDS} interleaved rounds.\n`);
console.log("| HPKE by | seal µs | × | open µs | × |\n| --- | ---: | ---: | ---: | ---: |");
for (const { name, seal, open } of methods) {
  const cells = [median(seal), median(seal) / median(first.seal), median(open), median(open) / median(first.open)];
  console.log(`| ${[name, ...cells.map((value) => (value < 20 ? value.toFixed(2) : Math.round(value)))].join(" | ")} |`);
}
