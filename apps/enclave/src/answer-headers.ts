/** Of every answer: never stored, never changed on the way (receipts cover its bytes), never sniffed. */
export const ANSWER_HEADERS = { "cache-control": "no-transform, no-store", "x-content-type-options": "nosniff" } as const;
