/** The names that servers have for languages (`english`, `en-US`, `en`), as ISO 639 codes. */

let byName: Map<string, string> | undefined;

/** `english` → `en`; null for one that nobody knows. */
export function languageCode(name: string | null | undefined): string | null {
  const plain = bare(name ?? '');
  if (/^[a-z]{2,3}([-_].*)?$/.test(plain)) return plain.split(/[-_]/)[0] as string;
  byName ??= names();
  return byName.get(plain) ?? null;
}

/** Without case and accents: `Māori` is called `maori`. */
const bare = (text: string) => text.normalize('NFD').replace(/\p{M}/gu, '').trim().toLowerCase();

/** Every language of two letters by its English name, as the ICU of Node has them; and those that servers call otherwise. */
function names(): Map<string, string> {
  const letters = 'abcdefghijklmnopqrstuvwxyz'.split('');
  const english = new Intl.DisplayNames('en', { type: 'language', fallback: 'none' });
  const known = new Map<string, string>();
  for (const code of letters.flatMap((first) => letters.map((second) => first + second))) {
    const name = english.of(code);
    if (name && !known.has(bare(name))) known.set(bare(name), code);
  }
  // Whisper's own list has these names.
  for (const [name, code] of Object.entries({ myanmar: 'my', nynorsk: 'nn', hawaiian: 'haw', cantonese: 'yue' }))
    known.set(name, code);
  return known;
}
