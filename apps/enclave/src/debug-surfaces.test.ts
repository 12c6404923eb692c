import { describe, expect, it } from "vitest";
import { assertNotDebuggable, findDebugSurfaces } from "./debug-surfaces.ts";

const clean = { env: { PATH: "/bin" }, execArgv: [], inspectorUrl: undefined };

describe("debug surfaces", () => {
  it("finds none in a plain process", () => {
    expect(findDebugSurfaces(clean)).toEqual([]);
    expect(
      findDebugSurfaces({ ...clean, env: { NODE_OPTIONS: "" }, execArgv: ["--conditions=source", "--max-old-space-size=100"] }),
    ).toEqual([]);
    expect(() => assertNotDebuggable([])).not.toThrow();
  });

  it.each([
    [{ ...clean, env: { NODE_OPTIONS: "--require=/tmp/x" } }, ["NODE_OPTIONS"]],
    [{ ...clean, env: { LD_PRELOAD: "/tmp/x.so", LD_AUDIT: "/tmp/y.so" } }, ["LD_PRELOAD", "LD_AUDIT"]],
    [{ ...clean, execArgv: ["--inspect=0.0.0.0:9229"] }, ["--inspect"]],
    [{ ...clean, execArgv: ["--inspect-brk"] }, ["--inspect-brk"]],
    [{ ...clean, execArgv: ["--heapsnapshot-signal=SIGUSR2"] }, ["--heapsnapshot-signal"]],
    [{ ...clean, inspectorUrl: "ws://127.0.0.1:9229/x" }, ["an open inspector"]],
  ])("names what it finds, without values: %j", (view, found) => {
    expect(findDebugSurfaces(view)).toEqual(found);
    expect(() => assertNotDebuggable(found)).toThrow(found[0]);
  });
});
