import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from "node:dns";
import { BlockList, isIP } from "node:net";

/** Where no enclave lives: metadata services of clouds, link-local, multicast and unspecified addresses. */
const refused = new BlockList();
refused.addSubnet("0.0.0.0", 8, "ipv4");
refused.addSubnet("169.254.0.0", 16, "ipv4");
refused.addSubnet("224.0.0.0", 3, "ipv4");
refused.addAddress("100.100.100.200", "ipv4");
refused.addAddress("192.0.0.192", "ipv4");
refused.addAddress("168.63.129.16", "ipv4");
refused.addAddress("::", "ipv6");
refused.addSubnet("fe80::", 10, "ipv6");
refused.addSubnet("ff00::", 8, "ipv6");
refused.addAddress("fd00:ec2::254", "ipv6");
refused.addAddress("fd20:ce::254", "ipv6");
const refusedNames = new Set(["metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"]);

/** True for an address that no enclave can have; IPv4 inside IPv6 counts as IPv4. */
export function isRefusedAddress(address: string): boolean {
  const family = isIP(address);
  return family === 0 || refused.check(address, family === 6 ? "ipv6" : "ipv4");
}

/**
 * Reads an enclave's URL from the configuration.
 * @returns its origin, or a sentence that says what is wrong
 */
export function parseEnclaveUrl(text: string): { readonly origin: string } | { readonly problem: string } {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return { problem: "is not a URL; write http://host:port or https://host:port" };
  }
  if (url.protocol !== "http:" && url.protocol !== "https:")
    return { problem: `has the scheme ${url.protocol} where http: or https: belongs` };
  if (url.username !== "" || url.password !== "") return { problem: "must not hold a user name or password" };
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "")
    return { problem: "must end after host and port: the gateway adds the paths" };
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  if (isIP(host) !== 0 ? isRefusedAddress(host) : refusedNames.has(host)) {
    return { problem: `points to ${host}, a metadata, link-local, multicast or unspecified address where no enclave can be` };
  }
  return { origin: url.origin };
}

type Resolve = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** A connection that was refused because of where a name led. */
class RefusedAddressError extends Error {
  override readonly name = "RefusedAddressError";
  readonly code = "address_refused";
}

/**
 * A `lookup` for sockets that refuses the same addresses when connecting, so that a name cannot be pointed elsewhere
 * after its URL was checked.
 */
export function createGuardedLookup(resolve: Resolve = dnsLookup) {
  return (
    hostname: string,
    options: LookupOptions,
    callback: (error: Error | null, address: string | LookupAddress[], family?: number) => void,
  ): void => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      const bad = addresses.find(({ address }) => isRefusedAddress(address));
      if (bad) return callback(new RefusedAddressError(`${hostname} leads to ${bad.address}, where no enclave can be`), []);
      if (options.all) return callback(null, addresses);
      const first = addresses[0];
      if (!first) return callback(new RefusedAddressError(`${hostname} has no address`), []);
      callback(null, first.address, first.family);
    });
  };
}
