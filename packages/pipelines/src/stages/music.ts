/**
 * `music`: one track of an album. The provider's WAV is stored losslessly first, since it may have been paid for, and then
 * encoded for joining; a retry after a crash goes on from whatever is stored. Both files were decoded before they are named.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { artifactRef, defineStage, MINUTE, RetryableError, type StageContext } from '@reelfleet/core';
import {
  decideCut,
  decideGain,
  PACKET_SAMPLES,
  planDigest,
  planEdges,
  planEncode,
  planMeasure,
  planTrackCheck,
  readMeasure,
  readSilences,
  SAMPLE_RATE,
  TARGET_LUFS,
} from '@reelfleet/media';
import { z } from 'zod';
import { runPlan } from '../run-plan.ts';

export const musicInput = z.object({
  orderIndex: z.number().int().min(1),
  title: z.string().min(1),
  prompt: z.string().min(1),
  seconds: z.number().positive(),
  seed: z.number().int().nonnegative(),
});
type Input = z.infer<typeof musicInput>;

export const musicOutput = z.object({
  orderIndex: z.number().int(),
  title: z.string(),
  prompt: z.string(),
  /** AAC at the album's settings, ready to be joined by copying. */
  audio: artifactRef,
  /** What the provider made, as FLAC. */
  original: artifactRef,
  /** Counted by decoding, the encoder's priming block included: the time the track takes in an album. */
  samples: z.number().int().positive(),
  durationSeconds: z.number().positive(),
  loudnessLufs: z.number(),
  gainDb: z.number(),
  provider: z.enum(['dummy', 'mubert', 'beatoven']),
  providerTrackId: z.string().nullable(),
  licenseUrl: z.string().nullable(),
});
export type MusicOutput = z.infer<typeof musicOutput>;

const storedOriginal = z.object({
  original: artifactRef,
  measured: z.object({ integratedLufs: z.number(), peakDb: z.number(), samples: z.number().int() }),
  made: musicOutput.pick({ provider: true, providerTrackId: true, licenseUrl: true }),
});
type Original = z.infer<typeof storedOriginal>;
const checkpoint = z.union([z.object({ done: musicOutput }), storedOriginal]);

export const music = defineStage({
  name: 'music',
  description: 'Make one track from its prompt, normalised and ready to join',
  input: musicInput,
  output: musicOutput,
  policy: { concurrency: 'cpu', stalledAfterMs: 5 * MINUTE },
  async run(context): Promise<MusicOutput> {
    const { input, storage, progress, saveCheckpoint, pausePoint } = context;
    const saved = checkpoint.safeParse(context.checkpoint).data;
    if (saved && 'done' in saved && (await storage.has(saved.done.audio)) && (await storage.has(saved.done.original))) {
      return saved.done;
    }
    const flac = join(context.scratch, 'original.flac');
    let made: Original;
    if (saved && 'original' in saved && (await storage.has(saved.original))) {
      await storage.fetch(saved.original, 'original.flac');
      made = saved;
    } else {
      made = await makeOriginal(context, flac);
      await saveCheckpoint(made, 1);
    }
    await pausePoint('mid-upload');
    progress(0.7, 'encoding');
    const output = { ...describe(input), ...(await encode(context, flac, made)) };
    await saveCheckpoint({ done: output }, 2);
    return output;
  },
});

const describe = ({ orderIndex, title, prompt }: Input) => ({ orderIndex, title, prompt });
const named = (input: Input) => `track ${input.orderIndex} (${input.title})`;

/** Have the track made, measure it, store it without loss. */
async function makeOriginal(context: StageContext<Input>, flac: string): Promise<Original> {
  const { input, providers, scratch, signal, storage, progress, pausePoint } = context;
  const wav = join(scratch, 'track.wav');
  progress(0, 'composing');
  const { providerId, licenseUrl } = await providers.music.generate(
    { prompt: input.prompt, seed: input.seed, seconds: input.seconds },
    { path: wav, signal, report: (fraction) => progress(0.55 * fraction, 'composing') },
  );
  await pausePoint('mid-work');

  const digest = join(scratch, 'track.md5');
  const share = { from: 0.55, to: 0.65, seconds: input.seconds, step: 'measuring' };
  const measured = readMeasure((await runPlan(context, planMeasure({ wav, original: flac, digest }), share)).stdout);
  if (!measured) {
    throw new RetryableError(`${named(input)}: music provider ${providers.music.name} made a file without sound`, {
      code: 'bad-track',
    });
  }
  const stored = (await runPlan(context, planDigest(flac))).stdout.trim();
  if (stored !== (await readFile(digest, 'utf8')).trim()) {
    throw new RetryableError(`${named(input)}: the lossless copy decodes to other samples than the original`, {
      code: 'bad-track',
    });
  }
  await pausePoint('before-upload');
  const original = await storage.put('original.flac', { path: flac }, { kind: 'raw', contentType: 'audio/flac' });
  return { original, measured, made: { provider: providers.music.name, providerTrackId: providerId, licenseUrl } };
}

/** From the lossless file to the track as albums use it, decoded to prove it, stored. */
async function encode(context: StageContext<Input>, flac: string, { original, measured, made }: Original) {
  const { input, scratch, storage, progress } = context;
  const gain = decideGain(measured);
  if (!gain) {
    throw new RetryableError(`${named(input)}: music provider ${made.provider} made silence`, { code: 'bad-track' });
  }
  const silences = readSilences((await runPlan(context, planEdges({ wav: flac, gainDb: gain.gainDb }))).stdout);
  const cut = decideCut(silences, measured.samples);
  if (cut.samples < SAMPLE_RATE) {
    throw new RetryableError(`${named(input)}: music provider ${made.provider} made less than a second of music`, {
      code: 'bad-track',
    });
  }
  const output = join(scratch, 'track.m4a');
  const seconds = cut.samples / SAMPLE_RATE;
  await runPlan(context, planEncode({ wav: flac, output, ...gain, ...cut }), {
    from: 0.7,
    to: 0.9,
    seconds,
    step: 'encoding',
  });

  const heard = readMeasure(
    (await runPlan(context, planTrackCheck(output), { from: 0.9, to: 0.95, seconds, step: 'checking' })).stdout,
  );
  // One block more than went in: the encoder's priming, which an album plays too.
  const samples = cut.samples + PACKET_SAMPLES;
  if (heard?.samples !== samples) {
    throw new RetryableError(`${named(input)}: encoded to ${heard?.samples ?? 0} samples instead of ${samples}`, {
      code: 'bad-track',
    });
  }
  const expected = measured.integratedLufs + gain.gainDb;
  const off = heard.integratedLufs - expected;
  // A limiter may take some loudness with the peaks; nothing may add any.
  if (!(off < 1.5 && off > (gain.limit ? -8 : -1.5))) {
    const message = `${named(input)}: came out at ${heard.integratedLufs.toFixed(1)} LUFS instead of ${expected.toFixed(1)} (target ${TARGET_LUFS})`;
    throw new RetryableError(message, { code: 'bad-track' });
  }
  const audio = await storage.put('track.m4a', { path: output }, { kind: 'audio', contentType: 'audio/mp4' });
  progress(1, 'stored');
  return {
    audio,
    original,
    samples,
    durationSeconds: samples / SAMPLE_RATE,
    loudnessLufs: heard.integratedLufs,
    gainDb: Math.round(gain.gainDb * 1_000) / 1_000,
    ...made,
  };
}
