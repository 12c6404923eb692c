#!/usr/bin/env node
// A file that exists before the build, so that npm can link the command when it installs.
try {
  await import("../dist/main.js");
} catch (error) {
  if (error?.code !== "ERR_MODULE_NOT_FOUND" || !String(error.message).includes("main.js")) throw error;
  console.error("bauta is not built yet: run npm run build (npm start does it by itself)");
  process.exitCode = 2;
}
