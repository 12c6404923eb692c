#!/usr/bin/env node
// Reads conversations, one JSON array of messages a line, and writes llama.cpp's tokens for each.
import { createInterface } from "node:readline";
import { loadPocket } from "./llama.mjs";

const pocket = await loadPocket(process.argv[2]);
for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(pocket.render(JSON.parse(line))));
await pocket.dispose();
