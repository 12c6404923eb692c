import { conformanceCases, sealedBodyCases } from "@bauta/conformance";
import { createProxy } from "@bauta/proxy";
import { fetchAdapter, type FetchFront } from "./fetch-adapter.ts";
import { meetEvilProvider } from "./meet-evil-provider.ts";

const front: FetchFront["front"] = (client) => createProxy({ client, nowMs: Date.now });
const withholding = fetchAdapter({ stream: true, unverified: "error", front });
const marking = fetchAdapter({ stream: false, unverified: "mark", front });

meetEvilProvider({ name: "proxy, version 1, a stream that ends by an error", adapter: withholding, withholds: true }, conformanceCases);
meetEvilProvider(
  { name: "proxy, version 2, a stream that ends by an error", adapter: withholding, withholds: true },
  sealedBodyCases.filter(({ form }) => form !== "whole"),
);
meetEvilProvider(
  { name: "proxy, version 2, one JSON value that is marked", adapter: marking },
  sealedBodyCases.filter(({ form }) => form === "whole"),
);
