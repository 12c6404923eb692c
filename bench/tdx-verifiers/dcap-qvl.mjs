import { verify } from "@phala/dcap-qvl";

/** @phala/dcap-qvl: on OpenSSL in Node, on JavaScript alone in browsers. */
export async function create({ quote, collateral, nowMs }) {
  const seconds = Math.floor(nowMs / 1000);
  return async () => {
    const { status } = verify(quote, collateral, seconds);
    if (status !== "UpToDate") throw new Error(status);
  };
}
