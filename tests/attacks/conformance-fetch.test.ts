import { type ConformanceCase, conformanceCases, sealedBodyCases } from "@bauta/conformance";
import { fetchAdapter } from "./fetch-adapter.ts";
import { meetEvilProvider } from "./meet-evil-provider.ts";

const marking = fetchAdapter({ stream: true, unverified: "mark" });
const withholding = fetchAdapter({ stream: false, unverified: "error" });

/** Where evidence is refused, no answer is given in either form. */
const isAnswered = ({ expected }: ConformanceCase) => expected !== "refused";
/** Evidence of GPUs takes long to make, and goes through this very `fetch` in conformance-proxy.test.ts. */
const isQuick = ({ gpus, expected }: ConformanceCase) => gpus === undefined || expected === "verified";

meetEvilProvider(
  { name: "fetch, version 1, one JSON value or an error", adapter: withholding, withholds: true },
  conformanceCases.filter(isQuick),
);
meetEvilProvider({ name: "fetch, version 1, a stream that is marked", adapter: marking }, conformanceCases.filter(isAnswered));
meetEvilProvider(
  { name: "fetch, version 2, a stream that is marked", adapter: marking },
  sealedBodyCases.filter((testCase) => testCase.form !== "whole" && isAnswered(testCase)),
);
meetEvilProvider(
  { name: "fetch, version 2, one JSON value or an error", adapter: withholding, withholds: true },
  sealedBodyCases.filter(({ form }) => form !== "stream"),
);
