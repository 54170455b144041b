/**
 * Making the picture of a clip, with ffmpeg: spliced (the middle copied, the edges encoded) or encoded whole. What is copied and
 * what is encoded is decided in packages/media (splice.ts); every cut is made until exactly the planned frames came through it.
 */
import { readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { MINUTE, PermanentError, RetryableError } from '@reelfleet/core';
import {
  type CodedPicture,
  type CopiedPiece,
  type Cut,
  canCopy,
  clipSize,
  copiedPackets,
  copiedPieces,
  freeNumber,
  noSets,
  type ParameterSets,
  type Plan,
  planCopy,
  planEdge,
  planSplice,
  planWholeClip,
  probe,
  profileOf,
  readEncoded,
  readPieces,
  sourceRange,
  takeSets,
  timesDigest,
  unitsOf,
  writePictures,
} from '@reelfleet/media';
import { type ClipContext, type ClipJob, type ClipPicture, framesOf, secondsOf } from './clip-job.ts';
import { runPlan, type Share } from './run-plan.ts';

/** Packets beyond the last wanted one, by which a picture that is shown early may come late in the file. */
const REORDERED = 32;
/** Seeks go a little before the key frame: demuxers look by decoding time, which runs ahead of showing. */
const SEEK_BEFORE_SECONDS = 0.5;

/** The frames `[first, end)` of the source through a plan. Throws a PermanentError when they cannot all be decoded. */
export async function throughCut(
  context: ClipContext,
  job: ClipJob,
  { first, end }: { first: number; end: number },
  plan: (cut: Cut) => Plan,
  share?: Share,
): Promise<void> {
  const { source, video, list, name } = job;
  const range = sourceRange(list, first, end - 1, list.seeking);
  const seenFile = 'seen.txt';
  for (const seek of range.seeks) {
    await rm(join(context.scratch, seenFile), { force: true });
    const limits = { timeoutMs: 6 * 60 * MINUTE, threads: availableParallelism() };
    await runPlan(context, plan({ source, video, range, seek, seenFile }), share, limits);
    const notes = await readFile(join(context.scratch, seenFile), 'utf8').catch(() => '');
    const seen = [...notes.matchAll(/ pts:(-?\d+)/g)].map(([, ticks]) => Number(ticks));
    if (seen.length === range.frames && timesDigest(seen) === range.digest) return;
    context.log.warn({ seek }, 'a seek did not find the frames of the clip, reading from further before');
  }
  const at = (place: number) => secondsOf(job, (list.times[place] as number) - (list.times[0] as number)).toFixed(1);
  throw new PermanentError(
    `${name} is damaged: not all of its frames between ${at(first)} and ${at(end - 1)} s can be decoded; give a whole file`,
    { code: 'damaged' },
  );
}

/** All frames encoded. */
export async function encodeWhole(context: ClipContext, job: ClipJob): Promise<ClipPicture> {
  const encoded = join(context.scratch, 'encoded.mp4');
  const { startTicks, endTicks } = job.range;
  const frames = framesOf(job);
  const share = { from: 0.1, to: 0.75, seconds: 1, frames, step: 'encoding' };
  await throughCut(context, job, job.range, (cut) => planWholeClip({ ...cut, startTicks, output: encoded }), share);
  // ffmpeg guesses how long the last frame lasts, so the pictures are written anew with its end.
  const [video] = (await probe(context.tools, encoded, { trust: 'own', signal: context.signal })).video;
  if (!video) throw new RetryableError(`the clip of ${job.name} was encoded without a picture`, { code: 'bad-clip' });
  const streamFile = join(context.scratch, 'encoded.h264');
  const pieces = await copyPictures(context, { source: encoded, video, seek: null, packets: frames, streamFile });
  await rm(encoded);
  const { num, den } = video.timeBase;
  const end = Math.round((secondsOf(job, endTicks - startTicks) * den) / num) * num;
  const pictures = async function* (): AsyncGenerator<CodedPicture> {
    let next = 0;
    for await (const data of readPieces(streamFile, pieces))
      yield { data, time: (pieces[next++] as CopiedPiece).time * num };
  };
  const path = join(context.scratch, 'picture.mp4');
  const size = clipSize(job.video);
  await writePictures(path, { ...size, timescale: den, end }, pictures());
  await rm(streamFile);
  return { path, copied: { first: 0, end: 0 }, ...size };
}

/** As little as possible encoded; null where the source does not allow it, or it is not worth it. */
export async function splice(context: ClipContext, job: ClipJob): Promise<ClipPicture | null> {
  const { video, list, range } = job;
  if (!canCopy(video, list)) return null;
  const streamFile = join(context.scratch, 'copied.h264');
  const pieces = await copyOut(context, job, streamFile);
  const plan = planSplice(list.times, range, pieces);
  if (!plan) return null;
  const middle = pieces.slice(plan.pictures.first, plan.pictures.end);
  const match = await encoderFor(streamFile, middle);
  if (!match) return null;

  const edges: Record<'head' | 'tail', string> = {
    head: join(context.scratch, 'head.h264'),
    tail: join(context.scratch, 'tail.h264'),
  };
  for (const edge of ['head', 'tail'] as const) {
    if (plan[edge].end === plan[edge].first) continue;
    context.progress(edge === 'head' ? 0.2 : 0.5, `encoding the ${edge}`);
    await throughCut(context, job, plan[edge], (cut) => planEdge({ ...cut, ...match, output: edges[edge] }));
  }
  const { num, den } = list.timeBase;
  const at = (ticks: number) => (ticks - range.startTicks) * num;
  const encoded = async function* (edge: 'head' | 'tail'): AsyncGenerator<CodedPicture> {
    let place = plan[edge].first;
    if (plan[edge].end === place) return;
    for await (const data of readEncoded(edges[edge])) yield { data, time: at(list.times[place++] as number) };
    if (place !== plan[edge].end) throw new Error(`the ${edge} has ${place - plan[edge].first} pictures`);
  };
  const all = async function* (): AsyncGenerator<CodedPicture> {
    yield* encoded('head');
    let next = 0;
    for await (const data of readPieces(streamFile, middle))
      yield { data, time: at((middle[next++] as CopiedPiece).time) };
    yield* encoded('tail');
  };
  const path = join(context.scratch, 'picture.mp4');
  const { width, height } = video;
  await writePictures(path, { width, height, timescale: den, end: at(range.endTicks) }, all());
  const copied = { first: plan.middle.first - range.first, end: plan.middle.end - range.first };
  for (const file of [streamFile, ...Object.values(edges)]) await rm(file, { force: true });
  return { path, copied, width, height };
}

/** The pictures from the first key frame of the clip to its end, as they lie in the source; none where there is no key frame. */
async function copyOut(context: ClipContext, job: ClipJob, streamFile: string): Promise<CopiedPiece[]> {
  const { source, video, list, range } = job;
  const key = list.keys.find((place) => place >= range.first && place < range.end);
  if (key === undefined) return [];
  const wish = secondsOf(job, list.times[key] as number) - SEEK_BEFORE_SECONDS;
  const seek = wish > secondsOf(job, list.times[0] as number) + 1 ? wish : null;
  const begins =
    seek === null ? 0 : (list.keys.findLast((place) => secondsOf(job, list.times[place] as number) <= seek) ?? 0);
  const packets = range.end - begins + REORDERED;
  return await copyPictures(context, { source, video, seek, packets, streamFile });
}

async function copyPictures(
  context: ClipContext,
  copy: Omit<Parameters<typeof planCopy>[0], 'tableFile'>,
): Promise<CopiedPiece[]> {
  const tableFile = join(context.scratch, 'copied.txt');
  await runPlan(context, planCopy({ ...copy, tableFile }));
  return await copiedPieces(copy.streamFile, copiedPackets(await readFile(tableFile, 'utf8')));
}

/** What an edge has to be to stand beside these pictures; null where there is no such encoder. */
async function encoderFor(
  streamFile: string,
  middle: readonly CopiedPiece[],
): Promise<{ profile: string; number: number } | null> {
  const sets: ParameterSets = noSets();
  for await (const data of readPieces(streamFile, middle)) if (!takeSets(sets, unitsOf(data))) return null;
  const profiles = new Set([...sets.sps.values()].map(profileOf));
  const [profile] = profiles;
  const number = freeNumber(sets);
  return profiles.size === 1 && profile && number !== null ? { profile, number } : null;
}
