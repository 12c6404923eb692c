import type { CertificateChanges, CertificateRole } from "../../../packages/simulator/src/index.ts";
import { extension } from "../../../packages/simulator/src/certificates.ts";
import { octetString } from "../../../packages/simulator/src/der-writer.ts";
import { NOW_MS, type PlatformCase, type PlatformFamily, SECOND_MS } from "../platform-case.ts";
import { FALSE_DER_SIGNATURES, otherDerS } from "../signatures.ts";

const certificate = (role: CertificateRole, changes: CertificateChanges): PlatformCase["faults"] => ({ certificates: { [role]: changes } });

const unknownExtension = (critical: boolean): CertificateChanges => ({
  extensions: (extensions) => [...extensions, extension("1.3.6.1.4.1.99999.1", octetString(Buffer.of(1)), critical)],
});

const changed: readonly (readonly [string, CertificateRole, CertificateChanges])[] = [
  ["a PCK certificate under another name", "pck", { commonName: "Intel SGX PCK Certificates" }],
  ["a TCB signer as PCK certificate", "pck", { commonName: "Intel SGX TCB Signing" }],
  ["a PCK certificate marked as a CA", "pck", { pathLength: 0 }],
  ["a PCK certificate that may not sign data", "pck", { usage: 0x06 }],
  ["a PCK certificate without a key usage", "pck", { usage: null }],
  ["a PCK certificate with an unknown critical extension", "pck", unknownExtension(true)],
  ["a PCK certificate with an extension twice", "pck", { extensions: (all) => [...all, ...all.slice(-1)] }],
  ["a PCK certificate without Intel's extension", "pck", { extensions: (all) => all.slice(0, -1) }],
  ["a PCK certificate signed by nobody's key", "pck", { foreignSigner: true }],
  ["a PCK CA under another name", "pck-ca", { commonName: "Intel SGX PCK CA" }],
  ["a PCK CA called like the root", "pck-ca", { commonName: "Intel SGX Root CA" }],
  ["a PCK CA that is no CA", "pck-ca", { pathLength: null }],
  ["a PCK CA whose CA flag is spelt out as false", "pck-ca", { basicConstraints: Buffer.from("3003010100", "hex") }],
  ["a PCK CA that may not sign certificates", "pck-ca", { usage: 0x02 }],
  ["a PCK CA without a key usage", "pck-ca", { usage: null }],
  ["a PCK CA with an unknown critical extension", "pck-ca", unknownExtension(true)],
  ["a PCK CA signed by nobody's key", "pck-ca", { foreignSigner: true }],
  ["a root with too short a path", "root", { pathLength: 0 }],
  ["a root that is no CA", "root", { pathLength: null }],
];

const roles: readonly (readonly [string, PlatformCase["faults"]])[] = [
  ["a PCK certificate issued by the root", certificate("pck", { issuer: "root" })],
  ["a PCK certificate issued by the root, without a CA between", { ...certificate("pck", { issuer: "root" }), pckChain: ["pck", "root"] }],
  [
    "a PCK certificate issued by the root, which stands for the CA",
    { ...certificate("pck", { issuer: "root" }), pckChain: ["pck", "root", "root"] },
  ],
  [
    "a PCK certificate issued by the TCB signer",
    { ...certificate("pck", { issuer: "tcb-signing" }), pckChain: ["pck", "tcb-signing", "root"] },
  ],
  ["a PCK certificate issued by Intel's other PCK CA", certificate("pck", { issuer: "other-pck-ca" })],
  ["a chain of TCB signer and root", { pckChain: ["tcb-signing", "root"] }],
  ["a chain in which CA and PCK changed places", { pckChain: ["pck", "root", "pck-ca"] }],
  ["a chain without its root", { pckChain: ["pck", "pck-ca"] }],
  ["a chain with a certificate too many", { pckChain: ["pck", "pck-ca", "root", "tcb-signing"] }],
  ["a chain with text before it", { pckChainText: (pem) => `subject=CN\n${pem}` }],
  ["a chain that holds no certificate", { pckChainText: () => "" }],
  ["a root of the same name with another key", { foreignRoot: true }],
];

const second: readonly (readonly [string, CertificateChanges, boolean])[] = [
  ["a second before it begins", { notBeforeMs: NOW_MS + SECOND_MS }, false],
  ["in its first moment", { notBeforeMs: NOW_MS }, true],
  ["in its last moment", { notAfterMs: NOW_MS }, true],
  ["a second after its end", { notAfterMs: NOW_MS - SECOND_MS }, false],
];

export const certificateCases: PlatformFamily = {
  family: "certificates",
  cases: [
    { name: "a machine under the PCK Processor CA", simulator: { pckCa: "processor" } },
    { name: "a PCK certificate with an unknown extension that is not critical", faults: certificate("pck", unknownExtension(false)) },
    { name: "a PCK CA with a longer path than it needs", faults: certificate("pck-ca", { pathLength: 3 }) },
    { name: "a PCK certificate whose signature has the other s", faults: certificate("pck", { signature: otherDerS }) },
    ...changed.map(([name, role, changes]): PlatformCase => ({
      name,
      fails: "tdx.pck-chain",
      faults: certificate(role, changes),
    })),
    ...roles.map(([name, faults]): PlatformCase => ({ name, fails: "tdx.pck-chain", ...(faults && { faults }) })),
    {
      name: "a chain turned around",
      fails: "tdx.pck-chain",
      // What stands in the PCK's place did not sign the QE report.
      alsoFails: ["tdx.qe-report-signature"],
      faults: { pckChain: ["root", "pck-ca", "pck"] },
    },
    ...Object.entries(FALSE_DER_SIGNATURES).map(([name, signature]): PlatformCase => ({
      name: `a PCK certificate's signature with ${name}`,
      fails: "tdx.pck-chain",
      faults: certificate("pck", { signature }),
    })),
    ...(["pck", "pck-ca", "root"] as const).flatMap((role) =>
      second.map(([when, changes, holds]): PlatformCase => ({
        name: `${role} ${when}`,
        ...(!holds && { fails: "tdx.pck-chain" as const }),
        faults: certificate(role, changes),
      })),
    ),
  ],
};
