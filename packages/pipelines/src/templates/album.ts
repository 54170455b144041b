/**
 * Template `album`: plan → music ∥ image → render → verify → thumbnail ∥ transcode. The plan fans out into one track and one still per
 * pair, which belong together by their order index; everything after the plan follows the measured lengths of the tracks.
 */
import { type Child, defineTemplate } from '@reelfleet/core';
import { z } from 'zod';
import type { AlbumFiles } from '../album-files.ts';
import type { ImageOutput } from '../stages/image.ts';
import type { MusicOutput } from '../stages/music.ts';
import type { PlanOutput } from '../stages/plan.ts';
import type { RenderOutput } from '../stages/render.ts';
import { transcodeNodes } from './transcode-nodes.ts';

/** What a person orders. Check it with {@link albumOrder}, which also knows what goes together. */
const orderFields = z.object({
  /** Name of the channel; the album's artist. */
  channel: z.string().trim().min(1).max(255),
  niche: z.string().trim().min(1).max(255),
  moods: z.array(z.string().trim().min(1).max(100)).min(1).max(20),
  /** Length of the whole album; a preview is as long as its tracks. */
  minutes: z.number().int().min(1).max(90).default(60),
  tracks: z.number().int().min(1).max(20).default(20),
  preview: z.boolean().default(false),
  /** Previews only: target length of each track. */
  secondsPerTrack: z.number().min(5).max(600).optional(),
  persona: z.string().trim().min(1).max(255).optional(),
  /** The same order with the same seed makes the same album. */
  seed: z.number().int().min(0).max(2_147_483_647).default(1),
  title: z.string().trim().min(1).max(200).optional(),
  width: z.number().int().min(64).max(3840).multipleOf(2).default(1920),
  height: z.number().int().min(64).max(2160).multipleOf(2).default(1080),
  fps: z.number().int().min(1).max(60).default(30),
});

function goesTogether(order: z.infer<typeof orderFields>, context: z.RefinementCtx): void {
  const refuse = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
  if (order.preview) return;
  if (order.minutes < 60) refuse('minutes', 'an album lasts 60 to 90 minutes; a shorter one is a preview');
  if (order.tracks !== 20) refuse('tracks', 'an album has 20 tracks; another number is a preview');
  if (order.secondsPerTrack !== undefined)
    refuse('secondsPerTrack', 'the length of a track can be set for previews only');
}

export const albumOrder = orderFields.superRefine(goesTogether);
export type AlbumOrder = z.infer<typeof albumOrder>;

/** An order together with the rows made for it: the params of a run of `album`. */
export const albumParams = orderFields
  .extend({ channelId: z.uuid(), videoId: z.uuid(), videoJobId: z.uuid() })
  .superRefine(goesTogether);
export type AlbumParams = z.infer<typeof albumParams>;

const PREVIEW_TRACK_SECONDS = 20;
/** What a preview is streamed in: it is looked at once. */
const previewQualities = [720, 360] as const;

/** Of a picture smaller than these, a preview gets what there is, as every stream does. */
function streamWish({ preview, width, height }: AlbumParams): { qualities?: readonly number[] } {
  const qualities = previewQualities.filter((quality) => quality <= Math.min(width, height));
  return preview && qualities.length > 0 ? { qualities } : {};
}

/**
 * The length to aim for. A full album aims a little inside its limits of 60 and 90 minutes, since a provider's "three minutes"
 * is only about that, and half a second short of an hour would be refused.
 */
export function targetSeconds(order: Pick<AlbumOrder, 'minutes' | 'tracks' | 'preview' | 'secondsPerTrack'>): number {
  if (order.preview) return order.tracks * (order.secondsPerTrack ?? PREVIEW_TRACK_SECONDS);
  return Math.min(Math.max(order.minutes * 60, 60 * 60 + 30), 90 * 60 - 30);
}

const twoDigits = (value: number) => String(value).padStart(2, '0');

/** Outputs of `music/01`, `music/02` … in order. */
function children<T extends { orderIndex: number }>(outputs: Record<string, unknown>, node: string): T[] {
  return Object.entries(outputs)
    .filter(([key]) => key.startsWith(`${node}/`))
    .map(([, output]) => output as T)
    .sort((a, b) => a.orderIndex - b.orderIndex);
}

function filesOf(params: AlbumParams, outputs: Record<string, unknown>): AlbumFiles {
  const plan = outputs.plan as PlanOutput;
  const { channel, width, height, fps, preview } = params;
  return {
    title: plan.title,
    artist: channel,
    description: plan.description,
    width,
    height,
    fps,
    orderedSeconds: targetSeconds(params),
    preview,
    tracks: children<MusicOutput>(outputs, 'music').map(({ orderIndex, title, audio, samples }) => ({
      orderIndex,
      title,
      audio,
      samples,
    })),
    stills: children<ImageOutput>(outputs, 'image').map(({ orderIndex, image, segment, frames }) => ({
      orderIndex,
      image,
      segment,
      frames,
    })),
  };
}

/** One child per pair: `music/01` with what its stage needs. Seeds differ by order index, so no two tracks are alike. */
function eachPair(stage: string, payload: (pair: PlanOutput['pairs'][number]) => Record<string, unknown>) {
  return (plan: PlanOutput, params: AlbumParams): Child[] =>
    plan.pairs.map((pair) => ({
      suffix: twoDigits(pair.orderIndex),
      title: `${stage} ${pair.orderIndex}/${plan.pairs.length} · ${pair.title}`,
      payload: {
        orderIndex: pair.orderIndex,
        title: pair.title,
        seed: (params.seed * 100 + pair.orderIndex) % 2 ** 31,
        ...payload(pair),
      },
    }));
}

const nameOf = (params: AlbumParams) => params.title ?? params.niche;

export const album = defineTemplate<AlbumParams>({
  name: 'album',
  params: albumParams,
  nodes: [
    {
      key: 'plan',
      stage: 'plan',
      phase: 'planned',
      title: (params) => `plan · ${nameOf(params)}`,
      input: ({ params }) => ({
        niche: params.niche,
        moods: params.moods,
        tracks: params.tracks,
        totalSeconds: targetSeconds(params),
        seed: params.seed,
        ...(params.title === undefined ? {} : { title: params.title }),
      }),
    },
    {
      key: 'music',
      stage: 'music',
      phase: 'generating_music',
      title: (params) => `music · ${nameOf(params)}`,
      each: { of: 'plan', items: eachPair('music', ({ musicPrompt, seconds }) => ({ prompt: musicPrompt, seconds })) },
      input: ({ payload }) => payload,
    },
    {
      key: 'image',
      stage: 'image',
      phase: 'generating_image',
      title: (params) => `image · ${nameOf(params)}`,
      each: { of: 'plan', items: eachPair('image', ({ visualPrompt }) => ({ prompt: visualPrompt })) },
      input: ({ payload, params: { width, height, fps } }) => ({ ...payload, width, height, fps }),
    },
    {
      key: 'render',
      stage: 'render',
      phase: 'rendering',
      title: (params) => `render · ${nameOf(params)}`,
      needs: ['plan', 'music/*', 'image/*'],
      input: ({ params, outputs }) => filesOf(params, outputs),
    },
    {
      key: 'verify',
      stage: 'verify',
      phase: 'rendering',
      title: (params) => `verify · ${nameOf(params)}`,
      needs: ['plan', 'music/*', 'image/*', 'render'],
      input: ({ params, outputs }) => ({
        video: (outputs.render as RenderOutput).video,
        album: filesOf(params, outputs),
      }),
    },
    {
      key: 'thumbnail',
      stage: 'thumbnail',
      phase: 'rendering',
      title: (params) => `thumbnail · ${nameOf(params)}`,
      needs: ['verify', 'image/*'],
      input: ({ outputs }) => ({ source: children<ImageOutput>(outputs, 'image')[0]?.image, width: 1280, height: 720 }),
    },
    // The album is its file: it is ready for export before its stream is, and stays so should there be none.
    ...transcodeNodes<AlbumParams>({
      needs: ['render', 'verify'],
      phase: 'ready_for_export',
      optional: true,
      title: nameOf,
      source: (outputs, params) => ({ source: (outputs.render as RenderOutput).video, name: nameOf(params) }),
      wish: streamWish,
    }),
  ],
});
