/**
 * Themes a listener can recognise. A theme is a two-bar motif (a rhythm with a contour), an answer to it, and a way to
 * close; a phrase is motif, motif again on another step, answer, close. Contours are fitted to the harmony by placing
 * long and strong notes on chord tones, so the motif survives every chord it is sung over. Phrases end early: they
 * breathe.
 */
import type { ThemeName } from './form.ts';
import type { Bar } from './harmony.ts';
import type { Plan } from './plan.ts';
import type { Random } from './random.ts';
import { pitchesIn, scaleOf } from './theory.ts';

/** A note on the beat grid; `late` is in seconds (a strummed chord, a human hand). */
export interface BeatNote {
  beat: number;
  beats: number;
  pitch: number;
  velocity: number;
  late?: number;
}

interface Cell {
  /** Beats from the start of the motif. */
  at: number;
  beats: number;
  /** Scale steps above the anchor of the phrase. */
  height: number;
}

interface Theme {
  motif: readonly Cell[];
  answer: readonly Cell[];
  /** How the anchor moves from pair of bars to pair of bars. */
  arch: readonly number[];
}

/** One bar each; a negative number is a rest. 6/8 counts eighths. */
const RHYTHMS: Readonly<Record<Plan['metre'], readonly string[]>> = {
  '4/4': [
    '4',
    '3 1',
    '2 2',
    '2 1 1',
    '1 1 2',
    '1.5 .5 2',
    '1 1 1 1',
    '1.5 .5 1 1',
    '2 .5 .5 1',
    '.5 .5 1 2',
    '1 .5 .5 1 1',
    '.5 .5 .5 .5 2',
    '-1 1 2',
    '-.5 .5 1 2',
    '-1 1 1 1',
    '1 1.5 .5 1',
    '-.5 .5 .5 .5 1 1',
  ],
  '3/4': [
    '3',
    '2 1',
    '2 1',
    '1 2',
    '1 1 1',
    '1.5 .5 1',
    '1 .5 .5 1',
    '2 .5 .5',
    '.5 .5 1 1',
    '.5 .5 .5 .5 1',
    '-1 1 1',
    '-.5 .5 1 1',
  ],
  '6/8': ['6', '3 3', '3 2 1', '2 1 3', '2 1 2 1', '1 1 1 3', '3 1 1 1', '-1 1 1 3', '5 1', '-3 2 1'],
};

/** Beats of one bar of rhythm: [start, length], rests left out. */
function rhythmOf(text: string, plan: Plan): [number, number][] {
  const unit = plan.metre === '6/8' ? 1 / 3 : 1;
  const result: [number, number][] = [];
  let at = 0;
  for (const word of text.split(' ')) {
    const length = Math.abs(Number(word)) * unit;
    if (!word.startsWith('-') && at < plan.beatsPerBar - 0.01)
      result.push([at, Math.min(length, plan.beatsPerBar - at)]);
    at += length;
  }
  return result;
}

/** A rhythm whose notes per second suit the mood of the piece. */
function pickRhythm(plan: Plan, random: Random): [number, number][] {
  const barSeconds = (plan.beatsPerBar * 60) / plan.tempo;
  const wanted = 1.25 + plan.energy * 0.75;
  const options = RHYTHMS[plan.metre].map((text) => {
    const beats = rhythmOf(text, plan);
    return { beats, score: random.next() * 1.1 - Math.abs(beats.length / barSeconds - wanted) };
  });
  options.sort((x, y) => y.score - x.score);
  return options[0]?.beats ?? [[0, plan.beatsPerBar]];
}

const STEPS = [1, -1, 1, -1, 2, -2, 0, 1, -1, 3, -3] as const;

function makeMotif(plan: Plan, random: Random): Cell[] {
  const first = pickRhythm(plan, random);
  // Half of all good tunes say their first bar's rhythm twice.
  const second = random.chance(0.4) ? first : pickRhythm(plan, random);
  const cells: Cell[] = [];
  let height = random.pick([0, 2, 4, 2]);
  let last = 0;
  for (const [bar, rhythm] of [first, second].entries()) {
    for (const [at, beats] of rhythm) {
      if (cells.length > 0) {
        let step: number = random.pick(STEPS);
        // A leap is answered by a step back; the line stays within a sixth.
        if (Math.abs(last) >= 2) step = -Math.sign(last);
        if (height + step > 6 || height + step < -2) step = -step;
        height += step;
        last = step;
      }
      cells.push({ at: bar * plan.beatsPerBar + at, beats, height });
    }
  }
  return cells;
}

function makeTheme(name: ThemeName, plan: Plan, random: Random): Theme {
  const arch = random.pick([
    [0, 1, 3, 0],
    [0, -1, 2, 0],
    [0, 2, 4, 1],
    [0, 0, 2, 0],
    [1, 0, 3, 0],
  ]);
  return {
    motif: makeMotif(plan, random),
    answer: makeMotif(plan, random),
    arch: name === 'B' ? arch.map((step) => step + 1) : arch,
  };
}

const between = (x: number, low: number, high: number): number => Math.min(high, Math.max(low, x));

/** The nearest of an ascending list to a pitch, leaving out one pitch when others are there. */
function nearestOf(list: readonly number[], pitch: number, avoid?: number): number {
  let best = pitch;
  let distance = Number.POSITIVE_INFINITY;
  for (const candidate of list) {
    const away = Math.abs(candidate - pitch) + (candidate === avoid ? 2.5 : 0);
    if (away < distance) [best, distance] = [candidate, away];
  }
  return best;
}

/**
 * The melody over all themes of the piece. `rangeOf` says where the leading instrument of a theme likes to sing. Every
 * pitch belongs to the scale of its bar.
 */
export function writeMelody(
  bars: readonly Bar[],
  plan: Plan,
  rangeOf: (theme: ThemeName) => readonly [number, number],
  random: Random,
): BeatNote[] {
  const themes = new Map<ThemeName, Theme>();
  for (const name of ['A', 'B', 'C'] as const) themes.set(name, makeTheme(name, plan, random.fork(`theme ${name}`)));
  const notes: BeatNote[] = [];
  let start = 0;
  while (start < bars.length) {
    const section = (bars[start] as Bar).section;
    const end = start + section.bars;
    const group = bars.slice(start, end);
    if (section.kind === 'theme')
      notes.push(
        ...sing(group, themes.get(section.theme) as Theme, plan, rangeOf(section.theme), random.fork(`bar ${start}`)),
      );
    else if (section.kind === 'outro')
      notes.push(...farewell(group, themes.get('A') as Theme, plan, rangeOf('A'), random.fork('farewell')));
    start = end;
  }
  return notes;
}

function sing(
  bars: readonly Bar[],
  theme: Theme,
  plan: Plan,
  range: readonly [number, number],
  random: Random,
): BeatNote[] {
  const { section } = bars[0] as Bar;
  const notes: BeatNote[] = [];
  const pairs = Math.ceil(bars.length / 2);
  for (let pair = 0; pair < pairs; pair++) {
    const group = bars.slice(pair * 2, pair * 2 + 2);
    const closing = pair === pairs - 1 && section.closes;
    // Very calm music leaves some lines unsung.
    if (!closing && pair > 0 && random.chance(-0.3 * plan.energy - 0.06)) continue;
    // Later returns ask with the answer and answer with the question.
    const turned = section.variation % 4 === 3;
    const cells = (pair % 4 === 2) !== turned ? theme.answer : theme.motif;
    const lift = theme.arch[pairs <= 2 ? pair * 3 : pair % 4] ?? 0;
    const line = fit(cells, group, plan, range, lift, notes.at(-1)?.pitch, random);
    if (closing) close(line, group, plan, range);
    breathe(line, group, plan, pair % 2 === 1);
    notes.push(...(section.variation > 0 && !closing ? ornament(line, group, plan, section.variation, random) : line));
  }
  const loud = 0.52 + 0.36 * section.level;
  const from = (bars[0] as Bar).beat;
  const span = bars.length * plan.beatsPerBar;
  for (const note of notes) {
    const along = (note.beat - from) / span;
    const inBar = (note.beat - from) % plan.beatsPerBar;
    const accent = inBar < 0.01 ? 0.05 : Number.isInteger(inBar) ? 0 : -0.05;
    note.velocity = between(loud * (0.88 + 0.16 * Math.sin(Math.PI * along)) + accent + random.lean() * 0.04, 0.2, 1);
  }
  return notes;
}

/** Lay a contour over bars: strong and long notes on chord tones, the others on the scale. */
function fit(
  cells: readonly Cell[],
  bars: readonly Bar[],
  plan: Plan,
  range: readonly [number, number],
  lift: number,
  before: number | undefined,
  random: Random,
): BeatNote[] {
  const [low, high] = range;
  const ladder = pitchesIn(scaleOf(plan.tonic, plan.mode), low, high);
  const anchor = Math.floor(ladder.length * 0.36) + lift;
  const start = (bars[0] as Bar).beat;
  const notes: BeatNote[] = [];
  let previous = before;
  let repeats = 0;
  for (const cell of cells) {
    const bar = bars[Math.floor(cell.at / plan.beatsPerBar + 1e-6)];
    if (!bar) break;
    const inBar = cell.at % plan.beatsPerBar;
    const wanted = ladder[between(anchor + cell.height, 0, ladder.length - 1)] as number;
    const strong = inBar < 0.01 || cell.beats >= 1.5 || (plan.beatsPerBar === 4 && Math.abs(inBar - 2) < 0.01);
    const scale = pitchesIn(bar.scale, low, high);
    const stable = pitchesIn(
      bar.chord.tones.filter((tone) => bar.scale.includes(tone)),
      low,
      high,
    );
    let pitch = nearestOf(strong && stable.length > 0 ? stable : scale, wanted, repeats > 0 ? previous : undefined);
    if (previous !== undefined && Math.abs(pitch - previous) > 9) {
      const folded = pitch + (pitch > previous ? -12 : 12);
      if (folded >= low && folded <= high) pitch = folded;
    }
    repeats = pitch === previous ? repeats + 1 : 0;
    previous = pitch;
    notes.push({
      beat: start + cell.at,
      beats: cell.beats,
      pitch,
      velocity: 0.6,
      late: Math.abs(random.lean()) * 0.008,
    });
  }
  return notes;
}

/** Make the last bar of a phrase an ending: one long note on a note of rest, reached by step. */
function close(line: BeatNote[], bars: readonly Bar[], plan: Plan, range: readonly [number, number]): void {
  const last = bars.at(-1) as Bar;
  const rest = pitchesIn([last.chord.root, last.chord.tones[1] ?? last.chord.root], ...range).filter((pitch) =>
    last.scale.includes(pitch % 12),
  );
  while (line.length > 0 && (line.at(-1) as BeatNote).beat >= last.beat - 0.01) line.pop();
  const before = line.at(-1);
  const near = before?.pitch ?? (range[0] + range[1]) / 2;
  const pitch = nearestOf(rest, near - 1);
  if (before && bars.length > 1) {
    const bar = bars[0] as Bar;
    const approach = pitchesIn(bar.scale, ...range).filter((step) => Math.abs(step - pitch) <= 2 && step !== pitch);
    if (before.beats <= 1.01 && approach.length > 0) before.pitch = nearestOf(approach, before.pitch);
  }
  line.push({ beat: last.beat, beats: plan.beatsPerBar * 0.8, pitch, velocity: 0.6 });
}

/** Shorten the last note of a group, so that the next one begins after a breath. */
function breathe(line: BeatNote[], bars: readonly Bar[], plan: Plan, deep: boolean): void {
  const last = line.at(-1);
  if (!last) return;
  const end = (bars.at(-1) as Bar).beat + plan.beatsPerBar;
  const pause = deep ? Math.min(1, plan.beatsPerBar / 4) : 0.25;
  if (last.beat + last.beats > end - pause) last.beats = Math.max(0.3, end - pause - last.beat);
}

/** The second time round a singer decorates: passing and neighbour notes out of the longer ones. */
function ornament(
  line: readonly BeatNote[],
  bars: readonly Bar[],
  plan: Plan,
  variation: number,
  random: Random,
): BeatNote[] {
  const result: BeatNote[] = [];
  const small = plan.pulse === 3 ? 1 / 3 : 0.5;
  for (const [i, note] of line.entries()) {
    const next = line[i + 1];
    const bar = bars.find((candidate) => note.beat < candidate.beat + plan.beatsPerBar - 0.01);
    if (!next || !bar || note.beats < 1 || !random.chance(0.22 + 0.1 * variation)) {
      result.push(note);
      continue;
    }
    const scale = pitchesIn(bar.scale, note.pitch - 4, note.pitch + 4);
    const home = scale.indexOf(note.pitch);
    const direction = next.pitch > note.pitch ? 1 : next.pitch < note.pitch ? -1 : random.pick([1, -1]);
    const passing = scale[home + direction];
    if (home < 0 || passing === undefined) {
      result.push(note);
      continue;
    }
    result.push(
      { ...note, beats: note.beats - small },
      { ...note, beat: note.beat + note.beats - small, beats: small, pitch: passing },
    );
  }
  return result;
}

/** The ending remembers the beginning of the theme once, quietly, then holds the tonic. */
function farewell(
  bars: readonly Bar[],
  theme: Theme,
  plan: Plan,
  range: readonly [number, number],
  random: Random,
): BeatNote[] {
  const last = bars.at(-1) as Bar;
  const notes: BeatNote[] = [];
  if (bars.length >= 4) {
    const line = fit(theme.motif, bars.slice(0, 2), plan, range, 0, undefined, random);
    for (const note of line) note.velocity = 0.5;
    breathe(line, bars, plan, true);
    notes.push(...line);
  }
  const home = pitchesIn([last.chord.root], ...range);
  const pitch = nearestOf(home, notes.at(-1)?.pitch ?? (range[0] + range[1]) / 2 - 2);
  notes.push({ beat: last.beat, beats: plan.beatsPerBar, pitch, velocity: 0.5 });
  return notes;
}

/** A second voice a third or sixth below the longer notes of the melody, always on tones of the chord or scale. */
export function writeSecond(
  melody: readonly BeatNote[],
  bars: readonly Bar[],
  plan: Plan,
  low: number,
  wanted: (bar: Bar) => boolean,
): BeatNote[] {
  const notes: BeatNote[] = [];
  for (const note of melody) {
    const bar = bars[Math.floor(note.beat / plan.beatsPerBar + 1e-6)];
    if (!bar || !wanted(bar) || note.beats < 0.9) continue;
    const under = pitchesIn(bar.chord.tones, Math.max(low, note.pitch - 9), note.pitch - 3);
    const pitch = under.at(-1);
    if (pitch !== undefined)
      notes.push({ ...note, pitch, velocity: note.velocity * 0.72, late: (note.late ?? 0) + 0.012 });
  }
  return notes;
}
