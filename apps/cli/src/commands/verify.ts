import type { Command } from "commander";
import { POLICY_FLAG } from "../evidence-flags.ts";
import { EXIT } from "../exit.ts";
import { withSubjectFlags } from "../subject-flags.ts";
import { createTerminal } from "../terminal.ts";
import type { VerifyFlags } from "../verify-mode.ts";

interface Flags extends VerifyFlags {
  readonly all?: true;
}

/** Under which heading of the help text a flag stands; in this order. */
const HEADINGS: readonly (readonly [heading: string, flags: readonly string[]])[] = [
  ["What to verify, beside a model:", ["--attestation", "--nonce", "--quote", "--gpu"]],
  ["What to hold it against:", ["--policy", "--allow-unpinned", "--collateral", "--rims", "--offline", "--at", "--trust-root"]],
  ["Where to fetch what is not at hand:", ["--pcs-url", "--rim-url", "--ocsp-url", "--nras-url"]],
  ["Which server to ask:", ["--base-url", "--api-key"]],
];

export function addVerify(program: Command): void {
  const command = withSubjectFlags(
    program
      .command("verify")
      .description("appraise an enclave, a quote or GPUs, and show what came of it, and who could still read")
      .argument("[model]", "a running model to ask for evidence, such as e2ee-pocket"),
  )
    .option("--quote <file>", "judge a TDX quote (raw, hex or base64): the platform alone")
    .option("--gpu <file>", "judge GPU evidence (NVIDIA's JSON, or a whole answer's): the GPUs alone")
    .option("--policy <file>", POLICY_FLAG)
    .option("--allow-unpinned", "INSECURE: accept any measurements; results say UNPINNED")
    .option("--all", "show everything: each check with its reason, all claims, all values")
    .addHelpText(
      "after",
      `
Examples:
  bauta verify e2ee-pocket --base-url https://host/api/v1 --policy policy.yaml
  bauta verify --attestation answer.json --nonce HEX --policy venice
  bauta verify --quote quote.bin --collateral c.json --at 2025-07-04T10:16:31Z
  bauta verify --gpu evidence.json --nonce HEX --rims folder
  bauta verify --quote q.hex --json | jq '.checks[] | select(.status == "fail")'

A quote by itself says which platform signed it, and GPU evidence that its GPUs
are genuine. Whose enclave it is, what runs in it, whether it answers you and who
sees your prompt takes a whole answer: a saved one, or one to a fresh nonce.

Exit status: 0 acceptable, 1 not acceptable or not reachable, 2 wrong usage or an
input that cannot be read.`,
    )
    .action(runVerify);
  for (const [heading, flags] of HEADINGS) {
    for (const flag of flags) command.options.find(({ long }) => long === flag)?.helpGroup(heading);
  }
}

async function runVerify(model: string | undefined, flags: Flags): Promise<void> {
  if (flags.gpu !== undefined) return runVerifyGpus(model, flags);
  const { readVerifyInput } = await import("../verify-input.ts");
  const input = await readVerifyInput(model, flags);
  const { appraise } = await import("@bauta/attestation");
  const result = await appraise(input.appraisal);
  if (result.collateral) await input.memory?.note(result.collateral.numbers);
  if (!result.ok) process.exitCode = EXIT.failed;
  if (flags.json) {
    const { printableJson } = await import("@bauta/client");
    process.stdout.write(`${printableJson(result)}\n`);
    return;
  }
  const { showResult } = await import("../show-result.ts");
  const { describeBasis, describeLimits } = await import("../verify-words.ts");
  showResult(createTerminal(), {
    subject: input.subject,
    result,
    basis: describeBasis(input, flags.at !== undefined),
    notes: describeLimits(input, result, flags.at !== undefined),
    all: flags.all === true,
  });
}

async function runVerifyGpus(model: string | undefined, flags: Flags): Promise<void> {
  const { verifyGpus } = await import("../verify-gpus.ts");
  const { showResult } = await import("../show-result.ts");
  const { result, shown } = await verifyGpus(model, flags);
  if (!result.ok) process.exitCode = EXIT.failed;
  if (flags.json) {
    const { printableJson } = await import("@bauta/client");
    process.stdout.write(`${printableJson(result)}\n`);
  } else showResult(createTerminal(), { ...shown, all: flags.all === true });
}
