import type { Exchange, ExchangeRequest } from "./exchange.ts";
import type { ExchangeContext } from "./send-attested.ts";
import { sendBody, sendWholeBody } from "./send-body.ts";

/** Asks for a stream, by one body that is sealed whole (version 2). */
export async function askByBody(context: ExchangeContext, request: ExchangeRequest): Promise<Exchange> {
  return { kind: "chunks", protection: "sealed", ...(await sendBody(context, request)) };
}

/** Asks for one JSON value, by one body that is sealed whole. */
export async function askWholeByBody(context: ExchangeContext, request: ExchangeRequest): Promise<Exchange> {
  return { kind: "whole", protection: "sealed", ...(await sendWholeBody(context, request)) };
}
