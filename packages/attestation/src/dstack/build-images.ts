import { type CheckId, failed, type Finding, notChecked, passed } from "../result.ts";
import type { ComposeDocument } from "./compose-document.ts";
import { quoteName, quoteNames, statementText } from "../report/statement.ts";

/**
 * Verifies that every service of a compose document names its image by digest.
 * @param document the measured document, or why it is not there
 */
export function verifyDigestsPinned(document: ComposeDocument | string): Finding {
  const id = "image.digests-pinned";
  if (typeof document === "string") return notChecked(id, `not checked: ${document}`);
  if (document.incomplete !== undefined) return failed(id, `not all that starts is named in the compose document: ${document.incomplete}`);
  const loose = document.services.filter(({ unpinned }) => unpinned !== undefined);
  if (loose.length === 0)
    return passed(id, `each of the ${document.services.length} services in the measured compose document names its image by digest`);
  const [first] = loose;
  return failed(
    id,
    `${loose.length} of ${document.services.length} services can start what the compose document does not name: ${listed(loose)}`,
    { service: quoteName(first?.name ?? "").quoted, image: quoteName(first?.image ?? "", 200).quoted, why: first?.unpinned ?? "" },
  );
}

/**
 * Verifies that a compose document starts images of a build and no others. Commands, mounts and environment of these images
 * are not compared, and a script in the guest is none of the images.
 * @param images SHA-256 digests, 64 hex digits each
 */
export function verifyBuildImages(
  id: CheckId,
  document: ComposeDocument | string | undefined,
  buildName: string,
  images: readonly string[],
): Finding {
  if (document === undefined || typeof document === "string") {
    return notChecked(id, `build "${buildName}" names images, and which ones start is not known: ${document ?? "no document is served"}`);
  }
  if (document.incomplete !== undefined) return failed(id, `not all that starts is named in the compose document: ${document.incomplete}`);
  if (document.scripts.length > 0) {
    return failed(
      id,
      `the compose document runs ${document.scripts.join(" and ")} in the guest itself, which no image of build "${buildName}" covers`,
    );
  }
  const allowed = new Set(images.map((digest) => digest.toLowerCase().replace(/^sha256:/, "")));
  const others = document.services.filter(({ digest, unpinned }) => unpinned !== undefined || digest === undefined || !allowed.has(digest));
  const [first] = others;
  if (first) {
    return failed(id, `the compose document starts what build "${buildName}" does not name: ${listed(others)}`, {
      service: quoteName(first.name).quoted,
      image: quoteName(first.image ?? "", 200).quoted,
      ...(first.unpinned !== undefined && { why: first.unpinned }),
    });
  }
  return passed(
    id,
    `the measured compose document starts only images of build "${buildName}"; their commands, mounts and environment are not compared`,
  );
}

function listed(services: readonly { readonly name: string }[]): string {
  return statementText({ parts: quoteNames(services.map(({ name }) => name)) });
}
