import { printableLine } from "@bauta/client";
import type { AttestedModel } from "./attested-models.ts";
import { escapeHtml } from "./escape-html.ts";
import { explainProof, standingOf } from "./proof-words.ts";
import { toTime } from "./verification.ts";

/** The page's whole style, served at `/style.css` so that no rule for inline styles is needed. */
export const STATUS_STYLE = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
code, td:first-child { font-family: ui-monospace, monospace; font-size: 0.9em; overflow-wrap: anywhere; }
section { border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: 0.5rem; padding: 0 1rem 0.5rem; margin: 1rem 0; }
.word { border: 1px solid; border-radius: 0.25rem; padding: 0 0.4em; font-size: 0.8em; color: light-dark(#8a4b00, #ffb454); }
.ok { color: light-dark(#14692f, #6fd08c); } .bad { color: light-dark(#a3121f, #ff8b8b); }
table { border-collapse: collapse; width: 100%; font-size: 0.9em; } td { vertical-align: top; padding: 0.15rem 0.5rem 0.15rem 0; }
td:first-child { white-space: nowrap; }
`;

/** Nothing may be loaded but the style from here, nothing may run, and nobody may put the page in a frame. */
export const STATUS_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface StatusPage {
  /** The server's API that requests go to. */
  readonly server: string;
  /** Where programs find this proxy, such as `http://127.0.0.1:4910/v1`. */
  readonly ownUrl: string;
  readonly models: readonly AttestedModel[];
  readonly nowMs: number;
}

/** What runs here and what was proven of each model, for a person; it needs no script. */
export function toStatusPage({ server, ownUrl, models, nowMs }: StatusPage): string {
  const list =
    models.length === 0
      ? "<p>No model has been attested yet: that happens with the first request to it.</p>"
      : models.map((model) => toSection(model, nowMs)).join("\n");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Bauta proxy</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<h1>Bauta proxy</h1>
<p>Programs that speak OpenAI's API use <code>${escapeHtml(ownUrl)}</code> as their base URL. Each model is
attested before anything is sent to it; requests go on to <code>${escapeHtml(server)}</code>.</p>
<h2>Attested models</h2>
${list}
<p><a href="/verification">All of it as JSON</a></p>
</body>
</html>
`;
}

function toSection(attested: AttestedModel, nowMs: number): string {
  const { model, result, attestedAtMs, expiresMs } = attested;
  const words = standingOf(attested).map((word) => ` <span class="word">${word}</span>`);
  const verdict = result.ok ? '<span class="ok">✓ attested</span>' : '<span class="bad">✗ NOT acceptable</span>';
  const expires =
    expiresMs <= nowMs ? "expired; attested anew with the next request" : `counts until ${toTime(expiresMs) ?? "it is replaced"}`;
  return `<section>
<h3><code>${text(model)}</code> ${verdict}${words.join("")}</h3>
${toList(explainProof(attested))}
${result.couldRead.length > 0 ? `<h4>Who could still read what you send</h4>\n${toList(result.couldRead)}` : ""}
<p>Attested at ${toTime(attestedAtMs) ?? "an unknown time"}; ${expires}.</p>
${toChecks(attested)}
</section>`;
}

function toChecks({ result: { ok, checks } }: AttestedModel): string {
  const count = (status: (typeof checks)[number]["status"]) => checks.filter((check) => check.status === status).length;
  const marks = { pass: "✓", fail: "✗", "not-checked": "–" };
  const rows = checks.map(
    ({ id, status, required, reason }) =>
      `<tr><td>${marks[status]} ${text(id)}</td><td>${required && status !== "pass" ? "<strong>required:</strong> " : ""}${text(reason)}</td></tr>`,
  );
  return `<details${ok ? "" : " open"}>
<summary>${count("pass")} checks passed, ${count("fail")} failed, ${count("not-checked")} not made</summary>
<table>${rows.join("\n")}</table>
</details>`;
}

function toList(sentences: readonly string[]): string {
  return `<ul>${sentences.map((sentence) => `<li>${text(sentence)}</li>`).join("")}</ul>`;
}

/** Names and reasons hold values that servers chose. */
function text(value: string): string {
  return escapeHtml(printableLine(value));
}
