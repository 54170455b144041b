/**
 * `render`: an album from its tracks and stills, by copying. Nothing is encoded here, so an hour of film takes seconds; the
 * greater part of them goes into looking at the product, before it is stored, with the same eyes that `verify` has.
 */
import { statfs, writeFile } from 'node:fs/promises';
import { artifactRef, defineStage, MINUTE, RetryableError, type StageContext } from '@reelfleet/core';
import { concatList, ffmetadata, type Plan, planJoin, planRepeat } from '@reelfleet/media';
import { z } from 'zod';
import {
  type AlbumFiles,
  albumFiles,
  fetchParts,
  inScratch,
  inspectAlbum,
  LANES,
  listPackets,
  type Parts,
} from '../album-files.ts';
import { commandText, inParallel, runPlan } from '../run-plan.ts';
import { encodeStill } from './image.ts';

export const renderOutput = z.object({
  video: artifactRef,
  title: z.string(),
  description: z.string(),
  durationSeconds: z.number().positive(),
  frames: z.number().int(),
  width: z.number().int(),
  height: z.number().int(),
  fps: z.number(),
  videoCodec: z.string(),
  audioCodec: z.string(),
  sizeBytes: z.number().int(),
  /** When each track plays: the chapters. */
  tracks: z.array(
    z.object({
      orderIndex: z.number().int(),
      title: z.string(),
      startSeconds: z.number(),
      durationSeconds: z.number(),
      frames: z.number().int(),
    }),
  ),
  /** Every command in the order it was run, one per line. */
  ffmpegCommand: z.string(),
  /** Least likeness of a frame looked at to its still. */
  minSsim: z.number(),
});
export type RenderOutput = z.infer<typeof renderOutput>;

const checkpoint = z.object({ done: renderOutput });

export const render = defineStage({
  name: 'render',
  description: 'Join tracks and stills to one album, with chapters',
  input: albumFiles,
  output: renderOutput,
  policy: { stalledAfterMs: 5 * MINUTE },
  async run(context): Promise<RenderOutput> {
    const { input: album, storage, progress, pausePoint, saveCheckpoint } = context;
    const saved = checkpoint.safeParse(context.checkpoint).data;
    if (saved && (await storage.has(saved.done.video))) return saved.done;

    await checkFreeSpace(context.scratch, album);
    progress(0, 'fetching');
    const parts = await fetchParts(context, album);
    const commands = await alignHeaders(context, album, parts);
    progress(0.2, 'repeating stills');
    const file = inScratch(context, 'album.mp4');
    commands.push(...(await join(context, album, parts, 'album.mp4')));
    await pausePoint('mid-work');

    const { problems, minSsim } = await inspectAlbum(context, file, album, parts, { from: 0.5, to: 0.9 });
    if (problems.length > 0) {
      throw new RetryableError(`the rendered album "${album.title}" is not as promised: ${problems.join('; ')}`, {
        code: 'bad-render',
      });
    }
    await pausePoint('before-upload');
    progress(0.9, 'storing');
    const video = await storage.put('album.mp4', { path: file }, { kind: 'render', contentType: 'video/mp4' });
    await pausePoint('mid-upload');
    const { timeline } = parts;
    const output: RenderOutput = {
      video,
      title: album.title,
      description: album.description,
      durationSeconds: timeline.durationSeconds,
      frames: timeline.totalFrames,
      width: album.width,
      height: album.height,
      fps: album.fps,
      videoCodec: 'h264',
      audioCodec: 'aac',
      sizeBytes: video.sizeBytes,
      tracks: timeline.entries.map(({ orderIndex, title, startSeconds, durationSeconds, frames }) => ({
        orderIndex,
        title,
        startSeconds,
        durationSeconds,
        frames,
      })),
      ffmpegCommand: commands.join('\n'),
      minSsim,
    };
    await saveCheckpoint({ done: output }, 1);
    progress(1, 'stored');
    return output;
  },
});

/** A full disk is found before the work, not after: some of ffmpeg's writers end with success on one. */
async function checkFreeSpace(scratch: string, album: AlbumFiles): Promise<void> {
  const copies = (seconds: number, frames: number) => Math.ceil((seconds * album.fps) / frames);
  const seconds = album.orderedSeconds / album.tracks.length;
  const picture = album.stills.reduce(
    (sum, { segment, frames }) => sum + segment.sizeBytes * copies(seconds, frames),
    0,
  );
  const sound = album.tracks.reduce((sum, { audio }) => sum + audio.sizeBytes, 0);
  const stills = album.stills.reduce((sum, { image, segment }) => sum + image.sizeBytes + segment.sizeBytes, 0);
  // Repeated stills and the album exist side by side for a moment.
  const needed = stills + sound * 2 + picture * 2;
  const { bavail, bsize } = await statfs(scratch);
  if (bavail * bsize < needed * 1.1) {
    const megabytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);
    const message = `rendering "${album.title}" needs ${megabytes(needed)} MB in ${scratch}, which has ${megabytes(bavail * bsize)} MB left; free some or set REELFLEET_SCRATCH`;
    throw new RetryableError(message, { code: 'no-space' });
  }
}

/**
 * Packets may follow each other only under one set of codec headers. Segments from workers with another x264 differ in them;
 * those few are encoded anew here, so that a fleet of mixed machines still makes a clean file.
 */
async function alignHeaders(context: StageContext<AlbumFiles>, album: AlbumFiles, parts: Parts): Promise<string[]> {
  const { width, height, fps } = album;
  const strange = parts.tracks.findIndex((track) => track.headers !== parts.tracks[0]?.headers);
  if (strange >= 0) {
    const title = album.tracks[strange]?.title;
    throw new RetryableError(
      `track ${strange + 1} (${title}) is encoded otherwise than track 1, so they cannot be joined by copying`,
      { code: 'bad-track' },
    );
  }
  if (parts.stills.every((still) => still.packets.headers === parts.stills[0]?.packets.headers)) return [];
  context.log.warn({ title: album.title }, 'segments from different encoders, encoding them anew');
  for (const [index, still] of parts.stills.entries()) {
    const name = `own-${index + 1}.mp4`;
    const segment = inScratch(context, name);
    await encodeStill(context, {
      image: still.path,
      segment,
      format: { width, height, fps },
      what: `still ${index + 1}`,
    });
    still.packets = await listPackets(context, segment, 'video');
    still.frames = still.packets.packets.length;
    parts.segmentNames[index] = name;
  }
  if (parts.stills.some((still) => still.packets.headers !== parts.stills[0]?.packets.headers)) {
    throw new RetryableError(
      `the stills of "${album.title}" cannot be encoded alike, so they cannot be joined by copying`,
      { code: 'bad-segment' },
    );
  }
  return ['# segments were encoded anew on the rendering worker'];
}

/** Repeat every still to its track's length, then join all, by plain names in the scratch folder. Answers the commands as run. */
async function join(
  context: StageContext<AlbumFiles>,
  album: AlbumFiles,
  parts: Parts,
  output: string,
): Promise<string[]> {
  const { timeline } = parts;
  const { fps } = album;
  const commands: string[] = [];
  const run = async (plan: Plan, share?: Parameters<typeof runPlan>[2]) => {
    commands.push(commandText(plan));
    await runPlan(context, plan, share);
  };
  const names = timeline.entries.map(({ orderIndex }) => `film-${orderIndex}.mp4`);
  let repeated = 0;
  await inParallel(timeline.entries, LANES, async ({ orderIndex, frames }, index) => {
    const segment = parts.segmentNames[index] as string;
    const film = names[index] as string;
    await run(
      planRepeat({
        orderIndex,
        segment,
        segmentFrames: parts.stills[index]?.frames as number,
        output: film,
        frames,
        fps,
      }),
    );
    repeated += 1;
    context.progress(0.2 + (0.15 * repeated) / names.length, 'repeating stills');
  });
  await writeFile(inScratch(context, 'film.ffconcat'), concatList(names));
  // The priming block of every track is played, as it was counted: without this the edit list would hide it.
  await writeFile(inScratch(context, 'sound.ffconcat'), concatList(parts.trackNames, { ignore_editlist: '1' }));
  await writeFile(
    inScratch(context, 'album.ffmeta'),
    ffmetadata({ title: album.title, artist: album.artist, description: album.description }, timeline),
  );
  await run(
    planJoin({ videoList: 'film.ffconcat', audioList: 'sound.ffconcat', metadata: 'album.ffmeta', output, fps }),
    {
      from: 0.35,
      to: 0.5,
      seconds: timeline.durationSeconds,
      step: 'joining',
    },
  );
  return commands;
}
