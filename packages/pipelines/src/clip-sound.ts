/** The file of a clip: its picture as it was made, and its sound in one pass over the whole clip, so that nothing clicks. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PermanentError } from '@reelfleet/core';
import { type ClipSound, planClipFile } from '@reelfleet/media';
import { type ClipContext, type ClipJob, type ClipPicture, secondsOf } from './clip-job.ts';
import { runPlan } from './run-plan.ts';

/** Read before the clip begins: decoders of sound need a moment to run in, and demuxers land a little off. */
const BEFORE_SECONDS = 5;
/** A container may promise this much more than it holds. */
const LOST_SECONDS = 1;
const HEARD = 'heard.txt';

/** Join picture and sound. Throws a PermanentError when the sound breaks off before the source says it does. */
export async function addSound(context: ClipContext, job: ClipJob, { path }: ClipPicture): Promise<string> {
  const { source, audio, list, range, name } = job;
  const output = join(context.scratch, 'clip.mp4');
  const startSeconds = secondsOf(job, range.startTicks);
  const endSeconds = secondsOf(job, range.endTicks);
  const seconds = endSeconds - startSeconds;
  const share = { from: 0.8, to: 0.9, seconds, step: 'adding the sound' };
  const make = (sound: ClipSound | null) =>
    runPlan(context, planClipFile({ picture: path, seconds, sound, output }), share);
  if (!audio) {
    await make(null);
    return output;
  }
  const from = Math.max(startSeconds, audio.startSeconds ?? startSeconds);
  const until = Math.min(endSeconds, (audio.startSeconds ?? 0) + (audio.durationSeconds ?? Number.POSITIVE_INFINITY));
  const near = startSeconds - BEFORE_SECONDS;
  const seeks = list.seeking !== 'none' && near > secondsOf(job, list.times[0] as number) + 1 ? [near, null] : [null];
  for (const seek of seeks) {
    await rm(join(context.scratch, HEARD), { force: true });
    await make({ source, track: audio, startSeconds, seek, heardFile: HEARD });
    const heard = await heardTimes(context);
    const last = heard.at(-1) ?? Number.NEGATIVE_INFINITY;
    if (from >= until || (last >= until - LOST_SECONDS && (seek === null || (heard[0] as number) <= from)))
      return output;
    context.log.warn({ seek }, 'a seek did not find the sound of the clip, reading from the start');
  }
  throw new PermanentError(
    `the sound of ${name} breaks off before ${until.toFixed(1)} s, up to where it should go on; give the whole file`,
    { code: 'truncated' },
  );
}

async function heardTimes({ scratch }: ClipContext): Promise<number[]> {
  const notes = await readFile(join(scratch, HEARD), 'utf8').catch(() => '');
  return [...notes.matchAll(/pts_time:(-?[\d.]+)/g)].map(([, time]) => Number(time));
}
