// English words: capitals, lists and ordinal numbers.

/** Return words with a capital first letter. */
export const capitalized = (words) => words && words[0].toUpperCase() + words.slice(1);

/** Return "Monday, Tuesday and Friday", with "and" or another word before the last. */
export const listed = (words, last = "and") =>
  [words.slice(0, -1).join(", "), ...words.slice(-1)].filter(Boolean).join(` ${last} `);

const ENDINGS = { one: "st", two: "nd", few: "rd", other: "th" };
const kinds = new Intl.PluralRules("en", { type: "ordinal" });

/** Return "1st", "22nd", "13th". */
export const ordinal = (number) => `${number}${ENDINGS[kinds.select(number)]}`;
