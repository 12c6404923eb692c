// What counts as a right answer: the intended one, word for word, case and punctuation aside. For a sum that is its
// result alone or the whole equation; for what the model does not know, any of the sentences that admit it.

const normalise = (text) =>
  (
    text
      .toLowerCase()
      .replaceAll(/['’]/g, "")
      .match(/[a-z0-9]+|[-+*=/]/g) ?? []
  ).join(" ");

/**
 * @param {{ right: readonly string[] }} question one of heldout.json
 * @param {string} answer
 */
export function isRight({ right }, answer) {
  return right.some((accepted) => normalise(accepted) === normalise(answer));
}

/** At most so many questions of each kind, the first ones. */
export function takeOfEachKind(questions, limit) {
  const taken = new Map();
  return questions.filter(({ kind }) => {
    taken.set(kind, (taken.get(kind) ?? 0) + 1);
    return taken.get(kind) <= limit;
  });
}

/** Kinds that must be right 95 times in 100; of the others 80 will do. */
const BY_HEART = new Set(["greeting", "identity", "one-digit sums"]);

/** @param {string} kind */
export function requiredShare(kind) {
  return BY_HEART.has(kind) ? 0.95 : 0.8;
}
