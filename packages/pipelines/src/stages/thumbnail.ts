/**
 * `thumbnail`: the picture of a video for lists and players, and small pictures of all of it for scrubbing, where they are wanted:
 * a clip is too short to need them. Of a still it is the
 * still itself; of a video a frame worth showing: the whole film is looked at in small, the best places are looked at closely,
 * and the sharpest frame that is not in a fade is taken (frame-choice.ts says how). The same file gives the same pictures.
 */
import { join } from 'node:path';
import {
  type ArtifactRef,
  type ArtifactSet,
  artifactRef,
  artifactSet,
  defineStage,
  PermanentError,
  type StageContext,
} from '@reelfleet/core';
import {
  displaySize,
  layOutSprites,
  type MediaProbe,
  planThumbnail,
  planVideoThumbnail,
  probe,
  type SpriteLayout,
  sheetName,
  spritesVtt,
  ToolError,
} from '@reelfleet/media';
import { z } from 'zod';
import { bestMoment, checkPicture, inReach, lookAtAll } from '../film-look.ts';
import { runPlan } from '../run-plan.ts';

export const thumbnailInput = z.object({
  /** An image, or a video of which a frame is chosen. */
  source: artifactRef,
  width: z.number().int().min(16).max(3840).multipleOf(2).default(1280),
  height: z.number().int().min(16).max(2160).multipleOf(2).default(720),
  /** Whether small pictures for scrubbing are kept. */
  sprites: z.boolean().default(true),
});
type Input = z.infer<typeof thumbnailInput>;

export const thumbnailOutput = z.object({
  thumbnail: artifactRef,
  width: z.number().int(),
  height: z.number().int(),
  /** The clip it is of, by its id, which is that of its file; absent where the source is no clip. */
  clipId: z.uuid().optional(),
  /** Where in the video it is from; absent for a still. */
  atSeconds: z.number().nonnegative().optional(),
  /** Small pictures of all of the video; absent for a still, and where they were not wanted. */
  sprites: z
    .object({
      sheets: artifactSet,
      /** Which part of which sheet shows which seconds; names the sheets by relative address. */
      vtt: artifactRef,
      everySeconds: z.number().positive(),
      count: z.number().int().positive(),
    })
    .optional(),
});
export type ThumbnailOutput = z.infer<typeof thumbnailOutput>;

/** Folder of the sheets beside the WebVTT file. */
const SHEETS = 'sprites';

export const thumbnail = defineStage({
  name: 'thumbnail',
  description: 'Choose a thumbnail, and make small pictures for scrubbing',
  input: thumbnailInput,
  output: thumbnailOutput,
  policy: { concurrency: 'cpu' },
  run: (context): Promise<ThumbnailOutput> =>
    context.input.source.kind === 'image' ? ofStill(context) : ofVideo(context),
});

async function ofStill(context: StageContext<Input>): Promise<ThumbnailOutput> {
  const { input, storage, scratch, progress, pausePoint } = context;
  const { width, height } = input;
  progress(0, 'fetching');
  const source = await storage.fetch(input.source);
  const output = join(scratch, 'thumbnail.jpg');
  await runPlan(context, planThumbnail({ source, output, width, height }));
  await pausePoint('mid-work');
  await checkPicture(context, output, width, height);
  await pausePoint('before-upload');
  const thumbnail = await storePicture(context, output);
  progress(1, 'stored');
  return { thumbnail, width, height };
}

async function ofVideo(context: StageContext<Input>): Promise<ThumbnailOutput> {
  const { input, storage, scratch, progress, pausePoint } = context;
  const { width, height } = input;
  const isClip = input.source.kind === 'clip';
  progress(0, 'fetching');
  const source = await storage.borrow(input.source);
  const seen = await probed(context, source);
  const [video] = seen.video;
  if (!video) {
    throw new PermanentError(`${input.source.uri} has no moving picture, only sound: there is no frame to choose`, {
      code: 'no-video',
    });
  }
  const picture = await inReach(context, video);
  const seconds = Math.max(0.04, picture.durationSeconds ?? seen.durationSeconds ?? 0);
  const layout = layOutSprites(seconds, displaySize(picture));
  const film = await lookAtAll(context, { source, picture, layout, seconds });
  await pausePoint('mid-work');

  const atSeconds = await bestMoment(context, { source, picture, layout, film });
  progress(0.8, 'taking the frame');
  const output = join(scratch, 'thumbnail.jpg');
  await runPlan(context, planVideoThumbnail({ source, picture, atSeconds, output, width, height }));
  await checkPicture(context, output, width, height);

  await pausePoint('before-upload');
  const thumbnail = await storePicture(context, output);
  const chosen = { thumbnail, width, height, atSeconds, ...(isClip ? { clipId: input.source.id } : {}) };
  if (!input.sprites) {
    progress(1, 'stored');
    return chosen;
  }
  const sheets = await storeSheets(context, layout);
  const vtt = await storage.put('sprites.vtt', Buffer.from(spritesVtt(layout, SHEETS, seconds)), {
    kind: 'thumbnail',
    contentType: 'text/vtt; charset=utf-8',
  });
  progress(1, 'stored');
  const { everySeconds, count } = layout;
  return { ...chosen, sprites: { sheets, vtt, everySeconds, count } };
}

async function probed({ input, tools, signal, note }: StageContext<Input>, source: string): Promise<MediaProbe> {
  try {
    return await probe(tools, source, { trust: 'user', signal });
  } catch (error) {
    if (!(error instanceof ToolError) || error.code !== 'ffmpeg') throw error;
    for (const line of error.stderrTail.split('\n')) note(line);
    const message = `${input.source.uri} cannot be read as video: give a whole mp4, mov, mkv, webm, ts, avi or flv file`;
    throw new PermanentError(message, { code: 'unreadable-media', cause: error });
  }
}

const storePicture = ({ storage }: StageContext<Input>, path: string): Promise<ArtifactRef> =>
  storage.put('thumbnail.jpg', { path }, { kind: 'thumbnail', contentType: 'image/jpeg' });

function storeSheets({ storage, scratch, moved }: StageContext<Input>, { sheets }: SpriteLayout): Promise<ArtifactSet> {
  const names = Array.from({ length: sheets }, (_, sheet) => sheetName(sheet));
  const files = names.map((name) => ({ name, path: join(scratch, name) }));
  return storage.putSet(SHEETS, files, { kind: 'thumbnail', contentType: 'image/jpeg', onStored: moved });
}
