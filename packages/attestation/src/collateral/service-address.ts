import { CollateralError } from "./collateral-error.ts";
import type { CollateralNeed } from "./collateral-need.ts";

/** Intel's Provisioning Certification Service. */
export const INTEL_PCS_URL = "https://api.trustedservices.intel.com";
/** The distribution point that Intel's root names for its own CRL. */
export const INTEL_ROOT_CRL_URL = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";

/** This machine, by names that resolvers may not ask the network for. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Where to ask for each piece. */
export interface ServiceAddresses {
  /** Tells services apart in a store. */
  readonly name: string;
  tcbInfo(need: CollateralNeed): string;
  readonly qeIdentity: string;
  pckCrl(need: CollateralNeed): string;
  readonly rootCrl: string;
}

/**
 * Lays out the addresses of Intel's service or of a PCCS, which has the same paths and serves the root CRL as well.
 * @param baseUrl from configuration, never from evidence; with or without `/sgx/certification/v4` at its end
 * @param rootCrlUrl in place of Intel's distribution point, or of the PCCS's own copy
 * @throws CollateralError (`collateral_settings`); plain http is for loopback hosts, unless it is allowed by name
 * @see Intel SGX and TDX Provisioning Certification Service API v4
 */
export function serviceAddresses(baseUrl: string, rootCrlUrl: string | undefined, allowInsecureHttp: boolean): ServiceAddresses {
  const checked = checkUrl("baseUrl", baseUrl, allowInsecureHttp);
  const base = `${checked.origin}${checked.pathname}`.replace(/\/+$/, "").replace(/\/(?:sgx|tdx)\/certification\/v4$/, "");
  const rootCrl = rootCrlUrl ?? (base === INTEL_PCS_URL ? INTEL_ROOT_CRL_URL : `${base}/sgx/certification/v4/rootcacrl`);
  return {
    name: base.replace(/^https?:\/\//, ""),
    tcbInfo: ({ fmspc }) => `${base}/tdx/certification/v4/tcb?fmspc=${fmspc}`,
    qeIdentity: `${base}/tdx/certification/v4/qe/identity`,
    pckCrl: ({ ca }) => `${base}/sgx/certification/v4/pckcrl?ca=${ca}&encoding=der`,
    rootCrl: checkUrl("rootCrlUrl", rootCrl, allowInsecureHttp).href,
  };
}

/** Checks an address out of a configuration. @throws CollateralError (`collateral_settings`) */
export function checkUrl(field: string, text: string, allowInsecureHttp: boolean, example: string = INTEL_PCS_URL): URL {
  // The rejected text is not repeated: it may hold a password.
  const invalid = (problem: string) => new CollateralError("collateral_settings", field, problem);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid(`is not a URL; give the service's address, such as ${example}`);
  }
  if (url.username !== "" || url.password !== "") throw invalid("holds a user name or password, which would be shown in errors");
  if (url.search !== "" || url.hash !== "") throw invalid("has a query or fragment; leave it out");
  if (url.protocol !== "https:" && url.protocol !== "http:") throw invalid("is neither https nor http");
  if (url.protocol === "http:" && !allowInsecureHttp && !LOOPBACK.test(url.hostname)) {
    throw invalid("is plain http to another machine, which could be kept from newer collateral; use https, or set allowInsecureHttp");
  }
  return url;
}
