/** The object without one of its members. */
export function omit<T extends object, K extends keyof T>(object: T, name: K): Omit<T, K> {
  const { [name]: _omitted, ...rest } = object;
  return rest;
}
