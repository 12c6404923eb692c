// `npm run bench`: times what an enclave and a client do for each chunk, and ends with a markdown table.
// Runs on what `npm run build` wrote.
import { availableParallelism } from "node:os";

let measureSealOpen;
try {
  ({ measureSealOpen } = await import("./seal-open.mjs"));
} catch (error) {
  if (error?.code !== "ERR_MODULE_NOT_FOUND") throw error;
  console.error(`bench: ${error.message}\nRun npm ci and npm run build first.`);
  process.exit(1);
}

const CHUNK_BYTES = 20;
const number = (value) => (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en"));

const rows = await measureSealOpen({ chunkBytes: CHUNK_BYTES });

console.log(
  `Sealing and opening a chunk of ${CHUNK_BYTES} bytes: ${availableParallelism()} cores, Node ${process.versions.node.split(".")[0]}, medians of interleaved rounds.\n`,
);
console.log("| method | seal µs | × | open µs | × |");
console.log("| --- | ---: | ---: | ---: | ---: |");
for (const row of rows) {
  const cells = row.skipped
    ? [`not measured: ${row.skipped}`, "", "", ""]
    : [row.seal, row.open].flatMap(({ microseconds, ratio }) => [number(microseconds), number(ratio)]);
  console.log(`| ${[row.name, ...cells].join(" | ")} |`);
}
