// Writes what follows from a table, or with --check says what would change: lint rules and diagram from layers.json,
// the error tables in docs/errors.md from the catalogue. Run `npm run build` first.
import { readFileSync, writeFileSync } from "node:fs";
import { CLIENT_ERRORS } from "../packages/client/dist/index.js";
import { REFUSALS } from "../packages/protocol/dist/client.js";
import { WIRE_ERRORS } from "../packages/protocol/dist/index.js";

const check = process.argv.includes("--check");
const root = new URL("../", import.meta.url);
const { layers } = JSON.parse(readFileSync(new URL("layers.json", root), "utf8"));
const stale = [];

function emit(path, text) {
  const url = new URL(path, root);
  let before = "";
  try {
    before = readFileSync(url, "utf8");
  } catch {}
  if (before === text) return;
  if (check) stale.push(path);
  else writeFileSync(url, text);
}

/** Replaces what stands between `<!-- name -->` and `<!-- /name -->`. */
function emitBlock(path, name, block) {
  const text = readFileSync(new URL(path, root), "utf8");
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [start, end] = [text.indexOf(open), text.indexOf(close)];
  if (start < 0 || end < start) throw new Error(`${path} has no block ${open} … ${close}`);
  emit(path, `${text.slice(0, start + open.length)}\n${block}\n${text.slice(end)}`);
}

// --- Lint rules -----------------------------------------------------------------------------------------------------
/** Every specifier by which a part of the project can be imported. */
const specifiers = layers.flatMap(({ name, folder }) => {
  const { exports } = JSON.parse(readFileSync(new URL(`${folder}/package.json`, root), "utf8"));
  return Object.keys(exports ?? {}).map((entry) => name + entry.slice(1));
});

function importRule(layer, { node }) {
  const message = `${layer.name} may import: ${layer.may.join(", ") || "no other part of the project"} (layers.json).`;
  const paths = specifiers.filter((name) => !layer.may.includes(name)).map((name) => ({ name, message }));
  const patterns = [
    {
      regex: "^(\\.\\./)+(packages|apps|conformance|tests|bench)/",
      message: "Import another part by its package name, so that layers.json can see it.",
    },
  ];
  if (!node) patterns.push({ regex: "^node:", message: `${layer.name} also runs in browsers: no node: modules.` });
  return ["error", { paths, patterns }];
}

const overrides = [];
for (const layer of layers) {
  const files = [`${layer.folder}/src/**/*.ts`];
  const rules = { "no-restricted-imports": importRule(layer, { node: !layer.pure }) };
  if (layer.pure) {
    rules["no-console"] = "error";
    rules["no-restricted-globals"] = [
      "error",
      ...["process", "Buffer", "performance", "localStorage", "window", "document", "navigator", "setImmediate"].map((name) => ({
        name,
        message: `${layer.name} is pure: hand it in.`,
      })),
    ];
    rules["no-restricted-properties"] = [
      "error",
      { object: "Date", property: "now", message: "Time is an argument." },
      { object: "Math", property: "random", message: "Not random enough." },
    ];
  }
  overrides.push({ files, rules });
  if (layer.except) {
    overrides.push({
      files: layer.except,
      rules: { "no-restricted-imports": importRule(layer, { node: true }), "no-restricted-globals": "off" },
    });
  }
}
const testFiles = ["**/*.test.ts", "**/src/testing/*.ts", "tests/**/*.ts"];
overrides.push({
  files: testFiles,
  rules: { "no-restricted-imports": "off", "no-restricted-globals": "off", "no-restricted-properties": "off", "no-console": "off" },
});
emit(".oxlintrc.layers.json", `${JSON.stringify({ overrides }, null, 2)}\n`);

// --- Diagram --------------------------------------------------------------------------------------------------------
const width = Math.max(...layers.map(({ name }) => name.length));
const diagram = layers.map(
  ({ name, holds, may }) =>
    `| \`${name.padEnd(width)}\` | ${holds} | ${may.map((other) => `\`${other.slice("@bauta/".length)}\``).join(", ") || "–"} |`,
);
emitBlock("ARCHITECTURE.md", "layers", ["| package | holds | may import |", "| --- | --- | --- |", ...diagram].join("\n"));

// --- Errors ---------------------------------------------------------------------------------------------------------
const wire = Object.entries(WIRE_ERRORS).map(
  ([code, { status, message, action, type }]) => `| \`${code}\` | ${status} | ${message} | ${action} | ${type} |`,
);
emitBlock("docs/errors.md", "wire", ["| code | status | message | action | type |", "| --- | --- | --- | --- | --- |", ...wire].join("\n"));
const refusals = Object.entries(REFUSALS).map(([code, { message, action }]) => `| \`${code}\` | ${message} | ${action} |`);
emitBlock("docs/errors.md", "refusals", ["| code | message | action |", "| --- | --- | --- |", ...refusals].join("\n"));
const failures = Object.entries(CLIENT_ERRORS).map(([code, { meaning, action }]) => `| \`${code}\` | ${meaning} | ${action} |`);
emitBlock("docs/errors.md", "client", ["| code | meaning | action |", "| --- | --- | --- |", ...failures].join("\n"));

if (stale.length > 0) {
  console.error(`out of date: ${stale.join(", ")}\nrun: npm run build && npm run generate`);
  process.exit(1);
}
