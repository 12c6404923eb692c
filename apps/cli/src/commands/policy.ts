import { type Command, InvalidArgumentError } from "commander";
import type { AcceptFlags, DiffFlags, PinFlags } from "../policy-commands.ts";
import { withSubjectFlags } from "../subject-flags.ts";

const EXIT_STATUS = `Exit status: 0 done, 1 the enclave is not proven or not accepted, 2 wrong usage
or an input that cannot be read.`;
const MODEL = "the model whose enclave to ask; leave it out with --attestation";
/** The weaknesses that a policy may be pinned with; never debug. */
const WEAKNESSES = ["sept_ve_disable_off", "service_td", "unpinned_images", "gpu_hold"];

export function addPolicy(program: Command): void {
  const policy = program.command("policy").description("write, compare and show which enclaves are acceptable");
  addPin(policy);
  addDiff(policy);
  addAccept(policy);

  policy
    .command("show")
    .description("show a policy as it is enforced")
    .argument("<policy>", "a policy file (YAML or JSON), or a built-in one's name")
    .option("--json", "print the policy as JSON, with all that it leaves out filled in")
    .addHelpText("after", "\nExamples:\n  bauta policy show venice\n  bauta policy show p.yaml --json")
    .action(async (name: string, flags: { json?: true }) => (await import("../policy-commands.ts")).runShow(name, flags));

  policy
    .command("list")
    .description("list the built-in policies")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  bauta policy list\n  bauta policy show venice")
    .action(async (flags: { json?: true }) => (await import("../policy-commands.ts")).runList(flags));
}

function addPin(policy: Command): void {
  const pin = policy.command("pin").description("write a policy from an enclave that proves what it is").argument("[model]", MODEL);
  withLabels(withSubjectFlags(pin))
    .option("--provider <text>", "a label: whom the policy is about; the server's host unless given")
    .option("--allow <weakness>", `WEAKER: accept this of the enclave, and write so: ${WEAKNESSES.join(" or ")}`, chooseWeakness)
    .option("-o, --output <file>", "write here, as JSON if it ends in .json; standard output unless given")
    .option("--force", "overwrite the file if it exists")
    .addHelpText(
      "after",
      `
Examples:
  bauta policy pin e2ee-pocket --base-url https://host/api/v1 -o p.yaml
  bauta policy pin --attestation a.json --nonce HEX --collateral c.json -o p.yaml

${EXIT_STATUS}`,
    )
    .action(async (model: string | undefined, flags: PinFlags) => (await import("../policy-commands.ts")).runPin(model, flags));
}

function addDiff(policy: Command): void {
  const diff = policy.command("diff").description("say in which values an enclave differs from a policy").argument("[model]", MODEL);
  withPolicy(withSubjectFlags(diff))
    .addHelpText(
      "after",
      `
Examples:
  bauta policy diff e2ee-pocket --policy p.yaml --base-url https://host/api/v1
  bauta policy diff --policy venice --attestation answer.json --nonce HEX

${EXIT_STATUS}`,
    )
    .action(async (model: string | undefined, flags: DiffFlags) => (await import("../policy-commands.ts")).runDiff(model, flags));
}

function addAccept(policy: Command): void {
  const accept = policy.command("accept").description("add an enclave's build to those that a policy accepts").argument("[model]", MODEL);
  withLabels(withPolicy(withSubjectFlags(accept)))
    .option("-o, --output <file>", "leave the policy as it is, and write here")
    .option("--force", "overwrite that file if it exists")
    .addHelpText(
      "after",
      `
A policy file is changed in place and keeps its comments. Only a build is added:
what the policy asks of the platform stays as it is.

Examples:
  bauta policy accept e2ee-pocket --policy p.yaml --base-url https://host/api/v1
  bauta policy accept --policy venice -o mine.yaml --attestation answer.json \\
    --nonce HEX --name "release 2" --expires 2027-01-31

${EXIT_STATUS}`,
    )
    .action(async (model: string | undefined, flags: AcceptFlags) => (await import("../policy-commands.ts")).runAccept(model, flags));
}

function withPolicy(command: Command): Command {
  return command.requiredOption("--policy <file>", "the policy: a file (YAML or JSON), or a built-in one's name");
}

function withLabels(command: Command): Command {
  return command
    .option("--name <text>", "what the build is called; model and time unless given")
    .option("--source <text>", "where its values come from, for the policy's readers")
    .option("--expires <date>", "accept it only until then, such as 2027-01-31");
}

function chooseWeakness(weakness: string, others: readonly string[] = []): string[] {
  if (!WEAKNESSES.includes(weakness)) throw new InvalidArgumentError(`Known are ${WEAKNESSES.join(" and ")}.`);
  return [...others, weakness];
}
