/**
 * `clip`: a moment with its padding, cut out of its video exactly to a frame. Where the source allows it only the edges are encoded
 * and the middle is copied; the clip is compared with its source frame by frame before it is stored, and should a spliced one not
 * hold, all of it is encoded instead. A moment that has a clip already keeps it, unless the order was to replace it.
 */
import { statfs } from 'node:fs/promises';
import { artifactRef, defineStage, MINUTE, PermanentError, RetryableError, type StageContext } from '@reelfleet/core';
import { clipRange, listFrames, neededFilters, ToolError } from '@reelfleet/media';
import { z } from 'zod';
import { judge, type Verdict } from '../clip-check.ts';
import { encodeWhole, splice } from '../clip-cut.ts';
import type { ClipJob, ClipPicture } from '../clip-job.ts';
import { framesOf } from '../clip-job.ts';
import { addSound } from '../clip-sound.ts';
import { momentRef } from '../moments-shapes.ts';
import { probeSource } from '../stream-parts.ts';

const seconds = z.number().nonnegative();
const count = z.number().int().nonnegative();

/** A clip as its row and its artifact know it. */
export const madeClip = z.object({
  clip: artifactRef,
  /** Seconds from the first frame of the video: the clip holds exactly the frames whose time lies in [start, end). */
  start: seconds,
  end: seconds,
  paddingLeft: seconds,
  paddingRight: seconds,
  videoCodec: z.string().nullable(),
  audioCodec: z.string().nullable(),
  width: count.nullable(),
  height: count.nullable(),
});
export type MadeClip = z.infer<typeof madeClip>;

export const clipInput = z.object({
  source: artifactRef,
  /** What people call the video. */
  name: z.string().min(1),
  /** A root moment: refinements have no clips. */
  moment: momentRef,
  /** Of the whole video, as its probe says. */
  durationSeconds: z.number().positive(),
  /** Seconds before and after the moment, as far as the video has them. */
  paddingLeft: seconds.default(0),
  paddingRight: seconds.default(0),
  /** The clip that the moment has. */
  existing: madeClip.optional(),
  /** Cut it anew although it has one. */
  replace: z.boolean().default(false),
});
type Input = z.infer<typeof clipInput>;

export const clipOutput = madeClip.extend({
  momentId: z.uuid(),
  /** Its moment had it already: nothing was made. */
  existing: z.boolean(),
  replace: z.boolean(),
  /** Null for one that was there already. */
  frames: count.nullable(),
  copiedFrames: count.nullable(),
  encodedFrames: count.nullable(),
  /** The least likeness (SSIM) of an encoded frame to the source's; null where none could be told. */
  likeness: z.number().nullable(),
});
export type ClipOutput = z.infer<typeof clipOutput>;

const checkpoint = z.object({ made: clipOutput });

export const clip = defineStage({
  name: 'clip',
  description: 'Cut a moment out of its video',
  input: clipInput,
  output: clipOutput,
  // An encoder has all cores of its worker; two clips at once would only share them.
  policy: { concurrency: 1, stalledAfterMs: 10 * MINUTE },
  async run(context): Promise<ClipOutput> {
    const { input, storage, progress, saveCheckpoint, pausePoint } = context;
    const { moment, replace } = input;
    const none = { frames: null, copiedFrames: null, encodedFrames: null, likeness: null };
    if (input.existing && !replace) return { ...input.existing, momentId: moment.id, existing: true, replace, ...none };
    const saved = checkpoint.safeParse(context.checkpoint).data;
    if (saved && (await storage.has(saved.made.clip))) return saved.made;

    assertInside(input);
    progress(0, 'fetching');
    const source = await storage.borrow(input.source);
    await pausePoint('mid-work');
    const job = await lookAt(context, source);
    await checkFreeSpace(context, job);
    const { path, picture, verdict } = await make(context, job);
    await pausePoint('before-upload');
    progress(0.98, 'storing');
    const stored = await storage.put('clip.mp4', { path }, { kind: 'clip', contentType: 'video/mp4' });
    const { startSeconds: start, endSeconds: end, paddingLeft, paddingRight } = job.range;
    const copiedFrames = picture.copied.end - picture.copied.first;
    const made: ClipOutput = {
      ...{ clip: stored, momentId: moment.id, existing: false, replace },
      ...{ start, end, paddingLeft, paddingRight, videoCodec: 'h264', audioCodec: verdict.audioCodec },
      ...{ width: picture.width, height: picture.height, frames: framesOf(job) },
      ...{ copiedFrames, encodedFrames: framesOf(job) - copiedFrames, likeness: verdict.likeness },
    };
    await saveCheckpoint({ made }, 1);
    progress(1, 'stored');
    return made;
  },
});

/** Said before the source is fetched. */
function assertInside({ moment, name, durationSeconds }: Input): void {
  if (moment.start < durationSeconds) return;
  throw new PermanentError(
    `moment ${moment.identifier} begins at ${moment.start.toFixed(2)} s, but ${name} ends at ${durationSeconds.toFixed(2)} s: there is nothing to cut`,
    { code: 'outside' },
  );
}

async function lookAt(context: StageContext<Input>, source: string): Promise<ClipJob> {
  const { input, tools, signal, progress } = context;
  const { name, moment, paddingLeft, paddingRight } = input;
  const seen = await probeSource(context, source, name, { countPackets: false });
  const [video] = seen.video;
  if (!video)
    throw new PermanentError(`${name} has no moving picture, only sound: clips are cut out of video`, {
      code: 'no-video',
    });
  await assertFilters(context, name, neededFilters(video));
  progress(0.05, 'listing frames');
  const list = await listFrames(tools, source, { format: seen.format, video }, { signal });
  if (list.times.length === 0)
    throw new PermanentError(`${name} has no frame that can be decoded; give a whole file`, { code: 'damaged' });
  const range = clipRange(list, { start: moment.start, end: moment.end, paddingLeft, paddingRight });
  const audio = seen.audio.find(({ isDefault }) => isDefault) ?? seen.audio[0] ?? null;
  return { source, name, video, audio, list, range };
}

async function assertFilters({ tools, signal }: StageContext<Input>, name: string, needed: string[]): Promise<void> {
  if (needed.length === 0) return;
  const { stdout } = await tools.ffmpeg(['-filters'], { signal });
  const there = new Set(stdout.split('\n').map((line) => line.trim().split(/\s+/)[1]));
  const missing = needed.filter((filter) => !there.has(filter));
  if (missing.length > 0)
    throw new PermanentError(
      `${name} is interlaced or in high dynamic range, which needs the filter ${missing.join(', ')}: install an ffmpeg that has it on the workers of stage clip`,
      { code: 'no-filter' },
    );
}

interface Made {
  path: string;
  picture: ClipPicture;
  verdict: Verdict;
}

/** Spliced where that holds, otherwise encoded whole; judged in either case. */
async function make(context: StageContext<Input>, job: ClipJob): Promise<Made> {
  const { pausePoint, log, note, signal } = context;
  const finish = async (picture: ClipPicture): Promise<Made> => {
    const path = await addSound(context, job, picture);
    await pausePoint('before-check');
    return { path, picture, verdict: await judge(context, job, picture, path) };
  };
  try {
    const picture = await splice(context, job);
    const made = picture && (await finish(picture));
    if (made && made.verdict.problem === null) return made;
    if (made) throw new Error(made.verdict.problem ?? '');
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PermanentError || (error instanceof ToolError && error.code !== 'ffmpeg')) throw error;
    const why = error instanceof Error ? error.message : String(error);
    note(`the clip could not be put together by copying, so all of it is encoded: ${why}`);
    log.warn({ moment: context.input.moment.identifier, why }, 'splice did not hold, encoding the whole clip');
  }
  const made = await finish(await encodeWhole(context, job));
  if (made.verdict.problem !== null)
    throw new RetryableError(
      `the clip of ${context.input.moment.identifier} from ${job.name} is not as planned: ${made.verdict.problem}`,
      { code: 'bad-clip' },
    );
  return made;
}

/** Several times the clip, at the rate of its source: what was copied, its edges, the picture and the file lie side by side. */
async function checkFreeSpace({ input, scratch }: StageContext<Input>, job: ClipJob): Promise<void> {
  const share = Math.min(1, (job.range.endSeconds - job.range.startSeconds) / input.durationSeconds);
  const needed = 4 * share * input.source.sizeBytes + 64 * 2 ** 20;
  const { bavail, bsize } = await statfs(scratch);
  if (bavail * bsize >= needed) return;
  const megabytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);
  throw new RetryableError(
    `the clip of ${input.moment.identifier} from ${input.name} needs about ${megabytes(needed)} MB in ${scratch}, which has ${megabytes(bavail * bsize)} MB left; free some or set REELFLEET_SCRATCH`,
    { code: 'no-space' },
  );
}
