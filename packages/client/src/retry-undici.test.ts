import { Agent, setGlobalDispatcher } from "undici";
import { expect, it, vi } from "vitest";

// Programs that use the undici of npm lend its connections to Node's own fetch, which is of another version. All of
// retry.test.ts runs again in such a process.
const agent = new Agent();
const dispatch = vi.spyOn(agent, "dispatch");
setGlobalDispatcher(agent);
await import("./retry.test.ts");

it("the requests went through npm's undici", () => expect(dispatch.mock.calls.length).toBeGreaterThan(20));
