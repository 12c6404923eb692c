import { describe, expect, it } from "vitest";
import { createGuardedLookup, isRefusedAddress, parseEnclaveUrl } from "./enclave-address.ts";

describe("enclave URLs", () => {
  it.each([
    ["http://127.0.0.1:9000", "http://127.0.0.1:9000"],
    ["http://10.1.2.3:9000/", "http://10.1.2.3:9000"],
    ["https://enclave.internal", "https://enclave.internal"],
    ["http://[::1]:9000", "http://[::1]:9000"],
  ])("%s is one", (text, origin) => {
    expect(parseEnclaveUrl(text)).toEqual({ origin });
  });

  it.each([
    "enclave:9000",
    "",
    "ftp://enclave",
    "http://user:pass@enclave",
    "http://enclave/v1",
    "http://enclave/?a=1",
    "http://169.254.169.254",
    "http://2852039166",
    "http://0xa9fea9fe/",
    "http://[::ffff:169.254.169.254]",
    "http://[fe80::1]",
    "http://[fd00:ec2::254]:80",
    "http://100.100.100.200",
    "http://0.0.0.0:80",
    "http://255.255.255.255",
    "http://metadata.google.internal",
    "http://metadata.google.internal.:80",
    "http://METADATA.google.internal",
  ])("%s is refused", (text) => {
    expect(parseEnclaveUrl(text)).toHaveProperty("problem");
  });
});

describe("the guarded lookup", () => {
  const ask = (addresses: { address: string; family: number }[], all: boolean) =>
    new Promise((settle) => {
      const lookup = createGuardedLookup((_name, _options, callback) => callback(null, addresses));
      lookup("enclave.test", { all }, (error, address) => settle(error ? error.message : address));
    });

  it("lets ordinary addresses through in both forms", async () => {
    const addresses = [{ address: "10.0.0.1", family: 4 }];
    expect(await ask(addresses, true)).toEqual(addresses);
    expect(await ask(addresses, false)).toBe("10.0.0.1");
  });

  it("refuses a name when any of its addresses is a metadata service", async () => {
    const rebound = [
      { address: "10.0.0.1", family: 4 },
      { address: "::ffff:169.254.169.254", family: 6 },
    ];
    expect(await ask(rebound, true)).toContain("no enclave can be");
    expect(await ask(rebound, false)).toContain("no enclave can be");
    expect(await ask([], false)).toContain("no address");
  });

  it("takes nothing that is not an address", () => {
    expect(isRefusedAddress("enclave.test")).toBe(true);
  });
});
