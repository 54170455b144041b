/**
 * Judging a clip before it is called done: every frame there once and at its time, the copied ones the source's to the bit, the
 * encoded ones like it, the sound as long as the picture and without a hole. Answers what is wrong, or null.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Comparison, frameSums, likenesses, listFrames, planComparison, probe } from '@reelfleet/media';
import { z } from 'zod';
import { throughCut } from './clip-cut.ts';
import { type ClipContext, type ClipJob, type ClipPicture, framesOf, secondsOf } from './clip-job.ts';

/** SSIM below which an encoded frame is not the one it should be: a neighbour, a torn or a grey one. */
const LIKE = 0.9;
/** Encoded frames that are compared where all are encoded; of a splice's edges all are. */
const LOOKS = 30;
/** Two clocks agree on a frame's time; times of Matroska are whole milliseconds. */
const SAME_TIME = 1e-4;
const SAMPLES = 1_024;

export interface Verdict {
  problem: string | null;
  audioCodec: string | null;
  /** The least likeness of an encoded frame; 1 where none was encoded, null where the picture was changed on purpose. */
  likeness: number | null;
}

export async function judge(context: ClipContext, job: ClipJob, picture: ClipPicture, clip: string): Promise<Verdict> {
  const { tools, signal } = context;
  const seen = await probe(tools, clip, { trust: 'own', signal });
  const [video, ...more] = seen.video;
  const [audio] = seen.audio;
  const verdict = (problem: string | null, likeness: number | null = null): Verdict => ({
    ...{ problem, likeness, audioCodec: audio?.codec ?? null },
  });
  if (!video || more.length > 0 || Boolean(audio) !== Boolean(job.audio))
    return verdict('it has other streams than it should');
  if (video.width !== picture.width || video.height !== picture.height)
    return verdict(`its picture has ${video.width}×${video.height} instead of ${picture.width}×${picture.height}`);

  const list = await listFrames(tools, clip, { format: seen.format, video }, { signal });
  const frames = framesOf(job);
  if (list.times.length !== frames) return verdict(`it has ${list.times.length} frames instead of ${frames}`);
  const { times } = job.list;
  const own = (ticks: number) => (ticks * list.timeBase.num) / list.timeBase.den;
  const wrong = list.times.findIndex((time, index) => {
    const wanted = secondsOf(job, (times[job.range.first + index] as number) - job.range.startTicks);
    return Math.abs(own(time) - wanted) > SAME_TIME;
  });
  if (wrong >= 0) return verdict(`its frame ${wrong} is not shown when it should be`);
  const seconds = secondsOf(job, job.range.endTicks - job.range.startTicks);
  if (audio) {
    const hole = await soundProblem(context, clip, audio.index, seconds, audio.sampleRate);
    if (hole) return verdict(hole);
  }
  return await compared(context, job, picture, clip, verdict);
}

async function compared(
  context: ClipContext,
  job: ClipJob,
  picture: ClipPicture,
  clip: string,
  verdict: (problem: string | null, likeness?: number | null) => Verdict,
): Promise<Verdict> {
  const frames = framesOf(job);
  const { copied } = picture;
  const files = { sourceSums: join(context.scratch, 'source.md5'), clipSums: join(context.scratch, 'clip.md5') };
  const likenessFile = 'ssim.txt';
  const spliced = copied.end > copied.first;
  const { video } = job;
  // Light brought down, a picture turned or scaled, fields made into frames: these are alike to an eye only.
  const changed =
    video.dynamicRange !== 'sdr' ||
    video.rotation !== 0 ||
    video.width !== picture.width ||
    video.height !== picture.height;
  const every = spliced || changed ? 1 : Math.max(1, Math.floor(frames / LOOKS));
  const plan = (cut: Comparison['cut']) =>
    planComparison({ cut, clip, copied, every, compare: !changed, likenessFile, ...files });
  await throughCut(context, job, job.range, plan, { from: 0.9, to: 0.98, seconds: 1, frames, step: 'comparing' });
  const [source, made] = await Promise.all(
    [files.sourceSums, files.clipSums].map(async (file) => frameSums(await readFile(file, 'utf8'))),
  );
  if (made?.length !== frames || source?.length !== frames)
    return verdict(`${made?.length} of its ${frames} frames decode`);
  for (let index = copied.first; index < copied.end; index += 1)
    if (made[index] !== source[index]) return verdict(`its frame ${index} was copied, and is not the source's`);
  if (changed) return verdict(null);
  const alike = likenesses(await readFile(join(context.scratch, likenessFile), 'utf8').catch(() => ''));
  const encoded = frames - (copied.end - copied.first);
  if (encoded > 0 && alike.length === 0) return verdict('its encoded frames could not be compared');
  const least = Math.min(1, ...alike);
  return verdict(least < LIKE ? `an encoded frame is unlike the source's (SSIM ${least})` : null, least);
}

const packetsJson = z.object({
  packets: z.array(z.object({ pts: z.number().int(), duration: z.number().int().optional() })).default([]),
});

/** Sound begins at 0, but for the encoder's run-in before it, goes on without a hole, and ends with the picture. */
async function soundProblem(
  { tools, signal }: ClipContext,
  clip: string,
  index: number,
  seconds: number,
  rate: number,
): Promise<string | null> {
  const args = ['-of', 'json=compact=1', '-select_streams', String(index), '-show_entries', 'packet=pts,duration'];
  const { packets } = packetsJson.parse(await tools.ffprobe([...args, '-i', `file:${clip}`], { signal }));
  const [first] = packets;
  if (!first || first.pts > 0 || first.pts < -2 * SAMPLES) return 'its sound does not begin with its picture';
  const broken = packets.findIndex(({ pts }, place) => pts !== first.pts + place * SAMPLES);
  if (broken > 0) return `its sound has a hole at ${((packets[broken - 1]?.pts ?? 0) / rate).toFixed(2)} s`;
  const end = first.pts + packets.length * SAMPLES;
  if (Math.abs(end / rate - seconds) > (2 * SAMPLES) / rate)
    return `its sound lasts ${(end / rate).toFixed(2)} s instead of ${seconds.toFixed(2)} s`;
  return null;
}
