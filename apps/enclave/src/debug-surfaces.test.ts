import { describe, expect, it } from "vitest";
import { assertNotDebuggable, findDebugSurfaces, type ProcessView } from "./debug-surfaces.ts";

const clean = { env: { PATH: "/bin" }, execArgv: [], inspectorUrl: undefined };

describe("debug surfaces", () => {
  it("finds none in a plain process", () => {
    expect(findDebugSurfaces(clean)).toEqual([]);
    expect(
      findDebugSurfaces({ ...clean, env: { NODE_OPTIONS: "" }, execArgv: ["--max_old_space_size=100", "--enable-source-maps"] }),
    ).toEqual([]);
    expect(() => assertNotDebuggable([])).not.toThrow();
  });

  it.each<[ProcessView, string[]]>([
    [{ ...clean, env: { NODE_OPTIONS: "--require=/tmp/x" } }, ["NODE_OPTIONS"]],
    [{ ...clean, env: { LD_PRELOAD: "/tmp/x.so", LD_AUDIT: "/tmp/y.so" } }, ["LD_PRELOAD", "LD_AUDIT"]],
    [{ ...clean, execArgv: ["--inspect=0.0.0.0:9229"] }, ["--inspect"]],
    [{ ...clean, execArgv: ["--inspect-brk"] }, ["--inspect-brk"]],
    [{ ...clean, execArgv: ["--heapsnapshot-signal=SIGUSR2"] }, ["--heapsnapshot-signal"]],
    [{ ...clean, execArgv: ["--import", "/tmp/x.mjs"] }, ["--import"]],
    [{ ...clean, execArgv: ["--import=/tmp/x.mjs", "--import=/tmp/y.mjs"] }, ["--import"]],
    [{ ...clean, execArgv: ["-r", "/tmp/x.cjs", "--enable-source-maps"] }, ["-r"]],
    [{ ...clean, execArgv: ["--experimental-loader", "/tmp/x.mjs"] }, ["--experimental-loader"]],
    [{ ...clean, execArgv: ["--conditions=development"] }, ["--conditions"]],
    [{ ...clean, execArgv: ["--enable-source-maps=/tmp/x"] }, ["--enable-source-maps"]],
    [{ ...clean, execArgv: ["/tmp/x"] }, ["an argument of Node's"]],
    [{ ...clean, inspectorUrl: "ws://127.0.0.1:9229/x" }, ["an open inspector"]],
    ...[
      "LD_LIBRARY_PATH",
      "NODE_PATH",
      "NODE_COMPILE_CACHE",
      "OPENSSL_CONF",
      "GGML_BACKEND_PATH",
      "NODE_DEBUG",
      "NODE_EXTRA_CA_CERTS",
      "NODE_TLS_REJECT_UNAUTHORIZED",
    ].map((name): [ProcessView, string[]] => [{ ...clean, env: { [name]: "/tmp/x" } }, [name]]),
  ])("names what it finds, without values: %j", (view, found) => {
    expect(findDebugSurfaces(view)).toEqual(found);
    expect(() => assertNotDebuggable(found)).toThrow(found[0]);
    expect(() => assertNotDebuggable(found)).not.toThrow(/tmp/);
  });
});
