/**
 * How fast an album is made, against the obvious single ffmpeg command on the same stills and tracks, as people type it
 * (x264's preset medium) and in its veryfast form. Ours counts everything after the providers: measuring, normalising and
 * encoding the tracks, encoding the stills, rendering with its look at the product, and the second look of `verify`. The
 * obvious command runs on the first track and is scaled to the whole by length: it encodes every frame, so its time grows
 * linearly. CPU seconds stand beside the wall clock, because they hold on a busy machine too.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ArtifactRef, Tools } from '@reelfleet/core';
import { type Boundary, openTools, planLook, readLook } from '@reelfleet/media';
import { image, music, render, verify } from '@reelfleet/pipelines';
import { runStage } from '../packages/pipelines/src/testing.ts';
import { type Cost, costSum, openCostMeter } from './album-cost.ts';
import { type Material, makeMaterial, twoAtATime } from './album-material.ts';
import { type Preset, planObvious } from './album-obvious.ts';
import { type Benchmark, type BenchmarkOptions, type Cell, judge } from './benchmark.ts';

const format = { width: 1920, height: 1080, fps: 30 };
const presets: readonly Preset[] = ['medium', 'veryfast'];
const TIMES = 20;
/** Likeness closer than this is equal to the eye and to any player. */
const EQUAL = 0.001;
/** Tracks that the obvious command is run on. */
const SAMPLE = 1;

interface Likeness {
  readonly mean: number;
  readonly min: number;
}

/** Mean and least likeness to the stills at the start, middle and end of the given stretches. */
async function likeness(
  tools: Tools,
  file: string,
  shown: readonly { start: number; frames: number }[],
  material: Material,
): Promise<Likeness> {
  const seen: number[] = [];
  for (const [index, { start, frames }] of shown.entries()) {
    for (const frame of [start, start + Math.floor(frames / 2), start + frames - 3]) {
      const boundary: Boundary = { frame, before: null, after: material.still(index + 1) };
      seen.push(...readLook((await tools.ffmpeg(planLook({ file, boundary, ...format }).args)).stdout));
    }
  }
  return { mean: seen.reduce((sum, value) => sum + value, 0) / seen.length, min: Math.min(...seen) };
}

const pathOf = ({ uri }: ArtifactRef) => fileURLToPath(uri);

async function run({ short, say }: BenchmarkOptions) {
  const tracks = short ? 2 : 20;
  const seconds = short ? 4 : 180;
  const folder = await mkdtemp(join(tmpdir(), 'album-bench-'));
  try {
    const meter = openCostMeter(join(folder, 'usage.txt'));
    const tools = openTools({ threads: cpus().length, prefix: [...meter.prefix] });
    const material = await makeMaterial(folder, { tracks, seconds, ...format });
    const world = { root: folder, tools, providers: material.providers };
    const costs = new Map<string, Cost>();
    const cost = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
      const { result, cost } = await meter.of(work);
      costs.set(what, cost);
      say(`${what}: ${cost.wallSeconds.toFixed(1)} s`);
      return result;
    };
    const pair = (orderIndex: number) => ({
      orderIndex,
      title: `Track ${orderIndex}`,
      prompt: 'bench',
      seed: orderIndex,
    });
    const made = await cost('tracks', () =>
      twoAtATime(tracks, (index) => runStage(music, { ...pair(index), seconds }, world)),
    );
    const stills = await cost('stills', () =>
      twoAtATime(tracks, (index) => runStage(image, { ...pair(index), ...format }, world)),
    );
    const album = {
      title: 'Benchmark',
      artist: 'Bench',
      description: '',
      ...format,
      orderedSeconds: tracks * seconds,
      preview: true,
      tracks: made,
      stills,
    };
    const rendered = await cost('render', () => runStage(render, album, world));
    await cost('verify', () => runStage(verify, { video: rendered.video, album }, world));
    const ours = costSum([...costs.values()]);

    const chosen = Array.from({ length: SAMPLE }, (_, index) => index + 1);
    const obvious = [];
    for (const preset of presets) {
      const file = join(folder, `obvious-${preset}.mp4`);
      const given = { stills: chosen.map(material.still), tracks: chosen.map(material.track) };
      await cost(`obvious, ${preset}`, () => tools.ffmpeg(planObvious({ ...given, seconds, preset, file }).args));
      const shown = chosen.map((_, at) => ({ start: at * seconds * format.fps, frames: seconds * format.fps }));
      obvious.push({
        preset,
        sample: costs.get(`obvious, ${preset}`) as Cost,
        sizeMb: ((await stat(file)).size / 2 ** 20) * (tracks / SAMPLE),
        ssim: await likeness(tools, file, shown, material),
      });
    }
    let frame = 0;
    const ourShown = rendered.tracks.slice(0, SAMPLE).map(({ frames }) => {
      const shown = { start: frame, frames };
      frame += frames;
      return shown;
    });
    const ourSsim = await likeness(tools, pathOf(rendered.video), ourShown, material);

    const scale = tracks / SAMPLE;
    const times = (theirs: number | null, mine: number | null) =>
      theirs === null || mine === null ? null : (theirs * scale) / mine;
    const medium = obvious[0] as (typeof obvious)[number];
    const wall = times(medium.sample.wallSeconds, ours.wallSeconds);
    return {
      tables: [
        {
          title: `an album of ${(tracks * seconds) / 60} minutes, 1080p at 30: ${tracks} tracks and stills`,
          columns: [
            'what',
            'wall s',
            'CPU s',
            'peak MB of a process',
            'MB',
            'SSIM mean',
            'SSIM least',
            'ours is faster',
            'in CPU',
          ],
          rows: [
            ...[...costs]
              .filter(([what]) => !what.startsWith('obvious'))
              .map(([what, { wallSeconds, cpuSeconds, peakMb }]): Cell[] => [what, wallSeconds, cpuSeconds, peakMb]),
            [
              ...['ours, all of it', ours.wallSeconds, ours.cpuSeconds, ours.peakMb, rendered.sizeBytes / 2 ** 20],
              ...[ourSsim.mean.toFixed(4), ourSsim.min.toFixed(4)],
            ],
            ...obvious.map(({ preset, sample, sizeMb, ssim }): Cell[] => [
              `obvious command, ${preset}`,
              sample.wallSeconds * scale,
              sample.cpuSeconds === null ? null : sample.cpuSeconds * scale,
              sample.peakMb,
              sizeMb,
              ssim.mean.toFixed(4),
              ssim.min.toFixed(4),
              times(sample.wallSeconds, ours.wallSeconds),
              times(sample.cpuSeconds, ours.cpuSeconds),
            ]),
          ],
        },
      ],
      goals: [
        judge(goals[0], wall, { atLeast: TIMES }, (value) => `${value.toFixed(1)} times`),
        judge(goals[1], ourSsim.min - medium.ssim.min, { atLeast: -EQUAL }, (value) => value.toFixed(4)),
      ],
      facts: { tracks, seconds, costs: Object.fromEntries(costs), ours, ourSsim, obvious, scale },
      notes: [
        `the obvious command ran on the first ${SAMPLE * seconds} s and is scaled to the whole; its memory and SSIM are those of that run`,
        'all ffmpeg processes are niced; stills and tracks are made before anything is measured',
      ],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const goals = [
  `a 60-minute album at least ${TIMES} times as fast as the obvious command`,
  `its least SSIM against the stills as good as the obvious command's (difference of at least -${EQUAL})`,
] as const;

export const benchmark: Benchmark = {
  name: 'album',
  question: 'how fast is an album made, against the obvious ffmpeg command on the same stills and tracks?',
  goals,
  run,
};
