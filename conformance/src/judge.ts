import type { AdapterResult, Status, Target } from "./adapter.ts";
import { type ConformanceCase, FORGED } from "./case.ts";
import { HONEST_CONTENT, HONEST_REASONING } from "./genuine-side.ts";
import { findText, type RecordedCall } from "./record.ts";

/** One row of the table: what was expected of a client and what it did. */
export interface CaseOutcome {
  readonly id: string;
  readonly title: string;
  readonly cases: readonly string[];
  readonly expected: Status;
  /** `failed`: the adapter threw, or did not come to an end. */
  readonly actual: Status | "failed";
  /** It noticed in the stated way, and nothing else was wrong. */
  readonly ok: boolean;
  /** Nobody was deceived and nothing leaked, whatever the way. */
  readonly safe: boolean;
  readonly problems: readonly string[];
  readonly reason?: string;
}

/** Judges a conversation by what the client said of it, what it showed, and what the provider got. */
export function judge(
  testCase: ConformanceCase,
  result: AdapterResult | Error,
  target: Target,
  calls: readonly RecordedCall[],
): CaseOutcome {
  const { id, title, cases, expected } = testCase;
  const actual = result instanceof Error ? "failed" : result.status;
  const harms = [...leaks(testCase, target, calls), ...(result instanceof Error ? [] : deceptions(testCase, result, target))];
  const otherwise = actual === expected ? [] : [`expected ${expected}, and it was ${actual}`];
  const reason = result instanceof Error ? result.message : result.reason;
  const problems = [...otherwise, ...harms];
  return {
    id,
    title,
    cases,
    expected,
    actual,
    ok: problems.length === 0,
    safe: harms.length === 0,
    problems,
    ...(reason !== undefined && { reason }),
  };
}

function leaks({ expected, refusesGenuine, protocol }: ConformanceCase, target: Target, calls: readonly RecordedCall[]): string[] {
  const inClear = calls.flatMap(({ kind, received }) => {
    const form = findText(received, target.prompt);
    return form === undefined ? [] : [`the prompt was in a request for ${kind} (${form})`];
  });
  const firstForgery = calls.findIndex(({ kind, forged }) => kind === "attestation" && (forged || refusesGenuine));
  const sentOn = expected === "refused" && firstForgery >= 0 && calls.slice(firstForgery).some(({ kind }) => kind === "chat");
  return [
    ...inClear,
    ...(sentOn
      ? [refusesGenuine ? "a chat request was sent under evidence that does not suffice" : "a chat request was sent under forged evidence"]
      : []),
    ...(calls.some(({ kind }) => kind === "elsewhere") ? ["a redirect was followed, with the API key"] : []),
    ...(protocol === 2 && calls.some(({ chat }) => chat && !chat.sealedWhole) ? ["a request was sent that was not sealed whole"] : []),
    ...repetitions(calls),
  ];
}

/** Sent again is only what nobody answered for want of a key: once, and sealed anew. */
function repetitions(calls: readonly RecordedCall[]): string[] {
  const chats = calls.flatMap(({ chat }) => (chat ? [chat] : []));
  const bodies = new Set(chats.map(({ body }) => body.toString("latin1")));
  // The Fetch standard has a 421 answered by the same bytes over a new connection, before any client hears of it.
  const isAgain = chats.some(({ body }, i) => chats.slice(0, i).some((before) => before.body.equals(body) && before.status !== 421));
  return [
    ...(bodies.size > 2 ? ["the request was sent more than twice"] : []),
    ...(isAgain ? ["the same request was sent again, not sealed anew"] : []),
  ];
}

function deceptions({ expected, forgedTextMayShow }: ConformanceCase, { status, shown }: AdapterResult, { prompt }: Target): string[] {
  const [content, reasoning] = [HONEST_CONTENT.join(""), HONEST_REASONING.join("")];
  const deceived = status === "verified" && expected !== "verified";
  return [
    ...(deceived ? ["it was called verified"] : []),
    ...(shown.includes(FORGED) && forgedTextMayShow === undefined ? ["forged text was shown"] : []),
    ...(shown.includes(prompt) ? ["the prompt came back as an answer"] : []),
    ...(status === "verified" && !deceived && shown !== content && shown !== reasoning + content
      ? ["what was shown as verified is not the enclave's answer"]
      : []),
    ...(status === "refused" && shown !== "" ? ["something was shown although the evidence was refused"] : []),
  ];
}
