/**
 * The same bytes, read no faster than they are taken; giving them up gives up their source.
 * @returns `ended` resolves once: when the body was read whole, given up by its reader, or broken by its source
 */
export function watchBody(body: ReadableStream<Uint8Array>): { readonly body: ReadableStream<Uint8Array>; readonly ended: Promise<void> } {
  const reader = body.getReader();
  let end: () => void;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const watched = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const piece = await reader.read();
          if (!piece.done) return controller.enqueue(piece.value);
          end();
          controller.close();
        } catch (error) {
          end();
          controller.error(error);
        }
      },
      cancel(reason) {
        end();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return { body: watched, ended };
}
