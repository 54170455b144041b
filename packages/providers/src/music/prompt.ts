/**
 * Reads what a person wrote ("Elegant waltz with strings, piano, light percussion. Tempo: 120 BPM.") into a brief the
 * composer can use. It only reports what the words say: what they leave open stays null, and the seed decides later.
 * Words it does not know are ignored, so every prompt is a valid one.
 */
import type { ModeName } from './theory.ts';

export type Metre = '3/4' | '4/4' | '6/8';

export type InstrumentName =
  | 'piano'
  | 'felt'
  | 'epiano'
  | 'harpsichord'
  | 'harp'
  | 'guitar'
  | 'lute'
  | 'musicbox'
  | 'bells'
  | 'vibraphone'
  | 'kalimba'
  | 'strings'
  | 'violin'
  | 'cello'
  | 'flute'
  | 'clarinet'
  | 'horn'
  | 'choir'
  | 'organ'
  | 'pad'
  | 'drone'
  | 'bass';

export type Style = 'waltz' | 'lofi' | 'ambient' | 'medieval' | 'epic' | 'jazz' | 'lullaby' | 'folk' | 'classical';

export interface Brief {
  /** Beats per minute, 40..200. */
  tempo: number | null;
  metre: Metre | null;
  /** Pitch class, C = 0. */
  tonic: number | null;
  mode: ModeName | null;
  /** In the order of the prompt, each once. */
  instruments: InstrumentName[];
  style: Style | null;
  /** -1 asleep … 1 driving. */
  energy: number;
  /** -1 dark … 1 bright. */
  light: number;
  percussion: 'none' | 'light' | 'full' | null;
  /** One instrument alone, or no more than the named ones. */
  solo: boolean;
}

/** Longer names stand first: what one entry matches is taken out before the next looks. */
const INSTRUMENTS: readonly (readonly [RegExp, InstrumentName])[] = [
  [/\b(?:electric pianos?|e-?pianos?|rhodes|wurlitzer|keys)\b/g, 'epiano'],
  [/\b(?:felt|soft|muted|gentle|distant) pianos?\b/g, 'felt'],
  [
    /\b(?:thumb pianos?|kalimbas?|mbira|hand ?pans?|hang drums?|marimbas?|xylophones?|steel ?(?:drums?|pans?))\b/g,
    'kalimba',
  ],
  [/\bmusic[- ]?box(?:es)?\b/g, 'musicbox'],
  [/\b(?:celesta|toy pianos?|glockenspiels?)\b/g, 'musicbox'],
  [/\b(?:vibraphones?|vibes)\b/g, 'vibraphone'],
  [/\b(?:pianos?|grand piano)\b/g, 'piano'],
  [/\b(?:harpsichords?|clavichords?|spinet)\b/g, 'harpsichord'],
  [/\b(?:harps?|lyres?|kora)\b/g, 'harp'],
  [/\b(?:lutes?|mandolins?|bouzouki|oud|koto|guzheng|zithers?|sitars?|banjos?|dulcimers?|plucks?)\b/g, 'lute'],
  [/\b(?:guitars?|ukuleles?)\b/g, 'guitar'],
  [/\b(?:violins?|fiddles?|violas?)\b/g, 'violin'],
  [/\b(?:cellos?|celli)\b/g, 'cello'],
  [
    /\b(?:(?:upright|double|acoustic|electric|sub|synth|deep|warm|soft|mellow) bass(?:es)?|bass ?lines?|contrabass)\b/g,
    'bass',
  ],
  [/\b(?:strings?|string (?:section|quartet|ensemble)s?|orchestras?|orchestral|chamber|symphon\w+)\b/g, 'strings'],
  [/\b(?:flutes?|recorders?|whistles?|pan ?pipes?|ocarinas?|shakuhachi|woodwinds?|piccolo)\b/g, 'flute'],
  [/\b(?:clarinets?|oboes?|bassoons?|english horn|duduk|reeds?|saxophones?|sax)\b/g, 'clarinet'],
  [/\b(?:french horns?|brass|horns?|trombones?|trumpets?)\b/g, 'horn'],
  [/\b(?:choirs?|choral|chorus|vocals?|voices?|chant\w*|vocalise|humming|gregorian)\b/g, 'choir'],
  [/\b(?:organs?|harmoniums?|accordions?|concertinas?)\b/g, 'organ'],
  [/\b(?:bells?|chimes?|carillon|singing bowls?|gongs?)\b/g, 'bells'],
  [/\b(?:drones?|tanpura|hurdy[- ]gurdy|bagpipes?)\b/g, 'drone'],
  [/\b(?:pads?|synths?|synthesi[sz]ers?|soundscapes?|textures?|swells?)\b/g, 'pad'],
];

const STYLES: readonly (readonly [RegExp, Style])[] = [
  [/\bwalt(?:z|zes|zing)\b/, 'waltz'],
  [/\blo-?fi\b|\bchill-?hop\b|\bstudy beats?\b|\bchill beats?\b/, 'lofi'],
  [/\bjazz\w*\b|\bbossa\b|\bswing\b|\blounge\b|\bcaf[eé]\b/, 'jazz'],
  [/\blullab\w+\b|\bnursery\b|\bbedtime\b/, 'lullaby'],
  [/\bmedieval\b|\brenaissance\b|\btavern\b|\bmonast\w+\b|\bcastle\b|\bminstrel\b|\bmadrigal\b/, 'medieval'],
  [/\bepic\b|\bcinematic\b|\bheroic\b|\btrailer\b|\bmajestic\b|\bbattle\b|\btriumph\w*\b/, 'epic'],
  [/\bceltic\b|\bfolk\w*\b|\birish\b|\bacoustic\b|\bcountry\b|\bjig\b|\bpastoral\b/, 'folk'],
  [/\bambient\b|\bmeditat\w+\b|\bsleep\w*\b|\bdrift\w*\b|\bspace\b|\bspa\b|\bdrone\b|\bzen\b|\byoga\b/, 'ambient'],
  [
    /\bclassical\b|\bbaroque\b|\bromantic era\b|\bsonata\b|\bnocturne\b|\bminuet\b|\bballroom\b|\bvictorian\b/,
    'classical',
  ],
];

/** Each word that is there adds to energy and light. */
const MOODS: readonly (readonly [RegExp, number, number])[] = [
  [/\b(?:elegant|graceful|refined|regal|noble|royal|ballroom)\b/, 0.1, 0.25],
  [
    /\b(?:seren\w+|calm\w*|peaceful\w*|tranquil\w*|gentle|gently|soft\w*|sooth\w+|relax\w+|quiet\w*|still\w*)\b/,
    -0.35,
    0.15,
  ],
  [
    /\b(?:sleep\w*|dreamy|dreams?|dreaming|lullab\w+|drows\w+|drift\w*|float\w*|meditat\w+|ambient|slow\w*)\b/,
    -0.5,
    0.05,
  ],
  [
    /\b(?:dark\w*|gothic|haunt\w+|ghost\w*|grim|gloom\w*|ominous|shadow\w*|sinister|noir|eerie|abandoned)\b/,
    -0.1,
    -0.6,
  ],
  [/\b(?:myster\w+|enigmatic|arcane|occult|moonlit|midnight|foggy|misty|ancient)\b/, -0.15, -0.35],
  [
    /\b(?:melanchol\w+|sad\w*|sorrow\w*|wistful|nostalg\w+|longing|lonely|bittersweet|mourn\w*|rain\w*|autumn\w*)\b/,
    -0.25,
    -0.45,
  ],
  [
    /\b(?:joy\w*|happy|happi\w+|cheer\w+|playful|bright\w*|sunny|sunlit|merry|festive|whimsical|delight\w*)\b/,
    0.35,
    0.6,
  ],
  [/\b(?:uplift\w+|hope\w*|inspir\w+|triumph\w*|golden|spring|sunrise|morning|celebrat\w+)\b/, 0.2, 0.45],
  [/\b(?:epic|heroic|dramatic|powerful|driving|energetic|battle|intense|lively|upbeat|fast|dance|dancing)\b/, 0.5, 0],
  [/\b(?:romantic|tender|warm\w*|cozy|cosy|intimate|loving|fireside|candle\w*)\b/, -0.1, 0.2],
  [/\b(?:magic\w*|enchant\w+|fairy\w*|ethereal|celestial|starlit|wonder\w*|mystical)\b/, -0.05, 0.2],
  [/\b(?:tense|tension|suspens\w+|anxious|stormy?|danger\w*)\b/, 0.25, -0.45],
  [/\b(?:study|focus\w*|chill\w*|mellow|laid[- ]back|lo-?fi)\b/, -0.15, 0],
];

const TEMPO_WORDS: readonly (readonly [RegExp, number])[] = [
  [/\b(?:larghissimo|grave|very slow(?:ly)?)\b/, 50],
  [/\b(?:largo|lento)\b/, 54],
  [/\badagio\b/, 66],
  [/\bandant(?:e|ino)\b/, 84],
  [/\bmoderato\b/, 104],
  [/\ballegretto\b/, 112],
  [/\ballegro\b/, 132],
  [/\bvivace\b/, 150],
  [/\bpresto\b/, 168],
];

const LETTERS: Readonly<Record<string, number>> = { c: 0, d: 2, e: 4, f: 5, g: 7, a: 9, b: 11 };

const MODE_WORDS: readonly (readonly [RegExp, ModeName])[] = [
  [/\bdorian\b/i, 'dorian'],
  [/\bphrygian\b/i, 'phrygian'],
  [/\blydian\b/i, 'lydian'],
  [/\bmixolydian\b/i, 'mixolydian'],
  [/\bpentatonic\b|\bzen\b|\bjapanese\b|\bchinese\b|\boriental\b/i, 'pentatonic'],
  [/\b(?:aeolian|minor)\b/i, 'minor'],
  [/\b(?:ionian|major)\b/i, 'major'],
];

const clamp = (x: number, low: number, high: number): number => Math.min(high, Math.max(low, x));

/** What the words of a prompt ask for. Pure; an empty prompt gives an open brief. */
export function readPrompt(prompt: string): Brief {
  const { wanted, unwanted } = withoutRefusals(prompt.toLowerCase());
  const style = STYLES.find(([words]) => words.test(wanted))?.[1] ?? null;
  let energy = 0;
  let light = 0;
  for (const [words, moreEnergy, moreLight] of MOODS) {
    if (!words.test(wanted)) continue;
    energy += moreEnergy;
    light += moreLight;
  }
  return {
    tempo: readTempo(wanted),
    metre: readMetre(wanted),
    ...readKey(prompt),
    instruments: readInstruments(wanted),
    style,
    energy: clamp(energy, -1, 1),
    light: clamp(light, -1, 1),
    percussion: readPercussion(wanted, unwanted),
    solo: /\bsolo\b|\bunaccompanied\b|\balone\b|\bonly\b/.test(wanted),
  };
}

/** "no drums, without vocals or bells" asks for their absence: those clauses are read apart. */
function withoutRefusals(text: string): { wanted: string; unwanted: string } {
  const refused: string[] = [];
  const wanted = text.replace(
    /\b(?:no|without|avoid(?:ing)?|not|free of)\s+[^.;,]*?(?=[.;,]|\bbut\b|\bwith\b|$)/g,
    (clause) => {
      refused.push(clause);
      return ' ';
    },
  );
  return { wanted, unwanted: refused.join(' ') };
}

function readTempo(text: string): number | null {
  const range = /(\d{2,3})\s*(?:-|–|to)\s*(\d{2,3})\s*bpm/.exec(text);
  if (range) return clamp((Number(range[1]) + Number(range[2])) / 2, 40, 200);
  const number =
    /(\d{2,3}(?:\.\d+)?)\s*(?:bpm|beats per minute)\b/.exec(text) ??
    /\b(?:tempo|bpm)\s*(?:of|is|at|:|=|around|about|~)*\s*(\d{2,3}(?:\.\d+)?)/.exec(text);
  if (number) return clamp(Number(number[1]), 40, 200);
  return TEMPO_WORDS.find(([words]) => words.test(text))?.[1] ?? null;
}

function readMetre(text: string): Metre | null {
  if (/\b(?:6\/8|12\/8|9\/8|jig|siciliana|barcarolle)\b/.test(text)) return '6/8';
  if (/\b3\/4\b|\bwalt(?:z|zes|zing)\b|\bminuet\b|\bmazurka\b|\btriple (?:time|metre|meter)\b/.test(text)) return '3/4';
  if (/\b4\/4\b|\b2\/4\b|\bmarch\b|\bcommon time\b/.test(text)) return '4/4';
  return null;
}

function readKey(prompt: string): { tonic: number | null; mode: ModeName | null } {
  const mode = MODE_WORDS.find(([words]) => words.test(prompt))?.[1] ?? null;
  // A small "a" before "minor" is an article; every other key may be written small.
  const named =
    /\b([A-Gb-g])\s*(#|♯|♭|b|-?\s?sharp|-?\s?flat)?\s+(?:(?:natural|harmonic|melodic)\s+)?(?:major|minor|dorian|phrygian|lydian|mixolydian|aeolian|ionian|pentatonic)\b/.exec(
      prompt,
    ) ?? /\bkey(?:\s+of|:)\s*([A-Ga-g])\s*(#|♯|♭|b|-?\s?sharp|-?\s?flat)?(?![a-z])/i.exec(prompt);
  const letter = named?.[1] === undefined ? undefined : LETTERS[named[1].toLowerCase()];
  if (letter === undefined) return { tonic: null, mode };
  const sign = named?.[2] ?? '';
  const shift = /#|♯|sharp/i.test(sign) ? 1 : sign === '' ? 0 : -1;
  return { tonic: (letter + shift + 12) % 12, mode };
}

function readInstruments(text: string): InstrumentName[] {
  const found: { at: number; name: InstrumentName }[] = [];
  let rest = text;
  for (const [words, name] of INSTRUMENTS) {
    rest = rest.replace(words, (match, ...tail) => {
      found.push({ at: tail.find((value) => typeof value === 'number') ?? 0, name });
      return ' '.repeat(match.length);
    });
  }
  found.sort((x, y) => x.at - y.at);
  return [...new Set(found.map((entry) => entry.name))];
}

function readPercussion(wanted: string, unwanted: string): Brief['percussion'] {
  const words =
    /\b(?:percussions?|percussive|drums?|drumming|beats?|shakers?|tambourines?|brush(?:es|ed)?|bodhr[aá]n|timpani|taiko|rhythms?|rhythmic)\b/;
  if (words.test(unwanted)) return 'none';
  if (!words.test(wanted)) return null;
  if (
    /\b(?:light|soft|gentle|subtle|sparse|minimal|delicate|brushed)\b[\w\s]{0,16}\b(?:percussion|drum|beat|brush|rhythm)/.test(
      wanted,
    )
  )
    return 'light';
  return /\b(?:taiko|timpani|epic|driving|heavy|powerful|beats?|drums)\b/.test(wanted) ? 'full' : 'light';
}
