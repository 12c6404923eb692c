import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

/** A service on loopback whose requests a test can wait for. */
export interface LoopbackService {
  readonly url: string;
  /** Resolves when so many requests are in the list. */
  requested(count: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param requests the list that the listener puts requests into, and a test may empty
 * @param listener answers requests; it calls `noted` for each that it has put into the list
 */
export async function startLoopbackService(
  requests: readonly unknown[],
  listener: (noted: () => void, ...request: Parameters<RequestListener>) => void,
): Promise<LoopbackService> {
  const waiting: (() => void)[] = [];
  const noted = () => {
    for (const check of waiting) check();
  };
  const server = createServer((request, response) => listener(noted, request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requested: (wanted) =>
      new Promise((resolve) => {
        const check = () => {
          if (requests.length >= wanted) resolve();
        };
        waiting.push(check);
        check();
      }),
    async close() {
      if (!server.listening) return;
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
