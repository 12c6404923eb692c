import { execFile } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandExists } from "../support/commands.ts";
import { type RunningDemo, startDemoProcess } from "../support/demo.ts";
import { noPython, python } from "../support/python.ts";
import { type ScriptedEngine, startScriptedEngine } from "../support/scripted-engine.ts";
import { pagePath, skipUnless } from "../support/vectors.ts";
import { type PageProgram, pageProgram, readPagePrograms } from "./page-programs.ts";

const noPage = skipUnless(existsSync(pagePath), "page", "the published page lies beside the checkout in ../shared/spec");
const noCurl = skipUnless(commandExists("curl"), "curl", "apt-get install curl");
const runs = Number(process.env["BAUTA_PAGE_RUNS"] ?? "5");

const execute = promisify(execFile);
/** Within the repository, so that the programs find the packages that they import. */
const folder = fileURLToPath(new URL(`../../.cache/page-${process.pid}/`, import.meta.url));

/** Programs by people who never saw this code, taken from the page when the test runs. */
describe.skipIf(noPage)("the page's own programs against our gateway", () => {
  let engine: ScriptedEngine;
  let demo: RunningDemo;
  let programs: PageProgram[];

  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    engine = await startScriptedEngine(["2 + 2", " is ", "4."]);
    demo = await startDemoProcess(["--engine-url", engine.url]);
    programs = readPagePrograms();
  });

  afterAll(async () => {
    await demo?.stop();
    await engine?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const program = (heading: string, language: PageProgram["language"]) =>
    pageProgram(programs, heading, language, {
      baseUrl: demo.gateway,
      apiKey: demo.apiKey,
      teeModel: demo.models[0],
      e2eeModel: demo.models[1],
    });

  async function runProgram(command: string, name: string, code: string): Promise<string> {
    writeFileSync(`${folder}${name}`, code);
    const { stdout, stderr } = await execute(command, [`${folder}${name}`], {
      timeout: 60_000,
      env: { ...process.env, API_KEY_VENICE: demo.apiKey },
    });
    expect(stderr).toBe("");
    return stdout;
  }

  it(`the complete JavaScript example gets a decrypted answer, ${runs} times in a row`, { timeout: 15_000 + runs * 3_000 }, async () => {
    const code = program("Complete Working Example", "javascript");
    for (let run = 0; run < runs; run++) {
      const output = await runProgram(process.execPath, "complete.mjs", code);
      expect(output, `run ${run + 1}`).toContain("TEE attestation verified");
      expect(output, `run ${run + 1}`).toContain("\n\n2 + 2 is 4.\n\n");
    }
    expect(engine.requests.at(-1)?.messages).toEqual([{ role: "user", content: "What is 2+2? Answer briefly." }]);
  });

  it.skipIf(noPython)("the complete Python example gets a decrypted answer", async () => {
    const output = await runProgram(python as string, "complete.py", program("Complete Working Example", "python"));
    expect(output).toContain("provider: simulator");
    expect(output).toContain("\n\n2 + 2 is 4.\n\n");
  });

  it.skipIf(noPython)("the Python steps 1 to 6, put together, get a decrypted answer", async () => {
    const headings = [
      "Step 1: Check Model E2EE Support",
      "Step 2: Generate Ephemeral Key Pair",
      "Validation Helpers",
      "Step 3: Fetch and Verify TEE Attestation",
      "Step 4: Encrypt Messages",
      "Step 5: Send Request with E2EE Headers",
      "Step 6: Decrypt Response Chunks",
    ];
    const steps = headings.map((heading) => program(heading, "python"));
    const driver = `
api_key = ${JSON.stringify(demo.apiKey)}
keys = generate_ephemeral_key_pair()
validate_client_pubkey(keys["public_key_hex"])
model = get_e2ee_models(api_key)[0]["id"]
found = fetch_and_verify_attestation(model, api_key)
context = {"public_key_hex": keys["public_key_hex"], "model_public_key": found["model_public_key"]}
response = send_e2ee_request([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}], model, context, api_key)
assert process_e2ee_stream(response, keys["private_key"]) == "2 + 2 is 4."
`;
    expect(await runProgram(python as string, "steps.py", steps.join("\n") + driver)).toContain("2 + 2 is 4.");
  });

  it("the openai package for JavaScript talks to the tee model", async () => {
    expect(await runProgram(process.execPath, "basic.mjs", program("Basic Usage", "javascript"))).toBe("2 + 2 is 4.\n");
    const streaming = program("Basic Usage", "javascript")
      .replace("messages: [", "stream: true, messages: [")
      .replace(
        "console.log(response.choices[0].message.content);",
        "for await (const chunk of response) process.stdout.write(chunk.choices[0]?.delta?.content ?? '');",
      );
    expect(await runProgram(process.execPath, "basic-stream.mjs", streaming)).toBe("2 + 2 is 4.");
  });

  it.skipIf(noPython)("the openai package for Python talks to the tee model, and lists it", async () => {
    expect(await runProgram(python as string, "basic.py", program("Basic Usage", "python"))).toBe("2 + 2 is 4.\n");
    const streaming = program("Basic Usage", "python")
      .replace("messages=[", "stream=True, messages=[")
      .replace(
        "print(response.choices[0].message.content)",
        "print(''.join(chunk.choices[0].delta.content or '' for chunk in response), end='')",
      );
    expect(await runProgram(python as string, "basic_stream.py", streaming)).toBe("2 + 2 is 4.");
    const client = program("Basic Usage", "python").split("response =")[0] ?? "";
    const output = await runProgram(python as string, "models.py", client + program("Checking Model Capabilities", "python"));
    expect(output).toBe(`${demo.models[0]}: TEE=True, E2EE=False\n${demo.models[1]}: TEE=True, E2EE=True\n`);
  });

  it.skipIf(noCurl)("the curl lines get an answer, an attestation and a signature", async () => {
    const answer = JSON.parse(await runProgram("bash", "chat.sh", quiet(program("Basic Usage", "bash")))) as {
      id: string;
      choices: { message: { content: string } }[];
    };
    expect(answer.choices[0]?.message.content).toBe("2 + 2 is 4.");

    const attestation = JSON.parse(
      await runProgram("bash", "attestation.sh", quiet(program("Verifying TEE Attestation", "bash"))),
    ) as Record<string, unknown>;
    expect(attestation).toMatchObject({ verified: true, tee_provider: "simulator", model: demo.models[0] });

    const signature = quiet(program("Response Signatures", "bash")).replace("chatcmpl-abc123", answer.id);
    expect(JSON.parse(await runProgram("bash", "signature.sh", signature))).toMatchObject({
      request_id: answer.id,
      text: expect.stringMatching(/^[0-9a-f]{64}:[0-9a-f]{64}$/),
    });
  });

  it.skipIf(noPython)("the Python attestation and signature calls work", async () => {
    const define = `api_key = ${JSON.stringify(demo.apiKey)}\n`;
    const output = await runProgram(python as string, "attestation.py", define + program("Verifying TEE Attestation", "python"));
    expect(output).toBe(`Verified: True\nTEE Provider: simulator\nModel: ${demo.models[0]}\n`);
    const code = `import requests\n${define}completion_id = requests.post(${JSON.stringify(`${demo.gateway}/chat/completions`)}, headers={"Authorization": f"Bearer {api_key}"}, json={"model": ${JSON.stringify(demo.models[0])}, "messages": [{"role": "user", "content": "Hello"}]}).json()["id"]\n${program("Response Signatures", "python")}\nprint(response.status_code, signature["request_id"] == completion_id)\n`;
    expect(await runProgram(python as string, "signature.py", code)).toBe("200 True\n");
  });

  it("the JavaScript model list finds the sealed model", async () => {
    const output = await runProgram(process.execPath, "models.mjs", program("Step 1: Check Model E2EE Support", "javascript"));
    expect(output).toBe(`E2EE Models: [ '${demo.models[1]}' ]\n`);
  });
});

/** curl draws its progress on the standard error. */
function quiet(code: string): string {
  return code.replaceAll("curl ", "curl -sS ");
}
