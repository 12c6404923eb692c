import { isAbsent, isJsonObject } from "./chat-fields.ts";
import { WireError } from "./errors.ts";
import { assertKnown, IMAGE_MEMBERS } from "./request-members.ts";
import type { ContentPart } from "./rich-chat.ts";

const DETAILS = ["auto", "low", "high"] as const;
/** What inference engines decode, under the names that programs give it. SVG is a document that can name other ones. */
const TYPES: Readonly<Record<string, string>> = {
  png: "png",
  "x-png": "png",
  jpeg: "jpeg",
  jpg: "jpeg",
  pjpeg: "jpeg",
  webp: "webp",
  gif: "gif",
};
const DATA_URL = /^data:image\/([a-z-]{1,8})((?:;[^;,]{1,64}){0,4});base64,/i;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Reads an image that stands in the request itself; an address would be fetched, and tell somebody that it was asked.
 * @param image `{ url, detail? }`
 * @returns with a URL that every engine reads: `data:image/png;base64,…`
 * @throws {WireError} `invalid_field` naming the member
 */
export function parseImage(image: unknown, param: string): ContentPart {
  if (!isJsonObject(image)) throw invalid(param);
  assertKnown(image, IMAGE_MEMBERS, param);
  const { url, detail } = image;
  const [head = "", type = ""] = (typeof url === "string" && DATA_URL.exec(url)) || [];
  const known = TYPES[type.toLowerCase()];
  // Some programs break its lines.
  const bytes = typeof url === "string" ? url.slice(head.length).replace(/[\r\n]+/g, "") : "";
  if (known === undefined || !BASE64.test(bytes)) throw invalid(`${param}.url`);
  const wanted = DETAILS.find((one) => one === detail);
  if (!wanted && !isAbsent(detail)) throw invalid(`${param}.detail`);
  return { type: "image", url: `data:image/${known};base64,${bytes}`, ...(wanted && { detail: wanted }) };
}

function invalid(param: string): WireError {
  return new WireError("invalid_field", { param });
}
