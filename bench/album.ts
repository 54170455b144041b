/**
 * How fast an album is made, against the obvious single ffmpeg command on the same stills and tracks.
 *
 *   npx node bench/album.ts                                   4 stills, 4 tracks of one minute
 *   npx node bench/album.ts --tracks 20 --minutes 60 --obvious-tracks 2
 *
 * Ours counts everything after the providers: measuring, normalising and encoding the tracks, encoding the stills, rendering
 * with its look at the product, and the second look of `verify`. Tracks and stills run two at a time, as on one worker with
 * two cores. The obvious command is run on the first `--obvious-tracks` pairs and scaled to the whole by length: its time grows
 * linearly, since it encodes every frame. All runs are niced; CPU seconds are compared beside wall clock, because they hold on
 * a busy machine too. Results also go to bench/results/album.json.
 */
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { ArtifactRef, Providers } from '@reelfleet/core';
import { type Boundary, openTools, type Plan, planLook, readLook } from '@reelfleet/media';
import { image, music, render, verify } from '@reelfleet/pipelines';
import { dummyImage, dummyMusic } from '@reelfleet/providers';
import { runStage } from '../packages/pipelines/src/testing.ts';

const { values } = parseArgs({
  options: {
    tracks: { type: 'string', default: '4' },
    minutes: { type: 'string', default: '4' },
    'obvious-tracks': { type: 'string' },
    root: { type: 'string' },
  },
});
const tracks = Number(values.tracks);
const seconds = (Number(values.minutes) * 60) / tracks;
const obviousTracks = Math.min(tracks, Number(values['obvious-tracks'] ?? tracks));
const format = { width: 1920, height: 1080, fps: 30 };

const root = values.root ?? (await mkdtemp(join(tmpdir(), 'album-bench-')));
await mkdir(root, { recursive: true });
const usageFile = join(root, 'usage.txt');
// GNU time writes CPU seconds and peak memory of each ffmpeg; without it only wall clock is known.
const gnuTime = spawnSync('/usr/bin/time', ['-f', '%U', 'true']).status === 0;
const prefix = ['nice', '-n', '10', ...(gnuTime ? ['/usr/bin/time', '-a', '-o', usageFile, '-f', '%U %S %M'] : [])];
const tools = openTools({ threads: cpus().length, prefix });

interface Cost {
  what: string;
  wallSeconds: number;
  cpuSeconds: number | null;
  peakMb: number | null;
}
const costs: Cost[] = [];

/** Run work and write down what its ffmpeg processes cost. */
async function cost<T>(what: string, work: () => Promise<T>): Promise<T> {
  await writeFile(usageFile, '');
  const from = performance.now();
  const result = await work();
  const wallSeconds = (performance.now() - from) / 1_000;
  const rows = (await readFile(usageFile, 'utf8')).split('\n').map((line) => line.split(' ').map(Number));
  const processes = rows.filter((row): row is [number, number, number] => row.length === 3);
  costs.push({
    what,
    wallSeconds,
    cpuSeconds: gnuTime ? processes.reduce((sum, [user, system]) => sum + user + system, 0) : null,
    peakMb: gnuTime ? Math.max(...processes.map(([, , kilobytes]) => kilobytes / 1_024)) : null,
  });
  console.error(`${what}: ${wallSeconds.toFixed(1)} s`);
  return result;
}

/** Two at a time, as a worker with two slots. */
async function twoAtATime<T>(count: number, work: (orderIndex: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 1;
  const lane = async () => {
    while (next <= count) {
      const orderIndex = next;
      next += 1;
      results[orderIndex - 1] = await work(orderIndex);
    }
  };
  await Promise.all([lane(), lane()]);
  return results;
}

// Material: made once per folder, by the built-in providers.
const wavOf = (orderIndex: number) => join(root, `track-${orderIndex}-${seconds}.wav`);
const pngOf = (orderIndex: number) => join(root, `still-${orderIndex}.png`);
const moods = ['calm strings, slow', 'warm piano', 'bright harp, lively', 'dark choir pads'];
const scenes = [
  'misty mountains at dawn',
  'old library by candlelight',
  'city in the rain at night',
  'quiet sea under stars',
];
await twoAtATime(tracks, async (orderIndex) => {
  const at = <T>(list: readonly T[]) => list[(orderIndex - 1) % list.length] as T;
  const missing = async (path: string) => (await stat(path).catch(() => null)) === null;
  if (await missing(wavOf(orderIndex))) {
    await dummyMusic.generate({ prompt: at(moods), seed: orderIndex, seconds }, { path: wavOf(orderIndex) });
  }
  if (await missing(pngOf(orderIndex))) {
    await dummyImage.generate({ prompt: at(scenes), seed: orderIndex, ...format }, { path: pngOf(orderIndex) });
  }
});

/** Providers that hand out the material: what they take is not measured. */
const ready: Providers = {
  music: {
    name: 'dummy',
    async generate({ seed }, { path }) {
      await copyFile(wavOf(seed), path);
      return { providerId: null, licenseUrl: null };
    },
  },
  image: {
    name: 'dummy',
    async generate({ seed }, { path }) {
      await copyFile(pngOf(seed), path);
      return { providerId: null };
    },
  },
  language: {
    name: 'none',
    planAlbum: () => Promise.reject(new Error('the benchmark plans no prompts')),
  },
};

const world = { root, tools, providers: ready };
const pair = (orderIndex: number) => ({ orderIndex, title: `Track ${orderIndex}`, prompt: 'bench', seed: orderIndex });
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

// The obvious way: every frame of every still through the encoder.
const obviousFile = join(root, 'obvious.mp4');
const chosen = Array.from({ length: obviousTracks }, (_, index) => index + 1);
const obvious: Plan = {
  what: 'obvious',
  args: [
    '-y',
    ...chosen.flatMap((index) => ['-loop', '1', '-framerate', '30', '-t', String(seconds), '-i', pngOf(index)]),
    ...chosen.flatMap((index) => ['-i', wavOf(index)]),
    '-filter_complex',
    `${chosen.map((_, at) => `[${at}:v]`).join('')}concat=n=${chosen.length}:v=1:a=0,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p[v];` +
      `${chosen.map((_, at) => `[${at + chosen.length}:a]`).join('')}concat=n=${chosen.length}:v=0:a=1[a]`,
    ...['-map', '[v]', '-map', '[a]', '-c:v', 'libx264', '-preset', 'medium', '-crf', '20', '-r', '30'],
    ...['-c:a', 'aac', '-b:a', '192k', '-movflags', '+faststart', obviousFile],
  ],
};
await cost('obvious', () => tools.ffmpeg(obvious.args));

interface Shown {
  start: number;
  frames: number;
}
/** Mean and least likeness to the stills at the start, middle and end of each of the first tracks. */
async function likeness(file: string, shown: readonly Shown[]): Promise<{ mean: number; min: number }> {
  const seen: number[] = [];
  for (const [index, { start, frames }] of shown.entries()) {
    for (const frame of [start, start + Math.floor(frames / 2), start + frames - 3]) {
      const boundary: Boundary = { frame, before: null, after: pngOf(index + 1) };
      seen.push(...readLook((await tools.ffmpeg(planLook({ file, boundary, ...format }).args)).stdout));
    }
  }
  return { mean: seen.reduce((sum, value) => sum + value, 0) / seen.length, min: Math.min(...seen) };
}
const pathOf = ({ uri }: ArtifactRef) => fileURLToPath(uri);
let frame = 0;
const oursShown = rendered.tracks.map(({ frames }) => {
  const shown = { start: frame, frames };
  frame += frames;
  return shown;
});
const whole = Math.round(seconds * format.fps);
const ssim = {
  ours: await likeness(pathOf(rendered.video), oursShown.slice(0, obviousTracks)),
  obvious: await likeness(
    obviousFile,
    chosen.map((_, at) => ({ start: at * whole, frames: whole })),
  ),
};

const scale = tracks / obviousTracks;
const of = (what: string) => costs.find((entry) => entry.what === what) as Cost;
const sum = (names: readonly string[], field: 'wallSeconds' | 'cpuSeconds') =>
  names.reduce((total, name) => total + (of(name)[field] ?? Number.NaN), 0);
const ours = ['tracks', 'stills', 'render', 'verify'];
const result = {
  minutes: (tracks * seconds) / 60,
  tracks,
  obviousMinutes: (obviousTracks * seconds) / 60,
  cores: cpus().length,
  load: loadavg().map((value) => Math.round(value * 10) / 10),
  costs,
  sizeMb: { ours: rendered.sizeBytes / 2 ** 20, obviousScaled: ((await stat(obviousFile)).size / 2 ** 20) * scale },
  ssim,
  ratio: {
    wall: (of('obvious').wallSeconds * scale) / sum(ours, 'wallSeconds'),
    cpu: ((of('obvious').cpuSeconds ?? Number.NaN) * scale) / sum(ours, 'cpuSeconds'),
    renderShareOfObviousWall: of('render').wallSeconds / (of('obvious').wallSeconds * scale),
  },
};
console.table(
  costs.map(({ what, wallSeconds, cpuSeconds, peakMb }) => ({
    what: what === 'obvious' ? `obvious, ${obviousTracks} of ${tracks} tracks` : what,
    'wall s': Number(wallSeconds.toFixed(1)),
    'cpu s': cpuSeconds === null ? 'not measured' : Number(cpuSeconds.toFixed(1)),
    'peak MB': peakMb === null ? 'not measured' : Math.round(peakMb),
  })),
);
console.log(JSON.stringify({ ...result, costs: undefined }, null, 2));
await mkdir(new URL('results/', import.meta.url), { recursive: true });
await writeFile(new URL('results/album.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
if (values.root === undefined) await rm(root, { recursive: true, force: true });
