import { initSync, js_verify } from "@phala/dcap-qvl-web";

/** @phala/dcap-qvl-web: the Rust library as WebAssembly. */
export async function create({ quote, collateral, nowMs }, { wasm }) {
  initSync({ module: wasm });
  const seconds = BigInt(Math.floor(nowMs / 1000));
  return async () => {
    const { status } = js_verify(quote, collateral, seconds);
    if (status !== "UpToDate") throw new Error(status);
  };
}
