/**
 * Looking for a frame worth showing, with ffmpeg: all of a film in small, then the best places closely. What is chosen is decided
 * in packages/media (frame-choice.ts); here the films are read, and what comes of it is checked: sheets of small pictures that
 * decode whole, and as many frames as were asked for.
 */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type ArtifactRef, RetryableError, type StageContext } from '@reelfleet/core';
import {
  CLOSE_FRAMES,
  chooseFrame,
  closeMoment,
  closeSize,
  type FrameFacts,
  factsOf,
  framesSeen,
  neededFilters,
  planCloseLook,
  planPictureCheck,
  planSprites,
  probe,
  type SpriteLayout,
  scoresOf,
  sheetName,
  shortlist,
  type VideoStream,
} from '@reelfleet/media';
import { runPlan } from './run-plan.ts';

type Context = StageContext<{ source: ArtifactRef }>;

/** Places that are looked at closely. */
const PLACES = 5;
/** Fewer key frames than this are no choice: then all frames are decoded. */
const CHOICE = 8;
const SEEN = 'seen.txt';

/**
 * A picture in high dynamic range, where this ffmpeg cannot bring it down, is taken as it is: pale, but no reason to have none.
 * Whether its stream can be made is for `transcode` to say.
 */
export async function inReach({ tools, signal, log }: Context, picture: VideoStream): Promise<VideoStream> {
  const needed = neededFilters(picture);
  if (needed.length === 0) return picture;
  const { stdout } = await tools.ffmpeg(['-filters'], { signal });
  const there = new Set(stdout.split('\n').map((line) => line.trim().split(/\s+/)[1]));
  const missing = needed.filter((filter) => !there.has(filter));
  if (missing.length === 0) return picture;
  log.warn({ missing }, 'the thumbnail is taken without filters that this ffmpeg does not have');
  return { ...picture, dynamicRange: 'sdr', fieldOrder: null };
}

export interface Film {
  source: string;
  picture: VideoStream;
  layout: SpriteLayout;
}

/** Make the sheets, checked, and measure every picture on them. */
export async function lookAtAll(context: Context, film: Film & { seconds: number }): Promise<FrameFacts[]> {
  const { layout, seconds } = film;
  const look = async (keyFramesOnly: boolean) => {
    const sheets = join(context.scratch, 'sheet-%03d.jpg');
    const luma = join(context.scratch, 'luma.gray');
    const share = { from: 0.05, to: 0.6, seconds, step: 'looking through it' };
    await runPlan(context, planSprites({ ...film, keyFramesOnly, seenFile: SEEN, sheets, luma }), share);
    return framesOf(await readFile(luma), layout.width, layout.height);
  };
  let frames = await look(true);
  const seen = framesSeen(await readFile(join(context.scratch, SEEN), 'utf8'));
  if (seen < Math.min(CHOICE, layout.count)) frames = await look(false);
  if (frames.length !== layout.count) {
    throw new RetryableError(
      `${context.input.source.uri}: ${frames.length} of ${layout.count} small pictures came out of it`,
      { code: 'bad-sprites' },
    );
  }
  const { width, height, columns, rows, sheets } = layout;
  for (let sheet = 0; sheet < sheets; sheet += 1)
    await checkPicture(context, join(context.scratch, sheetName(sheet)), columns * width, rows * height);
  return frames.map((frame) => factsOf(frame, width, height));
}

/** Look closely at the best places, and choose. */
export async function bestMoment(context: Context, { film, ...how }: Film & { film: FrameFacts[] }): Promise<number> {
  const size = closeSize(how.picture);
  const places: { atSeconds: number; frames: FrameFacts[] }[] = [];
  for (const [nth, index] of shortlist(scoresOf(film), PLACES).entries()) {
    context.progress(0.6 + (0.2 * nth) / PLACES, 'looking closely');
    const atSeconds = index * how.layout.everySeconds;
    const luma = join(context.scratch, `close-${nth}.gray`);
    await runPlan(context, planCloseLook({ ...how, atSeconds, luma }));
    const frames = framesOf(await readFile(luma), size.width, size.height);
    // The film may end before its container says; what came at all must be whole.
    if (frames.length !== 0 && frames.length !== CLOSE_FRAMES) {
      throw new RetryableError(`${luma} holds ${frames.length} of ${CLOSE_FRAMES} frames`, { code: 'bad-look' });
    }
    places.push({ atSeconds, frames: frames.map((frame) => factsOf(frame, size.width, size.height)) });
  }
  const choice = chooseFrame(places.map(({ frames }) => frames));
  return choice === null ? 0 : closeMoment(places[choice.place]?.atSeconds ?? 0, choice.frame);
}

function framesOf(luma: Buffer, width: number, height: number): Buffer[] {
  const bytes = width * height;
  if (luma.length % bytes !== 0) {
    throw new RetryableError(`${luma.length} bytes are no whole number of ${width}×${height} frames`, {
      code: 'bad-look',
    });
  }
  return Array.from({ length: luma.length / bytes }, (_, index) => luma.subarray(index * bytes, (index + 1) * bytes));
}

/** A picture of the size it should have, which decodes whole: one that breaks off has a good header too. */
export async function checkPicture(context: Context, path: string, width: number, height: number): Promise<void> {
  const { tools, signal, input } = context;
  const [picture] = (await probe(tools, path, { trust: 'own', signal })).video;
  if (picture?.width !== width || picture.height !== height) {
    throw new RetryableError(
      `${basename(path)} of ${input.source.uri} came out at ${picture?.width}×${picture?.height} instead of ${width}×${height}`,
    );
  }
  await runPlan(context, planPictureCheck(path));
}
