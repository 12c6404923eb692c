import { authorityKeyId, extension, type Issuer, type RewriteSignature, signatureAlgorithm, signed } from "./certificates.ts";
import { enumerated, explicit, integer, sequence, time } from "./der-writer.ts";
import type { SigningKeyPair } from "./keys.ts";

const KEY_COMPROMISE = 1;

type RewriteExtensions = (extensions: readonly Buffer[]) => readonly Buffer[];

export interface RevocationList {
  readonly issuer: Issuer;
  /** The key that signs; left out, the issuer's. */
  readonly signer?: SigningKeyPair | undefined;
  /** Null leaves the extension out. */
  readonly number: number | null;
  readonly thisUpdateMs: number;
  /** Null leaves the field out. */
  readonly nextUpdateMs: number | null;
  /** Serial numbers of withdrawn certificates, big-endian. */
  readonly revokedSerials: readonly Uint8Array[];
  readonly rewriteExtensions?: RewriteExtensions | undefined;
  readonly rewriteEntryExtensions?: RewriteExtensions | undefined;
  /** Rewrites the DER of the signature before it is wrapped. */
  readonly rewriteSignature?: RewriteSignature | undefined;
}

/**
 * Issues a CRL v2 as Intel's are: number and authority key id, a reason with each entry, no entries at all when none is due.
 * @returns DER
 * @see RFC 5280 §5
 */
export function issueRevocationList(list: RevocationList): Buffer {
  const { issuer, signer = issuer.key } = list;
  const reason = [extension("2.5.29.21", enumerated(KEY_COMPROMISE))];
  const revokedOn = time(list.thisUpdateMs);
  const entryExtensions = sequence(...(list.rewriteEntryExtensions?.(reason) ?? reason));
  const entries = list.revokedSerials.map((serial) => sequence(integer(serial), revokedOn, entryExtensions));
  const extensions = [...(list.number === null ? [] : [extension("2.5.29.20", integer(list.number))]), authorityKeyId(signer)];
  const tbs = sequence(
    integer(1),
    signatureAlgorithm(signer),
    issuer.name,
    time(list.thisUpdateMs),
    ...(list.nextUpdateMs === null ? [] : [time(list.nextUpdateMs)]),
    ...(entries.length > 0 ? [sequence(...entries)] : []),
    explicit(0, sequence(...(list.rewriteExtensions?.(extensions) ?? extensions))),
  );
  return signed(tbs, signer, list.rewriteSignature);
}
