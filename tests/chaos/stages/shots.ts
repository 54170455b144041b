/**
 * The load's own pipeline: `split` → a few shots → `join`. Each shot is some seconds of test picture and tone, made in
 * two halves with a checkpoint between them, so that a second attempt has something to go on from; `join` copies the
 * packets of all shots into one film and probes it. Real ffmpeg, real files, and small enough for hundreds of them.
 */
import { writeFile } from 'node:fs/promises';
import { join as pathJoin } from 'node:path';
import { artifactRef, defineStage, defineTemplate, RetryableError, type StageContext } from '@reelfleet/core';
import { probe } from '@reelfleet/media';
import { z } from 'zod';
import { patient } from './patience.ts';

const WIDTH = 160;
const HEIGHT = 90;
const RATE = 25;
/** What codecs add at both ends: an AAC frame or two, a picture. */
const TOLERANCE_SECONDS = 0.25;

export const shotsParams = z.object({
  shots: z.number().int().min(1).max(12).default(3),
  /** Of one shot. */
  seconds: z.number().int().min(2).max(8).default(2),
  seed: z.number().int().min(0).default(1),
});
export type ShotsParams = z.infer<typeof shotsParams>;

const splitOutput = z.object({ seconds: z.number(), hertz: z.array(z.number()) });

export const split = defineStage({
  name: 'split',
  description: 'Decide the shots of a film',
  input: shotsParams,
  output: splitOutput,
  policy: { ...patient, concurrency: 4 },
  run: async ({ input: { shots, seconds, seed } }) => ({
    seconds,
    hertz: Array.from({ length: shots }, (_, index) => 220 + ((seed * 37 + index * 55) % 660)),
  }),
});

const shotInput = z.object({ hertz: z.number(), seconds: z.number() });
const shotOutput = z.object({ video: artifactRef, opening: artifactRef, seconds: z.number(), resumed: z.boolean() });
const half = z.object({ opening: artifactRef });

export const shot = defineStage({
  name: 'shot',
  description: 'Make one shot: picture and tone',
  input: shotInput,
  output: shotOutput,
  policy: { ...patient, concurrency: 4 },
  async run(context) {
    const { input, storage, progress, pausePoint, saveCheckpoint } = context;
    const saved = half.safeParse(context.checkpoint).data;
    const resumed = saved !== undefined && (await storage.has(saved.opening));
    let opening = saved?.opening;
    if (resumed) {
      await storage.fetch(saved.opening, 'opening.mp4');
    } else {
      const path = await film(context, 'opening.mp4', input.seconds / 2);
      await pausePoint('mid-work');
      // Looked at before it is kept: every later attempt goes on from it.
      await assertLasts(context, path, input.seconds / 2);
      opening = await storage.put('opening.mp4', { path }, { kind: 'segment', contentType: 'video/mp4' });
      await saveCheckpoint({ opening }, 1);
    }
    progress(0.5, 'second half');
    await film(context, 'ending.mp4', input.seconds / 2);
    const whole = await splice(context, ['opening.mp4', 'ending.mp4'], 'shot.mp4');
    await assertLasts(context, whole, input.seconds);
    await pausePoint('before-upload');
    const video = await storage.put('shot.mp4', { path: whole }, { kind: 'clip', contentType: 'video/mp4' });
    await pausePoint('mid-upload');
    return { video, opening: opening as NonNullable<typeof opening>, seconds: input.seconds, resumed };
  },
});

const joinInput = z.object({ shots: z.array(artifactRef).min(1), seconds: z.number() });

export const join = defineStage({
  name: 'join',
  description: 'Put the shots of a film one after the other',
  input: joinInput,
  output: z.object({ film: artifactRef, seconds: z.number() }),
  policy: { ...patient, concurrency: 4 },
  async run(context) {
    const { input, storage, pausePoint } = context;
    const names: string[] = [];
    for (const [index, ref] of input.shots.entries()) {
      names.push(`shot-${index}.mp4`);
      await storage.fetch(ref, names.at(-1));
    }
    await pausePoint('mid-work');
    const path = await splice(context, names, 'film.mp4');
    await assertLasts(context, path, input.seconds);
    await pausePoint('before-upload');
    const film = await storage.put('film.mp4', { path }, { kind: 'render', contentType: 'video/mp4' });
    return { film, seconds: input.seconds };
  },
});

/** A film of `shots` shots. Nothing in it depends on chance but the seed. */
export const shotsTemplate = defineTemplate<ShotsParams>({
  name: 'shots',
  params: shotsParams as never,
  nodes: [
    {
      key: 'split',
      stage: 'split',
      phase: 'splitting',
      title: ({ shots }) => `split into ${shots}`,
      input: ({ params }) => params,
    },
    {
      key: 'shot',
      stage: 'shot',
      phase: 'shooting',
      title: () => 'shot',
      each: {
        of: 'split',
        items: ({ seconds, hertz }: z.infer<typeof splitOutput>) =>
          hertz.map((tone, index) => ({
            suffix: String(index + 1).padStart(2, '0'),
            title: `shot ${index + 1}/${hertz.length}`,
            payload: { hertz: tone, seconds },
          })),
      },
      input: ({ payload }) => payload,
    },
    {
      key: 'join',
      stage: 'join',
      phase: 'joining',
      title: () => 'join',
      needs: ['shot/*'],
      input: ({ outputs }) => {
        const made = Object.entries(outputs)
          .filter(([key]) => key.startsWith('shot/'))
          .sort(([a], [b]) => a.localeCompare(b))
          .map(([, output]) => output as z.infer<typeof shotOutput>);
        return { shots: made.map(({ video }) => video), seconds: made.reduce((sum, { seconds }) => sum + seconds, 0) };
      },
    },
  ],
});

type World = StageContext<unknown>;

/** Picture and tone of this length, into the scratch folder. */
async function film(context: StageContext<z.infer<typeof shotInput>>, name: string, seconds: number): Promise<string> {
  const path = pathJoin(context.scratch, name);
  const picture = `testsrc2=size=${WIDTH}x${HEIGHT}:rate=${RATE}:duration=${seconds}`;
  const tone = `sine=frequency=${context.input.hertz}:sample_rate=44100:duration=${seconds}`;
  await context.tools.ffmpeg(
    [
      ...['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', tone],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', String(RATE), '-pix_fmt', 'yuv420p'],
      ...['-c:a', 'aac', '-b:a', '64k', '-y', path],
    ],
    { signal: context.signal, onProgress: context.moved, cwd: context.scratch },
  );
  return path;
}

/** The packets of several films, one after the other, nothing encoded again. */
async function splice(context: World, names: readonly string[], into: string): Promise<string> {
  const list = pathJoin(context.scratch, `${into}.txt`);
  await writeFile(list, names.map((name) => `file '${name}'\n`).join(''));
  const path = pathJoin(context.scratch, into);
  await context.tools.ffmpeg(['-f', 'concat', '-i', list, '-map', '0', '-c', 'copy', '-y', path], {
    signal: context.signal,
    onProgress: context.moved,
    cwd: context.scratch,
  });
  return path;
}

/** A file that ffmpeg called finished must be as long as was asked for, in both streams, whatever its exit code said. */
async function assertLasts(context: World, path: string, seconds: number): Promise<void> {
  const found = await probe(context.tools, path, { trust: 'own', signal: context.signal });
  const short = Math.abs((found.durationSeconds ?? 0) - seconds) > TOLERANCE_SECONDS + 0.05 * seconds;
  if (short || found.video.length !== 1 || found.audio.length !== 1) {
    throw new RetryableError(`the film is not what was asked for: ${found.durationSeconds} of ${seconds} s`, {
      code: 'bad-film',
    });
  }
}
