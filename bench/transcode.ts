/**
 * How fast a stream is made: a real worker process with its ledger, against the best single ffmpeg command for the same ladder of
 * the same source with the same settings, both in turns on one machine; and two workers with a core each against one. The source
 * is made in the run: a moving picture with grain, and tones. Ours counts from the claim of the plan to the playlists: listing,
 * encoding, looking, storing.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tools } from '@reelfleet/core';
import { chunkThreads, openTools } from '@reelfleet/media';
import { startProcess } from '@reelfleet/testkit';
import { type Benchmark, type BenchmarkOptions, type Cell, judge } from './benchmark.ts';
import { takeTurns } from './support/turns.ts';
import { openWorld } from './support/world.ts';
import { type MadeStream, makeStream } from './transcode-fleet.ts';
import { type Likeness, likenessOf, obviousCommand } from './transcode-obvious.ts';

const AT_MOST = 1.05;
const AT_LEAST = 1.8;
const EQUAL = 0.002;
/** Seconds whose frames are compared with the source: the first two ranges. */
const COMPARED = 120;
/** Seconds that are made, and repeated to the whole length. */
const CLIP = 30;

interface Size {
  readonly width: number;
  readonly height: number;
  readonly seconds: number;
}

/** A moving picture with grain, and tones: nearly all of the grain kept (60 Mbit/s in 1080p) and a key frame every two seconds, unless said. */
export async function makeSource(
  tools: Tools,
  folder: string,
  { width, height, seconds }: Size,
  { group = 60, crf = 16 } = {},
): Promise<string> {
  const clip = join(folder, `clip-${height}.mp4`);
  const file = join(folder, `source-${height}-${seconds}.mp4`);
  const length = Math.min(CLIP, seconds);
  const size = `${width}x${height}`;
  await tools.ffmpeg([
    ...['-y', '-f', 'lavfi', '-i', `testsrc2=s=${size}:r=30:d=${length}`],
    ...['-f', 'lavfi', '-i', `mandelbrot=s=${width / 2}x${height / 2}:r=30:maxiter=300:end_pts=900`],
    ...[
      '-filter_complex',
      '[1:v]format=yuv420p[m];[0:v][m]overlay=x=W/4:y=H/4:shortest=1,noise=alls=4:allf=t,format=yuv420p[v]',
    ],
    ...['-map', '[v]', '-t', String(length), '-c:v', 'libx264', '-preset', 'veryfast', '-crf', String(crf)],
    ...['-g', String(group), clip],
  ]);
  const times = Math.round(seconds / length) - 1;
  // Sound is added to the whole: repeated with the picture, its last frame would leave a gap at every turn.
  await tools.ffmpeg([
    ...['-y', '-stream_loop', String(times), '-i', clip, '-f', 'lavfi', '-i'],
    `aevalsrc=0.2*sin(2*PI*220*t)+0.1*sin(2*PI*(330+20*sin(t))*t):s=48000:d=${seconds}`,
    ...['-map', '0:v', '-map', '1:a', '-c:v', 'copy', '-c:a', 'aac', '-b:a', '160k', '-movflags', '+faststart', file],
  ]);
  return file;
}

const hasTaskset = () => {
  try {
    execFileSync('taskset', ['-c', '0', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

async function run({ short, count, say }: BenchmarkOptions) {
  const folder = await mkdtemp(join(tmpdir(), 'transcode-bench-'));
  const world = await openWorld({ redis: false });
  try {
    const cores = availableParallelism();
    const tools = openTools({ threads: cores });
    // `count` is the seconds of the source here: the whole ladder of ten minutes took 37 minutes on two cores, both sides together.
    const ladderSize = short
      ? { width: 640, height: 360, seconds: 6 }
      : { width: 1920, height: 1080, seconds: count ?? 600 };
    const splitSize = short
      ? { width: 640, height: 360, seconds: 6 }
      : { width: 1280, height: 720, seconds: count === undefined ? 180 : Math.min(180, count) };
    const source = await makeSource(tools, folder, ladderSize);
    say(`source of ${ladderSize.seconds} s made`);
    const make = async (what: string, given: Omit<Parameters<typeof makeStream>[0], 'databaseUrl' | 'folder'>) => {
      const database = await world.database('reelfleet');
      const made = await makeStream({
        databaseUrl: database.url,
        folder: await mkdtemp(join(folder, 'run-')),
        ...given,
      });
      say(`${what}: ${made.seconds.toFixed(1)} s`);
      return made;
    };

    const theirs = join(folder, 'obvious');
    const turnMs = short ? 500 : 2_000;
    let command: Promise<number> | undefined;
    const ours = await make('ours, one worker', {
      source,
      workers: [null],
      beside(plan, workers) {
        const args = obviousCommand(source, plan, theirs, chunkThreads(cores));
        const ffmpeg = startProcess({ command: 'ffmpeg', args });
        const began = Date.now();
        const single = () => [ffmpeg.pid];
        const turns = takeTurns(workers, single, turnMs);
        command = ffmpeg.exited.then(async ({ code }) => {
          const seconds = turns.running(single, began, Date.now()) / 1_000;
          await turns.end();
          if (code !== 0) throw new Error(`the single command failed: ${ffmpeg.stderr.join('\n')}`);
          return seconds;
        });
        command.catch(() => {});
        return turns;
      },
    });
    const single = (await command) as number;
    say(`single command: ${single.toFixed(1)} s`);

    const { renditions } = ours.plan;
    const sides = (playlistOf: (quality: string, index: number) => string) =>
      renditions.map(({ quality, width, height }, index) => ({ playlist: playlistOf(quality, index), width, height }));
    const looks = await likenessOf(
      tools,
      source,
      [
        ...sides((_, index) => fileURLToPath(ours.manifest.renditions[index]?.playlist.uri as string)),
        ...sides((quality) => join(theirs, quality, 'list.m3u8')),
      ],
      { step: 5, seconds: COMPARED, folder },
    );
    const likeness = renditions.map(({ quality }, index) => ({
      quality,
      mine: looks[index] as Likeness,
      other: looks[renditions.length + index] as Likeness,
      kbits: ours.manifest.renditions[index]?.bitrate ?? 0,
    }));
    for (const { quality, mine, other } of likeness)
      say(`${quality}: SSIM ${mine.mean.toFixed(4)} against ${other.mean.toFixed(4)} (${mine.frames} frames)`);

    let one: MadeStream | null = null;
    let two: MadeStream | null = null;
    if (hasTaskset() && cores >= 2) {
      const small = splitSize.height === ladderSize.height ? source : await makeSource(tools, folder, splitSize);
      const chunkSegments = short ? 1 : 3;
      one = await make('one worker, one core', { source: small, chunkSegments, workers: ['0'] });
      two = await make('two workers, a core each', { source: small, chunkSegments, workers: ['0', '1'] });
    }
    const gap = Math.max(...likeness.map(({ mine, other }) => Math.abs(mine.mean - other.mean)));
    const rows: Cell[][] = [
      ['ours, one worker', ours.seconds, ours.seconds / single],
      ['single command', single, 1],
      ...(one && two
        ? ([
            ['one worker, one core', one.seconds, null],
            ['two workers, a core each', two.seconds, null],
          ] as Cell[][])
        : []),
    ];
    return {
      tables: [
        {
          title: `the ladder of ${ladderSize.seconds} s at ${ladderSize.width}×${ladderSize.height}, ${cores} cores`,
          columns: ['what', 'wall s', 'times the single command'],
          rows,
        },
        {
          title: 'likeness to the source',
          columns: ['rendition', 'kbit/s', 'ours', 'single command', 'frames looked at'],
          rows: likeness.map(({ quality, kbits, mine, other }): Cell[] => [
            ...[quality, kbits, mine.mean.toFixed(4), other.mean.toFixed(4), mine.frames],
          ]),
        },
      ],
      goals: [
        judge(goals[0], ours.seconds / single, { atMost: AT_MOST }, (value) => `${value.toFixed(3)} times`),
        judge(goals[1], gap, { atMost: EQUAL }, (value) => value.toFixed(4)),
        judge(goals[2], one && two ? one.seconds / two.seconds : null, { atLeast: AT_LEAST }),
      ],
      facts: {
        ...{ ladderSize, splitSize, cores, likeness, single, turnMs },
        ours: { seconds: ours.seconds, tasks: ours.tasks },
        one: one && { seconds: one.seconds, tasks: one.tasks },
        two: two && { seconds: two.seconds, tasks: two.tasks },
      },
      notes: [
        `the source repeats ${Math.min(CLIP, ladderSize.seconds)} s; both sides read the same file`,
        'the single command has as many threads; it looks at nothing it made and stores nothing elsewhere',
        `from the plan on both have the machine in turns of ${turnMs / 1_000} s, the other one stopped, and the time of their own turns counts: a machine's speed changes, and so it changes for both`,
        ...(one ? [] : ['workers could not be pinned here (taskset and two cores are needed)']),
      ],
    };
  } finally {
    await world.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const goals = [
  `the whole ladder with one worker in at most ${AT_MOST} times the single command`,
  `every rendition as like the source (SSIM within ${EQUAL})`,
  `two workers with a core each at least ${AT_LEAST} times as fast as one`,
] as const;

export const benchmark: Benchmark = {
  name: 'transcode',
  question: 'how fast is a stream made, against the best single ffmpeg command for the same ladder?',
  goals,
  run,
};
