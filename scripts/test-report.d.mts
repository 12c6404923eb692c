export interface RunEnd {
  readonly code: number | undefined;
  readonly signal: number | undefined;
  /** The repository's folder, with a slash behind it. */
  readonly root: string;
}

export function describeRun(json: string | undefined, end: RunEnd): { readonly ok: boolean; readonly lines: readonly string[] };
