/**
 * A value that one crypto backend has at once (Node) and another promises (WebCrypto).
 * Keeping the two apart costs nothing where it is synchronous, which is the hot path of an enclave.
 */
export type Awaitable<T> = T | Promise<T>;

/** Applies `next` at once to a value, or later to a promised one. */
export function andThen<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
