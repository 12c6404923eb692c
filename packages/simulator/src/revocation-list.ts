import { authorityKeyId, extension, type Issuer, signatureAlgorithm, signed } from "./certificates.ts";
import { enumerated, explicit, integer, sequence, time } from "./der-writer.ts";

const KEY_COMPROMISE = 1;

export interface RevocationList {
  readonly issuer: Issuer;
  readonly number: number;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  /** Serial numbers of withdrawn certificates, big-endian. */
  readonly revokedSerials: readonly Uint8Array[];
}

/**
 * Issues a CRL v2 as Intel's are: number and authority key id, a reason with each entry, no entries at all when none is due.
 * @returns DER
 * @see RFC 5280 §5
 */
export function issueRevocationList(list: RevocationList): Buffer {
  const entries = list.revokedSerials.map((serial) =>
    sequence(integer(serial), time(list.thisUpdateMs), sequence(extension("2.5.29.21", enumerated(KEY_COMPROMISE)))),
  );
  const tbs = sequence(
    integer(1),
    signatureAlgorithm(),
    list.issuer.name,
    time(list.thisUpdateMs),
    time(list.nextUpdateMs),
    ...(entries.length > 0 ? [sequence(...entries)] : []),
    explicit(0, sequence(extension("2.5.29.20", integer(list.number)), authorityKeyId(list.issuer.key))),
  );
  return signed(tbs, list.issuer.key);
}
