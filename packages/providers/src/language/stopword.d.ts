/** The part of the package that is used: lists of words that say nothing by themselves, by ISO 639-3 code. It has no types. */
declare module 'stopword' {
  const lists: Readonly<Record<string, unknown>>;
  export default lists;
}
