/**
 * How fast a clip is cut: the stage, with everything it does (listing, copying, encoding the edges, comparing, storing), against
 * itself where nothing can be copied, and against the single ffmpeg command that encodes all of it with the same settings and
 * looks at nothing.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tools } from '@reelfleet/core';
import { openTools, ToolError } from '@reelfleet/media';
import { clip } from '@reelfleet/pipelines';
import { refOf, runStage, sketchProviders } from '../packages/pipelines/src/testing.ts';
import { type Benchmark, type BenchmarkOptions, type Cell, judge } from './benchmark.ts';
import { cpuSecondsOfTree } from './support/cpu.ts';
import { makeSource } from './transcode.ts';

const AT_MOST = 0.5;
/** As x264 has its groups by itself, at the bitrate of a film as people have it. */
const FILM = { group: 250, crf: 27 };

/** Wall and CPU seconds of something that starts programs and waits for them. */
async function timed<T>(work: () => Promise<T>): Promise<{ result: T; wall: number; cpu: number | null }> {
  const [before, began] = [cpuSecondsOfTree(process.pid), performance.now()];
  const result = await work();
  const [after, wall] = [cpuSecondsOfTree(process.pid), (performance.now() - began) / 1_000];
  return { result, wall, cpu: before === null || after === null ? null : after - before };
}

/** Tools with which nothing can be copied, so that the stage encodes all of it. */
const copyingNothing = (tools: Tools): Tools => ({
  ...tools,
  ffmpeg: (args, run) =>
    args.some((arg) => arg.endsWith('copied.h264'))
      ? Promise.reject(new ToolError('nothing is copied here', { code: 'ffmpeg', stderrTail: '' }))
      : tools.ffmpeg(args, run),
});

async function run({ short, say }: BenchmarkOptions) {
  const folder = await mkdtemp(join(tmpdir(), 'clip-bench-'));
  try {
    const tools = openTools({ threads: availableParallelism() });
    const size = short ? { width: 640, height: 360, seconds: 30 } : { width: 1920, height: 1080, seconds: 600 };
    const [start, length] = short ? [5.1, 15] : [304.1, 60];
    const source = await makeSource(tools, folder, size, FILM);
    say(`source of ${size.seconds} s made`);
    const moment = { id: randomUUID(), identifier: 'bench', title: 'A minute', start, end: start + length };
    const order = { source: await refOf(source, 'raw'), name: 'the film', moment, durationSeconds: size.seconds };
    const world = { root: folder, tools, providers: sketchProviders(tools) };
    const ours = await timed(() => runStage(clip, order, world));
    const { frames, copiedFrames, encodedFrames } = ours.result;
    say(`the stage: ${ours.wall.toFixed(1)} s, ${copiedFrames} of ${frames} frames copied`);
    const whole = await timed(() => runStage(clip, order, { ...world, tools: copyingNothing(tools) }));
    say(`all of it encoded: ${whole.wall.toFixed(1)} s`);
    const all = join(folder, 'all.mp4');
    const theirs = await timed(() =>
      tools.ffmpeg([
        ...['-y', '-ss', String(start), '-i', source, '-t', String(length), '-c:v', 'libx264', '-preset', 'veryfast'],
        ...['-crf', '18', '-c:a', 'aac', '-b:a', '160k', '-movflags', '+faststart', all],
      ]),
    );
    say(`the single command: ${theirs.wall.toFixed(1)} s`);
    const rows: Cell[][] = [
      ['the stage', ours.wall, ours.cpu, ours.wall / whole.wall, copiedFrames, ours.result.likeness],
      ['the stage, nothing copied', whole.wall, whole.cpu, 1, 0, whole.result.likeness],
      ['single command', theirs.wall, theirs.cpu, theirs.wall / whole.wall, 0, null],
    ];
    return {
      tables: [
        {
          title: `${length} s out of ${size.seconds} s at ${size.width}×${size.height}`,
          columns: ['what', 'wall s', 'CPU s', 'times all encoded', 'frames copied', 'least SSIM of an encoded frame'],
          rows,
        },
      ],
      goals: [judge(goals[0], ours.wall / whole.wall, { atMost: AT_MOST }, (value) => `${value.toFixed(3)} times`)],
      facts: {
        ...{ size, start, length, frames, copiedFrames, encodedFrames },
        ours: { wall: ours.wall, cpu: ours.cpu, likeness: ours.result.likeness },
        whole: { wall: whole.wall, cpu: whole.cpu, likeness: whole.result.likeness },
        theirs: { wall: theirs.wall, cpu: theirs.cpu },
      },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const goals = [`a clip in at most ${AT_MOST} times what it takes with nothing copied`] as const;

export const benchmark: Benchmark = {
  name: 'clip',
  question: 'how fast is a minute cut out of a film, against encoding all of it?',
  goals,
  run,
};
