/**
 * The nodes that turn a stored video into a stream, for any template that has one: plan → chunks ∥ sound → playlists. The plan fans
 * out into one task for each range; sound is left out where the source has none.
 */
import type { ArtifactRef, Child, Need, PipelineNode } from '@reelfleet/core';
import type { ChunkOutput, SoundOutput, StreamPlan } from '../stream-parts.ts';

export interface TranscodeWish<P> {
  /** What must be done before, the task that `source` reads among it. */
  needs: readonly Need[];
  /** The stored video and what people call it. */
  source(outputs: Record<string, unknown>, params: P): { source: ArtifactRef; name: string };
  /** What was ordered; left out: all the source is large enough for, in h264. */
  wish?(params: P): {
    qualities?: readonly number[] | undefined;
    codec?: string | undefined;
    chunkSegments?: number | undefined;
  };
  title(params: P): string;
  phase: string;
  optional?: boolean;
  /** Decides that there is no picture to make a stream of. */
  unless?: PipelineNode<P>['unless'];
}

const threeDigits = (value: number) => String(value).padStart(3, '0');
const planOf = (outputs: Record<string, unknown>) => outputs.transcode as StreamPlan;

/** One child for each range; what they share is read from the plan, so that their payloads stay small. */
function chunksOf(plan: StreamPlan): Child[] {
  return plan.chunks.map((chunk) => ({
    suffix: threeDigits(chunk.index + 1),
    title: `transcode ${chunk.index + 1}/${plan.chunks.length} · ${plan.name}`,
    payload: { chunk },
  }));
}

export function transcodeNodes<P>(wish: TranscodeWish<P>): PipelineNode<P>[] {
  const { phase, optional = false } = wish;
  const common = { phase, optional };
  return [
    {
      ...common,
      key: 'transcode',
      stage: 'transcode',
      title: (params) => `transcode · ${wish.title(params)}`,
      needs: wish.needs,
      ...(wish.unless ? { unless: wish.unless } : {}),
      input: ({ outputs, params }) => ({ ...wish.source(outputs, params), ...wish.wish?.(params) }),
    },
    {
      ...common,
      key: 'transcode/audio',
      stage: 'transcode-audio',
      title: (params) => `sound · ${wish.title(params)}`,
      needs: ['transcode'],
      unless: { of: 'transcode', when: (plan: StreamPlan) => plan.sound.length === 0 },
      input({ outputs }) {
        const { source, name, sound, startSeconds, durationSeconds } = planOf(outputs);
        return { source, name, tracks: sound, startSeconds, durationSeconds };
      },
    },
    {
      ...common,
      key: 'transcode/chunk',
      stage: 'transcode-chunk',
      title: (params) => `transcode · ${wish.title(params)}`,
      each: { of: 'transcode', items: chunksOf },
      input({ outputs, payload }) {
        const { source, name, codec, bits, picture, origin, grid, renditions, segments } = planOf(outputs);
        return { source, name, codec, bits, picture, origin, grid, renditions, segments, ...payload };
      },
    },
    {
      ...common,
      key: 'transcode/manifest',
      stage: 'transcode-manifest',
      title: (params) => `playlists · ${wish.title(params)}`,
      // Sound may have been left out; where it failed there is no stream, which the stage says.
      needs: ['transcode', 'transcode/chunk/*', { on: 'transcode/audio', kind: 'soft' }],
      input: ({ outputs }) => ({
        plan: planOf(outputs),
        chunks: Object.entries(outputs).flatMap(([key, output]) =>
          key.startsWith('transcode/chunk/') ? [output as ChunkOutput] : [],
        ),
        sound: (outputs['transcode/audio'] as SoundOutput | undefined) ?? null,
      }),
    },
  ];
}
