import { beforeAll } from "vitest";
import { setCollecting } from "./stage.ts";

setCollecting(true);
beforeAll(() => setCollecting(false));
