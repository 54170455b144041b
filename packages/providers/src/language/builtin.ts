/**
 * The built-in language provider: a niche and its moods become the paired prompts of an album, without network or key.
 * Pure and deterministic by seed. Music and picture of a pair tell the same scene; titles and prompts never repeat
 * within an album; the durations sum to what was asked. What it finds in speech is in builtin-moments.ts.
 */
import { type AlbumPromptPair, type LanguageProvider, UserError } from '@reelfleet/core';
import { hashText, makeRng, type Rng } from '../image/noise.ts';
import { BUILTIN, findMoments, refineMoments, scoreMoments } from './builtin-moments.ts';
import { type Form, type Theme, type ThemeScene, themes } from './themes.ts';

export const builtinLanguage: LanguageProvider = {
  name: 'builtin',
  model: BUILTIN,
  async planAlbum(request) {
    return planAlbum(request);
  },
  async findMoments(request) {
    return findMoments(request);
  },
  async scoreMoments(request) {
    return scoreMoments(request);
  },
  async refineMoments(request) {
    return refineMoments(request);
  },
};

export interface AlbumRequest {
  niche: string;
  moods: readonly string[];
  tracks: number;
  totalMinutes: number;
  seed: number;
}

/** What the provider answers, as a plain function. Throws a UserError for an album nobody could make. */
export function planAlbum(request: AlbumRequest): { title: string; description: string; pairs: AlbumPromptPair[] } {
  const { tracks, totalMinutes } = request;
  if (!Number.isInteger(tracks) || tracks < 1)
    throw new UserError(`an album needs at least one track, got ${tracks}`, { exitCode: 2 });
  if (!(totalMinutes > 0))
    throw new UserError(`an album needs a length above 0 minutes, got ${totalMinutes}`, { exitCode: 2 });
  const niche = request.niche.replace(/\s+/g, ' ').trim() || 'Ambient Music';
  const rng = makeRng(hashText(`${request.seed}\n${niche.toLowerCase()}`));
  const chosen = themesOf(niche);
  const given = request.moods.map((mood) => mood.trim().toLowerCase()).filter((mood) => mood !== '');
  const moods = given.length > 0 ? [...new Set(given)] : [...(chosen[0] as Theme).moods];
  const minutes = splitMinutes(totalMinutes, tracks, rng.fork('minutes'));
  const scenes = orderScenes(chosen, rng.fork('order'));
  const used = new Set<string>();
  const flavour = flavourOf(niche, chosen);
  const pairs = minutes.map((durationMinutes, index) => {
    const { scene, theme } = scenes[index % scenes.length] as Placed;
    const round = Math.floor(index / scenes.length);
    return writePair({ scene, theme, round, moods, flavour, durationMinutes, rng: rng.fork(`pair ${index}`) }, used);
  });
  return { title: titleOf(niche, moods, totalMinutes), description: describe(niche, moods, pairs), pairs };
}

interface Placed {
  scene: ThemeScene;
  theme: Theme;
}

/** The themes a niche names, the first named first, at most two; without any, the two calmest that fit anything. */
function themesOf(niche: string): readonly Theme[] {
  const text = niche.toLowerCase();
  const named = themes
    .map((theme) => ({ theme, at: text.search(theme.words) }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at)
    .map(({ theme }) => theme);
  if (named.length > 0) return named.slice(0, 2);
  return themes.filter((theme) => theme.name === 'nature' || theme.name === 'sleep');
}

/** Words that say what kind of channel it is, not what it sounds like. */
const channelWords =
  /\b(ambien[ct]e?|music|beats?|background|channel|mix(es)?|vibes?|sounds?|playlist|radio|for|and|the|of|to|with|relaxing|hours?)\b/gi;

/** The niche's own words, for niches outside the vocabulary: they still stand in every prompt. */
function flavourOf(niche: string, chosen: readonly Theme[]): string {
  if (chosen.some((theme) => theme.words.test(niche.toLowerCase()))) return '';
  return niche
    .replace(channelWords, ' ')
    .replace(/[^\p{L}\p{N}' -]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .toLowerCase();
}

function shuffle<T>(items: readonly T[], rng: Rng): T[] {
  const left = [...items];
  const out: T[] = [];
  while (left.length > 0) out.push(...left.splice(rng.int(0, left.length - 1), 1));
  return out;
}

/** Every scene of the chosen themes once; two themes take turns. */
function orderScenes(chosen: readonly Theme[], rng: Rng): Placed[] {
  const decks = chosen.map((theme) => shuffle(theme.scenes, rng).map((scene) => ({ scene, theme })));
  const out: Placed[] = [];
  for (let i = 0; decks.some((deck) => i < deck.length); i++) {
    for (const deck of decks) {
      const placed = deck[i];
      if (placed && !out.some((other) => other.scene.picture === placed.scene.picture)) out.push(placed);
    }
  }
  return out;
}

interface Draft extends Placed {
  round: number;
  moods: readonly string[];
  flavour: string;
  durationMinutes: number;
  rng: Rng;
}

/** How a scene is seen and called at an hour; the title's words and the picture's agree. */
type Hour = readonly [string, string];
const hoursOutside: readonly Hour[] = [
  ['at Dawn', 'at dawn'],
  ['at Dusk', 'at dusk'],
  ['at Sunset', 'at sunset'],
  ['in the Golden Hour', 'in the golden hour'],
  ['After Nightfall', 'at night'],
  ['in the Morning Mist', 'in the morning mist'],
  ['Under the Moon', 'under the moon at night'],
  ['in Soft Rain', 'in soft rain'],
];
const hoursInside: readonly Hour[] = [
  ['by Candlelight', 'by candlelight'],
  ['in the Evening', 'in the evening'],
  ['After Midnight', 'after midnight'],
  ['at Sunset', 'with sunset in the windows'],
  ['in the Early Hours', 'at dawn'],
  ['on a Rainy Night', 'on a rainy night'],
];
/** Space has no hours. */
const hoursInSpace: readonly Hour[] = [
  ['in Eclipse', 'in eclipse'],
  ['on the Far Side', 'on the far side of the sun'],
  ['at the Edge of Light', 'at the edge of the light'],
  ['a Thousand Years On', 'a thousand years on'],
  ['in Slow Motion', 'turning slowly'],
];
const inSpace = /\b(planet|nebula|space|starship|orbit)\b/;
/** Things that belong in rooms, not on lakes. */
const roomWords = /velvet|silk|candle|lamp|window|brass|string lights|gilded|wood/;

function hoursOf(scene: ThemeScene): readonly Hour[] {
  if (inSpace.test(scene.picture)) return hoursInSpace;
  return scene.indoors ? hoursInside : hoursOutside;
}

/** What of a theme's palette suits the scene. */
function fitting(scene: ThemeScene, phrases: readonly string[]): readonly string[] {
  const suited = scene.indoors ? phrases : phrases.filter((phrase) => !roomWords.test(phrase));
  return suited.length > 0 ? suited : phrases;
}

const saysHour =
  /\b(night|midnight|moon\w*|dawn|dusk|sunset|evening|morning|stars?|starry|aurora|milky way|planets?|nebula|space|starship|winter|rain\w*|storm\w*|day|snow\w*|frozen)\b/i;

function writePair(draft: Draft, used: Set<string>): AlbumPromptPair {
  const { scene, rng } = draft;
  // A scene that names its hour keeps it, unless its turn comes again.
  const fixed = saysHour.test(`${scene.title} ${scene.picture}`);
  const hours = shuffle(hoursOf(scene), rng.fork('hours'));
  const plain = draft.round === 0 && (fixed || rng.chance(0.4));
  const options: readonly Hour[] = plain ? [['', ''], ...hours] : hours;
  for (let turn = 0; ; turn++) {
    const [suffix, hour] = options[turn % options.length] ?? ['', ''];
    // When every hour of a scene is taken, it returns as a movement: II, III, …
    const movement = turn < options.length ? '' : ` ${roman(Math.floor(turn / options.length) + 1)}`;
    const title = `${scene.title}${suffix ? ` ${suffix}` : ''}${movement}`;
    if (used.has(title)) continue;
    const pair = phrase(draft, title, hour, turn);
    if (used.has(pair.musicPrompt) || used.has(pair.visualPrompt)) continue;
    for (const key of [pair.title, pair.musicPrompt, pair.visualPrompt]) used.add(key);
    return pair;
  }
}

/** What each form is called, and the metre and pace it brings. */
const formPhrases: Record<Form, { name: string; metre: string; pace: number }> = {
  waltz: { name: 'waltz', metre: '', pace: 1.06 },
  lullaby: { name: 'lullaby in 6/8', metre: '', pace: 0.9 },
  theme: { name: 'theme', metre: ' Metre: 4/4.', pace: 1 },
  ballad: { name: 'ballad', metre: ' Metre: 4/4.', pace: 0.94 },
  dance: { name: 'dance in 6/8', metre: '', pace: 1.08 },
  hymn: { name: 'hymn', metre: ' Metre: 4/4.', pace: 0.85 },
  drift: { name: 'ambient piece', metre: ' Metre: 4/4.', pace: 0.9 },
  beat: { name: 'lo-fi beat', metre: ' Metre: 4/4.', pace: 1 },
  nocturne: { name: 'nocturne', metre: ' Metre: 4/4.', pace: 0.84 },
  march: { name: 'march', metre: ' Metre: 4/4.', pace: 1.02 },
};

function phrase(draft: Draft, title: string, hour: string, turn: number): AlbumPromptPair {
  const { scene, theme, moods, flavour, durationMinutes } = draft;
  const rng = draft.rng.fork(`words ${turn}`);
  const mood = rng.pick(moods);
  const second =
    moods.length > 1
      ? rng.pick(moods.filter((other) => other !== mood))
      : rng.pick(theme.moods.filter((other) => other !== mood));
  const form = formPhrases[scene.form ?? rng.pick(theme.forms)];
  const bpm = Math.round((rng.range(theme.tempo[0], theme.tempo[1]) * form.pace) / 2) * 2;
  const kind = flavour ? `${flavour} ${form.name}` : form.name;
  const place = hour ? `${scene.picture}, ${hour}` : scene.picture;
  const musicPrompt =
    `${capital(mood)} ${kind} with ${rng.pick(theme.ensembles).join(', ')}; ${second} mood.` +
    ` Tempo: ${bpm} BPM. Key: ${rng.pick(theme.keys)}.${form.metre} Scene: ${place}. Duration: ${spokenDuration(durationMinutes)}.`;
  const visualPrompt =
    `16:9 background of ${place}, ${rng.pick(fitting(scene, theme.accents))}, ${rng.pick(fitting(scene, theme.lights))}, ${mood} and ${second} mood` +
    (flavour ? `, ${flavour}` : '');
  return { title, musicPrompt, visualPrompt, durationMinutes };
}

function spokenDuration(minutes: number): string {
  if (minutes < 1) return `${Math.max(1, Math.round(minutes * 60))} seconds`;
  const low = Math.floor(minutes);
  return `${low}-${low + 1} minutes`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function roman(value: number): string {
  const steps: readonly (readonly [number, string])[] = [
    [10, 'X'],
    [9, 'IX'],
    [5, 'V'],
    [4, 'IV'],
    [1, 'I'],
  ];
  let rest = value;
  let out = '';
  for (const [size, letters] of steps) {
    while (rest >= size) {
      out += letters;
      rest -= size;
    }
  }
  return out;
}

/**
 * Lengths that differ by up to 15 % and sum to `total`. Rounding is done on the running sum, so no rounding error is
 * left for the last one to carry. Short tracks (previews) get four decimals, since 0.01 minutes is over half a second.
 */
export function splitMinutes(total: number, tracks: number, rng: Rng): number[] {
  const weights = Array.from({ length: tracks }, () => rng.range(0.93, 1.07));
  const sum = weights.reduce((a, b) => a + b, 0);
  const unit = total / tracks >= 0.5 ? 100 : 10_000;
  let run = 0;
  let placed = 0;
  return weights.map((weight, index) => {
    run += (total * weight) / sum;
    const end = Math.round((index === tracks - 1 ? total : run) * unit);
    const minutes = (end - placed) / unit;
    placed = end;
    return minutes;
  });
}

function titleOf(niche: string, moods: readonly string[], totalMinutes: number): string {
  const length = totalMinutes >= 2 ? ` | ${Math.floor(totalMinutes)} Minutes` : '';
  return `${capital(niche)}: ${moods.slice(0, 3).map(capital).join(', ')}${length}`;
}

function describe(niche: string, moods: readonly string[], pairs: readonly AlbumPromptPair[]): string {
  const list = moods.length > 1 ? `${moods.slice(0, -1).join(', ')} and ${moods.at(-1)}` : moods[0];
  const scenes = pairs.length === 1 ? 'one scene' : `${pairs.length} scenes`;
  const first = pairs[0]?.title ?? niche;
  const last = pairs.at(-1)?.title ?? niche;
  const way = pairs.length > 1 ? `, from "${first}" to "${last}"` : `: "${first}"`;
  return `${capital(niche)} in ${scenes}${way}. ${capital(list ?? '')} music with pictures to match, to keep you company while you read, work or rest.`;
}
