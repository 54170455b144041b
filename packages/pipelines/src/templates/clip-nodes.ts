/**
 * The nodes that cut clips, for any template that has moments: one clip for each, and a picture of each clip. All are optional: a
 * clip that cannot be cut costs the run neither the others nor what came before.
 */
import type { ArtifactRef, Child, Need, PipelineNode } from '@reelfleet/core';
import type { MomentRef } from '../moments-shapes.ts';
import type { ClipOutput, MadeClip } from '../stages/clip.ts';

/** A moment to cut, with the clip it has and whether that has its picture. */
export type MomentToCut = MomentRef & { existing?: (MadeClip & { pictured: boolean }) | undefined };

export interface ClipWish<P> {
  /** Which moments: those of a task's output, or those the params name. */
  moments:
    | { of: string; list(output: unknown, params: P): readonly MomentToCut[] }
    | { of?: never; list(params: P): readonly MomentToCut[] };
  /** What must be done before besides, the tasks that `cut` reads among it. */
  needs?: readonly Need[];
  /** What they are cut from, and with how much around them. */
  cut(
    outputs: Record<string, unknown>,
    params: P,
  ): { source: ArtifactRef; name: string; durationSeconds: number; paddingLeft: number; paddingRight: number };
  /** Whether clips that are there are cut anew. */
  replace?(params: P): boolean;
  title(params: P): string;
}

const twoDigits = (value: number) => String(value).padStart(2, '0');

export function clipNodes<P>(wish: ClipWish<P>): PipelineNode<P>[] {
  const replaced = (params: P) => wish.replace?.(params) ?? false;
  const clips = (moments: readonly MomentToCut[]): Child[] =>
    moments.map(({ existing, ...moment }, index) => ({
      suffix: twoDigits(index + 1),
      title: `clip ${index + 1}/${moments.length} · ${moment.title}`,
      payload: { moment, ...(existing ? { existing: withoutMark(existing) } : {}) },
    }));
  const pictures = (moments: readonly MomentToCut[], params: P): Child[] =>
    moments.flatMap(({ title, existing }, index) => {
      if (existing?.pictured && !replaced(params)) return [];
      const clip = `clip/${twoDigits(index + 1)}`;
      const named = `thumbnail ${index + 1}/${moments.length} · ${title}`;
      return [{ suffix: twoDigits(index + 1), title: named, payload: { clip }, needs: [clip] }];
    });
  return [
    {
      key: 'clip',
      stage: 'clip',
      phase: 'clipping',
      title: (params) => `clips · ${wish.title(params)}`,
      optional: true,
      ...(wish.needs ? { needs: wish.needs } : {}),
      each: fanOut(wish, clips),
      input: ({ params, outputs, payload }) => ({
        ...wish.cut(outputs, params),
        ...payload,
        replace: replaced(params),
      }),
    },
    {
      // `thumbnail` is that of the video.
      key: 'clip-thumbnail',
      stage: 'thumbnail',
      phase: 'clip_thumbnails',
      title: (params) => `thumbnails · ${wish.title(params)}`,
      optional: true,
      each: fanOut(wish, pictures),
      input: ({ outputs, payload }) => ({
        source: (outputs[payload.clip as string] as ClipOutput).clip,
        width: 1280,
        height: 720,
        sprites: false,
      }),
    },
  ];
}

function fanOut<P>(
  { moments }: ClipWish<P>,
  children: (moments: readonly MomentToCut[], params: P) => Child[],
): NonNullable<PipelineNode<P>['each']> {
  if (moments.of === undefined) return { items: (params) => children(moments.list(params), params) };
  return { of: moments.of, items: (output, params) => children(moments.list(output, params), params) };
}

const withoutMark = ({ pictured: _, ...clip }: MadeClip & { pictured: boolean }): MadeClip => clip;
