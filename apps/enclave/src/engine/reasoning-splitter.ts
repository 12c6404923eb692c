import { heldLength } from "./stop-sequences.ts";

/** A piece of an answer, told apart: what the model thinks, and what it says. Either may be empty. */
interface SplitText {
  readonly reasoning: string;
  readonly content: string;
}

/** Tells reasoning from content in text that arrives in pieces. */
export interface ReasoningSplitter {
  push(text: string): SplitText;
  end(): SplitText;
}

/** The marks around a model's reasoning, and whether the prompt has already opened it. */
export interface ReasoningMarks {
  readonly prefix: string | undefined;
  readonly suffix: string;
  readonly opened: boolean;
}

/** Only reasoning that begins an answer is recognised; later marks are content, as the model may be quoting them. */
export function createReasoningSplitter(marks: ReasoningMarks | undefined): ReasoningSplitter {
  let state: "start" | "reasoning" | "after" | "content" = marks === undefined ? "content" : marks.opened ? "reasoning" : "start";
  let held = "";

  function push(text: string, last: boolean): SplitText {
    let rest = held + text;
    held = "";
    let reasoning = "";
    if (state === "start") {
      const prefix = marks?.prefix ?? "";
      const trimmed = rest.trimStart();
      if (prefix !== "" && trimmed.startsWith(prefix)) {
        state = "reasoning";
        rest = trimmed.slice(prefix.length);
      } else if (prefix !== "" && !last && prefix.startsWith(trimmed)) {
        held = rest;
        return { reasoning: "", content: "" };
      } else state = "content";
    }
    if (state === "reasoning") {
      const suffix = marks?.suffix ?? "";
      const at = rest.indexOf(suffix);
      if (at === -1) {
        const keep = last ? 0 : heldLength(rest, [suffix]);
        held = rest.slice(rest.length - keep);
        return { reasoning: rest.slice(0, rest.length - keep), content: "" };
      }
      reasoning = rest.slice(0, at);
      rest = rest.slice(at + suffix.length);
      state = "after";
    }
    if (state === "after") {
      rest = rest.trimStart();
      if (rest !== "") state = "content";
    }
    return { reasoning, content: rest };
  }

  return { push: (text) => push(text, false), end: () => push("", true) };
}
