import { printableLine } from "@bauta/client";
import type { DemoStack } from "./demo-stack.ts";
import { type Terminal } from "./terminal.ts";

/** Shows a person what runs and what to try next, within 80 columns. Every line works when pasted. */
export function showDemo(terminal: Terminal, { baseUrl, models, engine, gpus, trustRootFile, policyFile, envFile }: DemoStack): void {
  const [tee, e2ee] = models;
  const { line, bold, dim, warn } = terminal;
  const width = Math.max(tee.length, e2ee.length);
  line();
  line(`${bold("Bauta is running.")} ${warn("SIMULATED: the whole protocol, but no hardware protects it.")}`);
  line();
  line(`  gateway  ${baseUrl}`);
  line(`  models   ${e2ee.padEnd(width)}  ${dim("sealed: only the enclave reads it")}`);
  line(`           ${tee.padEnd(width)}  ${dim("attested: the gateway reads it too")}`);
  line(`  engine   ${printableLine(engine)}`);
  line(`  GPU      ${gpus}  ${warn("SIMULATED GPU")}`);
  line();
  line(bold("Try next, in another terminal:"));
  line();
  line(`  . ${envFile}`);
  line();
  line(dim("  # a sealed chat, verified by you"));
  line(`  npx bauta chat --model ${e2ee} \\`);
  line(`    --trust-root ${trustRootFile} \\`);
  line(`    --policy ${policyFile} "What is 2+2?"`);
  line();
  line(dim("  # the same for your own programs, at http://127.0.0.1:4910/v1"));
  line(`  npx bauta proxy --models ${e2ee} \\`);
  line(`    --trust-root ${trustRootFile} \\`);
  line(`    --policy ${policyFile}`);
  line();
  line(dim("  # OpenAI's API by itself, not sealed"));
  line(`  curl -s $BAUTA_BASE_URL/chat/completions \\`);
  line(`    -H "Authorization: Bearer $BAUTA_API_KEY" \\`);
  line(`    -H 'Content-Type: application/json' \\`);
  line(`    -d '{"model":"${tee}","messages":[{"role":"user","content":"Hi"}]}'`);
  line();
  line(dim("  # evidence for a nonce of yours"));
  line(`  curl -s -H "Authorization: Bearer $BAUTA_API_KEY" -G \\`);
  line(`    -d model=${e2ee} -d nonce=$(openssl rand -hex 32) \\`);
  line(`    $BAUTA_BASE_URL/tee/attestation`);
  line();
}
