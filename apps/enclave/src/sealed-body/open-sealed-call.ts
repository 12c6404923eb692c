import type { IncomingHttpHeaders } from "node:http";
import { equalBytes, HEADERS, parseModelKey, WireError } from "@bauta/protocol";
import { assertBinding, type BodySealer } from "@bauta/protocol/enclave";
import { findModel, type EnclaveModel } from "../model.ts";
import { parseBody } from "../read-body.ts";
import type { BodyKeys } from "./body-keys.ts";

/** A request that came sealed as a whole, opened and held against what came in clear beside it. */
export interface SealedCall {
  readonly model: EnclaveModel;
  /** The request without the members that bound it to this call. */
  readonly request: Readonly<Record<string, unknown>>;
  readonly sealResponse: () => Promise<BodySealer>;
}

export interface SealedCallOptions {
  readonly bodyKeys: BodyKeys;
  readonly models: ReadonlyMap<string, EnclaveModel>;
  /** 65 bytes: the key by which a gateway routes. */
  readonly publicKey: Uint8Array;
  /** Refuse what names neither its method, path and model nor its time inside the seal, as clients of EHBP alone send it. */
  readonly strict: boolean;
}

/** True for a request of version 2: its body is sealed as a whole. */
export function hasSealedBody(headers: IncomingHttpHeaders): boolean {
  return headers[HEADERS.encapsulatedKey] !== undefined;
}

/**
 * Opens the body of a version 2 request. A second request with the same body is refused from here on.
 * @param path below the API's base, such as `/chat/completions`
 * @throws {WireError} from the catalogue, naming header or field; one text for everything that does not open
 * @see spec/sealed-bodies.md
 */
export async function openSealedCall(
  headers: IncomingHttpHeaders,
  bytes: Uint8Array,
  path: string,
  { bodyKeys, models, publicKey, strict }: SealedCallOptions,
): Promise<SealedCall> {
  // 1. What came in clear: the model that the gateway routed and billed by, and which enclave it meant.
  const model = findModel(models, headers[HEADERS.model], HEADERS.model);
  for (const name of [HEADERS.clientPublicKey, HEADERS.signingAlgorithm]) {
    if (headers[name] !== undefined) throw new WireError("headers_mixed", { param: name });
  }
  assertModelKey(headers[HEADERS.modelPublicKey], publicKey);

  // 2. What was sealed.
  const encapsulatedKey = headers[HEADERS.encapsulatedKey];
  if (typeof encapsulatedKey !== "string") throw new WireError("body_not_opened");
  const opened = await bodyKeys.open(encapsulatedKey, bytes);
  const body = parseBody(opened.plaintext);

  // 3. Both are of one request, and that request is new.
  const { request, t } = assertBinding(body, { method: "POST", path, model: model.id, required: strict });
  opened.assertNew(t);
  return { model, request, sealResponse: () => opened.sealResponse() };
}

function assertModelKey(header: string | string[] | undefined, publicKey: Uint8Array): void {
  if (header === undefined) return;
  const key = typeof header === "string" ? parseModelKey(header) : undefined;
  if (!key) throw new WireError("invalid_public_key", { param: HEADERS.modelPublicKey });
  if (!equalBytes(key, publicKey)) throw new WireError("unknown_model_key", { param: HEADERS.modelPublicKey });
}
