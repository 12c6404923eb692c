/** The claims of a token. */
export type TokenClaims = Readonly<Record<string, unknown>>;
/** NRAS's answer, version 3: the overall token, and the tokens of the GPUs by name. */
export type NrasAnswer = readonly [readonly ["JWT", string], Readonly<Record<string, string>>];
/** A JSON web key set. */
export interface JwkSet {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

/** How tokens go wrong. */
export interface NrasChanges {
  /** Rewrites the claims of a GPU's token before it is signed; the overall token commits to the result. */
  readonly gpuClaims?: (claims: TokenClaims, device: number) => TokenClaims;
  /** Rewrites the claims of the overall token before it is signed. */
  readonly overallClaims?: (claims: TokenClaims) => TokenClaims;
  /** Rewrites the header of each token. */
  readonly header?: (header: TokenClaims) => TokenClaims;
  /** Tokens are signed by a key that is in no key set, under the name of the one that is. */
  readonly foreignSigner?: boolean;
  /** Rewrites signatures, r ‖ s, 96 bytes in and out. */
  readonly signature?: (signature: Buffer) => Uint8Array;
  /** Rewrites the finished answer: tokens swapped, left out, added. */
  readonly answer?: (answer: NrasAnswer) => unknown;
  /** Rewrites the key set. */
  readonly jwks?: (jwks: JwkSet) => unknown;
}

/** Faults of the second opinion. */
export interface NrasFaults {
  readonly nras?: NrasChanges;
}
