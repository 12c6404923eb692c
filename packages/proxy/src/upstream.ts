/** Where calls go on to. */
export interface Upstream {
  /** The client's: it attests, seals and checks, or refuses. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** The client's, without a slash at its end. */
  readonly baseURL: string;
}
