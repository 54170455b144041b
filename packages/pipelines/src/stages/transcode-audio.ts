/**
 * `transcode-audio`: the sound of a stream, every track of it, in one pass over the whole file. It begins and ends with the
 * picture, to the sample. Before anything is stored the sound is decoded and its samples are counted.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { artifactRef, defineStage, MINUTE, PermanentError, RetryableError, type StageContext } from '@reelfleet/core';
import { AAC_FRAME, planSound, soundRate, soundSamples } from '@reelfleet/media';
import { z } from 'zod';
import { piecesOf, storePieces } from '../rendition-files.ts';
import { runPlan } from '../run-plan.ts';
import { type SoundOutput, soundOutput, trackShape } from '../stream-parts.ts';

export const transcodeAudioInput = z.object({
  source: artifactRef,
  name: z.string(),
  tracks: z.array(trackShape).min(1),
  startSeconds: z.number(),
  durationSeconds: z.number().positive(),
});
type Input = z.infer<typeof transcodeAudioInput>;
type Context = StageContext<Input>;
type Track = Input['tracks'][number];

/** Sound that ends earlier than this before its promised end has been lost. Decoded seconds are noted one by one. */
const LOST_SECONDS = 2.5;

const checkpoint = z.object({ done: soundOutput });
const framesJson = z.object({ frames: z.array(z.object({ pts: z.number().int(), nb_samples: z.number().int() })) });

export const transcodeAudio = defineStage({
  name: 'transcode-audio',
  description: 'Encode the sound of a stream in one pass',
  input: transcodeAudioInput,
  output: soundOutput,
  policy: { stalledAfterMs: 10 * MINUTE },
  async run(context): Promise<SoundOutput> {
    const { input, storage, scratch, progress, saveCheckpoint, pausePoint } = context;
    const saved = checkpoint.safeParse(context.checkpoint).data;
    if (saved && (await allPresent(context, saved.done))) return saved.done;
    progress(0, 'fetching');
    const source = await storage.borrow(input.source);
    await pausePoint('mid-work');
    const file = (at: number) => join(scratch, `sound-${at}.mp4`);
    const seenFile = (at: number) => `heard-${at}.txt`;
    await runPlan(
      context,
      planSound({
        source,
        tracks: input.tracks,
        startSeconds: input.startSeconds,
        seconds: input.durationSeconds,
        seenFile,
        output: (at) => `file:${file(at)}`,
      }),
      { from: 0.05, to: 0.8, seconds: input.durationSeconds, step: 'encoding' },
      { timeoutMs: 6 * 60 * MINUTE },
    );
    const tracks: SoundOutput['tracks'] = [];
    for (const [at, track] of input.tracks.entries()) {
      await assertHeard(context, track, join(scratch, seenFile(at)));
      tracks.push(await checkAndStore(context, track, at, file(at)));
      progress(0.8 + (0.2 * tracks.length) / input.tracks.length, 'storing');
    }
    const output = { tracks };
    await saveCheckpoint({ done: output }, 1);
    return output;
  },
});

async function allPresent({ storage }: Context, { tracks }: SoundOutput): Promise<boolean> {
  for (const { set } of tracks) if (!(await storage.present(set))) return false;
  return true;
}

/** Silence fills up whatever the decoder did not give, so what it gave is read from its own notes. */
async function assertHeard({ input }: Context, track: Track, notes: string): Promise<void> {
  const times = [...(await readFile(notes, 'utf8').catch(() => '')).matchAll(/pts_time:(-?[\d.]+)/g)];
  const heardUntil = Number(times.at(-1)?.[1] ?? 0) + 1;
  const promised = Math.min(track.soundSeconds ?? 0, input.durationSeconds);
  if (promised - heardUntil <= LOST_SECONDS) return;
  throw new PermanentError(
    `the sound of ${input.name} (${track.name}) breaks off after ${heardUntil.toFixed(1)} s of the ${promised.toFixed(1)} s it promises; give the whole file`,
    { code: 'truncated' },
  );
}

async function checkAndStore(
  context: Context,
  track: Track,
  at: number,
  file: string,
): Promise<SoundOutput['tracks'][number]> {
  const { input, tools, signal, pausePoint } = context;
  const what = `the sound (${track.name}) of ${input.name}`;
  const bad = (problem: string) => new RetryableError(`${what} is not as planned: ${problem}`, { code: 'bad-sound' });
  const rate = soundRate(track.sampleRate);
  const wanted = soundSamples(input.durationSeconds, rate);
  const pieces = await piecesOf(file, what);
  const answer = await tools.ffprobe(
    ['-of', 'json=compact=1', '-show_entries', 'frame=pts,nb_samples', '-i', `file:${file}`],
    { signal, timeoutMs: 60 * MINUTE },
  );
  // The first frame runs the decoder in: the edit list puts it before 0, where nobody hears it.
  let heard = -AAC_FRAME;
  for (const { pts, nb_samples } of framesJson.parse(answer).frames) {
    if (pts !== heard) throw bad(`its samples break off at ${(heard / rate).toFixed(3)} s`);
    heard += nb_samples;
  }
  // The last frame is filled up with silence.
  if (heard < wanted || heard >= wanted + AAC_FRAME) throw bad(`it decodes to ${heard} samples instead of ${wanted}`);
  const times = pieces.fragments.map(({ time }) => time);
  if (
    times[0] !== 0 ||
    times.some((time, index) => time % AAC_FRAME !== 0 || (index > 0 && time <= (times[index - 1] as number)))
  )
    throw bad('its segments do not follow each other');
  const ends = [...times.slice(1), heard + AAC_FRAME];
  await pausePoint('before-upload');
  const { set, codecs } = await storePieces(context, file, pieces, {
    folder: `sound-${at + 1}`,
    kind: 'rendition',
    contentType: 'audio/mp4',
    name: (index) => `${String(index).padStart(5, '0')}.m4s`,
    seconds: times.map((time, index) => ((ends[index] as number) - time - (index === 0 ? AAC_FRAME : 0)) / rate),
  });
  const { name, language, isDefault } = track;
  return { name, language, isDefault, channels: 2, sampleRate: rate, samples: heard, codecs, set };
}
