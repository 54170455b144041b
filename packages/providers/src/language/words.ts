/**
 * Speech as words that can be compared: cut into units of a sentence or so, without what says nothing by itself, forms of one
 * word together (in English). Pure. Everything that looks for topics reads a transcript through here.
 */
import type { Spoken, SpokenSegment, SpokenWord } from '@reelfleet/core';
import { stemmer } from 'stemmer';
import stopword from 'stopword';

/** A word that says something: what it is compared by, and as it was said. */
export interface Token {
  stem: string;
  surface: string;
}

/** A stretch of speech that is never cut: a sentence, or what a recogniser gave as one. Seconds. */
export interface Unit {
  start: number;
  end: number;
  text: string;
  tokens: Token[];
}

/** Longer segments are cut between words; a recogniser without punctuation makes very long ones. */
const UNIT_WORDS = 30;
const UNIT_SECONDS = 12;

/** What transcripts give as language (ISO 639-1), and how the lists call it (ISO 639-3). */
const lists = new Map(
  (
    'af:afr ar:ara bg:bul bn:ben br:bre ca:cat cs:ces da:dan de:deu el:ell en:eng eo:epo es:spa et:est eu:eus fa:fas fi:fin ' +
    'fr:fra ga:gle gl:glg gu:guj ha:hau he:heb hi:hin hr:hrv hy:hye id:ind it:ita ja:jpn ko:kor ku:kur la:lat lt:lit lv:lav ' +
    'mr:mar ms:msa my:mya nb:nob nl:nld no:nob pl:pol pt:por ro:ron ru:rus sk:slk so:som sv:swe sw:swa th:tha tl:tgl tr:tur ' +
    'uk:ukr ur:urd vi:vie yo:yor zh:zho zu:zul'
  )
    .split(' ')
    .map((pair) => pair.split(':') as [string, string]),
);

/** What English speakers say while they think; written language, of which the list is made, has little of it. */
const spokenEnglish =
  "um uh er okay ok yeah yes no well really very just like know think going go get got thing things lot kind sort actually basically maybe right want say said says see look let make makes made way one two don't it's that's i'm you're we're they're isn't doesn't didn't can't won't there's let's i've we've you've can will would could should may might must every each many much more most some these those here now then so than too even still while when where which who what how why again also into through about only such off over under because if but not nor ever never oh ah eh huh".split(
    ' ',
  );

const CONTRACTION = /'(ll|d|ve|re|m)$|n't$/;

const plainWords = new Map<string, ReadonlySet<string>>();

/** Words of a language that say nothing by themselves; none for a language without a list. */
function saysNothing(language: string): ReadonlySet<string> {
  const code = language.toLowerCase().split(/[-_]/)[0] ?? '';
  const known = plainWords.get(code);
  if (known) return known;
  const list = stopword[lists.get(code) ?? ''];
  const words = new Set(Array.isArray(list) ? (list as string[]) : []);
  if (code === 'en') for (const word of spokenEnglish) words.add(word);
  plainWords.set(code, words);
  return words;
}

/** The words of a text that say something. */
export function tokensOf(text: string, language: string): Token[] {
  const plain = saysNothing(language);
  const english = /^en\b/i.test(language);
  const tokens: Token[] = [];
  for (const { segment, isWordLike } of segmenterOf(language).segment(text)) {
    const word = segment.toLowerCase().replaceAll('’', "'");
    if (!isWordLike || plain.has(word) || !/\p{L}/u.test(word) || (english && CONTRACTION.test(word))) continue;
    if ([...word].length < 3 && !/[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(word))
      continue;
    const bare = word.replace(/'s$/, '');
    tokens.push({ stem: english ? stemmer(bare) : bare, surface: segment.replace(/['’]s$/, '') });
  }
  return tokens;
}

const segmenters = new Map<string, Intl.Segmenter>();
function segmenterOf(language: string): Intl.Segmenter {
  const [tag = 'en'] = Intl.Segmenter.supportedLocalesOf(/^[A-Za-z]{2,3}(-|$)/.test(language) ? language : 'en');
  const made = segmenters.get(tag) ?? new Intl.Segmenter(tag, { granularity: 'word' });
  segmenters.set(tag, made);
  return made;
}

/** A transcript as units, in the order of time. */
export const unitsOf = (spoken: Spoken): Unit[] =>
  piecesOf(spoken).map(({ text, start, end }) => ({ text, start, end, tokens: tokensOf(text, spoken.language) }));

/** The segments of a transcript in the order of time, long ones cut: what is said in some seconds each. */
export function piecesOf({ segments, words }: Spoken): SpokenSegment[] {
  const sorted = [...words].sort((a, b) => a.start - b.start);
  let at = 0;
  return [...segments]
    .filter(({ text }) => text.trim() !== '')
    .sort((a, b) => a.start - b.start)
    .flatMap((segment) => {
      while (at < sorted.length && (sorted[at] as SpokenWord).start < segment.start - 0.01) at += 1;
      const from = at;
      while (at < sorted.length && (sorted[at] as SpokenWord).start < segment.end) at += 1;
      return cut(segment, sorted.slice(from, at));
    })
    .map(({ text, start, end }) => ({ text: text.replace(/\s+/gu, ' ').trim(), start, end }));
}

/** A long segment in pieces, cut after sentences and otherwise at its longest silences. */
function cut(segment: SpokenSegment, words: readonly SpokenWord[]): SpokenSegment[] {
  const short = segment.end - segment.start <= UNIT_SECONDS && words.length <= UNIT_WORDS;
  if (short || words.length < 8) return [segment];
  // Not within four words of either end: a unit of a word or two says nothing about its topic.
  let best = { place: 0, worth: -1 };
  for (let place = 4; place <= words.length - 4; place += 1) {
    const before = words[place - 1] as SpokenWord;
    const silence = Math.max(0, (words[place] as SpokenWord).start - before.end);
    const middling = 1 - Math.abs(place / words.length - 0.5);
    const worth = (/[.!?。！？]["'”’)]*$/.test(before.word) ? 2 : 0) + Math.min(2, silence) + middling;
    if (worth > best.worth) best = { place, worth };
  }
  const piece = (part: readonly SpokenWord[], start: number, end: number): SpokenSegment[] =>
    cut({ text: part.map(({ word }) => word).join(' '), start, end }, part);
  const [first, second] = [words.slice(0, best.place), words.slice(best.place)];
  return [
    ...piece(first, segment.start, (first.at(-1) as SpokenWord).end),
    ...piece(second, (second[0] as SpokenWord).start, segment.end),
  ];
}
